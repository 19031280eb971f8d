#include "core/base/clock.h"

#include <string.h>

#include "core/hub/sys_time.h"
#include "tests/runner.h"

#define YEARS_10_MS (INT64_C(10) * 365 * 86400 * 1000)

enum {
	SECOND = 1000
};

static const int64_t now = INT64_C(1795000000000);

static void clock_is_believed_when_the_kernel_says_that_it_is_synchronised(void)
{
	struct clock_trust c = { .started = false };

	CU_ASSERT_FALSE(clock_trusted(&c));
	CU_ASSERT_FALSE(clock_look(&c, now, 0, false));
	CU_ASSERT_FALSE(clock_trusted(&c));
	CU_ASSERT_FALSE(clock_look(&c, now + SECOND, SECOND, true));
	CU_ASSERT(clock_trusted(&c));
}

static void clock_is_believed_when_the_hub_agrees_within_thirty_seconds(void)
{
	struct clock_trust c = { .started = false };

	clock_look(&c, now, 0, false);
	clock_hub_said(&c, now + 31 * SECOND, now, now);
	CU_ASSERT_FALSE(clock_trusted(&c));
	clock_hub_said(&c, now + 25 * SECOND, now - 2 * SECOND, now + 2 * SECOND);
	CU_ASSERT(clock_trusted(&c));
}

static void answer_that_took_too_long_says_nothing(void)
{
	struct clock_trust c = { .started = false };

	clock_look(&c, now, 0, false);
	clock_hub_said(&c, now, now - 31 * SECOND, now);
	CU_ASSERT_FALSE(clock_trusted(&c));
	clock_hub_said(&c, now, now, now - SECOND);
	CU_ASSERT_FALSE(clock_trusted(&c));
}

static void hub_that_contradicts_by_minutes_outweighs_the_kernel(void)
{
	struct clock_trust c = { .started = false };

	clock_look(&c, now, 0, true);
	clock_hub_said(&c, now + 301 * SECOND, now, now);
	CU_ASSERT_FALSE(clock_trusted(&c));
	clock_hub_said(&c, now, now, now);
	CU_ASSERT(clock_trusted(&c));
}

static void jump_of_ten_years_either_way_ends_trust_until_the_hub_agrees(void)
{
	static const int64_t jumps[] = { YEARS_10_MS, -YEARS_10_MS, 61 * SECOND, -61 * SECOND };

	for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
		struct clock_trust c = { .started = false };

		clock_look(&c, now, 0, true);
		CU_ASSERT(clock_look(&c, now + jumps[i] + SECOND, SECOND, true));
		CU_ASSERT_FALSE(clock_trusted(&c));
		CU_ASSERT_FALSE(clock_look(&c, now + jumps[i] + 2 * SECOND, 2 * SECOND, true));
		CU_ASSERT_FALSE(clock_trusted(&c));
		clock_hub_said(&c, now + jumps[i] + 2 * SECOND, now + jumps[i] + 2 * SECOND,
		               now + jumps[i] + 2 * SECOND);
		CU_ASSERT(clock_trusted(&c));
	}
}

static void slow_correction_is_no_jump(void)
{
	struct clock_trust c = { .started = false };

	clock_look(&c, now, 0, true);
	for (int64_t i = 1; i < 1000; i++)
		CU_ASSERT_FALSE(clock_look(&c, now + i * 2 * SECOND, i * SECOND, true));
	CU_ASSERT(clock_trusted(&c));
}

static int64_t parsed(const char *text)
{
	int64_t ms = -1;

	return sys_time_parse(text, strlen(text), &ms) == ST_OK ? ms : -1;
}

static void time_of_the_hub_is_read_from_both_of_its_forms(void)
{
	CU_ASSERT_EQUAL(parsed("{\"ntptime1\":1621562342773,\"ntptime2\":1621562342783,"
	                       "\"time\":1621562342,\"type\":\"get\"}"),
	                1621562342778);
	CU_ASSERT_EQUAL(parsed("{\"type\":\"get\",\"time\":\"1621562342\"}"), 1621562342000);
	CU_ASSERT_EQUAL(parsed("{\"ntptime1\":5,\"ntptime2\":4,\"time\":7}"), 7000);
	CU_ASSERT_EQUAL(parsed("{\"type\":\"get\"}"), -1);
	CU_ASSERT_EQUAL(parsed("{\"time\":9223372036854775807}"), -1);
	CU_ASSERT_EQUAL(parsed("[1]"), -1);
	CU_ASSERT_EQUAL(parsed(""), -1);
}

static void device_that_asks_for_the_time_alone_is_told_apart_from_all_else(void)
{
	static const struct {
		const char *text;
		enum sys_time_ask ask;
	} rows[] = {
		{ SYS_TIME_REQUEST, SYS_TIME_NTP },
		{ "{\"type\": \"get\", \"resource\": [\"time\"]}", SYS_TIME_NTP },
		{ "{\"type\":\"get\"}", SYS_TIME_PLAIN },
		{ "{\"type\":\"get\",\"resource\":[\"time\",\"place\"]}", SYS_TIME_OTHER },
		{ "{\"type\":\"get\",\"resource\":[\"place\"]}", SYS_TIME_OTHER },
		{ "{\"type\":\"get\",\"resource\":[]}", SYS_TIME_OTHER },
		{ "{\"type\":\"get\",\"resource\":\"time\"}", SYS_TIME_OTHER },
		{ "{\"type\":\"get\",\"resource\":null}", SYS_TIME_OTHER },
		{ "{\"type\": \"ssh\", \"switch\": 1}", SYS_TIME_OTHER },
		{ "{\"resource\":[\"time\"]}", SYS_TIME_OTHER },
		{ "[\"time\"]", SYS_TIME_OTHER },
		{ "get", SYS_TIME_OTHER },
		{ "", SYS_TIME_OTHER },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (sys_time_asked(rows[i].text, strlen(rows[i].text)) != rows[i].ask)
			CU_FAIL(rows[i].text);
	}
}

static void answer_about_the_time_is_spelled_as_the_hub_spells_it_and_reads_back(void)
{
	struct buf text = BUF_MAX(256);

	CU_ASSERT_EQUAL(sys_time_put_answer(&text, SYS_TIME_NTP, 1621562342773), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&text),
	                       "{\"ntptime1\":1621562342773,\"ntptime2\":1621562342773,"
	                       "\"time\":1621562342,\"type\":\"get\"}");
	CU_ASSERT_EQUAL(parsed(buf_text(&text)), 1621562342773);
	buf_reset(&text);
	CU_ASSERT_EQUAL(sys_time_put_answer(&text, SYS_TIME_PLAIN, 1621562342773), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&text), "{\"time\":1621562342,\"type\":\"get\"}");
	buf_free(&text);
}

SUITE(clock, TEST(clock_is_believed_when_the_kernel_says_that_it_is_synchronised),
      TEST(clock_is_believed_when_the_hub_agrees_within_thirty_seconds),
      TEST(answer_that_took_too_long_says_nothing),
      TEST(hub_that_contradicts_by_minutes_outweighs_the_kernel),
      TEST(jump_of_ten_years_either_way_ends_trust_until_the_hub_agrees),
      TEST(slow_correction_is_no_jump), TEST(time_of_the_hub_is_read_from_both_of_its_forms),
      TEST(device_that_asks_for_the_time_alone_is_told_apart_from_all_else),
      TEST(answer_about_the_time_is_spelled_as_the_hub_spells_it_and_reads_back))
