#include "plugin/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/publish.h"
#include "plugin/devices/gauges.h"

#define SYS_ROOT "$SYS/broker/hubgate/"

struct report {
	int64_t next_ms; /* publication of the metrics */
};

enum status report_open(struct hubgate *h)
{
	h->report = calloc(1, sizeof(*h->report));
	return h->report ? ST_OK : ST_NOMEM;
}

void report_close(struct hubgate *h)
{
	free(h->report);
	h->report = NULL;
}

static void put_text(const char *name, const char *text)
{
	char topic[128];

	snprintf(topic, sizeof(topic), SYS_ROOT "%s", name);
	publish_on_lan(topic, text, strlen(text), 0, true);
}

static void put_number(const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_text(name, text);
}

static void put_histogram(const char *name, const struct histogram *t)
{
	const struct {
		const char *what;
		uint64_t value;
	} rows[] = {
		{ "p50", histogram_quantile_us(t, 0.5) },
		{ "p99", histogram_quantile_us(t, 0.99) },
		{ "p999", histogram_quantile_us(t, 0.999) },
		{ "max", t->max_ns / 1000 },
		{ "count", histogram_count(t) },
	};
	char topic[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(topic, sizeof(topic), "callback_us/%s/%s", name, rows[i].what);
		put_number(topic, rows[i].value);
	}
}

void report_interval_changed(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->report->next_ms = 0;
}

void report_run(struct hubgate *h, int64_t now_ms)
{
	struct histogram all;

	IN_ROOM(ROOM_BROKER);
	if (h->config->metrics.sys_interval_s == 0 || now_ms < h->report->next_ms)
		return;
	h->report->next_ms = now_ms + h->config->metrics.sys_interval_s * INT64_C(1000);
	gauges_measure(h);
	for (int i = 0; i < METRIC_COUNT; i++)
		put_number(metric_name((enum metric)i), metric_get(&h->metrics, (enum metric)i));
	memset(&all, 0, sizeof(all));
	for (int c = 0; c < CALLBACK_COUNT; c++) {
		put_histogram(metric_callback((enum callback)c), &h->metrics.callbacks[c]);
		histogram_merge(&all, &h->metrics.callbacks[c]);
	}
	put_histogram("all", &all);
	put_text("version", HUBGATE_VERSION);
}
