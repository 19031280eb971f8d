#include "plugin/devices/command_target.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/devices/presence.h"

enum {
	/* A plain device that says it is there subscribes after it: Tasmota and ESPHome do. */
	SETTLE_MS = 1000,
};

/* The session of a device of which nothing is known, not even when it came: serials begin at 1. */
#define BLIND_SESSION UINT64_MAX

static bool mapped_topic(const struct hubgate *h, const struct device *d, const char *topic,
                         char local[MAPPING_TOPIC_MAX])
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const char *rest = topic + strlen(d->product_id) + 1 + strlen(d->device_name) + 1;

	return d->origins & ORIGIN_MAPPING &&
	       mapping_down(&rules, d->product_id, d->device_name, rest, local) == ST_OK;
}

static bool tells_presence(const struct hubgate *h, const struct device *d)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);

	for (size_t i = 0; i < rules.count; i++) {
		const struct mapping_rules one = { &rules.at[i], 1 };

		if (rules.at[i].presence && mapping_of(&one, d->product_id, d->device_name))
			return true;
	}
	return false;
}

static void plain_device(const struct hubgate *h, const struct device *d, int64_t now_ms,
                         struct command_target *out)
{
	const struct presence *p = d->presence;

	out->mapped = true;
	out->who.live_ms = COMMAND_LIVE_MS;
	out->blind = p->mapped_serial == 0 && !tells_presence(h, d);
	if (out->blind) {
		out->who.session = BLIND_SESSION;
		out->who.live_ms = 0; /* who read it has it */
	}
	if (d->online && now_ms - p->mapped_ms >= SETTLE_MS)
		out->who.session = p->mapped_serial;
	out->who.connection = out->who.session;
}

static void device(const struct hubgate *h, const struct device *d, struct command_target *out)
{
	const struct lan_session *s = presence_session(h, d);

	if (!s)
		return;
	out->client = s->client;
	out->who.session = s->serial;
	out->who.connection = s->connection;
	out->who.sure = s->clean;
	out->who.subscribes = device_hears(d, out->topic, s->connection);
	out->who.since_ms = s->since_ms;
	out->who.live_ms = command_live_ms(s->keepalive_s);
}

void command_target_of(const struct hubgate *h, const struct device *d, enum topic_kind kind,
                       const char *topic, int64_t now_ms, struct command_target *out)
{
	IN_ROOM(ROOM_BROKER);
	*out = (struct command_target){ .mapped = false };
	if (kind == TOPIC_CUSTOM && mapped_topic(h, d, topic, out->topic)) {
		plain_device(h, d, now_ms, out);
		return;
	}
	snprintf(out->topic, sizeof(out->topic), "%s", topic);
	device(h, d, out);
}
