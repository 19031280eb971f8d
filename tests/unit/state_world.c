#include "tests/unit/state_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PATH_SIZE = 1024,
	FOLD_MS = 10000, /* bound */
	TREE_FDS = 8,
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_line(void *ctx, enum log_level level, const char *line)
{
	struct world *w = ctx;

	(void)level;
	w->lines++;
	snprintf(w->last_line, sizeof(w->last_line), "%s", line);
}

void world_make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/hubgate-state-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(w->dir));
	w->log = (struct log){ on_line, w };
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

void world_end(struct world *w)
{
	world_close(w);
	nftw(w->dir, remove_one, TREE_FDS, FTW_DEPTH | FTW_PHYS);
}

/* --- the store --- */

static void key_text(int key, char *out, size_t size)
{
	snprintf(out, size, "SUBPRODUC1dev%d SUBPRODUC1/dev%d/control", key, key);
}

static void on_entry(void *ctx, const struct state_entry *e)
{
	struct world *w = ctx;
	char text[WORLD_TEXT_MAX];

	for (int i = 0; i < WORLD_KEYS; i++) {
		struct world_value *v = &w->found[i];

		key_text(i, text, sizeof(text));
		if (e->kind != STATE_SUBSCRIPTION || strcmp(text, e->key) != 0)
			continue;
		w->strange += v->set || e->len > WORLD_VALUE_MAX;
		v->set = true;
		v->len = e->len > WORLD_VALUE_MAX ? 0 : e->len;
		memcpy(v->bytes, e->value, v->len);
		return;
	}
	w->strange++;
}

void world_open(struct world *w)
{
	const struct state_conf conf = {
		.dir = w->dir,
		.flush_ms = w->flush_ms ? w->flush_ms : 200,
		.fold_ms = w->fold_ms ? w->fold_ms : 1,
		.log = &w->log,
	};

	memset(w->found, 0, sizeof(w->found));
	w->strange = 0;
	w->lines = 0;
	CU_ASSERT_EQUAL_FATAL(state_open(&conf, on_entry, w, &w->state), ST_OK);
}

void world_close(struct world *w)
{
	state_close(w->state);
	w->state = NULL;
}

void world_drop(struct world *w)
{
	/* What kill -9 leaves is in the kernel: closing adds nothing but the memory. */
	world_close(w);
}

void world_fold(struct world *w)
{
	int64_t end = now_ms() + FOLD_MS;
	enum status st;

	do {
		st = state_disk_run(w->state, &w->log);
		CU_ASSERT_EQUAL(st, ST_OK);
	} while (st == ST_OK && state_disk_wait_ms(w->state) >= 0 && now_ms() < end);
	CU_ASSERT_EQUAL(state_disk_wait_ms(w->state), -1);
}

enum status world_put(struct world *w, int key, int len, unsigned char fill)
{
	static unsigned char bytes[WORLD_VALUE_MAX];
	struct world_value *v = &w->want[key];
	char text[WORLD_TEXT_MAX];
	enum status st;

	key_text(key, text, sizeof(text));
	memset(bytes, fill, sizeof(bytes));
	st = state_put(w->state, STATE_SUBSCRIPTION, text, len < 0 ? NULL : bytes,
	               len < 0 ? 0 : (size_t)len);
	if (st != ST_OK)
		return st;
	v->set = len >= 0;
	v->len = len < 0 ? 0 : (size_t)len;
	memcpy(v->bytes, bytes, v->len);
	return ST_OK;
}

/* --- comparing --- */

size_t world_missing(const struct world *w)
{
	size_t n = 0;

	for (int i = 0; i < WORLD_KEYS; i++)
		n += w->want[i].set && !w->found[i].set;
	return n;
}

size_t world_wrong(const struct world *w)
{
	size_t n = w->strange;

	for (int i = 0; i < WORLD_KEYS; i++) {
		const struct world_value *want = &w->want[i], *found = &w->found[i];

		n += found->set && (!want->set || want->len != found->len ||
		                    memcmp(want->bytes, found->bytes, want->len) != 0);
	}
	return n;
}

void world_expect_all(const struct world *w)
{
	CU_ASSERT_EQUAL(world_missing(w), 0);
	CU_ASSERT_EQUAL(world_wrong(w), 0);
}

/* --- files --- */

static size_t search(const struct world *w, const char *folder, const char *part, char *out,
                     size_t out_size)
{
	char path[PATH_SIZE];
	const struct dirent *e;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", w->dir, folder);
	d = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while ((e = readdir(d)) != NULL) {
		if (!strstr(e->d_name, part))
			continue;
		n++;
		if (out)
			snprintf(out, out_size, "%s/%s", path, e->d_name);
	}
	closedir(d);
	return n;
}

size_t world_count(const struct world *w, const char *folder, const char *part)
{
	return search(w, folder, part, NULL, 0);
}

void world_file(const struct world *w, const char *folder, const char *part, char *out,
                size_t out_size)
{
	CU_ASSERT_NOT_EQUAL_FATAL(search(w, folder, part, out, out_size), 0);
}

size_t world_size(const char *path)
{
	struct stat st;

	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	return (size_t)st.st_size;
}

void world_flip(const char *path, size_t at)
{
	unsigned char byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x41;
	CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}
