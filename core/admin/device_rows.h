/* device_rows.h - the devices as they were at one moment, for who looks at them: sorted by name,
 * page by page, some of them.
 * Room:  any, one owner. Pure.
 */
#ifndef HUBGATE_DEVICE_ROWS_H
#define HUBGATE_DEVICE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
	DEVICE_ROWS_PAGE = 200,
	DEVICE_ROWS_NAME_MAX = 63,    /* product id / device name */
	DEVICE_ROWS_JSON_MAX = 16384, /* of one device */
	DEVICE_ROWS_PAGE_MAX = DEVICE_ROWS_PAGE * DEVICE_ROWS_JSON_MAX + 256,
};

#define DEVICE_ROWS_UNKNOWN (-1) /* of a number that is not known */

struct device_row {
	char name[DEVICE_ROWS_NAME_MAX + 1];
	bool present, online, refused; /* refused: the hub's last answer about it was a refusal */
	int bound;                     /* 1, 0, or DEVICE_ROWS_UNKNOWN */
	int64_t queued, commands, shadow_version;
	const char *json; /* an object; the list's */
	size_t len;
};

enum device_rows_only {
	DEVICE_ROWS_ALL,
	DEVICE_ROWS_PRESENT,
	DEVICE_ROWS_ABSENT,
	DEVICE_ROWS_ONLINE,
	DEVICE_ROWS_UNBOUND,
	DEVICE_ROWS_QUEUED,
	DEVICE_ROWS_REFUSED,
	DEVICE_ROWS_ONLY_COUNT
};

struct device_view { /* what somebody wants to see */
	enum device_rows_only only;
	char find[DEVICE_ROWS_NAME_MAX + 1]; /* a part of the name, in upper or lower case; "": any */
	size_t from;                         /* of those that fit */
};

struct device_rows; /* opaque */

/* At most so many devices. Caller owns it. NULL: no memory. */
struct device_rows *device_rows_new(size_t most);
void device_rows_free(struct device_rows *l); /* NULL is fine */
/* Copies row and json. ST_OK; ST_FULL: over most; ST_TOOBIG: the JSON; ST_NOMEM. */
enum status device_rows_add(struct device_rows *l, const struct device_row *row, const char *json,
                            size_t len);
void device_rows_sort(struct device_rows *l); /* by name */
size_t device_rows_count(const struct device_rows *l);
const struct device_row *device_rows_at(const struct device_rows *l, size_t i);
/* "unbound"; DEVICE_ROWS_ALL for every other text, and for NULL. */
enum device_rows_only device_rows_only_of(const char *text);
/* {"total":N,"matching":N,"from":N,"devices":[...]}, at most DEVICE_ROWS_PAGE of them. ST_OK;
 * ST_TOOBIG, ST_NOMEM of buf_add(). */
enum status device_rows_put(const struct device_rows *l, const struct device_view *view,
                            struct buf *out);

#endif
