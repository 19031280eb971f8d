#include "shadowstore/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "shadowstore/file/store_file.h"
#include "shadowstore/store_format.h"

enum {
	RETRY_MS = 50,
	OWNER_MAX = 160,
	HOST_MAX = 65,
	OTHERS_WRITE = S_IWGRP | S_IWOTH,
	OURS = 0700,
};

#define LOCK_NAME "lock"

/* Whatever may stand in store.dir besides journal/N.seg and state/N.log, which are looked at where
 * they are listed. */
static const char *const names[] = {
	LOCK_NAME,          "journal/acks", "journal/acks.tmp",  "state.db",
	"state.db-journal", "state.db-wal", "state.db-shm",      "secrets",
	"secrets.old",      "secrets.tmp",  "dead-letter.jsonl", "dead-letter.jsonl.1",
	"last-connect",     "format",
};

static const char *const folders[] = { "journal", "state" };

struct store {
	int dir, lock;         /* lock -1: none */
	char owner[OWNER_MAX]; /* as the lock file says while we wait; "": it does not */
};

/* --- the directories --- */

static enum status refuse_dir(const struct store_conf *conf)
{
	int error = errno;

	log_line(conf->log, LOG_ERROR,
	         "not started: store.dir %s cannot be used by uid %u: %s; make it with "
	         "`install -d -o mosquitto -m 0700 %s`",
	         conf->dir, (unsigned)geteuid(), strerror(error), conf->dir);
	errno = error;
	return ST_IO;
}

/* The directory may be a link; what is in it may not. */
static int open_dir(const char *dir)
{
	bool made = mkdir(dir, OURS) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (made && fd >= 0)
		(void)store_file_sync_parent(fd); /* which we may not be allowed to open */
	return fd;
}

/* One that is shared on purpose (/tmp) is not ours to close. */
static bool is_ours(const struct stat *info)
{
	return info->st_uid == geteuid() && !(info->st_mode & S_ISVTX);
}

static enum status still_open(const struct store_conf *conf, const char *path,
                              const struct stat *info)
{
	unsigned mode = info->st_mode & 07777;

	if (conf->others_are_none) {
		log_line(conf->log, LOG_WARN,
		         "%s is writable for others (mode %04o): harmless only while this container is "
		         "alone with its volume",
		         path, mode);
		return ST_OK;
	}
	log_line(conf->log, LOG_ERROR,
	         "not started: %s is writable for others (mode %04o, uid %u): they could read, change "
	         "and delete what waits for the hub; run: chown %u %s && chmod 0700 %s, or name "
	         "another store.dir",
	         path, mode, (unsigned)info->st_uid, (unsigned)geteuid(), path, path);
	return ST_DENIED;
}

static enum status close_to_others(const struct store_conf *conf, int fd, const char *path)
{
	struct stat info, now;

	if (fstat(fd, &info) != 0)
		return store_file_refuse(conf->log, path, NULL, "looked at");
	if (!(info.st_mode & OTHERS_WRITE))
		return ST_OK;
	/* Some file systems take the call and change nothing. */
	if (!is_ours(&info) || fchmod(fd, OURS) != 0 || fstat(fd, &now) != 0 ||
	    (now.st_mode & OTHERS_WRITE))
		return still_open(conf, path, &info);
	log_line(conf->log, LOG_WARN, "%s was writable for others (mode %04o): it is 0700 now", path,
	         (unsigned)info.st_mode & 07777);
	return ST_OK;
}

static enum status check_folder(const struct store *s, const struct store_conf *conf,
                                const char *name)
{
	int fd = store_file_dir(s->dir, name);
	char path[4200];
	enum status st;

	if (fd < 0)
		return store_file_refuse(conf->log, conf->dir, name, "used");
	snprintf(path, sizeof(path), "%s/%s", conf->dir, name);
	st = close_to_others(conf, fd, path);
	close(fd);
	return st;
}

static enum status check_all(const struct store *s, const struct store_conf *conf)
{
	enum status st = close_to_others(conf, s->dir, conf->dir);

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && st == ST_OK; i++)
		st = check_folder(s, conf, folders[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && st == ST_OK; i++) {
		if (store_file_check(s->dir, names[i]) == ST_IO)
			st = store_file_refuse(conf->log, conf->dir, names[i], "used");
	}
	return st;
}

/* --- the lock --- */

/* 0, or what errno says. */
static int lock_fd(int fd)
{
	int rc;

	do {
		rc = flock(fd, LOCK_EX | LOCK_NB);
	} while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : errno;
}

/* Foreign text: it goes into a log line. */
static void read_owner(struct store *s, int fd)
{
	ssize_t n = pread(fd, s->owner, sizeof(s->owner) - 1, 0);
	size_t len = 0;

	while (n > 0 && len < (size_t)n && s->owner[len] >= ' ' && s->owner[len] <= '~')
		len++;
	s->owner[len] = '\0';
}

/* Whoever deleted the file let the next one lock another: then the directory's lock tells. File
 * systems that cannot lock a directory (NFS) do without. */
static int lock_dir(const struct store *s, int fd)
{
	struct stat locked, there;

	if (fstat(fd, &locked) != 0 || fstatat(s->dir, LOCK_NAME, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
	    locked.st_ino != there.st_ino)
		return EWOULDBLOCK; /* deleted a moment ago: look again */
	return lock_fd(s->dir) == EWOULDBLOCK ? EWOULDBLOCK : 0;
}

/* 0: locked; EWOULDBLOCK: somebody else has it; else why not. */
static int try_lock(struct store *s)
{
	int fd = store_file_open(s->dir, LOCK_NAME, O_RDWR | O_CREAT), error;

	if (fd < 0)
		return errno;
	error = lock_fd(fd);
	s->owner[0] = '\0';
	if (error == EWOULDBLOCK)
		read_owner(s, fd);
	if (error == 0)
		error = lock_dir(s, fd);
	if (error == 0)
		s->lock = fd;
	else
		close(fd);
	return error;
}

static const char *owner_of(const struct store *s)
{
	return s->owner[0] ? s->owner : "another process (its lock file does not say which)";
}

static int await_lock(struct store *s, const struct store_conf *conf)
{
	int64_t end_ms = clocks_monotonic_ms() + conf->wait_ms;
	int error = try_lock(s);

	if (error == EWOULDBLOCK && conf->wait_ms > 0)
		log_line(conf->log, LOG_NOTE, "store.dir %s is in use by %s: waiting for its end, %u ms",
		         conf->dir, owner_of(s), (unsigned)conf->wait_ms);
	while (error == EWOULDBLOCK && clocks_monotonic_ms() < end_ms) {
		poll(NULL, 0, RETRY_MS);
		error = try_lock(s);
	}
	return error;
}

/* For humans: what cannot be written holds nobody up. */
static void write_owner(const struct store *s)
{
	char line[OWNER_MAX], host[HOST_MAX] = "", when[32];
	time_t now = time(NULL);
	struct tm utc;
	int len;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	len = snprintf(line, sizeof(line), "pid %ld on host %s since %s\n", (long)getpid(), host, when);
	if (pwrite(s->lock, line, (size_t)len, 0) != len)
		len = 0; /* better nobody's name than the last one's */
	(void)!ftruncate(s->lock, len);
}

static enum status take_lock(struct store *s, const struct store_conf *conf)
{
	int error;

	if (!conf->lock) {
		log_line(conf->log, LOG_WARN,
		         "store.lock is false: nothing keeps a second broker out of store.dir %s, and two "
		         "on one store lose messages",
		         conf->dir);
		return ST_OK;
	}
	error = await_lock(s, conf);
	if (error == 0) {
		write_owner(s);
		return ST_OK;
	}
	if (error == EWOULDBLOCK) {
		log_line(conf->log, LOG_ERROR,
		         "not started: store.dir %s is in use by %s: two brokers on one store lose "
		         "messages; stop the other one or give this one a store.dir of its own",
		         conf->dir, owner_of(s));
		return ST_DENIED;
	}
	log_line(conf->log, LOG_ERROR,
	         "not started: store.dir %s cannot be locked: %s; use a file system that has locks (a "
	         "local disk), or, if no other broker can reach it, set store.lock to false",
	         conf->dir, store_file_why(error));
	errno = error;
	return ST_IO;
}

/* --- life --- */

static enum status check_format(const struct store *s, const struct store_conf *conf)
{
	return conf->to_import ? store_format_check_version(s->dir, conf->dir, conf->log)
	                       : store_format_check(s->dir, conf->dir, conf->log);
}

enum status store_open(const struct store_conf *conf, struct store **out)
{
	struct store *s = calloc(1, sizeof(*s));
	enum status st = ST_OK;
	int error;

	if (!s)
		return ST_NOMEM;
	s->lock = -1;
	s->dir = open_dir(conf->dir);
	if (s->dir < 0 || faccessat(s->dir, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
		st = refuse_dir(conf);
	if (st == ST_OK)
		st = check_format(s, conf);
	if (st == ST_OK)
		st = check_all(s, conf);
	if (st == ST_OK)
		st = take_lock(s, conf);
	if (st == ST_OK)
		st = check_format(s, conf); /* while it waited an export may have come to its end */
	if (st == ST_OK) {
		store_format_write(s->dir, conf->dir, conf->log);
		*out = s;
		return ST_OK;
	}
	error = errno;
	store_close(s);
	errno = error;
	return st;
}

int store_dir(const struct store *s)
{
	return s->dir;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->lock >= 0) {
		(void)!ftruncate(s->lock, 0); /* whoever looks at it sees that nobody has it */
		close(s->lock);
	}
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}
