/* The headers' checked versions of the calls stay out of the way. */
#undef _FORTIFY_SOURCE
#include "tests/fakes/bad_disk.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static struct {
	char call[16], part[PATH_MAX];
	int error; /* 0: no fault */
	long from, to;
} fault;

void bad_disk_fail(const char *call, const char *path_part, int error)
{
	snprintf(fault.call, sizeof fault.call, "%s", call);
	snprintf(fault.part, sizeof fault.part, "%s", path_part);
	fault.from = 0;
	fault.to = LONG_MAX;
	fault.error = error;
}

void bad_disk_sector(const char *path_part, long from, long to)
{
	bad_disk_fail("pread", path_part, EIO);
	fault.from = from;
	fault.to = to;
}

void bad_disk_heal(void)
{
	fault.error = 0;
}

__attribute__((constructor)) static void from_environment(void)
{
	const char *text = getenv("HUBGATE_BAD_DISK");
	char call[16], part[256];
	int error;

	if (text && sscanf(text, "%15s %d %255s", call, &error, part) == 3)
		bad_disk_fail(call, part, error);
}

static void *next(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

static bool fails(const char *call, const char *path)
{
	if (fault.error == 0 || strcmp(fault.call, call) != 0 || !strstr(path, fault.part))
		return false;
	errno = fault.error;
	return true;
}

/* "": no such descriptor, or none of a file. */
static const char *path_of(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	return path;
}

static bool fd_fails(const char *call, int fd)
{
	char path[PATH_MAX];

	return fault.error != 0 && strcmp(fault.call, call) == 0 && fails(call, path_of(fd, path));
}

/* --- open --- */

static bool open_fails(int dir, const char *name)
{
	char path[PATH_MAX], all[2 * PATH_MAX];

	if (fault.error == 0)
		return false;
	snprintf(all, sizeof all, "%s/%s", name[0] == '/' ? "" : path_of(dir, path), name);
	return fails("open", all);
}

typedef int open_fn(int dir, const char *name, int flags, ...);

static int open_next(const char *function, int dir, const char *name, int flags, mode_t mode)
{
	open_fn *real;

	*(void **)&real = next(function);
	return open_fails(dir, name) ? -1 : real(dir, name, flags, mode);
}

/* Without a mode the register holds anything, and nobody looks. */
#define OPEN(function, dir)      \
	va_list args;                \
	mode_t mode;                 \
                                 \
	va_start(args, flags);       \
	mode = va_arg(args, mode_t); \
	va_end(args);                \
	return open_next(function, dir, name, flags, mode)

EXPORTED int openat(int dir, const char *name, int flags, ...)
{
	OPEN("openat", dir);
}

EXPORTED int openat64(int dir, const char *name, int flags, ...)
{
	OPEN("openat64", dir);
}

EXPORTED int open(const char *name, int flags, ...)
{
	OPEN("openat", AT_FDCWD);
}

EXPORTED int open64(const char *name, int flags, ...)
{
	OPEN("openat64", AT_FDCWD);
}

/* --- the others --- */

static ssize_t read_at(int fd, void *out, size_t size, off_t at)
{
	static ssize_t (*real)(int fd, void *out, size_t size, off_t at);
	long before = at < fault.from ? fault.from - at : 0;

	if (!real)
		*(void **)&real = next("pread");
	if (at < fault.to && (long)size > before && fd_fails("pread", fd)) {
		if (before == 0)
			return -1;
		size = (size_t)before;
	}
	return real(fd, out, size, at);
}

EXPORTED ssize_t pread(int fd, void *out, size_t size, off_t at)
{
	return read_at(fd, out, size, at);
}

EXPORTED ssize_t pread64(int fd, void *out, size_t size, off_t at)
{
	return read_at(fd, out, size, at);
}

/* What a checked build calls instead. */
EXPORTED ssize_t __pread_chk(int fd, void *out, size_t size, off_t at, size_t room);
EXPORTED ssize_t __pread64_chk(int fd, void *out, size_t size, off_t at, size_t room);

ssize_t __pread_chk(int fd, void *out, size_t size, off_t at, size_t room)
{
	return size <= room ? read_at(fd, out, size, at) : (abort(), -1);
}

ssize_t __pread64_chk(int fd, void *out, size_t size, off_t at, size_t room)
{
	return __pread_chk(fd, out, size, at, room);
}

EXPORTED struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR * dir);

	if (!real)
		*(void **)&real = next("readdir");
	return fd_fails("readdir", dirfd(dir)) ? NULL : real(dir);
}

EXPORTED int flock(int fd, int operation)
{
	static int (*real)(int fd, int operation);

	if (!real)
		*(void **)&real = next("flock");
	return fd_fails("flock", fd) ? -1 : real(fd, operation);
}
