#include "core/hub/route_plan.h"

#include <stdint.h>

#include "tests/runner.h"

static const struct route kept = { .action = ROUTE_FORWARD, .qos = 1 },
						  qos_0 = { .action = ROUTE_FORWARD, .qos = 0 },
						  live = { .action = ROUTE_LIVE, .qos = 1 };

static struct config_route rule_of(enum route_policy policy, uint32_t min_interval_ms)
{
	static char filter[] = "#";

	return (struct config_route){ filter, policy, min_interval_ms };
}

static void without_a_rule_the_qos_decides(void)
{
	CU_ASSERT_EQUAL(route_plan(&kept, NULL, false, INT64_MAX).way, ROUTE_WAY_STORE);
	CU_ASSERT_EQUAL(route_plan(&qos_0, NULL, false, INT64_MAX).way, ROUTE_WAY_MEMORY);
	CU_ASSERT_EQUAL(route_plan(&live, NULL, false, INT64_MAX).way, ROUTE_WAY_NOW);
	CU_ASSERT_FALSE(route_plan(&kept, NULL, false, INT64_MAX).latest);
	CU_ASSERT(route_plan(&kept, NULL, true, INT64_MAX).latest);
}

static void rule_drops_or_keeps_the_newest(void)
{
	const struct config_route drop = rule_of(ROUTE_POLICY_DROP, 0);
	const struct config_route latest = rule_of(ROUTE_POLICY_LATEST, 0);

	CU_ASSERT_EQUAL(route_plan(&kept, &drop, false, INT64_MAX).way, ROUTE_WAY_NONE);
	CU_ASSERT_EQUAL(route_plan(&kept, &latest, false, INT64_MAX).way, ROUTE_WAY_STORE);
	CU_ASSERT(route_plan(&kept, &latest, false, INT64_MAX).latest);
}

static void distance_between_two_is_kept_by_dropping_or_of_the_newest_by_waiting(void)
{
	const struct config_route all = rule_of(ROUTE_POLICY_ALL, 1000);
	const struct config_route latest = rule_of(ROUTE_POLICY_LATEST, 1000);

	CU_ASSERT(route_plan_spaces(&all));
	CU_ASSERT_EQUAL(route_plan(&kept, &all, false, 999).way, ROUTE_WAY_TOO_SOON);
	CU_ASSERT_EQUAL(route_plan(&kept, &all, false, 1000).way, ROUTE_WAY_STORE);
	CU_ASSERT_FALSE(route_plan_spaces(&latest));
	CU_ASSERT_EQUAL(route_plan(&kept, &latest, false, 0).way, ROUTE_WAY_STORE);
	CU_ASSERT_EQUAL(route_plan(&qos_0, &latest, false, 0).way, ROUTE_WAY_WAITS);
}

static void rules_are_for_telemetry_alone(void)
{
	struct config_route drop = rule_of(ROUTE_POLICY_DROP, 0);
	const struct route_rules rules = { &drop, 1 };

	CU_ASSERT_PTR_EQUAL(route_plan_rule(&kept, &rules, "a/b"), &drop);
	CU_ASSERT_PTR_NULL(route_plan_rule(&live, &rules, "a/b"));
}

SUITE(route_plan, TEST(without_a_rule_the_qos_decides), TEST(rule_drops_or_keeps_the_newest),
      TEST(distance_between_two_is_kept_by_dropping_or_of_the_newest_by_waiting),
      TEST(rules_are_for_telemetry_alone))
