#include "tests/fakes/store_dir.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[32];
static unsigned count;

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
	(void)info;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_all(void)
{
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *store_dir_new(void)
{
	static char dirs[4096][48];
	char *dir = dirs[count % 4096];

	if (base[0] == '\0') {
		strcpy(base, "/tmp/stores-XXXXXX");
		if (!mkdtemp(base))
			abort();
		atexit(remove_all);
	}
	snprintf(dir, sizeof dirs[0], "%s/%u", base, count++);
	if (mkdir(dir, 0700) != 0)
		abort();
	return dir;
}

void store_dir_each(const char *dir, void (*fn)(void *ctx, const char *path), void *ctx)
{
	char path[512];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "%s/journal", dir);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/journal/%s", dir, e->d_name);
		fn(ctx, path);
	}
	if (d)
		closedir(d);
}

static void copy_one(void *ctx, const char *path)
{
	const char *to_dir = ctx;
	char to[512], bytes[65536];
	FILE *in = fopen(path, "rb"), *out;
	size_t n;

	snprintf(to, sizeof to, "%s/journal%s", to_dir, strrchr(path, '/'));
	out = fopen(to, "wb");
	if (!in || !out)
		abort();
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		fwrite(bytes, 1, n, out);
	fclose(in);
	fclose(out);
}

const char *store_dir_copy(const char *dir)
{
	const char *to = store_dir_new();
	char path[512], arg[64];

	snprintf(path, sizeof path, "%s/journal", to);
	mkdir(path, 0700);
	snprintf(arg, sizeof arg, "%s", to);
	store_dir_each(dir, copy_one, arg);
	return to;
}

struct sum {
	const char *suffix;
	size_t bytes;
};

static void add_one(void *ctx, const char *path)
{
	struct sum *s = ctx;
	struct stat info;
	size_t len = strlen(path), end = strlen(s->suffix);

	if (len >= end && strcmp(path + len - end, s->suffix) == 0 && stat(path, &info) == 0)
		s->bytes += (size_t)info.st_size;
}

size_t store_dir_bytes(const char *dir, const char *suffix)
{
	struct sum s = { suffix, 0 };

	store_dir_each(dir, add_one, &s);
	return s.bytes;
}
