#include "plugin/lan/apps.h"

#include <openssl/x509.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/route_rules.h"
#include "core/hub/topic.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/identity.h"

enum {
	USERNAME_BYTES = 256,
};

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

static bool may(const struct hubgate *h, const char *username, int access, const char *topic)
{
	for (size_t i = 0; username && i < h->config->app_count; i++) {
		const struct config_app *app = &h->config->apps[i];

		if (app->topic && strcmp(app->username, username) == 0 && allows(app, access) &&
		    covers(app->topic, access, topic))
			return true;
	}
	return false;
}

bool apps_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	IN_ROOM(ROOM_BROKER);
	return may(h, mosquitto_client_username(ed->client), ed->access, ed->topic);
}

bool apps_may_publish(const struct hubgate *h, const struct mosquitto *client, const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return may(h, mosquitto_client_username(client), MOSQ_ACL_WRITE, topic);
}

enum apps_right apps_right_of(const struct hubgate *h, const char *username, int access,
                              const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	if (!identity_is_cloud_topic(h, topic))
		return APPS_OPEN;
	return may(h, username, access, topic) ? APPS_ALLOWED : APPS_CLOSED;
}

static bool common_name_is(const struct mosquitto *client, const char *username)
{
	X509 *certificate = mosquitto_client_certificate(client);
	char name[USERNAME_BYTES] = "";
	bool same = certificate &&
	            X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
	                                      sizeof(name)) > 0 &&
	            strcmp(name, username) == 0;

	X509_free(certificate);
	return same;
}

enum app_role apps_role(const struct hubgate *h, const struct mosquitto *client)
{
	const char *username = mosquitto_client_username(client);
	enum app_role role = APP_ROLE_NONE;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; username && i < h->config->app_count; i++) {
		const struct config_app *app = &h->config->apps[i];

		if (app->role > role && strcmp(app->username, username) == 0)
			role = app->role;
	}
	return role == APP_ROLE_NONE || broker_rights_check_users(h) || common_name_is(client, username)
	           ? role
	           : APP_ROLE_NONE;
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

void apps_check_roles(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i < h->config->app_count && !broker_rights_check_users(h); i++) {
		const struct config_app *app = &h->config->apps[i];

		if (app->role == APP_ROLE_NONE)
			continue;
		log_line(&h->log, LOG_WARN,
		         "apps[%zu]: the role of %.64s is void but for a client with a certificate of that "
		         "name (CN): %s",
		         i, app->username,
		         h->rights->known
		             ? "this broker checks no usernames; add a password_file to mosquitto.conf"
		             : "mosquitto.conf cannot be read, so nobody knows whether the broker checks "
		               "usernames; let the broker's user read it");
	}
}

void apps_check(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	check_bridges(h);
	apps_check_roles(h);
	if (h->config->app_count > 0 && h->rights->unknown_users_pass)
		log_line(&h->log, LOG_WARN,
		         "this broker lets usernames in without checking them, so anybody can claim one of "
		         "apps[]; add a password_file to mosquitto.conf");
}
