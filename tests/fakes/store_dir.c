#include "tests/fakes/store_dir.h"

#include <dirent.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/runner.h"

static char base[32];
static unsigned count;

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
	(void)info;
	(void)flag;
	(void)ftw;
	return remove(path);
}

/* A store takes up to 64 MB of the disk at once, so those of a test go when it ends. */
static void remove_all(void)
{
	if (base[0] != '\0')
		nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	base[0] = '\0';
}

const char *store_dir_new(void)
{
	static char dirs[4096][48];
	char *dir = dirs[count % 4096];

	if (base[0] == '\0') {
		strcpy(base, "/tmp/stores-XXXXXX");
		if (!mkdtemp(base))
			abort();
		runner_after_each(remove_all);
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

static bool put_socket(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool bound;

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	bound = bind(fd, (const struct sockaddr *)&name, sizeof name) == 0;
	close(fd);
	return bound;
}

static bool put_link(const char *path, bool to_file)
{
	char to[512];
	FILE *f;

	snprintf(to, sizeof to, "%s/elsewhere", base);
	if (!to_file)
		return symlink("/nonexistent/elsewhere", path) == 0;
	f = fopen(to, "ab");
	return f && fclose(f) == 0 && symlink(to, path) == 0;
}

static bool put_device(const char *path)
{
	return mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0 || mkfifo(path, 0600) == 0;
}

void store_dir_put_odd(const char *path, enum store_dir_odd kind)
{
	bool done = false;

	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	switch (kind) {
	case ODD_FIFO:
		done = mkfifo(path, 0600) == 0;
		break;
	case ODD_FOLDER:
		done = mkdir(path, 0700) == 0;
		break;
	case ODD_LINK:
	case ODD_LINK_TO_FILE:
		done = put_link(path, kind == ODD_LINK_TO_FILE);
		break;
	case ODD_SOCKET:
		done = put_socket(path);
		break;
	case ODD_DEVICE:
	case ODDS:
		done = put_device(path);
		break;
	}
	if (!done)
		abort();
}
