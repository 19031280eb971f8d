/* connections.h - a bound on connections that nobody can fill with slow ones: who gives way, and
 * who was given time enough.
 * Room:  any, one owner. Pure; the caller brings the time.
 * Keeps: who is quick is served however many are slow, also when all come from one address (SNAT).
 */
#ifndef HUBGATE_CONNECTIONS_H
#define HUBGATE_CONNECTIONS_H

#include <stddef.h>
#include <stdint.h>

enum connection_state {
	CONNECTION_NONE,      /* a free place */
	CONNECTION_OPEN,      /* its request is not whole yet, or its reply not read */
	CONNECTION_SERVED,    /* we owe it a reply: it does not give way */
	CONNECTION_GIVES_WAY, /* it was told to go and is about to */
};

struct connection {
	enum connection_state state;
	unsigned char address[16]; /* IPv6, or IPv4 mapped into it; no port */
	int64_t since_ms;          /* CONNECTION_OPEN: when it became so */
};

/* One more came than may stay (it is among them): who goes. Of the address with the most open
 * connections the oldest of these; of two with as many, the one whose oldest is older. SIZE_MAX:
 * none is open. */
size_t connections_give_way(const struct connection *all, size_t count);

/* One that has been open for limit_ms or longer. SIZE_MAX: none. */
size_t connections_overdue(const struct connection *all, size_t count, int64_t now_ms,
                           int64_t limit_ms);

/* Those that are open or served. */
size_t connections_count(const struct connection *all, size_t count);

#endif
