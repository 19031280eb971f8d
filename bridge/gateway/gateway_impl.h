/* gateway_impl.h - what the parts of the gateway share:
 *   gateway.c          presence, subscriptions, the link
 *   gateway_devices.c  the table of devices, live messages
 *   gateway_want.c     what each wants, and whose turn it is
 *   gateway_reply.c    what the hub answers, and its silence
 *   gateway_shadow.c   the device shadow's requests
 *   gateway_ask.c      what programs ask for, and its results
 * Room: UPLINK.
 */
#ifndef HUBGATE_GATEWAY_IMPL_H
#define HUBGATE_GATEWAY_IMPL_H

#include "bridge/gateway/gateway.h"

/* Moves d to state and keeps the count of devices online. */
void gateway_count_online(struct gateway *g, struct subdev *d, enum subdev_state state);
bool gateway_can_bind(const struct gateway *g, const struct subdev *d);
void gateway_other_digest(struct subdev *d); /* d->second becomes the key of its binds */
/* The next operation that a program waits for; GATEWAY_UNKNOWN: none. */
enum gateway_op gateway_asked_op(const struct gateway *g, const struct subdev *d);
/* Tells whoever waits for op, if anybody does. */
void gateway_tell(struct gateway *g, struct subdev *d, enum gateway_op op, int64_t code);
/* Nothing that was asked will be answered. */
void gateway_give_up(struct gateway *g, struct subdev *d);
struct filter *gateway_find_filter(const struct subdev *d, const char *text); /* NULL: none */
/* Part of gateway_update(): whether BROKER knows the latest. */
void gateway_shadow_update(struct gateway *g, struct subdev *d);

#endif
