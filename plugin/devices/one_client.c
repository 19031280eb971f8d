#include "plugin/devices/one_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "core/hub/login_id.h"
#include "plugin/base/limiter.h"
#include "plugin/base/timer.h"
#include "plugin/devices/login_record.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/client_ids.h"

struct one_client {
	LINE_OF(struct lan_session) fresh, replaced; /* enum session_line */
	bool intruded;                               /* some devices are */
};

enum status one_client_open(struct hubgate *h)
{
	h->one_client = calloc(1, sizeof(*h->one_client));
	return h->one_client ? ST_OK : ST_NOMEM;
}

void one_client_close(struct hubgate *h)
{
	free(h->one_client);
	h->one_client = NULL;
}

/* --- sessions of one device --- */

static void leave_line(struct hubgate *h, struct lan_session *s)
{
	if (s->line == LINE_NEW)
		LINE_REMOVE(&h->one_client->fresh, s);
	else if (s->line == LINE_REPLACED)
		LINE_REMOVE(&h->one_client->replaced, s);
	s->line = LINE_NONE;
}

static void join_line(struct hubgate *h, struct lan_session *s, enum session_line line)
{
	leave_line(h, s);
	if (line == LINE_NEW)
		LINE_PUT(&h->one_client->fresh, s);
	else
		LINE_PUT(&h->one_client->replaced, s);
	s->line = line;
	s->replaced = line == LINE_REPLACED;
}

void one_client_arrived(struct hubgate *h, struct lan_session *s, struct lan_session *before)
{
	IN_ROOM(ROOM_BROKER);
	if (before && before != s)
		join_line(h, before, LINE_REPLACED);
	join_line(h, s, LINE_NEW);
}

void one_client_left(struct hubgate *h, struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	leave_line(h, s);
}

struct lan_session *one_client_before(struct hubgate *h, const struct device *d)
{
	struct lan_session *s = h->one_client->replaced.last;

	IN_ROOM(ROOM_BROKER);
	while (s && (s->device != d || s->over))
		s = s->prev;
	if (s)
		join_line(h, s, LINE_NEW);
	return s;
}

bool one_client_is_replaced(const struct hubgate *h, const struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	return s->replaced &&
	       strcmp(client_ids_of(h, s->client, s->device), device_login_id(s->device)) != 0;
}

/* With the id of the newer one the broker ends it by itself. */
static void end_replaced(struct hubgate *h, struct lan_session *s)
{
	char id[LOGIN_ID_MAX + 1]; /* the broker's call frees ours */

	if (s->over || !one_client_is_replaced(h, s))
		return;
	snprintf(id, sizeof(id), "%s", client_ids_of(h, s->client, s->device));
	limiter_log(h, LIMITED_SESSIONS, LOG_NOTE, s->device->client_id, "replaced",
	            "%s logged in with client id %.64s: its session with client id %.64s is ended, a "
	            "device is one client, as at the hub",
	            s->device->client_id, device_login_id(s->device), id);
	h->kicking = s->kicked = true;
	mosquitto_kick_client_by_clientid(id, false); /* s is gone */
	h->kicking = false;
}

/* Unless the device came back: the broker then has ended the other one. Its will is its own, so the
 * broker may publish it; and a session that is kept without a connection is left alone this way. */
static void end_intruder(struct hubgate *h, const struct device *d)
{
	const struct lan_session *s = d->presence->current;

	if (s && strcmp(client_ids_of(h, s->client, d), d->client_id) == 0)
		return;
	limiter_log(h, LIMITED_SESSIONS, LOG_WARN, d->client_id, "intruder",
	            "disconnected a client with the client id of %s that hubgate was not asked about: "
	            "it came by a listener with use_identity_as_username or by another plugin",
	            d->client_id);
	h->kicking = true;
	mosquitto_kick_client_by_clientid(d->client_id, true);
	h->kicking = false;
}

static void end_intruders(struct hubgate *h)
{
	struct table_at at;

	if (!h->one_client->intruded)
		return;
	h->one_client->intruded = false;
	for (struct device *d = device_table_first(h->devices, &at); d;
	     d = device_table_next(h->devices, &at)) {
		if (!d->presence->intruded)
			continue;
		d->presence->intruded = false;
		end_intruder(h, d);
	}
}

void one_client_intruded(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	d->presence->intruded = h->one_client->intruded = true;
	timer_ring_by(h, TIMER_AT_ONCE_MS);
}

void one_client_settle(struct hubgate *h)
{
	struct lan_session *s;

	IN_ROOM(ROOM_BROKER);
	while ((s = h->one_client->fresh.first) != NULL) {
		leave_line(h, s);
		login_record_keep(h, s->device, client_ids_of(h, s->client, s->device));
	}
	while ((s = h->one_client->replaced.first) != NULL) {
		leave_line(h, s);
		end_replaced(h, s);
	}
}

void one_client_run(struct hubgate *h, int64_t now_ms)
{
	(void)now_ms;
	IN_ROOM(ROOM_BROKER);
	one_client_settle(h);
	end_intruders(h);
}

int64_t one_client_due(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->one_client->intruded ? TIMER_AT_ONCE_MS : INT64_MAX;
}
