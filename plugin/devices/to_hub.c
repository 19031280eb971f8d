#include "plugin/devices/to_hub.h"

#include "core/base/clock.h"
#include "core/base/room.h"
#include "core/hub/route_rules.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/min_interval.h"

struct upward { /* a message on its way to the hub; borrowed views */
	struct device *device;
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos;
	bool latest;
};

static enum status keep(struct hubgate *h, const struct upward *m)
{
	const struct journal_msg msg = {
		.device = m->device->client_id,
		.topic = m->topic,
		.payload = m->payload,
		.len = m->len,
		.qos = m->qos,
		.gives_way = m->device->standing != STANDING_OWN,
		.latest = m->latest,
		.clock_trusted = clock_trusted(h->clock),
	};
	enum status st = uplink_publish(h->uplink, &msg);

	if (st == ST_OK)
		m->device->accepted++;
	else if (st == ST_NOSPACE)
		metric_add(&h->metrics, M_REFUSED_DISK, 1); /* DISK says it, once */
	else
		limiter_log_refusal(h, m->device->client_id, m->topic,
		                    st == ST_FULL ? "the store is full (store.max_messages, max_bytes, "
		                                    "device_share)"
		                                  : status_text(st));
	return st;
}

/* What is in memory is bounded for all, so it is for devices that are ours. */
static bool sent_live(struct hubgate *h, const struct upward *m)
{
	return m->device->standing == STANDING_OWN &&
	       uplink_publish_live(h->uplink, m->device->client_id, m->topic, m->payload, m->len) ==
	           ST_OK;
}

/* QoS 0 promises nothing: what cannot be kept is dropped, the publisher stays. */
static void keep_or_drop(struct hubgate *h, const struct upward *m)
{
	if (!h->config->store.queue_qos0 || keep(h, m) != ST_OK)
		metric_add(&h->metrics, M_DROPPED_LIVE, 1);
}

/* What routes[] say. false: it does not go up. */
static bool wanted(struct hubgate *h, const struct upward *m, const struct config_route *rule)
{
	if (!rule)
		return true;
	if (rule->policy == ROUTE_POLICY_DROP) {
		metric_add(&h->metrics, M_ROUTE_DROPPED, 1);
		return false;
	}
	if (rule->policy == ROUTE_POLICY_LATEST || rule->min_interval_ms == 0 ||
	    min_interval_passes(m->device, m->topic, rule->min_interval_ms, hubgate_now_ms()))
		return true;
	metric_add(&h->metrics, M_THINNED, 1);
	return false;
}

static enum status forward(struct hubgate *h, struct device *d, const struct route *route,
                           const char *topic, const void *payload, size_t len, bool newest)
{
	bool live = route->action == ROUTE_LIVE;
	const struct route_rules rules = route_rules_of(h->config);
	const struct config_route *rule = live ? NULL : route_rules_find(&rules, topic);
	const struct upward m = {
		.device = d,
		.topic = topic,
		.payload = payload,
		.len = len,
		.qos = route->qos,
		.latest = newest || (rule && rule->policy == ROUTE_POLICY_LATEST),
	};
	enum status st;

	if (!wanted(h, &m, rule))
		return ST_OK;
	if (!live && m.qos > 0) {
		st = keep(h, &m);
		if (st == ST_FULL)
			metric_add(&h->metrics, M_REFUSED_FULL, 1);
		return st;
	}
	if (m.latest && rule && rule->min_interval_ms > 0)
		keep_or_drop(h, &m); /* only what is kept can wait for its turn */
	else if (live && !sent_live(h, &m))
		metric_add(&h->metrics, M_DROPPED_LIVE, 1);
	else if (!live && !sent_live(h, &m))
		keep_or_drop(h, &m);
	return ST_OK;
}

enum status to_hub_send(struct hubgate *h, struct device *d, const struct route *route,
                        const char *topic, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return forward(h, d, route, topic, payload, len, false);
}

enum status to_hub_send_newest(struct hubgate *h, struct device *d, const struct route *route,
                               const char *topic, const void *payload, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return forward(h, d, route, topic, payload, len, true);
}
