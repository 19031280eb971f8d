#include "plugin/control/device_report.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/gateway_msg.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/presence.h"
#include "plugin/services/firmware.h"
#include "plugin/services/shadow.h"

enum {
	TEXT_BYTES = 160,
	MS = 1000,
};

/* The strongest reason why it is known. */
static const char *origin_of(const struct device *d)
{
	static const struct {
		unsigned origin;
		const char *name;
	} names[] = {
		{ ORIGIN_CONFIGURED, "configured" },
		{ ORIGIN_REGISTERED, "registered" },
		{ ORIGIN_MAPPING, "mapped" },
		{ ORIGIN_APPLICATION, "gateway_application" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (d->origins & names[i].origin)
			return names[i].name;
	}
	return "list";
}

bool device_report_online(const struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	return d->at_hub && uplink_ready(h->uplink);
}

static void put_bound(struct json_writer *w, const struct device *d)
{
	if (d->bound == BOUND_UNKNOWN)
		json_put_null(w, "bound");
	else
		json_put_bool(w, "bound", d->bound == BOUND_YES);
}

static void put_queued(struct json_writer *w, struct hubgate *h, const struct device *d)
{
	uint64_t messages = 0;

	if (journal_device_waits(h->journal, d->client_id, &messages, NULL))
		json_put_count(w, "queued", messages);
	else
		json_put_null(w, "queued");
}

/* The texts of the hub's codes say what is wrong, a colon, and what to do. */
static void put_refusal(struct json_writer *w, const struct device *d)
{
	const char *text = gateway_code_text(d->refused_code), *fix = strstr(text, ": ");
	char what[TEXT_BYTES];

	if (d->refused_code == 0) {
		json_put_null(w, "refusal");
		return;
	}
	snprintf(what, sizeof(what), "%.*s", fix ? (int)(fix - text) : (int)strlen(text), text);
	json_open(w, "refusal", '{');
	json_put_text(w, "op", gateway_op_name(d->refused_op));
	json_put_int(w, "code", d->refused_code);
	json_put_text(w, "text", what);
	json_put_text(w, "fix", fix ? fix + 2 : "");
	json_close(w, '}');
}

static void put_firmware(struct json_writer *w, struct hubgate *h, const struct device *d)
{
	struct firmware_state f;
	char text[TEXT_BYTES];

	if (!firmware_is(h, d, &f)) {
		json_put_null(w, "firmware");
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", f.version, f.state);
	json_put_text(w, "firmware", text);
}

static void put_members(struct json_writer *w, struct hubgate *h, const struct device *d)
{
	uint64_t version = 0;
	bool dirty;

	json_put_text(w, "product_id", d->product_id);
	json_put_text(w, "device_name", d->device_name);
	json_put_text(w, "origin", origin_of(d));
	json_put_bool(w, "present", presence_is_there(h, d));
	json_put_bool(w, "online", device_report_online(h, d));
	put_bound(w, d);
	put_queued(w, h, d);
	json_put_count(w, "commands", d->presence->commands);
	put_refusal(w, d);
	if (shadow_is(d, &version, &dirty))
		json_put_count(w, "shadow_version", version);
	else
		json_put_null(w, "shadow_version");
	put_firmware(w, h, d);
}

void device_report_put(struct json_writer *w, struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	json_open(w, NULL, '{');
	put_members(w, h, d);
	json_close(w, '}');
}

/* --- getDevice --- */

static void put_age(struct json_writer *w, const char *name, int64_t since_ms)
{
	if (since_ms > 0)
		json_put_int(w, name, (hubgate_now_ms() - since_ms) / MS);
	else
		json_put_null(w, name);
}

static void put_session(struct json_writer *w, const struct lan_session *s)
{
	static const char *const protocols[] = { [3] = "MQTT 3.1", [4] = "MQTT 3.1.1", [5] = "MQTT 5" };
	bool known = s && s->protocol >= 3 && s->protocol <= 5;

	json_put_text(w, "address", s ? s->address : NULL);
	json_put_text(w, "protocol", known ? protocols[s->protocol] : NULL);
	if (s)
		json_put_int(w, "keepalive_s", s->keepalive_s);
	else
		json_put_null(w, "keepalive_s");
	put_age(w, "since_s", s ? s->since_ms : 0);
	put_age(w, "last_heard_s", s ? s->heard_ms : 0);
}

static void put_subscriptions(struct json_writer *w, const struct device *d)
{
	json_open(w, "subscriptions", '[');
	for (const struct device_filter *f = d->filters; f; f = f->next)
		json_put_text(w, NULL, f->text);
	json_close(w, ']');
}

/* The index of the rule of mappings[] that it was heard by last. */
static void put_mapping(struct json_writer *w, const struct hubgate *h, const struct device *d)
{
	const char *up = d->mapped ? d->mapped->up : NULL;

	for (size_t i = 0; up && i < h->config->mapping_count; i++) {
		const struct config_mapping *m = &h->config->mappings[i];

		if (m->up && strcmp(m->up, up) == 0 && strcmp(m->product_id, d->product_id) == 0) {
			json_put_count(w, "mapping", i);
			return;
		}
	}
	json_put_null(w, "mapping");
}

static void put_shadow(struct json_writer *w, const struct device *d)
{
	uint64_t version = 0;
	bool dirty = false;

	if (!shadow_is(d, &version, &dirty)) {
		json_put_null(w, "shadow");
		return;
	}
	json_open(w, "shadow", '{');
	json_put_count(w, "version", version);
	json_put_bool(w, "dirty", dirty);
	json_close(w, '}');
}

void device_report_put_all(struct json_writer *w, struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	json_open(w, NULL, '{');
	put_members(w, h, d);
	json_put_text(w, "client_id", device_login_id(d));
	put_session(w, d->presence->current);
	json_put_bool(w, "plain", d->plain);
	put_subscriptions(w, d);
	put_mapping(w, h, d);
	put_shadow(w, d);
	json_close(w, '}');
}
