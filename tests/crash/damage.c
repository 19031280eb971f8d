/* What a power cut or a bad disk does to the files of the store while the broker is dead. Which
 * messages stand there is read from their payloads, not by the product's own decoder. */
#include "tests/crash/faults.h"
#include "tests/crash/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 64,
	CUT_MAX = 6000,
	HITS_MAX = 4,
	RECORD_HEAD = 40, /* core/journal/record.h; client id and topic follow, then the payload */
	NAMES_BYTES = sizeof LOAD_PRODUCT "dev1" LOAD_PRODUCT "/dev1/event" - 1
};

#define MARK "{\"dev\":"

struct bytes {
	char *data; /* owned */
	size_t len;
};

static bool read_bytes(const char *path, struct bytes *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;

	*b = (struct bytes){ .len = ok ? (size_t)st.st_size : 0 };
	b->data = malloc(b->len + 1);
	ok = ok && b->data && read(fd, b->data, b->len) == (ssize_t)b->len;
	if (b->data)
		b->data[ok ? b->len : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Messages whose record has a byte within [from, to) may be missing from now on. */
static void excuse(struct world *w, const struct bytes *b, size_t from, size_t to)
{
	const char *at = b->data, *last = b->data + b->len;

	while ((at = memmem(at, (size_t)(last - at), MARK, sizeof MARK - 1))) {
		const char *end = memchr(at, '}', (size_t)(last - at));
		size_t start = (size_t)(at - b->data), behind = end ? (size_t)(end - b->data) + 1 : b->len;
		int dev = 0, seq = 0;

		start = start > RECORD_HEAD + NAMES_BYTES ? start - RECORD_HEAD - NAMES_BYTES : 0;
		if (start < to && behind > from && sscanf(at, MARK "%d,\"seq\":%d,", &dev, &seq) == 2 &&
		    dev >= 1 && dev <= LOAD_DEVICES && seq >= 1 && seq <= LOAD_SEQ_MAX)
			w->may_miss[dev][seq] = 1;
		at += sizeof MARK - 1;
	}
}

static char *newest_segment(const struct world *w)
{
	char *dir = text_fmt("%s/journal", w->store), name[256] = "";
	DIR *d = opendir(dir);
	const struct dirent *e;
	char *path = NULL;

	while (d && (e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		if (dot && strcmp(dot, ".seg") == 0 && strcmp(e->d_name, name) > 0)
			snprintf(name, sizeof name, "%s", e->d_name);
	}
	if (d)
		closedir(d);
	if (name[0])
		path = text_fmt("%s/%s", dir, name);
	free(dir);
	return path;
}

static bool cut_tail(struct world *w, const char *path)
{
	struct bytes b;
	bool ok = read_bytes(path, &b) && b.len > 0;
	size_t most = b.len < CUT_MAX ? b.len : CUT_MAX;
	size_t cut = ok ? 1 + world_below(w, (unsigned)most) : 0;

	if (ok) {
		excuse(w, &b, b.len - cut, b.len);
		ok = truncate(path, (off_t)(b.len - cut)) == 0;
		snprintf(w->note, sizeof w->note, "%zu of %zu bytes", cut, b.len);
	}
	free(b.data);
	return ok || world_broken(w, "%s cannot be cut", path);
}

bool fault_torn_tail(struct world *w)
{
	bool down = world_below(w, 2) == 1, ok;
	char *path;

	if (down && !world_wan_down(w))
		return false;
	world_pause(w, 200, 900);
	world_kill(w);
	path = newest_segment(w);
	ok = path ? cut_tail(w, path) : world_broken(w, "no segment below %s", w->store);
	free(path);
	if (!ok || !world_restart(w))
		return false;
	world_pause(w, 100, 500);
	return world_wan_up(w);
}

static struct {
	char *path[FILES_MAX];
	unsigned count;
} found; /* by nftw(), which has no argument for it */

static int find(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_F && st->st_size > 0 && found.count < FILES_MAX)
		found.path[found.count++] = strdup(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool flip_bytes(struct world *w, const char *path)
{
	struct bytes b;
	bool ok = read_bytes(path, &b);
	int fd = ok ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	unsigned hits = 1 + world_below(w, HITS_MAX);

	for (unsigned i = 0; fd >= 0 && ok && i < hits; i++) {
		size_t at = world_below(w, (unsigned)b.len);
		char byte = (char)(b.data[at] ^ (char)(1 + world_below(w, 255)));

		excuse(w, &b, at, at + 1);
		ok = pwrite(fd, &byte, 1, (off_t)at) == 1;
	}
	if (fd >= 0)
		close(fd);
	free(b.data);
	snprintf(w->note, sizeof w->note, "%u bytes of %s", hits, path + strlen(w->store) + 1);
	return (ok && fd >= 0) || world_broken(w, "%s cannot be damaged", path);
}

static bool damage_one_file(struct world *w)
{
	bool ok;

	nftw(w->store, find, 16, FTW_PHYS);
	if (found.count == 0)
		return world_broken(w, "no file below %s", w->store);
	qsort(found.path, found.count, sizeof found.path[0], by_name);
	ok = flip_bytes(w, found.path[world_below(w, found.count)]);
	while (found.count > 0)
		free(found.path[--found.count]);
	return ok;
}

bool fault_damage(struct world *w)
{
	if (world_below(w, 4) > 0 && !world_wan_down(w))
		return false;
	world_pause(w, 300, 900);
	world_kill(w);
	if (!damage_one_file(w) || !world_restart(w))
		return false;
	world_pause(w, 100, 500);
	return world_wan_up(w);
}
