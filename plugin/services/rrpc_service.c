#include "plugin/services/rrpc_service.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/rrpc.h"
#include "plugin/base/publish.h"
#include "plugin/base/timer.h"
#include "plugin/devices/presence.h"

enum status rrpc_service_open(struct hubgate *h)
{
	h->rrpc = rrpc_new();
	return h->rrpc ? ST_OK : ST_NOMEM;
}

void rrpc_service_close(struct hubgate *h)
{
	rrpc_free(h->rrpc);
	h->rrpc = NULL;
}

/* The connection of the device, or of the gateway application that speaks for it. */
static uint64_t reader(void *ctx, const char *client_id)
{
	const struct hubgate *h = ctx;
	const struct device *d = device_table_find(h->devices, client_id, strlen(client_id));
	const struct lan_session *s = d ? presence_listener(h, d)->current : NULL;

	return s ? s->connection : 0;
}

static void give(void *ctx, const struct rrpc_call *call)
{
	struct hubgate *h = ctx;

	if (publish_on_lan(call->topic, call->payload, call->len, 0, false) == ST_OK)
		metric_add(&h->metrics, M_DOWN, 1);
}

static void go_on(struct hubgate *h, int64_t now_ms)
{
	const struct rrpc_owner owner = { reader, give, h };

	rrpc_run(h->rrpc, &owner, now_ms);
	metric_set(&h->metrics, M_RRPC_UNANSWERED, rrpc_unanswered(h->rrpc));
}

void rrpc_service_call(struct hubgate *h, const struct device *d, const struct uplink_down *down)
{
	const struct rrpc_call call = { down->topic, down->payload, down->len };
	int64_t now_ms = hubgate_now_ms();

	IN_ROOM(ROOM_BROKER);
	metric_add(&h->metrics, M_RRPC, 1);
	rrpc_add(h->rrpc, d->client_id, &call, now_ms); /* without room it is counted as unanswered */
	go_on(h, now_ms);
	timer_ring_by(h, rrpc_due(h->rrpc));
}

bool rrpc_service_expects(const struct hubgate *h, const struct device *d, const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return rrpc_expects(h->rrpc, d->client_id, strrchr(topic, '/') + 1, hubgate_now_ms());
}

bool rrpc_service_answer(struct hubgate *h, const struct device *d, const char *topic)
{
	int64_t now_ms = hubgate_now_ms();
	bool in_time = rrpc_answered(h->rrpc, d->client_id, strrchr(topic, '/') + 1, now_ms);

	IN_ROOM(ROOM_BROKER);
	if (in_time)
		go_on(h, now_ms);
	else
		metric_add(&h->metrics, M_RRPC_LATE, 1);
	return in_time;
}

void rrpc_service_subscribed(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	go_on(h, hubgate_now_ms());
}

void rrpc_service_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	if (now_ms >= rrpc_due(h->rrpc))
		go_on(h, now_ms);
}

int64_t rrpc_service_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return rrpc_due(h->rrpc);
}
