#include "plugin/report.h"

#include <inttypes.h>
#include <stdarg.h>
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

static void put(const char *name, const char *suffix, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(const char *name, const char *suffix, const char *format, ...)
{
	char topic[128], text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(topic, sizeof(topic), SYS_ROOT "%s%s", name, suffix);
	publish_on_lan(topic, text, strlen(text), 0, true);
}

static void put_histogram(const char *name, const struct histogram *t)
{
	put("callback_us/", name,
	    "p50 %" PRIu64 " p99 %" PRIu64 " p99.9 %" PRIu64 " max %" PRIu64 " count %" PRIu64,
	    histogram_quantile_us(t, 0.5), histogram_quantile_us(t, 0.99),
	    histogram_quantile_us(t, 0.999), t->max_ns / 1000, histogram_count(t));
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
		put(metric_name((enum metric)i), "", "%" PRIu64, metric_get(&h->metrics, (enum metric)i));
	memset(&all, 0, sizeof(all));
	for (int c = 0; c < CALLBACK_COUNT; c++) {
		put_histogram(metric_callback((enum callback)c), &h->metrics.callbacks[c]);
		histogram_merge(&all, &h->metrics.callbacks[c]);
	}
	put_histogram("all", &all);
	put("uplink", "", "%s", uplink_state_text(uplink_state_now(h->uplink)));
}
