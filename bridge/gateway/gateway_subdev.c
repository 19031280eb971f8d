/* One device: its state, and the end of what it holds. */
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

void gateway_count_online(struct gateway *g, struct subdev *d, enum subdev_state state)
{
	if (d->state == SUBDEV_ONLINE && !d->own)
		g->online--;
	if (state == SUBDEV_ONLINE && !d->own)
		g->online++;
	d->state = state;
	metric_set(g->metrics, M_ONLINE, g->online);
}

void gateway_free_secret(struct secret *s)
{
	if (s)
		secret_wipe(s);
	free(s);
}

void gateway_other_digest(struct subdev *d)
{
	gateway_free_secret(d->secret);
	d->secret = d->second;
	d->second = NULL;
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
