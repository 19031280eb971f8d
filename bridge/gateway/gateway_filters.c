/* What each device subscribes. */
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"

void gateway_prune_filters(struct subdev *d)
{
	for (struct filter **at = &d->filters; *at;) {
		struct filter *f = *at;

		if (f->wanted || f->state != FILTER_NONE) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
}

enum status gateway_subscribe(struct gateway *g, struct subdev *d, const char *filter, uint8_t qos)
{
	struct filter *f = gateway_find_filter(d, filter);

	IN_ROOM(ROOM_UPLINK);
	if (!f) {
		size_t size = strlen(filter) + 1;

		f = calloc(1, sizeof(*f) + size);
		if (!f)
			return ST_NOMEM;
		memcpy(f->text, filter, size);
		LIST_PUSH(&d->filters, f);
	}
	f->wanted = true;
	f->qos = qos;
	gateway_touch(g, d);
	return ST_OK;
}

void gateway_unsubscribe(struct gateway *g, struct subdev *d, const char *filter)
{
	struct filter *f = gateway_find_filter(d, filter);

	IN_ROOM(ROOM_UPLINK);
	if (!f || f == d->shadow_filter)
		return;
	f->wanted = false;
	gateway_prune_filters(d);
	gateway_touch(g, d);
}
