/* routing.h - what is known by the order of the broker's callbacks: between the one that lets a
 * publish or a will pass and the next, the broker routes it, and asks READ of each who may hear it.
 * Room:  BROKER.
 * Facts: docs/broker-notes.md 1.2, 1.3.
 */
#ifndef HUBGATE_ROUTING_H
#define HUBGATE_ROUTING_H

#include "plugin/base/context.h"

/* Any callback but READ: what the broker routed before is routed. MESSAGE ends it part by part,
 * since some of it is about that very message. */
void routing_over(struct hubgate *h);

#endif
