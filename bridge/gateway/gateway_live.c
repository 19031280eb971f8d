/* What a device has to send, and what of it goes next: messages that are in memory only, and their
 * place among those of the journal. */
#include <stdlib.h>

#include "bridge/gateway/aside.h"
#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"

enum {
	ANSWER_WAIT_MS = 1000 /* until the SUBACK of the filter that brings the answer */
};

/* --- the filter that brings the answer --- */

int64_t gateway_live_awaits(struct subdev *d, const char *topic, int64_t now_ms)
{
	char text[TOPIC_LEN_MAX + 1];
	struct filter *f;

	IN_ROOM(ROOM_UPLINK);
	if (topic_answer_filter(topic, text) != ST_OK)
		return 0;
	f = gateway_find_filter(d, text);
	if (!f || !f->wanted || (f->state == FILTER_SUBSCRIBED && !f->again) ||
	    (f->state == FILTER_NONE && f->due_ms > now_ms))
		return 0; /* nobody asks for it now, so nothing would come */
	if (f->awaited_ms == 0)
		f->awaited_ms = now_ms + ANSWER_WAIT_MS;
	return f->awaited_ms > now_ms ? f->awaited_ms : 0;
}

void gateway_live_answered(struct subdev *d)
{
	d->telemetry_ms = 0;
	for (struct live_msg *m = d->requests.first; m; m = m->next)
		m->not_before_ms = 0;
}

/* --- what is ready --- */

static struct live_msg *ready_request(const struct subdev *d, int64_t now_ms)
{
	for (struct live_msg *m = d->requests.first; m; m = m->next) {
		if (m->not_before_ms <= now_ms)
			return m;
	}
	return NULL;
}

struct live_msg *gateway_live_call(const struct subdev *d)
{
	struct live_msg *m = d->requests.first;

	IN_ROOM(ROOM_UPLINK);
	while (m && !m->call)
		m = m->next;
	return m;
}

/* The older of what is in memory and what is kept; after_seq stands between the two. *tries: the
 * one that is kept waits for a topic to be proven. */
static enum gateway_source telemetry(const struct gateway *g, struct subdev *d, int64_t now_ms,
                                     bool *tries)
{
	const struct live_msg *m = d->live.first;
	const struct outbox_entry *e = aside_next(g->asides, d, tries);

	if (now_ms < d->telemetry_ms)
		return SOURCE_NONE;
	if (*tries)
		e = outbox_next(&d->outbox);
	if (e && (!m || e->seq <= m->after_seq))
		return *tries ? SOURCE_NONE : SOURCE_KEPT;
	/* Something older may still be in the journal, not read yet. */
	if (!m || (m->after_seq > d->taken_seq && m->after_seq > g->read_seq))
		return SOURCE_NONE;
	return SOURCE_LIVE;
}

struct gateway_ready gateway_live_ready(const struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct gateway_ready r = { .due_ms = INT64_MAX };

	r.telemetry = telemetry(g, d, now_ms, &r.tries);
	r.request = ready_request(d, now_ms) != NULL;
	r.call = gateway_live_call(d) != NULL;
	if (d->telemetry_ms > now_ms)
		r.due_ms = d->telemetry_ms;
	for (const struct live_msg *m = d->requests.first; m; m = m->next) {
		if (m->not_before_ms > now_ms && m->not_before_ms < r.due_ms)
			r.due_ms = m->not_before_ms;
	}
	return r;
}

/* --- what goes next --- */

static struct live_msg *next_request(struct subdev *d, int64_t now_ms)
{
	struct live_msg *m;

	while ((m = ready_request(d, now_ms)) != NULL) {
		m->not_before_ms = gateway_live_awaits(d, m->topic, now_ms);
		if (m->not_before_ms == 0)
			break;
	}
	return m;
}

enum gateway_source gateway_live_next(const struct gateway *g, struct subdev *d, bool window_full,
                                      int64_t now_ms, struct live_msg **out)
{
	bool tries;
	enum gateway_source source = telemetry(g, d, now_ms, &tries);
	struct live_msg *request = next_request(d, now_ms);

	IN_ROOM(ROOM_UPLINK);
	if (source == SOURCE_LIVE) {
		d->telemetry_ms = gateway_live_awaits(d, d->live.first->topic, now_ms);
		source = telemetry(g, d, now_ms, &tries);
	}
	if (source == SOURCE_KEPT && window_full)
		source = SOURCE_NONE;
	d->request_turn = !d->request_turn;
	if (request && (source == SOURCE_NONE || d->request_turn)) {
		*out = request;
		return SOURCE_REQUEST;
	}
	*out = source == SOURCE_LIVE ? d->live.first : NULL;
	return source;
}

/* --- their end --- */

void gateway_live_end(struct subdev *d, struct live_msg *m)
{
	struct live_msg *before = NULL, *each;

	IN_ROOM(ROOM_UPLINK);
	if (m == d->live.first) {
		QUEUE_TAKE(&d->live, each);
	} else {
		for (each = d->requests.first; each != m; each = each->next)
			before = each;
		*(before ? &before->next : &d->requests.first) = m->next;
		if (d->requests.last == m)
			d->requests.last = before;
	}
	gateway_free_live(m);
}

size_t gateway_live_drop_requests(const struct gateway *g, struct subdev *d)
{
	struct live_msg *m;
	size_t n = 0;

	for (; QUEUE_TAKE(&d->requests, m); n++) {
		if (g->late)
			g->late(g->late_ctx, d, m);
		gateway_free_live(m);
	}
	return n;
}
