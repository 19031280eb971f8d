#include "plugin/lan/broker_login.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/client_ids.h"

struct broker_logins {
	bool any;     /* some device has one */
	bool waiting; /* claims that the tick of 2.0 accepts */
};

static bool any_in(const struct config *c, size_t *first)
{
	for (*first = 0; *first < c->device_count; ++*first) {
		if (c->devices[*first].login)
			return true;
	}
	return false;
}

enum status broker_login_check(const struct hubgate *h, const struct config *c, size_t *first)
{
	return any_in(c, first) && h->rights->unknown_users_pass ? ST_INVALID : ST_OK;
}

enum status broker_login_open(struct hubgate *h)
{
	size_t first;

	h->logins = calloc(1, sizeof(*h->logins));
	if (!h->logins)
		return ST_NOMEM;
	broker_login_configured(h);
	if (broker_login_check(h, h->config, &first) == ST_OK)
		return ST_OK;
	log_line(&h->log, LOG_ERROR,
	         "not started: devices[%zu].login: this broker lets usernames in without checking "
	         "them, so anybody could be this device; add a password_file to mosquitto.conf",
	         first);
	return ST_INVALID;
}

void broker_login_close(struct hubgate *h)
{
	free(h->logins);
	h->logins = NULL;
}

void broker_login_configured(struct hubgate *h)
{
	size_t first;

	IN_ROOM(ROOM_BROKER);
	h->logins->any = any_in(h->config, &first);
}

struct device *broker_login_device(const struct hubgate *h, const char *username)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; h->logins->any && username && i < h->config->device_count; i++) {
		const struct config_device *c = &h->config->devices[i];

		if (c->login && strcmp(c->login, username) == 0)
			return device_table_named(h->devices, c->product_id, c->device_name);
	}
	return NULL;
}

bool broker_login_claim(struct hubgate *h, const struct mosquitto *client, struct device *d)
{
	struct lan_session *s = NULL;

	IN_ROOM(ROOM_BROKER);
	if (client_ids_hold(h, client, mosquitto_client_id(client), d) == ST_OK)
		s = lan_session_add(h, client, SESSION_CLAIM, d);
	if (!s)
		return false;
	s->broker_login = true;
	h->logins->waiting = true;
	return true;
}

void broker_login_accept(struct hubgate *h, struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	s->kind = SESSION_DEVICE;
	lan_session_let_in(s, s->client);
	metric_add(&h->metrics, M_LOGIN_OK, 1);
}

void broker_login_run(struct hubgate *h, void (*arrived)(struct hubgate *h, struct lan_session *s))
{
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	if (!h->logins->waiting || h->has_connect_event)
		return;
	h->logins->waiting = false;
	for (struct lan_session *s = lan_session_first(h, &at); s; s = lan_session_next(h, &at)) {
		if (s->kind != SESSION_CLAIM || s->over)
			continue;
		broker_login_accept(h, s);
		arrived(h, s);
	}
}
