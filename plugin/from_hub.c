#include "plugin/from_hub.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/base/trace.h"
#include "plugin/control/control.h"
#include "plugin/devices/command.h"
#include "plugin/services/firmware.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/remote_config.h"
#include "plugin/services/rrpc_service.h"
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

/* A service of ours has it whole. */
static bool served(struct hubgate *h, struct device *d, enum topic_kind kind,
                   const struct uplink_down *down)
{
	switch ((int)kind) {
	case TOPIC_SHADOW_RESULT:
		shadow_message(h, d, down);
		return true;
	case TOPIC_RRPC_RXD:
		rrpc_service_call(h, d, down);
		return true;
	case TOPIC_CONFIG_RESULT:
	case TOPIC_CONFIG_UPDATE:
		return remote_config_message(h, d, down);
	case TOPIC_SYS_RESULT:
		return timekeeper_take(h, down);
	default:
		return false;
	}
}

/* Takes down. */
static void message(struct hubgate *h, struct uplink_down *down)
{
	enum topic_kind kind = TOPIC_NONE;
	struct device *d = addressee(h, down->topic, &kind);

	if (!d)
		metric_add(&h->metrics, M_DOWN_STRAY, 1);
	if (d && trace_on(h))
		trace_note(
			h, d->client_id, TRACE_COMMAND,
			&(struct trace_about){ .topic = down->topic, .bytes = down->len, .qos = down->qos });
	if (!d || served(h, d, kind, down)) {
		uplink_down_done(h->uplink, down);
		uplink_down_free(down);
		return;
	}
	if (kind == TOPIC_OTA_UPDATE && firmware_take(h, d, down)) {
		uplink_down_done(h->uplink, down);
		uplink_down_free(down);
		return;
	}
	command_take(h, d, kind, down);
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
	if (down->kind == UPLINK_ANSWER)
		control_answer(h, down);
	uplink_down_free(down);
}
