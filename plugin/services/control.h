/* control.h - commands to the gateway on $CONTROL/hubgate/v1, in the shape of dynamic-security's.
 * Room:  BROKER.
 * Keeps: only local applications with a write rule of apps[] for that very topic are heard, never
 *        devices; an answer goes to its asker alone, on $CONTROL/hubgate/v1/response.
 *
 *	{"commands":[{"command":"register","product_id":"...","device_name":"...","correlationData":"x"}]}
 *	{"responses":[{"command":"register","correlationData":"x"}]}        or with "error":"..."
 */
#ifndef HUBGATE_CONTROL_H
#define HUBGATE_CONTROL_H

#include "plugin/base/context.h"

#define CONTROL_TOPIC "$CONTROL/hubgate/v1"

int on_control(int event, void *event_data, void *userdata);
/* May this client send commands, or get answers? ed->topic is one of the control topics. */
bool control_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed);
bool control_is_topic(const char *topic);

#endif
