#include "plugin/control/control_route.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/route_explain.h"
#include "core/mapping/mapping.h"
#include "plugin/control/control_topic.h"
#include "plugin/devices/to_hub.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/identity.h"
#include "plugin/services/firmware.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapping_service.h"
#include "plugin/services/served_by.h"
#include "plugin/services/shadow.h"

enum {
	MAPPING_WORDS = 1024,
	QOS = 1, /* when nobody says which */
};

struct question {
	struct hubgate *h;
	const char *topic, *payload; /* payload "": as if it were empty */
	size_t len;
	uint8_t qos;
	const char *client;    /* as asked for; NULL: whoever */
	struct device *device; /* that the client is; NULL: none */
	bool broker_login;     /* ... by a login of the broker */
	struct json_writer w;  /* the steps */
};

static bool is_cloud(const struct question *q)
{
	return identity_is_cloud_topic(q->h, q->topic);
}

/* --- who --- */

static struct device *by_login_id(const struct hubgate *h, const char *id)
{
	struct table_at at;
	struct device *d = device_table_first(h->devices, &at);

	while (d && (d->retired || strcmp(device_login_id(d), id) != 0))
		d = device_table_next(h->devices, &at);
	return d;
}

/* By PID/DNAME, the id that the hub knows, the id that it logged in with, or a user name. */
static struct device *by_name(const struct hubgate *h, const char *client, bool *broker_login)
{
	const char *slash = strchr(client, '/');
	char product_id[PRODUCT_ID_LEN + 1];
	struct device *d = NULL;

	*broker_login = false;
	if (slash && slash - client == PRODUCT_ID_LEN) {
		snprintf(product_id, sizeof(product_id), "%.*s", PRODUCT_ID_LEN, client);
		d = device_table_named(h->devices, product_id, slash + 1);
	}
	if (!d)
		d = device_table_find(h->devices, client, strlen(client));
	if (!d)
		d = identity_named(h, client);
	if (d)
		return d;
	d = broker_login_device(h, client);
	*broker_login = d != NULL;
	return d ? d : by_login_id(h, client);
}

/* The device whose topic it is. */
static struct device *by_topic(const struct hubgate *h, const char *topic)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct topic t;

	if (topic_parse(topic, strlen(topic), &t) != ST_OK || t.kind == TOPIC_NONE ||
	    snprintf(client_id, sizeof(client_id), "%.*s%.*s", (int)t.product_id.len, t.product_id.at,
	             (int)t.device_name.len, t.device_name.at) >= (int)sizeof(client_id))
		return NULL;
	return device_table_find(h->devices, client_id, strlen(client_id));
}

static void say_who(struct question *q)
{
	if (q->device)
		route_explain_step(&q->w, "client", "%s%s is the device %s/%s%s",
		                   q->client ? "" : "taken that ", q->client ? q->client : "it",
		                   q->device->product_id, q->device->device_name,
		                   q->broker_login ? ", by its login of the broker" : "");
	else if (q->client)
		route_explain_step(
			&q->w, "client",
			"\"%s\" is no device here: it is taken as the user name and client id of "
			"some other client",
			q->client);
	else
		route_explain_step(&q->w, "client",
		                   "no client is named, and the topic is no known device's: it is taken as "
		                   "anybody's without a user name");
}

/* One that never logs in is spoken for, and is not the client. */
static bool logs_in(const struct device *d)
{
	return d && !d->plain && (d->origins & ~(unsigned)ORIGIN_MAPPING || d->logged_in);
}

static void find_who(struct question *q)
{
	struct device *d = q->client     ? by_name(q->h, q->client, &q->broker_login)
	                   : is_cloud(q) ? by_topic(q->h, q->topic)
	                                 : NULL;

	q->device = logs_in(d) ? d : NULL;
	q->broker_login &= q->device != NULL;
	say_who(q);
}

/* --- to the hub --- */

static void say_hub(struct question *q, const struct device *d)
{
	static const char *const bound[] = { [BOUND_UNKNOWN] =
		                                     "the hub has not said yet whether it is bound",
		                                 [BOUND_YES] = "it is bound",
		                                 [BOUND_NO] = "the hub says that it is not bound, so its "
		                                              "messages wait: bind it (bindDevice)" };
	bool ready = uplink_ready(q->h->uplink);

	route_explain_step(&q->w, "hub", "the link to the hub is %s; %s/%s: %s",
	                   ready ? "ready" : "away", d->product_id, d->device_name,
	                   d->own ? "it is the gateway" : bound[d->bound]);
}

static const char *service_text(enum service by)
{
	static const char *const texts[] = {
		[SERVED_BY_NONE] = NULL,
		[SERVED_BY_SHADOW] =
			"the shadow's document here answers it; what is reported goes to the hub "
			"as soon as that is there",
		[SERVED_BY_CLOCK] = "the time is told from the clock here, which is right",
		[SERVED_BY_CONFIG] = "the hub is asked for the configuration now; without it what is "
							 "remembered here answers",
		[SERVED_BY_CALLS] = "no call of the hub waits for this answer: it is dropped",
	};

	return texts[by];
}

static struct route_facts facts_of(const struct question *q, struct device *d,
                                   const struct route_rules *rules)
{
	return (struct route_facts){
		.product_id = d->product_id,
		.device_name = d->device_name,
		.own = d->own,
		.ours = d->standing == STANDING_OWN,
		.rules = rules,
		.ready = uplink_ready(q->h->uplink),
		.keeps_qos0 = q->h->config->store.queue_qos0,
	};
}

static enum route_end end_of(struct question *q, enum route_end end, const struct device *d,
                             enum service by)
{
	if (end == ROUTE_END_FORWARDED)
		say_hub(q, d);
	return by == SERVED_BY_CALLS && end == ROUTE_END_ANSWERED ? ROUTE_END_DROPPED : end;
}

/* The gateway application's operations come to the gateway itself. */
static enum route_end own_operation(struct question *q)
{
	route_explain_step(&q->w, "service",
	                   "an operation of the gateway application: the gateway carries it out and "
	                   "answers");
	return ROUTE_END_ANSWERED;
}

static enum route_end as_device(struct question *q)
{
	struct device *d =
		q->device->own ? gateway_service_speaker(q->h, q->device, q->topic) : q->device;
	const struct route_rules rules = route_rules_of(q->h->config);
	const struct route route =
		route_decide(d->product_id, d->device_name, q->topic, q->len, q->qos);
	struct route_facts f = facts_of(q, d, &rules);
	enum service by = SERVED_BY_NONE;
	bool newest = false;

	if (route.action == ROUTE_REFUSE && route_lets(&route, d->own, q->len))
		return own_operation(q);
	if (route_lets(&route, d->own, q->len)) {
		by = served_by(q->h, d, route.kind, q->topic, q->payload, q->len);
		f.served = service_text(by);
		if (route.kind == TOPIC_OTA_REPORT)
			f.fault = firmware_report_fault(q->payload, q->len, &newest);
		f.plan = to_hub_plan(q->h, d, &route, q->topic, newest);
		f.room = to_hub_room(q->h, d, q->topic, q->payload, q->len);
	}
	return end_of(q, route_explain(&f, &route, q->len, &q->w), d, by);
}

/* --- plain devices --- */

static struct mapping_client client_of(const struct question *q)
{
	return (struct mapping_client){
		.client_id = q->client,
		.username = q->client,
		.checked = !q->h->rights->unknown_users_pass,
	};
}

/* A name that nobody knows yet: the hub is asked about it first. */
static enum route_end as_new_name(struct question *q, const struct mapping_hit *hit)
{
	route_explain_step(
		&q->w, "device",
		"%s/%s is not known yet: the first message makes it, and waits until the hub "
		"was asked about it",
		hit->rule->product_id, hit->device_name);
	return ROUTE_END_FORWARDED;
}

static enum route_end as_mapped(struct question *q, const struct mapping_hit *hit)
{
	const struct route_rules rules = route_rules_of(q->h->config);
	struct device *d = device_table_named(q->h->devices, hit->rule->product_id, hit->device_name);
	const char *why = mapping_service_objection(d, hit, q->device);
	enum route_end end = ROUTE_END_LAN;
	struct mapping_upward up;
	struct route_facts f;

	if (why) {
		route_explain_step(&q->w, "device", "nothing goes up as %s/%s: %s", hit->rule->product_id,
		                   hit->device_name, why);
		return ROUTE_END_LAN;
	}
	mapping_service_upward(hit, q->payload, q->len, q->qos, &up);
	if (up.why) {
		route_explain_step(&q->w, "limit", "it does not go up: %s", up.why);
	} else if (!d) {
		end = as_new_name(q, hit);
	} else {
		f = facts_of(q, d, &rules);
		f.plan = to_hub_plan(q->h, d, &up.route, hit->topic, false);
		f.room = to_hub_room(q->h, d, hit->topic, up.payload, up.len);
		end = end_of(q, route_explain(&f, &up.route, up.len, &q->w), d, SERVED_BY_NONE);
	}
	buf_free(&up.wrapped);
	return end;
}

static enum route_end by_mappings(struct question *q)
{
	const struct mapping_rules rules = mapping_rules_of(q->h->config);
	const struct mapping_client who = client_of(q);
	char words[MAPPING_WORDS];
	struct mapping_hit hit;

	mapping_explain(&rules, &who, q->topic, q->payload, q->len, words, sizeof(words));
	route_explain_step(&q->w, "mapping", "%s", words);
	if (mapping_up(&rules, &who, q->topic, q->payload, q->len, &hit) != ST_OK)
		return ROUTE_END_LAN;
	return as_mapped(q, &hit);
}

/* --- everybody else --- */

static enum route_end closed(struct question *q)
{
	route_explain_step(
		&q->w, "acl",
		"a topic of the hub is closed to all but its device; an application needs an "
		"entry of apps[] with its user name and access write");
	return ROUTE_END_REFUSED;
}

static enum route_end as_application(struct question *q)
{
	if (strncmp(q->topic, SHADOW_APP_TREE, strlen(SHADOW_APP_TREE)) == 0) {
		route_explain_step(&q->w, "service",
		                   "apps[] allows it: the shadow's document here answers");
		return ROUTE_END_ANSWERED;
	}
	route_explain_step(
		&q->w, "acl",
		"apps[] allows it: who subscribes it on the LAN hears it. Only a device's own "
		"messages go to the hub");
	return ROUTE_END_LAN;
}

static enum route_end as_other(struct question *q)
{
	switch (apps_right_of(q->h, q->client, MOSQ_ACL_WRITE, q->topic)) {
	case APPS_ALLOWED:
		return as_application(q);
	case APPS_CLOSED:
		return closed(q);
	case APPS_OPEN:
	default:
		break;
	}
	route_explain_step(&q->w, "acl",
	                   q->h->rights->acl == LAN_ACL_DEFER
	                       ? "no topic of the hub: what the broker's acl_file or another plugin "
	                         "allows. If they do:"
	                       : "no topic of the hub: everybody may publish it (lan.acl)");
	return by_mappings(q);
}

static enum route_end decide(struct question *q)
{
	find_who(q);
	if (control_topic_is(q->topic)) {
		route_explain_step(&q->w, "acl",
		                   "a command to the gateway, for clients with a role in apps[]");
		return q->device ? ROUTE_END_REFUSED : ROUTE_END_ANSWERED;
	}
	/* As plugin/on_acl.c: topics that are no hub's are for a device with a login of the broker what
	 * they are for any client. */
	if (q->device && !(q->broker_login && !is_cloud(q)))
		return as_device(q);
	return as_other(q);
}

/* --- the command --- */

/* Static; NULL: fine. */
static const char *read_question(const cJSON *command, struct question *q)
{
	const cJSON *qos = json_member(command, "qos");
	const char *payload = json_text(command, "payload");
	int64_t number = QOS;

	q->topic = json_text(command, "topic");
	q->client = json_text(command, "client");
	q->payload = payload ? payload : "";
	q->len = strlen(q->payload);
	if (!q->topic || !q->topic[0] || strpbrk(q->topic, "+#"))
		return "topic is missing, or holds a wildcard; name the topic of one message";
	if (qos && (!json_int(qos, false, &number) || number < 0 || number > 2))
		return "qos is out of range; use 0, 1 or 2";
	q->qos = (uint8_t)number;
	return NULL;
}

void control_route(struct hubgate *h, const cJSON *command, struct asker *a)
{
	struct buf text = BUF_MAX(ASKER_DATA_MAX);
	struct question q = { .h = h, .w = JSON_WRITER(&text) };
	const char *why = read_question(command, &q);

	IN_ROOM(ROOM_BROKER);
	if (!why) {
		enum route_end end;

		json_open(&q.w, NULL, '{');
		json_open(&q.w, "steps", '[');
		end = decide(&q);
		json_close(&q.w, ']');
		json_put_text(&q.w, "result", route_explain_end(end));
		json_close(&q.w, '}');
		if (q.w.st != ST_OK)
			why = status_text(q.w.st);
	}
	if (why)
		asker_answer(a, why);
	else
		asker_answer_data(a, &text);
	buf_free(&text);
}
