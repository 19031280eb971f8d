/* Within hub.max_subscriptions: when one filter {pid}/{dname}/# takes the place of all custom ones
 * of a device, and what waits when nothing can give way any more.
 *
 * The exchange loses nothing: the wide one is acknowledged before the first of the others goes, and
 * is subscribed once more in the same write as the end of each of them (ACT_EXCHANGE). Until they
 * are gone the hub may deliver a message once for each filter that matches; a command of QoS 1 may
 * come twice anyhow, and nothing that comes from the hub is suppressed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/filter_budget.h"
#include "core/hub/topic.h"

enum {
	WIDE_MAX = PRODUCT_ID_LEN + DEVICE_NAME_MAX + sizeof "//#",
};

/* --- what a device needs --- */

bool gateway_filter_belongs(const struct subdev *d, const struct filter *f)
{
	if (f == d->wide)
		return d->is_wide || f->wanted;
	return f->wanted && !(f->custom && d->is_wide);
}

uint8_t gateway_filter_qos(const struct subdev *d, const struct filter *f)
{
	uint8_t qos = f->wanted ? f->qos : 0;

	if (f != d->wide || !d->is_wide)
		return f->qos;
	for (const struct filter *each = d->filters; each; each = each->next) {
		if (each->custom && each->wanted && each->qos > qos)
			qos = each->qos;
	}
	return qos;
}

/* What it is about to have; of one that is away, what it has kept. any: as if it were there. */
static struct filter_need need_of(const struct subdev *d, bool any)
{
	bool there = any || (gateway_is_online(d) && !subdev_unbound(&d->hub));
	struct filter_need n = { .wide = d->is_wide, .fixed = !there || d->never_wide };

	for (const struct filter *f = d->filters; f; f = f->next) {
		bool held = f->state != FILTER_NONE;

		if (!there) {
			n.apart += held;
		} else if (f->wanted && f->custom) {
			n.custom++;
			n.at_hub += held;
		} else {
			n.apart += f->wanted;
		}
	}
	return n;
}

/* --- wide --- */

static void make_wide(struct gateway *g, struct subdev *d)
{
	char text[WIDE_MAX];

	snprintf(text, sizeof(text), "%s/%s/#", d->product_id, d->device_name);
	if (!d->wide)
		gateway_add_filter(d, text); /* it becomes d->wide */
	d->never_wide = !d->wide;
	if (d->wide)
		gateway_filters_wide(g, d, true);
}

/* What all want, the gateway's own channel included, and who would give back most. */
static size_t wanted_by_all(const struct gateway *g, bool any, struct subdev **best)
{
	struct filter_need most = { 0 };
	size_t wanted = 1;
	struct table_at at;

	*best = NULL;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);
		struct filter_need need = need_of(d, any);

		wanted += filter_budget_places(&need);
		if (filter_budget_gain(&need) == 0 || (*best && !filter_budget_prefers(&need, &most)))
			continue;
		most = need;
		*best = d;
	}
	return wanted;
}

/* What is wanted in the end. */
static size_t fit(struct gateway *g, bool any)
{
	struct subdev *best;
	size_t wanted = wanted_by_all(g, any, &best);

	while (best && filter_budget_over(g->limits.max_subscriptions, wanted)) {
		make_wide(g, best);
		wanted = wanted_by_all(g, any, &best);
	}
	return wanted;
}

/* As the earlier run chose, from the same filters, as far as is known; each is asked for again at
 * once when its device is online. */
void gateway_budget_inherit(struct gateway *g)
{
	struct table_at at;

	fit(g, true);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f; f = f->next) {
			if (!gateway_filter_belongs(d, f))
				continue;
			gateway_filter_is(g, f, FILTER_SUBSCRIBED);
			f->asked_qos = gateway_filter_qos(d, f);
			f->again = true;
		}
	}
}

void gateway_budget_fit(struct gateway *g)
{
	size_t max = g->limits.max_subscriptions, wanted;
	bool over;

	if (max == 0)
		return;
	wanted = fit(g, false);
	over = filter_budget_over(max, wanted);
	if (over && !g->full)
		log_line(g->log, LOG_WARN,
		         "devices want %zu subscriptions at the hub, with one for all custom topics of a "
		         "device already; hub.max_subscriptions is %zu, so some wait and get no commands: "
		         "raise it when the hub takes more, or use a second gateway",
		         wanted, max);
	g->full = over;
}

/* --- what comes by a wide filter --- */

bool gateway_is_unasked(struct gateway *g, const char *topic)
{
	char product_id[PRODUCT_ID_LEN + 1], device_name[DEVICE_NAME_MAX + 1];
	const struct subdev *d;
	struct topic t;

	IN_ROOM(ROOM_UPLINK);
	if (topic_parse(topic, strlen(topic), &t) != ST_OK || t.kind != TOPIC_CUSTOM)
		return false;
	snprintf(product_id, sizeof(product_id), "%.*s", (int)t.product_id.len, t.product_id.at);
	snprintf(device_name, sizeof(device_name), "%.*s", (int)t.device_name.len, t.device_name.at);
	d = gateway_find(g, product_id, device_name);
	if (!d || !d->wide || d->wide->wanted || d->wide->state == FILTER_NONE)
		return false;
	for (const struct filter *f = d->filters; f; f = f->next) {
		if (f->wanted && topic_matches(f->text, topic))
			return false;
	}
	return true;
}

/* --- no place --- */

static bool exchanges(const struct subdev *d)
{
	for (const struct filter *f = d->filters; f; f = f->next) {
		if (f != d->wide && f->custom && f->state != FILTER_NONE)
			return true;
	}
	return false;
}

bool gateway_budget_takes(struct gateway *g, struct subdev *d, struct filter *f, int64_t now_ms)
{
	bool exchange = f == d->wide && d->is_wide && exchanges(d);
	int64_t pause_ms = gateway_refusals_pause(g, now_ms);

	if (f->state != FILTER_NONE)
		return true;
	if (pause_ms == 0 &&
	    filter_budget_takes(g->limits.max_subscriptions, gateway_subscriptions(g), exchange))
		return true;
	f->due_ms = pause_ms ? pause_ms : now_ms + GATEWAY_RETRY_MS;
	if (f->due_ms < g->due_ms)
		g->due_ms = f->due_ms;
	gateway_filter_waits(g, f, true);
	return false;
}

void gateway_budget_run(struct gateway *g)
{
	struct table_at at;

	if (!g->place_free)
		return;
	g->place_free = false;
	for (struct table_node *n = table_first(&g->devices, &at); n && g->waiting > 0;
	     n = table_next(&g->devices, &at)) {
		struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f; f = f->next) {
			if (!f->waits)
				continue;
			gateway_filter_waits(g, f, false);
			f->due_ms = 0;
			gateway_touch(g, d);
		}
	}
}
