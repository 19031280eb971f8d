/* What each device wants of the hub, in whose turn, and that it was asked for. */
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

/* --- what a device wants --- */

static bool has_data(const struct subdev *d)
{
	return d->outbox.live > d->outbox.parked || d->live.first || d->requests.first;
}

/* A device that left while its messages were queued is shown online for them. */
static bool wants_online(const struct gateway *g, const struct subdev *d)
{
	return !g->leaving && !d->own && (d->present || d->shadow_dirty || has_data(d));
}

bool gateway_can_bind(const struct gateway *g, const struct subdev *d)
{
	return g->binds && d->secret && !d->bind_refused && !d->bind_barred;
}

/* The next operation that a program waits for; GATEWAY_UNKNOWN: none. */
static enum gateway_op asked_op(const struct gateway *g, const struct subdev *d)
{
	for (size_t i = 0; i < GATEWAY_ASKED_OPS && d->asked && !g->leaving; i++) {
		if (!(d->asked & 1u << gateway_asked_order[i]))
			continue;
		if (gateway_asked_order[i] == GATEWAY_ONLINE && d->bind_next && gateway_can_bind(g, d))
			return GATEWAY_BIND;
		return gateway_asked_order[i];
	}
	return GATEWAY_UNKNOWN;
}

/* The next request for d, whether or not its time has come. Bound only when `online` said that
 * it is not, never because a list did not name it: the list may be cut (docs/protocol/gateway.md 4,
 * 8). */
static enum gateway_op wanted_op(const struct gateway *g, const struct subdev *d)
{
	if (d->asked)
		return asked_op(g, d);
	if (wants_online(g, d) && d->state == SUBDEV_ONLINE)
		return GATEWAY_UNKNOWN;
	if (wants_online(g, d))
		return d->bind_next && gateway_can_bind(g, d) ? GATEWAY_BIND : GATEWAY_ONLINE;
	if (g->settling && !g->leaving)
		return GATEWAY_UNKNOWN;
	return d->shown_online || d->asked_online ? GATEWAY_OFFLINE : GATEWAY_UNKNOWN;
}

static bool filter_leaves(const struct subdev *d, const struct filter *f)
{
	return f->state == FILTER_SUBSCRIBED && (!f->wanted || d->unbound);
}

static bool filter_wants(const struct gateway *g, const struct subdev *d, const struct filter *f)
{
	if (g->leaving)
		return false;
	if (filter_leaves(d, f))
		return true;
	/* Again when the device asked with another QoS since. */
	return d->state == SUBDEV_ONLINE && f->wanted &&
	       (f->state == FILTER_NONE || (f->state == FILTER_SUBSCRIBED && f->qos != f->asked_qos));
}

static struct filter *next_filter(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (filter_wants(g, d, f) && f->due_ms <= now_ms)
			return f;
	}
	return NULL;
}

static bool has_control(const struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	if (d->pending == GATEWAY_UNKNOWN && wanted_op(g, d) != GATEWAY_UNKNOWN && d->due_ms <= now_ms)
		return true;
	return next_filter(g, d, now_ms) != NULL;
}

/* Urgent: what the device's messages or a program wait for. */
static struct turns *line_of(struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	if (!g->linked)
		return NULL;
	if (has_control(g, d, now_ms))
		return d->outbox.live > 0 || d->asked ? &g->urgent : &g->normal;
	return d->shadow && gateway_shadow_ready(g, d) ? &g->normal : NULL;
}

static void note_due(struct gateway *g, int64_t due_ms)
{
	if (due_ms < g->due_ms)
		g->due_ms = due_ms;
}

static void keep_mark(struct gateway *g, struct subdev *d)
{
	bool online = d->shown_online || d->asked_online;

	if (online == d->marked)
		return;
	d->marked = online;
	if (g->mark)
		g->mark(g->mark_ctx, d, online);
}

static void stand_in_data(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct gateway_ready ready = { .due_ms = INT64_MAX };
	bool unkept;

	if (g->linked && d->state == SUBDEV_ONLINE)
		ready = gateway_live_ready(g, d, now_ms);
	unkept = ready.request || ready.telemetry == SOURCE_LIVE;
	if (unkept || ready.telemetry == SOURCE_KEPT)
		turns_add(&g->data, &d->data);
	else
		turns_remove(&g->data, &d->data);
	g->unkept += (size_t)unkept - (size_t)d->unkept;
	d->unkept = unkept;
	note_due(g, ready.due_ms);
}

void gateway_update(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	struct turns *line;

	IN_ROOM(ROOM_UPLINK);
	keep_mark(g, d);
	stand_in_data(g, d, now_ms);
	line = line_of(g, d, now_ms);
	if (line != d->line) {
		if (d->line)
			turns_remove(d->line, &d->control);
		if (line)
			turns_add(line, &d->control);
		d->line = line;
	}
	gateway_shadow_update(g, d);
	if (d->due_ms > now_ms)
		note_due(g, d->due_ms);
}

/* --- what to send next --- */

static bool renewal_due(const struct gateway *g, int64_t now_ms)
{
	return g->linked && g->renewing && !g->leaving && now_ms >= g->renew_ms;
}

static bool describe_due(const struct gateway *g, int64_t now_ms)
{
	return g->linked && g->describe && !g->leaving && now_ms >= g->describe_ms;
}

bool gateway_has_control(const struct gateway *g, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	return g->change_acks > 0 || g->urgent.count > 0 || g->normal.count > 0 ||
	       describe_due(g, now_ms) || renewal_due(g, now_ms);
}

/* One subscription of the resumed session that was not renewed yet. */
static bool next_renewal(struct gateway *g, struct gateway_action *out)
{
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f && d->state == SUBDEV_ONLINE; f = f->next) {
			if (!f->renew || f->state != FILTER_SUBSCRIBED || !f->wanted)
				continue;
			*out = (struct gateway_action){ .kind = ACT_SUBSCRIBE, .dev = d, .filter = f };
			return true;
		}
	}
	return false;
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
	flow = g->urgent.count > 0 ? turns_next(&g->urgent) : turns_next(&g->normal);
	if (!flow && describe_due(g, now_ms)) {
		out->kind = ACT_DESCRIBE;
		return;
	}
	if (!flow) {
		if (renewal_due(g, now_ms) && !next_renewal(g, out))
			g->renew_ms = now_ms + GATEWAY_RETRY_MS; /* the rest is offline */
		return;
	}
	d = table_entry(flow, struct subdev, control);
	out->dev = d;
	if (d->pending == GATEWAY_UNKNOWN && d->due_ms <= now_ms) {
		out->op = wanted_op(g, d);
		if (out->op != GATEWAY_UNKNOWN) {
			out->kind = ACT_REQUEST;
			return;
		}
	}
	out->filter = next_filter(g, d, now_ms);
	if (out->filter)
		out->kind = filter_leaves(d, out->filter) ? ACT_UNSUBSCRIBE : ACT_SUBSCRIBE;
	else if (d->shadow && gateway_shadow_ready(g, d))
		out->kind = ACT_SHADOW;
	else
		gateway_update(g, d, now_ms);
}

static void filter_sent(struct gateway *g, const struct gateway_action *a, uint16_t packet_id,
                        int64_t now_ms)
{
	struct filter *f = a->filter;

	if (f->renew) {
		f->renew = false;
		g->renew_ms = now_ms + GATEWAY_RENEW_MS;
	}
	f->state = a->kind == ACT_SUBSCRIBE ? FILTER_SUBSCRIBING : FILTER_UNSUBSCRIBING;
	f->asked_qos = f->qos;
	f->packet_id = packet_id;
	f->due_ms = now_ms + g->answer_ms;
	note_due(g, f->due_ms);
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
	if (a->kind == ACT_REQUEST) {
		a->dev->pending = a->op;
		a->dev->asked_online |= a->op == GATEWAY_ONLINE;
		/* From here on the hub may take it for offline, whatever becomes of the
		 * answer: nothing may be sent in its name before the next online. */
		if (a->op == GATEWAY_OFFLINE)
			gateway_count_online(g, a->dev, SUBDEV_UNKNOWN);
		a->dev->due_ms = now_ms + g->answer_ms;
		metric_add(g->metrics, M_CONTROL, 1);
		note_due(g, a->dev->due_ms);
	} else if (a->kind == ACT_SHADOW) {
		gateway_free_live(a->dev->shadow);
		a->dev->shadow = NULL;
		a->dev->shadow_sent = true;
	} else {
		filter_sent(g, a, packet_id, now_ms);
	}
	gateway_update(g, a->dev, now_ms);
}
