/* latest.h - the topics of one device of which only the newest message matters.
 * Room:  UPLINK. Pure: knows topics and sequence numbers, the messages are in the outbox.
 * Keeps: at most LATEST_TOPICS_MAX topics; further ones are sent like any other message.
 * Times: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_LATEST_H
#define HUBGATE_LATEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LATEST_TOPICS_MAX = 256
};

struct latest_topic {
	struct latest_topic *next;
	uint64_t seq; /* waits and was never sent; 0: none */
	bool held;    /* it waits for next_ms */
	uint32_t interval_ms;
	int64_t next_ms; /* not sent again before */
	char topic[];
};

struct latest { /* zeroed before first use */
	struct latest_topic *topics;
	size_t count;
};

struct latest_verdict {
	uint64_t superseded; /* its place is taken; 0: none */
	bool hold;           /* send it when its time has come */
};

/* Message seq of topic was accepted. interval_ms: shortest time between two. */
struct latest_verdict latest_take(struct latest *l, const char *topic, uint32_t interval_ms,
                                  uint64_t seq, int64_t now_ms);
/* It went out, or left for another reason. Unknown: no effect. */
void latest_sent(struct latest *l, uint64_t seq, int64_t now_ms);
/* One held message whose time has come, no longer held by this; 0: none. *due_ms becomes the time
 * of the next that is held if that is earlier. */
uint64_t latest_release(struct latest *l, int64_t now_ms, int64_t *due_ms);
void latest_fini(struct latest *l);

#endif
