#include "core/admin/metrics_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

static struct metrics m;
static struct buf out = BUF_MAX(METRICS_TEXT_MAX);

/* One line of the text, without its line break. */
static bool has_line(const char *line)
{
	const char *text = buf_text(&out), *at = text;
	size_t len = strlen(line);

	while ((at = strstr(at, line)) && ((at > text && at[-1] != '\n') || at[len] != '\n'))
		at++;
	if (!at)
		fprintf(stderr, "no line %s\n", line);
	return at != NULL;
}

static void write_all(void)
{
	buf_reset(&out);
	CU_ASSERT_EQUAL(metrics_text_put(&m, &out), ST_OK);
}

static void every_row_of_the_table_has_help_type_and_value(void)
{
	memset(&m, 0, sizeof(m));
	for (int i = 0; i < METRIC_COUNT; i++)
		metric_set(&m, (enum metric)i, 1000u + (unsigned)i);
	write_all();
	for (int i = 0; i < METRIC_COUNT; i++) {
		char name[METRICS_TEXT_NAME_MAX], line[128];
		size_t len;

		metrics_text_name((enum metric)i, name);
		len = strlen(name);
		snprintf(line, sizeof(line), "# TYPE %s %s", name,
		         len > 6 && strcmp(name + len - 6, "_total") == 0 ? "counter" : "gauge");
		CU_ASSERT(has_line(line));
		if (strstr(name, "_seconds") && !strstr(name, "drain"))
			snprintf(line, sizeof(line), "%s 1.%03d", name, i);
		else
			snprintf(line, sizeof(line), "%s %d", name, 1000 + i);
		CU_ASSERT(has_line(line));
	}
	CU_ASSERT(has_line("# HELP hubgate_messages_accepted_total messages from devices taken for the "
	                   "hub"));
	CU_ASSERT_PTR_NULL(strstr(buf_text(&out), "millisecond"));
	buf_free(&out);
}

static void queue_that_never_drains_takes_for_ever(void)
{
	metric_set(&m, M_DRAIN, UINT32_MAX);
	write_all();
	CU_ASSERT(has_line("hubgate_drain_seconds +Inf"));
	metric_set(&m, M_DRAIN, 77);
	write_all();
	CU_ASSERT(has_line("hubgate_drain_seconds 77"));
	buf_free(&out);
}

static void time_in_callbacks_is_a_histogram_in_seconds(void)
{
	memset(&m, 0, sizeof(m));
	histogram_add(&m.callbacks[CALLBACK_ACL], 1500);        /* under 2 us */
	histogram_add(&m.callbacks[CALLBACK_ACL], 3000000);     /* 3 ms */
	histogram_add(&m.callbacks[CALLBACK_ACL], 60000000000); /* a minute */
	write_all();
	CU_ASSERT(has_line("# TYPE hubgate_callback_seconds histogram"));
	CU_ASSERT(has_line("hubgate_callback_seconds_bucket{callback=\"acl\",le=\"1e-06\"} 0"));
	CU_ASSERT(has_line("hubgate_callback_seconds_bucket{callback=\"acl\",le=\"2e-06\"} 1"));
	CU_ASSERT(has_line("hubgate_callback_seconds_bucket{callback=\"acl\",le=\"0.002048\"} 1"));
	CU_ASSERT(has_line("hubgate_callback_seconds_bucket{callback=\"acl\",le=\"0.004096\"} 2"));
	CU_ASSERT(has_line("hubgate_callback_seconds_bucket{callback=\"acl\",le=\"+Inf\"} 3"));
	CU_ASSERT(has_line("hubgate_callback_seconds_sum{callback=\"acl\"} 60.003001500"));
	CU_ASSERT(has_line("hubgate_callback_seconds_count{callback=\"acl\"} 3"));
	CU_ASSERT(has_line("hubgate_callback_seconds_count{callback=\"tick\"} 0"));
	buf_free(&out);
}

static void what_is_not_in_the_table_is_written_alike(void)
{
	buf_reset(&out);
	CU_ASSERT_EQUAL(metrics_text_family(&out, "info", "what runs"), ST_OK);
	CU_ASSERT_EQUAL(metrics_text_value(&out, "info", "{version=\"1\"}", 1), ST_OK);
	CU_ASSERT_EQUAL(metrics_text_value(&out, "round_trip_seconds", "", 0.0425), ST_OK);
	CU_ASSERT(has_line("# HELP hubgate_info what runs"));
	CU_ASSERT(has_line("# TYPE hubgate_info gauge"));
	CU_ASSERT(has_line("hubgate_info{version=\"1\"} 1"));
	CU_ASSERT(has_line("hubgate_round_trip_seconds 0.0425"));
	buf_free(&out);
}

/* Those that bridge/admin/admin_metrics.c adds. */
static const char *const others[] = { "hubgate_info", "hubgate_oldest_message_age_seconds" };

static bool is_name(const char *name, size_t len)
{
	static const char *const parts[] = { "", "_bucket", "_sum", "_count" };
	char known[METRICS_TEXT_NAME_MAX];

	for (int i = 0; i < METRIC_COUNT; i++) {
		metrics_text_name((enum metric)i, known);
		if (strlen(known) == len && strncmp(known, name, len) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		snprintf(known, sizeof(known), "hubgate_callback_seconds%s", parts[i]);
		if (strlen(known) == len && strncmp(known, name, len) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strlen(others[i]) == len && strncmp(others[i], name, len) == 0)
			return true;
	}
	return false;
}

/* A pattern, "hubgate_messages_dropped_(a|b)_total", is no name. */
static void every_name_in(const char *path, int least)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	int found = 0;
	size_t len;

	CU_ASSERT_FATAL(f != NULL);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	for (const char *at = text; (at = strstr(at, "hubgate_")); at += len) {
		len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (at[len] == '(')
			continue;
		CU_ASSERT(is_name(at, len));
		if (!is_name(at, len))
			fprintf(stderr, "%s: %.*s is no metric\n", path, (int)len, at);
		found++;
	}
	CU_ASSERT(found >= least);
}

static void alerts_and_dashboard_name_metrics_that_are_there(void)
{
	every_name_in("conf/alerts.yaml", 15);
	every_name_in("conf/grafana.json", 20);
}

static void copy_of_the_metrics_has_every_value(void)
{
	static struct metrics copy;

	memset(&m, 0, sizeof(m));
	metric_set(&m, M_TIME_ANSWERED, 5);
	histogram_add(&m.callbacks[CALLBACK_RELOAD], 1500);
	metrics_copy(&copy, &m);
	CU_ASSERT_EQUAL(memcmp(&copy, &m, sizeof(m)), 0);
}

SUITE(metrics_text, TEST(every_row_of_the_table_has_help_type_and_value),
      TEST(queue_that_never_drains_takes_for_ever),
      TEST(time_in_callbacks_is_a_histogram_in_seconds),
      TEST(what_is_not_in_the_table_is_written_alike),
      TEST(alerts_and_dashboard_name_metrics_that_are_there),
      TEST(copy_of_the_metrics_has_every_value))
