/* region.h - which of the hub's two sets of limits counts, and where its other services are.
 * Room:  any. Pure.
 * Facts: docs/protocol/limits.md "Mainland and international differ";
 * docs/protocol/connection.md 1.
 */
#ifndef HUBGATE_REGION_H
#define HUBGATE_REGION_H

#include <stdbool.h>
#include <stdint.h>

enum region {
	REGION_AUTO, /* by the host */
	REGION_MAINLAND,
	REGION_INTERNATIONAL,
};

struct region_limits {
	const char *name;
	uint32_t rate_up;  /* messages per second: what is used, some below what the hub takes ... */
	uint32_t rate_max; /* ... which is this */
	uint32_t keepalive_min, keepalive_max; /* seconds */
	uint32_t subscriptions; /* per device, 0: unlimited; nothing says whether of a gateway, too */
};

/* The set of the mainland for a host of the vendor that names no other region: it is the smaller
 * one. International for every host that is not the vendor's. */
enum region region_of_host(const char *host);
bool region_host_is_vendors(const char *host);
/* Where devices of the products behind this host register. Static. */
const char *region_register_url(const char *host);
/* Static. Of REGION_AUTO: none, NULL. */
const struct region_limits *region_limits(enum region region);

#endif
