#include "core/hub/route_plan.h"

/* Of policy latest the newest is held back until its time, where it is read from the store. */
bool route_plan_spaces(const struct config_route *rule)
{
	return rule && rule->policy == ROUTE_POLICY_ALL && rule->min_interval_ms > 0;
}

static enum route_way way_of(const struct route *route, const struct route_plan *p,
                             int64_t since_ms)
{
	if (p->rule && p->rule->policy == ROUTE_POLICY_DROP)
		return ROUTE_WAY_NONE;
	if (route_plan_spaces(p->rule) && since_ms < p->rule->min_interval_ms)
		return ROUTE_WAY_TOO_SOON;
	if (route->action == ROUTE_LIVE)
		return ROUTE_WAY_NOW;
	if (route->qos > 0)
		return ROUTE_WAY_STORE;
	/* Only what is kept can wait for its turn. */
	if (p->latest && p->rule && p->rule->min_interval_ms > 0)
		return ROUTE_WAY_WAITS;
	return ROUTE_WAY_MEMORY;
}

const struct config_route *route_plan_rule(const struct route *route,
                                           const struct route_rules *rules, const char *topic)
{
	return route->action == ROUTE_FORWARD ? route_rules_find(rules, topic) : NULL;
}

struct route_plan route_plan(const struct route *route, const struct config_route *rule,
                             bool newest, int64_t since_ms)
{
	struct route_plan p = { .rule = rule, .latest = newest };

	p.latest |= rule && rule->policy == ROUTE_POLICY_LATEST;
	p.way = way_of(route, &p, since_ms);
	return p;
}
