#include "plugin/devices/presence.h"

#include <stdlib.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/min_interval.h"
#include "plugin/devices/one_client.h"

enum {
	TELLS_PER_TURN = 64, /* devices: all clients of the broker wait meanwhile */
};

struct presences {
	LINE_OF(struct presence) grace; /* devices inside their grace time, soonest first */
	bool unsaid;                    /* of some the uplink has not been told the latest */
	bool cut;                       /* the last turn did not come to all of these */
	uint64_t on_lan;                /* devices of which a client is there */
};

enum status presence_open(struct hubgate *h)
{
	h->presences = calloc(1, sizeof(*h->presences));
	if (!h->presences)
		return ST_NOMEM;
	h->presences->unsaid = true; /* of all that are configured: the uplink knows of nobody yet */
	return ST_OK;
}

enum status presence_attach(struct device *d)
{
	struct presence *p = d->presence ? NULL : calloc(1, sizeof(*p));

	if (d->presence)
		return ST_OK;
	if (!p)
		return ST_NOMEM;
	p->device = d;
	p->unsaid = UNSAID_STANDING;
	command_init(&p->held);
	d->presence = p;
	return ST_OK;
}

void presence_close(struct hubgate *h)
{
	struct table_at at;

	if (!h->presences)
		return;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (d->presence)
			command_fini(&d->presence->held);
		free(d->presence);
		d->presence = NULL;
		min_interval_free(d);
	}
	free(h->presences);
	h->presences = NULL;
}

/* --- the line of those in grace; grace is one length, so the line is sorted --- */

static void grace_end(struct hubgate *h, struct presence *p)
{
	if (p->leave_ms == 0)
		return;
	LINE_REMOVE(&h->presences->grace, p);
	p->leave_ms = 0;
}

static void grace_begin(struct hubgate *h, struct presence *p, int64_t now_ms)
{
	p->leave_ms = now_ms + h->config->presence.grace_ms + 1;
	LINE_PUT(&h->presences->grace, p);
	timer_ring_by(h, p->leave_ms);
}

void presence_grace_changed(struct hubgate *h, uint32_t before_ms)
{
	int64_t more_ms = (int64_t)h->config->presence.grace_ms - before_ms;

	IN_ROOM(ROOM_BROKER);
	for (struct presence *p = h->presences->grace.first; more_ms != 0 && p; p = p->next)
		p->leave_ms += more_ms;
}

/* --- telling the uplink --- */

static enum status tell_standing(struct hubgate *h, struct presence *p)
{
	const struct device *d = p->device;
	enum status st = ST_OK;

	if (!p->standing_told && !d->own)
		st = uplink_device_standing(h->uplink, d->client_id, d->standing);
	p->standing_told = st == ST_OK;
	return st;
}

static enum status tell_secret(struct hubgate *h, struct presence *p)
{
	const struct device *d = p->device;
	enum status st = ST_OK;

	if (!p->secret_told && !d->own && d->secret.key_len == 0 && d->certificate.md5[0])
		st = uplink_device_certificate(h->uplink, d->client_id, d->certificate.md5,
		                               d->certificate.sha1);
	else if (!p->secret_told && !p->device->own && p->device->secret.key_len > 0)
		st = uplink_device_secret(h->uplink, p->device->client_id, &p->device->secret);
	p->secret_told = st == ST_OK;
	return st;
}

enum status presence_introduce(struct hubgate *h, struct presence *p)
{
	enum status st = tell_standing(h, p);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? tell_secret(h, p) : st;
}

static bool on_lan(const struct presence *p)
{
	return p->current || p->leave_ms != 0;
}

/* Itself, or in the words of the gateway application; grace time included. */
static bool is_there(const struct hubgate *h, const struct presence *p)
{
	return on_lan(p) || p->device->online ||
	       (p->device->origins & ORIGIN_APPLICATION && h->own && on_lan(h->own->presence));
}

bool presence_is_there(const struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	return is_there(h, d->presence);
}

static enum status tell_all(struct hubgate *h, struct presence *p)
{
	const struct device_service *service = h->shadow_service;
	const struct device *d = p->device;
	enum status st;

	if (d->retired)
		return uplink_device_forget(h->uplink, d->client_id);
	st = presence_introduce(h, p);

	for (const struct device_filter *f = d->filters; f && st == ST_OK; f = f->next)
		st = service->answers_on(f->text)
		         ? service->follow(h, p->device)
		         : uplink_subscribe(h->uplink, d->client_id, f->text, f->qos);
	if (st == ST_OK)
		st = service->tell(h, d);
	if (st == ST_OK)
		st = uplink_device_present(h->uplink, d->client_id, is_there(h, p));
	return st;
}

/* The state is kept here, so nothing is lost by saying it later. */
void presence_say_again(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	d->presence->unsaid = UNSAID_ALL;
	h->presences->unsaid = true;
}

static void tell(struct hubgate *h, struct presence *p, bool present)
{
	if (presence_introduce(h, p) == ST_OK &&
	    uplink_device_present(h->uplink, p->device->client_id, present) == ST_OK)
		return;
	presence_say_again(h, p->device);
}

static bool tell_unsaid(struct hubgate *h, struct presence *p)
{
	enum status st;

	if (p->unsaid == UNSAID_ALL)
		st = tell_all(h, p);
	else if (p->unsaid == UNSAID_STANDING)
		st = p->device->retired ? ST_OK : tell_standing(h, p);
	else
		st = presence_introduce(h, p) == ST_OK
		         ? uplink_device_present(h->uplink, p->device->client_id, is_there(h, p))
		         : ST_FULL;
	if (st == ST_OK)
		p->unsaid = UNSAID_NOTHING;
	return st == ST_OK;
}

/* The uplink rings when the room that was missing is there. */
static void tell_some(struct hubgate *h)
{
	struct presences *all = h->presences;
	unsigned told = 0;
	struct table_at at;

	all->unsaid = all->cut = false;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (d->presence->unsaid == UNSAID_NOTHING)
			continue;
		all->cut = told++ == TELLS_PER_TURN;
		if (all->cut || !tell_unsaid(h, d->presence)) {
			all->unsaid = true;
			return;
		}
	}
}

void presence_renew(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	d->presence->secret_told = false;
	presence_say_again(h, d);
}

void presence_retire(struct hubgate *h, struct device *d)
{
	struct presence *p = d->presence;

	IN_ROOM(ROOM_BROKER);
	grace_end(h, p);
	if (p->current)
		metric_set(&h->metrics, M_PRESENT, --h->presences->on_lan);
	p->current = NULL;
	p->standing_told = false;
	command_release(h, &p->held); /* the broker finds nobody who may have it */
	presence_renew(h, d);
}

void presence_standing_changed(struct hubgate *h, struct device *d)
{
	struct presence *p = d->presence;

	IN_ROOM(ROOM_BROKER);
	p->standing_told = false;
	if (p->unsaid == UNSAID_NOTHING)
		p->unsaid = UNSAID_STANDING;
	h->presences->unsaid = true;
}

void presence_forget(struct hubgate *h, struct device *d)
{
	struct presence *p = d->presence;

	IN_ROOM(ROOM_BROKER);
	grace_end(h, p);
	presence_unspoken(h, d);
	command_release(h, &p->held);
	command_fini(&p->held);
	free(p);
	d->presence = NULL;
}

void presence_changed(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	tell(h, d->presence, is_there(h, d->presence));
}

void presence_mapped(struct hubgate *h, struct device *d, bool online)
{
	struct presence *p = d->presence;
	bool known = is_there(h, p);

	IN_ROOM(ROOM_BROKER);
	if (d->online == online)
		return;
	d->online = online;
	if (online && !p->current) {
		command_release(h, &p->held); /* whoever speaks for it has subscribed long ago */
		grace_end(h, p);
	}
	if (online && !known)
		tell(h, p, true);
	if (!online && !on_lan(p))
		grace_begin(h, p, hubgate_now_ms());
}

void presence_unspoken(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	d->online = false;
	if (!d->presence->current)
		grace_end(h, d->presence);
}

/* --- the gateway application --- */

/* The gateway application came or went, and with it all that it speaks for. */
static void tell_of_app(struct hubgate *h)
{
	struct table_at at;

	tell(h, h->own->presence, on_lan(h->own->presence)); /* it gets what the hub says as text */
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (!(d->origins & ORIGIN_APPLICATION) || d->presence->unsaid > UNSAID_STANDING)
			continue;
		d->presence->unsaid = d->presence->secret_told ? UNSAID_PRESENCE : UNSAID_ALL;
		h->presences->unsaid = true;
	}
	if (h->presences->unsaid)
		tell_some(h);
	if (h->presences->cut)
		timer_ring_by(h, TIMER_AT_ONCE_MS);
}

/* --- events --- */

void presence_arrived(struct hubgate *h, struct lan_session *s)
{
	struct presence *p = s->device->presence;
	bool known = on_lan(p);

	IN_ROOM(ROOM_BROKER);
	if (!p->current && !p->device->own)
		metric_set(&h->metrics, M_PRESENT, ++h->presences->on_lan);
	one_client_arrived(h, s, p->current);
	/* What is held waits for a subscription, but no longer than the grace time. */
	if (!p->held.first)
		grace_end(h, p);
	p->current = s;
	p->clean = s->clean;
	if (!known && p->device->own)
		tell_of_app(h);
	else if (!known)
		tell(h, p, true);
}

void presence_left(struct hubgate *h, struct lan_session *s)
{
	struct presence *p = s->device->presence;
	bool was_current = p->current == s;

	IN_ROOM(ROOM_BROKER);
	one_client_left(h, s);
	if (was_current)
		p->current = one_client_before(h, s->device);
	if (was_current && p->current)
		p->clean = p->current->clean;
	if (was_current && !p->current) {
		if (!p->device->own)
			metric_set(&h->metrics, M_PRESENT, --h->presences->on_lan);
		grace_end(h, p);
		grace_begin(h, p, hubgate_now_ms());
	}
	lan_session_remove(h, s);
}

void presence_run(struct hubgate *h, int64_t now_ms)
{
	IN_ROOM(ROOM_BROKER);
	for (int n = 0; n < TELLS_PER_TURN && h->presences->grace.first &&
	                h->presences->grace.first->leave_ms <= now_ms;
	     n++) {
		struct presence *p = h->presences->grace.first;

		grace_end(h, p);
		if (!p->current && p->device->own)
			tell_of_app(h);
		else if (!p->current)
			tell(h, p, is_there(h, p));
		command_release(h, &p->held); /* nobody subscribed: the broker decides */
	}
	if (h->presences->unsaid)
		tell_some(h);
}

int64_t presence_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	if (h->presences->cut)
		return TIMER_AT_ONCE_MS;
	return h->presences->grace.first ? h->presences->grace.first->leave_ms : INT64_MAX;
}

/* --- commands in grace --- */

struct presence *presence_listener(const struct hubgate *h, const struct device *d)
{
	bool by_app = d->origins & ORIGIN_APPLICATION;

	IN_ROOM(ROOM_BROKER);
	return by_app && !d->presence->current && h->own ? h->own->presence : d->presence;
}

bool presence_in_grace(const struct presence *p)
{
	IN_ROOM(ROOM_BROKER);
	return !p->current && p->leave_ms != 0 && (p->clean || p->device->origins & ORIGIN_MAPPING);
}
