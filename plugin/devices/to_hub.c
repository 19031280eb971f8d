#include "plugin/devices/to_hub.h"

#include "core/base/clock.h"
#include "core/base/room.h"
#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/devices/min_interval.h"

struct upward { /* a message on its way to the hub; borrowed views */
	struct device *device;
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos;
	bool latest;
};

/* Called while trace_on(). */
static void note(struct hubgate *h, const struct upward *m, enum trace_step step, const char *why)
{
	trace_note(
		h, m->device->client_id, step,
		&(struct trace_about){ .topic = m->topic, .bytes = m->len, .qos = m->qos, .why = why });
}

static void note_kept(struct hubgate *h, const struct upward *m, enum status st, uint64_t seq,
                      int64_t begun_us)
{
	struct trace_about about = { .topic = m->topic, .bytes = m->len, .qos = m->qos, .seq = seq };

	if (st != ST_OK)
		about.why = st == ST_FULL ? "the store is full" : status_text(st);
	/* When the write began: UPLINK may have it before we look at the clock again. */
	about.at_us = begun_us;
	about.took_us = hubgate_now_us() - begun_us;
	trace_note(h, m->device->client_id, st == ST_OK ? TRACE_STORED : TRACE_REFUSED, &about);
}

static struct journal_msg record_of(const struct hubgate *h, const struct upward *m)
{
	return (struct journal_msg){
		.device = m->device->client_id,
		.topic = m->topic,
		.payload = m->payload,
		.len = m->len,
		.qos = m->qos,
		.gives_way = m->device->standing != STANDING_OWN,
		.latest = m->latest,
		.clock_trusted = clock_trusted(h->clock),
	};
}

static enum status keep(struct hubgate *h, const struct upward *m)
{
	const struct journal_msg msg = record_of(h, m);
	int64_t begun_us = trace_on(h) ? hubgate_now_us() : 0;
	uint64_t seq = 0;
	enum status st = uplink_publish_seq(h->uplink, &msg, &seq);

	if (trace_on(h))
		note_kept(h, m, st, seq, begun_us);
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

static void drop_live(struct hubgate *h, const struct upward *m, const char *why)
{
	metric_add(&h->metrics, M_DROPPED_LIVE, 1);
	if (trace_on(h))
		note(h, m, TRACE_DROPPED, why);
}

/* What is in memory is bounded for all, so it is for devices that are ours. */
static bool sent_live(struct hubgate *h, const struct upward *m)
{
	if (m->device->standing != STANDING_OWN ||
	    uplink_publish_live(h->uplink, m->device->client_id, m->topic, m->payload, m->len) != ST_OK)
		return false;
	if (trace_on(h))
		note(h, m, TRACE_IN_MEMORY, NULL);
	return true;
}

/* QoS 0 promises nothing: what cannot be kept is dropped, the publisher stays. */
static void keep_or_drop(struct hubgate *h, const struct upward *m)
{
	if (!h->config->store.queue_qos0)
		drop_live(h, m, "QoS 0 without the hub, and store.queue_qos0 is off");
	else if (keep(h, m) != ST_OK)
		drop_live(h, m, "QoS 0, and it could not be kept");
}

static void not_wanted(struct hubgate *h, const struct upward *m, enum route_way way)
{
	bool soon = way == ROUTE_WAY_TOO_SOON;

	metric_add(&h->metrics, soon ? M_THINNED : M_ROUTE_DROPPED, 1);
	if (trace_on(h))
		note(h, m, TRACE_DROPPED,
		     soon ? "sooner than min_interval_ms of its route" : "its route says drop");
}

static enum status go(struct hubgate *h, const struct upward *m, enum route_way way)
{
	enum status st = ST_OK;

	switch (way) {
	case ROUTE_WAY_STORE:
		st = keep(h, m);
		if (st == ST_FULL)
			metric_add(&h->metrics, M_REFUSED_FULL, 1);
		break;
	case ROUTE_WAY_WAITS:
		keep_or_drop(h, m);
		break;
	case ROUTE_WAY_NOW:
		if (!sent_live(h, m))
			drop_live(h, m, "worthless when late, and the hub is away");
		break;
	case ROUTE_WAY_MEMORY:
		if (!sent_live(h, m))
			keep_or_drop(h, m);
		break;
	case ROUTE_WAY_NONE:
	case ROUTE_WAY_TOO_SOON:
	default:
		not_wanted(h, m, way);
	}
	return st;
}

struct route_plan to_hub_plan(const struct hubgate *h, const struct device *d,
                              const struct route *route, const char *topic, bool newest)
{
	const struct route_rules rules = route_rules_of(h->config);
	const struct config_route *rule = route_plan_rule(route, &rules, topic);
	int64_t since_ms = INT64_MAX;

	IN_ROOM(ROOM_BROKER);
	if (route_plan_spaces(rule))
		since_ms = min_interval_since_ms(d, topic, hubgate_now_ms());
	return route_plan(route, rule, newest, since_ms);
}

enum status to_hub_room(const struct hubgate *h, struct device *d, const char *topic,
                        const void *payload, size_t len)
{
	const struct upward m = { .device = d, .topic = topic, .payload = payload, .len = len };
	const struct journal_msg msg = record_of(h, &m);

	IN_ROOM(ROOM_BROKER);
	return journal_room(h->journal, &msg);
}

static enum status forward(struct hubgate *h, struct device *d, const struct route *route,
                           const char *topic, const void *payload, size_t len, bool newest)
{
	const struct route_plan plan = to_hub_plan(h, d, route, topic, newest);
	const struct upward m = {
		.device = d,
		.topic = topic,
		.payload = payload,
		.len = len,
		.qos = route->qos,
		.latest = plan.latest,
	};

	if (plan.way != ROUTE_WAY_TOO_SOON && route_plan_spaces(plan.rule))
		min_interval_note(d, topic, hubgate_now_ms());
	return go(h, &m, plan.way);
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
