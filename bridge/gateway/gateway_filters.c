/* What each device subscribes. */
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/filter_budget.h"
#include "core/hub/topic.h"

/* --- how many --- */

size_t gateway_subscriptions(const struct gateway *g)
{
	IN_ROOM(ROOM_UPLINK);
	return g->subscriptions + g->was_linked;
}

void gateway_filter_is(struct gateway *g, struct filter *f, enum filter_state state)
{
	g->subscriptions += (size_t)(state != FILTER_NONE) - (size_t)(f->state != FILTER_NONE);
	f->state = state;
	metric_set(g->metrics, M_SUBSCRIPTIONS, gateway_subscriptions(g));
}

void gateway_say_subscriptions(struct gateway *g)
{
	size_t limit = g->limits.subscriptions, now = gateway_subscriptions(g);
	bool near = filter_budget_near(limit, now, g->subscriptions_near);

	if (near && !g->subscriptions_near)
		log_line(
			g->log, LOG_WARN,
			"%zu subscriptions at the hub: the limits of the %s hub name %zu for one device, and "
			"may count a gateway as one",
			now, g->limits.region, limit);
	g->subscriptions_near = near;
}

/* --- what a device subscribes --- */

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
	f->again |= f->renew;
	f->renew = false;
	f->lazy = false;
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
