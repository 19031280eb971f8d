/* May this client publish, subscribe or get this? Also the doorbell's door. */
#include <string.h>

#include "core/hub/route.h"
#include "core/hub/topic.h"
#include "plugin/base/limiter.h"
#include "plugin/base/trace.h"
#include "plugin/callbacks.h"
#include "plugin/control/broker_version.h"
#include "plugin/control/control.h"
#include "plugin/devices/arrival.h"
#include "plugin/devices/command.h"
#include "plugin/devices/one_client.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/subscriptions.h"
#include "plugin/lan/apps.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/broker_rights.h"
#include "plugin/lan/doorbell_login.h"
#include "plugin/lan/identity.h"
#include "plugin/lan/unheard.h"
#include "plugin/lan/withheld.h"
#include "plugin/routing.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/mapping_service.h"
#include "plugin/services/rrpc_service.h"
#include "plugin/services/shadow.h"
#include "plugin/turn.h"

static int denied(struct hubgate *h)
{
	metric_add(&h->metrics, M_ACL_DENIED, 1);
	return MOSQ_ERR_ACL_DENIED;
}

static int doorbell(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	if (ed->access == MOSQ_ACL_WRITE && strcmp(ed->topic, DOORBELL_TOPIC) == 0) {
		/* First confirm, then drain: what comes in between rings again. */
		doorbell_confirm(uplink_doorbell(h->uplink));
		metric_add(&h->metrics, M_RINGS, 1);
		turn_run(h);
	}
	if (ed->access == MOSQ_ACL_SUBSCRIBE && mapping_service_watches(h, ed->topic)) {
		mapping_service_subscribing(h);
		return MOSQ_ERR_SUCCESS;
	}
	if (ed->access == MOSQ_ACL_SUBSCRIBE && broker_version_watches(ed->topic))
		return MOSQ_ERR_SUCCESS;
	if (ed->access == MOSQ_ACL_READ) {
		broker_version_arrives(h, ed);
		mapping_service_arrives(h, ed);
	}
	/* QoS 0: dropped without a word; or routed to nobody, where a denial would disconnect. */
	return ed->access == MOSQ_ACL_WRITE && strcmp(ed->topic, DOORBELL_TOPIC) == 0 &&
	               broker_rights_denial_disconnects(h)
	           ? MOSQ_ERR_SUCCESS
	           : MOSQ_ERR_ACL_DENIED;
}

/* The subscription is mirrored at the hub and remembered. False: no room for it. */
static bool mirror(struct hubgate *h, struct device *d, const char *filter,
                   const struct mosquitto_evt_acl_check *ed)
{
	const struct lan_session *s = lan_session_of(h, ed->client);
	uint8_t qos = ed->qos;
	enum status st = device_subscribe(d, filter, qos > 0);
	char at_hub[TOPIC_LEN_MAX + 1];

	if (st != ST_OK && st != ST_EXISTS)
		return false;
	if (st == ST_OK)
		subscriptions_keep(h, d, filter, qos > 0);
	if (shadow_is_result(filter))
		return shadow_follow(h, d) == ST_OK;
	if (uplink_subscribe(h->uplink, d->client_id, topic_at_hub(filter, at_hub), qos > 0) != ST_OK)
		presence_say_again(h, d);
	device_set_connection(d, filter, s ? s->connection : 0);
	command_subscribed(h, d);
	return true;
}

/* The filter inside $share/{group}/{filter}. */
static const char *unshared(const char *filter)
{
	const char *inner = strncmp(filter, "$share/", 7) == 0 ? strchr(filter + 7, '/') : NULL;

	return inner ? inner + 1 : filter;
}

static int judge_subscribe(struct hubgate *h, struct device *d,
                           const struct mosquitto_evt_acl_check *ed)
{
	size_t len = strlen(ed->topic);
	struct topic t;

	if (topic_parse_filter(ed->topic, len, &t, NULL) != ST_OK || !(t.may & TOPIC_SUB) ||
	    t.kind == TOPIC_NONE || (t.kind == TOPIC_GATEWAY_RESULT && !d->own) ||
	    !topic_is_device(&t, d->product_id, d->device_name)) {
		limiter_log_refusal(h, d->client_id, ed->topic,
		                    "a device may subscribe its own topics only");
		return denied(h);
	}
	if (t.kind == TOPIC_GATEWAY_RESULT) /* the plugin's own, at the hub */
		return MOSQ_ERR_SUCCESS;
	if (mirror(h, d, unshared(ed->topic), ed)) {
		if (t.kind == TOPIC_RRPC_RXD)
			rrpc_service_subscribed(h);
		return MOSQ_ERR_SUCCESS;
	}
	limiter_log_refusal(h, d->client_id, ed->topic, "too many subscriptions of one device");
	return denied(h);
}

/* A custom topic's subscription ends at the hub too. Those of services stay:
 * stock SDKs unsubscribe after every call, and the next one is near. */
static int judge_unsubscribe(struct hubgate *h, struct device *d,
                             const struct mosquitto_evt_acl_check *ed)
{
	const char *filter = unshared(ed->topic);

	device_set_connection(d, filter, 0);
	if (filter[0] == '$' || device_unsubscribe(d, filter) != ST_OK)
		return MOSQ_ERR_SUCCESS;
	subscriptions_forget(h, d, filter);
	if (uplink_unsubscribe(h->uplink, d->client_id, filter) != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, d->client_id, "still subscribed",
		            "%s: still subscribed at the hub: %.128s", d->client_id, filter);
	return MOSQ_ERR_SUCCESS;
}

static int judge_publish(struct hubgate *h, const struct device *d,
                         const struct mosquitto_evt_acl_check *ed)
{
	struct route route =
		route_decide(d->product_id, d->device_name, ed->topic, ed->payloadlen, ed->qos);
	const char *why = route_refusal_text(&route);

	if (route_lets(&route, d->own, ed->payloadlen))
		return MOSQ_ERR_SUCCESS;
	metric_add(&h->metrics, M_REFUSED, 1);
	limiter_log_refusal(h, d->client_id, ed->topic, why);
	if (trace_on(h))
		trace_note(h, d->client_id, TRACE_REFUSED,
		           &(struct trace_about){
					   .topic = ed->topic, .bytes = ed->payloadlen, .qos = ed->qos, .why = why });
	return denied(h);
}

/* A client of ours, or the kept session of one that is away. */
static bool is_own(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	const struct lan_session *s = lan_session_of(h, ed->client);

	return withheld_is_own(h, s ? s->device : identity_kept(h, ed->client), ed);
}

static int judge_read(struct hubgate *h, const struct device *d, const char *topic)
{
	struct topic t;

	if (topic_parse(topic, strlen(topic), &t) != ST_OK || t.kind == TOPIC_NONE ||
	    !(t.may & TOPIC_SUB) || !topic_is_device(&t, d->product_id, d->device_name))
		return denied(h);
	return MOSQ_ERR_SUCCESS;
}

static int device(struct hubgate *h, struct device *d, const struct mosquitto_evt_acl_check *ed)
{
	if (d->own)
		d = gateway_service_speaker(h, d, ed->topic);
	switch (ed->access) {
	case MOSQ_ACL_READ:
		return judge_read(h, d, ed->topic);
	case MOSQ_ACL_WRITE:
		return judge_publish(h, d, ed);
	case MOSQ_ACL_SUBSCRIBE:
		return judge_subscribe(h, d, ed);
	case MOSQ_ACL_UNSUBSCRIBE:
		return judge_unsubscribe(h, d, ed);
	default:
		return denied(h);
	}
}

/* Everybody else keeps the rights they had, but for the hub's topics. */
static int other(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	enum apps_right right = APPS_OPEN;

	if (ed->access != MOSQ_ACL_UNSUBSCRIBE && control_topic_is(ed->topic))
		return control_may(h, ed) ? MOSQ_ERR_SUCCESS : denied(h);
	if (ed->access != MOSQ_ACL_UNSUBSCRIBE)
		right = apps_right_of(h, mosquitto_client_username(ed->client), ed->access, ed->topic);
	if (right == APPS_ALLOWED)
		return MOSQ_ERR_SUCCESS;
	if (right == APPS_CLOSED) {
		if (ed->access == MOSQ_ACL_WRITE) /* QoS 0 and 3.1.1 learn nothing of it */
			limiter_log_closed(h, mosquitto_client_id(ed->client),
			                   mosquitto_client_username(ed->client), ed->topic);
		return denied(h);
	}
	return h->rights->acl == LAN_ACL_DEFER ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_SUCCESS;
}

static void look_for_intruder(struct hubgate *h, const struct mosquitto *client)
{
	struct device *d = identity_intruded(h, client);

	if (d)
		one_client_intruded(h, d);
}

/* Not let in by us: the kept session of a device that is away, for which the broker asks before it
 * queues; or somebody else. */
static int without_session(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	bool named = identity_named(h, mosquitto_client_username(ed->client)) != NULL;
	struct device *d = NULL;

	/* 2.1 has told of it when it came. A READ may be about one that is kept without a connection.
	 */
	if (ed->access != MOSQ_ACL_READ && !h->has_connect_event)
		look_for_intruder(h, ed->client);
	if (ed->access == MOSQ_ACL_READ && (named || identity_is_cloud_topic(h, ed->topic)))
		d = identity_kept(h, ed->client);
	if (d)
		return device(h, d, ed);
	return named ? denied(h) : other(h, ed);
}

static int of_session(struct hubgate *h, const struct lan_session *s,
                      const struct mosquitto_evt_acl_check *ed)
{
	if (s->kind == SESSION_DOORBELL)
		return doorbell(h, ed);
	if (s->kind == SESSION_CONTROL)
		return control_may(h, ed) ? MOSQ_ERR_SUCCESS : denied(h);
	return device(h, s->device, ed);
}

static int judge(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	struct lan_session *s = lan_session_of(h, ed->client);

	/* The broker asks about what it has, or it forgets it: as it was subscribed. */
	if (h->kicking && ed->access == MOSQ_ACL_SUBSCRIBE)
		return MOSQ_ERR_SUCCESS;
	if (s && s->over)
		return denied(h);
	if (s && s->kind == SESSION_CLAIM) {
		broker_login_accept(h, s);
		arrival_take(h, s);
	}
	if (s && ed->access != MOSQ_ACL_READ && s->kind == SESSION_DEVICE)
		presence_heard(h, s);
	if (s && ed->access == MOSQ_ACL_READ && s->kind == SESSION_DEVICE &&
	    one_client_is_replaced(h, s))
		return denied(h);
	/* Topics that are no hub's are for a device with a login of the broker what
	 * they are for any client. */
	if (s && s->broker_login && !identity_is_cloud_topic(h, ed->topic))
		return other(h, ed);
	return s ? of_session(h, s, ed) : without_session(h, ed);
}

/* Whatever rights there are. */
static bool is_hidden(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	return unheard_is(h, ed) || (withheld_any(h) && is_own(h, ed));
}

static int asked(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	int verdict;

	routing_over(h);
	verdict = judge(h, ed);
	if (ed->access == MOSQ_ACL_WRITE && verdict != MOSQ_ERR_ACL_DENIED)
		mapping_service_written(h, ed->client, ed->topic);
	if (verdict == MOSQ_ERR_ACL_DENIED && ed->access == MOSQ_ACL_WRITE && unheard_write(h, ed))
		return MOSQ_ERR_SUCCESS;
	return verdict;
}

/* Who hears what waits for a device? */
static void tell_commands(struct hubgate *h, const struct mosquitto_evt_acl_check *ed)
{
	if (ed->access == MOSQ_ACL_READ)
		command_read(h, ed);
	if (ed->access == MOSQ_ACL_SUBSCRIBE && h->config->mapping_count > 0)
		command_lan_subscribed(h, unshared(ed->topic));
}

int on_acl(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *ed = event_data;
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	int verdict;

	(void)event;
	if (ed->access == MOSQ_ACL_READ)
		verdict = is_hidden(h, ed) ? MOSQ_ERR_ACL_DENIED : judge(h, ed);
	else
		verdict = asked(h, ed);
	if (verdict != MOSQ_ERR_ACL_DENIED)
		tell_commands(h, ed);
	callback_end(h, CALLBACK_ACL, start);
	return verdict;
}
