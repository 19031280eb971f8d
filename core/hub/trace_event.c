#include "core/hub/trace_event.h"

#include <stdio.h>
#include <string.h>

#include "core/json/json_writer.h"

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

enum status trace_event_put(struct buf *out, const struct trace_event *e, int64_t begin_us)
{
	struct json_writer w = JSON_WRITER(out);

	json_open(&w, NULL, '{');
	json_open(&w, "event", '{');
	json_put_int(&w, "at_us", e->at_us - begin_us);
	json_put_text(&w, "step", names[e->step]);
	if (e->topic[0]) {
		json_put_text(&w, "topic", e->topic);
		json_put_count(&w, "bytes", e->bytes);
		json_put_count(&w, "qos", e->qos);
	}
	if (e->seq != 0)
		json_put_count(&w, e->step == TRACE_LOST ? "count" : "seq", e->seq);
	if (e->took_us != 0)
		json_put_int(&w, "took_us", e->took_us);
	if (e->why)
		json_put_text(&w, "why", e->why);
	json_close(&w, '}');
	json_close(&w, '}');
	return w.st;
}
