#include "bridge/sdk/sdk.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/sdk/sdk_impl.h"
#include "core/base/clocks.h"
#include "core/base/list.h"

enum status sdk_new(const struct uplink_conf *conf, struct sdk **out)
{
	struct sdk *p = calloc(1, sizeof(*p));
	struct uplink_conf c = *conf;
	enum status st;

	if (!p)
		return ST_NOMEM;
	/* Unwatched: UPLINK rings at the end of a turn, and for what was taken by then not at all. */
	st = wake_init(&p->news, NULL);
	c.news = &p->news;
	c.tells_all = true;
	if (st == ST_OK)
		st = uplink_new(&c, &p->uplink);
	if (st != ST_OK) {
		sdk_free(p);
		return st;
	}
	*out = p;
	return ST_OK;
}

void sdk_free(struct sdk *p)
{
	struct topic_route *r;
	struct sdk_shadow *s;

	if (!p)
		return;
	uplink_free(p->uplink);
	while (LIST_TAKE(&p->shadows, s))
		free(s);
	while (LIST_TAKE(&p->routes, r))
		free(r);
	wake_fini(&p->news);
	free(p->subdevs);
	free(p);
}

struct uplink *sdk_uplink(struct sdk *p)
{
	return p->uplink;
}

void sdk_set_calls(struct sdk *p, const struct sdk_calls *calls, void *ctx)
{
	p->calls = *calls;
	p->ctx = ctx;
}

static struct topic_route **find_route(struct sdk *p, const char *topic)
{
	struct topic_route **at = &p->routes;

	while (*at && strcmp((*at)->topic, topic) != 0)
		at = &(*at)->next;
	return at;
}

enum status sdk_on_topic(struct sdk *p, const char *topic, sdk_message_fn *fn, void *ctx)
{
	struct topic_route **at = find_route(p, topic), *r = *at;
	size_t size = strlen(topic) + 1;

	if (r && !fn) {
		*at = r->next;
		free(r);
		return ST_OK;
	}
	if (!fn)
		return ST_OK;
	if (!r) {
		r = calloc(1, sizeof(*r) + size);
		if (!r)
			return ST_NOMEM;
		memcpy(r->topic, topic, size);
		*at = r;
	}
	r->fn = fn;
	r->ctx = ctx;
	return ST_OK;
}

/* --- news --- */

static void message(struct sdk *p, const struct uplink_down *d)
{
	const struct topic_route *r = *find_route(p, d->topic);

	if (r)
		r->fn(r->ctx, d->topic, d->payload, d->len, d->qos);
	else if (p->calls.on_message)
		p->calls.on_message(p->ctx, d->topic, d->payload, d->len, d->qos);
	uplink_down_done(p->uplink, d);
}

static void take(struct sdk *p, const struct uplink_down *d)
{
	const struct sdk_calls *c = &p->calls;

	switch (d->kind) {
	case UPLINK_MESSAGE:
	case UPLINK_HUB_TEXT:
		message(p, d);
		break;
	case UPLINK_ANSWER:
		if (d->op == p->asked && strcmp(d->topic, p->asked_id) == 0) {
			p->asked = GATEWAY_UNKNOWN;
			p->code = d->code;
		}
		break;
	case UPLINK_CONNECTED:
		if (c->on_connect)
			c->on_connect(p->ctx, d->code != 0);
		break;
	case UPLINK_DISCONNECTED:
		if (c->on_disconnect)
			c->on_disconnect(p->ctx);
		break;
	case UPLINK_DELIVERED:
		if (c->on_publish)
			c->on_publish(p->ctx, d->topic);
		break;
	case UPLINK_SUBSCRIBED:
		if (p->awaited && strcmp(d->topic, p->awaited) == 0)
			p->granted = (int)d->code;
		if (c->on_subscribe)
			c->on_subscribe(p->ctx, d->topic, (uint8_t)d->code);
		break;
	case UPLINK_UNSUBSCRIBED:
		if (c->on_unsubscribe)
			c->on_unsubscribe(p->ctx, d->topic);
		break;
	case UPLINK_SHADOW_READY:
	case UPLINK_SHADOW_AWAY:
	case UPLINK_SHADOW_SENT:
	case UPLINK_ONLINE:
	case UPLINK_OFFLINE:
	case UPLINK_BOUND:
	case UPLINK_UNBOUND:
	case UPLINK_RESULT:
	case UPLINK_LISTED:
	case UPLINK_LIST_END:
		break;
	}
}

void sdk_run(struct sdk *p, int timeout_ms)
{
	struct pollfd fd = { .fd = wake_fd(&p->news), .events = POLLIN };
	struct uplink_log line;
	struct uplink_down d;

	if (poll(&fd, 1, timeout_ms) > 0)
		wake_hear(&p->news);
	while (uplink_take_log(p->uplink, &line) == ST_OK) {
		if (p->calls.on_log)
			p->calls.on_log(p->ctx, line.level, line.line);
	}
	while (uplink_take(p->uplink, &d) == ST_OK) {
		take(p, &d);
		uplink_down_free(&d);
	}
}

bool sdk_await_connected(struct sdk *p, int timeout_ms)
{
	int64_t end_ms = clocks_monotonic_ms() + timeout_ms;

	while (!uplink_ready(p->uplink) && clocks_monotonic_ms() < end_ms)
		sdk_run(p, (int)(end_ms - clocks_monotonic_ms()));
	return uplink_ready(p->uplink);
}

enum status sdk_subscribe_and_wait(struct sdk *p, const char *client_id, const char *filter,
                                   uint8_t qos, int timeout_ms)
{
	int64_t end_ms = clocks_monotonic_ms() + timeout_ms;
	enum status st = uplink_subscribe(p->uplink, client_id, filter, qos);

	p->awaited = filter;
	p->granted = -1;
	while (st == ST_OK && p->granted < 0 && clocks_monotonic_ms() < end_ms)
		sdk_run(p, (int)(end_ms - clocks_monotonic_ms()));
	p->awaited = NULL;
	if (st == ST_OK && p->granted != 1)
		st = p->granted < 0 ? ST_TIMEOUT : ST_DENIED;
	return st;
}
