/* The device shadow's place in the session: UPLINK knows when a request can be sent and sends
 * the latest one; what stands in it BROKER decides, which owns the documents. */
#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

enum status gateway_follow_shadow(struct gateway *g, struct subdev *d, const char *filter)
{
	struct filter *f = gateway_find_filter(d, filter);
	enum status st = f && f->wanted ? ST_OK : gateway_subscribe(g, d, filter, 0);

	IN_ROOM(ROOM_UPLINK);
	if (st != ST_OK)
		return st;
	d->shadow_filter = gateway_find_filter(d, filter);
	d->shadow_filter->lazy = true;
	gateway_touch(g, d);
	return ST_OK;
}

void gateway_shadow_dirty(struct gateway *g, struct subdev *d, bool dirty)
{
	IN_ROOM(ROOM_UPLINK);
	d->shadow_dirty = dirty;
	gateway_touch(g, d);
}

void gateway_set_shadow(struct gateway *g, struct subdev *d, struct live_msg *m)
{
	IN_ROOM(ROOM_UPLINK);
	gateway_free_live(d->shadow);
	d->shadow = m;
	gateway_touch(g, d);
}

bool gateway_shadow_ready(const struct gateway *g, const struct subdev *d)
{
	IN_ROOM(ROOM_UPLINK);
	return gateway_is_linked(g) && !g->leaving && gateway_is_online(d) && d->shadow_filter &&
	       d->shadow_filter->state == FILTER_SUBSCRIBED && !d->shadow_filter->again;
}

void gateway_shadow_update(struct gateway *g, struct subdev *d)
{
	bool online;

	if (d->shadow_sent || d->shadow_told != gateway_shadow_ready(g, d) ||
	    gateway_online_untold(d, &online))
		turns_add(&g->news, &d->news);
	else
		turns_remove(&g->news, &d->news);
}

struct subdev *gateway_news(struct gateway *g)
{
	struct flow *f = turns_next(&g->news);

	IN_ROOM(ROOM_UPLINK);
	return f ? table_entry(f, struct subdev, news) : NULL;
}

bool gateway_online_untold(const struct subdev *d, bool *online)
{
	IN_ROOM(ROOM_UPLINK);
	*online = gateway_is_online(d);
	return !d->hub.own && d->online_told != *online;
}

void gateway_told_online(struct gateway *g, struct subdev *d)
{
	IN_ROOM(ROOM_UPLINK);
	d->online_told = gateway_is_online(d);
	gateway_shadow_update(g, d);
}

void gateway_told(struct gateway *g, struct subdev *d, bool ready)
{
	IN_ROOM(ROOM_UPLINK);
	if (!ready) { /* BROKER makes a new request of what is true then */
		gateway_free_live(d->shadow);
		d->shadow = NULL;
	}
	d->shadow_told = ready;
	d->shadow_sent = false;
	gateway_shadow_update(g, d);
}
