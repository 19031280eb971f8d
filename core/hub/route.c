#include "core/hub/route.h"

#include <string.h>

enum {
	HUB_QOS_MAX = 1
};

static const char *const texts[] = {
#define X(name, text) [name] = text,
	ROUTE_REASONS(X)
#undef X
};

static bool concerns_hub(const char *product_id, const char *topic, size_t len)
{
	struct mqtt_text product = topic_product(topic, len);

	return topic_in_hub_tree(topic, len) ||
	       (product.len == strlen(product_id) && memcmp(product.at, product_id, product.len) == 0);
}

static enum route_reason objection(const char *product_id, const char *device_name,
                                   const struct topic *t, size_t payload_len)
{
	if (t->kind == TOPIC_NONE)
		return ROUTE_TOPIC_FORM;
	if (!topic_is_device(t, product_id, device_name))
		return ROUTE_NOT_OWN;
	if (t->kind == TOPIC_GATEWAY)
		return ROUTE_NOT_GATEWAY;
	if (!(t->may & TOPIC_PUB))
		return ROUTE_NOT_PUBLISH;
	return payload_len > ROUTE_PAYLOAD_MAX ? ROUTE_TOO_LARGE : ROUTE_FINE;
}

struct route route_decide(const char *product_id, const char *device_name, const char *topic,
                          size_t payload_len, uint8_t qos)
{
	struct route r = { ROUTE_LOCAL, ROUTE_FINE, qos, TOPIC_NONE };
	size_t len = strlen(topic);
	struct topic t;

	if (qos > HUB_QOS_MAX)
		r.qos = HUB_QOS_MAX;
	if (!concerns_hub(product_id, topic, len))
		return r;
	if (topic_parse(topic, len, &t) == ST_TOOBIG)
		r.reason = ROUTE_TOPIC_LONG;
	else
		r.reason = objection(product_id, device_name, &t, payload_len);
	r.kind = t.kind;
	if (r.reason != ROUTE_FINE)
		r.action = ROUTE_REFUSE;
	else
		r.action = topic_late_is_worthless(t.kind) ? ROUTE_LIVE : ROUTE_FORWARD;
	return r;
}

bool route_lets(const struct route *route, bool own, size_t payload_len)
{
	if (route->action == ROUTE_FORWARD || route->action == ROUTE_LIVE)
		return true;
	return own && route->reason == ROUTE_NOT_GATEWAY && payload_len <= ROUTE_PAYLOAD_MAX;
}

const char *route_refusal_text(const struct route *route)
{
	return route->action == ROUTE_REFUSE ? route_reason_text(route->reason)
	                                     : "a device may publish to its own topics only";
}

const char *route_reason_text(enum route_reason reason)
{
	return (size_t)reason < sizeof texts / sizeof texts[0] ? texts[reason] : "unknown reason";
}
