#include "plugin/services/mapping_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/base/publish.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/subscriptions.h"
#include "plugin/devices/to_hub.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/lan_session.h"
#include "plugin/lan/products.h"

enum {
	WRAPPED_MAX = ROUTE_PAYLOAD_MAX + 1024,
};

enum source {        /* of what comes to the doorbell next */
	SOURCE_KNOWN,    /* a client's message, of which MESSAGE told, or nobody's: not looked at */
	SOURCE_WRITTEN,  /* client published on topic, or it is the will of client */
	SOURCE_RETAINED, /* nobody knows who published it */
};

struct mapping_state {
	enum source source;
	const struct mosquitto *writer; /* of SOURCE_WRITTEN; valid until the next callback but READ */
	char written[MAPPING_TOPIC_MAX];
	bool *warned; /* by rule: that its client is no username which somebody checked */
	size_t warned_count;
};

enum status mapping_service_open(struct hubgate *h)
{
	h->mapping = calloc(1, sizeof(*h->mapping));
	return h->mapping ? ST_OK : ST_NOMEM;
}

void mapping_service_close(struct hubgate *h)
{
	if (h->mapping)
		free(h->mapping->warned);
	free(h->mapping);
	h->mapping = NULL;
}

/* --- who speaks --- */

static struct mapping_client client_of(const struct hubgate *h, const struct mosquitto *client)
{
	return (struct mapping_client){
		.client_id = mosquitto_client_id(client),
		.username = mosquitto_client_username(client),
		.checked = !h->rights->unknown_users_pass,
	};
}

static size_t index_of(const struct hubgate *h, const struct config_mapping *m)
{
	return (size_t)(m - h->config->mappings);
}

static void warn_of_client(struct hubgate *h, const struct config_mapping *m, const char *why)
{
	size_t i = index_of(h, m);

	if (i >= h->mapping->warned_count || h->mapping->warned[i])
		return;
	h->mapping->warned[i] = true;
	log_line(&h->log, LOG_WARN,
	         "mappings[%zu].client \"%.64s\" %s, so anybody may be that client: it works in this "
	         "release; let the broker check its username (password_file), or name a client id in "
	         "client_id",
	         i, m->client, why);
}

/* All are warned about anew. Without memory none is. */
static void forget_warnings(struct hubgate *h)
{
	free(h->mapping->warned);
	h->mapping->warned = calloc(h->config->mapping_count + 1, sizeof(bool));
	h->mapping->warned_count = h->mapping->warned ? h->config->mapping_count : 0;
	for (size_t i = 0; h->rights->unknown_users_pass && i < h->config->mapping_count; i++) {
		if (h->config->mappings[i].client)
			warn_of_client(h, &h->config->mappings[i], "is a name that this broker does not check");
	}
}

enum status mapping_service_start(struct hubgate *h)
{
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	if (h->mapping->warned_count != h->config->mapping_count)
		forget_warnings(h);
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
	forget_warnings(h);
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

/* self: the device that the client is, by a login of its own; NULL: none. NULL: it may be spoken
 * for. */
static const char *objection(const struct device *d, const struct mapping_hit *hit,
                             const struct device *self)
{
	if (d->own)
		return "it is the gateway";
	if (d == self)
		return NULL;
	if (d->presence->current)
		return "the device is logged in itself";
	if (d->logged_in)
		return "the device logged in itself once, so nobody else speaks for it; if it is a plain "
			   "one now, mark it \"plain\": true in devices[]";
	if (d->guarded && hit->speaker != MAPPING_BY_USERNAME)
		return "devices[] says how it logs in, and the broker did not check a username that the "
			   "rule names: let the broker authenticate the client (password_file), with its "
			   "username as the rule's client, or mark the device \"plain\": true";
	return NULL;
}

/* Who is refused for ever is logged once. */
static bool may_be_spoken_for(struct hubgate *h, struct device *d, const struct mapping_hit *hit,
                              const struct device *self, const char *topic)
{
	const char *why = objection(d, hit, self);
	bool said = why == d->objection;

	if (!why)
		return true;
	metric_add(&h->metrics, M_REFUSED, 1);
	d->objection = why;
	if (!said)
		limiter_log_refusal(h, d->client_id, topic, why);
	return false;
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

/* A device that is spoken for from now on. */
static void begin(struct hubgate *h, struct device *d, const struct config_mapping *m, bool is_new)
{
	if (!is_new && d->origins & ORIGIN_MAPPING)
		return;
	device_set_origin(h, d, ORIGIN_MAPPING, true);
	device_record_keep(h, d);
	if (d->standing == STANDING_OWN) /* of names that nobody knows there may be many */
		log_line(&h->log, LOG_NOTE, "%s/%s is here by mappings[%zu]", d->product_id, d->device_name,
		         index_of(h, m));
}

/* The device of a hit, by a message of client; NULL: nobody knows whose, and none is made. NULL:
 * not to be had, which is logged or counted. */
static struct device *device_of(struct hubgate *h, const struct mapping_hit *hit,
                                const struct mosquitto *client, const char *topic)
{
	const struct config_mapping *m = hit->rule;
	const struct lan_session *s = client ? lan_session_of(h, client) : NULL;
	struct device *d = device_table_named(h->devices, m->product_id, hit->device_name);
	bool is_new = !d;

	if (!d && client) {
		d = device_admit(h, m->product_id, hit->device_name, ORIGIN_MAPPING);
		if (!d)
			metric_add(&h->metrics, M_REFUSED, 1); /* many perhaps: device_admit() says why */
	}
	if (!d || !may_be_spoken_for(h, d, hit, s ? s->device : NULL, topic)) {
		if (d && is_new)
			device_let_go(h, d);
		return NULL;
	}
	d->objection = NULL;
	if (hit->speaker == MAPPING_BY_CLAIM)
		warn_of_client(h, m, "is a client id, or a name that this broker does not check");
	begin(h, d, m, is_new);
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
	const struct mapping_client who = { .client_id = client_id, .username = username };

	IN_ROOM(ROOM_BROKER);
	return mapping_names(&rules, &who);
}

/* --- presence --- */

/* client NULL: nobody knows whose it is. */
static void take_presence(struct hubgate *h, const struct mosquitto *client, const char *topic,
                          const void *payload, size_t len)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_client who = client ? client_of(h, client) : (struct mapping_client){ 0 };
	struct mapping_hit hit;
	struct device *d;
	bool online = false;

	if (mapping_presence(&rules, client ? &who : NULL, topic, payload, len, &hit, &online) != ST_OK)
		return;
	if (!online && !device_table_named(h->devices, hit.rule->product_id, hit.device_name))
		return; /* gone, and never here */
	d = device_of(h, &hit, client, topic);
	if (d)
		presence_mapped(h, d, online);
}

void mapping_service_written(struct hubgate *h, const struct mosquitto *client, const char *topic)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct mapping_state *s = h->mapping;

	IN_ROOM(ROOM_BROKER);
	if (rules.count == 0 || strlen(topic) >= sizeof(s->written) ||
	    !mapping_is_presence(&rules, topic))
		return;
	s->source = SOURCE_WRITTEN;
	s->writer = client;
	strcpy(s->written, topic);
}

void mapping_service_subscribing(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->mapping->source = SOURCE_RETAINED;
}

void mapping_service_over(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	h->mapping->source = SOURCE_KNOWN;
}

void mapping_service_arrives(struct hubgate *h, const char *topic, const void *payload, size_t len)
{
	struct mapping_state *s = h->mapping;

	IN_ROOM(ROOM_BROKER);
	if (s->source == SOURCE_RETAINED) {
		take_presence(h, NULL, topic, payload, len);
	} else if (s->source == SOURCE_WRITTEN && strcmp(s->written, topic) == 0) {
		mapping_service_over(h); /* once, however many filters of the doorbell it fits */
		take_presence(h, s->writer, topic, payload, len);
	}
}

/* --- messages --- */

enum status mapping_service_message(struct hubgate *h, const struct mosquitto_evt_message *ed)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_client who = client_of(h, ed->client);
	struct mapping_hit hit;
	struct device *d;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	mapping_service_over(h); /* it is looked at here */
	take_presence(h, ed->client, ed->topic, ed->payload, ed->payloadlen);
	st = mapping_up(&rules, &who, ed->topic, &hit);
	if (st == ST_INVALID)
		refused(h, &hit, ed->topic, "mappings[] make no device name or topic of the hub of it");
	if (st != ST_OK)
		return ST_OK;
	d = device_of(h, &hit, ed->client, ed->topic);
	if (!d)
		return ST_OK;
	if (!hit.rule->presence)
		presence_spoken_for(h, d, ed->client);
	return send(h, d, &hit, ed);
}

/* --- commands --- */

bool mapping_service_command(struct hubgate *h, const struct device *d,
                             const struct uplink_down *down)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const char *rest = down->topic + strlen(d->product_id) + 1 + strlen(d->device_name) + 1;
	char local[MAPPING_TOPIC_MAX];

	IN_ROOM(ROOM_BROKER);
	if (mapping_down(&rules, d->product_id, d->device_name, rest, local) != ST_OK)
		return false;
	if (publish_on_lan(local, down->payload, down->len, down->qos, false) == ST_OK)
		metric_add(&h->metrics, M_DOWN, 1);
	return true;
}
