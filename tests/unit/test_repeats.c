/* A line that repeats is said once, then counted. */
#include "core/base/repeats.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

enum {
	SECOND_MS = 1000,
	DAY_MS = 24 * 60 * 60 * 1000,
};

static struct {
	unsigned lines;
	char last[LOG_LINE_MAX];
} heard;

static void hear(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	heard.lines++;
	snprintf(heard.last, sizeof(heard.last), "%s", line);
}

static const struct log sink = { hear, NULL };

/* The bucket must not depend on where the clock begins. */
static struct repeats fresh(void)
{
	struct repeats r;

	repeats_init(&r, 7);
	heard.lines = 0;
	return r;
}

static void say(struct repeats *r, const char *who, const char *what, int64_t now_ms)
{
	repeats_log(r, &sink, LOG_WARN, who, what, now_ms, "%s: %s", who, what);
}

static void who_is_wrong_for_ever_is_told_of_once_then_after_ten_minutes_then_hourly(void)
{
	struct repeats r = fresh();
	int64_t t = 5;

	say(&r, "lamp", "wrong", t);
	CU_ASSERT_STRING_EQUAL(heard.last, "lamp: wrong");
	for (int i = 0; i < 599; i++)
		say(&r, "lamp", "wrong", t += SECOND_MS);
	CU_ASSERT_EQUAL(heard.lines, 1);
	say(&r, "lamp", "wrong", t += SECOND_MS);
	CU_ASSERT_EQUAL(heard.lines, 2);
	CU_ASSERT_STRING_EQUAL(heard.last, "lamp: wrong (599 more since the last line)");
	for (int i = 0; i < 3599; i++)
		say(&r, "lamp", "wrong", t += SECOND_MS);
	CU_ASSERT_EQUAL(heard.lines, 2);
	say(&r, "lamp", "wrong", t += SECOND_MS);
	CU_ASSERT_EQUAL(heard.lines, 3);
	CU_ASSERT_STRING_EQUAL(heard.last, "lamp: wrong (3599 more since the last line)");
}

static void others_and_other_reasons_are_told_of_meanwhile(void)
{
	struct repeats r = fresh();

	say(&r, "lamp", "wrong", 0);
	say(&r, "lamp", "late", 0);
	say(&r, "fan", "wrong", 0);
	CU_ASSERT_EQUAL(heard.lines, 3);
	say(&r, "fan", "wrong", 0);
	CU_ASSERT_EQUAL(heard.lines, 3);
}

static void who_was_mended_is_told_of_again_at_once(void)
{
	struct repeats r = fresh();

	say(&r, "lamp", "wrong", 0);
	say(&r, "fan", "wrong", 0);
	repeats_over(&r, "lamp");
	say(&r, "lamp", "wrong", 1);
	say(&r, "fan", "wrong", 1);
	CU_ASSERT_EQUAL(heard.lines, 3);
	CU_ASSERT_STRING_EQUAL(heard.last, "lamp: wrong");
}

static void ever_new_names_cost_twenty_lines_and_two_a_minute(void)
{
	struct repeats r = fresh();
	char name[16];

	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		say(&r, name, "wrong", 0);
	}
	CU_ASSERT_EQUAL(heard.lines, REPEATS_BURST);
	say(&r, "lamp", "wrong", REPEATS_REFILL_MS);
	CU_ASSERT_EQUAL(heard.lines, REPEATS_BURST + 1);
	CU_ASSERT_STRING_EQUAL(heard.last, "lamp: wrong (9980 of others since the last line)");
	for (int i = 0; i < 24 * 60 * 60; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		say(&r, name, "wrong", REPEATS_REFILL_MS + i * (int64_t)SECOND_MS);
	}
	CU_ASSERT(heard.lines <= REPEATS_BURST + 2 + DAY_MS / REPEATS_REFILL_MS);
}

static void who_is_right_and_wrong_in_turns_costs_two_lines_a_minute(void)
{
	struct repeats r = fresh();

	for (int i = 0; i < 3600; i++) {
		say(&r, "lamp", "wrong", i * (int64_t)SECOND_MS);
		repeats_over(&r, "lamp");
	}
	CU_ASSERT(heard.lines <= REPEATS_BURST + 2 + 3600 * SECOND_MS / REPEATS_REFILL_MS);
}

static void who_goes_on_is_not_forgotten_for_those_that_come_and_go(void)
{
	struct repeats r = fresh();
	char name[16];
	int64_t t = 0;

	say(&r, "lamp", "wrong", t);
	for (int i = 0; i < 2 * REPEATS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		say(&r, name, "wrong", t += SECOND_MS);
		say(&r, "lamp", "wrong", t);
	}
	CU_ASSERT(t < REPEATS_FIRST_MS);
	say(&r, "lamp", "wrong", REPEATS_FIRST_MS);
	CU_ASSERT_PTR_NOT_NULL(strstr(heard.last, "lamp: wrong (512 more since"));
}

static void several_topics_are_told_of_and_ever_new_ones_are_not(void)
{
	struct repeats r = fresh();
	char topic[16], what[64];

	for (int i = 0; i < 1000; i++) {
		snprintf(topic, sizeof(topic), "t/%d", i);
		say(&r, "lamp", repeats_by_topic(&r, "wrong topic", topic, what, sizeof(what)), 0);
	}
	CU_ASSERT_EQUAL(heard.lines, 8);
}

SUITE(repeats, TEST(who_is_wrong_for_ever_is_told_of_once_then_after_ten_minutes_then_hourly),
      TEST(others_and_other_reasons_are_told_of_meanwhile),
      TEST(who_was_mended_is_told_of_again_at_once),
      TEST(ever_new_names_cost_twenty_lines_and_two_a_minute),
      TEST(who_is_right_and_wrong_in_turns_costs_two_lines_a_minute),
      TEST(who_goes_on_is_not_forgotten_for_those_that_come_and_go),
      TEST(several_topics_are_told_of_and_ever_new_ones_are_not))
