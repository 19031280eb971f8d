/* limiter.h - log lines of which there may be many: refused messages, subscriptions, logins.
 * Room:  BROKER.
 */
#ifndef HUBGATE_LIMITER_H
#define HUBGATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

struct hubgate;

enum { /* with NUL */
	LIMITER_MORE_MAX = 64
};

enum limited { /* of each 20 lines at once, then one per second, the rest counted */
	LIMITED_REFUSALS,
	LIMITED_CLOSED, /* apart: who is not ours must not hide what devices are refused */
	LIMITED_LOGINS,
	LIMITED_COUNT
};

enum status limiter_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void limiter_close(struct hubgate *h);

/* True when a line may be logged now; *suppressed is then how many were not since
 * the last one. */
bool limiter_may_log(struct hubgate *h, enum limited what, uint64_t *suppressed);
/* What ends such a line: " (N more since the last line)", or "" when there were none. */
const char *limiter_more(uint64_t suppressed, char out[LIMITER_MORE_MAX]);
/* A line about one message or subscription, one of LIMITED_REFUSALS. */
void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why);
/* The same about a topic of the hub and a client that is not ours, one of LIMITED_CLOSED. NULL
 * for what it has not. */
void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic);

#endif
