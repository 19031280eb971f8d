#include "tests/diskshim/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LISTS = 256,
	PAGE = 4096
};

struct node { /* an inode below the directory */
	struct node *next;
	dev_t dev;
	ino_t ino;
	unsigned born;                /* how often a file was created with this number */
	unsigned begun, ended;        /* the latest sync that began, and of those that ended */
	char *path;                   /* at its creation, until its name is durable; owned */
	struct ranges dirty, dropped; /* written since the last sync; lost by a failed one */
};

struct image {
	char *dir, *tree, *pool, *spare; /* owned */
	size_t dir_len;
	struct node *nodes[LISTS];
};

struct image_entry {
	char name[NAME_MAX + 1];
	bool is_dir;
	ino_t ino;
	unsigned born;
};

static _Noreturn void give_up(const char *what, const char *path)
{
	fprintf(stderr, "diskshim: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

static void *need(void *memory)
{
	if (!memory)
		give_up("memory", "");
	return memory;
}

static char *join(const char *a, const char *b)
{
	size_t len = strlen(a), more = strlen(b);
	char *path = need(malloc(len + more + 2));

	memcpy(path, a, len);
	path[len] = '/';
	memcpy(path + len + 1, b, more + 1);
	if (more == 0)
		path[len] = '\0';
	return path;
}

static char *pool_path(const struct image *im, ino_t ino)
{
	char name[32];

	snprintf(name, sizeof name, "%llu", (unsigned long long)ino);
	return join(im->pool, name);
}

static struct node *node_of(struct image *im, dev_t dev, ino_t ino)
{
	struct node **list = &im->nodes[ino % LISTS], *n = *list;

	while (n && (n->ino != ino || n->dev != dev))
		n = n->next;
	if (n)
		return n;
	n = need(calloc(1, sizeof *n));
	n->dev = dev;
	n->ino = ino;
	n->next = *list;
	*list = n;
	return n;
}

const char *image_below(const struct image *im, const char *path)
{
	if (strncmp(path, im->dir, im->dir_len) != 0)
		return NULL;
	path += im->dir_len;
	return *path == '\0' ? path : *path == '/' ? path + 1 : NULL;
}

/* --- names --- */

static void make_dir(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		give_up("mkdir", path);
}

static void make_parents(const struct image *im, const char *path)
{
	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		char *above = need(strndup(path, (size_t)(slash - path))), *full = join(im->tree, above);

		make_dir(full);
		free(full);
		free(above);
	}
}

/* The name leads to the durable bytes of the inode; to none when it was never synced. */
static void put_name(const struct image *im, const char *path, ino_t ino)
{
	char *name = join(im->tree, path), *bytes = pool_path(im, ino);
	int fd = open(bytes, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct stat old, now;

	if (fd < 0 || fstat(fd, &now) != 0)
		give_up("open", bytes);
	close(fd);
	if (lstat(name, &old) != 0 || old.st_ino != now.st_ino) {
		unlink(im->spare);
		if (link(bytes, im->spare) != 0 || rename(im->spare, name) != 0)
			give_up("link", name);
	}
	free(name);
	free(bytes);
}

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char *name = join(path, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlink(name) != 0)
			remove_tree(name);
		free(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static const struct image_entry *entry_named(const struct image_sync *s, const char *name)
{
	for (size_t i = 0; i < s->entry_count; i++) {
		if (strcmp(s->entries[i].name, name) == 0)
			return &s->entries[i];
	}
	return NULL;
}

static void take_gone_names(const char *dir, const struct image_sync *s)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char *name = join(dir, e->d_name);

		if (!entry_named(s, e->d_name) && strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 && unlink(name) != 0)
			remove_tree(name);
		free(name);
	}
	if (d)
		closedir(d);
}

static void put_names(struct image *im, const struct image_sync *s)
{
	char *dir = join(im->tree, s->path);

	make_parents(im, s->path);
	make_dir(dir);
	for (size_t i = 0; i < s->entry_count; i++) {
		const struct image_entry *e = &s->entries[i];
		char *path = s->path[0] ? join(s->path, e->name) : need(strdup(e->name));
		char *full = join(im->tree, path);
		struct node *n = node_of(im, s->dev, e->ino);

		if (e->is_dir) {
			make_dir(full);
		} else if (n->born == e->born) { /* else it was unlinked meanwhile */
			put_name(im, path, e->ino);
			free(n->path);
			n->path = NULL;
		}
		free(full);
		free(path);
	}
	take_gone_names(dir, s);
	free(dir);
}

/* File systems write the name of a new file with its first sync, and those that lead to it. */
static void put_own_name(struct image *im, struct node *n)
{
	char *real = n->path ? join(im->dir, n->path) : NULL;
	struct stat st;

	if (real && lstat(real, &st) == 0 && st.st_ino == n->ino && st.st_dev == n->dev) {
		make_parents(im, n->path);
		put_name(im, n->path, n->ino);
		free(n->path);
		n->path = NULL;
	}
	free(real);
}

/* --- bytes --- */

static size_t read_at(int fd, char *bytes, size_t len, uint64_t at)
{
	size_t done = 0;
	ssize_t n;

	while (done < len && (n = pread(fd, bytes + done, len - done, (off_t)(at + done))) > 0)
		done += (size_t)n;
	return done;
}

static void write_at(int fd, const char *bytes, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n, at += (uint64_t)n) {
		n = pwrite(fd, bytes, len, (off_t)at);
		if (n <= 0)
			give_up("write", "the image");
	}
}

static int open_bytes(const struct image *im, ino_t ino)
{
	char *path = pool_path(im, ino);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		give_up("open", path);
	free(path);
	return fd;
}

/* Whatever mode the caller's descriptor has. */
static int open_again(int fd)
{
	char path[64];
	int in;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		give_up("open", path);
	return in;
}

/* In order, so that what a kill leaves of it is a torn write. */
static void put_bytes(struct image *im, const struct image_sync *s, const struct ranges *dropped)
{
	int fd = open_bytes(im, s->ino);
	struct stat st;
	uint64_t at = 0;

	if (fstat(fd, &st) != 0 ||
	    ((uint64_t)st.st_size > s->size && ftruncate(fd, (off_t)s->size) != 0))
		give_up("truncate", "the image");
	for (size_t i = 0; i <= dropped->count && at < s->size; i++) {
		uint64_t to = i < dropped->count ? dropped->at[i].from : s->size;

		if (to > s->size)
			to = s->size;
		write_at(fd, s->bytes + at, (size_t)(to - at), at);
		at = i < dropped->count ? dropped->at[i].to : to;
	}
	close(fd);
}

/* --- what happens to files --- */

void image_born(struct image *im, const struct stat *st, const char *path)
{
	struct node *n = node_of(im, st->st_dev, st->st_ino);
	char *bytes = pool_path(im, st->st_ino);

	unlink(bytes); /* of an earlier file with this number; its durable names keep them */
	free(bytes);
	free(n->path);
	n->path = need(strdup(path));
	n->born++;
	ranges_clear(&n->dirty);
	ranges_clear(&n->dropped);
}

void image_wrote(struct image *im, const struct stat *st, uint64_t from, uint64_t to)
{
	struct node *n = node_of(im, st->st_dev, st->st_ino);

	ranges_add(&n->dirty, from, to);
	ranges_remove(&n->dropped, from, to);
}

void image_cut_off(struct image *im, const struct stat *st, uint64_t size)
{
	struct node *n = node_of(im, st->st_dev, st->st_ino);

	ranges_remove(&n->dirty, size, UINT64_MAX);
	ranges_remove(&n->dropped, size, UINT64_MAX);
}

/* --- sync --- */

static void note_entry(struct image *im, struct image_sync *s, const char *name,
                       const struct stat *st)
{
	struct image_entry *e;

	s->entries = need(realloc(s->entries, (s->entry_count + 1) * sizeof s->entries[0]));
	e = &s->entries[s->entry_count++];
	snprintf(e->name, sizeof e->name, "%s", name);
	e->is_dir = S_ISDIR(st->st_mode);
	e->ino = st->st_ino;
	e->born = node_of(im, st->st_dev, st->st_ino)->born;
}

static void read_names(struct image *im, struct image_sync *s)
{
	char *path = join(im->dir, s->path);
	DIR *d = opendir(path);
	const struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
			note_entry(im, s, e->d_name, &st);
	}
	if (d)
		closedir(d);
	free(path);
}

static void read_bytes(struct image *im, struct image_sync *s, int fd, const struct stat *st)
{
	struct node *n = node_of(im, s->dev, s->ino);
	int in = open_again(fd);

	s->bytes = need(malloc((size_t)st->st_size + 1));
	s->size = read_at(in, s->bytes, (size_t)st->st_size, 0);
	close(in);
	s->born = n->born;
	s->dirty = n->dirty;
	n->dirty = (struct ranges){ .count = 0 };
}

void image_sync_begin(struct image *im, int fd, const char *path, struct image_sync *s)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		give_up("fstat", path);
	*s = (struct image_sync){ .is_dir = S_ISDIR(st.st_mode), .dev = st.st_dev, .ino = st.st_ino };
	s->path = need(strdup(path));
	s->order = ++node_of(im, st.st_dev, st.st_ino)->begun;
	if (s->is_dir)
		read_names(im, s);
	else
		read_bytes(im, s, fd, &st);
}

/* What was written again while the sync ran is not lost with it. */
static void drop(struct node *n, const struct image_sync *s)
{
	for (size_t i = 0; i < s->dirty.count; i++)
		ranges_add(&n->dropped, s->dirty.at[i].from, s->dirty.at[i].to);
	for (size_t i = 0; i < n->dirty.count; i++)
		ranges_remove(&n->dropped, n->dirty.at[i].from, n->dirty.at[i].to);
}

static void make_durable(struct image *im, struct node *n, const struct image_sync *s)
{
	if (s->is_dir) {
		put_names(im, s);
	} else {
		put_bytes(im, s, &n->dropped);
		put_own_name(im, n);
	}
}

void image_sync_end(struct image *im, struct image_sync *s, bool durable)
{
	struct node *n = node_of(im, s->dev, s->ino);

	if (!durable && !s->is_dir)
		drop(n, s);
	if (durable && s->order > n->ended) { /* else a younger sync has done it already */
		n->ended = s->order;
		make_durable(im, n, s);
	}
	ranges_clear(&s->dirty);
	free(s->entries);
	free(s->bytes);
	free(s->path);
}

static void write_back_names(struct image *im, const char *path)
{
	char *real = join(im->dir, path);
	struct image_sync s = { .is_dir = true, .path = need(strdup(path)) };
	struct stat st;

	if (lstat(real, &st) == 0) {
		s.dev = st.st_dev;
		s.ino = st.st_ino;
		read_names(im, &s);
		put_names(im, &s);
	}
	for (size_t i = 0; i < s.entry_count; i++) {
		char *below = path[0] ? join(path, s.entries[i].name) : need(strdup(s.entries[i].name));

		if (s.entries[i].is_dir)
			write_back_names(im, below);
		free(below);
	}
	image_sync_end(im, &s, false); /* frees */
	free(real);
}

void image_write_back(struct image *im, int fd, const struct stat *st, uint64_t from, uint64_t to)
{
	struct node *n = node_of(im, st->st_dev, st->st_ino);
	uint64_t start = from / PAGE * PAGE, end = (to + PAGE - 1) / PAGE * PAGE;
	char *bytes = need(malloc((size_t)(end - start)));
	int in = open_again(fd), out = open_bytes(im, st->st_ino);

	for (uint64_t at = start; at < end; at += PAGE) {
		size_t len = read_at(in, bytes, PAGE, at);

		write_at(out, bytes, len, at);
		ranges_remove(&n->dirty, at, at + PAGE);
	}
	close(in);
	close(out);
	free(bytes);
	write_back_names(im, "");
}

/* --- the beginning --- */

static void adopt_file(struct image *im, const char *path)
{
	char *real = join(im->dir, path);
	int fd = open(real, O_RDONLY | O_CLOEXEC);
	struct image_sync s;

	if (fd < 0)
		give_up("open", real);
	image_sync_begin(im, fd, path, &s);
	put_bytes(im, &s, &s.dirty);
	image_sync_end(im, &s, false);
	close(fd);
	free(real);
}

/* All that stands is durable. */
static void adopt(struct image *im, const char *path)
{
	struct image_sync s = { .is_dir = true, .path = need(strdup(path)) };

	read_names(im, &s);
	for (size_t i = 0; i < s.entry_count; i++) {
		char *below = path[0] ? join(path, s.entries[i].name) : need(strdup(s.entries[i].name));

		if (s.entries[i].is_dir)
			adopt(im, below);
		else
			adopt_file(im, below);
		free(below);
	}
	image_sync_end(im, &s, false);
}

struct image *image_open(const char *dir, const char *where)
{
	struct image *im = need(calloc(1, sizeof *im));
	struct stat st;

	im->dir = need(strdup(dir));
	im->dir_len = strlen(dir);
	im->tree = join(where, "tree");
	im->pool = join(where, "pool");
	im->spare = join(where, "spare");
	if (lstat(im->tree, &st) == 0)
		return im;
	remove_tree(im->pool);
	make_dir(im->pool);
	make_dir(im->tree);
	adopt(im, "");
	write_back_names(im, "");
	return im;
}

static void free_nodes(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		ranges_clear(&n->dirty);
		ranges_clear(&n->dropped);
		free(n->path);
		free(n);
		n = next;
	}
}

void image_close(struct image *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < LISTS; i++)
		free_nodes(im->nodes[i]);
	free(im->dir);
	free(im->tree);
	free(im->pool);
	free(im->spare);
	free(im);
}
