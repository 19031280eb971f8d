#include "core/hub/route_rules.h"

#include <stdlib.h>

#include <string.h>

#include "tests/runner.h"

static void first_rule_that_matches_counts(void)
{
	static char exact[] = "P/d/event", own[] = "P/d/+", all[] = "P/#";
	const struct config_route at[] = {
		{ .topic = exact, .policy = ROUTE_POLICY_DROP },
		{ .topic = own, .policy = ROUTE_POLICY_LATEST, .min_interval_ms = 7 },
		{ .topic = all, .policy = ROUTE_POLICY_ALL },
	};
	const struct route_rules r = { at, 3 };

	CU_ASSERT_PTR_EQUAL(route_rules_find(&r, "P/d/event"), &at[0]);
	CU_ASSERT_PTR_EQUAL(route_rules_find(&r, "P/d/data"), &at[1]);
	CU_ASSERT_PTR_EQUAL(route_rules_find(&r, "P/e/data"), &at[2]);
	CU_ASSERT_PTR_NULL(route_rules_find(&r, "Q/d/event"));
	CU_ASSERT_PTR_NULL(route_rules_find(NULL, "P/d/event"));
}

static void filters_are_judged_as_mqtt_does(void)
{
	static const char *const good[] = {
		"#", "+", "a", "a/b", "a/#", "+/b/+", "/", "a//b", "$ota/#"
	};
	static const char *const bad[] = { "", "a#", "#/a", "a/b#", "a+", "a/+b", "a/#/b" };

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CU_ASSERT(route_filter_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_FALSE(route_filter_ok(bad[i]));
}

static void rule_behind_a_wider_one_is_found_out(void)
{
	CU_ASSERT(route_filter_covers("a/#", "a/b"));
	CU_ASSERT(route_filter_covers("a/+", "a/+"));
	CU_ASSERT(route_filter_covers("a/+", "a/b"));
	CU_ASSERT(route_filter_covers("a/#", "a/+/#"));
	CU_ASSERT_FALSE(route_filter_covers("a/+", "a/#"));
	CU_ASSERT_FALSE(route_filter_covers("a/b", "a/+"));
	CU_ASSERT_FALSE(route_filter_covers("a/b", "a/c"));
}

static void copy_of_rules_outlives_them(void)
{
	char topic[] = "a/+";
	const struct config_route rule = { .topic = topic, .policy = ROUTE_POLICY_DROP };
	struct route_rules *copy = route_rules_copy(&(struct route_rules){ &rule, 1 });
	const struct config_route *found;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	topic[0] = 'x';
	found = route_rules_find(copy, "a/b");
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_EQUAL(found->policy, ROUTE_POLICY_DROP);
	free(copy);
	copy = route_rules_copy(&(struct route_rules){ NULL, 0 });
	CU_ASSERT_PTR_NULL(route_rules_find(copy, "a/b"));
	free(copy);
}

SUITE(route_rules, TEST(first_rule_that_matches_counts), TEST(filters_are_judged_as_mqtt_does),
      TEST(rule_behind_a_wider_one_is_found_out), TEST(copy_of_rules_outlives_them))
