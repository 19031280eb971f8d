#include "core/hub/trace_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/json/json.h"

static const char *const names[] = {
#define X(step, name) [step] = name,
	TRACE_STEPS(X)
#undef X
};

void trace_event_make(struct trace_event *out, enum trace_step step, const char *client_id,
                      const struct trace_about *about)
{
	size_t len = about->topic ? strlen(about->topic) : 0;

	*out = (struct trace_event){ .step = step,
		                         .at_us = about->at_us,
		                         .took_us = about->took_us,
		                         .why = about->why,
		                         .seq = about->seq,
		                         .bytes = about->bytes,
		                         .qos = about->qos };
	snprintf(out->client_id, sizeof(out->client_id), "%s", client_id);
	if (len > TOPIC_LEN_MAX) { /* no character is cut in two */
		for (len = TOPIC_LEN_MAX; ((unsigned char)about->topic[len] & 0xC0) == 0x80;)
			len--;
	}
	snprintf(out->topic, sizeof(out->topic), "%.*s", (int)len, about->topic ? about->topic : "");
}

static enum status put_topic(struct buf *out, const struct trace_event *e)
{
	enum status st = buf_add_text(out, ",\"topic\":");

	if (st == ST_OK)
		st = json_add_string(out, e->topic);
	return st == ST_OK ? buf_addf(out, ",\"bytes\":%zu,\"qos\":%u", e->bytes, e->qos) : st;
}

static enum status put_why(struct buf *out, const char *why)
{
	enum status st = buf_add_text(out, ",\"why\":");

	return st == ST_OK ? json_add_string(out, why) : st;
}

enum status trace_event_put(struct buf *out, const struct trace_event *e, int64_t begin_us)
{
	enum status st = buf_addf(out, "{\"event\":{\"at_us\":%" PRId64 ",\"step\":\"%s\"",
	                          e->at_us - begin_us, names[e->step]);

	if (st == ST_OK && e->topic[0])
		st = put_topic(out, e);
	if (st == ST_OK && e->seq != 0)
		st = buf_addf(out, ",\"%s\":%" PRIu64, e->step == TRACE_LOST ? "count" : "seq", e->seq);
	if (st == ST_OK && e->took_us != 0)
		st = buf_addf(out, ",\"took_us\":%" PRId64, e->took_us);
	if (st == ST_OK && e->why)
		st = put_why(out, e->why);
	return st == ST_OK ? buf_add_text(out, "}}") : st;
}
