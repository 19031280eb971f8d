/* limiter.h - log lines of which there may be many: refused messages, subscriptions, logins.
 * Room:  BROKER.
 */
#ifndef HUBGATE_LIMITER_H
#define HUBGATE_LIMITER_H

#include "core/base/log.h"
#include "core/base/status.h"

struct hubgate;

enum limited { /* of each 20 lines at once, then one per second, the rest counted */
	LIMITED_REFUSALS,
	LIMITED_CLOSED, /* apart: who is not ours must not hide what devices are refused */
	LIMITED_LOGINS,
	LIMITED_COUNT
};

enum status limiter_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void limiter_close(struct hubgate *h);

/* A line when one may be logged now, else it is counted; it ends with how many were left out since
 * the last one of these: " (N more since the last line)". */
void limiter_log(struct hubgate *h, enum limited what, enum log_level level, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
/* A line about one message or subscription, one of LIMITED_REFUSALS. */
void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why);
/* The same about a topic of the hub and a client that is not ours, one of LIMITED_CLOSED. NULL
 * for what it has not. */
void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic);

#endif
