/* hub.h - the hub as bridge/gateway/gateway meets it, with a clock of its own: what would
 * be sent is given as text, what the hub answers is said in one call.
 */
#ifndef HUBGATE_TESTS_HUB_H
#define HUBGATE_TESTS_HUB_H

#include "bridge/gateway/gateway.h"

enum {
	HUB_ANSWER_MS = 10000
};

struct hub {
	struct gateway g;
	struct metrics metrics;
	struct log log;
	unsigned log_lines;
	char last_line[LOG_LINE_MAX];
	int64_t now_ms;
	uint16_t last_id; /* packet id of the last SUBSCRIBE or UNSUBSCRIBE */
	char text[128];
};

void hub_start(struct hub *h); /* not connected */
void hub_stop(struct hub *h);
/* Product SUBPROD001. Made when unknown. */
struct subdev *hub_device(struct hub *h, const char *name);

/* Sends the next thing. "online lamp", "offline lamp", "subscribe FILTER QOS",
 * "unsubscribe FILTER", "exchange FILTER for WIDE QOS" (last_id is then that of the SUBSCRIBE, the
 * one of the UNSUBSCRIBE is before it), "acknowledge change", "shadow TEXT", or "" for nothing.
 * Borrowed. */
const char *hub_next(struct hub *h);
/* Time passes, with ticks when they are due. */
void hub_wait(struct hub *h, int64_t ms);
/* Waits at most so long for something to send. Milliseconds waited; -1: nothing. */
int64_t hub_wait_until_wanted(struct hub *h, int64_t ms);

void hub_says(struct hub *h, const char *json);
void hub_answer(struct hub *h, const char *op, const char *name, int result);
void hub_change(struct hub *h, const char *name, int status);
/* SUBACK or UNSUBACK to the last request. */
bool hub_suback(struct hub *h, uint8_t code);

void hub_link(struct hub *h, bool resumed);
void hub_cut(struct hub *h);
void hub_present(struct hub *h, struct subdev *d, bool present);
void hub_queue(struct hub *h, struct subdev *d, uint64_t seq); /* data of d in its outbox */

#endif
