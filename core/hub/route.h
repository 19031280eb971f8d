/* route.h - what happens to a message that a LAN device published.
 * Room:  any. Pure.
 * Facts: docs/architecture.md 4 "Telemetry up"; docs/protocol/limits.md; docs/protocol/topics.md 6.
 */
#ifndef HUBGATE_ROUTE_H
#define HUBGATE_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "core/hub/topic.h"

enum {
	ROUTE_PAYLOAD_MAX = 16384 /* docs/protocol/limits.md "Messages" */
};

enum route_action {
	ROUTE_FORWARD, /* to the hub, kept until it acknowledges */
	ROUTE_LIVE,    /* to the hub now or never: worthless when late (RRPC, time) */
	ROUTE_LOCAL,   /* stays on the LAN */
	ROUTE_REFUSE,  /* the hub would refuse it: acknowledged, dropped, counted */
};

/* Reasons of ROUTE_REFUSE; the text is for the log and says what to change. */
#define ROUTE_REASONS(X)                                                       \
	X(ROUTE_FINE, "")                                                          \
	X(ROUTE_TOO_LARGE, "payload over 16384 bytes, the hub's limit")            \
	X(ROUTE_TOPIC_LONG, "topic over 255 bytes or 10 slashes, the hub's limit") \
	X(ROUTE_TOPIC_FORM, "no topic of the hub has this form")                   \
	X(ROUTE_NOT_OWN, "the topic belongs to another device")                    \
	X(ROUTE_NOT_PUBLISH, "devices only subscribe to this topic")               \
	X(ROUTE_NOT_GATEWAY, "the device is not a gateway")

enum route_reason {
#define X(name, text) name,
	ROUTE_REASONS(X)
#undef X
};

struct route {
	enum route_action action;
	enum route_reason reason;
	uint8_t qos; /* for the hub: 2 becomes 1 */
	enum topic_kind kind;
};

/* (who, topic, size, QoS) -> action, for a device that publishes. A topic of
 * no hub form is ROUTE_LOCAL when it is in no hub tree and its first level is
 * not the device's own product, else ROUTE_REFUSE. A custom topic of another
 * product is ROUTE_LOCAL too: products cannot be told from ten letters here, the
 * ACL keeps devices off known ones. Size and length bind no ROUTE_LOCAL topic.
 * $gateway/operation is refused: the gateway's own login does not come here. */
struct route route_decide(const char *product_id, const char *device_name, const char *topic,
                          size_t payload_len, uint8_t qos);

/* May the device publish it at all? own: the gateway itself, whose operations do not come here.
 * What is ROUTE_LOCAL is no topic of its own. */
bool route_lets(const struct route *route, bool own, size_t payload_len);

/* Why one that route_lets() does not let is refused; static. */
const char *route_refusal_text(const struct route *route);
const char *route_reason_text(enum route_reason reason); /* static */

#endif
