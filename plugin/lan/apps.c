#include "plugin/lan/apps.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/route_rules.h"
#include "core/hub/topic.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/identity.h"

static bool allows(const struct config_app *app, int access)
{
	return access == MOSQ_ACL_WRITE ? app->access != APP_ACCESS_READ
	                                : app->access != APP_ACCESS_WRITE;
}

static bool covers(const char *filter, int access, const char *topic)
{
	return access == MOSQ_ACL_SUBSCRIBE ? route_filter_covers(filter, topic)
	                                    : topic_matches(filter, topic);
}

static bool may(const struct hubgate *h, const struct mosquitto *client, int access,
                const char *topic)
{
	const char *username = mosquitto_client_username(client);

	for (size_t i = 0; username && i < h->config->app_count; i++) {
		const struct config_app *app = &h->config->apps[i];

		if (strcmp(app->username, username) == 0 && allows(app, access) &&
		    covers(app->topic, access, topic))
			return true;
	}
	return false;
}

bool apps_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	IN_ROOM(ROOM_BROKER);
	return may(h, ed->client, ed->access, ed->topic);
}

bool apps_may_publish(const struct hubgate *h, const struct mosquitto *client, const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return may(h, client, MOSQ_ACL_WRITE, topic);
}

/* The broker asks for no rights of a native bridge. */
static void check_bridges(const struct hubgate *h)
{
	const struct mosquitto_conf *conf = &h->rights->conf;

	for (size_t i = 0; i < conf->bridged_count; i++) {
		const struct mosquitto_bridged *b = &conf->bridged[i];

		if (!strchr("#+", b->filter[0]) && !identity_is_cloud_topic(h, b->filter))
			continue;
		log_line(&h->log, LOG_WARN,
		         "%s: topic %.100s of a bridge covers topics of the hub: it may carry away what "
		         "devices publish, and what it brings there is refused unless apps[] allows its "
		         "local_username; narrow the topic",
		         b->at.text, b->filter);
	}
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
	check_bridges(h);
	if (h->config->app_count > 0 && h->rights->unknown_users_pass)
		log_line(&h->log, LOG_WARN,
		         "this broker lets usernames in without checking them, so anybody can claim one of "
		         "apps[]; add a password_file to mosquitto.conf");
}
