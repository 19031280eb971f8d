/* ota_url.h - from where firmware may come: schemes, redirects, names of hosts, addresses.
 * Room:  any. Pure.
 * Facts: docs/protocol/ota.md 3.
 */
#ifndef HUBGATE_OTA_URL_H
#define HUBGATE_OTA_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

enum {
	OTA_HOST_MAX = 254, /* of a name, with NUL */
	OTA_REDIRECTS_MAX = 5,
};

struct ota_url {
	bool https;
	char host[OTA_HOST_MAX]; /* lower case, without port; an IPv6 address without brackets */
};

/* ST_OK; ST_INVALID: neither http nor https, no host, or one that cannot be. */
enum status ota_url_read(const char *text, struct ota_url *out);
/* May `from` redirect to `to`? Never from https to http. */
bool ota_url_may_follow(const struct ota_url *from, const struct ota_url *to);
/* hosts: names separated by spaces or commas, "*." at the front for all names below; NULL or "":
 * any host. */
bool ota_url_host_allowed(const char *hosts, const char *host);

enum ota_address_kind {
	OTA_ADDRESS_FINE,
	OTA_ADDRESS_LOCAL,      /* this host's by its form: loopback, unspecified */
	OTA_ADDRESS_LINK_LOCAL, /* and multicast, broadcast */
};

/* An address, IPv6, or IPv4 mapped into it. */
enum ota_address_kind ota_address_kind(const unsigned char address[16]);
/* Text in either notation, a zone (%eth0) ignored. False: none. */
bool ota_address_read(const char *text, unsigned char out[16]);

#endif
