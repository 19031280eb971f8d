#include "cli/store_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clocks.h"

enum {
	PATH_ROOM = 4200,
	LOOK_MS = 100 /* how often a wait looks for its end */
};

static int open_in(const char *dir, const char *name, int flags)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

/* Foreign text: up to the first character that is no printable one. */
static void read_owner(int fd, char owner[STORE_OWNER_MAX])
{
	ssize_t n = pread(fd, owner, STORE_OWNER_MAX - 1, 0);
	size_t len = 0;

	while (n > 0 && len < (size_t)n && owner[len] >= ' ' && owner[len] <= '~')
		len++;
	owner[len] = '\0';
	if (len == 0)
		snprintf(owner, STORE_OWNER_MAX, "another process");
}

enum status store_owner_find(const char *dir, char owner[STORE_OWNER_MAX])
{
	int fd = open_in(dir, "lock", O_RDONLY), error;

	owner[0] = '\0';
	if (fd < 0 && errno == ENOENT)
		return ST_OK;
	if (fd < 0) {
		snprintf(owner, STORE_OWNER_MAX, "%.100s/lock: %s", dir, strerror(errno));
		return ST_DENIED;
	}
	/* Shared, and for a moment: a broker that begins just now tries again. */
	error = flock(fd, LOCK_SH | LOCK_NB) == 0 ? 0 : errno;
	if (error == EWOULDBLOCK)
		read_owner(fd, owner);
	else if (error != 0)
		snprintf(owner, STORE_OWNER_MAX, "%.100s/lock: %s", dir, strerror(error));
	close(fd);
	if (error == EWOULDBLOCK)
		return ST_EXISTS;
	return error == 0 ? ST_OK : ST_DENIED;
}

/* A new one is the store's: root makes it for who owns the directory. */
static int create_stamp(const char *dir)
{
	int fd = open_in(dir, "last-connect", O_WRONLY | O_CREAT | O_EXCL);
	struct stat info;

	if (fd < 0 || geteuid() != 0)
		return fd;
	if (stat(dir, &info) == 0 && fchown(fd, info.st_uid, info.st_gid) == 0)
		return fd;
	close(fd);
	return -1;
}

static int open_stamp(const char *dir, char why[STORE_OWNER_MAX])
{
	int fd = open_in(dir, "last-connect", O_WRONLY);

	if (fd < 0 && errno == ENOENT)
		fd = create_stamp(dir);
	if (fd < 0)
		snprintf(why, STORE_OWNER_MAX, "%.100s/last-connect: %s", dir, strerror(errno));
	return fd;
}

/* A time of the future (the clock was set back) means one whole pause. */
static int64_t wait_ms(int fd)
{
	struct stat info;
	int64_t age_ms;

	if (fstat(fd, &info) != 0)
		return STORE_OWNER_GAP_MS;
	age_ms =
		clocks_realtime_ms() - (int64_t)info.st_mtim.tv_sec * 1000 - info.st_mtim.tv_nsec / 1000000;
	if (age_ms < 0)
		return STORE_OWNER_GAP_MS;
	return age_ms < STORE_OWNER_GAP_MS ? STORE_OWNER_GAP_MS - age_ms : 0;
}

static enum status await(int64_t due_ms, int64_t until_ms, const volatile sig_atomic_t *stop)
{
	if (due_ms > until_ms)
		return ST_TIMEOUT;
	while (clocks_monotonic_ms() < due_ms) {
		int64_t left = due_ms - clocks_monotonic_ms();

		if (stop && *stop)
			return ST_STATE;
		poll(NULL, 0, left < LOOK_MS ? (int)(left > 0 ? left : 0) : LOOK_MS);
	}
	return ST_OK;
}

static bool is_there(const char *dir, const char *name)
{
	char path[PATH_ROOM];
	struct stat info;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return lstat(path, &info) == 0;
}

enum status store_owner_take_turn(const char *dir, int64_t until_ms,
                                  const volatile sig_atomic_t *stop, char why[STORE_OWNER_MAX])
{
	bool first = !is_there(dir, "last-connect");
	enum status st = ST_OK;
	int fd;

	if (!is_there(dir, "."))
		return await(clocks_monotonic_ms() + STORE_OWNER_GAP_MS, until_ms, stop);
	fd = open_stamp(dir, why);
	if (fd < 0)
		return ST_IO;
	if (!first)
		st = await(clocks_monotonic_ms() + wait_ms(fd), until_ms, stop);
	if (st == ST_OK)
		futimens(fd, NULL);
	close(fd);
	return st;
}

void store_owner_connected(const char *dir)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof path, "%s/last-connect", dir);
	utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}
