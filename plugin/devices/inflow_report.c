#include "plugin/devices/inflow_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/pace/inflow.h"

enum {
	TOP = 3,
	NAMES_BYTES = 320
};

struct inflow_report {
	struct inflow inflow;
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
static void take_top(struct hubgate *h, const struct device *top[TOP], uint32_t sent[TOP])
{
	struct table_at at;

	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		uint32_t count = d->accepted;
		int place = TOP;

		while (place > 0 && count > sent[place - 1])
			place--;
		for (int i = TOP - 1; i > place; i--) {
			top[i] = top[i - 1];
			sent[i] = sent[i - 1];
		}
		if (place < TOP && count > 0) {
			top[place] = d;
			sent[place] = count;
		}
		d->accepted = 0;
	}
}

static void warn(struct hubgate *h, const struct device *const top[TOP], const uint32_t sent[TOP],
                 double seconds)
{
	char names[NAMES_BYTES] = "";
	size_t used = 0;

	for (int i = 0; i < TOP && top[i] && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s/%s %.1f", i ? ", " : "",
		                         top[i]->product_id, top[i]->device_name, sent[i] / seconds);
	log_line(&h->log, LOG_WARN,
	         "%.1f messages per second come in, hub.rate_up lets %u out: the queue grows; most "
	         "from %s; thin them with routes[]",
	         h->inflow->inflow.in, h->config->hub.rate_up, names);
}

void inflow_report_run(struct hubgate *h, int64_t now_ms)
{
	const struct device *top[TOP] = { NULL };
	uint32_t sent[TOP] = { 0 };
	struct inflow *f = &h->inflow->inflow;
	struct journal_counts c;
	int64_t began_ms = f->began_ms;

	IN_ROOM(ROOM_BROKER);
	if (!inflow_due(f, now_ms))
		return;
	journal_counts(h->journal, &c);
	take_top(h, top, sent);
	switch (
		inflow_window(f, now_ms, c.accepted, c.ended[JOURNAL_DELIVERED], h->config->hub.rate_up)) {
	case INFLOW_OVER:
		warn(h, top, sent, (double)(now_ms - began_ms) / 1000);
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
