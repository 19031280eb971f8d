#include "plugin/devices/command_target.h"

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/devices/command_message.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/presence.h"

enum {
	/* A plain device that says it is there subscribes after it: Tasmota and ESPHome do. */
	SETTLE_MS = 1000,
};

/* The session of a device of which nobody can say that it is there: serials begin at 1. */
#define BLIND_SESSION UINT64_MAX

static bool tells_presence(const struct hubgate *h, const struct device *d)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_known known = mapped_known(d);
	struct mapping_values unused;

	for (size_t i = 0; i < rules.count; i++) {
		if (mapping_condition_count(&rules.at[i]) > 0 &&
		    mapping_makes(&rules.at[i], d->product_id, d->device_name, known.original, known.values,
		                  &unused))
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
	out->blind = p->bursts || (p->mapped_serial == 0 && !tells_presence(h, d));
	if (out->blind) {
		out->who.session = BLIND_SESSION;
		out->who.live_ms = 0; /* who read it has it */
	}
	if (d->online && now_ms - p->mapped_ms >= SETTLE_MS)
		out->who.session = p->mapped_serial;
	out->who.connection = out->who.session;
}

static void device(const struct hubgate *h, const struct device *d, const char *topic,
                   struct command_target *out)
{
	const struct lan_session *s = presence_session(h, d);

	if (!s)
		return;
	out->client = s->client;
	out->who.session = s->serial;
	out->who.connection = s->connection;
	out->who.sure = s->clean;
	out->who.subscribes = device_hears(d, topic, s->connection);
	out->who.since_ms = s->since_ms;
	out->who.live_ms = command_live_ms(s->keepalive_s);
}

void command_target_of(const struct hubgate *h, const struct device *d, enum topic_kind kind,
                       const char *topic, int64_t now_ms, struct command_target *out)
{
	IN_ROOM(ROOM_BROKER);
	*out = (struct command_target){ .mapped = false };
	if (kind == TOPIC_CUSTOM && command_message_is_mapped(h, d, topic))
		plain_device(h, d, now_ms, out);
	else
		device(h, d, topic, out);
}
