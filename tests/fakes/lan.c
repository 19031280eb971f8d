#include "tests/fakes/lan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/room.h"
#include "plugin/base/broker_log.h"
#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/callbacks.h"
#include "plugin/control/broker_version.h"
#include "plugin/control/control.h"
#include "plugin/devices/command.h"
#include "plugin/devices/inflow_report.h"
#include "plugin/devices/names.h"
#include "plugin/devices/one_client.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/registration.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/client_ids.h"
#include "plugin/lan/doorbell_login.h"
#include "plugin/lan/products.h"
#include "plugin/lan/tls_identity.h"
#include "plugin/lan/unheard.h"
#include "plugin/lan/withheld.h"
#include "plugin/reload.h"
#include "plugin/report.h"
#include "plugin/services/firmware.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapping_service.h"
#include "plugin/services/own_config.h"
#include "plugin/services/remote_config.h"
#include "plugin/services/rrpc_service.h"
#include "plugin/services/shadow.h"
#include "plugin/services/timekeeper.h"
#include "plugin/storage.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

static int64_t clock_ms;
static bool retain_left;

/* plugin.c, which the unit tests leave out, has the real one. */
int64_t hubgate_now_ms(void)
{
	return clock_ms;
}

int64_t hubgate_now_us(void)
{
	return clock_ms * 1000;
}

void lan_wait(int64_t ms)
{
	clock_ms += ms;
}

/* --- life --- */

static const struct {
	int event;
	MOSQ_FUNC_generic_callback call;
} callbacks[] = {
	{ EVENT_CONNECT, on_connect },          { EVENT_CLIENT_OFFLINE, on_disconnect },
	{ MOSQ_EVT_DISCONNECT, on_disconnect }, { MOSQ_EVT_BASIC_AUTH, on_auth },
	{ MOSQ_EVT_ACL_CHECK, on_acl },         { MOSQ_EVT_MESSAGE, on_message },
	{ MOSQ_EVT_RELOAD, on_reload },         { MOSQ_EVT_TICK, on_tick },
	{ MOSQ_EVT_PSK_KEY, on_psk },           { MOSQ_EVT_CONTROL, on_control },
};

enum {
	CALLBACKS = sizeof(callbacks) / sizeof(callbacks[0])
};

static struct device *add_device(struct lan *l, const char *product_id, const char *name,
                                 const char *secret_text)
{
	struct device *d = NULL;
	struct secret secret;

	CU_ASSERT_EQUAL_FATAL(secret_parse(secret_text, &secret), ST_OK);
	CU_ASSERT_EQUAL_FATAL(device_table_add(l->h.devices, product_id, name, &secret, &d), ST_OK);
	CU_ASSERT_EQUAL_FATAL(presence_attach(d), ST_OK);
	d->origins = ORIGIN_CONFIGURED;
	d->guarded = true;                 /* by its secret */
	d->presence->standing_told = true; /* the uplink knows of all three */
	d->presence->unsaid = UNSAID_NOTHING;
	return d;
}

/* As in plugin/plugin.c, without what has threads or files; those tests open themselves. */
static const struct part parts[] = {
	{ .name = "the log", .open = broker_log_open, .close = broker_log_close },
	{ .name = "the limits of the log", .open = limiter_open, .close = limiter_close },
	{ .name = "the traces", .run = trace_run, .due = trace_due, .close = trace_close },
	{ .name = "the logins", .open = broker_login_open, .close = broker_login_close },
	{ .name = "the products", .open = products_open, .close = products_close },
	{ .name = "the sessions", .open = lan_session_open, .close = lan_session_close },
	{ .name = "the client ids", .open = client_ids_open, .close = client_ids_close },
	{ .name = "the own publishes", .open = withheld_open, .close = withheld_close },
	{ .name = "the unheard publishes", .open = unheard_open, .close = unheard_close },
	{ .name = "the TLS identities", .open = tls_identity_open, .close = tls_identity_close },
	{ .name = "one client per device",
	  .open = one_client_open,
	  .run = one_client_run,
	  .due = one_client_due,
	  .close = one_client_close },
	{ .name = "silence", .open = silence_open, .close = silence_close },
	{ .name = "the devices",
	  .open = presence_open,
	  .run = presence_run,
	  .due = presence_due,
	  .close = presence_close },
	{ .name = "the commands",
	  .open = command_open,
	  .run = command_run,
	  .due = command_due,
	  .close = command_close },
	{ .name = "the names",
	  .open = names_open,
	  .run = names_run,
	  .due = names_due,
	  .close = names_close },
	{ .name = "the shadows",
	  .open = shadow_open,
	  .run = shadow_run,
	  .due = shadow_due,
	  .close = shadow_close },
	{ .name = "the gateway application",
	  .open = gateway_service_open,
	  .run = gateway_service_run,
	  .due = gateway_service_due,
	  .close = gateway_service_close },
	{ .name = "firmware",
	  .open = firmware_open,
	  .run = firmware_run,
	  .due = firmware_due,
	  .close = firmware_close },
	{ .name = "the calls",
	  .open = rrpc_service_open,
	  .run = rrpc_service_run,
	  .due = rrpc_service_due,
	  .close = rrpc_service_close },
	{ .name = "remote configuration",
	  .open = remote_config_open,
	  .run = remote_config_run,
	  .due = remote_config_due,
	  .close = remote_config_close },
	{ .name = "remote configuration of the gateway",
	  .open = own_config_open,
	  .run = own_config_run,
	  .due = own_config_due,
	  .close = own_config_close },
	{ .name = "the mappings",
	  .open = mapping_service_open,
	  .run = mapping_service_run,
	  .due = mapping_service_due,
	  .close = mapping_service_close },
	{ .name = "the doorbell's login", .open = doorbell_login_open, .close = doorbell_login_close },
	{ .name = "the broker's version", .open = broker_version_open, .close = broker_version_close },
	{ .name = "the commands to the gateway",
	  .open = control_open,
	  .run = control_run,
	  .due = control_due,
	  .close = control_close },
	{ .name = "registration", .run = registration_run, .due = registration_due },
	{ .name = "the reload", .run = reload_run },
	{ .name = "the clock", .open = timekeeper_open, .close = timekeeper_close },
	{ .name = "the inflow",
	  .open = inflow_report_open,
	  .run = inflow_report_run,
	  .close = inflow_report_close },
	{ .name = "the metrics", .open = report_open, .run = report_run, .close = report_close },
};

static void make_uplink(struct lan *l)
{
	const struct doorbell_conf doorbell = {
		.listener = "off",
		.client_id = l->h.doorbell->id,
		.username = l->h.doorbell->id,
		.password = l->h.doorbell->password,
		.topic = DOORBELL_TOPIC,
	};
	const struct uplink_conf conf = {
		.product_id = "GATEWAY001",
		.device_name = "gw-1",
		.host = "127.0.0.1",
		.port = 1883,
		.keepalive_s = 60,
		.window = 10,
		.min_reconnect_s = 5,
		.max_reconnect_s = 60,
		.request_timeout_s = 10,
		.journal = l->h.journal,
		.metrics = &l->h.metrics,
		.doorbell = &doorbell,
	};

	CU_ASSERT_EQUAL_FATAL(uplink_new(&conf, &l->h.uplink), ST_OK);
}

static void make_store(struct lan *l, enum journal_policy policy, uint64_t max_messages)
{
	const struct journal_limits lim = {
		.max_messages = max_messages, .max_bytes = 1 << 20, .device_share = 100, .policy = policy
	};

	CU_ASSERT_EQUAL_FATAL(journal_open(l->dir, &lim, NULL, &l->h.journal), ST_OK);
}

struct lan *lan_open(enum fake_version version)
{
	struct lan *l = calloc(1, sizeof(*l));
	struct hubgate *h;

	if (!l)
		abort();
	h = &l->h;
	fake_broker_start(version);
	room_enter(ROOM_BROKER);
	clock_ms = 1000000;
	l->dir = store_dir_new();
	h->config = &l->config;
	strcpy(l->config.gateway.product_id, "GATEWAY001");
	l->config.presence.grace_ms = LAN_GRACE_MS;
	l->config.presence.max_unknown = 200;
	l->config.store.queue_qos0 = true;
	h->log = (struct log){ broker_log_write, h };
	h->seed = 42;
	l->rights.acl = LAN_ACL_ALLOW;
	h->rights = &l->rights;
	h->parts = (struct parts){ .at = parts, .count = sizeof(parts) / sizeof(parts[0]) };
	h->devices = device_table_new(h->seed);
	CU_ASSERT_FATAL(h->devices && parts_open(&h->parts, h) == ST_OK);
	clock_look(&l->clock, 0, 0, true);
	h->clock = &l->clock; /* the timekeeper never runs: the tests' own clock stands */
	CU_ASSERT_FATAL(products_add(h, LAMP_PID) == ST_OK && products_add(h, "SUBPROD002") == ST_OK);
	l->lamp = add_device(l, LAMP_PID, LAMP_NAME, "MDEyMzQ1Njc4OWFiY2RlZg==");
	l->sibling = add_device(l, LAMP_PID, "lamp-02", "AAECAwQFBgcICQoLDA0ODw==");
	l->cousin = add_device(l, "SUBPROD002", LAMP_NAME, "AAECAwQFBgcICQoLDA0OEA==");
	h->own = add_device(l, "GATEWAY001", "gw-1", "Z2F0ZXdheS1vbmUtcHNrLQ==");
	h->own->own = true;
	make_store(l, JOURNAL_DROP_OLDEST, 1000);
	make_uplink(l);
	for (size_t i = 0; i < CALLBACKS; i++) {
		int rc = mosquitto_callback_register(h->id, callbacks[i].event, callbacks[i].call, NULL, h);

		if (callbacks[i].event == EVENT_CONNECT)
			h->has_connect_event = rc == MOSQ_ERR_SUCCESS;
		if (h->has_connect_event)
			h->find_client = fake_find_client;
	}
	return l;
}

void lan_close(struct lan *l)
{
	struct hubgate *h = &l->h;

	if (h->state)
		storage_close(h);
	l->config.store.dir = NULL; /* the test's, as the rules */
	l->config.mappings = NULL;
	l->config.mapping_count = 0;
	for (size_t i = 0; i < CALLBACKS; i++)
		mosquitto_callback_unregister(h->id, callbacks[i].event, callbacks[i].call, NULL);
	CU_ASSERT(fake_broker_stop());
	uplink_free(h->uplink);
	journal_close(h->journal);
	parts_close(&h->parts, h);
	device_table_free(h->devices);
	room_enter(ROOM_NONE);
	free(l);
}

void lan_each(void (*body)(struct lan *l))
{
	for (int version = BROKER_2_0; version <= BROKER_2_1; version++) {
		struct lan *l = lan_open((enum fake_version)version);

		body(l);
		lan_close(l);
	}
}

/* --- surroundings --- */

void lan_hub(struct lan *l, bool ready)
{
	atomic_store(&uplink_mail(l->h.uplink)->state, ready ? UPLINK_READY : UPLINK_WAITING);
}

void lan_store(struct lan *l, enum journal_policy policy, uint64_t max_messages)
{
	uplink_free(l->h.uplink);
	journal_close(l->h.journal);
	make_store(l, policy, max_messages);
	make_uplink(l);
}

uint64_t lan_kept(struct lan *l)
{
	struct journal_counts c;

	journal_counts(l->h.journal, &c);
	return c.queued;
}

void lan_sign(struct lan *l, const struct device *d, uint64_t expiry_s)
{
	CU_ASSERT_EQUAL_FATAL(
		credential_username(d->product_id, d->device_name, "Ab3dE", expiry_s, l->username), ST_OK);
	CU_ASSERT_EQUAL_FATAL(credential_password(&d->secret, l->username, HASH_SHA1, l->password),
	                      ST_OK);
}

/* --- events --- */

/* The broker owns these texts and gives them away as writable. */
static char *writable(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	CU_ASSERT_FATAL(copy || !text);
	return copy;
}

int lan_auth(struct mosquitto *c, const char *username, const char *password)
{
	struct mosquitto_evt_basic_auth ed = { .client = c,
		                                   .username = writable(username),
		                                   .password = writable(password) };
	int rc = fake_fire(MOSQ_EVT_BASIC_AUTH, &ed);

	free(ed.username);
	free(ed.password);
	return rc;
}

int lan_auth_again(struct mosquitto *c, const char *username, const char *password)
{
	int rc;

	fake_has_client(c);
	rc = lan_auth(c, username, password);
	fake_has_client(NULL);
	return rc;
}

void lan_connected(struct mosquitto *c)
{
	struct {
		void *future;
		struct mosquitto *client;
		void *future2[4];
	} ed = { .client = c };

	fake_fire(EVENT_CONNECT, &ed);
}

void lan_gone(struct mosquitto *c)
{
	struct mosquitto_evt_disconnect ed = { .client = c, .reason = -1 };

	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_DISCONNECT, &ed), MOSQ_ERR_SUCCESS);
}

void lan_offline(struct mosquitto *c)
{
	struct mosquitto_evt_disconnect ed = { .client = c, .reason = -1 };
	bool kept = fake_broker_version() == BROKER_2_1 && !c->clean;

	CU_ASSERT_EQUAL(fake_fire(kept ? (int)EVENT_CLIENT_OFFLINE : (int)MOSQ_EVT_DISCONNECT, &ed),
	                MOSQ_ERR_SUCCESS);
}

int lan_acl(struct mosquitto *c, int access, const char *topic)
{
	struct mosquitto_evt_acl_check ed = { .client = c, .topic = topic, .access = access, .qos = 1 };

	return fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

int lan_publish(struct mosquitto *c, const char *topic, const char *payload, int qos)
{
	struct mosquitto_evt_message ed = {
		.client = c,
		.topic = writable(topic),
		.payload = writable(payload),
		.payloadlen = payload ? (uint32_t)strlen(payload) : 0,
		.qos = (uint8_t)qos,
		.retain = true,
	};
	int rc = fake_fire(MOSQ_EVT_MESSAGE, &ed);

	retain_left = ed.retain;
	free(ed.topic);
	free(ed.payload);
	return rc;
}

void lan_control(struct mosquitto *c, const char *request)
{
	struct mosquitto_evt_control ed = {
		.client = c,
		.topic = CONTROL_TOPIC,
		.payload = request,
		.payloadlen = (uint32_t)strlen(request),
		.qos = 1,
	};

	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_CONTROL, &ed), MOSQ_ERR_SUCCESS);
}

bool lan_retain_left(void)
{
	return retain_left;
}

void lan_tick(void)
{
	struct mosquitto_evt_tick ed = { 0 };

	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_TICK, &ed), MOSQ_ERR_SUCCESS);
}

int lan_reload(void)
{
	struct mosquitto_evt_reload ed = { 0 };

	return fake_fire(MOSQ_EVT_RELOAD, &ed);
}

bool lan_enter(struct lan *l, struct mosquitto *c, const struct device *d)
{
	lan_sign(l, d, 0);
	if (lan_auth(c, l->username, l->password) != MOSQ_ERR_SUCCESS)
		return false;
	lan_connected(c);
	return true;
}

bool lan_doorbell(struct lan *l, struct mosquitto *c)
{
	*c = (struct mosquitto){ .id = l->h.doorbell->id, .address = "127.0.0.1", .clean = true };
	if (lan_auth(c, l->h.doorbell->id, l->h.doorbell->password) != MOSQ_ERR_SUCCESS)
		return false;
	lan_connected(c);
	return true;
}

/* --- the other side --- */

/* Secrets and standing go along with the first word about a device and are nobody's subject here.
 */
static bool take_order(struct lan *l, struct order *o)
{
	while (mail_take_order(uplink_mail(l->h.uplink), o) == ST_OK) {
		if (o->kind != ORDER_SECRET && o->kind != ORDER_STANDING)
			return true;
		mail_free_order(o);
	}
	return false;
}

bool lan_ordered(struct lan *l, int kind, const char *client_id, const char *topic)
{
	struct order o;
	bool same;

	if (!take_order(l, &o))
		return false;
	same = (int)o.kind == kind && strcmp(o.client_id, client_id) == 0 &&
	       (!topic || (o.topic && strcmp(o.topic, topic) == 0));
	mail_free_order(&o);
	return same;
}

bool lan_done(struct lan *l, uint16_t packet_id)
{
	struct order o;
	bool same;

	if (!take_order(l, &o))
		return false;
	same = o.kind == ORDER_DOWN_DONE && o.packet_id == packet_id && o.epoch == 7;
	mail_free_order(&o);
	return same;
}

bool lan_quiet(struct lan *l)
{
	struct order o;

	if (!take_order(l, &o))
		return true;
	mail_free_order(&o);
	return false;
}

void lan_command_of(struct lan *l, const char *topic, const char *payload, uint8_t qos,
                    uint16_t packet_id)
{
	struct uplink_down down = {
		.topic = writable(topic),
		.payload = writable(payload),
		.len = strlen(payload),
		.qos = qos,
		.packet_id = packet_id,
		.epoch = 7,
	};

	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &down), ST_OK);
}

void lan_command(struct lan *l, const char *topic, uint8_t qos, uint16_t packet_id)
{
	lan_command_of(l, topic, "go", qos, packet_id);
}
