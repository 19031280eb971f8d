/* facts.h - what is known of devices beside the configuration, across restarts: bound or not,
 * spoken for by a gateway application, made by a rule of mappings[]. Room:  BROKER.
 */
#ifndef HUBGATE_FACTS_H
#define HUBGATE_FACTS_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum {
	FACTS_DEVICES_MAX = 1500, /* of one gateway, docs/protocol/limits.md */
};

/* What is remembered of a device. One that is not configured becomes known again if a gateway
 * application had brought it online, or a rule of mappings[] makes it. False: of no device that is
 * known. */
bool facts_load(struct hubgate *h, const struct state_entry *e);
/* What is known of d is remembered for the next start. */
void facts_keep(struct hubgate *h, const struct device *d);
/* A device becomes known while the gateway runs, and gets what is stored of it. ST_OK; ST_NOMEM;
 * ST_EXISTS, ST_INVALID as registry_add(). */
enum status facts_add(struct hubgate *h, const char *product_id, const char *device_name,
                      const struct secret *secret, struct device **out);
/* d is known again after it was retired, or for the first time: it gets what is stored of it, and
 * the uplink hears of it. */
void facts_known(struct hubgate *h, struct device *d);
/* d is not known any more: no login, no rights, no word to the hub; what is stored of it stays. */
void facts_retire(struct hubgate *h, struct device *d);
/* Clients that are logged in as d have no rights from now on (plugin/reload disconnects them). */
void facts_end_sessions(struct hubgate *h, struct device *d);
/* d is not configured: it is retired unless somebody else speaks for it or it registered. */
void facts_drop_guest(struct hubgate *h, struct device *d);
/* The same for one that is not configured. NULL: no memory, or too many devices. */
struct device *facts_guest(struct hubgate *h, const char *product_id, const char *device_name);
/* The gateway application speaks for d, or does not any more: presence follows. */
void facts_by_app(struct hubgate *h, struct device *d, bool by_app);
/* The hub said so. A device that is not bound is spoken for by nobody. */
void facts_bound(struct hubgate *h, struct device *d, bool bound);

#endif
