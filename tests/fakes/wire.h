/* wire.h - a session and, in a thread, the hub at its other end by a script; the
 * session's time stands still unless the test moves it.
 */
#ifndef HUBGATE_TESTS_WIRE_H
#define HUBGATE_TESTS_WIRE_H

#include <stdatomic.h>

#include "bridge/link/session.h"
#include "tests/fakes/peer.h"

enum {
	WIRE_PATIENCE_MS = 10000, /* of real time, then a test gives up */
	WIRE_ANSWER_MS = 10000,
	WIRE_KEEPALIVE_S = 240,
	WIRE_PAYLOAD_MAX = 16 * 1024,
};

#define CONNACK_OK      0x20, 2, 0, 0
#define CONNACK_RESUMED 0x20, 2, 1, 0
#define PUBLISH_A       0x30, 4, 0, 1, 'a', '1'
#define PUBLISH_B       0x32, 6, 0, 1, 'b', 0, 9, '2'

extern const unsigned char wire_connack[4]; /* CONNACK_OK */

struct script { /* what the hub does after CONNECT */
	const unsigned char *reply;
	size_t len;
	bool bytewise, closes, pings_back;
	atomic_bool asleep;   /* does not read */
	atomic_uint seen[16]; /* packets by type */
	unsigned char login[512];
	size_t login_len; /* valid once seen[MQTT_CONNECT] */
};

struct wire {
	struct script script;
	struct peer *peer;
	struct session *s;
	int64_t now_ms; /* the session's time */
};

/* Answers CONNECT with these bytes; then the script may be changed, then opened. */
void wire_start(struct wire *f, const unsigned char *bytes, size_t len);
void wire_open(struct wire *f, const char *password); /* NULL: certificate */
void wire_stop(struct wire *f, enum session_end how);
/* All of it, until the session is up. */
void wire_log_in(struct wire *f, const unsigned char *bytes, size_t len);

enum status wire_run(struct wire *f);
void wire_await(struct wire *f); /* a little, for the socket */
/* Until it is logged in or has failed. */
enum status wire_settle(struct wire *f);
enum status wire_next(struct wire *f, struct mqtt_packet *p);
void wire_expect_publish(struct wire *f, const char *topic, const char *payload);
/* Exactly so many of this type, waited for. */
bool wire_hub_saw(struct wire *f, enum mqtt_type type, unsigned count);
int64_t wire_real_ms(void);

#endif
