#include "plugin/base/limiter.h"

#include <inttypes.h>
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

bool limiter_may_log(struct hubgate *h, enum limited what, uint64_t *suppressed)
{
	struct limiter *l = &h->limiters->of[what];
	int64_t now_ms = hubgate_now_ms();

	IN_ROOM(ROOM_BROKER);
	if (now_ms <= l->next_ms - LOG_BURST * LOG_INTERVAL_MS) {
		l->suppressed++;
		return false;
	}
	l->next_ms = (l->next_ms > now_ms ? l->next_ms : now_ms) + LOG_INTERVAL_MS;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}

const char *limiter_more(uint64_t suppressed, char out[LIMITER_MORE_MAX])
{
	IN_ROOM(ROOM_BROKER);
	out[0] = '\0';
	if (suppressed > 0)
		snprintf(out, LIMITER_MORE_MAX, " (%" PRIu64 " more since the last line)", suppressed);
	return out;
}

void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why)
{
	char text[LIMITER_MORE_MAX];
	uint64_t more = 0;

	IN_ROOM(ROOM_BROKER);
	if (limiter_may_log(h, LIMITED_REFUSALS, &more))
		log_line(&h->log, LOG_WARN, "%s: refused %.128s: %s%s", client_id, topic, why,
		         limiter_more(more, text));
}

void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic)
{
	char text[LIMITER_MORE_MAX];
	uint64_t more = 0;

	IN_ROOM(ROOM_BROKER);
	if (limiter_may_log(h, LIMITED_CLOSED, &more))
		log_line(&h->log, LOG_WARN,
		         "%.64s: refused %.128s: topics of the hub are for their devices; user name %.64s "
		         "needs a rule in apps[] to publish there%s",
		         client_id ? client_id : "(no client id)", topic, username ? username : "(none)",
		         limiter_more(more, text));
}
