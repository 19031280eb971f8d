/* What changes: presence, the link. */
#include "bridge/gateway/gateway.h"

#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

void gateway_remember_online(struct gateway *g, struct subdev *d)
{
	static const struct subdev_event e = { .kind = SUBDEV_IN_REMEMBERED };
	struct subdev_effect none;

	IN_ROOM(ROOM_UPLINK);
	subdev_take(&d->hub, &g->world, &e, 0, &none); /* it is marked already */
	d->was_online = true;
	gateway_touch(g, d);
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
	/* What comes back with a new link is announced again in its turn; who arrives while the link is
	 * up goes before that, and is not shown online yet. */
	if (present && gateway_is_linked(g) && !(d->hub.reasons & SUBDEV_HERE) &&
	    d->hub.known.shown == SHOWN_NOT)
		d->fresh_ms = now_ms + GATEWAY_FRESH_MS;
	else if (!present)
		d->fresh_ms = 0;
	gateway_happens(g, d, present ? SUBDEV_IN_PRESENT : SUBDEV_IN_ABSENT, now_ms);
}

/* --- the link --- */

void gateway_link_up(struct gateway *g, bool resumed, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->world.phase = g->leaving ? PHASE_LEAVING : g->settling ? PHASE_SETTLING : PHASE_READY;
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

		/* After an outage only who was never online has just arrived; at the start that says
		 * nothing of anybody. */
		d->fresh_ms = d->was_online || !g->was_linked ? 0 : now_ms + GATEWAY_FRESH_MS;
		gateway_happens(g, d, SUBDEV_IN_LINK_UP, now_ms);
		if (!resumed)
			outbox_forget_ids(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->renew = resumed && f->state == FILTER_SUBSCRIBED;
			f->again = false;
			f->due_ms = f->awaited_ms = 0;
			if (!resumed)
				gateway_filter_is(g, f, FILTER_NONE);
		}
		d->never_wide = false;
		gateway_prune_filters(g, d);
	}
	if (resumed && !g->was_linked && g->limits.max_subscriptions > 0)
		gateway_budget_inherit(g);
	g->was_linked = g->fresh_turn = true;
	gateway_line_up(g, now_ms);
}

void gateway_link_down(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->world.phase = PHASE_AWAY;
	g->change_acks = 0;
	g->due_ms = INT64_MAX;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		gateway_happens(g, d, SUBDEV_IN_LINK_DOWN, now_ms);
		metric_add(g->metrics, M_DROPPED_LIVE, gateway_live_drop_requests(g, d));
		gateway_live_answered(d);
		outbox_rewind(&d->outbox);
		for (struct filter *f = d->filters; f; f = f->next) {
			f->packet_id = 0;
			/* A request without an answer: the hub may have carried it out or
			 * not; asking again is harmless. */
			if (f->state == FILTER_SUBSCRIBING)
				gateway_filter_is(g, f, FILTER_NONE);
			if (f->state == FILTER_UNSUBSCRIBING)
				gateway_filter_is(g, f, FILTER_SUBSCRIBED);
		}
	}
	gateway_line_up(g, now_ms);
}

void gateway_leave(struct gateway *g, int64_t now_ms)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	g->leaving = true;
	if (gateway_is_linked(g))
		g->world.phase = PHASE_LEAVING;
	for (struct table_node *n = table_first(&g->devices, &at); n; n = table_next(&g->devices, &at))
		gateway_happens(g, table_entry(n, struct subdev, node), SUBDEV_IN_LEAVING, now_ms);
	gateway_line_up(g, now_ms);
}

bool gateway_left(const struct gateway *g)
{
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		const struct subdev *d = table_entry(n, struct subdev, node);

		if (d->hub.known.shown != SHOWN_NOT)
			return false;
	}
	return true;
}
