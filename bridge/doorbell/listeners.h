/* listeners.h - where this very process listens, seen from inside it: the
 *               doors through which the doorbell can reach its own broker.
 * Room:  UPLINK, except where a function says otherwise. Reads /proc/self/fd; takes a microsecond
 * or so per descriptor.
 */
#ifndef HUBGATE_LISTENERS_H
#define HUBGATE_LISTENERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	LISTENERS_MAX = 32,      /* kept of one scan, in order of preference */
	LISTENER_HOST_MAX = 256, /* bytes with NUL */
	LISTENER_TEXT_MAX = LISTENER_HOST_MAX + 8,
	LISTENER_HINTS_MAX = 65,
};

/* In order of preference. */
enum listener_kind {
	LISTENER_UNIX,
	LISTENER_LOOPBACK,
	LISTENER_LAN
};

struct listener {
	enum listener_kind kind;
	uint16_t port;                /* 0 for a unix socket */
	char host[LISTENER_HOST_MAX]; /* address to connect to, or the socket's path */
	char text[LISTENER_TEXT_MAX]; /* "unix:/path", "127.0.0.1:1883", "[::1]:1883" */
};

/* What mosquitto.conf says of a port of this broker, so that no try costs it a line in its log. */
struct listener_hint {
	uint16_t port;
	enum listener_way {
		LISTENER_PLAIN,
		LISTENER_TLS,
		LISTENER_CLOSED /* to us: PSK, websockets, client certificates */
	} way;
};

/* Fills out with at most max listening stream sockets of this process: unix,
 * then loopback and wildcard (as 127.0.0.1 or ::1), then LAN addresses; within
 * a kind IPv4 first, then by port. Returns how many; 0 also when /proc is not
 * there. Unix sockets without a path are left out. */
size_t listeners_find(struct listener *out, size_t max);

/* Any room. "unix:/path", "host:port" or "[address]:port" as in the configuration; the
 * kind of a host is LISTENER_LAN. ST_OK; ST_INVALID (out is not touched). */
enum status listener_parse(const char *text, struct listener *out);

#endif
