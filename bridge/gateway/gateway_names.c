/* Names that may be nobody's: when the hub is asked about them, and their end. */
#include <stdlib.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

/* --- their turn: after everybody else, and seldom --- */

/* Who goes first of these. */
static const struct {
	enum standing standing;
	int64_t pause_ms;
} lines[] = {
	{ STANDING_UNASKED, GATEWAY_UNASKED_MS },
	{ STANDING_STRANGER, GATEWAY_STRANGER_MS },
};

enum {
	LINES = sizeof(lines) / sizeof(lines[0])
};

bool gateway_names_wait(const struct gateway *g, int64_t now_ms)
{
	for (int i = 0; i < LINES; i++) {
		enum standing s = lines[i].standing;

		if (g->names[s].count > 0 && g->names_ms[s] <= now_ms)
			return true;
	}
	return false;
}

struct flow *gateway_names_next(struct gateway *g, int64_t now_ms)
{
	for (int i = 0; i < LINES; i++) {
		enum standing s = lines[i].standing;

		if (g->names[s].count > 0 && g->names_ms[s] <= now_ms)
			return turns_next(&g->names[s]);
	}
	return NULL;
}

void gateway_names_sent(struct gateway *g, const struct subdev *d, int64_t now_ms)
{
	for (int i = 0; i < LINES; i++) {
		if (d->line == &g->names[lines[i].standing])
			g->names_ms[lines[i].standing] = now_ms + lines[i].pause_ms;
	}
}

int64_t gateway_names_due(const struct gateway *g, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;

	IN_ROOM(ROOM_UPLINK);
	for (int i = 0; i < LINES; i++) {
		enum standing s = lines[i].standing;

		if (g->names[s].count > 0 && g->names_ms[s] > now_ms && g->names_ms[s] < due_ms)
			due_ms = g->names_ms[s];
	}
	return due_ms;
}

/* --- their end --- */

static void empty(struct gateway *g, struct subdev *d)
{
	struct live_msg *m;
	size_t n = gateway_live_drop_requests(g, d);

	for (; QUEUE_TAKE(&d->live, m); n++)
		gateway_free_live(m);
	metric_add(g->metrics, M_DROPPED_LIVE, n);
	gateway_free_live(d->shadow);
	d->shadow = NULL;
	d->shadow_dirty = false;
	d->shadow_filter = NULL;
	for (struct filter *f = d->filters; f; f = f->next)
		f->wanted = false;
	gateway_prune_filters(g, d);
}

void gateway_forget(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	bool listed = false;

	IN_ROOM(ROOM_UPLINK);
	if (d == g->own)
		return;
	gateway_set_secret(g, d, NULL, now_ms);
	d->fresh_ms = 0;
	gateway_happens(g, d, SUBDEV_IN_ABSENT, now_ms);
	empty(g, d);
	for (const struct subdev *f = g->forgotten; f; f = f->next_forgotten)
		listed |= f == d;
	d->forgotten = true;
	if (listed)
		return;
	d->next_forgotten = g->forgotten;
	g->forgotten = d;
}

static bool is_answered(const struct gateway *g, const struct subdev *d)
{
	for (const struct answer *a = g->answers.first; a; a = a->next) {
		if (a->dev == d)
			return false;
	}
	return true;
}

/* Nothing at the hub, in flight, or in a line points to it. */
static bool nothing_is_left(const struct gateway *g, const struct subdev *d)
{
	return !d->touched && d->outbox.live == 0 && d->in_flight == 0 && !d->filters &&
	       d->hub.asked == 0 && d->hub.request.op == GATEWAY_UNKNOWN &&
	       d->hub.known.shown == SHOWN_NOT && !d->shadow_sent && !d->shadow_told &&
	       is_answered(g, d);
}

static void leave_lines(struct gateway *g, struct subdev *d)
{
	if (d->line)
		turns_remove(d->line, &d->control);
	turns_remove(&g->data, &d->data);
	turns_remove(&g->calls, &d->calls);
	turns_remove(&g->tries, &d->tries);
	turns_remove(&g->news, &d->news);
	g->unkept -= d->unkept;
	g->unbound -= subdev_unbound(&d->hub);
	metric_set(g->metrics, M_UNBOUND, g->unbound);
}

void gateway_sweep(struct gateway *g)
{
	struct subdev **at = &g->forgotten;

	IN_ROOM(ROOM_UPLINK);
	while (*at) {
		struct subdev *d = *at;

		if (d->forgotten && !nothing_is_left(g, d)) {
			at = &d->next_forgotten;
			continue;
		}
		*at = d->next_forgotten;
		if (!d->forgotten)
			continue;
		leave_lines(g, d);
		table_remove(&g->devices, &d->node);
		gateway_free_device(d);
	}
}
