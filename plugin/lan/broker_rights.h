/* broker_rights.h - what the broker lets clients do that are not ours: mosquitto.conf and lan.acl.
 * Room:  BROKER; DISK looks at it for a reload.
 */
#ifndef HUBGATE_BROKER_RIGHTS_H
#define HUBGATE_BROKER_RIGHTS_H

#include "core/config/mosquitto_conf.h"
#include "plugin/base/context.h"

struct broker_rights {
	struct mosquitto_conf conf; /* as it was at the start */
	bool known;                 /* conf could be read */
	bool unknown_users_pass;    /* usernames went unchecked before we came */
	enum lan_acl acl;           /* effective: allow or defer */
};

/* Reads mosquitto.conf. ST_OK; ST_NOMEM; else logged: hubgate cannot work so. */
enum status broker_rights_open(struct hubgate *h);
void broker_rights_close(struct hubgate *h);
/* What lan.acl means on this broker. ST_OK; ST_INVALID: why says what is against it. */
enum status broker_rights_decide(const struct broker_rights *r, enum lan_acl wanted,
                                 enum lan_acl *effective, char why[MOSQUITTO_CONF_WHY_MAX]);

/* For the doorbell, what mosquitto.conf says of the ports. Returns how many. */
size_t broker_rights_hints(const struct hubgate *h, struct listener_hint out[LISTENER_HINTS_MAX]);

/* It lets in nobody by a username that neither it nor a plugin of its checked. */
bool broker_rights_check_users(const struct hubgate *h);
/* This broker disconnects whoever publishes what we deny (docs/broker-notes.md 7). */
bool broker_rights_denial_disconnects(const struct hubgate *h);
/* It does, and everybody who gets a message is asked for READ, of us first: what must not be heard
 * can be kept from all. */
bool broker_rights_read_hides(const struct hubgate *h);

#endif
