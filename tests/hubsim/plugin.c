/* The broker's side of the simulator: every callback runs on the broker's main thread. */
#include "tests/hubsim/acl.h"
#include "tests/hubsim/control.h"
#include "tests/hubsim/firmware.h"
#include "tests/hubsim/login.h"
#include "tests/hubsim/register.h"
#include "tests/hubsim/send.h"
#include "tests/hubsim/subscriptions.h"

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT             __attribute__((visibility("default")))
#define EVT_CLIENT_OFFLINE 28 /* Mosquitto 2.1: the end of a session that persists */
#define DRAIN_AT_ONCE      10000

struct peer { /* a connection whose login succeeded */
	struct peer *next;
	const struct mosquitto *client;
	char label[80], address[48];
	uint64_t qos1_seen;
};

static pthread_t main_thread;

static void rouse(void *arg)
{
	struct sim *s = arg;
	struct proxy *proxy = __atomic_load_n(&s->proxy, __ATOMIC_SEQ_CST);

	if (proxy && !pthread_equal(pthread_self(), main_thread))
		proxy_wake_broker(proxy);
}

static void drain(struct sim *s)
{
	char *text;

	for (int i = 0; i < DRAIN_AT_ONCE && (text = event_pop(s->events)); i++) {
		send_message(EVENT_TOPIC, text, strlen(text), 1);
		free(text);
	}
}

static struct peer *peer_of(const struct sim *s, const struct mosquitto *client)
{
	struct peer *p = s->peers;

	while (p && p->client != client)
		p = p->next;
	return p;
}

static bool is_admin(const struct sim *s, const struct mosquitto *client)
{
	const char *user = mosquitto_client_username(client);

	return user && strcmp(user, s->cloud->admin_user) == 0;
}

static void remember(struct sim *s, const struct mosquitto *client)
{
	const char *id = mosquitto_client_id(client);
	struct account *a = account_of_client(s->cloud, id);
	struct peer *p = peer_of(s, client);
	struct proxy_peer peer;

	if (a && proxy_peer(s->proxy, mosquitto_client_address(client), &peer))
		subscriptions_begin(a, peer.clean);

	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return;
		p->next = s->peers;
		s->peers = p;
	}
	p->client = client;
	p->qos1_seen = 0;
	client_label(id, strlen(id), p->label, sizeof p->label);
	snprintf(p->address, sizeof p->address, "%s", mosquitto_client_address(client));
}

static const char *device_refusal(struct sim *s, const struct mosquitto_evt_basic_auth *ed)
{
	const char *address = mosquitto_client_address(ed->client);
	struct login l = { .client_id = mosquitto_client_id(ed->client) };
	struct proxy_peer peer;

	l.username = ed->username;
	l.password = ed->password;
	if (!address && !ed->password) /* a stored session looked at again after a restart */
		return account_of_client(s->cloud, l.client_id) ? NULL : "unknown device";
	if (!proxy_peer(s->proxy, address, &peer))
		return "devices do not log in at the admin port";
	if (s->cloud->limits.enforce && !limits_take_keepalive(&s->cloud->limits, peer.keepalive))
		return "keep alive out of range";
	l.cn = peer.cn[0] ? peer.cn : NULL;
	return login_refusal(s->cloud, &l);
}

static void report_refusal(struct sim *s, const struct mosquitto *client, const char *why)
{
	const char *id = mosquitto_client_id(client);
	cJSON *ev = event_new("login_refused");
	char label[80];

	s->logins_refused++;
	client_label(id ? id : "", id ? strlen(id) : 0, label, sizeof label);
	cJSON_AddStringToObject(ev, "client", label);
	cJSON_AddStringToObject(ev, "why", why);
	event_push(s->events, ev);
}

static int on_auth(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_basic_auth *ed = event_data;
	struct sim *s = userdata;
	const char *why;

	(void)event;
	if (ed->username && strcmp(ed->username, s->cloud->admin_user) == 0) {
		bool ok = ed->password && strcmp(ed->password, s->cloud->admin_password) == 0;

		return ok ? MOSQ_ERR_SUCCESS : MOSQ_ERR_AUTH;
	}
	why = device_refusal(s, ed);
	if (why)
		report_refusal(s, ed->client, why);
	else if (mosquitto_client_address(ed->client))
		remember(s, ed->client);
	drain(s);
	return why ? MOSQ_ERR_AUTH : MOSQ_ERR_SUCCESS;
}

static int on_disconnect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *ed = event_data;
	struct sim *s = userdata;
	cJSON *ev;

	(void)event;
	for (struct peer **at = &s->peers; *at; at = &(*at)->next) {
		struct peer *p = *at;

		if (p->client != ed->client)
			continue;
		ev = event_new("disconnect");
		cJSON_AddStringToObject(ev, "client", p->label);
		event_push(s->events, ev);
		*at = p->next;
		free(p);
		break;
	}
	drain(s);
	return MOSQ_ERR_SUCCESS;
}

static void report_filter(struct sim *s, const char *what, const char *client,
                          const struct mosquitto_evt_acl_check *ed, const char *why)
{
	cJSON *ev = event_new(what);

	cJSON_AddStringToObject(ev, "client", client);
	cJSON_AddStringToObject(ev, "filter", ed->topic);
	cJSON_AddNumberToObject(ev, "qos", ed->qos);
	cJSON_AddBoolToObject(ev, "granted", why == NULL);
	if (why)
		cJSON_AddStringToObject(ev, "why", why);
	event_push(s->events, ev);
}

/* Its limit is one of the device's that the filter is for. */
static bool device_has_room(const struct sim *s, const struct account *who, const char *filter)
{
	const struct limits *lim = &s->cloud->limits;
	int held = 0;

	for (size_t i = 0; i < who->filter_count; i++)
		held += acl_subject(s->cloud, who->filters[i]) == acl_subject(s->cloud, filter);
	return !lim->subscriptions_per_device || lim->subscriptions == 0 || held < lim->subscriptions;
}

/* NULL: within the limit, or it is not kept. */
static const char *one_too_many(struct sim *s, struct account *who, const char *filter)
{
	const struct limits *lim = &s->cloud->limits;
	int of_all = lim->subscriptions_per_device ? 0 : lim->subscriptions;

	if (device_has_room(s, who, filter) && subscriptions_add(who, filter, of_all))
		return NULL;
	violation(s->events, VIOLATION_SUBSCRIPTIONS, who->key, filter);
	if (!lim->enforce)
		return NULL;
	if (lim->closes_over)
		proxy_end(s->proxy, who->key, false);
	return "too many subscriptions";
}

static int judge_subscribe(struct sim *s, struct account *who,
                           const struct mosquitto_evt_acl_check *ed)
{
	const char *why = acl_refusal(s->cloud, who, ed->topic, USE_SUBSCRIBE);
	bool forbidden = why != NULL;

	if (!forbidden)
		why = one_too_many(s, who, ed->topic);
	report_filter(s, "subscribe", who->key, ed, why);
	if (forbidden)
		violation(s->events, VIOLATION_FORBIDDEN_SUBSCRIBE, who->key, ed->topic);
	drain(s);
	return why ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_SUCCESS;
}

static bool is_disliked(const struct cloud *c, const struct mosquitto_evt_acl_check *ed)
{
	const char *text = c->disliked;

	return text && (strstr(ed->topic, text) ||
	                (ed->payload && memmem(ed->payload, ed->payloadlen, text, strlen(text))));
}

/* The hub does not acknowledge what it does not take (docs/protocol/README.md, doubt 36). */
static int judge_publish(struct sim *s, const struct account *who,
                         const struct mosquitto_evt_acl_check *ed)
{
	bool disliked = is_disliked(s->cloud, ed);
	const char *why = disliked ? "disliked" : acl_refusal(s->cloud, who, ed->topic, USE_PUBLISH);
	struct peer *p = ed->qos == 1 ? peer_of(s, ed->client) : NULL;
	cJSON *ev;

	if (p)
		p->qos1_seen++;
	if (!why)
		return MOSQ_ERR_SUCCESS;
	if (p && !s->cloud->limits.ack_forbidden)
		proxy_withhold(s->proxy, p->address, p->qos1_seen);
	s->forbidden_publishes++;
	ev = event_new("forbidden_publish");
	cJSON_AddStringToObject(ev, "client", who->key);
	cJSON_AddStringToObject(ev, "topic", ed->topic);
	cJSON_AddStringToObject(ev, "why", why);
	event_push(s->events, ev);
	violation(s->events, VIOLATION_FORBIDDEN_PUBLISH, who->key, ed->topic);
	if (disliked && s->cloud->closes)
		proxy_end(s->proxy, who->key, false);
	drain(s);
	return MOSQ_ERR_ACL_DENIED;
}

static int on_acl(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *ed = event_data;
	struct sim *s = userdata;
	struct account *who;

	(void)event;
	if (ed->access == MOSQ_ACL_READ && !s->cloud->readings.echo &&
	    forward_is_own(&s->forward, ed->client, ed->topic, ed->payload, ed->payloadlen))
		return MOSQ_ERR_ACL_DENIED;
	if (ed->access != MOSQ_ACL_READ)
		forward_over(&s->forward);
	if (is_admin(s, ed->client)) {
		if (strcmp(ed->topic, HUBSIM_WAKE_TOPIC) == 0)
			drain(s);
		return MOSQ_ERR_SUCCESS;
	}
	who = account_of_client(s->cloud, mosquitto_client_id(ed->client));
	if (!who)
		return MOSQ_ERR_ACL_DENIED;
	switch (ed->access) {
	case MOSQ_ACL_SUBSCRIBE:
		return judge_subscribe(s, who, ed);
	case MOSQ_ACL_WRITE:
		return judge_publish(s, who, ed);
	case MOSQ_ACL_UNSUBSCRIBE:
		subscriptions_remove(who, ed->topic);
		report_filter(s, "unsubscribe", who->key, ed, NULL);
		return MOSQ_ERR_SUCCESS;
	case MOSQ_ACL_READ:
		return acl_refusal(s->cloud, who, ed->topic, USE_READ) ? MOSQ_ERR_ACL_DENIED
		                                                       : MOSQ_ERR_SUCCESS;
	default:
		return MOSQ_ERR_ACL_DENIED;
	}
}

/* As text when it is UTF-8 without NUL, else as Base64. */
static void add_payload(cJSON *ev, const void *payload, size_t len)
{
	unsigned char *encoded;
	char *text;

	if (len == 0 || (mosquitto_validate_utf8(payload, (int)len) == MOSQ_ERR_SUCCESS &&
	                 !memchr(payload, 0, len))) {
		text = strndup(len ? payload : "", len);
		cJSON_AddStringToObject(ev, "payload", text ? text : "");
		free(text);
		return;
	}
	encoded = malloc((len + 2) / 3 * 4 + 1);
	if (encoded) {
		EVP_EncodeBlock(encoded, payload, (int)len);
		cJSON_AddStringToObject(ev, "payload_b64", (const char *)encoded);
	}
	free(encoded);
}

static int on_message(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_message *ed = event_data;
	struct sim *s = userdata;
	struct account *who, *subject;
	cJSON *ev;

	(void)event;
	forward_over(&s->forward);
	if (is_admin(s, ed->client)) {
		drain(s); /* the answer of a command comes after the events of all that was before it */
		if (strcmp(ed->topic, CONTROL_TOPIC) == 0)
			control_message(s, ed->payload, ed->payloadlen);
		drain(s);
		return MOSQ_ERR_SUCCESS;
	}
	who = account_of_client(s->cloud, mosquitto_client_id(ed->client));
	subject = acl_subject(s->cloud, ed->topic);
	if (!who || !subject)
		return MOSQ_ERR_ACL_DENIED;
	ed->retain = false;
	s->publishes++;
	if (ed->topic[0] != '$')
		account_tally(subject, ed->payload, ed->payloadlen);
	ev = event_new("publish");
	cJSON_AddStringToObject(ev, "client", who->key);
	cJSON_AddStringToObject(ev, "topic", ed->topic);
	cJSON_AddNumberToObject(ev, "qos", ed->qos);
	cJSON_AddNumberToObject(ev, "len", ed->payloadlen);
	add_payload(ev, ed->payload, ed->payloadlen);
	event_push(s->events, ev);
	gatewayop_message(s->gatewayop, who, ed->topic, ed->payload, ed->payloadlen);
	firmwares_message(s->firmwares, ed->topic, ed->payload, ed->payloadlen);
	shadows_message(s->shadows, ed->topic, ed->payload, ed->payloadlen);
	services_message(s->services, ed->topic, ed->payload, ed->payloadlen);
	forward_message(&s->forward, ed->client, ed->topic, ed->payload, ed->payloadlen);
	drain(s);
	return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *userdata)
{
	(void)event;
	(void)event_data;
	forward_over(&((struct sim *)userdata)->forward);
	drain(userdata);
	return MOSQ_ERR_SUCCESS;
}

static const char *option(const struct mosquitto_opt *opts, int count, const char *key)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(opts[i].key, key) == 0)
			return opts[i].value;
	}
	return NULL;
}

static int port_option(const struct mosquitto_opt *opts, int count, const char *key)
{
	const char *text = option(opts, count, key);

	return text ? atoi(text) : 0;
}

static struct proxy *open_proxy(struct sim *s, const struct mosquitto_opt *opts, int count)
{
	struct proxy_opts o = {
		.port = port_option(opts, count, "port"),
		.tls_port = port_option(opts, count, "tls_port"),
		.broker_port = port_option(opts, count, "admin_port"),
		.any_address = option(opts, count, "any_address") != NULL,
		.tls_ca = option(opts, count, "tls_ca"),
		.tls_cert = option(opts, count, "tls_cert"),
		.tls_key = option(opts, count, "tls_key"),
		.limits = &s->cloud->limits,
		.admin_user = s->cloud->admin_user,
		.admin_password = s->cloud->admin_password,
		.fault = s->cloud->fault,
		.events = s->events,
	};

	return proxy_open(&o);
}

static void fini(struct sim *s)
{
	struct peer *p;

	registrar_close(s->registrar);
	firmwares_close(s->firmwares);
	proxy_close(s->proxy);
	while ((p = s->peers)) {
		s->peers = p->next;
		free(p);
	}
	gatewayop_free(s->gatewayop);
	shadows_free(s->shadows);
	services_free(s->services);
	forward_fini(&s->forward);
	events_free(s->events);
	cloud_free(s->cloud);
	free(s);
}

static const struct {
	int event;
	MOSQ_FUNC_generic_callback run;
} callbacks[] = {
	{ MOSQ_EVT_BASIC_AUTH, on_auth },       { MOSQ_EVT_ACL_CHECK, on_acl },
	{ MOSQ_EVT_MESSAGE, on_message },       { MOSQ_EVT_TICK, on_tick },
	{ MOSQ_EVT_DISCONNECT, on_disconnect }, { EVT_CLIENT_OFFLINE, on_disconnect },
};

static void register_all(struct sim *s, bool on)
{
	for (size_t i = 0; i < sizeof callbacks / sizeof callbacks[0]; i++) {
		if (on)
			mosquitto_callback_register(s->id, callbacks[i].event, callbacks[i].run, NULL, s);
		else
			mosquitto_callback_unregister(s->id, callbacks[i].event, callbacks[i].run, NULL);
	}
}

EXPORT int mosquitto_plugin_version(int count, const int *versions)
{
	for (int i = 0; i < count; i++) {
		if (versions[i] == MOSQ_PLUGIN_VERSION)
			return MOSQ_PLUGIN_VERSION;
	}
	return -1;
}

EXPORT int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
                                 struct mosquitto_opt *opts, int count)
{
	struct sim *s = calloc(1, sizeof *s);

	if (!s)
		return MOSQ_ERR_NOMEM;
	main_thread = pthread_self();
	s->events = events_new(rouse, s);
	s->cloud = cloud_load(option(opts, count, "config"), option(opts, count, "state"));
	if (s->events && s->cloud) {
		s->gatewayop = gatewayop_new(s->cloud, s->events);
		s->shadows = shadows_new(s->cloud, s->events);
		s->services = services_new(s->cloud, s->events);
		__atomic_store_n(&s->proxy, open_proxy(s, opts, count), __ATOMIC_SEQ_CST);
	}
	if (s->proxy && port_option(opts, count, "register_port"))
		s->registrar =
			registrar_open(port_option(opts, count, "register_port"), s->cloud, s->events);
	if (s->proxy && port_option(opts, count, "firmware_port"))
		s->firmwares =
			firmwares_open(port_option(opts, count, "firmware_port"), s->cloud, s->events);
	if (!s->gatewayop || !s->shadows || !s->services || !s->proxy ||
	    (port_option(opts, count, "firmware_port") && !s->firmwares) ||
	    (port_option(opts, count, "register_port") && !s->registrar)) {
		fini(s);
		return MOSQ_ERR_UNKNOWN;
	}
	s->id = id;
	register_all(s, true);
	*userdata = s;
	return MOSQ_ERR_SUCCESS;
}

EXPORT int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *opts, int count)
{
	(void)opts;
	(void)count;
	if (!userdata)
		return MOSQ_ERR_SUCCESS;
	register_all(userdata, false);
	fini(userdata);
	return MOSQ_ERR_SUCCESS;
}
