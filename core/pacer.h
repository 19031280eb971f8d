/* pacer.h - who may send next, and when: token bucket and fair turns.
 * Room:  UPLINK. Pure: time comes in as microseconds of a monotonic clock.
 * Facts: protocol/limits.md "Messages": the hub counts messages per connection,
 *        so a turn is one message and the deficit of a flow is 0 or 1.
 */
#ifndef HUBGATE_PACER_H
#define HUBGATE_PACER_H

#include <stdbool.h>
#include <stdint.h>

/* One message is the whole burst: two sends are never closer than 1/rate, so
 * that no window of one second ever holds more than rate + 1. */
struct bucket {
	uint32_t rate;          /* messages per second, 0 = unlimited */
	int64_t next_us;        /* earliest time of the next send */
};

void bucket_init(struct bucket *b, uint32_t rate);
bool bucket_take(struct bucket *b, int64_t now_us);          /* false: too early */
int64_t bucket_wait_us(const struct bucket *b, int64_t now_us); /* 0 = now */

/* Round robin over flows that have something to send. Flows are embedded in
 * their owners' structures; an idle flow costs nothing. */
struct flow {
	struct flow *next, *prev;   /* NULL while not queued */
};

struct turns {
	struct flow *head;          /* the flow whose turn is next */
	uint32_t count;
};

void turns_init(struct turns *t);
void turns_add(struct turns *t, struct flow *f);      /* last in line; again: no effect */
void turns_remove(struct turns *t, struct flow *f);   /* not queued: no effect */
struct flow *turns_next(struct turns *t);  /* the flow to serve, now last in line; NULL: none */

/* Control (online, subscribe, ...) takes at most every second turn while data
 * waits, and all of them while none does. */
enum lane { LANE_NONE, LANE_CONTROL, LANE_DATA };

struct lanes {
	enum lane last;
};

enum lane lanes_pick(struct lanes *l, bool control_waits, bool data_waits);

#endif
