/* bell.h - of a broker as much as the doorbell knows: logins, rings, pings. For peer.h; the fields
 * are the test's while the peer runs.
 */
#ifndef HUBGATE_TESTS_BELL_H
#define HUBGATE_TESTS_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bridge/doorbell/doorbell.h"
#include "tests/fakes/peer.h"

struct bell {
	atomic_int code;    /* of the CONNACK */
	atomic_bool silent; /* never answers anything */
	atomic_bool drops;  /* closes the next connection that says something after CONNECT */
	atomic_uint logins, rings, pings, goodbyes, subscribes;
	struct doorbell *_Atomic confirms; /* confirm each ring of this one ... */
	void (*drain)(void *ctx); /* ... and then empty the mailboxes; set before peer_start() */
	void *ctx;
	char last_topic[64]; /* read it only after peer_stop() */
};

void bell_serve(struct peer_conn *c, void *bell);

#endif
