#include "core/admin/metrics_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PREFIX    "hubgate_"
#define CALLBACKS PREFIX "callback_seconds"

enum {
	HELP_MAX = 512,
	NS_PER_S = 1000000000,
};

/* What is said otherwise of a value in the units of Prometheus. */
static const struct {
	const char *from, *to;
} words[] = {
	{ "in milliseconds", "in seconds" },
	{ "4294967295:", "+Inf:" },
};

static bool ends(const char *text, const char *with)
{
	size_t len = strlen(text), end = strlen(with);

	return len >= end && strcmp(text + len - end, with) == 0;
}

static bool is_ms(enum metric id)
{
	return ends(metric_name(id), "_ms");
}

void metrics_text_name(enum metric id, char out[METRICS_TEXT_NAME_MAX])
{
	const char *name = metric_name(id);
	size_t len = strlen(name) - (is_ms(id) ? strlen("_ms") : 0);

	snprintf(out, METRICS_TEXT_NAME_MAX, PREFIX "%.*s%s", (int)len, name,
	         is_ms(id) ? "_seconds" : "");
}

/* The table's texts hold neither a line break nor a backslash. */
static void help_of(enum metric id, char out[HELP_MAX])
{
	const char *help = metric_help(id);

	snprintf(out, HELP_MAX, "%s", help);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strstr(help, words[i].from);

		if (at)
			snprintf(out, HELP_MAX, "%.*s%s%s", (int)(at - help), help, words[i].to,
			         at + strlen(words[i].from));
	}
}

static enum status put_value(enum metric id, uint64_t value, struct buf *out)
{
	if (id == M_DRAIN && value >= UINT32_MAX)
		return buf_add_text(out, "+Inf\n");
	if (is_ms(id))
		return buf_addf(out, "%" PRIu64 ".%03" PRIu64 "\n", value / 1000, value % 1000);
	return buf_addf(out, "%" PRIu64 "\n", value);
}

static enum status put_metric(const struct metrics *m, enum metric id, struct buf *out)
{
	char name[METRICS_TEXT_NAME_MAX], help[HELP_MAX];
	enum status st;

	metrics_text_name(id, name);
	help_of(id, help);
	st = buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name,
	              ends(name, "_total") ? "counter" : "gauge", name);
	return st == ST_OK ? put_value(id, metric_get(m, id), out) : st;
}

/* --- the time in callbacks --- */

static enum status put_histogram(const char *callback, const struct histogram *h, struct buf *out)
{
	uint64_t count = 0, sum_ns = h->sum_ns;
	enum status st = ST_OK;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && st == ST_OK; i++) {
		char bound[32] = "+Inf";

		count += h->bucket[i];
		if (i < HISTOGRAM_BUCKETS - 1)
			snprintf(bound, sizeof(bound), "%.9g", (double)(UINT64_C(1) << i) / 1e6);
		st = buf_addf(out, CALLBACKS "_bucket{callback=\"%s\",le=\"%s\"} %" PRIu64 "\n", callback,
		              bound, count);
	}
	if (st == ST_OK)
		st = buf_addf(out, CALLBACKS "_sum{callback=\"%s\"} %" PRIu64 ".%09" PRIu64 "\n", callback,
		              sum_ns / NS_PER_S, sum_ns % NS_PER_S);
	return st == ST_OK
	           ? buf_addf(out, CALLBACKS "_count{callback=\"%s\"} %" PRIu64 "\n", callback, count)
	           : st;
}

enum status metrics_text_put(const struct metrics *m, struct buf *out)
{
	enum status st = ST_OK;

	for (int i = 0; i < METRIC_COUNT && st == ST_OK; i++)
		st = put_metric(m, (enum metric)i, out);
	if (st == ST_OK)
		st = buf_add_text(out, "# HELP " CALLBACKS " time inside the broker's thread\n"
		                       "# TYPE " CALLBACKS " histogram\n");
	for (int i = 0; i < CALLBACK_COUNT && st == ST_OK; i++)
		st = put_histogram(metric_callback((enum callback)i), &m->callbacks[i], out);
	return st;
}

/* --- what is not in the table --- */

enum status metrics_text_family(struct buf *out, const char *name, const char *help)
{
	return buf_addf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name, help, name);
}

enum status metrics_text_value(struct buf *out, const char *name, const char *labels, double value)
{
	return buf_addf(out, PREFIX "%s%s %.15g\n", name, labels, value);
}
