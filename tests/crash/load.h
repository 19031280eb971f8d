/* load.h - publishers that never forget: QoS 1, numbered, a bounded window in flight, each in a
 * thread of its own. What was not acknowledged is published again, with its number and in order,
 * after every lost connection.
 *
 * Payload: {"dev":D,"seq":N,"pad":"..."}, N from 1, so that a message is found in any file. */
#ifndef HUBGATE_TESTS_LOAD_H
#define HUBGATE_TESTS_LOAD_H

#include <stdbool.h>
#include <stdint.h>

enum {
	LOAD_DEVICES = 4,
	LOAD_SEQ_MAX = 40000
};

#define LOAD_PRODUCT "SUBPRODUC1"

struct load; /* opaque */

struct load_opts {
	int port;   /* of the LAN broker, on loopback */
	int window; /* messages in flight of one device */
	int rate;   /* messages per second of one device */
	int pad;    /* bytes that make a payload longer */
	int shadow; /* every so many messages an update of the device's shadow, QoS 0; 0: none */
};

struct load_counts { /* of all devices */
	uint64_t made, acked, republished, connects, refused;
};

/* Device D is LOAD_PRODUCT, "devD", D from 1; its secret in Base64. Static. */
const char *load_secret(int dev);

/* Connects and publishes until load_finish() or load_free(). Caller owns; NULL on failure. */
struct load *load_start(const struct load_opts *opts);
/* No new numbers; waits until every number made is acknowledged. False: it took too long. */
bool load_finish(struct load *l, int timeout_ms);
void load_free(struct load *l); /* ends the threads; NULL is fine */
void load_counts(const struct load *l, struct load_counts *out);
/* How many numbers device D made, and when one was first acknowledged to it (now_ms()); 0: not yet.
 */
int load_made(const struct load *l, int dev);
int64_t load_acked_ms(const struct load *l, int dev, int seq);

#endif
