/* peer.h - a server on loopback or a unix socket, in a thread of its own.
 * It serves one connection after the other by the test's script. Everything it
 * waits for ends at once when the test calls peer_stop().
 */
#ifndef HUBGATE_TESTS_PEER_H
#define HUBGATE_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/mqtt/packet.h"

struct peer;
struct peer_conn;

struct peer_conf {
	const char *unix_path;  /* NULL: 127.0.0.1, random port */
	const char *cert, *key; /* NULL: plain */
	const char *client_ca;  /* NULL, or clients must show a certificate of it */
	bool deaf;              /* listens, but never accepts */
	void (*serve)(struct peer_conn *c, void *ctx); /* closed after it returns */
	void *ctx;
};

struct peer *peer_start(const struct peer_conf *conf);
void peer_stop(struct peer *p); /* NULL is fine */
uint16_t peer_port(const struct peer *p);
unsigned peer_accepted(const struct peer *p);

/* For serve(). Blocks until there is something; 0: closed, or the test is over. */
size_t peer_read(struct peer_conn *c, void *data, size_t len);
bool peer_write(struct peer_conn *c, const void *data, size_t len); /* all of it */

enum {
	PEER_PACKET_MAX = 17 * 1024
};

struct peer_inbox { /* zeroed is empty */
	uint8_t bytes[PEER_PACKET_MAX];
	size_t len, used;
};

/* The next whole MQTT packet, borrowed until the next call. False: closed, over, not MQTT, or
 * longer than the inbox. */
bool peer_packet(struct peer_conn *c, struct peer_inbox *in, struct packet *out);
void peer_reset(struct peer_conn *c); /* closing will send a reset */

#endif
