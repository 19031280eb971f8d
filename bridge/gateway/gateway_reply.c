/* What the hub answers: results, notifications, SUBACKs - and silence. */
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"
#include "core/mqtt/mqtt_codec.h"

static void apply_one(struct gateway *g, struct subdev *d, const struct gateway_msg *m,
                      struct gateway_device *from, int64_t now_ms)
{
	struct subdev_event e = {
		.kind = SUBDEV_IN_REPLY,
		.op = m->op,
		.has_code = from->has_result,
		.code = from->result,
	};

	if (m->op == GATEWAY_DESCRIBE)
		e.kind = SUBDEV_IN_LISTED;
	else if (m->op == GATEWAY_CHANGE && !m->has_status)
		return;
	else if (m->op == GATEWAY_CHANGE)
		e.kind = m->status != 0 ? SUBDEV_IN_BOUND : SUBDEV_IN_UNBOUND;
	from->has_result &= gateway_take(g, d, &e, now_ms) && !d->forgotten;
}

enum status gateway_reply(struct gateway *g, const void *payload, size_t len, int64_t now_ms,
                          struct gateway_msg *out)
{
	enum status st = gateway_parse(payload, len, out);

	IN_ROOM(ROOM_UPLINK);
	if (st != ST_OK) {
		repeats_log(&g->repeats, g->log, LOG_WARN, "the gateway channel", status_text(st), now_ms,
		            "a message on the gateway channel is %s, ignored (%zu bytes)", status_text(st),
		            len);
		return st;
	}
	if (out->op == GATEWAY_CHANGE)
		g->change_acks++;
	for (size_t i = 0; i < out->count; i++) {
		struct gateway_device *from = &out->devices[i];
		struct subdev *d = gateway_find(g, from->product_id, from->device_name);

		if (d && !d->hub.own)
			apply_one(g, d, out, from, now_ms);
	}
	return ST_OK;
}

/* --- SUBACK and UNSUBACK --- */

/* The hub's UNSUBSCRIBE of a wildcard removes every subscription that matches, also
 * those that the device still wants (docs/protocol/topics.md 3). */
static void subscribe_covered_again(struct gateway *g, struct subdev *d, const char *wildcard)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (f->state == FILTER_SUBSCRIBED && topic_matches(wildcard, f->text))
			gateway_filter_is(g, f, FILTER_NONE);
	}
}

static void take_refusal(struct gateway *g, struct subdev *d, struct filter *f, int64_t now_ms)
{
	gateway_filter_is(g, f, FILTER_NONE);
	f->due_ms = now_ms + GATEWAY_RETRY_MS;
	if (f == d->wide && d->is_wide) {
		d->never_wide = true;
		gateway_filters_wide(g, d, false);
	}
	gateway_filter_refused(g, d, f, now_ms);
}

static void filter_answered(struct gateway *g, struct subdev *d, struct filter *f, uint8_t code,
                            int64_t now_ms)
{
	if (g->answered)
		g->answered(g->answered_ctx, f, f->state == FILTER_SUBSCRIBING, code);
	f->packet_id = 0;
	f->due_ms = 0;
	gateway_live_answered(d);
	if (f->state == FILTER_UNSUBSCRIBING) {
		gateway_filter_is(g, f, FILTER_NONE);
		subscribe_covered_again(g, d, f->text);
	} else if (code == MQTT_SUBACK_FAILURE) {
		take_refusal(g, d, f, now_ms);
	} else {
		gateway_filter_is(g, f, FILTER_SUBSCRIBED);
		gateway_filter_granted(g, f);
	}
	if (f->due_ms > now_ms && f->due_ms < g->due_ms)
		g->due_ms = f->due_ms;
	gateway_touch(g, d);
}

bool gateway_suback(struct gateway *g, uint16_t packet_id, uint8_t code, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f; f = f->next) {
			if (f->packet_id != packet_id)
				continue;
			filter_answered(g, d, f, code, now_ms);
			return true;
		}
	}
	return false;
}

/* --- silence --- */

static void tick_filter(struct gateway *g, struct filter *f, int64_t now_ms)
{
	if (f->packet_id != 0 && f->due_ms <= now_ms) {
		if (g->release_id)
			g->release_id(g->release_ctx, f->packet_id);
		f->packet_id = 0;
		gateway_filter_is(g, f, f->state == FILTER_UNSUBSCRIBING ? FILTER_SUBSCRIBED : FILTER_NONE);
		f->due_ms = now_ms + subdev_pause_ms(&g->world, 1);
	}
	if (f->due_ms > now_ms && f->due_ms < g->due_ms)
		g->due_ms = f->due_ms;
}

static void tick_device(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	if (d->hub.request.op != GATEWAY_UNKNOWN && d->hub.request.until_ms <= now_ms) {
		metric_add(g->metrics, M_CONTROL_TIMEOUTS, 1);
		gateway_happens(g, d, SUBDEV_IN_SILENCE, now_ms);
	}
	for (struct filter *f = d->filters; f; f = f->next)
		tick_filter(g, f, now_ms);
	gateway_touch(g, d); /* the time of something may have come */
}

void gateway_tick(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->due_ms = INT64_MAX;
	if (g->settling && now_ms >= g->settle_ms) {
		g->settling = false;
		if (g->world.phase == PHASE_SETTLING)
			g->world.phase = PHASE_READY;
	}
	if (g->settling)
		g->due_ms = g->settle_ms;
	if (gateway_is_linked(g) && g->describe && g->describe_ms > now_ms &&
	    g->describe_ms < g->due_ms)
		g->due_ms = g->describe_ms;
	for (struct table_node *n = table_first(&g->devices, &at); n && gateway_is_linked(g);
	     n = table_next(&g->devices, &at))
		tick_device(g, table_entry(n, struct subdev, node), now_ms);
}
