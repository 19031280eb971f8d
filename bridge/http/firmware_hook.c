#include "bridge/http/firmware_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/http/net_impl.h"
#include "core/base/mailbox.h"
#include "core/base/room.h"

enum {
	KILL_MS = 5000, /* between asking it to end and ending it */
	SIGNALLED = 128,
};

struct job {
	char file[FIRMWARE_HOOK_ARG_MAX], version[64];
};

struct firmware_hook {
	struct net_guest guest; /* first: it is the firmware_hook */
	struct net *net;
	struct firmware_hook_conf conf;
	struct mailbox *jobs, *codes;
	atomic_bool busy;
	/* NET */
	struct job job;
	pid_t pid; /* 0: none runs */
	int64_t due_ms;
	bool asked; /* to end */
};

static char *const environment[] = {
	(char *)(uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL
};

/* --- NET --- */

static void end(struct firmware_hook *k, int code)
{
	if (k->guest.fd >= 0)
		close(k->guest.fd);
	k->guest.fd = -1;
	k->pid = 0;
	mailbox_put(k->codes, &code, NULL);
	atomic_store(&k->busy, false);
	k->conf.ring(k->conf.ctx);
}

static int set_up(posix_spawnattr_t *attr, posix_spawn_file_actions_t *files)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
	                                   POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	return posix_spawn_file_actions_addclosefrom_np(files, 3);
}

static int spawn(struct firmware_hook *k, struct job *j)
{
	char *argv[] = { (char *)(uintptr_t)k->conf.program, j->file, j->version, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc;

	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&files);
	rc = set_up(&attr, &files);
	if (rc == 0)
		rc = posix_spawn(&k->pid, k->conf.program, &files, &attr, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static void begin(struct firmware_hook *k, struct job *j, int64_t now_ms)
{
	int rc = spawn(k, j);

	k->asked = false;
	k->due_ms = now_ms + INT64_C(1000) * k->conf.limit_s;
	if (rc == 0)
		k->guest.fd = (int)syscall(SYS_pidfd_open, k->pid, 0);
	if (rc == 0 && k->guest.fd >= 0) {
		log_line(k->conf.log, LOG_NOTE, "firmware.hook runs for version %s", j->version);
		return;
	}
	log_line(k->conf.log, LOG_ERROR, "firmware.hook %s cannot be run: %s", k->conf.program,
	         strerror(rc ? rc : errno));
	end(k, -1);
}

/* True: it has ended. */
static bool look(struct firmware_hook *k)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)k->pid, &info, WEXITED | WNOHANG) != 0) {
		end(k, -1); /* somebody else waited for it */
		return true;
	}
	if (info.si_pid == 0)
		return false;
	end(k, k->asked                     ? -1
	       : info.si_code == CLD_EXITED ? info.si_status
	                                    : SIGNALLED + info.si_status);
	return true;
}

static void over_time(struct firmware_hook *k, int64_t now_ms)
{
	if (!k->asked)
		log_line(k->conf.log, LOG_ERROR, "firmware.hook did not end within firmware.hook_s: ended");
	kill(-k->pid, k->asked ? SIGKILL : SIGTERM);
	k->asked = true;
	k->due_ms = now_ms + KILL_MS;
}

static int64_t turn(struct net_guest *g, int64_t now_ms)
{
	struct firmware_hook *k = (struct firmware_hook *)(void *)g;

	if (k->pid == 0 && mailbox_take(k->jobs, &k->job) == ST_OK)
		begin(k, &k->job, now_ms);
	if (k->pid == 0 || look(k))
		return INT64_MAX;
	if (now_ms >= k->due_ms)
		over_time(k, now_ms);
	return k->due_ms;
}

/* It goes on without us. */
static void quit(struct net_guest *g)
{
	struct firmware_hook *k = (struct firmware_hook *)(void *)g;

	if (k->guest.fd >= 0)
		close(k->guest.fd);
	k->guest.fd = -1;
	k->pid = 0;
}

/* --- BROKER --- */

enum status firmware_hook_new(struct net *n, const struct firmware_hook_conf *conf,
                              struct firmware_hook **out)
{
	struct firmware_hook *k = calloc(1, sizeof(*k));
	enum status st;

	if (!k)
		return ST_NOMEM;
	k->guest = (struct net_guest){ .turn = turn, .quit = quit, .fd = -1 };
	k->net = n;
	k->conf = *conf;
	st = mailbox_new(sizeof(struct job), 1, &k->jobs);
	if (st == ST_OK)
		st = mailbox_new(sizeof(int), 1, &k->codes);
	if (st != ST_OK) {
		firmware_hook_free(k);
		return st;
	}
	net_add_guest(n, &k->guest);
	*out = k;
	return ST_OK;
}

void firmware_hook_free(struct firmware_hook *k)
{
	if (!k)
		return;
	mailbox_free(k->jobs, NULL);
	mailbox_free(k->codes, NULL);
	free(k);
}

enum status firmware_hook_start(struct firmware_hook *k, const char *file, const char *version)
{
	struct job j;

	IN_ROOM(ROOM_BROKER);
	if (strlen(file) >= sizeof(j.file) || strlen(version) >= sizeof(j.version))
		return ST_TOOBIG;
	if (atomic_exchange(&k->busy, true))
		return ST_FULL;
	snprintf(j.file, sizeof(j.file), "%s", file);
	snprintf(j.version, sizeof(j.version), "%s", version);
	mailbox_put(k->jobs, &j, NULL); /* it has one place, and none ran */
	net_wake(k->net);
	return ST_OK;
}

enum status firmware_hook_take(struct firmware_hook *k, int *code)
{
	IN_ROOM(ROOM_BROKER);
	return mailbox_take(k->codes, code);
}
