#include "plugin/devices/presence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/base/timer.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/min_interval.h"
#include "plugin/devices/one_client.h"
#include "plugin/lan/client_ids.h"

enum {
	TELLS_PER_TURN = 64, /* devices: all clients of the broker wait meanwhile */
	MQTT_5 = 5,
	KEPT_MS = 3600000,
};

struct presences {
	LINE_OF(struct presence) grace; /* devices inside their grace time, soonest first */
	bool unsaid;                    /* of some the uplink has not been told the latest */
	bool cut;                       /* the last turn did not come to all of these */
	uint64_t on_lan;                /* devices of which a client is there */
	size_t spoken_for;              /* devices that have a speaker */
	uint64_t sessions;              /* the last serial given */
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
	p->bursts = false;
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
	return p->current ? !p->quiet.silent : p->leave_ms != 0;
}

/* s may be NULL. */
static void set_current(struct hubgate *h, struct presence *p, struct lan_session *s)
{
	p->current = s;
	silence_unwatch(h, &p->quiet);
	if (s && s->keepalive_s == 0 && !p->device->own)
		silence_watch(h, &p->quiet, p->device);
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
	char at_hub[TOPIC_LEN_MAX + 1];
	const struct device_service *service = h->shadow_service;
	const struct device *d = p->device;
	enum status st;

	if (d->retired)
		return uplink_device_forget(h->uplink, d->client_id);
	st = presence_introduce(h, p);

	for (const struct device_filter *f = d->filters; f && st == ST_OK; f = f->next)
		st = service->answers_on(f->text)
		         ? service->follow(h, p->device)
		         : uplink_subscribe(h->uplink, d->client_id, topic_at_hub(f->text, at_hub), f->qos);
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
	set_current(h, p, NULL);
	p->standing_told = false;
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
	free(p);
	d->presence = NULL;
}

void presence_changed(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	tell(h, d->presence, is_there(h, d->presence));
}

/* What waits for the device is looked at in the next turn. */
static uint64_t next_serial(struct hubgate *h, const struct presence *p)
{
	if (p->commands > 0 || p->device->own) /* the application may speak for others */
		timer_ring_by(h, TIMER_AT_ONCE_MS);
	return ++h->presences->sessions;
}

static void mapped_begins(struct hubgate *h, struct presence *p)
{
	grace_end(h, p);
	p->mapped_serial = next_serial(h, p);
	p->mapped_ms = hubgate_now_ms();
}

void presence_mapped(struct hubgate *h, struct device *d, bool online)
{
	struct presence *p = d->presence;
	bool known = is_there(h, p);

	IN_ROOM(ROOM_BROKER);
	if (d->online == online)
		return;
	d->online = online;
	if (online)
		mapped_begins(h, p);
	if (online && !known)
		tell(h, p, true);
	if (!online && !on_lan(p))
		grace_begin(h, p, hubgate_now_ms());
}

void presence_mapped_burst(struct hubgate *h, struct device *d)
{
	struct presence *p = d->presence;
	bool known = is_there(h, p), began = p->bursts;

	IN_ROOM(ROOM_BROKER);
	if (d->online || p->current)
		return;
	grace_end(h, p);
	grace_begin(h, p, hubgate_now_ms());
	p->bursts = true;
	if (!began)
		next_serial(h, p);
	if (!known)
		tell(h, p, true);
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

/* The broker goes on with a session: the one that it keeps, or that is taken over. Not one of an
 * earlier process, nor one that it may have let go meanwhile: with MQTT 5 as the client says, else
 * after persistent_client_expiration, an hour at least. */
static uint64_t resumed(const struct hubgate *h, const struct presence *p,
                        const struct lan_session *s)
{
	const struct lan_session *before = p->current;
	const char *id = client_ids_of(h, s->client, p->device);

	if (s->clean || strcmp(id, device_login_id(p->device)) != 0 ||
	    mosquitto_client_protocol_version(s->client) >= MQTT_5)
		return 0;
	if (before)
		return before->clean ? 0 : before->serial;
	return hubgate_now_ms() - p->kept.left_ms < KEPT_MS ? p->kept.serial : 0;
}

static void number(struct hubgate *h, struct presence *p, struct lan_session *s)
{
	uint64_t serial = resumed(h, p, s);

	s->connection = next_serial(h, p);
	s->serial = serial ? serial : s->connection;
	s->since_ms = hubgate_now_ms();
	s->keepalive_s = mosquitto_client_keepalive(s->client);
}

/* A login that failed leaves the kept session what it was. */
static void keep_session(struct presence *p, const struct lan_session *s)
{
	if (s->line == LINE_NEW)
		return;
	p->kept.serial = s->clean ? 0 : s->serial;
	p->kept.left_ms = hubgate_now_ms();
}

void presence_arrived(struct hubgate *h, struct lan_session *s)
{
	struct presence *p = s->device->presence;
	bool known = on_lan(p);

	IN_ROOM(ROOM_BROKER);
	if (!p->current && !p->device->own)
		metric_set(&h->metrics, M_PRESENT, ++h->presences->on_lan);
	if (s->serial == 0)
		number(h, p, s);
	one_client_arrived(h, s, p->current);
	grace_end(h, p);
	set_current(h, p, s);
	if (s->clean)
		device_begins_anew(s->device);
	if (!known && p->device->own)
		tell_of_app(h);
	else if (!known)
		tell(h, p, true);
}

/* Of one that was silent the hub was told already: no grace time. */
static void end_current(struct hubgate *h, struct presence *p, bool was_there)
{
	grace_end(h, p);
	if (was_there)
		grace_begin(h, p, hubgate_now_ms());
}

void presence_left(struct hubgate *h, struct lan_session *s)
{
	struct presence *p = s->device->presence;
	bool was_current = p->current == s, was_there = on_lan(p);

	IN_ROOM(ROOM_BROKER);
	if (was_current)
		keep_session(p, s);
	one_client_left(h, s);
	if (was_current)
		set_current(h, p, one_client_before(h, s->device));
	if (was_current && p->current && !was_there)
		tell(h, p, true);
	if (was_current && !p->current) {
		if (!p->device->own)
			metric_set(&h->metrics, M_PRESENT, --h->presences->on_lan);
		end_current(h, p, was_there);
	}
	lan_session_remove(h, s);
}

void presence_heard(struct hubgate *h, struct lan_session *s)
{
	struct presence *p = s->device->presence;

	IN_ROOM(ROOM_BROKER);
	s->heard_ms = hubgate_now_ms();
	if (s->keepalive_s == 0 && p->current == s && silence_broken(h, &p->quiet))
		tell(h, p, true);
}

static void take_silent(struct hubgate *h, int64_t now_ms)
{
	struct quiet *q;

	for (int n = 0; n < TELLS_PER_TURN && (q = silence_next(h, now_ms)) != NULL; n++) {
		struct presence *p = q->device->presence;

		tell(h, p, is_there(h, p));
		if (q->silent)
			log_line(&h->log, LOG_NOTE,
			         "%s/%s sent nothing for presence.silence_s %" PRIu32
			         " s: taken offline until it does",
			         q->device->product_id, q->device->device_name, h->config->presence.silence_s);
	}
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
	}
	take_silent(h, now_ms);
	if (h->presences->unsaid)
		tell_some(h);
}

int64_t presence_due(const struct hubgate *h)
{
	int64_t due_ms = silence_due(h);

	IN_ROOM(ROOM_BROKER);
	if (h->presences->cut)
		return TIMER_AT_ONCE_MS;
	if (h->presences->grace.first && h->presences->grace.first->leave_ms < due_ms)
		due_ms = h->presences->grace.first->leave_ms;
	return due_ms;
}

/* --- who hears commands --- */

struct presence *presence_listener(const struct hubgate *h, const struct device *d)
{
	bool by_app = d->origins & ORIGIN_APPLICATION;

	IN_ROOM(ROOM_BROKER);
	return by_app && !d->presence->current && h->own ? h->own->presence : d->presence;
}

const struct lan_session *presence_session(const struct hubgate *h, const struct device *d)
{
	const struct lan_session *s = presence_listener(h, d)->current;

	IN_ROOM(ROOM_BROKER);
	return s && s->line != LINE_NEW && !s->over ? s : NULL;
}

uint64_t presence_sessions(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->presences->sessions;
}
