#include "core/pace/inflow.h"

#include "tests/runner.h"

enum {
	MINUTE = INFLOW_WINDOW_MS
};

static struct inflow begun(void)
{
	struct inflow f = { .started = false };

	CU_ASSERT(inflow_due(&f, 0));
	CU_ASSERT_EQUAL(inflow_window(&f, 0, 1000, 900, 25), INFLOW_NOTHING);
	return f;
}

static void what_was_there_before_the_first_window_is_no_inflow(void)
{
	struct inflow f = begun();

	CU_ASSERT_FALSE(inflow_due(&f, MINUTE - 1));
	CU_ASSERT(inflow_due(&f, MINUTE));
	CU_ASSERT_EQUAL(inflow_window(&f, MINUTE, 1600, 1500, 25), INFLOW_NOTHING);
	CU_ASSERT_DOUBLE_EQUAL(f.in, 10, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(f.out, 10, 0.01);
}

static void inflow_above_the_budget_is_said_once_then_every_ten_minutes_and_when_it_ends(void)
{
	struct inflow f = begun();
	uint64_t accepted = 1000;
	int said = 0;

	for (int i = 1; i <= 20; i++) {
		accepted += 26 * 60;
		said += inflow_window(&f, (int64_t)i * MINUTE, accepted, accepted, 25) == INFLOW_OVER;
	}
	CU_ASSERT_EQUAL(said, 2);
	CU_ASSERT_EQUAL(inflow_window(&f, INT64_C(21) * MINUTE, accepted + 25 * 60, accepted, 25),
	                INFLOW_WITHIN);
	CU_ASSERT_EQUAL(inflow_window(&f, INT64_C(22) * MINUTE, accepted + 25 * 60, accepted, 25),
	                INFLOW_NOTHING);
}

static void without_a_budget_nothing_is_too_much(void)
{
	struct inflow f = begun();

	CU_ASSERT_EQUAL(inflow_window(&f, MINUTE, 100000000, 0, 0), INFLOW_NOTHING);
}

static void time_to_drain_counts_what_goes_on_coming_in(void)
{
	struct inflow f = { .in = 5, .out = 100 };

	CU_ASSERT_EQUAL(inflow_drain_s(&f, 0, 25), 0);
	CU_ASSERT_EQUAL(inflow_drain_s(&f, 2000, 25), 101);
	CU_ASSERT_EQUAL(inflow_drain_s(&f, 950, 0), 11);
	f.in = 25;
	CU_ASSERT_EQUAL(inflow_drain_s(&f, 1, 25), INFLOW_NEVER);
	f.in = 24.9999999999;
	CU_ASSERT_EQUAL(inflow_drain_s(&f, UINT64_MAX, 25), INFLOW_NEVER);
}

SUITE(inflow, TEST(what_was_there_before_the_first_window_is_no_inflow),
      TEST(inflow_above_the_budget_is_said_once_then_every_ten_minutes_and_when_it_ends),
      TEST(without_a_budget_nothing_is_too_much), TEST(time_to_drain_counts_what_goes_on_coming_in))
