/* What changes: presence, the link. */
#include "bridge/gateway/gateway.h"

#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

void gateway_remember_online(struct subdev *d)
{
	IN_ROOM(ROOM_UPLINK);
	d->shown_online = true;
	d->marked = true;
}

void gateway_settle(struct gateway *g, int64_t at_ms)
{
	IN_ROOM(ROOM_UPLINK);
	g->settling = true;
	g->settle_ms = at_ms;
	if (at_ms < g->due_ms)
		g->due_ms = at_ms;
}

void gateway_present(struct gateway *g, struct subdev *d, bool present, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (present && !d->present && d->pending == GATEWAY_UNKNOWN) {
		d->due_ms = 0; /* a device that comes back need not wait out a retry */
		d->attempts = 0;
	}
	d->present = present;
	gateway_update(g, d, now_ms);
}

/* --- the link --- */

void gateway_link_up(struct gateway *g, bool resumed, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->linked = true;
	if (g->settling && g->settle_ms < g->due_ms)
		g->due_ms = g->settle_ms;
	g->renewing = resumed;
	g->renew_ms = now_ms + GATEWAY_RENEW_MS;
	g->describe = true;
	g->describe_ms = now_ms + GATEWAY_DESCRIBE_MS;
	if (g->describe_ms < g->due_ms)
		g->due_ms = g->describe_ms;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		d->due_ms = 0;
		d->attempts = 0;
		d->bind_refused = d->bind_next = false;
		if (d->own)
			gateway_count_online(g, d, SUBDEV_ONLINE);
		if (!resumed)
			outbox_forget_ids(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->renew = resumed && f->state == FILTER_SUBSCRIBED;
			f->due_ms = f->awaited_ms = 0;
			if (!resumed)
				f->state = FILTER_NONE;
		}
		gateway_prune_filters(d);
		gateway_update(g, d, now_ms);
	}
}

void gateway_link_down(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->linked = false;
	g->change_acks = 0;
	g->due_ms = INT64_MAX;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		gateway_count_online(g, d, SUBDEV_UNKNOWN);
		d->pending = GATEWAY_UNKNOWN;
		gateway_give_up(g, d);
		metric_add(g->metrics, M_DROPPED_LIVE, gateway_live_drop_requests(d));
		gateway_live_answered(d);
		outbox_rewind(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->packet_id = 0;
			/* A request without an answer: the hub may have carried it out or
			 * not; asking again is harmless. */
			if (f->state == FILTER_SUBSCRIBING)
				f->state = FILTER_NONE;
			if (f->state == FILTER_UNSUBSCRIBING)
				f->state = FILTER_SUBSCRIBED;
		}
		gateway_update(g, d, now_ms);
	}
}

void gateway_leave(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->leaving = true;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		gateway_give_up(g, d);
		d->due_ms = d->pending == GATEWAY_UNKNOWN ? 0 : d->due_ms;
		gateway_update(g, d, now_ms);
	}
}

bool gateway_left(const struct gateway *g)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		const struct subdev *d = table_entry(n, struct subdev, node);

		if (d->shown_online || d->asked_online)
			return false;
	}
	return true;
}
