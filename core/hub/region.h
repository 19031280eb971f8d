/* region.h - which of the hub's two sets of limits counts, and where its other services are.
 * Room:  any. Pure.
 * Facts: docs/protocol/limits.md "Mainland and international differ";
 * docs/protocol/connection.md 1.
 */
#ifndef HUBGATE_REGION_H
#define HUBGATE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum region {
	REGION_AUTO, /* by the host */
	REGION_MAINLAND,
	REGION_INTERNATIONAL,
};

/* What is never refused here: when the hub refuses it, its limit may be the reason. */
enum region_count {
	REGION_DEVICES,    /* bound to one gateway */
	REGION_SLASHES,    /* in a topic */
	REGION_ATTRIBUTES, /* of a shadow */
	REGION_COUNTS
};

enum {
	REGION_HINT_MAX = 128
};

struct region_limits {
	const char *name;
	uint32_t rate_up;  /* messages per second: what is used, some below what the hub takes ... */
	uint32_t rate_max; /* ... which is this */
	uint32_t keepalive_min, keepalive_max; /* seconds */
	uint32_t subscriptions; /* per device, 0: unlimited; nothing says whether of a gateway, too */
	uint32_t counts[REGION_COUNTS]; /* 0: unlimited; the hub's to judge */
};

/* The set of the mainland for a host of the vendor that names no other region: it is the smaller
 * one. International for every host that is not the vendor's. */
enum region region_of_host(const char *host);
bool region_host_is_vendors(const char *host);
/* Where devices of the products behind this host register. Static. */
const char *region_register_url(const char *host);
/* Words to put behind a refusal of n of something; "" when that is within the limit, or lim is
 * NULL. Returns out. */
const char *region_hint(const struct region_limits *lim, enum region_count what, size_t n,
                        char out[REGION_HINT_MAX]);
/* Static. Of REGION_AUTO: none, NULL. */
const struct region_limits *region_limits(enum region region);

#endif
