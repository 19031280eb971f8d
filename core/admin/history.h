/* history.h - the last hour in numbers, for the charts of the status page: fixed memory, no file.
 * Room:  any, one owner. Pure; the caller brings the time and the numbers.
 */
#ifndef HUBGATE_HISTORY_H
#define HUBGATE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
	HISTORY_STEP_MS = 10000,
	HISTORY_POINTS = 360, /* an hour */
	HISTORY_JSON_MAX = HISTORY_POINTS * 4 * 11 + 256,
};

#define HISTORY_NONE UINT32_MAX /* round_trip_ms: not known, the hub was away */

struct history_point {
	uint32_t in, out; /* messages in HISTORY_STEP_MS */
	uint32_t queued;  /* at its end, as the round trip */
	uint32_t round_trip_ms;
};

struct history_now {
	uint64_t accepted, delivered; /* counters that only grow */
	uint64_t queued;
	uint32_t round_trip_ms;
};

struct history { /* zeroed */
	struct history_point at[HISTORY_POINTS];
	uint64_t made;                /* points since the beginning */
	int64_t began_ms;             /* of the step under way; 0: none is */
	uint64_t accepted, delivered; /* then */
};

/* True: a step was over, there are new points. Call it once a second or so; of a longer pause the
 * messages are spread over its steps. */
bool history_add(struct history *h, int64_t now_ms, const struct history_now *now);
size_t history_count(const struct history *h);
/* i from 0, the oldest, to history_count() - 1. */
const struct history_point *history_at(const struct history *h, size_t i);
/* {"step_s":10,"in":[..],"out":[..],"queued":[..],"round_trip_ms":[..]}, oldest first, null for
 * what is not known; at most HISTORY_JSON_MAX bytes. ST_OK; ST_TOOBIG, ST_NOMEM of buf_add(). */
enum status history_put(const struct history *h, struct buf *out);

#endif
