/* First all of it into store.dir/arriving, synced; then that is renamed to arrived, which decides;
 * then each file is renamed into its place, and arrived goes. The store starts when that is gone.
 *   arrived/of       the salt of the export
 *   arrived/list     a line for each named file: MODE NUMBER PATH
 *   arrived/files/N  these
 *   arrived/store/   what comes into store.dir, with journal/ and state/
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/import_impl.h"
#include "shadowstore/store_format.h"

#define ARRIVING "arriving"

enum {
	BLOCK = 65536
};

struct stage {
	struct import *i;
	int dir;    /* arriving, or arrived */
	FILE *list; /* of named files */
	unsigned count;
};

/* Kept for the one line that is told. */
static bool broken_at(const struct import *i, const char *path)
{
	int error = errno;

	cli_failed(i->command, "%s cannot be written: %s", path, strerror(error));
	errno = error;
	return false;
}

static bool owned(const struct import *i, int fd)
{
	return !i->give || fchown(fd, i->uid, i->gid) == 0;
}

/* --- removing --- */

static bool remove_tree(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d)
		return unlinkat(dir, name, 0) == 0 || errno == ENOENT;
	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_tree(dirfd(d), entry->d_name);
	}
	closedir(d);
	return unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* --- staging --- */

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* ST_IO: told. */
static enum status copy_entry(struct stage *s, uint64_t size, int fd, const char *path)
{
	char block[BLOCK];
	enum status st = ST_OK;

	for (uint64_t done = 0; done < size && st == ST_OK;) {
		size_t part = size - done < sizeof block ? (size_t)(size - done) : sizeof block;

		st = sealed_file_get(&s->i->file, block, part);
		if (st != ST_OK)
			import_broken(s->i, st);
		else if (!write_all(fd, block, part) && !broken_at(s->i, path))
			st = ST_IO;
		done += part;
	}
	explicit_bzero(block, sizeof block);
	return st;
}

static bool finish_file(const struct stage *s, int fd, mode_t mode, int64_t mtime_s)
{
	const struct timespec times[2] = { { .tv_sec = mtime_s }, { .tv_sec = mtime_s } };

	return owned(s->i, fd) && fchmod(fd, mode) == 0 && futimens(fd, times) == 0 && fsync(fd) == 0;
}

static int create(const struct stage *s, const char *path)
{
	int fd = openat(s->dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		broken_at(s->i, path);
	return fd;
}

static bool stage_store(struct stage *s, const struct archive_head *h, const char *path)
{
	char to[IMPORT_PATH];
	bool ok;
	int fd;

	snprintf(to, sizeof to, "store/%.4000s", path);
	fd = create(s, to);
	if (fd < 0)
		return false;
	ok = copy_entry(s, h->size, fd, path) == ST_OK &&
	     (finish_file(s, fd, 0600, h->mtime_s) || broken_at(s->i, path));
	close(fd);
	return ok;
}

/* Whom a named file is given to follows from who may read it: root and the broker's group, or the
 * broker's user alone. */
static bool give_named(const struct stage *s, int fd, mode_t mode)
{
	const struct import *i = s->i;

	return !i->give || fchown(fd, mode & 040 ? 0 : i->uid, i->gid) == 0;
}

static bool stage_named(struct stage *s, const struct archive_head *h, const char *path)
{
	char to[32], target[IMPORT_PATH];
	mode_t mode = h->mode & 0770; /* others never: some hold secrets */
	bool ok;
	int fd;

	snprintf(to, sizeof to, "files/%u", s->count);
	fd = create(s, to);
	if (fd < 0)
		return false;
	if (h->kind == ARCHIVE_CONFIG) {
		snprintf(target, sizeof target, "%s", s->i->config);
		ok = write_all(fd, s->i->text, s->i->text_len) || broken_at(s->i, target);
	} else {
		import_target(s->i, h->kind, path, target);
		ok = copy_entry(s, h->size, fd, target) == ST_OK;
	}
	ok = ok && ((give_named(s, fd, mode) && fchmod(fd, mode) == 0 && fsync(fd) == 0 &&
	             fprintf(s->list, "%o %u %s\n", (unsigned)mode, s->count, target) > 0) ||
	            broken_at(s->i, target));
	s->count++;
	close(fd);
	return ok;
}

/* The check has seen them all: the kinds are right, and the end is there. hubgate.json comes from
 * memory, so its bytes are passed over. */
static bool stage_entry(struct stage *s, const struct archive_head *h, const char *path)
{
	char *skipped;
	enum status st;

	if (h->kind == ARCHIVE_STORE)
		return stage_store(s, h, path);
	if (h->kind == ARCHIVE_CONFIG || h->kind == ARCHIVE_INFO) {
		skipped = malloc(h->size + 1);
		st = skipped ? sealed_file_get(&s->i->file, skipped, h->size) : ST_NOMEM;
		if (skipped)
			explicit_bzero(skipped, h->size);
		free(skipped);
		if (st != ST_OK)
			return import_broken(s->i, st) == CLI_OK;
	}
	return h->kind == ARCHIVE_INFO || stage_named(s, h, path);
}

static bool stage_all(struct stage *s)
{
	char path[ARCHIVE_PATH_MAX + 1];
	struct archive_head h;
	enum status st = sealed_file_rewind(&s->i->file, s->i->size);

	while (st == ST_OK && (st = sealed_file_get_head(&s->i->file, &h, path)) == ST_OK &&
	       h.kind != ARCHIVE_END) {
		if (!stage_entry(s, &h, path))
			return false;
	}
	return st == ST_OK || import_broken(s->i, st) == CLI_OK;
}

static bool write_of(const struct stage *s)
{
	int fd = create(s, "of");
	bool ok =
		fd >= 0 &&
		write_all(fd, (const char *)s->i->file.sealed.header + SEALED_SALT_AT, SEALED_SALT_BYTES) &&
		fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool make_folders(struct stage *s, int store)
{
	static const char *const folders[] = { "store", "store/journal", "store/state", "files" };
	int fd;

	remove_tree(store, ARRIVING);
	if (mkdirat(store, ARRIVING, 0700) != 0)
		return false;
	s->dir = openat(store, ARRIVING, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	for (size_t i = 0; s->dir >= 0 && i < sizeof folders / sizeof folders[0]; i++) {
		if (mkdirat(s->dir, folders[i], 0700) != 0)
			return false;
	}
	fd = s->dir < 0 ? -1 : create(s, "list");
	s->list = fd < 0 ? NULL : fdopen(fd, "we");
	if (!s->list && fd >= 0)
		close(fd);
	return s->list != NULL;
}

static bool sync_folder(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool sync_above(const char *path)
{
	char folder[IMPORT_PATH];

	import_folder_of(path, folder);
	return sync_folder(AT_FDCWD, folder);
}

static bool decide(struct stage *s, int store)
{
	bool ok = fflush(s->list) == 0 && fsync(fileno(s->list)) == 0 && write_of(s) &&
	          sync_folder(s->dir, "store/journal") && sync_folder(s->dir, "store/state") &&
	          sync_folder(s->dir, "store") && sync_folder(s->dir, "files") && fsync(s->dir) == 0 &&
	          renameat(store, ARRIVING, store, STORE_ARRIVED_DIR) == 0 && fsync(store) == 0;

	return ok || broken_at(s->i, s->i->store);
}

int import_stage(struct import *i)
{
	struct stage s = { .i = i, .dir = -1 };
	int store = store_dir(i->opened);
	bool ok = make_folders(&s, store) || broken_at(i, i->store);

	ok = ok && stage_all(&s) && decide(&s, store);
	if (s.list)
		fclose(s.list);
	if (s.dir >= 0)
		close(s.dir);
	if (ok)
		return CLI_OK;
	remove_tree(store, ARRIVING);
	return CLI_FAILED;
}

/* --- into their places --- */

/* Each missing folder above path, as other programs' are: 0755. */
static bool make_above(const char *path)
{
	char part[IMPORT_PATH];

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return false;
		*slash = '/';
	}
	return true;
}

/* Across file systems a rename does not reach: a copy beside the place does. What is there already
 * is the same, as the check has seen, or was put there before a kill. */
static bool place_named(const struct stage *s, mode_t mode, unsigned number, const char *target)
{
	char from[32], tmp[IMPORT_PATH + 16], block[BLOCK];
	struct stat info;
	int in, out = -1;
	ssize_t n = 1;
	bool ok;

	if (lstat(target, &info) == 0)
		return true;
	snprintf(from, sizeof from, "files/%u", number);
	snprintf(tmp, sizeof tmp, "%s.import", target);
	in = openat(s->dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in >= 0 && make_above(target) && (unlink(tmp) == 0 || errno == ENOENT))
		out = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ok = out >= 0 && give_named(s, out, mode) && fchmod(out, mode) == 0;
	while (ok && (n = read(in, block, sizeof block)) > 0)
		ok = write_all(out, block, (size_t)n);
	ok = ok && n == 0 && fsync(out) == 0 && rename(tmp, target) == 0 && sync_above(target);
	explicit_bzero(block, sizeof block);
	if (!ok)
		broken_at(s->i, target);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ok;
}

static bool place_files(struct stage *s)
{
	char line[IMPORT_PATH + 32], target[IMPORT_PATH];
	int fd = openat(s->dir, "list", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), at = 0;
	FILE *list = fd < 0 ? NULL : fdopen(fd, "re");
	unsigned mode, number;
	bool ok = list != NULL;

	while (ok && fgets(line, sizeof line, list)) {
		ok = sscanf(line, "%o %u %n", &mode, &number, &at) == 2;
		line[strcspn(line, "\n")] = '\0';
		snprintf(target, sizeof target, "%.4190s", ok ? line + at : "");
		ok = ok && place_named(s, mode, number, target);
	}
	if (list)
		fclose(list);
	else
		broken_at(s->i, "arrived/list");
	return ok;
}

/* name: "", "/journal", "/state". What is gone from there is in its place. */
static bool place_folder(const struct stage *s, int store, const char *name)
{
	char from[32];
	int in, out;
	DIR *d;
	const struct dirent *entry;
	bool ok = true;

	snprintf(from, sizeof from, "store%s", name);
	in = openat(s->dir, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	out = openat(store, *name ? name + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = in < 0 ? NULL : fdopendir(in);
	ok = d && out >= 0;
	while (ok && (entry = readdir(d)) != NULL) {
		struct stat info;

		if (fstatat(in, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
			ok = renameat(in, entry->d_name, out, entry->d_name) == 0;
	}
	ok = ok && fsync(out) == 0;
	if (!ok)
		broken_at(s->i, from);
	if (d)
		closedir(d);
	else if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ok;
}

static bool give_store(const struct import *i, int store)
{
	static const char *const names[] = { "lock",  "format",         "journal",
		                                 "state", STORE_FORMAT_BAR, STORE_FORMAT_BAR "/README" };

	for (size_t n = 0; i->give && n < sizeof names / sizeof names[0]; n++) {
		if (fchownat(store, names[n], i->uid, i->gid, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
			return broken_at(i, names[n]);
	}
	return !i->give || fchown(store, i->uid, i->gid) == 0 || broken_at(i, i->store);
}

int import_finish(struct import *i)
{
	int store = store_dir(i->opened);
	struct stage s = { .i = i };
	bool ok;

	s.dir = openat(store, STORE_ARRIVED_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	ok = s.dir >= 0 && place_folder(&s, store, "/journal") && place_folder(&s, store, "/state") &&
	     place_folder(&s, store, "") && place_files(&s) && give_store(i, store);
	if (s.dir >= 0)
		close(s.dir);
	/* `of` goes with the name: whoever is killed in the midst of removing finds no import. */
	ok = ok && ((renameat(store, STORE_ARRIVED_DIR, store, ARRIVING) == 0 && fsync(store) == 0) ||
	            broken_at(i, i->store));
	if (ok)
		remove_tree(store, ARRIVING);
	return ok ? CLI_OK
	          : cli_failed(i->command, "mend that, then run the same import again: it goes on");
}
