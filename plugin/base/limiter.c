#include "plugin/base/limiter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/room.h"
#include "plugin/base/context.h"

enum {
	LOG_BURST = 20,
	LOG_INTERVAL_MS = 1000,
};

struct limiters {
	struct limiter {
		int64_t next_ms;
		uint64_t suppressed;
	} of[LIMITED_COUNT];
};

enum status limiter_open(struct hubgate *h)
{
	h->limiters = calloc(1, sizeof(*h->limiters));
	return h->limiters ? ST_OK : ST_NOMEM;
}

void limiter_close(struct hubgate *h)
{
	free(h->limiters);
	h->limiters = NULL;
}

/* *suppressed: how many were not since the last one. */
static bool may_log(struct limiter *l, uint64_t *suppressed)
{
	int64_t now_ms = hubgate_now_ms();

	if (now_ms <= l->next_ms - LOG_BURST * LOG_INTERVAL_MS) {
		l->suppressed++;
		return false;
	}
	l->next_ms = (l->next_ms > now_ms ? l->next_ms : now_ms) + LOG_INTERVAL_MS;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}

void limiter_log(struct hubgate *h, enum limited what, enum log_level level, const char *format,
                 ...)
{
	char line[LOG_LINE_MAX];
	uint64_t more = 0;
	va_list args;

	IN_ROOM(ROOM_BROKER);
	if (!may_log(&h->limiters->of[what], &more))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (more > 0)
		log_line(&h->log, level, "%s (%" PRIu64 " more since the last line)", line, more);
	else
		log_line(&h->log, level, "%s", line);
}

void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why)
{
	IN_ROOM(ROOM_BROKER);
	limiter_log(h, LIMITED_REFUSALS, LOG_WARN, "%s: refused %.128s: %s", client_id, topic, why);
}

void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	limiter_log(h, LIMITED_CLOSED, LOG_WARN,
	            "%.64s: refused %.128s: topics of the hub are for their devices; user name %.64s "
	            "needs a rule in apps[] to publish there",
	            client_id ? client_id : "(no client id)", topic, username ? username : "(none)");
}
