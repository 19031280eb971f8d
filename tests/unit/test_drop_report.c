#include "bridge/uplink/drop_report.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

static char text[64 * LOG_LINE_MAX];
static unsigned line_count;

static void on_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	strncat(text, line, sizeof text - strlen(text) - 1);
	line_count++;
}

static const struct log log_here = { on_line, NULL };

static void run(struct drop_report *r, int64_t now_ms)
{
	text[0] = '\0';
	line_count = 0;
	drop_report_run(r, &log_here, now_ms);
}

static void the_first_loss_is_told_at_once_and_the_next_after_a_minute(void)
{
	static const char name[] = "lamp";
	struct drop_report r;

	drop_report_init(&r);
	run(&r, 1000);
	CU_ASSERT_EQUAL(line_count, 0);
	for (int i = 0; i < 250; i++)
		drop_report_add(&r, "SUBPRODUC1", name, DROP_STORE, 1000);
	CU_ASSERT_EQUAL(r.due_ms, 1000);
	run(&r, 1000);
	CU_ASSERT_EQUAL(line_count, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "SUBPRODUC1/lamp lost its 250 oldest messages"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "store.max_bytes"));
	drop_report_add(&r, "SUBPRODUC1", name, DROP_STORE, 2000);
	run(&r, 2000);
	CU_ASSERT_EQUAL(line_count, 0);
	CU_ASSERT_EQUAL(r.due_ms, 1000 + DROP_REPORT_MS);
	run(&r, r.due_ms);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "lost its 1 oldest"));
	CU_ASSERT_EQUAL(r.due_ms, INT64_MAX);
	drop_report_add(&r, "SUBPRODUC1", name, DROP_STORE, 9000000);
	CU_ASSERT_EQUAL(r.due_ms, 9000000);
}

static void loss_that_goes_on_is_told_after_a_minute_ten_minutes_and_hourly(void)
{
	struct drop_report r;
	int lines = 0;

	drop_report_init(&r);
	for (int64_t s = 0; s < 3 * 3600; s++) {
		drop_report_add(&r, "SUBPRODUC1", "lamp", DROP_STORE, s * 1000);
		run(&r, s * 1000);
		lines += (int)line_count;
	}
	CU_ASSERT_EQUAL(lines, 5); /* at 0, 1, 11, 71 and 131 minutes */
	run(&r, r.due_ms);
	drop_report_add(&r, "SUBPRODUC1", "lamp", DROP_STORE, INT64_C(1000) * 3600 * 6);
	run(&r, INT64_C(1000) * 3600 * 6);
	CU_ASSERT_EQUAL(line_count, 1);
	CU_ASSERT_EQUAL(r.times, 1); /* it had ended */
}

static void a_device_that_ended_since_is_still_named(void)
{
	char product[] = "SUBPRODUC1", name[] = "lamp";
	struct drop_report r;

	drop_report_init(&r);
	drop_report_add(&r, product, name, DROP_STORE, 1000);
	memset(name, '?', sizeof(name) - 1);
	memset(product, '?', sizeof(product) - 1);
	run(&r, 1000);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "SUBPRODUC1/lamp lost its 1 oldest"));
}

static void each_device_and_reason_has_its_line_and_the_rest_a_sum(void)
{
	static char names[DROP_REPORT_DEVICES + 2][8];
	struct drop_report r;

	drop_report_init(&r);
	for (unsigned i = 0; i < DROP_REPORT_DEVICES + 2; i++) {
		snprintf(names[i], sizeof names[i], "d%u", i);
		drop_report_add(&r, "SUBPRODUC1", names[i], DROP_SHARE, 5);
	}
	drop_report_add(&r, "SUBPRODUC1", names[0], DROP_STORE, 5);
	run(&r, 5);
	CU_ASSERT_EQUAL(line_count, DROP_REPORT_DEVICES + 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "store.device_share"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "other devices lost 2 messages"));
}

SUITE(drop_report, TEST(loss_that_goes_on_is_told_after_a_minute_ten_minutes_and_hourly),
      TEST(a_device_that_ended_since_is_still_named),
      TEST(the_first_loss_is_told_at_once_and_the_next_after_a_minute),
      TEST(each_device_and_reason_has_its_line_and_the_rest_a_sum))
