/* route_plan.h - by which way a message goes up that route_decide() lets go, as routes[] say.
 * Room:  any. Pure.
 * Facts: docs/architecture.md 4 "Telemetry up", "Routes".
 */
#ifndef HUBGATE_ROUTE_PLAN_H
#define HUBGATE_ROUTE_PLAN_H

#include "core/hub/route.h"
#include "core/hub/route_rules.h"

enum route_way {
	ROUTE_WAY_NONE,     /* its rule drops it */
	ROUTE_WAY_TOO_SOON, /* the last one of its topic went less than min_interval_ms ago */
	ROUTE_WAY_STORE,    /* kept until the hub acknowledges it; if it cannot be, it is refused */
	ROUTE_WAY_WAITS,    /* QoS 0 of which only the newest counts: kept, or dropped */
	ROUTE_WAY_NOW,      /* in memory while the hub is there, or dropped */
	ROUTE_WAY_MEMORY,   /* the same, but without the hub or room kept (store.queue_qos0) */
};

struct route_plan {
	enum route_way way;
	const struct config_route *rule; /* of routes[]; NULL: none counts */
	bool latest;                     /* an unsent older one of its topic gives way to it */
};

/* The rule that counts for it; NULL: none does. route, here and below: FORWARD or LIVE. */
const struct config_route *route_plan_rule(const struct route *route,
                                           const struct route_rules *rules, const char *topic);
/* Messages of one topic must keep a distance: since_ms is asked for. rule NULL: no. */
bool route_plan_spaces(const struct config_route *rule);
/* newest: only the newest of this topic counts, whatever routes[] say. since_ms: since the last one
 * of the topic went up; INT64_MAX: none did, or it is not asked for. */
struct route_plan route_plan(const struct route *route, const struct config_route *rule,
                             bool newest, int64_t since_ms);

#endif
