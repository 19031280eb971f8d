/* net_look.h - one step after the other into the network, each within its own time: a name, its
 * addresses, TCP, TLS. Not a byte of MQTT is sent.
 * Room:  none; the command's one thread, which waits. Times: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_CLI_NET_LOOK_H
#define HUBGATE_CLI_NET_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "bridge/link/resolver.h"
#include "core/config/config.h"

enum {
	NET_LOOK_WHY_MAX = 320,
	NET_LOOK_ADDRESS_MAX = 64, /* of an address as text */
	NET_LOOK_NAMES_MAX = 200
};

/* A name or an address literal. ST_OK; ST_NOTFOUND, ST_TIMEOUT, ST_IO: why says it. */
enum status net_look_name(const char *host, uint16_t port, int64_t until_ms,
                          struct resolver_answer *out, char why[NET_LOOK_WHY_MAX]);

const char *net_look_text(const struct sockaddr_storage *a, char out[NET_LOOK_ADDRESS_MAX]);
bool net_look_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* Loopback, the address of an interface, or none at all (0.0.0.0). */
bool net_look_is_here(const struct sockaddr_storage *a);
/* Of a LAN (RFC 1918, 6598, 4193) or of a link: no address of a hub on the internet. */
bool net_look_is_private(const struct sockaddr_storage *a);

/* The first address that takes a connection: a descriptor of the caller's that does not block. -1:
 * none, and why names what each of them said. */
int net_look_connect(const struct resolver_answer *a, int64_t until_ms, char why[NET_LOOK_WHY_MAX]);

enum net_tls {
	NET_TLS_OK,
	NET_TLS_FILE,    /* one of our own files cannot be used */
	NET_TLS_NONE,    /* something else is spoken there */
	NET_TLS_TIMEOUT, /* no end of the handshake */
	NET_TLS_CLOSED,  /* the other side ended it */
	NET_TLS_EARLY,   /* the certificate is not valid yet */
	NET_TLS_EXPIRED,
	NET_TLS_CA,   /* signed by nobody we know */
	NET_TLS_HOST, /* of another name */
	NET_TLS_OTHER /* refused for another reason */
};

struct net_look_tls {
	enum net_tls end;
	char why[NET_LOOK_WHY_MAX];
	/* Of the certificate that was refused, else of the hub's; "" and 0: none was seen. */
	char subject[128], issuer[128], names[NET_LOOK_NAMES_MAX];
	time_t from, to;
};

/* A handshake as the plugin makes it (bridge/link/tls), over fd, which stays the caller's. */
void net_look_tls(const struct config *c, int fd, int64_t until_ms, struct net_look_tls *out);

#endif
