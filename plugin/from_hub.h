/* from_hub.h - what the uplink has for BROKER: messages of the hub find whom they are for.
 * Room:  BROKER.
 */
#ifndef HUBGATE_FROM_HUB_H
#define HUBGATE_FROM_HUB_H

#include "plugin/base/context.h"

/* A message, an answer, or news of a shadow. Takes down. */
void from_hub_take(struct hubgate *h, struct uplink_down *down);

#endif
