/* Which device has one filter in place of many, and when one more may be subscribed. */
#include "core/hub/filter_budget.h"
#include "tests/runner.h"

static void a_wide_filter_stands_for_all_custom_ones_and_for_no_other(void)
{
	const struct filter_need narrow = { .apart = 2, .custom = 5 };
	const struct filter_need wide = { .apart = 2, .custom = 5, .wide = true };
	const struct filter_need none = { .apart = 2, .wide = true };

	CU_ASSERT_EQUAL(filter_budget_places(&narrow), 7);
	CU_ASSERT_EQUAL(filter_budget_places(&wide), 3);
	CU_ASSERT_EQUAL(filter_budget_places(&none), 2);
	CU_ASSERT_EQUAL(filter_budget_gain(&narrow), 4);
}

static void who_has_one_custom_filter_is_wide_already_or_cannot_be_gains_nothing(void)
{
	static const struct filter_need rows[] = {
		{ .apart = 9 },
		{ .custom = 1 },
		{ .custom = 5, .wide = true },
		{ .custom = 5, .fixed = true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT_EQUAL(filter_budget_gain(&rows[i]), 0);
}

static void who_gains_most_becomes_wide_first_then_who_has_least_to_exchange(void)
{
	const struct filter_need five = { .custom = 5, .at_hub = 5 };
	const struct filter_need three = { .custom = 3, .at_hub = 3 };
	const struct filter_need three_new = { .custom = 3 };

	CU_ASSERT_TRUE(filter_budget_prefers(&five, &three_new));
	CU_ASSERT_FALSE(filter_budget_prefers(&three_new, &five));
	CU_ASSERT_TRUE(filter_budget_prefers(&three_new, &three));
	CU_ASSERT_FALSE(filter_budget_prefers(&three, &three_new));
	CU_ASSERT_FALSE(filter_budget_prefers(&three, &three));
}

static void the_last_place_is_kept_for_an_exchange_and_none_beyond_the_bound_is_given(void)
{
	CU_ASSERT_FALSE(filter_budget_over(100, 99));
	CU_ASSERT_TRUE(filter_budget_over(100, 100));
	CU_ASSERT_TRUE(filter_budget_takes(100, 98, false));
	CU_ASSERT_FALSE(filter_budget_takes(100, 99, false));
	CU_ASSERT_TRUE(filter_budget_takes(100, 99, true));
	CU_ASSERT_FALSE(filter_budget_takes(100, 100, true));
	CU_ASSERT_FALSE(filter_budget_takes(100, 100, false));
}

static void without_a_bound_everything_goes(void)
{
	CU_ASSERT_FALSE(filter_budget_over(0, 1000000));
	CU_ASSERT_TRUE(filter_budget_takes(0, 1000000, false));
	CU_ASSERT_FALSE(filter_budget_near(0, 1000000, false));
}

static void near_a_limit_begins_above_where_it_ends(void)
{
	CU_ASSERT_FALSE(filter_budget_near(100, 89, false));
	CU_ASSERT_TRUE(filter_budget_near(100, 90, false));
	CU_ASSERT_TRUE(filter_budget_near(100, 80, true));
	CU_ASSERT_FALSE(filter_budget_near(100, 79, true));
}

SUITE(filter_budget, TEST(a_wide_filter_stands_for_all_custom_ones_and_for_no_other),
      TEST(who_has_one_custom_filter_is_wide_already_or_cannot_be_gains_nothing),
      TEST(who_gains_most_becomes_wide_first_then_who_has_least_to_exchange),
      TEST(the_last_place_is_kept_for_an_exchange_and_none_beyond_the_bound_is_given),
      TEST(without_a_bound_everything_goes), TEST(near_a_limit_begins_above_where_it_ends))
