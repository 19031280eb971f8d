/* One device: what happens to it and what comes of that, and the end of what it holds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

/* --- the end of what it holds --- */

void gateway_free_secret(struct secret *s)
{
	if (s)
		secret_wipe(s);
	free(s);
}

struct filter *gateway_find_filter(const struct subdev *d, const char *text)
{
	for (struct filter *f = d->filters; f; f = f->next) {
		if (strcmp(f->text, text) == 0)
			return f;
	}
	return NULL;
}

void gateway_free_live(struct live_msg *m)
{
	IN_ROOM(ROOM_UPLINK);
	if (!m)
		return;
	if (m->room)
		live_room_give(m->room, m->share);
	free(m->topic);
	free(m->payload);
	free(m);
}

/* --- what happens --- */

void gateway_touch(struct gateway *g, struct subdev *d)
{
	IN_ROOM(ROOM_UPLINK);
	if (d->touched)
		return;
	d->touched = true;
	QUEUE_PUT(&g->touched, d);
}

void gateway_tell(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		return; /* who asked has a time limit of its own */
	a->dev = d;
	a->op = op;
	a->code = code;
	QUEUE_PUT(&g->answers, a);
}

static size_t bound_devices(const struct gateway *g)
{
	struct table_at at;
	size_t n = 0;

	for (struct table_node *node = table_first(&g->devices, &at); node;
	     node = table_next(&g->devices, &at))
		n += table_entry(node, struct subdev, node)->hub.known.binding == BINDING_BOUND;
	return n;
}

static void say(const struct gateway *g, const struct subdev *d, const struct subdev_effect *fx)
{
	char hint[REGION_HINT_MAX];
	static const char *const texts[] = {
		[SUBDEV_CAME_ONLINE] = "is online at the hub",
		[SUBDEV_WENT_OFFLINE] = "is offline at the hub",
		[SUBDEV_WAS_BOUND] = "was bound to this gateway",
		[SUBDEV_WAS_UNBOUND] = "was unbound from this gateway",
		[SUBDEV_BOUND_IT] = "was bound to this gateway with its secret",
	};

	if (d->standing != STANDING_OWN &&
	    (fx->news == SUBDEV_IS_REFUSED || fx->news == SUBDEV_NO_ANSWER))
		return; /* of such names there may be many: BROKER counts them */
	if (fx->news == SUBDEV_IS_REFUSED)
		log_line(g->log, LOG_WARN, "%s/%s: the hub refused %s with %" PRId64 ": %s%s",
		         d->product_id, d->device_name, gateway_op_name(fx->op), fx->code,
		         gateway_code_text(fx->code),
		         region_hint(g->limits.region, REGION_DEVICES,
		                     fx->op == GATEWAY_BIND ? bound_devices(g) + 1 : 0, hint));
	else if (fx->news == SUBDEV_NO_ANSWER)
		log_line(g->log, LOG_WARN, "%s/%s: the hub does not answer %s, trying on every 60 s",
		         d->product_id, d->device_name, gateway_op_name(fx->op));
	else if (fx->news != SUBDEV_NOTHING && fx->news != SUBDEV_NEXT_KEY)
		log_line(g->log, LOG_NOTE, "%s/%s %s", d->product_id, d->device_name, texts[fx->news]);
}

static void count(struct gateway *g, const struct subdev *d, const struct subdev_state *before)
{
	if (d->hub.own)
		return;
	g->online += (size_t)gateway_is_online(d) - (before->known.confirmed == SUBDEV_ONLINE);
	g->unbound += (size_t)subdev_unbound(&d->hub) - subdev_unbound(before);
	metric_set(g->metrics, M_ONLINE, g->online);
	metric_set(g->metrics, M_UNBOUND, g->unbound);
}

void gateway_set_standing(struct gateway *g, struct subdev *d, enum standing standing,
                          int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	/* The hub's own word stands. */
	if (d->standing == standing ||
	    (d->hub.known.binding == BINDING_BOUND && standing != STANDING_OWN))
		return;
	d->standing = standing;
	gateway_happens(g, d, standing == STANDING_OWN ? SUBDEV_IN_PROVEN : SUBDEV_IN_UNPROVEN, now_ms);
}

/* The hub's own word, which BROKER hears too. */
static void look_at_proof(struct gateway *g, struct subdev *d, const struct subdev_state *before,
                          int64_t now_ms)
{
	if (d->standing != STANDING_OWN && d->hub.known.binding == BINDING_BOUND &&
	    before->known.binding != BINDING_BOUND)
		gateway_set_standing(g, d, STANDING_OWN, now_ms);
}

/* Before the request leaves that may make the hub show it, and after the hub surely does not. */
static void keep_mark(struct gateway *g, const struct subdev *d, const struct subdev_state *before)
{
	bool shown = d->hub.known.shown != SHOWN_NOT;

	if (g->mark && shown != (before->known.shown != SHOWN_NOT))
		g->mark(g->mark_ctx, d, shown);
}

static void act(struct subdev *d, enum subdev_news news)
{
	if (news == SUBDEV_WAS_UNBOUND)
		outbox_rewind(&d->outbox);
	if (news == SUBDEV_NEXT_KEY) {
		gateway_free_secret(d->secret);
		d->secret = d->second;
		d->second = NULL;
	}
}

bool gateway_take(struct gateway *g, struct subdev *d, const struct subdev_event *e, int64_t now_ms)
{
	const struct subdev_state before = d->hub;
	struct subdev_effect fx;

	subdev_take(&d->hub, &g->world, e, now_ms, &fx);
	count(g, d, &before);
	keep_mark(g, d, &before);
	say(g, d, &fx);
	act(d, fx.news);
	if (gateway_is_online(d)) {
		d->was_online = true;
		d->fresh_ms = 0;
	}
	look_at_proof(g, d, &before, now_ms);
	if (fx.answered & 1u << GATEWAY_BIND) {
		gateway_free_live(d->bind);
		d->bind = NULL;
	}
	for (unsigned op = 0; fx.answered >> op != 0; op++) {
		if (fx.answered >> op & 1)
			gateway_tell(g, d, (enum gateway_op)op, fx.answer);
	}
	gateway_touch(g, d);
	return !fx.ignored;
}

void gateway_happens(struct gateway *g, struct subdev *d, enum subdev_input kind, int64_t now_ms)
{
	gateway_take(g, d, &(struct subdev_event){ .kind = kind }, now_ms);
}
