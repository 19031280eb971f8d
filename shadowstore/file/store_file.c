#include "shadowstore/file/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ASIDE_MAX = 8, /* files set aside under one name */
	PATH_SIZE = 128,
};

/* --- errors --- */

const char *store_file_why(int error)
{
	switch (error) {
	case ELOOP:
		return "it is a symbolic link and should be the file itself; move it away";
	case EISDIR:
		return "it is a directory and should be a file; move it away";
	case ENXIO:
		return "it is a FIFO, socket or device and should be a file; move it away";
	case ENOTDIR:
		return "it is no directory, or a link to one; move it away";
	default:
		return strerror(error);
	}
}

enum status store_file_refuse(const struct log *log, const char *dir, const char *name,
                              const char *done)
{
	int error = errno;

	log_line(log, LOG_ERROR, "not started: %s%s%s cannot be %s: %s", dir, name ? "/" : "",
	         name ? name : "", done, store_file_why(error));
	errno = error;
	return ST_IO;
}

/* --- opening --- */

/* 0: a regular file. */
static int odd(mode_t mode)
{
	return S_ISREG(mode) ? 0 : S_ISLNK(mode) ? ELOOP : S_ISDIR(mode) ? EISDIR : ENXIO;
}

enum status store_file_check(int dir, const char *name)
{
	struct stat info;

	if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ST_NOTFOUND : ST_IO;
	errno = odd(info.st_mode);
	return errno == 0 ? ST_OK : ST_IO;
}

static int close_with(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

/* Looked at before, since opening a device may already do something; and after, since it may have
 * been exchanged. O_NONBLOCK means nothing to a regular file. */
int store_file_open(int dir, const char *name, int flags)
{
	struct stat info;
	int fd;

	if (store_file_check(dir, name) == ST_IO)
		return -1;
	fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		return -1;
	if (fstat(fd, &info) != 0)
		return close_with(fd, errno);
	return S_ISREG(info.st_mode) ? fd : close_with(fd, odd(info.st_mode));
}

int store_file_create(int dir, const char *name)
{
	return store_file_open(dir, name, O_RDWR | O_CREAT | O_EXCL);
}

int store_file_create_tmp(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return -1;
	return store_file_create(dir, name);
}

enum status store_file_sync_parent(int dir)
{
	int fd = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close_with(fd, errno);
	return rc == 0 ? ST_OK : ST_IO;
}

int store_file_dir(int dir, const char *name)
{
	bool made = mkdirat(dir, name, 0700) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return -1;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0 ||
	    (made && store_file_sync_parent(fd) != ST_OK))
		return close_with(fd, errno);
	return fd;
}

/* --- reading --- */

enum status store_file_read(int fd, size_t want, struct buf *out)
{
	unsigned char *at;
	size_t done = 0;
	enum status st = buf_reserve(out, want, &at);
	ssize_t n = 1;

	while (st == ST_OK && done < want && n != 0) {
		n = pread(fd, at + done, want - done, (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			st = ST_IO;
	}
	out->len += done;
	return st;
}

bool store_file_is_blank(const void *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = at + len;

	while (at < end && *at == 0)
		at++;
	return at == end;
}

static DIR *list_of(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close_with(fd, errno);
	return d;
}

enum status store_file_list(int dir, store_name_fn *each, void *ctx)
{
	DIR *d = list_of(dir);
	const struct dirent *entry = NULL;
	enum status st = ST_OK;
	int error = 0;

	if (!d)
		return ST_IO;
	while (st == ST_OK) {
		errno = 0; /* NULL is the end, or an error */
		entry = readdir(d);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			st = each(ctx, entry->d_name);
	}
	error = errno;
	if (st == ST_OK && error != 0)
		st = ST_IO;
	closedir(d);
	errno = error;
	return st;
}

/* --- setting aside --- */

static bool is_there(int dir, const char *name)
{
	struct stat info;

	return fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

enum status store_file_set_aside(int dir, const char *name, char *out, size_t out_size)
{
	static const char *const companions[] = { "-journal", "-wal", "-shm" };
	char from[PATH_SIZE], to[PATH_SIZE];
	int n = 1;

	snprintf(out, out_size, "%s.damaged-%d", name, n);
	while (n < ASIDE_MAX && is_there(dir, out))
		snprintf(out, out_size, "%s.damaged-%d", name, ++n);
	/* The companions first: a database must never be found with a strange journal. */
	for (size_t i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
		snprintf(from, sizeof(from), "%s%s", name, companions[i]);
		snprintf(to, sizeof(to), "%s%s", out, companions[i]);
		if (renameat(dir, from, dir, to) == 0)
			continue;
		if (errno != ENOENT)
			return ST_IO;
		unlinkat(dir, to, 0);
	}
	return renameat(dir, name, dir, out) == 0 || errno == ENOENT ? ST_OK : ST_IO;
}
