#include "plugin/dispatch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/devices/registration.h"
#include "plugin/devices/remember.h"
#include "plugin/devices/talkers.h"
#include "plugin/devices/thinning.h"
#include "plugin/reload.h"
#include "plugin/report.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapped.h"
#include "plugin/services/shadow.h"
#include "plugin/services/timekeeper.h"

enum {
	LOG_BURST = 20,
	LOG_INTERVAL_MS = 1000,
};

/* --- up --- */

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
		.latest = m->latest,
		.clock_trusted = clock_trusted(&h->clock),
	};
	enum status st = uplink_publish(h->uplink, &msg);

	if (st == ST_OK)
		m->device->accepted++;
	else if (st == ST_NOSPACE)
		metric_add(&h->metrics, M_REFUSED_DISK, 1); /* DISK says it, once */
	else
		dispatch_log_refusal(h, m->device->client_id, m->topic,
		                     st == ST_FULL ? "the store is full (store.max_messages, max_bytes, "
		                                     "device_share)"
		                                   : status_text(st));
	return st;
}

static bool sent_live(struct hubgate *h, const struct upward *m)
{
	return uplink_publish_live(h->uplink, m->device->client_id, m->topic, m->payload, m->len) ==
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
	    thinning_passes(m->device, m->topic, rule->min_interval_ms, hubgate_now_ms()))
		return true;
	metric_add(&h->metrics, M_THINNED, 1);
	return false;
}

enum status dispatch_up(struct hubgate *h, struct device *d, const struct route *route,
                        const char *topic, const void *payload, size_t len)
{
	bool live = route->action == ROUTE_LIVE;
	const struct config_route *rule = live ? NULL : route_rules_find(&h->routes, topic);
	const struct upward m = {
		.device = d,
		.topic = topic,
		.payload = payload,
		.len = len,
		.qos = route->qos,
		.latest = rule && rule->policy == ROUTE_POLICY_LATEST,
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
	if (m.latest && rule->min_interval_ms > 0)
		keep_or_drop(h, &m); /* only what is kept can wait for its turn */
	else if (live && !sent_live(h, &m))
		metric_add(&h->metrics, M_DROPPED_LIVE, 1);
	else if (!live && !sent_live(h, &m))
		keep_or_drop(h, &m);
	return ST_OK;
}

bool dispatch_may_log(struct limiter *l, uint64_t *suppressed)
{
	int64_t now_ms = hubgate_now_ms();

	if (now_ms <= l->next_ms - LOG_BURST * LOG_INTERVAL_MS) {
		l->suppressed++;
		return false;
	}
	l->next_ms = (l->next_ms > now_ms ? l->next_ms : now_ms) + LOG_INTERVAL_MS;
	*suppressed = l->suppressed;
	l->suppressed = 0;
	return true;
}

void dispatch_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                          const char *why)
{
	uint64_t more = 0;

	if (dispatch_may_log(&h->refusals, &more))
		log_line(&h->log, LOG_WARN, "%s: refused %.128s: %s (%" PRIu64 " more since the last line)",
		         client_id, topic, why, more);
}

/* --- down --- */

enum status dispatch_publish(const char *topic, const void *payload, size_t len, int qos,
                             bool retain)
{
	/* Not mosquitto_broker_publish_copy(): on 2.0.11 it spoils the broker's
	 * accounting of memory. On failure the payload is still ours. */
	char *copy = mosquitto_malloc(len + 1);

	if (!copy)
		return ST_NOMEM;
	if (len > 0)
		memcpy(copy, payload, len);
	copy[len] = '\0';
	if (mosquitto_broker_publish(NULL, topic, (int)len, copy, qos, retain, NULL) !=
	    MOSQ_ERR_SUCCESS) {
		mosquitto_free(copy);
		return ST_NOMEM;
	}
	return ST_OK;
}

/* Takes down. */
static void hand_over(struct hubgate *h, struct uplink_down *down)
{
	if (dispatch_publish(down->topic, down->payload, down->len, down->qos, false) == ST_OK) {
		metric_add(&h->metrics, M_DOWN, 1);
		uplink_down_done(h->uplink, down);
	}
	/* Without memory there is no acknowledgement: the hub sends it again. */
	uplink_down_free(down);
}

static struct device *addressee(struct hubgate *h, const char *topic, enum topic_kind *kind)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct topic t;
	size_t len;

	if (topic_parse(topic, strlen(topic), &t) != ST_OK || t.kind == TOPIC_NONE)
		return NULL;
	len = t.product_id.len + t.device_name.len;
	if (len > CLIENT_ID_MAX)
		return NULL;
	*kind = t.kind;
	memcpy(client_id, t.product_id.at, t.product_id.len);
	memcpy(client_id + t.product_id.len, t.device_name.at, t.device_name.len);
	return registry_find(&h->registry, client_id, len);
}

/* Addressed to the gateway, and meant for the plugin itself. */
static bool ours(struct hubgate *h, enum topic_kind kind, const struct uplink_down *down)
{
	if (kind == TOPIC_GATEWAY_RESULT)
		gateway_service_hub(h, down);
	return kind == TOPIC_GATEWAY_RESULT || timekeeper_take(h, down);
}

/* Takes down. */
static void command(struct hubgate *h, struct uplink_down *down)
{
	enum topic_kind kind = TOPIC_NONE;
	struct device *d = addressee(h, down->topic, &kind);
	struct presence *listener;

	if (!d || kind == TOPIC_SHADOW_RESULT || ours(h, kind, down)) {
		if (!d)
			metric_add(&h->metrics, M_DOWN_STRAY, 1);
		else if (kind == TOPIC_SHADOW_RESULT)
			shadow_message(h, d, down);
		uplink_down_done(h->uplink, down);
		uplink_down_free(down);
		return;
	}
	if (d->mapped && kind == TOPIC_CUSTOM && mapped_command(h, d, down)) {
		uplink_down_done(h->uplink, down);
		uplink_down_free(down);
		return;
	}
	listener = presence_listener(h, d);
	if (down->qos > 0 && presence_in_grace(listener) && presence_hold(listener, down)) {
		metric_add(&h->metrics, M_DOWN_HELD, 1);
		return;
	}
	hand_over(h, down);
}

void dispatch_held(struct hubgate *h, struct presence *p)
{
	struct held *list = presence_take_held(p);

	while (list) {
		struct held *next = list->next;

		hand_over(h, &list->down);
		free(list);
		list = next;
	}
}

void dispatch_held_for(struct hubgate *h, struct presence *p, const char *filter)
{
	struct held *list = p->held ? presence_take_held(p) : NULL;

	while (list) {
		struct held *next = list->next;

		/* The broker applies the subscription before it routes what is published
		 * here: it drains at the top of its loop. */
		if (topic_matches(filter, list->down.topic) || !presence_hold(p, &list->down))
			hand_over(h, &list->down);
		free(list);
		list = next;
	}
}

/* --- all --- */

void dispatch_set_timer(struct hubgate *h)
{
	int64_t due_ms = h->grace.first ? h->grace.first->leave_ms : INT64_MAX;

	if (registration_due(h) < due_ms)
		due_ms = registration_due(h);
	if (h->asks.first && h->asks.first->due_ms < due_ms)
		due_ms = h->asks.first->due_ms;
	if (h->asks.list_due_ms != 0 && h->asks.list_due_ms < due_ms)
		due_ms = h->asks.list_due_ms;
	uplink_set_timer(h->uplink, h->shadows.due_ms < due_ms ? h->shadows.due_ms : due_ms);
}

/* Takes down. */
static void take_down(struct hubgate *h, struct uplink_down *down)
{
	if (down->kind == UPLINK_MESSAGE) {
		command(h, down);
		return;
	}
	if (down->kind == UPLINK_ANSWER)
		gateway_service_answer(h, down);
	else
		shadow_news(h, down);
	uplink_down_free(down);
}

void dispatch_drain(struct hubgate *h)
{
	struct uplink_log line;
	struct uplink_down down;
	int64_t now_ms = hubgate_now_ms();

	while (uplink_take_log(h->uplink, &line) == ST_OK)
		log_line(&h->log, line.level, "%s", line.line);
	remember_drain(h);
	while (uplink_take(h->uplink, &down) == ST_OK)
		take_down(h, &down);
	reload_run(h);
	if (h->orders_unsent || (h->grace.first && h->grace.first->leave_ms <= now_ms))
		presence_run(h, now_ms);
	shadow_run(h, now_ms);
	gateway_service_run(h, now_ms);
	registration_run(h, now_ms);
	dispatch_set_timer(h);
	timekeeper_run(h, now_ms);
	talkers_run(h, now_ms);
	report_run(h, now_ms);
}
