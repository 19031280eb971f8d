/* A client is there, or is gone: CONNECT (2.1), DISCONNECT, CLIENT_OFFLINE (2.1). */

#include "plugin/base/trace.h"
#include "plugin/callbacks.h"
#include "plugin/devices/arrival.h"
#include "plugin/devices/one_client.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/client_ids.h"
#include "plugin/lan/identity.h"
#include "plugin/lan/tls_identity.h"
#include "plugin/services/mapping_presence.h"

/* 2.0 also tells of sockets that never logged in (port scans, health checks) and
 * of the old object of a kept session: neither is in the table. */
int on_disconnect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	struct lan_session *s = lan_session_of(h, ed->client);

	(void)event; /* CLIENT_OFFLINE has the same fields */
	tls_identity_forget(h, ed->client);
	mapping_presence_client_gone(h, ed->client);
	if (s && s->kind == SESSION_DEVICE)
		presence_left(h, s);
	else if (s)
		lan_session_remove(h, s);
	client_ids_release(h, ed->client);
	if (trace_on(h) && mosquitto_client_id(ed->client))
		trace_reader_gone(h, mosquitto_client_id(ed->client));
	callback_end(h, CALLBACK_PRESENCE, start);
	return MOSQ_ERR_SUCCESS;
}

struct event_connect { /* of 2.1, as far as it is read here */
	void *future;
	struct mosquitto *client;
};

int on_connect(int event, void *event_data, void *userdata)
{
	const struct event_connect *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	struct lan_session *s = lan_session_of(h, ed->client);
	struct device *intruded = s ? NULL : identity_intruded(h, ed->client);

	(void)event;
	if (s && s->kind == SESSION_CLAIM && !s->over)
		broker_login_accept(h, s);
	if (s && !s->over && s->kind == SESSION_DEVICE) {
		arrival_take(h, s);
		one_client_settle(h);
	}
	mapping_presence_client_here(h, ed->client);
	if (intruded)
		one_client_intruded(h, intruded);
	callback_end(h, CALLBACK_PRESENCE, start);
	return MOSQ_ERR_SUCCESS;
}
