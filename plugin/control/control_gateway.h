/* control_gateway.h - the commands about the gateway as a whole: status, getHub, listQueue,
 * listFirmware, reload, setLogLevel.
 * Room:  BROKER. Each takes a.
 */
#ifndef HUBGATE_CONTROL_GATEWAY_H
#define HUBGATE_CONTROL_GATEWAY_H

#include "core/json/json.h"
#include "plugin/base/asker.h"
#include "plugin/base/context.h"

void control_gateway_status(struct hubgate *h, const cJSON *command, struct asker *a);
void control_gateway_hub(struct hubgate *h, const cJSON *command, struct asker *a);
void control_gateway_queue(struct hubgate *h, const cJSON *command, struct asker *a);
void control_gateway_firmware(struct hubgate *h, const cJSON *command, struct asker *a);
void control_gateway_reload(struct hubgate *h, const cJSON *command, struct asker *a);
void control_gateway_log_level(struct hubgate *h, const cJSON *command, struct asker *a);

#endif
