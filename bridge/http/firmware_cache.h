/* firmware_cache.h - the files of firmware: where they are, and room for another.
 * Room:  NET, except where a function says otherwise.
 * Keeps: DIR/MD5-SIZE is whole and was checked when it got that name, DIR/MD5-SIZE.part is what a
 *        download has so far. All are regular files, 0600. Who has not been used for the longest
 *        time goes first, and never one that is in use.
 */
#ifndef HUBGATE_FIRMWARE_CACHE_H
#define HUBGATE_FIRMWARE_CACHE_H

#include "core/base/log.h"
#include "core/hub/ota_msg.h"

enum {
	FIRMWARE_NAME_MAX = OTA_MD5_LEN + 32, /* of a file, with NUL */
};

struct firmware_cache {
	const char *path;                /* of DIR; borrowed */
	uint64_t max_bytes, leave_bytes; /* of all files; free on the disk */
	int dir;                         /* -1: not open */
};

/* Any room. The name of an image's file. */
void firmware_cache_name(const struct ota_image *image, bool part, char out[FIRMWARE_NAME_MAX]);

/* Makes DIR when it is missing. ST_OK; ST_IO (errno). */
enum status firmware_cache_open(struct firmware_cache *c);
void firmware_cache_close(struct firmware_cache *c);

/* What is there of the image, open for reading and writing. *whole: it is that, and not a part.
 * Makes a part when there is nothing. -1: errno. */
int firmware_cache_take(struct firmware_cache *c, const struct ota_image *image, bool *whole);
/* The part is whole and checked. ST_OK; ST_IO (errno): the part is as it was. */
enum status firmware_cache_keep(struct firmware_cache *c, const struct ota_image *image, int fd);
void firmware_cache_drop(struct firmware_cache *c, const struct ota_image *image); /* both files */
void firmware_cache_touch(const struct firmware_cache *c, const struct ota_image *image); /* used */

typedef bool firmware_used_fn(void *ctx, const struct ota_image *image);

/* Room for an image of which `have` bytes are there: what is not used goes. ST_OK; ST_TOOBIG: over
 * max_bytes even alone; ST_FULL: the rest is in use; ST_NOSPACE: the disk; ST_IO (errno). why says
 * it in words. */
enum status firmware_cache_room(struct firmware_cache *c, const struct ota_image *image,
                                uint64_t have, firmware_used_fn *used, void *ctx,
                                char why[OTA_WHY_MAX]);
uint64_t firmware_cache_bytes(struct firmware_cache *c); /* of all files */

#endif
