/* route_rules.h - routes[] of the configuration: what a topic's messages are worth.
 * Room:  any. Pure; the rules are borrowed and never change while in use.
 */
#ifndef HUBGATE_ROUTE_RULES_H
#define HUBGATE_ROUTE_RULES_H

#include "core/config/config.h"

struct route_rules {
	const struct config_route *at; /* borrowed */
	size_t count;
};

/* Those of c, as long as it holds them. */
struct route_rules route_rules_of(const struct config *c);
/* A copy that stands on its own, in one block: caller frees it with free(). NULL: no memory. */
struct route_rules *route_rules_copy(const struct route_rules *r);
/* The first rule whose filter matches; NULL: none, as ROUTE_POLICY_ALL without interval. */
const struct config_route *route_rules_find(const struct route_rules *r, const char *topic);
/* A filter of MQTT 4.7: '#' alone at the end, '+' alone in its level. */
bool route_filter_ok(const char *filter);
/* Everything that later matches is matched by earlier too. May miss a case, claims none wrongly. */
bool route_filter_covers(const char *earlier, const char *later);

#endif
