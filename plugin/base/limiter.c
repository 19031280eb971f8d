#include "plugin/base/limiter.h"

#include <stdarg.h>
#include <stdlib.h>

#include "core/base/repeats.h"
#include "core/base/room.h"
#include "plugin/base/context.h"

enum {
	WHY_MAX = 256,
};

struct limiters {
	struct repeats of[LIMITED_COUNT];
};

enum status limiter_open(struct hubgate *h)
{
	h->limiters = calloc(1, sizeof(*h->limiters));
	for (int i = 0; h->limiters && i < LIMITED_COUNT; i++)
		repeats_init(&h->limiters->of[i], h->seed);
	return h->limiters ? ST_OK : ST_NOMEM;
}

void limiter_close(struct hubgate *h)
{
	free(h->limiters);
	h->limiters = NULL;
}

void limiter_log(struct hubgate *h, enum limited what, enum log_level level, const char *who,
                 const char *why, const char *format, ...)
{
	va_list args;

	IN_ROOM(ROOM_BROKER);
	va_start(args, format);
	repeats_vlog(&h->limiters->of[what], &h->log, level, who, why, hubgate_now_ms(), format, args);
	va_end(args);
}

void limiter_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                         const char *why)
{
	char of_topic[WHY_MAX];

	IN_ROOM(ROOM_BROKER);
	repeats_by_topic(&h->limiters->of[LIMITED_REFUSALS], why, topic, of_topic, sizeof(of_topic));
	limiter_log(h, LIMITED_REFUSALS, LOG_WARN, client_id, of_topic, "%s: refused %.128s: %s",
	            client_id, topic, why);
}

/* By user name: such clients often have a new id each time. */
void limiter_log_closed(struct hubgate *h, const char *client_id, const char *username,
                        const char *topic)
{
	const char *who = username ? username : "(none)";
	char of_topic[WHY_MAX];

	IN_ROOM(ROOM_BROKER);
	repeats_by_topic(&h->limiters->of[LIMITED_CLOSED], "", topic, of_topic, sizeof(of_topic));
	limiter_log(h, LIMITED_CLOSED, LOG_WARN, who, of_topic,
	            "%.64s: refused %.128s: topics of the hub are for their devices; user name %.64s "
	            "needs a rule in apps[] to publish there",
	            client_id ? client_id : "(no client id)", topic, who);
}

void limiter_over(struct hubgate *h, enum limited what, const char *who)
{
	IN_ROOM(ROOM_BROKER);
	repeats_over(&h->limiters->of[what], who);
}
