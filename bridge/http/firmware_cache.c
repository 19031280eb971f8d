#include "bridge/http/firmware_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/room.h"
#include "shadowstore/file/store_file.h"

void firmware_cache_name(const struct ota_image *image, bool part, char out[FIRMWARE_NAME_MAX])
{
	snprintf(out, FIRMWARE_NAME_MAX, "%.32s-%" PRIu64 "%s", image->md5, image->size,
	         part ? ".part" : "");
}

enum status firmware_cache_open(struct firmware_cache *c)
{
	IN_ROOM(ROOM_NET);
	if (c->dir < 0)
		c->dir = store_file_dir(AT_FDCWD, c->path);
	return c->dir < 0 ? ST_IO : ST_OK;
}

void firmware_cache_close(struct firmware_cache *c)
{
	if (c->dir >= 0)
		close(c->dir);
	c->dir = -1;
}

int firmware_cache_take(struct firmware_cache *c, const struct ota_image *image, bool *whole)
{
	char name[FIRMWARE_NAME_MAX];
	int fd;

	IN_ROOM(ROOM_NET);
	firmware_cache_name(image, false, name);
	fd = store_file_open(c->dir, name, O_RDWR);
	*whole = fd >= 0;
	if (fd >= 0 || errno != ENOENT)
		return fd;
	firmware_cache_name(image, true, name);
	return store_file_open(c->dir, name, O_RDWR | O_CREAT);
}

enum status firmware_cache_keep(struct firmware_cache *c, const struct ota_image *image, int fd)
{
	char part[FIRMWARE_NAME_MAX], name[FIRMWARE_NAME_MAX];

	IN_ROOM(ROOM_NET);
	firmware_cache_name(image, true, part);
	firmware_cache_name(image, false, name);
	if (fdatasync(fd) != 0 || renameat(c->dir, part, c->dir, name) != 0)
		return ST_IO;
	fsync(c->dir); /* without it a power cut costs a download */
	return ST_OK;
}

void firmware_cache_drop(struct firmware_cache *c, const struct ota_image *image)
{
	char name[FIRMWARE_NAME_MAX];

	IN_ROOM(ROOM_NET);
	firmware_cache_name(image, true, name);
	unlinkat(c->dir, name, 0);
	firmware_cache_name(image, false, name);
	unlinkat(c->dir, name, 0);
}

void firmware_cache_touch(const struct firmware_cache *c, const struct ota_image *image)
{
	char name[FIRMWARE_NAME_MAX];

	IN_ROOM(ROOM_NET);
	firmware_cache_name(image, false, name);
	utimensat(c->dir, name, NULL, AT_SYMLINK_NOFOLLOW);
}

/* --- room --- */

struct look { /* through the files */
	struct firmware_cache *cache;
	const struct ota_image *wanted; /* not counted; NULL: none */
	firmware_used_fn *used;         /* NULL: do not look for one to drop */
	void *ctx;
	uint64_t bytes, promised;       /* there, and to come */
	char oldest[FIRMWARE_NAME_MAX]; /* of those not in use; "": none */
	struct timespec since;
};

/* False: it is not one of ours. */
static bool image_of(const char *name, struct ota_image *out)
{
	char again[FIRMWARE_NAME_MAX], *end;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= FIRMWARE_NAME_MAX || strlen(name) <= OTA_MD5_LEN + 1)
		return false;
	memcpy(out->md5, name, OTA_MD5_LEN);
	out->size = strtoull(name + OTA_MD5_LEN + 1, &end, 10);
	firmware_cache_name(out, strcmp(end, ".part") == 0, again);
	return strcmp(name, again) == 0;
}

static bool older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static enum status look_at(void *ctx, const char *name)
{
	struct look *l = ctx;
	struct ota_image image;
	struct stat st;

	if (!image_of(name, &image) || fstatat(l->cache->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return ST_OK;
	if (l->wanted && ota_image_same(&image, l->wanted))
		return ST_OK;
	l->bytes += (uint64_t)st.st_size;
	if (l->used && l->used(l->ctx, &image)) {
		if ((uint64_t)st.st_size < image.size)
			l->promised += image.size - (uint64_t)st.st_size;
		return ST_OK;
	}
	if (!l->used || (l->oldest[0] && !older(&st.st_mtim, &l->since)))
		return ST_OK;
	snprintf(l->oldest, sizeof(l->oldest), "%s", name);
	l->since = st.st_mtim;
	return ST_OK;
}

static bool disk_has(const struct firmware_cache *c, uint64_t bytes)
{
	struct statvfs v;

	return fstatvfs(c->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= bytes + c->leave_bytes;
}

static enum status refuse(enum status st, char why[OTA_WHY_MAX], const char *text)
{
	snprintf(why, OTA_WHY_MAX, "%s", text);
	return st;
}

enum status firmware_cache_room(struct firmware_cache *c, const struct ota_image *image,
                                uint64_t have, firmware_used_fn *used, void *ctx,
                                char why[OTA_WHY_MAX])
{
	IN_ROOM(ROOM_NET);
	if (image->size > c->max_bytes)
		return refuse(ST_TOOBIG, why, "the file is larger than the gateway keeps");
	for (;;) {
		struct look l = { .cache = c, .wanted = image, .used = used, .ctx = ctx };
		bool fits, disk;

		if (store_file_list(c->dir, look_at, &l) != ST_OK)
			return refuse(ST_IO, why, "the gateway's cache cannot be read");
		fits = l.bytes + l.promised <= c->max_bytes - image->size;
		disk = disk_has(c, l.promised + image->size - have);
		if (fits && disk)
			return ST_OK;
		if (!l.oldest[0] || unlinkat(c->dir, l.oldest, 0) != 0)
			return fits ? refuse(ST_NOSPACE, why, "no room on the gateway's disk")
			            : refuse(ST_FULL, why, "the gateway's cache is full of files in use");
	}
}

uint64_t firmware_cache_bytes(struct firmware_cache *c)
{
	struct look l = { .cache = c };

	IN_ROOM(ROOM_NET);
	return c->dir >= 0 && store_file_list(c->dir, look_at, &l) == ST_OK ? l.bytes : 0;
}
