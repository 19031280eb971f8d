/* apps.h - local applications: rights on topics of the hub by username (apps[]).
 * Room:  BROKER. Neither allocates nor loops over more than the rules: judged on every delivery.
 */
#ifndef HUBGATE_APPS_H
#define HUBGATE_APPS_H

#include "plugin/base/context.h"

/* May the client do this, by a rule for its username? ed->topic is a topic, or for a
 * subscription a filter that the rule's must cover whole. */
bool apps_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
enum apps_right {
	APPS_OPEN,    /* no topic of the hub: lan.acl decides */
	APPS_ALLOWED, /* a rule of apps[] allows it */
	APPS_CLOSED,
};

/* What a client with this username that is no device may do with a topic, or a filter, other than
 * those of commands. username NULL: none. */
enum apps_right apps_right_of(const struct hubgate *h, const char *username, int access,
                              const char *topic);
/* The same for a PUBLISH of client to topic. */
bool apps_may_publish(const struct hubgate *h, const struct mosquitto *client, const char *topic);
/* Some rule is for this username. NULL: no. */
bool apps_have(const struct hubgate *h, const char *username);
/* The role of apps[] that the client's username has; none where the broker checked neither that
 * name nor a certificate for it. */
enum app_role apps_role(const struct hubgate *h, const struct mosquitto *client);
/* Says at start what apps[] cannot promise on this broker, and which bridges go past it. */
void apps_check(const struct hubgate *h);
/* Of that which roles are void; also after a reload. */
void apps_check_roles(const struct hubgate *h);

#endif
