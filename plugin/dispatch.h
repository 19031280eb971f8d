/* dispatch.h - carries out: messages of devices to the hub, the hub's to devices.
 * Room:  BROKER.
 */
#ifndef HUBGATE_DISPATCH_H
#define HUBGATE_DISPATCH_H

#include "core/hub/route.h"
#include "plugin/devices/presence.h"

/* A device's message goes up as its route says. ST_OK: accepted, or dropped and
 * counted as the configuration allows. Anything else: it could not be kept, the
 * publisher must not get an acknowledgement. */
enum status dispatch_up(struct hubgate *h, struct device *d, const struct route *route,
                        const char *topic, const void *payload, size_t len);

/* Everything other rooms have for BROKER: messages from the hub, log lines,
 * timers that are due. Called for every ring of the doorbell and every tick. */
void dispatch_drain(struct hubgate *h);

/* The uplink rings when the next timer of BROKER is due. */
void dispatch_set_timer(struct hubgate *h);

/* Commands that waited for p's device go to the broker now. */
void dispatch_held(struct hubgate *h, struct presence *p);
/* The device subscribed filter: those that wait for it go out. */
void dispatch_held_for(struct hubgate *h, struct presence *p, const char *filter);

/* Hands a message to the broker's own routing. ST_OK; ST_NOMEM. */
enum status dispatch_publish(const char *topic, const void *payload, size_t len, int qos,
                             bool retain);

/* True when a line may be logged now; *suppressed is then how many were not since
 * the last one. */
bool dispatch_may_log(struct limiter *l, uint64_t *suppressed);
/* A line about one message or subscription, limited. */
void dispatch_log_refusal(struct hubgate *h, const char *client_id, const char *topic,
                          const char *why);

#endif
