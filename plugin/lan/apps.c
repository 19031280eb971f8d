#include "plugin/lan/apps.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/route_rules.h"
#include "core/hub/topic.h"
#include "plugin/lan/broker_rights.h"

static bool allows(const struct config_app *app, int access)
{
	return access == MOSQ_ACL_WRITE ? app->access != APP_ACCESS_READ
	                                : app->access != APP_ACCESS_WRITE;
}

static bool covers(const char *filter, const struct mosquitto_evt_acl_check *ed)
{
	return ed->access == MOSQ_ACL_SUBSCRIBE ? route_filter_covers(filter, ed->topic)
	                                        : topic_matches(filter, ed->topic);
}

bool apps_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	const char *username = mosquitto_client_username(ed->client);

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; username && i < h->config->app_count; i++) {
		const struct config_app *app = &h->config->apps[i];

		if (strcmp(app->username, username) == 0 && allows(app, ed->access) &&
		    covers(app->topic, ed))
			return true;
	}
	return false;
}

bool apps_have(const struct hubgate *h, const char *username)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; username && i < h->config->app_count; i++) {
		if (strcmp(h->config->apps[i].username, username) == 0)
			return true;
	}
	return false;
}

void apps_check(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	if (h->config->app_count > 0 && h->rights->unknown_users_pass)
		log_line(&h->log, LOG_WARN,
		         "this broker lets usernames in without checking them, so anybody can claim one of "
		         "apps[]; add a password_file to mosquitto.conf");
}
