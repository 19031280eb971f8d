/* A disk that gets full, and one that may not be written. */
#include "tests/crash/faults.h"
#include "tests/crash/starts.h"
#include "tests/crash/world.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NOBODY = 65534,
	PROBE_MS = 20,
	STALL_MS = 1000,
};

static char disk[PATH_MAX], store[PATH_MAX + 8];

const char *disk_dir(void)
{
	return disk;
}

const char *disk_store(void)
{
	snprintf(store, sizeof store, "%s/store", disk);
	return store;
}

/* Mounted in a namespace of this run: it is gone with the run, however that ends. */
static enum ready mount_disk(const char *size, const char **why)
{
	snprintf(disk, sizeof disk, "%s/disk", getenv("TMPDIR"));
	*why = "no permission to mount";
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return NOT_PERMITTED;
	if (mkdir(disk, 0700) == 0 && mount("tmpfs", disk, "tmpfs", MS_NODEV, size) == 0)
		return READY;
	return errno == EPERM || errno == EACCES ? NOT_PERMITTED : NOT_READY;
}

enum ready disk_small(const char **why)
{
	return mount_disk("size=2m,mode=0700", why);
}

enum ready disk_large(const char **why)
{
	return mount_disk("size=48m,mode=0700", why);
}

/* Modes of directories do not bind root. */
enum ready disk_plain_user(const char **why)
{
	char *plugin = text_fmt("%s/mosquitto_hubgate.so", build_dir());
	char *sim = text_fmt("%s/hubsim/hubsim", build_dir());
	enum ready r = READY;

	*why = "no permission to become another user";
	if (geteuid() == 0 && (chown(getenv("TMPDIR"), NOBODY, NOBODY) != 0 ||
	                       setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		r = NOT_PERMITTED;
	if (r == READY && (access(plugin, R_OK) != 0 || access(sim, X_OK) != 0)) {
		*why = "another user cannot read the build";
		r = NOT_PERMITTED;
	}
	free(plugin);
	free(sim);
	return r;
}

bool disk_await_stall(const struct world *w, int ms, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms, since_ms = now_ms();
	struct load_counts c, before;

	load_counts(w->load, &before);
	while (now_ms() < end_ms) {
		poll(NULL, 0, PROBE_MS);
		load_counts(w->load, &c);
		if (c.acked != before.acked)
			since_ms = now_ms();
		if (now_ms() - since_ms >= ms)
			return true;
		before = c;
	}
	return false;
}

static bool await_dropped(struct world *w)
{
	struct world_numbers n;
	int64_t end_ms = now_ms() + WAIT_MS;

	do {
		if (!world_numbers(w, &n))
			return false;
		if (n.bound > 0)
			return true;
	} while (now_ms() < end_ms);
	return world_broken(w, "the disk is full and nothing is counted as dropped");
}

static bool drops(const struct world *w)
{
	return w->scenario->loss == LOSS_DROPPED;
}

bool fault_disk_full(struct world *w)
{
	if (!world_wan_down(w))
		return false;
	if (drops(w) && !await_dropped(w))
		return false;
	if (!drops(w) && !disk_await_stall(w, STALL_MS, WAIT_MS))
		return world_broken(w, "the disk is full and publishers are still acknowledged");
	world_pause(w, 0, 500);
	return world_wan_up(w);
}

/* --- directories that may not be written --- */

static bool set_mode(struct world *w, mode_t mode)
{
	char *journal = text_fmt("%s/journal", w->store), *state = text_fmt("%s/state", w->store);
	bool ok = chmod(journal, mode) == 0 && chmod(state, mode) == 0 && chmod(w->store, mode) == 0;

	free(journal);
	free(state);
	return ok || world_broken(w, "%s: mode cannot be changed: %s", w->store, strerror(errno));
}

bool fault_readonly_start(struct world *w)
{
	bool ok;

	world_pause(w, 200, 600);
	world_kill(w);
	if (!set_mode(w, 0500))
		return false;
	ok = start_refused(w);
	return set_mode(w, 0700) && ok && world_restart(w);
}

bool fault_readonly_later(struct world *w)
{
	pid_t pid = lan_pid(w->lan);
	bool stalled;

	world_pause(w, 100, 300);
	if (!set_mode(w, 0500))
		return false;
	stalled = disk_await_stall(w, STALL_MS, WAIT_MS);
	if (!set_mode(w, 0700))
		return false;
	if (kill(pid, 0) != 0)
		return world_broken(w, "the broker died of a directory that cannot be written");
	return stalled || world_broken(w, "publishers are acknowledged and nothing can be stored");
}
