#include "plugin/control/control_trace.h"

#include "core/base/room.h"
#include "plugin/base/trace.h"
#include "plugin/control/control_devices.h"

enum {
	EVENT_MAX = 4096,
	SECONDS = 60, /* when nobody says how long */
};

static void tell(void *ctx, const struct trace_event *e, int64_t begin_us)
{
	struct buf text = BUF_MAX(EVENT_MAX);

	if (trace_event_put(&text, e, begin_us) == ST_OK)
		asker_tell(ctx, &text);
	buf_free(&text);
}

static void end(void *ctx)
{
	asker_free(ctx);
}

/* Static; NULL: it runs. */
static const char *begin(struct hubgate *h, const struct device *d, int64_t seconds,
                         struct asker *a)
{
	const struct trace_reader reader = {
		.client_id = a->client_id, .tell = tell, .end = end, .ctx = a
	};

	switch ((int)trace_begin(h, d, (uint32_t)seconds, &reader)) {
	case ST_OK:
		return NULL;
	case ST_EXISTS:
		return "a trace of this device runs already; it ends with its time, or with the connection "
			   "of who asked for it";
	case ST_FULL:
		return "four traces run already, which is the most; wait until one has ended";
	default:
		return "no memory for a trace; ask again";
	}
}

static const char *begin_for(struct hubgate *h, const struct device *d, const cJSON *command,
                             struct asker *a)
{
	const cJSON *node = json_member(command, "seconds");
	int64_t seconds = SECONDS;

	if (node && (!json_int(node, false, &seconds) || seconds < 1 || seconds > TRACE_SECONDS_MAX))
		return "seconds is out of range; use a whole number from 1 to 300";
	return begin(h, d, seconds, a);
}

void control_trace(struct hubgate *h, const cJSON *command, struct asker *a)
{
	const struct device *d = control_devices_named(h, command, a);
	struct buf empty = BUF_MAX(8);
	const char *why;

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return;
	why = begin_for(h, d, command, a);
	if (why)
		asker_answer(a, why);
	else if (buf_add_text(&empty, "{}") == ST_OK)
		asker_tell(a, &empty);
	buf_free(&empty);
}
