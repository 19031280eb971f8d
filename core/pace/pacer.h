/* pacer.h - who may send next, and when: token bucket and fair turns.
 * Room:  UPLINK. Pure: time comes in as microseconds of a monotonic clock.
 * Facts: docs/protocol/limits.md "Messages": the hub counts messages per connection,
 *        so a turn is one message and the deficit of a flow is 0 or 1.
 */
#ifndef HUBGATE_PACER_H
#define HUBGATE_PACER_H

#include <stdbool.h>
#include <stdint.h>

/* One message is the whole burst: two sends are never closer than 1/rate, so
 * that no window of one second ever holds more than rate + 1. */
struct bucket {
	uint32_t rate;   /* messages per second, 0 = unlimited; may be changed
	                  * at any time, counts from the next send on */
	int64_t next_us; /* earliest time of the next send */
};

void bucket_init(struct bucket *b, uint32_t rate); /* the first send may go at once */
/* true: the caller sends now, and the next has to wait. false: too early. */
bool bucket_take(struct bucket *b, int64_t now_us);
/* Microseconds until bucket_take() will say true; 0 = now. At most 1/rate, rounded up. */
int64_t bucket_wait_us(const struct bucket *b, int64_t now_us);
/* Nothing more for pause_us from now on, also at rate 0. */
void bucket_pause(struct bucket *b, int64_t now_us, int64_t pause_us);

/* Round robin over flows that have something to send: between two turns of a flow
 * every other queued flow gets exactly one. Flows are embedded in their owners'
 * structures, zeroed before first use, and borrowed while queued: remove before
 * free. A flow stands in one line only. An idle flow costs nothing. */
struct flow {
	struct flow *next, *prev; /* NULL while not queued */
};

struct turns {
	struct flow *head; /* the flow whose turn is next */
	uint32_t count;
};

void turns_init(struct turns *t);
void turns_add(struct turns *t, struct flow *f);    /* last in line; again: no effect */
void turns_remove(struct turns *t, struct flow *f); /* not queued: no effect */
struct flow *turns_next(struct turns *t); /* the flow to serve, now last in line; NULL: none */

/* Control (online, subscribe, ...) never takes two turns in a row while data waits, and 9 of 19
 * in the long run: strictly under half, which makes good the turns before the first device was
 * online and had anything to send. Alone either lane takes every turn (docs/architecture.md 4,
 * Presence). */
enum lane {
	LANE_NONE,
	LANE_CONTROL,
	LANE_DATA
};

struct lanes { /* zeroed before first use */
	enum lane last;
	unsigned round; /* turns of control since data took two in a row */
};

/* Every pick but LANE_NONE (nobody waits) is a turn: ask only when it can be sent. */
enum lane lanes_pick(struct lanes *l, bool control_waits, bool data_waits);

#endif
