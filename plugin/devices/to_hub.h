/* to_hub.h - messages of devices on their way to the hub: kept, sent live, or dropped.
 * Room:  BROKER.
 */
#ifndef HUBGATE_TO_HUB_H
#define HUBGATE_TO_HUB_H

#include "core/hub/route.h"
#include "plugin/base/context.h"

/* A device's message goes up as its route says. ST_OK: accepted, or dropped and
 * counted as the configuration allows. Anything else: it could not be kept, the
 * publisher must not get an acknowledgement. */
enum status to_hub_send(struct hubgate *h, struct device *d, const struct route *route,
                        const char *topic, const void *payload, size_t len);
/* The same for a message of which only the newest counts: an unsent older one that came by this
 * function, on the same topic, is superseded. */
enum status to_hub_send_newest(struct hubgate *h, struct device *d, const struct route *route,
                               const char *topic, const void *payload, size_t len);

#endif
