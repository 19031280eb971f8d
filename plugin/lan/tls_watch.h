/* tls_watch.h - which TLS connection of the broker belongs to a client, and whether it still lives.
 * Room:  BROKER, but for what OpenSSL calls: any, under its own lock.
 * Why:   2.0.11 frees a client whose handshake fails while it is accepted without telling any
 *        plugin, and the next client gets its memory. What was proved by the first must not count
 *        for the second. OpenSSL tells of every connection that is made and freed, and the broker
 *        keeps the client's pointer in its connection's ex_data.
 */
#ifndef HUBGATE_TLS_WATCH_H
#define HUBGATE_TLS_WATCH_H

#include <stdint.h>

struct mosquitto;
struct tls_watch; /* opaque */

/* NULL: no memory, or OpenSSL has no room; then nobody's connection is ever found. */
struct tls_watch *tls_watch_new(void);
void tls_watch_free(struct tls_watch *w); /* NULL is fine */
/* A number that this connection alone has had since the start; 0: the client has no TLS connection
 * that lives, or the broker brought an OpenSSL of its own. */
uint64_t tls_watch_connection(struct tls_watch *w, const struct mosquitto *client);

#endif
