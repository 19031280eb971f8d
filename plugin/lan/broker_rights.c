#include "plugin/lan/broker_rights.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/room.h"
#include "plugin/lan/broker_conf.h"

enum status broker_rights_decide(const struct broker_rights *r, enum lan_acl wanted,
                                 enum lan_acl *effective, char why[MOSQUITTO_CONF_WHY_MAX])
{
	if (r->known)
		return mosquitto_conf_acl(&r->conf, wanted, effective, why);
	if (wanted == LAN_ACL_AUTO) {
		snprintf(why, MOSQUITTO_CONF_WHY_MAX,
		         "mosquitto.conf could not be read; use allow or defer");
		return ST_INVALID;
	}
	*effective = wanted;
	return ST_OK;
}

static void warn(const struct hubgate *h, const struct mosquitto_conf *conf)
{
	if (conf->ours_not_first)
		log_line(&h->log, LOG_WARN,
		         "another plugin stands before hubgate in mosquitto.conf and may answer for "
		         "devices first: put hubgate's plugin line first");
	if (conf->identity_as_username || conf->subject_as_username)
		log_line(&h->log, LOG_WARN,
		         "use_identity_as_username and use_subject_as_username skip hubgate's login "
		         "check: clients of that listener are not devices, and whoever has a certificate "
		         "for it can throw a device out by its client id, but neither read nor send its "
		         "messages");
}

enum status broker_rights_open(struct hubgate *h)
{
	struct broker_rights *r = calloc(1, sizeof(*r));
	char why[MOSQUITTO_CONF_WHY_MAX] = "";
	enum status st;

	if (!r)
		return ST_NOMEM;
	h->rights = r;
	st = broker_conf_find("/proc/self", &r->conf, why);
	if (st != ST_OK && h->config->lan.acl == LAN_ACL_AUTO) {
		log_line(&h->log, LOG_ERROR,
		         "not started: mosquitto.conf cannot be read (%s), so hubgate cannot know whether "
		         "an acl_file guards your clients; set lan.acl to \"allow\" or \"defer\"",
		         why);
		return st;
	}
	r->known = st == ST_OK;
	if (r->known && r->conf.per_listener_settings) {
		log_line(&h->log, LOG_ERROR,
		         "not started: per_listener_settings true binds a plugin to one listener and, on "
		         "2.0, silences its timer; set it to false and give options globally");
		return ST_INVALID;
	}
	st = broker_rights_decide(r, h->config->lan.acl, &r->acl, why);
	if (st != ST_OK) {
		log_line(&h->log, LOG_ERROR, "not started: %s", why);
		return st;
	}
	if (!r->known)
		return ST_OK;
	r->unknown_users_pass = mosquitto_conf_unknown_user_passes(&r->conf);
	warn(h, &r->conf);
	return ST_OK;
}

bool broker_rights_denial_disconnects(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return !h->has_connect_event && h->rights->conf.no_queue;
}

void broker_rights_close(struct hubgate *h)
{
	if (h->rights && h->rights->known)
		mosquitto_conf_free(&h->rights->conf);
	free(h->rights);
	h->rights = NULL;
}
