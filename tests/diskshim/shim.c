/* The calls of a broker that reach its disk (diskshim.h). Calls made from here, and those about
 * anything but the files below the directory, go straight to the kernel. */
#include "tests/diskshim/diskshim.h"

#include "tests/diskshim/image.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct diskshim *control; /* NULL: the shim lets all pass */
static struct image *image;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t chance;
static _Thread_local bool inside; /* this thread works for the shim */

static bool away(void)
{
	return !control || inside;
}

/* With the image to itself. */
static void enter(void)
{
	inside = true;
	pthread_mutex_lock(&lock);
}

static void leave(void)
{
	pthread_mutex_unlock(&lock);
	inside = false;
}

/* The image may be changed until change_end(); false: the power is off. */
static bool change_begin(void)
{
	atomic_fetch_add(&control->changing, 1);
	if (atomic_load(&control->cut) == 0)
		return true;
	atomic_fetch_sub(&control->changing, 1);
	return false;
}

static void change_end(void)
{
	atomic_fetch_sub(&control->changing, 1);
}

/* --- what fails --- */

static bool take_one(struct diskshim_fault *f)
{
	int left = atomic_load(&f->left);

	while (left > 0 && !atomic_compare_exchange_weak(&f->left, &left, left - 1)) {
	}
	if (left != 0)
		atomic_fetch_add(&f->hits, 1);
	return left != 0;
}

/* errno, or 0: the call works. */
static int fault(unsigned call, const char *path)
{
	for (int i = 0; i < DISKSHIM_FAULTS; i++) {
		struct diskshim_fault *f = &control->fault[i];

		if (atomic_load(&f->left) != 0 && f->calls & call && strstr(path, f->path) && take_one(f))
			return f->error;
	}
	return 0;
}

static bool armed(unsigned call)
{
	for (int i = 0; i < DISKSHIM_FAULTS; i++) {
		if (atomic_load(&control->fault[i].left) != 0 && control->fault[i].calls & call)
			return true;
	}
	return false;
}

static void path_of(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
}

/* A failure for a call about an open file: sets errno. */
static bool fails(unsigned call, int fd)
{
	char path[PATH_MAX];
	int error;

	if (!armed(call))
		return false;
	path_of(fd, path);
	error = fault(call, path);
	if (error != 0)
		errno = error;
	return error != 0;
}

static bool open_fails(int at, const char *path)
{
	char dir[PATH_MAX] = "", full[2 * PATH_MAX];
	int error;

	if (!armed(DISKSHIM_OPEN))
		return false;
	if (path[0] != '/' && at != AT_FDCWD)
		path_of(at, dir);
	snprintf(full, sizeof full, "%s%s%s", dir, dir[0] ? "/" : "", path);
	error = fault(DISKSHIM_OPEN, full);
	if (error != 0)
		errno = error;
	return error != 0;
}

/* --- open --- */

static int real_open(int at, const char *path, int flags, mode_t mode)
{
	return (int)syscall(SYS_openat, at, path, flags, mode);
}

static void note_open(int fd, bool existed, int flags)
{
	char path[PATH_MAX];
	const char *below;
	struct stat st;

	path_of(fd, path);
	below = image_below(image, path);
	if (!below || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (!existed)
		image_born(image, &st, below);
	else if (flags & O_TRUNC)
		image_cut_off(image, &st, 0);
}

static int open_at(int at, const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool existed;
	int fd, error;

	if (away())
		return real_open(at, path, flags, mode);
	if (open_fails(at, path))
		return -1;
	if (!(flags & (O_CREAT | O_TRUNC)))
		return real_open(at, path, flags, mode);
	enter();
	existed = fstatat(at, path, &st, 0) == 0;
	fd = real_open(at, path, flags, mode);
	error = errno;
	if (fd >= 0)
		note_open(fd, existed, flags);
	leave();
	errno = error;
	return fd;
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(ap, int) : 0;
}

int openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_at(at, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_at(AT_FDCWD, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* --- directories --- */

DIR *opendir(const char *path)
{
	DIR *(*next)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

	return !away() && open_fails(AT_FDCWD, path) ? NULL : next(path);
}

struct dirent *readdir(DIR *d)
{
	struct dirent *(*next)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");

	return !away() && fails(DISKSHIM_READDIR, dirfd(d)) ? NULL : next(d);
}

/* --- read and write --- */

ssize_t read(int fd, void *out, size_t len)
{
	if (!away() && fails(DISKSHIM_READ, fd))
		return -1;
	return syscall(SYS_read, fd, out, len);
}

ssize_t pread(int fd, void *out, size_t len, off_t at)
{
	if (!away() && fails(DISKSHIM_READ, fd))
		return -1;
	return syscall(SYS_pread64, fd, out, len, at);
}

static bool kernel_writes_now(void)
{
	int per_mille = atomic_load(&control->writeback);

	if (per_mille == 0)
		return false;
	if (chance == 0)
		chance = atomic_load(&control->seed) * UINT64_C(2) + 1;
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (chance * UINT64_C(2685821657736338717) >> 33) % 1000 < (uint64_t)per_mille;
}

static void note_write(int fd, const struct stat *st, off_t end, size_t len)
{
	char path[PATH_MAX];
	uint64_t from = (uint64_t)end - len;

	path_of(fd, path);
	if (end < 0 || !image_below(image, path))
		return;
	atomic_fetch_add(&control->writes, 1);
	image_wrote(image, st, from, (uint64_t)end);
	if (kernel_writes_now() && change_begin()) {
		image_write_back(image, fd, st, from, (uint64_t)end);
		change_end();
	}
}

static bool regular(int fd, struct stat *st)
{
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	struct stat st;
	ssize_t n;
	int error;

	if (away() || !regular(fd, &st))
		return syscall(SYS_write, fd, bytes, len);
	if (fails(DISKSHIM_WRITE, fd))
		return -1;
	enter();
	n = syscall(SYS_write, fd, bytes, len);
	error = errno;
	if (n > 0)
		note_write(fd, &st, lseek(fd, 0, SEEK_CUR), (size_t)n);
	leave();
	errno = error;
	return n;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	struct stat st;
	ssize_t n;
	int error;

	if (away() || !regular(fd, &st))
		return syscall(SYS_pwrite64, fd, bytes, len, at);
	if (fails(DISKSHIM_WRITE, fd))
		return -1;
	enter();
	n = syscall(SYS_pwrite64, fd, bytes, len, at);
	error = errno;
	if (n > 0)
		note_write(fd, &st, at + n, (size_t)n);
	leave();
	errno = error;
	return n;
}

int ftruncate(int fd, off_t size)
{
	struct stat st;
	int rc, error;

	if (away() || !regular(fd, &st))
		return (int)syscall(SYS_ftruncate, fd, size);
	enter();
	rc = (int)syscall(SYS_ftruncate, fd, size);
	error = errno;
	if (rc == 0)
		image_cut_off(image, &st, (uint64_t)size);
	leave();
	errno = error;
	return rc;
}

/* --- sync --- */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void take_time(int ms)
{
	struct timespec rest = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (ms > 0 && nanosleep(&rest, &rest) != 0) {
	}
}

static void count(int64_t us, int error)
{
	unsigned longest = atomic_load(&control->longest_sync_us);

	atomic_fetch_add(&control->syncs, 1);
	if (error != 0)
		atomic_fetch_add(&control->syncs_failed, 1);
	while (us > longest &&
	       !atomic_compare_exchange_weak(&control->longest_sync_us, &longest, (unsigned)us)) {
	}
}

/* After the power is off nobody returns from a sync; the kill follows. */
static void end_sync(struct image_sync *s, int error)
{
	enter();
	if (change_begin()) {
		image_sync_end(image, s, error == 0);
		change_end();
		leave();
		return;
	}
	leave();
	for (;;)
		pause();
}

/* The real disk is not asked: what counts here is the image, and the time is the test's. */
static int sync_below(int fd, const char *path, const char *below)
{
	int64_t start_us = now_us();
	struct image_sync s;
	int error;

	enter();
	image_sync_begin(image, fd, below, &s);
	leave();
	take_time(atomic_load(&control->sync_ms));
	error = fault(DISKSHIM_SYNC, path);
	end_sync(&s, error);
	count(now_us() - start_us, error);
	errno = error;
	return error == 0 ? 0 : -1;
}

static int sync_file(int fd, long number)
{
	char path[PATH_MAX];
	const char *below = NULL;

	if (!away()) {
		path_of(fd, path);
		below = image_below(image, path);
	}
	return below ? sync_below(fd, path, below) : (int)syscall(number, fd);
}

int fsync(int fd)
{
	return sync_file(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_file(fd, SYS_fdatasync);
}

/* --- the names that programs with 64-bit offsets use; off_t has 64 bits here --- */

_Static_assert(sizeof(off_t) == 8, "two kinds of offsets");

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int at, const char *path, int flags, ...) __attribute__((alias("openat")));
int creat64(const char *path, mode_t mode) __attribute__((alias("creat")));
ssize_t pread64(int fd, void *out, size_t len, off64_t at) __attribute__((alias("pread")));
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
	__attribute__((alias("pwrite")));
int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));

struct dirent64 *readdir64(DIR *d)
{
	return (struct dirent64 *)readdir(d);
}

/* --- the beginning --- */

static struct diskshim *map_control(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = MAP_FAILED;

	if (fd >= 0) {
		at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("DISKSHIM_DIR"), *where = getenv("DISKSHIM_IMAGE");
	struct diskshim *shared;

	shared = dir && where ? map_control(getenv("DISKSHIM_CONTROL")) : NULL;
	if (!shared)
		return;
	image = image_open(dir, where);
	control = shared;
}

/* Never in a broker, whose threads run until the process is gone. */
void diskshim_close(void)
{
	munmap(control, sizeof *control);
	control = NULL;
	image_close(image);
	image = NULL;
}
