#include "plugin/lan/lan_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/room.h"

struct lan_sessions {
	struct table all; /* by struct mosquitto * */
};

enum status lan_session_open(struct hubgate *h)
{
	h->sessions = calloc(1, sizeof(*h->sessions));
	if (!h->sessions)
		return ST_NOMEM;
	table_init(&h->sessions->all);
	return ST_OK;
}

void lan_session_close(struct hubgate *h)
{
	struct table_at at;

	if (!h->sessions)
		return;
	for (struct lan_session *s = lan_session_first(h, &at); s; s = lan_session_next(h, &at))
		lan_session_remove(h, s);
	table_fini(&h->sessions->all);
	free(h->sessions);
	h->sessions = NULL;
}

static bool same_client(const struct table_node *node, const void *key)
{
	return table_entry(node, struct lan_session, node)->client == key;
}

static uint64_t hash_client(const struct hubgate *h, const struct mosquitto *client)
{
	return table_hash(h->seed, &client, sizeof(client));
}

static struct lan_session *entry(struct table_node *n)
{
	return n ? table_entry(n, struct lan_session, node) : NULL;
}

struct lan_session *lan_session_of(const struct hubgate *h, const struct mosquitto *client)
{
	IN_ROOM(ROOM_BROKER);
	return entry(table_find(&h->sessions->all, hash_client(h, client), same_client, client));
}

/* client is alive: it is logging in. */
static void note_address(struct lan_session *s, const struct mosquitto *client)
{
	const char *address = mosquitto_client_address(client);

	snprintf(s->address, sizeof(s->address), "%s", address ? address : "127.0.0.1");
}

struct lan_session *lan_session_add(struct hubgate *h, const struct mosquitto *client,
                                    enum session_kind kind, struct device *device)
{
	struct lan_session *s = lan_session_of(h, client);

	IN_ROOM(ROOM_BROKER);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->client = client;
		if (table_add(&h->sessions->all, &s->node, hash_client(h, client)) != ST_OK) {
			free(s);
			return NULL;
		}
	}
	note_address(s, client);
	s->protocol = mosquitto_client_protocol_version(client);
	s->kind = kind;
	s->broker_login = s->over = s->kicked = s->replaced = false;
	s->serial = 0;
	s->heard_ms = 0;
	s->device = device;
	if (device)
		device->had_client = true;
	return s;
}

void lan_session_let_in(struct lan_session *s, const struct mosquitto *client)
{
	IN_ROOM(ROOM_BROKER);
	s->clean = mosquitto_client_clean_session(client);
}

void lan_session_remove(struct hubgate *h, struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	table_remove(&h->sessions->all, &s->node);
	free(s);
}

struct lan_session *lan_session_first(const struct hubgate *h, struct table_at *at)
{
	IN_ROOM(ROOM_BROKER);
	return entry(table_first(&h->sessions->all, at));
}

struct lan_session *lan_session_next(const struct hubgate *h, struct table_at *at)
{
	IN_ROOM(ROOM_BROKER);
	return entry(table_next(&h->sessions->all, at));
}
