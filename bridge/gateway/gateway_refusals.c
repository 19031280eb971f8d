/* What a refusal of the hub smells of: a limit that nobody published for a gateway. Said once, with
 * the fix; and a hub that closes the connection on one subscription too many is not asked for that
 * over and over. */
#include <stdio.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/filter_budget.h"
#include "core/hub/topic.h"

enum {
	AT_ONCE_MS = 2000, /* a close this soon after a SUBSCRIBE may be because of it */
	CLOSES_CHANCE = 1, /* so often it may be chance */
	DOUBLINGS_MAX = 6,
};

/* --- smell --- */

/* What stands before and behind {pid}/{dname}. */
struct ends {
	size_t before;
	const char *behind;
};

static bool ends_of(const struct subdev *d, const struct filter *f, struct ends *out)
{
	const char *at = strstr(f->text, d->product_id);

	if (!at)
		return false;
	out->before = (size_t)(at - f->text);
	out->behind = at + strlen(d->product_id) + 1 + strlen(d->device_name);
	return (size_t)(out->behind - f->text) <= strlen(f->text);
}

static bool has_same(const struct subdev *d, const char *text, const struct ends *ends)
{
	struct ends own;

	for (const struct filter *f = d->filters; f; f = f->next) {
		if (f->state == FILTER_SUBSCRIBED && ends_of(d, f, &own) && own.before == ends->before &&
		    strncmp(f->text, text, own.before) == 0 && strcmp(own.behind, ends->behind) == 0)
			return true;
	}
	return false;
}

/* The hub took the same of another device of the product: it is declared. */
static bool taken_elsewhere(const struct gateway *g, const struct subdev *d, const struct filter *f)
{
	struct table_at at;
	struct ends ends;

	if (!ends_of(d, f, &ends))
		return false;
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		const struct subdev *other = table_entry(n, struct subdev, node);

		if (other != d && strcmp(other->product_id, d->product_id) == 0 &&
		    has_same(other, f->text, &ends))
			return true;
	}
	return false;
}

static bool smells(const struct gateway *g, const struct subdev *d, const struct filter *f)
{
	return filter_budget_near(g->limits.subscriptions, gateway_subscriptions(g), false) ||
	       taken_elsewhere(g, d, f);
}

static void say_limit(struct gateway *g, const char *what, const struct filter *f)
{
	size_t now = gateway_subscriptions(g);

	if (g->refused_at == 0)
		log_line(
			g->log, LOG_WARN,
			"the hub %s the subscription %.128s, with %zu there: most likely it counts those of a "
			"gateway as one device's (the mainland's limit is 100); set hub.max_subscriptions to "
			"%zu, then one stands for all custom topics of a device",
			what, f->text, now, now);
	g->refused_at = now + 1;
}

/* --- what the hub answers --- */

/* It is asked for again and again, of each device, in each connection; what is declared is declared
 * for all devices of a product. */
static void say_undeclared(struct gateway *g, const struct subdev *d, const struct filter *f,
                           int64_t now_ms)
{
	char of_all[TOPIC_LEN_MAX + 1];
	struct ends ends;

	if (!ends_of(d, f, &ends))
		ends = (struct ends){ 0, f->text };
	snprintf(of_all, sizeof(of_all), "%.*s%s", (int)ends.before, f->text, ends.behind);
	repeats_log(&g->repeats, g->log, LOG_WARN, d->product_id, of_all, now_ms,
	            "the hub refuses the subscription %s; when it is a custom topic, add it to the "
	            "product's topic list in the console, perhaps also to the gateway product's",
	            f->text);
}

void gateway_filter_refused(struct gateway *g, const struct subdev *d, struct filter *f,
                            int64_t now_ms)
{
	if (smells(g, d, f))
		say_limit(g, "refuses", f);
	else if (!f->refused)
		say_undeclared(g, d, f, now_ms);
	f->refused = true;
}

void gateway_filter_granted(struct gateway *g, struct filter *f)
{
	f->refused = false;
	if (g->refused_at == 0 || gateway_subscriptions(g) < g->refused_at)
		return;
	g->refused_at = 0; /* there is room for more than was refused */
	g->closes = 0;
}

/* The hub reads one after the other, so the oldest without an answer it is. */
static struct filter *oldest_asked(const struct gateway *g, const struct subdev **owner)
{
	struct filter *oldest = NULL;
	struct table_at at;

	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		const struct subdev *d = table_entry(n, struct subdev, node);

		for (struct filter *f = d->filters; f; f = f->next) {
			if (f->state != FILTER_SUBSCRIBING || (oldest && oldest->due_ms <= f->due_ms))
				continue;
			oldest = f;
			*owner = d;
		}
	}
	return oldest;
}

void gateway_closed(struct gateway *g, int64_t now_ms)
{
	const struct subdev *d = NULL;
	struct filter *f = oldest_asked(g, &d);
	unsigned doublings;

	IN_ROOM(ROOM_UPLINK);
	if (!f || f->due_ms - g->world.answer_ms < now_ms - AT_ONCE_MS || !smells(g, d, f))
		return;
	gateway_filter_is(g, f, FILTER_NONE);
	say_limit(g, "closes the connection on", f);
	if (++g->closes <= CLOSES_CHANCE)
		return;
	doublings = g->closes - CLOSES_CHANCE - 1;
	g->closed_ms = now_ms + ((int64_t)GATEWAY_RETRY_MS
	                         << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX));
}

int64_t gateway_refusals_pause(const struct gateway *g, int64_t now_ms)
{
	bool paused = g->closes > CLOSES_CHANCE && now_ms < g->closed_ms &&
	              gateway_subscriptions(g) + 1 >= g->refused_at;

	return paused ? g->closed_ms : 0;
}
