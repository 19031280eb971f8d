#include "plugin/base/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/timer.h"

enum {
	REMEMBERED_MAX = 64, /* the hub's window and more */
	SECOND_US = 1000000,
	RETRY_MS = 1000,
	CLIENT_MAX = 256 + 1, /* of an id; a longer one has no trace */
};

struct remembered { /* a message, of which UPLINK tells no more than its number */
	uint64_t seq;
	size_t bytes;
	uint8_t qos;
	char topic[TOPIC_LEN_MAX + 1];
};

struct trace {
	char client_id[CLIENT_ID_MAX + 1]; /* of the device */
	char reader_id[CLIENT_MAX];
	struct trace_reader reader;
	bool over; /* UPLINK is to be told; it has no reader any more */
	int64_t begin_us, until_ms;
	int64_t second_us; /* since then count were told */
	unsigned count;
	uint64_t lost; /* not told yet */
	size_t next;   /* in known */
	struct remembered known[REMEMBERED_MAX];
};

struct traces {
	struct trace *at[TRACES_MAX];
	size_t count;
	uint64_t lost_seen;
};

/* --- telling --- */

static void tell_lost(struct trace *t, int64_t now_us)
{
	const struct trace_event lost = { .step = TRACE_LOST, .at_us = now_us, .seq = t->lost };

	if (t->lost == 0)
		return;
	t->reader.tell(t->reader.ctx, &lost, t->begin_us);
	t->lost = 0;
}

static bool may_tell(struct trace *t, int64_t now_us)
{
	if (now_us - t->second_us >= SECOND_US) {
		t->second_us = now_us;
		t->count = 0;
	}
	return t->count++ < TRACE_EVENTS_PER_S;
}

static void remember(struct trace *t, const struct trace_event *e)
{
	struct remembered *r = &t->known[t->next++ % REMEMBERED_MAX];

	r->seq = e->seq;
	r->bytes = e->bytes;
	r->qos = e->qos;
	memcpy(r->topic, e->topic, sizeof(r->topic));
}

/* What UPLINK says by the number alone gets its topic. */
static void complete(const struct trace *t, struct trace_event *e)
{
	for (size_t i = 0; i < REMEMBERED_MAX; i++) {
		const struct remembered *r = &t->known[i];

		if (r->seq != e->seq)
			continue;
		e->bytes = r->bytes;
		e->qos = r->qos;
		memcpy(e->topic, r->topic, sizeof(e->topic));
		return;
	}
}

static void tell(struct trace *t, struct trace_event *e, int64_t now_us)
{
	if (!may_tell(t, now_us)) {
		t->lost++;
		return;
	}
	tell_lost(t, now_us);
	if (e->seq != 0 && !e->topic[0])
		complete(t, e);
	else if (e->seq != 0)
		remember(t, e);
	t->reader.tell(t->reader.ctx, e, t->begin_us);
}

static struct trace *find(const struct hubgate *h, const char *client_id)
{
	for (size_t i = 0; h->traces && i < h->traces->count; i++) {
		struct trace *t = h->traces->at[i];

		if (strcmp(t->client_id, client_id) == 0)
			return t;
	}
	return NULL;
}

void trace_note(struct hubgate *h, const char *client_id, enum trace_step step,
                const struct trace_about *about)
{
	struct trace *t = find(h, client_id);
	struct trace_about now = *about;
	struct trace_event e;

	IN_ROOM(ROOM_BROKER);
	if (!t || t->over)
		return;
	if (now.at_us == 0)
		now.at_us = hubgate_now_us();
	trace_event_make(&e, step, client_id, &now);
	tell(t, &e, now.at_us);
}

/* Of which trace they were nobody knows. */
static void count_lost(struct hubgate *h)
{
	uint64_t lost = uplink_traces_lost(h->uplink);

	for (size_t i = 0; i < h->traces->count; i++)
		h->traces->at[i]->lost += lost - h->traces->lost_seen;
	h->traces->lost_seen = lost;
}

bool trace_take(struct hubgate *h)
{
	struct trace_event e;
	struct trace *t;

	IN_ROOM(ROOM_BROKER);
	if (uplink_take_trace(h->uplink, &e) != ST_OK)
		return false;
	count_lost(h);
	t = find(h, e.client_id);
	if (t && !t->over)
		tell(t, &e, hubgate_now_us());
	return true;
}

/* --- begin and end --- */

/* What UPLINK still told of traces before. */
static bool begin_first(struct hubgate *h)
{
	struct trace_event e;

	if (!h->traces)
		h->traces = calloc(1, sizeof(*h->traces));
	if (!h->traces || h->traces->count > 0)
		return h->traces != NULL;
	while (uplink_take_trace(h->uplink, &e) == ST_OK)
		;
	h->traces->lost_seen = uplink_traces_lost(h->uplink);
	return true;
}

static void end_last(struct hubgate *h)
{
	if (h->traces && h->traces->count == 0) {
		free(h->traces);
		h->traces = NULL;
	}
}

static struct trace *make(const struct device *d, uint32_t seconds,
                          const struct trace_reader *reader)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	snprintf(t->client_id, sizeof(t->client_id), "%s", d->client_id);
	snprintf(t->reader_id, sizeof(t->reader_id), "%s", reader->client_id);
	t->reader = *reader;
	t->reader.client_id = t->reader_id;
	t->begin_us = t->second_us = hubgate_now_us();
	t->until_ms = hubgate_now_ms() + INT64_C(1000) * seconds;
	return t;
}

static enum status begin(struct hubgate *h, const struct device *d, uint32_t seconds,
                         const struct trace_reader *reader)
{
	struct trace *t;

	if (h->traces->count == TRACES_MAX)
		return ST_FULL;
	t = make(d, seconds, reader);
	if (!t)
		return ST_NOMEM;
	if (uplink_trace(h->uplink, t->client_id, true) != ST_OK) {
		free(t);
		return ST_FULL;
	}
	h->traces->at[h->traces->count++] = t;
	timer_ring_by(h, t->until_ms);
	return ST_OK;
}

enum status trace_begin(struct hubgate *h, const struct device *d, uint32_t seconds,
                        const struct trace_reader *reader)
{
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (find(h, d->client_id))
		return ST_EXISTS;
	if (!begin_first(h))
		return ST_NOMEM;
	st = begin(h, d, seconds, reader);
	end_last(h);
	return st;
}

static void let_go(struct trace *t)
{
	t->over = true;
	t->reader.end(t->reader.ctx);
}

/* Of what is over UPLINK hears, now or at the next look. Returns the next look. */
static int64_t sweep(struct hubgate *h, int64_t now_ms)
{
	struct traces *all = h->traces;
	int64_t due_ms = INT64_MAX;

	for (size_t i = all->count; i-- > 0;) {
		struct trace *t = all->at[i];

		if (t->over && uplink_trace(h->uplink, t->client_id, false) == ST_OK) {
			all->at[i] = all->at[--all->count];
			free(t);
			continue;
		}
		if (t->over)
			t->until_ms = now_ms + RETRY_MS;
		if (t->until_ms < due_ms)
			due_ms = t->until_ms;
	}
	end_last(h);
	return due_ms;
}

void trace_reader_gone(struct hubgate *h, const char *client_id)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->traces->count; i++) {
		struct trace *t = h->traces->at[i];

		if (!t->over && strcmp(t->reader_id, client_id) == 0)
			let_go(t);
	}
	timer_ring_by(h, sweep(h, hubgate_now_ms()));
}

void trace_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; h->traces && i < h->traces->count; i++) {
		struct trace *t = h->traces->at[i];
		const struct trace_event ended = { .step = TRACE_ENDED,
			                               .at_us = hubgate_now_us(),
			                               .why = "its time is over" };

		if (t->over || now_ms < t->until_ms)
			continue;
		tell_lost(t, ended.at_us);
		t->reader.tell(t->reader.ctx, &ended, t->begin_us);
		let_go(t);
	}
	if (h->traces)
		sweep(h, now_ms);
}

int64_t trace_due(const struct hubgate *h)
{
	int64_t due_ms = INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; h->traces && i < h->traces->count; i++) {
		if (h->traces->at[i]->until_ms < due_ms)
			due_ms = h->traces->at[i]->until_ms;
	}
	return due_ms;
}

void trace_close(struct hubgate *h)
{
	for (size_t i = 0; h->traces && i < h->traces->count; i++) {
		struct trace *t = h->traces->at[i];

		if (!t->over)
			let_go(t);
		free(t);
	}
	free(h->traces);
	h->traces = NULL;
}
