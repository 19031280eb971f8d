/* gateway_impl.h - what gateway.c and gateway_reply.c share.
 * Room: UPLINK.
 */
#ifndef HUBGATE_GATEWAY_IMPL_H
#define HUBGATE_GATEWAY_IMPL_H

#include "bridge/gateway.h"

/* Moves d to state and keeps the count of devices online. */
void gateway_count_online(struct gateway *g, struct subdev *d, enum subdev_state state);

#endif
