/* control.h - commands to the gateway on $CONTROL/hubgate/v1, in the shape of dynamic-security's.
 * Room:  BROKER.
 * Keeps: a device is never heard; of others those with a role of apps[], and the command `hubgate`
 *        with its token. An answer goes to its asker alone, on $CONTROL/hubgate/v1/response.
 * Facts: docs/control.md.
 *
 *	{"commands":[{"command":"getDevice","product_id":"...","device_name":"...","correlationData":"x"}]}
 *	{"responses":[{"command":"getDevice","correlationData":"x","data":{...}}]}   or with
 *"error":"..."
 */
#ifndef HUBGATE_CONTROL_H
#define HUBGATE_CONTROL_H

#include "plugin/control/control_command.h"
#include "plugin/control/control_topic.h"

enum status control_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void control_close(struct hubgate *h);       /* who waits for an answer gets none */
/* A slice of the lists that were asked for. */
void control_run(struct hubgate *h, int64_t now_ms);
int64_t control_due(const struct hubgate *h); /* INT64_MAX: nothing is under way */

/* News UPLINK_ANSWER, after plugin/services/gateway_service had it. */
void control_answer(struct hubgate *h, const struct uplink_down *news);

int on_control(int event, void *event_data, void *userdata);
/* What the client may command: the greater of its role in apps[] and, by an older rule, the right
 * to publish on CONTROL_TOPIC itself, which makes an operator. */
enum app_role control_role(const struct hubgate *h, const struct mosquitto *client);
/* May this client send commands, or get answers? ed->topic is one of the control topics. */
bool control_may(const struct hubgate *h, const struct mosquitto_evt_acl_check *ed);

extern const struct control_command control_commands[];
extern const size_t control_command_count;

#endif
