/* plugin.c - the three functions that the broker looks for: wiring and cleanup.
 * Room: BROKER. Everything else hangs off struct hubgate.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/room.h"
#include "core/hub/region.h"
#include "core/hub/route_rules.h"
#include "plugin/base/broker_log.h"
#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/callbacks.h"
#include "plugin/config_file.h"
#include "plugin/control/broker_version.h"
#include "plugin/control/control.h"
#include "plugin/devices/command.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/inflow_report.h"
#include "plugin/devices/names.h"
#include "plugin/devices/one_client.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/registration.h"
#include "plugin/exit_handler.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/client_ids.h"
#include "plugin/lan/control_login.h"
#include "plugin/lan/doorbell_login.h"
#include "plugin/lan/lan_session.h"
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

#define EXPORTED __attribute__((visibility("default")))

/* Of the 2 s that a stop may take, 100 ms of which pass before the broker looks up: until when each
 * part is waited for. */
enum {
	UPLINK_BY_MS = 1150,
	NET_BY_MS = 1300, /* it ends while the uplink does */
	STORE_BY_MS = 1700
};

/* mosquitto_plugin.h declares these; -fvisibility=hidden would hide them. */
EXPORTED int mosquitto_plugin_version(int count, const int *versions);
EXPORTED int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
                                   struct mosquitto_opt *opts, int opt_count);
EXPORTED int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *opts, int opt_count);

/* --- configuration --- */

static const char *find_option(const struct mosquitto_opt *opts, int count, const char *key)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(opts[i].key, key) == 0)
			return opts[i].value;
	}
	return NULL;
}

static enum status load_config(struct hubgate *h)
{
	const char *path = h->config_path;
	struct config_report *report = calloc(1, sizeof(*report));
	enum status st;

	h->config = calloc(1, sizeof(*h->config));
	if (!h->config || !report) {
		free(report);
		return ST_NOMEM;
	}
	st = config_file_load(path, h->config, report);
	for (size_t i = 0; i < report->error_count; i++)
		log_line(&h->log, LOG_ERROR, "%s", report->errors[i]);
	for (size_t i = 0; i < report->warning_count; i++)
		log_line(&h->log, LOG_WARN, "%s", report->warnings[i]);
	if (st != ST_OK)
		log_line(&h->log, LOG_ERROR, "not started: %s cannot be used", path);
	free(report);
	return st;
}

static void free_config(struct hubgate *h)
{
	if (h->config)
		config_free(h->config);
	free(h->config);
}

/* --- parts --- */

/* The gateway is a device too: for the application that logs in with its identity. */
static enum status add_own(struct hubgate *h)
{
	const struct config_gateway *c = &h->config->gateway;
	enum status st =
		device_table_add(h->devices, c->product_id, c->device_name, &c->secret, &h->own);

	if (st != ST_OK)
		return st;
	h->own->own = true;
	h->own->origins = ORIGIN_CONFIGURED;
	return presence_attach(h->own);
}

static enum status add_devices(struct hubgate *h)
{
	enum status st;

	h->devices = device_table_new(h->seed);
	st = h->devices ? presence_open(h) : ST_NOMEM;
	for (size_t i = 0; i < h->config->device_count && st == ST_OK; i++) {
		const struct config_device *c = &h->config->devices[i];
		struct device *d = NULL;

		st = device_table_add(h->devices, c->product_id, c->device_name, &c->secret, &d);
		if (st == ST_OK)
			st = presence_attach(d);
		if (st != ST_OK)
			break;
		d->origins = ORIGIN_CONFIGURED;
		d->certificate = c->digests;
		device_configured(d, c);
	}
	metric_set(&h->metrics, M_DEVICES, h->config->device_count);
	return st == ST_OK ? add_own(h) : st;
}

static void free_devices(struct hubgate *h)
{
	presence_close(h);
	device_table_free(h->devices);
	h->devices = NULL;
}

static enum status open_journal(struct hubgate *h)
{
	const struct config_store *c = &h->config->store;
	const struct journal_limits lim = config_file_limits(c);
	const struct store_conf store = {
		.dir = c->dir,
		.lock = c->lock,
		.others_are_none = config_file_in_container(),
		.wait_ms = STORE_WAIT_MS,
		.log = &h->log,
	};
	enum status st = store_open(&store, &h->store);

	if (st == ST_OK)
		st = journal_open(c->dir, &lim, &h->log, &h->journal);
	return st == ST_OK ? storage_open(h) : st;
}

static void close_store(struct hubgate *h)
{
	storage_close(h);
	journal_close(h->journal);
	h->journal = NULL;
	store_close(h->store);
	h->store = NULL;
}

static bool stop_store(struct hubgate *h, uint32_t wait_ms)
{
	if (!storage_stop(h, wait_ms))
		return false; /* DISK has both in its hands */
	if (!h->uplink_hangs) {
		close_store(h);
		return true;
	}
	/* It has the journal, which DISK has synced, and may wake DISK. */
	state_close(h->state);
	h->state = NULL;
	return true;
}

static enum status make_uplink(struct hubgate *h)
{
	const struct config *c = h->config;
	const struct route_rules routes = route_rules_of(c);
	struct listener_hint hints[LISTENER_HINTS_MAX];
	const struct doorbell_conf doorbell = {
		.listener = c->lan.waker,
		.hints = hints,
		.hint_count = broker_rights_hints(h, hints),
		.client_id = h->doorbell->id,
		.username = h->doorbell->id,
		.password = h->doorbell->password,
		.topic = DOORBELL_TOPIC,
	};
	const struct uplink_conf conf = {
		.product_id = c->gateway.product_id,
		.device_name = c->gateway.device_name,
		.secret = c->gateway.secret.key_len > 0 ? &c->gateway.secret : NULL,
		.host = c->hub.host,
		.address = c->hub.address,
		.port = (uint16_t)c->hub.port,
		.tls = c->hub.tls,
		.verify = c->hub.verify,
		.verify_host = c->hub.verify_host,
		.ca_file = c->hub.ca_file,
		.cert_file = c->gateway.cert_file,
		.key_file = c->gateway.key_file,
		.keepalive_s = (uint16_t)c->hub.keepalive,
		.clean_session = c->hub.clean_session,
		.region = c->hub.region,
		.max_subscriptions = c->hub.max_subscriptions,
		.rate_up = c->hub.rate_up,
		.window = c->hub.window,
		.min_reconnect_s = c->hub.min_reconnect_s,
		.max_reconnect_s = c->hub.max_reconnect_s,
		.connect_timeout_s = c->hub.connect_timeout_s,
		.request_timeout_s = c->hub.request_timeout_s,
		.max_age_s = c->store.max_age_s,
		.settle_ms = c->presence.grace_ms,
		.routes = &routes,
		.state_dir = c->store.dir,
		.journal = h->journal,
		.bind = c->gateway.bind,
		.metrics = &h->metrics,
		.doorbell = &doorbell,
	};

	return uplink_new(&conf, &h->uplink);
}

static enum status start_uplink(struct hubgate *h)
{
	return uplink_connect(h->uplink);
}

static void write_lines(struct hubgate *h)
{
	struct uplink_log line;

	while (h->uplink && uplink_take_log(h->uplink, &line) == ST_OK)
		log_line(&h->log, line.level, "%s", line.line);
}

static bool stop_uplink(struct hubgate *h, uint32_t wait_ms)
{
	h->uplink_hangs = !uplink_disconnect(h->uplink, wait_ms);
	write_lines(h);
	return !h->uplink_hangs;
}

static void free_uplink(struct hubgate *h)
{
	uplink_free(h->uplink);
}

/* First of all: what it is told ends while the uplink takes devices offline. */
static bool quit_registration(struct hubgate *h, uint32_t wait_ms)
{
	(void)wait_ms;
	registration_quit(h);
	return true;
}

static bool stop_registration(struct hubgate *h, uint32_t wait_ms)
{
	bool stopped = registration_stop(h, wait_ms);

	write_lines(h);
	return stopped;
}

/* --- callbacks --- */

static const struct {
	int event;
	MOSQ_FUNC_generic_callback call;
	bool optional; /* not every broker has it */
} callbacks[] = {
	{ EVENT_CONNECT, on_connect, true },
	{ EVENT_CLIENT_OFFLINE, on_disconnect, true },
	{ MOSQ_EVT_DISCONNECT, on_disconnect, false },
	{ MOSQ_EVT_BASIC_AUTH, on_auth, false },
	{ MOSQ_EVT_ACL_CHECK, on_acl, false },
	{ MOSQ_EVT_MESSAGE, on_message, false },
	{ MOSQ_EVT_RELOAD, on_reload, false },
	{ MOSQ_EVT_TICK, on_tick, false },
	{ MOSQ_EVT_PSK_KEY, on_psk, true },
};

enum {
	CALLBACKS = sizeof(callbacks) / sizeof(callbacks[0])
};

static enum status register_callbacks(struct hubgate *h)
{
	*(void **)&h->find_client = dlsym(RTLD_DEFAULT, "mosquitto_client"); /* of 2.1 */
	if (mosquitto_callback_register(h->id, MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC, h) !=
	    MOSQ_ERR_SUCCESS)
		log_line(&h->log, LOG_WARN, "no commands on " CONTROL_TOPIC ": another plugin has them");
	for (size_t i = 0; i < CALLBACKS; i++) {
		int rc = mosquitto_callback_register(h->id, callbacks[i].event, callbacks[i].call, NULL, h);

		if (callbacks[i].event == EVENT_CONNECT)
			h->has_connect_event = rc == MOSQ_ERR_SUCCESS;
		if (rc == MOSQ_ERR_SUCCESS || callbacks[i].optional)
			continue;
		log_line(&h->log, LOG_ERROR, "not started: the broker refuses event %d (%d)",
		         callbacks[i].event, rc);
		return ST_INVALID;
	}
	return ST_OK;
}

static void unregister_callbacks(struct hubgate *h)
{
	if (h->id)
		mosquitto_callback_unregister(h->id, MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC);
	for (size_t i = 0; h->id && i < CALLBACKS; i++)
		mosquitto_callback_unregister(h->id, callbacks[i].event, callbacks[i].call, NULL);
}

/* --- life --- */

static enum status begin(struct hubgate *h)
{
	timekeeper_start(h);
	if (own_config_start(h))
		reload_ask(h); /* what counted in an earlier run is merged into the file */
	apps_check(h);
	broker_version_start(h);
	return mapping_service_start(h);
}

/* The broker's functions are out of reach, its main() may have returned. */
static void log_to_stderr(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	if (level <= LOG_WARN)
		fprintf(stderr, "hubgate: %s\n", line);
}

static bool stop_at_exit(void *ctx)
{
	struct hubgate *h = ctx;

	h->log = (struct log){ log_to_stderr, NULL };
	return parts_stop(&h->parts, h);
}

static enum status watch_exit(struct hubgate *h)
{
	h->exit_handler = exit_handler_new(stop_at_exit, h);
	return h->exit_handler ? ST_OK : ST_NOMEM;
}

/* In the order of opening and of a turn; they stop and close from the last to the first. */
static const struct part parts[] = {
	{ .name = "the log", .open = broker_log_open, .close = broker_log_close },
	{ .name = "the limits of the log", .open = limiter_open, .close = limiter_close },
	{ .name = "the traces", .run = trace_run, .due = trace_due, .close = trace_close },
	{ .name = "the configuration", .open = load_config, .close = free_config },
	{ .name = "mosquitto.conf", .open = broker_rights_open, .close = broker_rights_close },
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
	  .open = add_devices,
	  .run = presence_run,
	  .due = presence_due,
	  .close = free_devices },
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
	{ .name = "the store",
	  .open = open_journal,
	  .start = storage_start,
	  .stop = stop_store,
	  .by_ms = STORE_BY_MS,
	  .close = close_store },
	{ .name = "the command's login",
	  .open = control_login_open,
	  .stop = control_login_stop,
	  .close = control_login_close },
	{ .name = "registration",
	  .open = registration_open,
	  .start = registration_start,
	  .stop = stop_registration,
	  .by_ms = NET_BY_MS,
	  .run = registration_run,
	  .due = registration_due,
	  .close = registration_close },
	{ .name = "the doorbell's login", .open = doorbell_login_open, .close = doorbell_login_close },
	{ .name = "the uplink",
	  .open = make_uplink,
	  .start = start_uplink,
	  .stop = stop_uplink,
	  .by_ms = UPLINK_BY_MS,
	  .close = free_uplink },
	{ .name = "downloads", .open = firmware_begin },
	{ .name = "lan.http",
	  .open = registration_listen,
	  .start = registration_serve,
	  .stop = quit_registration },
	{ .name = "the broker's version", .open = broker_version_open, .close = broker_version_close },
	{ .name = "the commands to the gateway",
	  .open = control_open,
	  .run = control_run,
	  .due = control_due,
	  .close = control_close },
	{ .name = "the reload", .open = reload_open, .run = reload_run, .close = reload_close },
	{ .name = "the clock",
	  .open = timekeeper_open,
	  .run = timekeeper_run,
	  .due = timekeeper_due,
	  .close = timekeeper_close },
	{ .name = "the inflow",
	  .open = inflow_report_open,
	  .run = inflow_report_run,
	  .close = inflow_report_close },
	{ .name = "the metrics", .open = report_open, .run = report_run, .close = report_close },
	{ .name = "the callbacks", .open = register_callbacks, .close = unregister_callbacks },
	{ .name = "the first orders", .open = begin },
	{ .name = "the exit handler", .open = watch_exit },
};

static void hubgate_free(struct hubgate *h)
{
	free(h->config_path);
	free(h);
}

/* 1,500 devices want more descriptors than a soft limit of 1,024. */
static void raise_descriptor_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

int mosquitto_plugin_version(int count, const int *versions)
{
	for (int i = 0; i < count; i++) {
		if (versions[i] == 5)
			return 5;
	}
	return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata, struct mosquitto_opt *opts,
                          int opt_count)
{
	const char *path = find_option(opts, opt_count, "config_file");
	struct hubgate *h = calloc(1, sizeof(*h));
	enum status st;

	if (!h)
		return MOSQ_ERR_NOMEM;
	room_enter(ROOM_BROKER);
	h->id = id;
	h->parts = (struct parts){ .at = parts, .count = sizeof(parts) / sizeof(parts[0]) };
	h->log = (struct log){ broker_log_write, h };
	if (getrandom(&h->seed, sizeof(h->seed), 0) != (ssize_t)sizeof(h->seed))
		h->seed = (uint64_t)hubgate_now_ms();
	raise_descriptor_limit();
	if (!path) {
		log_line(
			&h->log, LOG_ERROR,
			"not started: mosquitto.conf names no configuration; add the line "
			"`plugin_opt_config_file /etc/mosquitto/hubgate.json` below hubgate's plugin line");
		st = ST_NOTFOUND;
	} else {
		h->config_path = strdup(path);
		st = h->config_path ? parts_open(&h->parts, h) : ST_NOMEM;
	}
	if (st != ST_OK) {
		hubgate_free(h);
		return MOSQ_ERR_INVAL;
	}
	log_line(
		&h->log, LOG_NOTE,
		"%s: gateway %s/%s with %zu devices, hub %s:%u%s, limits of the %s hub, %u messages per "
		"second%s",
		HUBGATE_VERSION, h->config->gateway.product_id, h->config->gateway.device_name,
		h->config->device_count, h->config->hub.host, h->config->hub.port,
		h->config->hub.tls ? " over TLS" : "", region_limits(h->config->hub.region)->name,
		h->config->hub.rate_up, h->config->hub.rate_up == 0 ? " (no limit)" : "");
	*userdata = h;
	return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *opts, int opt_count)
{
	struct hubgate *h = userdata;

	(void)opts;
	(void)opt_count;
	if (!h)
		return MOSQ_ERR_SUCCESS;
	unregister_callbacks(h);
	if (!parts_stop(&h->parts, h)) {
		/* The threads that hang still use all of it. */
		exit_handler_left(h->exit_handler);
		return MOSQ_ERR_SUCCESS;
	}
	exit_handler_done(h->exit_handler);
	parts_close(&h->parts, h);
	hubgate_free(h);
	return MOSQ_ERR_SUCCESS;
}
