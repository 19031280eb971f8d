#include "plugin/lan/broker_login.h"

#include <string.h>

#include "core/base/room.h"
#include "plugin/lan/broker_rights.h"

struct device *broker_login_device(const struct hubgate *h, const char *username)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; h->has_logins && username && i < h->config->device_count; i++) {
		const struct config_device *c = &h->config->devices[i];
		char client_id[CLIENT_ID_MAX + 1];

		if (!c->login || strcmp(c->login, username) != 0)
			continue;
		memcpy(client_id, c->product_id, PRODUCT_ID_LEN);
		memcpy(client_id + PRODUCT_ID_LEN, c->device_name, strlen(c->device_name) + 1);
		return device_table_find(h->devices, client_id, strlen(client_id));
	}
	return NULL;
}

bool broker_login_claim(struct hubgate *h, const struct mosquitto *client, struct device *d)
{
	struct lan_session *s = lan_session_add(h, client, SESSION_CLAIM, d);

	IN_ROOM(ROOM_BROKER);
	if (!s)
		return false;
	s->broker_login = true;
	h->claims = true;
	return true;
}

void broker_login_accept(struct hubgate *h, struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	s->kind = SESSION_DEVICE;
	s->clean = mosquitto_client_clean_session(s->client);
	metric_add(&h->metrics, M_LOGIN_OK, 1);
}

void broker_login_run(struct hubgate *h, void (*arrived)(struct hubgate *h, struct lan_session *s))
{
	struct table_at at;

	IN_ROOM(ROOM_BROKER);
	if (!h->claims || h->has_connect_event)
		return;
	h->claims = false;
	for (struct lan_session *s = lan_session_first(h, &at); s; s = lan_session_next(h, &at)) {
		if (s->kind != SESSION_CLAIM || s->over)
			continue;
		broker_login_accept(h, s);
		arrived(h, s);
	}
}

enum status broker_login_check(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->config->device_count; i++) {
		if (!h->config->devices[i].login)
			continue;
		h->has_logins = true;
		if (!h->rights->unknown_users_pass)
			return ST_OK;
		log_line(&h->log, LOG_ERROR,
		         "not started: devices[%zu].login: this broker lets usernames in without checking "
		         "them, so anybody could be this device; add a password_file to mosquitto.conf",
		         i);
		return ST_INVALID;
	}
	return ST_OK;
}
