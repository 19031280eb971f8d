/* limiter.h - log lines of which there may be many: those of refused messages, subscriptions,
 * logins. Room:  BROKER.
 */
#ifndef HUBGATE_LIMITER_H
#define HUBGATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct hubgate;

struct limiter { /* 20 log lines at once, then one per second, the rest counted */
	int64_t next_ms;
	uint64_t suppressed;
};

/* True when a line may be logged now; *suppressed is then how many were not since
 * the last one. */
bool limiter_may_log(struct limiter *l, uint64_t *suppressed);
/* A line about one message or subscription, limited. */
void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why);

#endif
