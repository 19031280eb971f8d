/* limiter.h - log lines of which there may be many: refused messages, subscriptions, logins.
 * Room:  BROKER.
 * Keeps: who is wrong for ever is told of once, then counted (core/base/repeats.h).
 */
#ifndef HUBGATE_LIMITER_H
#define HUBGATE_LIMITER_H

#include "core/base/log.h"
#include "core/base/repeats.h"
#include "core/base/status.h"

struct hubgate;

enum limited { /* apart: those of one kind must not hide those of another */
	LIMITED_REFUSALS,
	LIMITED_CLOSED, /* what is refused to who is not ours */
	LIMITED_LOGINS,
	LIMITED_SESSIONS, /* ended by us */
	LIMITED_COUNT
};

enum status limiter_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void limiter_close(struct hubgate *h);

/* A line about who, which repeats as long as why stays the same: said once, then counted. */
void limiter_log(struct hubgate *h, enum limited what, enum log_level level, const char *who,
                 const char *why, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* A line about one message or subscription, one of LIMITED_REFUSALS. */
void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why);
/* The same about a topic of the hub and a client that is not ours, one of LIMITED_CLOSED. NULL
 * for what it has not. */
void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic);
/* who is in order again; the next line about it is news. */
void limiter_over(struct hubgate *h, enum limited what, const char *who);

#endif
