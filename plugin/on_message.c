/* A client published, and on_acl() let it: a device's message goes to the hub. */
#include <string.h>

#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/callbacks.h"
#include "plugin/devices/to_hub.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/identity.h"
#include "plugin/lan/lan_session.h"
#include "plugin/lan/unheard.h"
#include "plugin/lan/withheld.h"
#include "plugin/services/firmware.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapping_service.h"
#include "plugin/services/remote_config.h"
#include "plugin/services/rrpc_service.h"
#include "plugin/services/served_by.h"
#include "plugin/services/shadow.h"
#include "plugin/services/timekeeper.h"

/* A native bridge is asked for no rights: what it brings never saw on_acl() (docs/broker-notes.md
 * 1.3, 7). Of all others without a session of ours only applications come this far. */
static bool may_bring(const struct hubgate *h, const struct mosquitto_evt_message *ed)
{
	return apps_right_of(h, mosquitto_client_username(ed->client), MOSQ_ACL_WRITE, ed->topic) !=
	       APPS_CLOSED;
}

static int refuse(struct hubgate *h, const struct mosquitto_evt_message *ed)
{
	metric_add(&h->metrics, M_ACL_DENIED, 1);
	limiter_log_closed(h, mosquitto_client_id(ed->client), mosquitto_client_username(ed->client),
	                   ed->topic);
	return MOSQ_ERR_ACL_DENIED;
}

/* A service of ours has it: nothing goes up as it came. */
static bool served(struct hubgate *h, struct device *d, enum topic_kind kind,
                   const struct mosquitto_evt_message *ed)
{
	enum service by = served_by(h, d, kind, ed->topic, ed->payload, ed->payloadlen);

	if (kind == TOPIC_RRPC_TXD)
		rrpc_service_answer(h, d, ed->topic); /* its call is over */
	switch (by) {
	case SERVED_BY_SHADOW:
		shadow_request(h, d, ed->payload, ed->payloadlen);
		return true;
	case SERVED_BY_CLOCK:
		return timekeeper_request(h, d, ed->payload, ed->payloadlen);
	case SERVED_BY_CONFIG:
		return remote_config_request(h, d, ed->payload, ed->payloadlen);
	case SERVED_BY_CALLS:
		return true;
	case SERVED_BY_NONE:
	default:
		return false;
	}
}

/* Called while trace_on(). */
static void note(struct hubgate *h, const struct device *d, enum trace_step step, const char *why,
                 const struct mosquitto_evt_message *ed)
{
	trace_note(h, d->client_id, step,
	           &(struct trace_about){
				   .topic = ed->topic, .bytes = ed->payloadlen, .qos = ed->qos, .why = why });
}

/* Called while trace_on(). */
static void note_served(struct hubgate *h, const struct device *d, enum topic_kind kind,
                        const struct mosquitto_evt_message *ed)
{
	if (kind == TOPIC_RRPC_TXD)
		note(h, d, TRACE_DROPPED, "nobody waits for this answer", ed);
	else
		note(h, d, TRACE_ANSWERED, "by a service of the gateway", ed);
}

static int intercept(struct hubgate *h, struct mosquitto_evt_message *ed)
{
	const struct lan_session *s = lan_session_of(h, ed->client);
	struct route route;
	struct device *d;
	enum status st;

	if (s && s->over)
		return MOSQ_ERR_ACL_DENIED;
	if (!s && !may_bring(h, ed))
		return refuse(h, ed);
	if (!s && strncmp(ed->topic, SHADOW_APP_TREE, strlen(SHADOW_APP_TREE)) == 0)
		shadow_app_request(h, ed->topic, ed->payload, ed->payloadlen);
	/* What is on a hub topic goes up as the device's own, and once. */
	if (h->config->mapping_count > 0 && (!s || s->broker_login) &&
	    !identity_is_cloud_topic(h, ed->topic) && mapping_service_message(h, ed) != ST_OK)
		return MOSQ_ERR_NOMEM; /* as below */
	if (!s || s->kind != SESSION_DEVICE ||
	    (s->broker_login && !identity_is_cloud_topic(h, ed->topic)))
		return MOSQ_ERR_SUCCESS; /* retained or not, it is the LAN's */
	d = s->device->own ? gateway_service_speaker(h, s->device, ed->topic) : s->device;
	route = route_decide(d->product_id, d->device_name, ed->topic, ed->payloadlen, ed->qos);
	ed->retain = false; /* the hub has no retained messages */
	if (trace_on(h))
		note(h, d, TRACE_PUBLISHED, NULL, ed);
	if (d->own && route.reason == ROUTE_NOT_GATEWAY)
		gateway_service_request(h, ed->payload, ed->payloadlen);
	if (route.action != ROUTE_FORWARD && route.action != ROUTE_LIVE)
		return MOSQ_ERR_SUCCESS;
	if (served(h, d, route.kind, ed)) {
		if (trace_on(h))
			note_served(h, d, route.kind, ed);
		return MOSQ_ERR_SUCCESS;
	}
	withheld_own(h, s->device, d, ed);
	if (route.kind == TOPIC_OTA_REPORT)
		st = firmware_report(h, d, &route, ed->topic, ed->payload, ed->payloadlen);
	else
		st = to_hub_send(h, d, &route, ed->topic, ed->payload, ed->payloadlen);
	/* An acknowledgement cannot be held back otherwise: the publisher is disconnected and sends
	 * again (docs/broker-notes.md 1.2). Not one that speaks for several devices: all of them would
	 * be cut off for what befell one. Its message is counted and lost. */
	return st == ST_OK || s->device->own ? MOSQ_ERR_SUCCESS : MOSQ_ERR_NOMEM;
}

int on_message(int event, void *event_data, void *userdata)
{
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	enum status unheard = unheard_message(h, event_data);
	int rc;

	(void)event;
	withheld_over(h);
	if (unheard == ST_NOTFOUND)
		rc = intercept(h, event_data);
	else
		rc = unheard == ST_OK ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
	callback_end(h, CALLBACK_MESSAGE, start);
	return rc;
}
