/* The disk of tests/diskshim: what it holds after a power cut, judged call by call. Here the
 * library is loaded, not preloaded: its calls are called by name, and the image is read by
 * everybody's. */
#include "tests/diskshim/diskshim.h"
#include "tests/harness/harness.h"
#include "tests/runner.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
	void *lib;
	char *dir, *store, *image;
	struct diskshim *disk;
	int (*open)(const char *path, int flags, ...);
	ssize_t (*pwrite)(int fd, const void *bytes, size_t len, off_t at);
	ssize_t (*pread)(int fd, void *out, size_t len, off_t at);
	int (*fdatasync)(int fd);
	void (*close)(void);
};

static void *map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *at;

	CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, sizeof(struct diskshim)) == 0);
	at = mmap(NULL, sizeof(struct diskshim), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	CU_ASSERT_FATAL(at != MAP_FAILED);
	return at;
}

static void name_in(const char *variable, const char *value)
{
	setenv(variable, value, 1);
}

/* "old" stands in the store, with "stays", before the library comes. */
static struct rig rig_open(void)
{
	char *so = text_fmt("%s/diskshim.so", build_dir()), *absolute = realpath(so, NULL);
	char *dir = dir_make();
	struct rig r = { .dir = realpath(dir, NULL) };
	char *control = text_fmt("%s/control", r.dir), *old;

	r.store = text_fmt("%s/store", r.dir);
	r.image = text_fmt("%s/image", r.dir);
	old = text_fmt("%s/old", r.store);
	CU_ASSERT_FATAL(mkdir(r.store, 0700) == 0 && mkdir(r.image, 0700) == 0);
	CU_ASSERT_FATAL(file_write(old, "stays", 0600));
	r.disk = map(control);
	name_in("DISKSHIM_DIR", r.store);
	name_in("DISKSHIM_IMAGE", r.image);
	name_in("DISKSHIM_CONTROL", control);
	r.lib = absolute ? dlopen(absolute, RTLD_NOW | RTLD_LOCAL) : NULL;
	CU_ASSERT_FATAL(r.lib != NULL);
	*(void **)&r.open = dlsym(r.lib, "open");
	*(void **)&r.pwrite = dlsym(r.lib, "pwrite");
	*(void **)&r.pread = dlsym(r.lib, "pread");
	*(void **)&r.fdatasync = dlsym(r.lib, "fdatasync");
	*(void **)&r.close = dlsym(r.lib, "diskshim_close");
	free(old);
	free(so);
	free(absolute);
	free(dir);
	free(control);
	return r;
}

static void rig_close(struct rig *r)
{
	r->close();
	dlclose(r->lib); /* the next one begins anew */
	munmap(r->disk, sizeof *r->disk);
	dir_remove(r->dir);
	unsetenv("DISKSHIM_DIR");
	unsetenv("DISKSHIM_IMAGE");
	unsetenv("DISKSHIM_CONTROL");
	free(r->dir);
	free(r->store);
	free(r->image);
}

static int file_of(const struct rig *r, const char *name)
{
	char *path = text_fmt("%s/%s", r->store, name);
	int fd = r->open(path, O_RDWR | O_CREAT, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	free(path);
	return fd;
}

static void put(const struct rig *r, int fd, const char *text, off_t at)
{
	size_t len = strlen(text);

	CU_ASSERT_EQUAL(r->pwrite(fd, text, len, at), (ssize_t)len);
}

/* Is this what a power cut leaves of a name? NULL: no such name. */
static bool left(const struct rig *r, const char *name, const char *text)
{
	char *path = text_fmt("%s/tree/%s", r->image, name), *is = file_read(path);
	bool same = text ? is && strcmp(is, text) == 0 : !is;

	free(path);
	free(is);
	return same;
}

static void sync_dir(const struct rig *r, const char *path)
{
	int fd = r->open(path, O_RDONLY | O_DIRECTORY);

	CU_ASSERT_EQUAL(r->fdatasync(fd), 0);
	close(fd);
}

static void fail(const struct rig *r, unsigned calls, const char *path, int times)
{
	struct diskshim_fault *f = &r->disk->fault[0];

	f->error = EIO;
	f->calls = calls;
	strcpy(f->path, path);
	atomic_store(&f->left, times);
}

static void a_write_is_durable_after_its_sync_and_not_before(void)
{
	struct rig r = rig_open();
	int fd = file_of(&r, "old");

	CU_ASSERT(left(&r, "old", "stays"));
	put(&r, fd, "new", 0);
	CU_ASSERT(left(&r, "old", "stays"));
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(left(&r, "old", "newys"));
	close(fd);
	rig_close(&r);
}

static void a_new_name_is_durable_with_its_file(void)
{
	struct rig r = rig_open();
	char *dir = text_fmt("%s/sub", r.store);
	int fd;

	CU_ASSERT_EQUAL(mkdir(dir, 0700), 0);
	fd = file_of(&r, "sub/a");
	put(&r, fd, "one", 0);
	CU_ASSERT(left(&r, "sub/a", NULL));
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(left(&r, "sub/a", "one"));
	close(fd);
	free(dir);
	rig_close(&r);
}

static void a_failed_sync_drops_bytes_until_they_are_written_again(void)
{
	struct rig r = rig_open();
	int fd = file_of(&r, "a");

	put(&r, fd, "one", 0);
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	put(&r, fd, "two", 3);
	fail(&r, DISKSHIM_SYNC, "/a", 1);
	CU_ASSERT(r.fdatasync(fd) == -1 && errno == EIO);
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(left(&r, "a", "one"));
	put(&r, fd, "two", 3);
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(left(&r, "a", "onetwo"));
	close(fd);
	rig_close(&r);
}

struct slow_sync {
	const struct rig *rig;
	int fd;
};

static void *sync_slowly(void *arg)
{
	const struct slow_sync *s = arg;

	s->rig->fdatasync(s->fd);
	return NULL;
}

static void a_sync_that_ends_late_takes_nothing_back(void)
{
	struct rig r = rig_open();
	struct slow_sync s = { .rig = &r, .fd = file_of(&r, "a") };
	pthread_t thread;

	put(&r, s.fd, "one", 0);
	atomic_store(&r.disk->sync_ms, 300);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, sync_slowly, &s), 0);
	poll(NULL, 0, 100); /* it has begun, and takes a while */
	put(&r, s.fd, "two", 3);
	CU_ASSERT(left(&r, "a", NULL));
	atomic_store(&r.disk->sync_ms, 0);
	CU_ASSERT_EQUAL(r.fdatasync(s.fd), 0);
	CU_ASSERT(left(&r, "a", "onetwo"));
	pthread_join(thread, NULL);
	CU_ASSERT(left(&r, "a", "onetwo"));
	close(s.fd);
	rig_close(&r);
}

static void a_rename_and_an_unlink_need_the_sync_of_their_directory(void)
{
	struct rig r = rig_open();
	char *a = text_fmt("%s/a", r.store), *b = text_fmt("%s/b", r.store);
	char *old = text_fmt("%s/old", r.store);
	int fd = file_of(&r, "a");

	put(&r, fd, "one", 0);
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(rename(a, b) == 0 && unlink(old) == 0);
	CU_ASSERT(left(&r, "a", "one") && left(&r, "b", NULL) && left(&r, "old", "stays"));
	sync_dir(&r, r.store);
	CU_ASSERT(left(&r, "a", NULL) && left(&r, "b", "one") && left(&r, "old", NULL));
	close(fd);
	free(a);
	free(b);
	free(old);
	rig_close(&r);
}

/* As with the number of an inode that a file system gives to the next file. */
static void a_name_that_is_still_durable_keeps_the_bytes_of_a_file_that_is_gone(void)
{
	struct rig r = rig_open();
	char *old = text_fmt("%s/old", r.store);
	int fd;

	CU_ASSERT_EQUAL(unlink(old), 0);
	fd = file_of(&r, "a");
	put(&r, fd, "one", 0);
	CU_ASSERT_EQUAL(r.fdatasync(fd), 0);
	CU_ASSERT(left(&r, "old", "stays") && left(&r, "a", "one"));
	close(fd);
	free(old);
	rig_close(&r);
}

static void a_name_whose_file_was_never_synced_leads_to_no_bytes(void)
{
	struct rig r = rig_open();
	int fd = file_of(&r, "a");

	put(&r, fd, "one", 0);
	sync_dir(&r, r.store);
	CU_ASSERT(left(&r, "a", ""));
	close(fd);
	rig_close(&r);
}

static void the_kernel_may_write_pages_and_names_unasked(void)
{
	struct rig r = rig_open();
	int fd;

	atomic_store(&r.disk->writeback, 1000);
	fd = file_of(&r, "a");
	put(&r, fd, "one", 0);
	CU_ASSERT(left(&r, "a", "one"));
	close(fd);
	rig_close(&r);
}

static void a_fault_hits_the_path_it_names_as_often_as_it_says(void)
{
	struct rig r = rig_open();
	int old = file_of(&r, "old"), a = file_of(&r, "a");
	char byte;

	fail(&r, DISKSHIM_READ, "/old", 2);
	CU_ASSERT_EQUAL(r.pread(a, &byte, 1, 0), 0);
	CU_ASSERT(r.pread(old, &byte, 1, 0) == -1 && errno == EIO);
	CU_ASSERT_EQUAL(r.pread(old, &byte, 1, 0), -1);
	CU_ASSERT_EQUAL(r.pread(old, &byte, 1, 0), 1);
	CU_ASSERT_EQUAL(atomic_load(&r.disk->fault[0].hits), 2);
	close(old);
	close(a);
	rig_close(&r);
}

SUITE(diskshim, TEST(a_write_is_durable_after_its_sync_and_not_before),
      TEST(a_new_name_is_durable_with_its_file),
      TEST(a_failed_sync_drops_bytes_until_they_are_written_again),
      TEST(a_sync_that_ends_late_takes_nothing_back),
      TEST(a_rename_and_an_unlink_need_the_sync_of_their_directory),
      TEST(a_name_that_is_still_durable_keeps_the_bytes_of_a_file_that_is_gone),
      TEST(a_name_whose_file_was_never_synced_leads_to_no_bytes),
      TEST(the_kernel_may_write_pages_and_names_unasked),
      TEST(a_fault_hits_the_path_it_names_as_often_as_it_says))
