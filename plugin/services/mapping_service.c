#include "plugin/services/mapping_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/devices/command.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/subscriptions.h"
#include "plugin/devices/to_hub.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/lan_session.h"
#include "plugin/lan/products.h"
#include "plugin/services/mapping_presence.h"
#include "plugin/services/mapping_register.h"

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
	bool begun;
	bool *warned; /* by rule: that its client is no username which somebody checked */
	size_t warned_count;
};

/* What only the mappings know of d. */
static void forget(struct hubgate *h, struct device *d, bool erase)
{
	if (!d->mapped)
		return;
	if (erase && d->mapped->stored_ms != 0)
		mapped_erase(h, d);
	mapping_presence_forget(h, d);
	mapping_register_leave(h, d->mapped);
	mapped_free(d);
}

static bool renew(struct hubgate *h, struct device *d);

enum status mapping_service_open(struct hubgate *h)
{
	enum status st = ST_NOMEM;

	h->mapping = calloc(1, sizeof(*h->mapping));
	h->forget_mapped = forget;
	h->renew_mapped = renew;
	if (h->mapping)
		st = mapping_register_open(h);
	if (st == ST_OK)
		st = mapping_presence_open(h);
	if (st != ST_OK)
		mapping_service_close(h);
	return st;
}

void mapping_service_close(struct hubgate *h)
{
	struct table_at at;

	mapping_presence_close(h);
	mapping_register_close(h);
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at))
		mapped_free(d);
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
	log_line(&h->log, LOG_WARN, "mappings[%zu].client \"%.64s\" %s, so %s", i, m->client, why,
	         m->client_id ? "nobody is that client: let the broker check its username "
	                        "(password_file), or take client out and leave client_id"
	                      : "anybody may be that client: it works in this release; let the broker "
	                        "check its username (password_file), or name a client id in client_id");
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

/* --- the rules --- */

static enum status watch(struct hubgate *h, const char *pattern)
{
	char filter[MAPPING_TOPIC_MAX];

	if (!pattern)
		return ST_OK;
	mapping_filter(pattern, filter);
	return uplink_watch(h->uplink, filter);
}

static enum status watch_all(struct hubgate *h, const struct config_mapping *m)
{
	enum status st = products_add(h, m->product_id);

	for (size_t i = 0; i < mapping_condition_count(m) && st == ST_OK; i++) {
		const struct mapping_condition c = mapping_condition(m, i);

		st = watch(h, c.topic);
		if (st == ST_OK)
			st = watch(h, c.death);
	}
	return st;
}

enum status mapping_service_start(struct hubgate *h)
{
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	if (!h->mapping->begun) {
		h->mapping->begun = true;
		forget_warnings(h);
		st = mapping_presence_rules(h);
		mapping_service_adopt(h);
	}
	for (size_t i = 0; i < h->config->mapping_count && st == ST_OK; i++)
		st = watch_all(h, &h->config->mappings[i]);
	return st;
}

static bool is_filter_of(const char *pattern, const char *filter)
{
	char watched[MAPPING_TOPIC_MAX];

	if (!pattern)
		return false;
	mapping_filter(pattern, watched);
	return strcmp(watched, filter) == 0;
}

bool mapping_service_watches(const struct hubgate *h, const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];

		for (size_t k = 0; k < mapping_condition_count(m); k++) {
			const struct mapping_condition c = mapping_condition(m, k);

			if (is_filter_of(c.topic, filter) || is_filter_of(c.death, filter))
				return true;
		}
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
	if (trace_on(h))
		trace_note(h, d->client_id, TRACE_REFUSED,
		           &(struct trace_about){ .topic = topic, .why = why });
	d->objection = why;
	if (!said)
		limiter_log_refusal(h, d->client_id, topic, why);
	return false;
}

/* Its commands come to the plugin. */
static void follow(struct hubgate *h, struct device *d, const struct config_mapping *m)
{
	const char *from;

	for (size_t i = 0; (from = mapping_from(m, i)) != NULL; i++) {
		char filter[MAPPING_TOPIC_MAX];
		int n = snprintf(filter, sizeof(filter), "%s/%s/%s", d->product_id, d->device_name, from);

		if (n < 0 || n >= (int)sizeof(filter) || device_subscribe(d, filter, 1) != ST_OK)
			continue;
		subscriptions_keep(h, d, filter, 1);
		if (uplink_subscribe(h->uplink, d->client_id, filter, 1) != ST_OK)
			presence_say_again(h, d);
	}
}

/* All are the rules' that had one: it has no client of its own. */
static void unfollow(struct hubgate *h, struct device *d)
{
	while (!d->logged_in && !d->guarded && d->filters) {
		char filter[MAPPING_TOPIC_MAX];

		snprintf(filter, sizeof(filter), "%s", d->filters->text);
		subscriptions_forget(h, d, d->filters->text);
		if (device_unsubscribe(d, d->filters->text) != ST_OK)
			return;
		if (uplink_unsubscribe(h->uplink, d->client_id, filter) != ST_OK)
			presence_say_again(h, d);
	}
}

/* A device that is spoken for from now on. */
static void begin(struct hubgate *h, struct device *d, const struct config_mapping *m,
                  const char *original)
{
	bool other_name = original && strcmp(original, d->device_name) != 0;

	if (d->origins & ORIGIN_MAPPING)
		return;
	device_set_origin(h, d, ORIGIN_MAPPING, true);
	device_record_keep(h, d);
	if (d->standing == STANDING_OWN) /* of names that nobody knows there may be many */
		log_line(&h->log, LOG_NOTE, "%s/%s is here by mappings[%zu]%s%.100s%s", d->product_id,
		         d->device_name, index_of(h, m), other_name ? ", where it is \"" : "",
		         other_name ? original : "", other_name ? "\"" : "");
}

/* No rule makes it any more: no word for it, no command to it. */
static void end(struct hubgate *h, struct device *d)
{
	forget(h, d, true);
	unfollow(h, d);
	presence_unspoken(h, d);
	d->origins &= ~(unsigned)ORIGIN_MAPPING;
	device_record_keep(h, d);
	if (device_let_go(h, d))
		presence_renew(h, d);
}

/* Who has got a secret of its own meanwhile, while somebody unproven spoke for it. */
static void leave_guarded(struct hubgate *h)
{
	struct table_at at;

	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (d->origins & ORIGIN_MAPPING && d->guarded && d->mapped && !d->mapped->by_username)
			end(h, d);
	}
}

/* A device that gets commands and sends nothing is there from the start. */
void mapping_service_adopt(struct hubgate *h)
{
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	leave_guarded(h);
	for (size_t i = 0; i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];
		struct mapping_values values;

		if (m->up)
			continue;
		for (struct device *d = device_table_first(h->devices, &at); d;
		     d = device_table_next(h->devices, &at)) {
			if (d->retired || d->own || d->guarded || d->logged_in ||
			    !(d->origins & ORIGIN_CONFIGURED) ||
			    !mapping_makes(m, d->product_id, d->device_name, NULL, NULL, &values))
				continue;
			begin(h, d, m, NULL);
			follow(h, d, m);
			mapping_presence_spoken(h, d, m, &values, NULL, false);
		}
	}
}

static bool renew(struct hubgate *h, struct device *d)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_known known = mapped_known(d);
	const struct config_mapping *m =
		mapping_of(&rules, d->product_id, d->device_name, known.original, known.values);

	if (m)
		follow(h, d, m);
	else
		end(h, d);
	return m != NULL;
}

void mapping_service_rules_changed(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	forget_warnings(h);
	mapping_presence_rules(h);
	command_rules_changed(h);
}

/* --- devices --- */

void mapping_service_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	mapping_presence_run(h, now_ms);
	mapping_register_run(h, now_ms);
}

int64_t mapping_service_due(const struct hubgate *h)
{
	int64_t presence_ms = mapping_presence_due(h), register_ms = mapping_register_due(h);

	IN_ROOM(ROOM_BROKER);
	return presence_ms < register_ms ? presence_ms : register_ms;
}

static bool is_refused_name(const struct device *d, const struct config_mapping *m)
{
	return m->known_only && d->standing == STANDING_STRANGER;
}

const char *mapping_service_objection(const struct device *d, const struct mapping_hit *hit,
                                      const struct device *self)
{
	const char *why = d ? objection(d, hit, self) : NULL;

	IN_ROOM(ROOM_BROKER);
	if (d && !why && is_refused_name(d, hit->rule))
		why = "the hub refused its name as not bound, and the rule has known_only";
	return why;
}

/* Of what the hub refused nothing is kept. */
static bool is_unwanted(struct hubgate *h, struct device *d, const struct config_mapping *m)
{
	if (m->may_register)
		mapping_register_wanted(h, d);
	if (!is_refused_name(d, m))
		return false;
	metric_add(&h->metrics, M_REFUSED_STRANGER, 1);
	names_heard(h, d);
	return true;
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
	begin(h, d, m, hit->original);
	if (is_unwanted(h, d, m))
		return NULL;
	names_heard(h, d);
	follow(h, d, m);
	if (mapped_note(h, d, hit, client ? mosquitto_client_id(client) : NULL))
		command_learned(h, d);
	return d;
}

static void refused(struct hubgate *h, const struct mapping_hit *hit, const char *topic,
                    const char *why)
{
	metric_add(&h->metrics, M_REFUSED, 1);
	limiter_log_refusal(h, hit->device_name[0] ? hit->device_name : hit->original, topic, why);
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *unfit(enum status wrap, const char *why, const struct route *route)
{
	if (wrap == ST_INVALID)
		return why;
	if (wrap == ST_TOOBIG)
		return "wrapped it is bigger than the hub takes";
	if (wrap != ST_OK)
		return status_text(wrap);
	return route->action == ROUTE_FORWARD ? NULL : route_reason_text(route->reason);
}

void mapping_service_upward(const struct mapping_hit *hit, const void *payload, size_t len,
                            uint8_t qos, struct mapping_upward *out)
{
	const struct config_mapping *m = hit->rule;
	const char *why = NULL;
	enum status st = ST_OK;

	IN_ROOM(ROOM_BROKER);
	*out =
		(struct mapping_upward){ .wrapped = BUF_MAX(WRAPPED_MAX), .payload = payload, .len = len };
	if (m->wrap)
		st = mapping_wrap(&out->wrapped, m, &hit->values, payload, len, wall_ms(), &why);
	if (m->wrap && st == ST_OK) {
		out->payload = out->wrapped.data;
		out->len = out->wrapped.len;
	}
	out->route = route_decide(m->product_id, hit->device_name, hit->topic, out->len, qos);
	out->why = unfit(st, why, &out->route);
}

/* Called while trace_on(). */
static void note_published(struct hubgate *h, const struct device *d,
                           const struct mosquitto_evt_message *ed, const char *why)
{
	struct trace_about about = { .topic = ed->topic, .bytes = ed->payloadlen, .qos = ed->qos };

	trace_note(h, d->client_id, TRACE_PUBLISHED, &about);
	about.why = why;
	if (why)
		trace_note(h, d->client_id, TRACE_REFUSED, &about);
}

static enum status send(struct hubgate *h, struct device *d, const struct mapping_hit *hit,
                        const struct mosquitto_evt_message *ed)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct mapping_upward up;
	enum status st = ST_OK;

	mapping_service_upward(hit, ed->payload, ed->payloadlen, ed->qos, &up);
	if (trace_on(h))
		note_published(h, d, ed, up.why);
	if (up.why)
		refused(h, hit, ed->topic, up.why);
	else
		st = to_hub_send(h, d, &up.route, hit->topic, up.payload, up.len);
	if (mapping_serves_several(&rules, hit->rule))
		st = ST_OK; /* what was refused is counted and lost: on_message.c says why */
	buf_free(&up.wrapped);
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

/* Of condition i of m. client NULL: nobody knows whose it is. */
static void take_condition(struct hubgate *h, const struct config_mapping *m, size_t i,
                           const struct mosquitto *client, const struct mosquitto_evt_message *ed)
{
	const struct mapping_condition c = mapping_condition(m, i);
	const struct mapping_client who = client ? client_of(h, client) : (struct mapping_client){ 0 };
	struct mapping_hit hit = { .speaker = client ? mapping_speaker_of(m, &who) : MAPPING_ANYBODY };
	struct mapping_values values;
	enum mapping_told told;
	struct device *d;

	if (hit.speaker == MAPPING_NOT_ITS_CLIENT)
		return;
	told = mapping_condition_told(&c, ed->topic, ed->payload, ed->payloadlen, &values);
	if (told == MAPPING_TOLD_NOTHING)
		return;
	mapping_presence_fact(h, m, i, &values, told == MAPPING_TOLD_THERE,
	                      hit.speaker == MAPPING_BY_USERNAME);
	if (told != MAPPING_TOLD_THERE || mapping_condition_device(m, &values, &hit) != ST_OK)
		return;
	d = device_of(h, &hit, client, ed->topic);
	if (d && d->mapped)
		mapping_presence_spoken(h, d, m, &d->mapped->values, client, false);
}

static void take_presence(struct hubgate *h, const struct mosquitto *client,
                          const struct mosquitto_evt_message *ed)
{
	for (size_t i = 0; i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];

		for (size_t k = 0; k < mapping_condition_count(m); k++)
			take_condition(h, m, k, client, ed);
	}
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

void mapping_service_arrives(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	struct mapping_state *s = h->mapping;
	const struct mosquitto_evt_message message = { .topic = (char *)(uintptr_t)ed->topic,
		                                           .payload = (void *)(uintptr_t)ed->payload,
		                                           .payloadlen = ed->payloadlen };

	IN_ROOM(ROOM_BROKER);
	if (s->source == SOURCE_RETAINED) {
		take_presence(h, NULL, &message);
	} else if (s->source == SOURCE_WRITTEN && strcmp(s->written, ed->topic) == 0) {
		mapping_service_over(h); /* once, however many filters of the doorbell it fits */
		take_presence(h, s->writer, &message);
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
	take_presence(h, ed->client, ed);
	st = mapping_up(&rules, &who, ed->topic, ed->payload, ed->payloadlen, &hit);
	if (st == ST_INVALID)
		refused(h, &hit, ed->topic, hit.why);
	if (st != ST_OK)
		return ST_OK;
	d = device_of(h, &hit, ed->client, ed->topic);
	if (!d)
		return ST_OK;
	mapping_presence_spoken(h, d, hit.rule, &hit.values, ed->client, true);
	return send(h, d, &hit, ed);
}
