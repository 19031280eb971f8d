/* route_explain.h - what would become of a message on a topic of the hub, in sentences.
 * Room:  any. Pure.
 * Keeps: what decides is what decides over real messages: route_decide(), route_lets(),
 *        route_plan(); here stand the words for it alone.
 */
#ifndef HUBGATE_ROUTE_EXPLAIN_H
#define HUBGATE_ROUTE_EXPLAIN_H

#include "core/hub/route_plan.h"
#include "core/json/json_writer.h"

#define ROUTE_ENDS(X)                                                  \
	X(ROUTE_END_FORWARDED, "forwarded")                                \
	X(ROUTE_END_LAN, "kept on the LAN")                                \
	X(ROUTE_END_ANSWERED, "answered here") /* by the gateway itself */ \
	X(ROUTE_END_REFUSED, "refused")                                    \
	X(ROUTE_END_DROPPED, "dropped") /* taken from its publisher, and not sent */

enum route_end {
#define X(name, text) name,
	ROUTE_ENDS(X)
#undef X
};

struct route_facts { /* what counts beside the message; borrowed */
	const char *product_id, *device_name;
	bool own;               /* it is the gateway */
	bool ours;              /* known to be a device of the gateway (core/hub/standing.h) */
	const char *fault;      /* why a service of the gateway refuses it; NULL: none does */
	const char *served;     /* which service of the gateway has it, and what that does; NULL */
	struct route_plan plan; /* looked at when it goes up */
	const struct route_rules *rules;
	bool ready;       /* the hub is there */
	bool keeps_qos0;  /* store.queue_qos0 */
	enum status room; /* of the store: ST_OK, ST_FULL, ST_NOSPACE */
};

/* route: as route_decide() says. Adds {"what":"...","says":"..."} to the steps, an open array. */
enum route_end route_explain(const struct route_facts *f, const struct route *route,
                             size_t payload_len, struct json_writer *steps);
/* One step. */
void route_explain_step(struct json_writer *steps, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
const char *route_explain_end(enum route_end end); /* static */

#endif
