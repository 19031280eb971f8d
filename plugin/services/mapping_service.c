#include "plugin/services/mapping_service.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/subscriptions.h"
#include "plugin/devices/to_hub.h"
#include "plugin/lan/products.h"

enum {
	WRAPPED_MAX = ROUTE_PAYLOAD_MAX + 1024,
};

enum status mapping_service_start(struct hubgate *h)
{
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->config->mapping_count && st == ST_OK; i++) {
		const struct config_mapping *m = &h->config->mappings[i];
		char filter[MAPPING_TOPIC_MAX];

		st = products_add(h, m->product_id);
		if (st != ST_OK || !m->presence)
			continue;
		mapping_filter(m->presence, filter);
		st = uplink_watch(h->uplink, filter);
	}
	return st;
}

void mapping_service_rules_changed(struct hubgate *h)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (!(d->origins & ORIGIN_MAPPING) || mapping_of(&rules, d->product_id, d->device_name))
			continue;
		presence_unspoken(h, d);
		d->origins &= ~(unsigned)ORIGIN_MAPPING;
		if (device_let_go(h, d))
			presence_renew(h, d);
	}
}

bool mapping_service_watches(const struct hubgate *h, const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];
		char watched[MAPPING_TOPIC_MAX];

		if (!m->presence)
			continue;
		mapping_filter(m->presence, watched);
		if (strcmp(watched, filter) == 0)
			return true;
	}
	return false;
}

static bool has_capture(const char *pattern)
{
	return strchr(pattern, '{') != NULL;
}

/* NULL: it may be spoken for by this rule. */
static const char *objection(const struct device *d, const struct config_mapping *m)
{
	if (d->own)
		return "it is the gateway";
	if (d->presence->current && !d->presence->current->broker_login)
		return "the device is logged in itself";
	if (d->origins & ORIGIN_CONFIGURED && d->secret.key_len > 0 && !m->client &&
	    has_capture(m->device))
		return "it stands in devices[] with a secret, and the rule names no client: anybody could "
			   "speak for it; give the rule a client";
	return NULL;
}

/* Its commands come to the plugin. */
static void follow(struct hubgate *h, struct device *d, const struct config_mapping *m)
{
	char filter[MAPPING_TOPIC_MAX];
	int n = snprintf(filter, sizeof(filter), "%s/%s/%s", d->product_id, d->device_name, m->from);

	if (!m->down || n < 0 || n >= (int)sizeof(filter) || device_subscribe(d, filter, 1) != ST_OK)
		return;
	subscriptions_keep(h, d, filter, 1);
	if (uplink_subscribe(h->uplink, d->client_id, filter, 1) != ST_OK)
		presence_say_again(h, d);
}

/* The device of a hit. NULL: not to be had, which is logged or counted. */
static struct device *device_of(struct hubgate *h, const struct mapping_hit *hit, const char *topic)
{
	const struct config_mapping *m = hit->rule;
	struct device *d = device_table_named(h->devices, m->product_id, hit->device_name);
	bool is_new = !d;
	const char *why;

	if (!d)
		d = device_admit(h, m->product_id, hit->device_name, ORIGIN_MAPPING);
	if (!d) {
		metric_add(&h->metrics, M_REFUSED, 1); /* there may be many: device_admit() says why */
		return NULL;
	}
	why = objection(d, m);
	if (why) {
		limiter_log_refusal(h, d->client_id, topic, why);
		return NULL;
	}
	if (is_new || !(d->origins & ORIGIN_MAPPING)) {
		device_set_origin(h, d, ORIGIN_MAPPING, true);
		device_record_keep(h, d);
		if (d->standing == STANDING_OWN) /* of names that nobody knows there may be many */
			log_line(&h->log, LOG_NOTE, "%s/%s is here by mappings[%zu]", d->product_id,
			         d->device_name, (size_t)(m - h->config->mappings));
	}
	names_heard(h, d);
	follow(h, d, m);
	return d;
}

static void refused(struct hubgate *h, const struct mapping_hit *hit, const char *topic,
                    const char *why)
{
	metric_add(&h->metrics, M_REFUSED, 1);
	limiter_log_refusal(h, hit->device_name, topic, why);
}

static enum status send(struct hubgate *h, struct device *d, const struct mapping_hit *hit,
                        const struct mosquitto_evt_message *ed)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct buf wrapped = BUF_MAX(WRAPPED_MAX);
	const void *payload = ed->payload;
	size_t len = ed->payloadlen;
	struct route route;
	enum status st = ST_OK;

	if (hit->rule->wrap)
		st = mapping_wrap(&wrapped, hit->rule->wrap, ed->payload, ed->payloadlen);
	if (hit->rule->wrap && st == ST_OK) {
		payload = wrapped.data;
		len = wrapped.len;
	}
	route = route_decide(d->product_id, d->device_name, hit->topic, len, ed->qos);
	if (st != ST_OK || route.action != ROUTE_FORWARD) {
		refused(h, hit, ed->topic,
		        st != ST_OK ? "its payload is neither JSON nor text and cannot be wrapped"
		                    : route_reason_text(route.reason));
		st = ST_OK;
	} else {
		st = to_hub_send(h, d, &route, hit->topic, payload, len);
	}
	if (mapping_serves_several(&rules, hit->rule))
		st = ST_OK; /* what was refused is counted and lost: on_message.c says why */
	buf_free(&wrapped);
	return st;
}

bool mapping_service_names(const struct hubgate *h, const char *client_id, const char *username)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_client who = { client_id, username };

	IN_ROOM(ROOM_BROKER);
	return mapping_names(&rules, &who);
}

enum status mapping_service_message(struct hubgate *h, const struct mosquitto_evt_message *ed)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_client who = { mosquitto_client_id(ed->client),
		                                mosquitto_client_username(ed->client) };
	struct mapping_hit hit;
	struct device *d;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	/* Should the doorbell not work. */
	mapping_service_presence(h, ed->topic, ed->payload, ed->payloadlen);
	st = mapping_up(&rules, &who, ed->topic, &hit);
	if (st == ST_INVALID)
		refused(h, &hit, ed->topic, "mappings[] make no device name or topic of the hub of it");
	if (st != ST_OK)
		return ST_OK;
	d = device_of(h, &hit, ed->topic);
	if (!d)
		return ST_OK;
	if (!hit.rule->presence)
		presence_spoken_for(h, d, ed->client);
	return send(h, d, &hit, ed);
}

void mapping_service_presence(struct hubgate *h, const char *topic, const void *payload, size_t len)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct mapping_hit hit;
	struct device *d;
	bool online = false;

	IN_ROOM(ROOM_BROKER);
	if (mapping_presence(&rules, topic, payload, len, &hit, &online) != ST_OK)
		return;
	d = device_table_named(h->devices, hit.rule->product_id, hit.device_name);
	if (online)
		d = device_of(h, &hit, topic);
	if (d && d->origins & ORIGIN_MAPPING)
		presence_mapped(h, d, online);
}
