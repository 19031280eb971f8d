/* gatewayop.h - the hub's side of $gateway (docs/protocol/gateway.md) and $sys
 * (docs/protocol/other.md 4). */
#ifndef HUBSIM_GATEWAYOP_H
#define HUBSIM_GATEWAYOP_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct gatewayop; /* opaque; main thread only */

/* Borrows both for its life. NULL when out of memory. */
struct gatewayop *gatewayop_new(struct cloud *c, struct events *e);
void gatewayop_free(struct gatewayop *g); /* NULL is fine */

/* Handles a message published by `who`; anything but its own $gateway and a $sys topic is left. */
void gatewayop_message(struct gatewayop *g, struct account *who, const char *topic,
                       const void *payload, size_t len);

/* Next `count` (negative: all) results of `op` for `device` ("" any) become `result`.
 * Count 0 removes the rule. */
void gatewayop_force(struct gatewayop *g, const char *op, const char *device, int result,
                     int count);
/* Next `count` (negative: all) requests `op` ("" any) get no answer and do nothing. */
void gatewayop_silence(struct gatewayop *g, const char *op, int count);
/* The next request for devices is carried out at once, and answered after the next `change`. */
void gatewayop_cross(struct gatewayop *g);

/* The console binds (`gw` given) or unbinds (`gw` NULL) `sub`, and tells the gateway. */
void gatewayop_console(struct gatewayop *g, struct account *sub, struct account *gw);

/* {"requests":{"online":n,...},"change_acks":n,...}; caller owns. */
cJSON *gatewayop_stats(const struct gatewayop *g);

#endif
