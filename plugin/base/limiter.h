/* limiter.h - log lines of which there may be many: refused messages, subscriptions, logins.
 * Room:  BROKER.
 */
#ifndef HUBGATE_LIMITER_H
#define HUBGATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

struct hubgate;

enum limited { /* of each 20 lines at once, then one per second, the rest counted */
	LIMITED_REFUSALS,
	LIMITED_LOGINS,
	LIMITED_COUNT
};

enum status limiter_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void limiter_close(struct hubgate *h);

/* True when a line may be logged now; *suppressed is then how many were not since
 * the last one. */
bool limiter_may_log(struct hubgate *h, enum limited what, uint64_t *suppressed);
/* A line about one message or subscription, one of LIMITED_REFUSALS. */
void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why);

#endif
