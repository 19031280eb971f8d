/* archive.h - what stands in an export, inside its envelope: entries, each a head, a path and bytes
 * (docs/export-format.md).
 * Room:  any. Pure.
 *
 * Head, ARCHIVE_HEAD_BYTES, numbers little-endian:
 *    0  1  kind, enum archive_kind
 *    1  1  0
 *    2  2  length of the path
 *    4  4  mode, 07777 at most
 *    8  8  length of the bytes
 *   16  8  time of the last change, seconds since 1970
 *   24  8  0
 * The first entry is ARCHIVE_INFO: lines of NAME, space, VALUE. The last is ARCHIVE_END.
 */
#ifndef HUBGATE_ARCHIVE_H
#define HUBGATE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	ARCHIVE_HEAD_BYTES = 32,
	ARCHIVE_PATH_MAX = 4095,
	ARCHIVE_INFO_MAX = 16384,
};

enum archive_kind {
	ARCHIVE_INFO = 'I',
	ARCHIVE_CONFIG = 'C', /* hubgate.json; path: where it was */
	ARCHIVE_FILE = 'F',   /* named by it; path: absolute */
	ARCHIVE_BESIDE = 'R', /* named by it; path: from its directory */
	ARCHIVE_STORE = 'S',  /* path: from store.dir */
	ARCHIVE_END = 'E',
};

struct archive_head {
	enum archive_kind kind;
	size_t path_len;
	uint32_t mode;
	uint64_t size;
	int64_t mtime_s;
};

void archive_put_head(const struct archive_head *h, uint8_t out[ARCHIVE_HEAD_BYTES]);
/* ST_OK; ST_MALFORMED: a kind or a number that cannot be. */
enum status archive_get_head(const uint8_t bytes[ARCHIVE_HEAD_BYTES], struct archive_head *out);
/* May an entry of this kind have this path? Absolute or relative as its kind demands, no "..", no
 * control characters; of the store only what a store has: NAME, journal/NAME, state/NAME. */
bool archive_path_ok(enum archive_kind kind, const char *path, size_t len);
/* Is this name of a store's file (in store.dir, or in journal or state) part of an export? Not what
 * belongs to a place or a moment: the lock, the format, what is reserved or being written. */
bool archive_takes(const char *name);
/* The value of a line of the info, NUL-terminated. False: no such line, or it does not fit. */
bool archive_info(const char *text, const char *name, char *out, size_t out_size);

#endif
