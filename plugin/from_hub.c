#include "plugin/from_hub.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/devices/presence.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapping_command.h"
#include "plugin/services/shadow.h"
#include "plugin/services/timekeeper.h"

static struct device *addressee(struct hubgate *h, const char *topic, enum topic_kind *kind)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct topic t;
	size_t len;

	if (topic_parse(topic, strlen(topic), &t) != ST_OK || t.kind == TOPIC_NONE)
		return NULL;
	len = t.product_id.len + t.device_name.len;
	if (len > CLIENT_ID_MAX)
		return NULL;
	*kind = t.kind;
	memcpy(client_id, t.product_id.at, t.product_id.len);
	memcpy(client_id + t.product_id.len, t.device_name.at, t.device_name.len);
	return device_table_find(h->devices, client_id, len);
}

/* Takes down. */
static void message(struct hubgate *h, struct uplink_down *down)
{
	enum topic_kind kind = TOPIC_NONE;
	struct device *d = addressee(h, down->topic, &kind);
	struct presence *listener;
	enum status st;

	if (!d || kind == TOPIC_SHADOW_RESULT || timekeeper_take(h, down)) {
		if (!d)
			metric_add(&h->metrics, M_DOWN_STRAY, 1);
		else if (kind == TOPIC_SHADOW_RESULT)
			shadow_message(h, d, down);
		uplink_down_done(h->uplink, down);
		uplink_down_free(down);
		return;
	}
	if (d->origins & ORIGIN_MAPPING && kind == TOPIC_CUSTOM) {
		st = mapping_command_translate(h, d, down);
		if (st == ST_INVALID)
			uplink_down_done(h->uplink, down);
		if (st != ST_OK) { /* without memory the hub sends it again */
			uplink_down_free(down);
			return;
		}
	}
	listener = presence_listener(h, d);
	if (down->qos > 0 && presence_in_grace(listener) && command_hold(&listener->held, down)) {
		metric_add(&h->metrics, M_DOWN_HELD, 1);
		return;
	}
	command_hand_over(h, down);
}

void from_hub_take(struct hubgate *h, struct uplink_down *down)
{
	IN_ROOM(ROOM_BROKER);
	if (down->kind == UPLINK_MESSAGE) {
		message(h, down);
		return;
	}
	if (!gateway_service_take(h, down))
		shadow_news(h, down);
	uplink_down_free(down);
}
