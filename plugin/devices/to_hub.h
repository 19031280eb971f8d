/* to_hub.h - messages of devices on their way to the hub: kept, sent live, or dropped.
 * Room:  BROKER.
 */
#ifndef HUBGATE_TO_HUB_H
#define HUBGATE_TO_HUB_H

#include "core/hub/route_plan.h"
#include "plugin/base/context.h"

/* The way that to_hub_send() would take now, or to_hub_send_newest(). */
struct route_plan to_hub_plan(const struct hubgate *h, const struct device *d,
                              const struct route *route, const char *topic, bool newest);
/* Of the store, for a message of so many bytes that to_hub_send() would keep: ST_OK, ST_FULL or
 * ST_NOSPACE. */
enum status to_hub_room(const struct hubgate *h, struct device *d, const char *topic,
                        const void *payload, size_t len);
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
