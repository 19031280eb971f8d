/* flight.h - QoS 1 publishes that the hub has not acknowledged yet.
 * Room:  UPLINK. Pure.
 * Facts: docs/architecture.md 6 "Poison": a publish is late when it was not acknowledged for two
 *        seconds or four round trips, whichever is more. Then it leaves the window, so that it
 * stops nobody; its acknowledgement still counts. What became of it is for bridge/uplink/judge.c.
 */
#ifndef HUBGATE_FLIGHT_H
#define HUBGATE_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	FLIGHT_LATE_MS = 2000, /* at least */
	FLIGHT_LATE_ROUNDS = 4,
	FLIGHT_ROUND_MS = 300, /* until one was measured */
	FLIGHT_LATE_MAX = 32,  /* remembered beyond the window, the newest */
};

struct flight_entry {
	void *owner; /* borrowed; the device */
	uint64_t seq;
	int64_t sent_ms;
	uint64_t order;     /* rises with every transmission */
	uint16_t packet_id; /* 0: free slot */
	uint16_t key;       /* core/pace/permission.h; this and the rest is the judge's */
	bool late;          /* it is out of the window */
	bool judged;        /* and its message does not wait for it any more */
	bool placed;        /* it has a place for what is not proven */
	bool probe;
};

struct flight {
	struct flight_entry *slots; /* owned, room of them */
	size_t room, window, count;
	size_t late, judged;         /* of these */
	uint64_t order, acked_order; /* of the newest acknowledged */
	int64_t round_ms;            /* what an answer takes, smoothed */
};

enum status flight_init(struct flight *f, size_t window); /* ST_OK; ST_NOMEM */
/* Nothing leaves for it: above a smaller window nothing more goes out until answers came. ST_OK;
 * ST_NOMEM: as before. */
enum status flight_set_window(struct flight *f, size_t window);
void flight_fini(struct flight *f);
bool flight_full(const struct flight *f);
/* A packet id that is not in. NULL: the window is full, or so much is late that is not judged.
 * Borrowed, like all entries, until the next add or change of the window. */
struct flight_entry *flight_add(struct flight *f, void *owner, uint64_t seq, uint16_t packet_id,
                                int64_t now_ms);
struct flight_entry *flight_find(struct flight *f, uint16_t packet_id); /* NULL: not in */
void flight_acked(struct flight *f, const struct flight_entry *e, int64_t now_ms);
void flight_remove(struct flight *f, struct flight_entry *e);
/* What flight_add() would need the place of, for its owner to part with; NULL: there is room. */
struct flight_entry *flight_surplus(struct flight *f);
void flight_set_late(struct flight *f, struct flight_entry *e);
void flight_set_judged(struct flight *f, struct flight_entry *e); /* late, too */

/* The next entry behind at, NULL: the first; in no order. NULL: no more. */
struct flight_entry *flight_next(struct flight *f, const struct flight_entry *at);
/* How long an answer may take before it is late. */
int64_t flight_late_ms(const struct flight *f);
/* When the next entry becomes late, INT64_MAX: none. */
int64_t flight_late_due_ms(const struct flight *f, int64_t now_ms);
/* The oldest transmission in the window; NULL: none. */
struct flight_entry *flight_oldest(const struct flight *f);
/* Time of the oldest transmission that waits, INT64_MAX: none. */
int64_t flight_oldest_ms(const struct flight *f);
void flight_clear(struct flight *f); /* the connection is gone */

#endif
