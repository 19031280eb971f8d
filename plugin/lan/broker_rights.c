#include "plugin/lan/broker_rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The doorbell needs a connection too. */
static void warn_of_crowd(const struct hubgate *h, const struct mosquitto_conf *conf)
{
	const struct mosquitto_listener *l = mosquitto_conf_crowded(conf, h->config->device_count);

	if (conf->global_max > 0 && (size_t)conf->global_max <= h->config->device_count)
		log_line(&h->log, LOG_WARN,
		         "%s: %ld clients or connections leave no place for the doorbell beside the %zu "
		         "devices of devices[]: allow %zu or more",
		         conf->global_max_at.text, conf->global_max, h->config->device_count,
		         h->config->device_count + 1);
	if (l)
		log_line(&h->log, LOG_WARN,
		         "%s: max_connections %u leaves no place for the doorbell beside the %zu devices "
		         "of devices[]: allow %zu or more, or add a unix socket for it (`listener 0 "
		         "/run/mosquitto/hubgate.sock`)",
		         l->max_at.text, l->max_connections, h->config->device_count,
		         h->config->device_count + 1);
}

/* The doorbell takes a prefix on, devices cannot. */
static void warn_of_prefix(const struct hubgate *h, const struct mosquitto_conf *conf)
{
	size_t i = mosquitto_conf_kept_out(conf, h->config);
	const struct config_device *d;

	if (i == h->config->device_count)
		return;
	d = &h->config->devices[i];
	log_line(&h->log, LOG_WARN,
	         "%s: clientid_prefixes %.60s keeps devices[%zu] (%s%s) out, perhaps others too: the "
	         "broker refuses it before hubgate is asked; take it out",
	         conf->clientid_prefix_at.text, conf->clientid_prefix, i, d->product_id,
	         d->device_name);
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
	warn_of_crowd(h, conf);
	warn_of_prefix(h, conf);
}

/* What mosquitto.conf says that hubgate cannot work with. */
static bool refused(const struct hubgate *h, const struct mosquitto_conf *conf)
{
	char why[MOSQUITTO_CONF_REFUSED_MAX];

	if (conf->per_listener_settings) {
		log_line(&h->log, LOG_ERROR,
		         "not started: per_listener_settings true binds a plugin to one listener and, on "
		         "2.0, silences its timer; set it to false and give options globally");
		return true;
	}
	if (!mosquitto_conf_refused(conf, why))
		return false;
	log_line(&h->log, LOG_ERROR, "not started: %s", why);
	return true;
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
	if (r->known && refused(h, &r->conf))
		return ST_INVALID;
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

size_t broker_rights_hints(const struct hubgate *h, struct listener_hint out[LISTENER_HINTS_MAX])
{
	static const enum listener_way ways[] = {
		[MOSQUITTO_WAY_PLAIN] = LISTENER_PLAIN,
		[MOSQUITTO_WAY_TLS] = LISTENER_TLS,
		[MOSQUITTO_WAY_CLOSED] = LISTENER_CLOSED,
	};
	const struct mosquitto_conf *conf = &h->rights->conf;
	size_t count = 0;

	IN_ROOM(ROOM_BROKER);
	for (size_t i = 0; i <= conf->listener_count && count < LISTENER_HINTS_MAX; i++) {
		unsigned port = conf->listeners[i].port;
		enum mosquitto_way way = port > 0 ? mosquitto_conf_way(conf, port) : MOSQUITTO_WAY_UNKNOWN;

		if (way != MOSQUITTO_WAY_UNKNOWN)
			out[count++] = (struct listener_hint){ (uint16_t)port, ways[way] };
	}
	return count;
}

bool broker_rights_check_users(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->rights->known && mosquitto_conf_checks_users(&h->rights->conf);
}

bool broker_rights_denial_disconnects(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return !h->has_connect_event && h->rights->conf.no_queue;
}

/* A bridge is asked for nothing; what it is to carry cannot be told apart from what it is not. */
bool broker_rights_read_hides(const struct hubgate *h)
{
	const struct mosquitto_conf *conf = &h->rights->conf;

	IN_ROOM(ROOM_BROKER);
	return broker_rights_denial_disconnects(h) && conf->bridged_count == 0 && conf->ours &&
	       !conf->ours_not_first;
}

void broker_rights_close(struct hubgate *h)
{
	if (h->rights && h->rights->known)
		mosquitto_conf_free(&h->rights->conf);
	free(h->rights);
	h->rights = NULL;
}
