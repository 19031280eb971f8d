/* control_subdevice.h - the commands that ask the hub something of one device: bindDevice,
 * unbindDevice, onlineDevice, offlineDevice.
 * Room:  BROKER.
 * Keeps: each is answered once: when the hub answered, refused or was silent too long, or the link
 *        ended. At most CONTROL_ASKS_MAX wait.
 * Facts: docs/protocol/gateway.md 2, 3, 6.
 */
#ifndef HUBGATE_CONTROL_SUBDEVICE_H
#define HUBGATE_CONTROL_SUBDEVICE_H

#include "plugin/control/control_command.h"

enum {
	CONTROL_ASKS_MAX = 64,
};

struct control_asks; /* opaque */

struct control_asks *control_subdevice_new(void);      /* NULL: no memory */
void control_subdevice_free(struct control_asks *all); /* who waits gets no answer; NULL is fine */

/* Takes a. op: GATEWAY_BIND, GATEWAY_UNBIND, GATEWAY_ONLINE or GATEWAY_OFFLINE. */
void control_subdevice_ask(struct hubgate *h, struct control_asks *all, enum gateway_op op,
                           const cJSON *command, struct asker *a);
/* News UPLINK_ANSWER, after plugin/services/gateway_service had it. */
void control_subdevice_take(struct hubgate *h, struct control_asks *all,
                            const struct uplink_down *news);
/* Those whose time is over. */
void control_subdevice_run(struct hubgate *h, struct control_asks *all, int64_t now_ms);
int64_t control_subdevice_due(const struct control_asks *all); /* INT64_MAX: none waits */

#endif
