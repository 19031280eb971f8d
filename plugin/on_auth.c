/* A client logs in: BASIC_AUTH, and once more for every client on SIGHUP. */
#include <stdio.h>
#include <string.h>

#include "plugin/base/limiter.h"
#include "plugin/callbacks.h"
#include "plugin/devices/arrival.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/registration.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/client_ids.h"
#include "plugin/lan/control_login.h"
#include "plugin/lan/identity.h"
#include "plugin/lan/tls_identity.h"
#include "plugin/routing.h"
#include "plugin/services/mapping_presence.h"
#include "plugin/services/mapping_service.h"

enum {
	VERDICT_YES = MOSQ_ERR_SUCCESS,
	VERDICT_NO = MOSQ_ERR_AUTH,
	VERDICT_BROKER = MOSQ_ERR_PLUGIN_DEFER,
	VERDICT_NONE = ANSWER_IGNORE
};

/* With a plugin present the broker refuses every user name that all plugins
 * DEFER, even where it let any name in before. 2.1 can be told to judge as it did before;
 * on 2.0 such clients are let in here. */
static int other_client(const struct hubgate *h, const char *username)
{
	if (h->has_connect_event)
		return VERDICT_NONE;
	return username && h->rights->unknown_users_pass ? VERDICT_YES : VERDICT_BROKER;
}

/* On SIGHUP the broker asks again with what it remembers: no password for
 * restored sessions, an expired signature for long ones. Who was let in stays,
 * and so does whoever was by an earlier process, whose user name the broker keeps;
 * presence does not change. */
static int verdict_again(struct hubgate *h, const struct mosquitto_evt_basic_auth *ed)
{
	const struct lan_session *s = lan_session_of(h, ed->client);

	if (s && s->over)
		return VERDICT_NO;
	if (s)
		return s->broker_login ? VERDICT_BROKER : VERDICT_YES;
	if (control_login_is(ed->username))
		return VERDICT_NO; /* of an earlier process, whose token is over */
	return identity_named(h, ed->username) ? VERDICT_YES : other_client(h, ed->username);
}

static int accept_device(struct hubgate *h, const struct mosquitto *client, struct device *d)
{
	struct lan_session *s = NULL;

	if (client_ids_hold(h, client, mosquitto_client_id(client), d) == ST_OK)
		s = lan_session_add(h, client, SESSION_DEVICE, d);
	if (!s)
		return VERDICT_NO;
	lan_session_let_in(s, client);
	metric_add(&h->metrics, M_LOGIN_OK, 1);
	limiter_over(h, LIMITED_LOGINS, d->client_id);
	registration_logged_in(h, d);
	/* 2.1 tells when the login is complete; 2.0 never does, so it is now. A login
	 * that fails later ends in a DISCONNECT of the same pointer. */
	if (!h->has_connect_event)
		arrival_take(h, s);
	return VERDICT_YES;
}

/* The broker reuses memory: who was known under this pointer and never reported
 * gone is gone now, whoever it is that comes, and leaves no rights behind. */
static void forget(struct hubgate *h, const struct mosquitto *client)
{
	struct lan_session *s = lan_session_of(h, client);

	if (s && s->kind == SESSION_DEVICE)
		presence_left(h, s);
	else if (s)
		lan_session_remove(h, s);
	client_ids_release(h, client);
	mapping_presence_client_gone(h, client);
}

/* By the device that the user name names, as a client id may be new each time. */
static void log_refused(struct hubgate *h, const struct mosquitto *client, const char *client_id,
                        const char *username, const char *why)
{
	const char *address = mosquitto_client_address(client);
	char who[CLIENT_ID_MAX + 1];

	snprintf(who, sizeof(who), "%s", username ? username : client_id ? client_id : "");
	who[strcspn(who, ";")] = '\0';
	metric_add(&h->metrics, M_LOGIN_BAD, 1);
	limiter_log(h, LIMITED_LOGINS, LOG_WARN, who, why, "login of %.64s from %s refused: %s",
	            client_id ? client_id : "(no client id)", address ? address : "a unix socket", why);
}

/* No device takes the id of one that has rights on the hub's topics while it is here. */
static int accept_other(struct hubgate *h, const struct mosquitto *client, const char *username)
{
	const char *client_id = mosquitto_client_id(client);

	if ((apps_have(h, username) || mapping_service_names(h, client_id, username)) &&
	    client_ids_hold(h, client, client_id, NULL) != ST_OK)
		return VERDICT_NO;
	mapping_presence_login(h, client);
	return other_client(h, username);
}

/* No device takes its id while it is here. */
static int accept_control(struct hubgate *h, const struct mosquitto *client)
{
	if (client_ids_hold(h, client, mosquitto_client_id(client), NULL) != ST_OK ||
	    !lan_session_add(h, client, SESSION_CONTROL, NULL))
		return VERDICT_NO;
	return VERDICT_YES;
}

static int claim_device(struct hubgate *h, const struct mosquitto *client, const char *username,
                        struct device *d)
{
	const char *client_id = mosquitto_client_id(client);
	const char *why = identity_id_fault(h, d, client_id);

	if (!why && broker_login_claim(h, client, d))
		return VERDICT_BROKER;
	log_refused(h, client, client_id, username, why ? why : "no memory");
	return VERDICT_NO;
}

/* A client that logs in is not in the broker's table of clients yet; with its id it finds none
 * there, or the one that it takes over. Where the table cannot be asked, nothing but such questions
 * comes between RELOAD and the tick at the end of the loop's turn (docs/broker-notes.md 1.5, 7). */
static bool is_again(const struct hubgate *h, const struct mosquitto *client)
{
	const char *client_id = mosquitto_client_id(client);

	if (!h->find_client)
		return h->reloading;
	return client_id && h->find_client(client_id) == client;
}

static int judge(struct hubgate *h, const struct mosquitto_evt_basic_auth *ed)
{
	const char *client_id = mosquitto_client_id(ed->client);
	struct lan_claim claim = { .client_id = client_id,
		                       .username = ed->username,
		                       .password = ed->password,
		                       .address = mosquitto_client_address(ed->client) };
	const char *why = NULL;
	struct device *d = NULL;

	if (is_again(h, ed->client))
		return verdict_again(h, ed);
	forget(h, ed->client);
	if (uplink_leads_here(h->uplink, ed->username))
		return VERDICT_NO;
	claim.proven = tls_identity_take(h, ed->client);
	d = broker_login_device(h, ed->username);
	if (d)
		return claim_device(h, ed->client, ed->username, d);
	switch (identity_login(h, &claim, &d, &why)) {
	case LOGIN_DEVICE:
		return accept_device(h, ed->client, d);
	case LOGIN_DOORBELL:
		return lan_session_add(h, ed->client, SESSION_DOORBELL, NULL) ? VERDICT_YES : VERDICT_NO;
	case LOGIN_CONTROL:
		return accept_control(h, ed->client);
	case LOGIN_OTHER:
		return accept_other(h, ed->client, ed->username);
	case LOGIN_REFUSED:
	default:
		log_refused(h, ed->client, client_id, ed->username, why);
		return VERDICT_NO;
	}
}

int on_auth(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_basic_auth *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	int verdict;

	(void)event;
	parts_start(&h->parts, h);
	routing_over(h);
	verdict = judge(h, ed);
	callback_end(h, CALLBACK_AUTH, start);
	return verdict;
}
