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
	g->place_free |= f->state != FILTER_NONE && state == FILTER_NONE && g->waiting > 0;
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
			now, g->limits.region->name, limit);
	g->subscriptions_near = near;
}

/* --- what a device subscribes --- */

void gateway_filter_waits(struct gateway *g, struct filter *f, bool waits)
{
	g->waiting += (size_t)waits - (size_t)f->waits;
	f->waits = waits;
	metric_set(g->metrics, M_SUBSCRIPTIONS_WAITING, g->waiting);
}

void gateway_filters_wide(struct gateway *g, struct subdev *d, bool wide)
{
	g->wide += (size_t)wide - (size_t)d->is_wide;
	d->is_wide = wide;
	metric_set(g->metrics, M_SUBSCRIPTIONS_WIDE, g->wide);
	gateway_touch(g, d);
}

static bool wants_custom(const struct subdev *d)
{
	for (const struct filter *f = d->filters; f; f = f->next) {
		if (f->custom && f->wanted)
			return true;
	}
	return false;
}

void gateway_prune_filters(struct gateway *g, struct subdev *d)
{
	if (d->is_wide && !wants_custom(d))
		gateway_filters_wide(g, d, false);
	for (struct filter **at = &d->filters; *at;) {
		struct filter *f = *at;

		if (f->wanted || f->state != FILTER_NONE || (f == d->wide && d->is_wide)) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		if (f == d->wide)
			d->wide = NULL;
		gateway_filter_waits(g, f, false);
		free(f);
	}
}

struct filter *gateway_add_filter(struct subdev *d, const char *text)
{
	size_t size = strlen(text) + 1;
	struct filter *f = calloc(1, sizeof(*f) + size);
	struct topic t;

	if (!f)
		return NULL;
	memcpy(f->text, text, size);
	f->custom = topic_parse_filter(text, size - 1, &t, NULL) == ST_OK && t.kind == TOPIC_CUSTOM &&
	            topic_is_device(&t, d->product_id, d->device_name);
	if (f->custom && t.rest.len == 1 && *t.rest.at == '#')
		d->wide = f;
	LIST_PUSH(&d->filters, f);
	return f;
}

enum status gateway_subscribe(struct gateway *g, struct subdev *d, const char *filter, uint8_t qos)
{
	struct filter *f = gateway_find_filter(d, filter), *at_hub;

	IN_ROOM(ROOM_UPLINK);
	if (!f)
		f = gateway_add_filter(d, filter);
	if (!f)
		return ST_NOMEM;
	at_hub = f->custom && d->is_wide ? d->wide : f;
	at_hub->again |= at_hub->renew;
	at_hub->renew = false;
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
	gateway_prune_filters(g, d);
	gateway_touch(g, d);
}
