#include "plugin/devices/inflow_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/pace/inflow.h"

enum {
	NAMED = 3, /* in a line of the log */
	NAMES_BYTES = 320
};

struct inflow_report {
	struct inflow inflow;
	struct inflow_talker top[INFLOW_TALKERS];
	size_t top_count;
};

enum status inflow_report_open(struct hubgate *h)
{
	h->inflow = calloc(1, sizeof(*h->inflow));
	return h->inflow ? ST_OK : ST_NOMEM;
}

void inflow_report_close(struct hubgate *h)
{
	free(h->inflow);
	h->inflow = NULL;
}

/* The devices that sent most in this window, and everybody's count starts anew. */
static void take_top(struct hubgate *h, int64_t window_ms)
{
	const struct device *top[INFLOW_TALKERS] = { NULL };
	uint32_t sent[INFLOW_TALKERS] = { 0 };
	struct inflow_report *r = h->inflow;
	struct table_at at;

	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		uint32_t count = d->accepted;
		int place = INFLOW_TALKERS;

		while (place > 0 && count > sent[place - 1])
			place--;
		for (int i = INFLOW_TALKERS - 1; i > place; i--) {
			top[i] = top[i - 1];
			sent[i] = sent[i - 1];
		}
		if (place < INFLOW_TALKERS && count > 0) {
			top[place] = d;
			sent[place] = count;
		}
		d->accepted = 0;
	}
	for (r->top_count = 0; r->top_count < INFLOW_TALKERS && top[r->top_count]; r->top_count++) {
		struct inflow_talker *t = &r->top[r->top_count];

		snprintf(t->name, sizeof(t->name), "%s/%s", top[r->top_count]->product_id,
		         top[r->top_count]->device_name);
		t->per_minute = (uint32_t)((sent[r->top_count] * (uint64_t)INFLOW_WINDOW_MS) /
		                           (uint64_t)(window_ms > 0 ? window_ms : INFLOW_WINDOW_MS));
	}
}

size_t inflow_report_talkers(const struct hubgate *h, const struct inflow_talker **out)
{
	IN_ROOM(ROOM_BROKER);
	*out = h->inflow->top;
	return h->inflow->top_count;
}

static void warn(struct hubgate *h)
{
	const struct inflow_report *r = h->inflow;
	char names[NAMES_BYTES] = "";
	size_t used = 0;

	for (size_t i = 0; i < NAMED && i < r->top_count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s %.1f", i ? ", " : "",
		                         r->top[i].name, r->top[i].per_minute / 60.0);
	log_line(&h->log, LOG_WARN,
	         "%.1f messages per second come in, hub.rate_up lets %u out: the queue grows; most "
	         "from %s; thin them with routes[]",
	         h->inflow->inflow.in, h->config->hub.rate_up, names);
}

void inflow_report_run(struct hubgate *h, int64_t now_ms)
{
	struct inflow *f = &h->inflow->inflow;
	struct journal_counts c;
	int64_t began_ms = f->began_ms;

	IN_ROOM(ROOM_BROKER);
	if (!inflow_due(f, now_ms))
		return;
	journal_counts(h->journal, &c);
	take_top(h, began_ms > 0 ? now_ms - began_ms : 0);
	switch (
		inflow_window(f, now_ms, c.accepted, c.ended[JOURNAL_DELIVERED], h->config->hub.rate_up)) {
	case INFLOW_OVER:
		warn(h);
		break;
	case INFLOW_WITHIN:
		log_line(&h->log, LOG_NOTE, "%.1f messages per second come in, within hub.rate_up again",
		         f->in);
		break;
	case INFLOW_NOTHING:
		break;
	}
}

void inflow_report_measure(struct hubgate *h, uint64_t queued)
{
	const struct inflow *f = &h->inflow->inflow;

	IN_ROOM(ROOM_BROKER);
	metric_set(&h->metrics, M_INFLOW, (uint64_t)(f->in * 60 + 0.5));
	metric_set(&h->metrics, M_DRAIN, inflow_drain_s(f, queued, h->config->hub.rate_up));
}
