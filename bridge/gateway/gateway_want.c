/* What each device wants of the hub, in whose turn, and that it was asked for. */
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

/* --- what a device wants --- */

static bool has_data(const struct subdev *d)
{
	return d->outbox.live > d->outbox.parked || d->outbox.wanted || d->live.first ||
	       d->requests.first;
}

/* What the wide filter stands for stays until that is there. */
static bool filter_leaves(const struct subdev *d, const struct filter *f)
{
	if (f->state != FILTER_SUBSCRIBED || subdev_unbound(&d->hub))
		return f->state == FILTER_SUBSCRIBED;
	return !gateway_filter_belongs(d, f) &&
	       (!f->wanted || (d->wide->state == FILTER_SUBSCRIBED && !d->wide->again));
}

static bool filter_wants(const struct gateway *g, const struct subdev *d, const struct filter *f)
{
	if (g->leaving)
		return false;
	if (filter_leaves(d, f))
		return true;
	/* Again when the device asked with another QoS since. */
	return gateway_is_online(d) && gateway_filter_belongs(d, f) &&
	       (f->state == FILTER_NONE || (f->state == FILTER_SUBSCRIBED &&
	                                    (f->again || gateway_filter_qos(d, f) != f->asked_qos)));
}

static struct filter *first_filter(const struct gateway *g, const struct subdev *d, bool lazy,
                                   int64_t now_ms)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (f->lazy == lazy && filter_wants(g, d, f) && f->due_ms <= now_ms)
			return f;
	}
	return NULL;
}

static struct filter *next_filter(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	struct filter *f = first_filter(g, d, false, now_ms);

	return f ? f : first_filter(g, d, true, now_ms);
}

/* The next request for d, if its time has come. */
static enum gateway_op next_op(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	enum gateway_op op = subdev_next(&d->hub, &g->world);

	return op != GATEWAY_UNKNOWN && d->hub.due_ms <= now_ms ? op : GATEWAY_UNKNOWN;
}

/* Urgent: what the device's messages or a program wait for. */
static struct turns *line_of(struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	bool asks = next_op(g, d, now_ms) != GATEWAY_UNKNOWN;
	const struct filter *f = asks ? NULL : next_filter(g, d, now_ms);

	if (!gateway_is_linked(g))
		return NULL;
	if (!asks && !f)
		return d->shadow && gateway_shadow_ready(g, d) ? &g->normal : NULL;
	if (d->standing != STANDING_OWN && !d->hub.asked)
		return &g->names[d->standing];
	if (f && f->lazy)
		return &g->lazy;
	if (d->fresh_ms > now_ms && !gateway_is_online(d))
		return &g->fresh;
	return d->outbox.live > 0 || d->hub.asked ? &g->urgent : &g->normal;
}

static void note_due(struct gateway *g, int64_t due_ms)
{
	if (due_ms < g->due_ms)
		g->due_ms = due_ms;
}

/* A device that left while its messages were queued is shown online for them. */
static void look_at_work(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	bool work = d->shadow_dirty || has_data(d);
	struct subdev_event e = { .kind = work ? SUBDEV_IN_WORK : SUBDEV_IN_IDLE };
	struct subdev_effect none;

	if (work == ((d->hub.reasons & SUBDEV_WORK) != 0))
		return;
	subdev_take(&d->hub, &g->world, &e, now_ms, &none);
}

static void stand(struct turns *line, struct flow *f, bool in)
{
	if (in)
		turns_add(line, f);
	else
		turns_remove(line, f);
}

static void stand_in_data(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct gateway_ready ready = { .due_ms = INT64_MAX };
	bool unkept;

	if (gateway_is_linked(g) && gateway_is_online(d))
		ready = gateway_live_ready(g, d, now_ms);
	unkept = ready.request || ready.telemetry == SOURCE_LIVE;
	stand(&g->data, &d->data, unkept || ready.telemetry == SOURCE_KEPT);
	stand(&g->calls, &d->calls, ready.call);
	stand(&g->tries, &d->tries, ready.tries);
	g->unkept += (size_t)unkept - (size_t)d->unkept;
	d->unkept = unkept;
	note_due(g, ready.due_ms);
}

static void stand_in_control(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct turns *line = line_of(g, d, now_ms);

	if (line == d->line)
		return;
	if (d->line)
		turns_remove(d->line, &d->control);
	if (line)
		turns_add(line, &d->control);
	d->line = line;
}

void gateway_line_up(struct gateway *g, int64_t now_ms)
{
	struct subdev *d;

	IN_ROOM(ROOM_UPLINK);
	gateway_say_subscriptions(g);
	gateway_budget_run(g);
	while (QUEUE_TAKE(&g->touched, d)) {
		int64_t due_ms;

		d->touched = false;
		look_at_work(g, d, now_ms);
		stand_in_data(g, d, now_ms);
		stand_in_control(g, d, now_ms);
		gateway_shadow_update(g, d);
		due_ms = subdev_due(&d->hub, &g->world);
		if (due_ms > now_ms)
			note_due(g, due_ms);
		if (d->line == &g->fresh)
			note_due(g, d->fresh_ms);
	}
}

void gateway_try_again(struct gateway *g)
{
	IN_ROOM(ROOM_UPLINK);
	for (uint32_t n = g->tries.count; n > 0; n--)
		gateway_touch(g, table_entry(turns_next(&g->tries), struct subdev, tries));
}

/* --- what to send next --- */

static bool renewal_due(const struct gateway *g, int64_t now_ms)
{
	return gateway_is_linked(g) && g->renewing && !g->leaving && now_ms >= g->renew_ms;
}

static bool describe_due(const struct gateway *g, int64_t now_ms)
{
	return gateway_is_linked(g) && g->describe && !g->leaving && now_ms >= g->describe_ms;
}

bool gateway_has_control(const struct gateway *g, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	return g->change_acks > 0 || g->urgent.count > 0 || g->normal.count > 0 || g->fresh.count > 0 ||
	       g->lazy.count > 0 || describe_due(g, now_ms) || renewal_due(g, now_ms) ||
	       gateway_names_wait(g, now_ms);
}

/* One subscription of the resumed session that was not renewed yet. */
static bool next_renewal(struct gateway *g, struct gateway_action *out)
{
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f && gateway_is_online(d); f = f->next) {
			if (!f->renew || f->state != FILTER_SUBSCRIBED || !gateway_filter_belongs(d, f))
				continue;
			*out = (struct gateway_action){ .kind = ACT_SUBSCRIBE, .dev = d, .filter = f };
			out->qos = gateway_filter_qos(d, f);
			return true;
		}
	}
	return false;
}

/* The next subscription of d that has a place at the hub, or leaves it. False: none. */
static bool next_subscription(struct gateway *g, struct subdev *d, int64_t now_ms,
                              struct gateway_action *out)
{
	struct filter *f = next_filter(g, d, now_ms);

	if (f && f->state == FILTER_NONE) {
		gateway_budget_fit(g);
		do
			f = next_filter(g, d, now_ms);
		while (f && !gateway_budget_takes(g, d, f, now_ms));
	}
	out->filter = f;
	if (!f)
		return false;
	out->kind = ACT_SUBSCRIBE;
	out->qos = gateway_filter_qos(d, f);
	if (!filter_leaves(d, f))
		return true;
	out->kind = ACT_UNSUBSCRIBE;
	if (d->is_wide && f->custom && d->wide->state == FILTER_SUBSCRIBED && f != d->wide &&
	    !subdev_unbound(&d->hub)) {
		out->kind = ACT_EXCHANGE;
		out->qos = gateway_filter_qos(d, d->wide);
	}
	return true;
}

/* Of devices that are ours. */
static struct flow *next_flow(struct gateway *g)
{
	struct turns *others = g->urgent.count > 0   ? &g->urgent
	                       : g->normal.count > 0 ? &g->normal
	                                             : &g->lazy;

	if (g->fresh.count > 0 && (g->fresh_turn || others->count == 0))
		return g->fresh.head->prev; /* the newest */
	return turns_next(others);
}

void gateway_next(struct gateway *g, int64_t now_ms, struct gateway_action *out)
{
	struct flow *flow;
	struct subdev *d;

	IN_ROOM(ROOM_UPLINK);
	memset(out, 0, sizeof(*out));
	if (g->change_acks > 0) {
		out->kind = ACT_CHANGE_ACK;
		return;
	}
	flow = next_flow(g);
	if (!flow && describe_due(g, now_ms)) {
		out->kind = ACT_DESCRIBE;
		return;
	}
	if (!flow && renewal_due(g, now_ms)) {
		if (next_renewal(g, out))
			return;
		g->renew_ms = now_ms + GATEWAY_RETRY_MS; /* the rest is offline */
	}
	if (!flow)
		flow = gateway_names_next(g, now_ms);
	if (!flow)
		return;
	d = table_entry(flow, struct subdev, control);
	out->dev = d;
	out->op = next_op(g, d, now_ms);
	if (out->op != GATEWAY_UNKNOWN) {
		out->kind = ACT_REQUEST;
		return;
	}
	if (next_subscription(g, d, now_ms, out))
		return;
	if (d->shadow && gateway_shadow_ready(g, d))
		out->kind = ACT_SHADOW;
	else
		gateway_touch(g, d);
}

static void filter_sent(struct gateway *g, struct filter *f, enum filter_state to, uint8_t qos,
                        uint16_t packet_id, int64_t now_ms)
{
	if (f->renew) {
		f->renew = false;
		g->renew_ms = now_ms + GATEWAY_RENEW_MS;
	}
	f->again = false;
	gateway_filter_waits(g, f, false);
	gateway_filter_is(g, f, to);
	if (to == FILTER_SUBSCRIBING)
		f->asked_qos = qos;
	f->packet_id = packet_id;
	f->due_ms = now_ms + g->world.answer_ms;
	note_due(g, f->due_ms);
}

static void subscription_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                              int64_t now_ms)
{
	filter_sent(g, a->filter, a->kind == ACT_SUBSCRIBE ? FILTER_SUBSCRIBING : FILTER_UNSUBSCRIBING,
	            a->qos, packet_id, now_ms);
	if (a->kind == ACT_EXCHANGE)
		filter_sent(g, a->dev->wide, FILTER_SUBSCRIBING, a->qos, a->again_id, now_ms);
}

void gateway_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                  int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (a->kind == ACT_CHANGE_ACK) {
		g->change_acks--;
		return;
	}
	if (a->kind == ACT_DESCRIBE) {
		g->describe = false;
		metric_add(g->metrics, M_CONTROL, 1);
		return;
	}
	g->fresh_turn = a->dev->line != &g->fresh;
	gateway_names_sent(g, a->dev, now_ms);
	if (a->kind == ACT_REQUEST) {
		gateway_take(g, a->dev, &(struct subdev_event){ .kind = SUBDEV_IN_SENT, .op = a->op },
		             now_ms);
		metric_add(g->metrics, M_CONTROL, 1);
	} else if (a->kind == ACT_SHADOW) {
		gateway_free_live(a->dev->shadow);
		a->dev->shadow = NULL;
		a->dev->shadow_sent = true;
	} else {
		subscription_sent(g, a, packet_id, now_ms);
	}
	gateway_touch(g, a->dev);
}
