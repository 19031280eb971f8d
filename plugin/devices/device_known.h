/* device_known.h - how devices become known and are let go, and what is remembered of each across
 * restarts: bound or not, spoken for by a gateway application, made by a rule of mappings[].
 * Room:  BROKER.
 */
#ifndef HUBGATE_DEVICE_KNOWN_H
#define HUBGATE_DEVICE_KNOWN_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum {
	DEVICES_MAX = 1500, /* of one gateway, docs/protocol/limits.md */
};

/* What is remembered of a device. One that is not configured becomes known again if a gateway
 * application had brought it online, or a rule of mappings[] makes it. False: of no device that is
 * known. */
bool device_load(struct hubgate *h, const struct state_entry *e);
/* d is known again after it was retired, or for the first time: it gets what is stored of it, and
 * the uplink hears of it. */
void device_known(struct hubgate *h, struct device *d);
/* One that is not configured becomes known while the gateway runs, for this origin, and gets what
 * is stored of it. NULL: no memory, too many devices or names that the hub has not been asked about
 * (core/hub/standing.h), or ids out of their grammar. */
struct device *device_admit(struct hubgate *h, const char *product_id, const char *device_name,
                            enum origin why);
/* An origin of d begins or is over. */
void device_set_origin(struct hubgate *h, struct device *d, enum origin origin, bool on);
/* An origin of d is over. Without any other d is retired: no login, no rights, no word to the hub;
 * what is stored of it stays; one that is not known to be ours is forgotten altogether. False: d is
 * not to be used any more. */
bool device_let_go(struct hubgate *h, struct device *d);
/* What its entry in devices[] says of how it comes here; NULL: it has none any more. */
void device_configured(struct device *d, const struct config_device *c);
/* d proved by a login that it is a client of its own: from now on, and after a restart, nobody else
 * speaks for it. by_hub: with its hub credentials, so its commands are for its session alone. */
void device_logged_in(struct hubgate *h, struct device *d, bool by_hub);
/* Clients that are logged in as d have no rights from now on (plugin/reload disconnects them). */
void device_end_sessions(struct hubgate *h, struct device *d);
/* The gateway application speaks for d, or does not any more: presence follows. */
void device_set_by_app(struct hubgate *h, struct device *d, bool by_app);
/* The hub said so. A device that is not bound is spoken for by nobody. */
void device_set_bound(struct hubgate *h, struct device *d, bool bound);
/* The hub refused `online`: what it never called bound is a stranger. */
void device_refused(struct hubgate *h, struct device *d);

#endif
