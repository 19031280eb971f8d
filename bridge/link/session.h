/* session.h - one MQTT 3.1.1 connection to the hub, from name to DISCONNECT.
 * Room:  UPLINK. Non-blocking, driven by its owner's poll loop.
 * Knows: packets, packet ids, keepalive, a dead link. Does not know: devices,
 *        the journal, when to reconnect.
 * Times: milliseconds of CLOCK_MONOTONIC.
 */
#ifndef HUBGATE_SESSION_H
#define HUBGATE_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/link/transport.h"
#include "core/mqtt/mqtt_codec.h"

struct session; /* opaque */

/* Packet ids outlive connections: a publish that is sent again in a resumed
 * session keeps its id (MQTT 3.1.1, 4.4). */
struct packet_ids {
	uint64_t taken[65536 / 64];
	uint16_t last;
};

uint16_t packet_ids_take(struct packet_ids *ids);          /* 0: all are taken */
void packet_ids_keep(struct packet_ids *ids, uint16_t id); /* taken by an earlier connection */
void packet_ids_release(struct packet_ids *ids, uint16_t id);
void packet_ids_clear(struct packet_ids *ids);

struct session_conf { /* borrowed during session_open() */
	struct transport_conf transport;
	const char *client_id, *username, *password; /* password NULL: certificate */
	uint16_t keepalive_s;
	bool clean_session;
	uint32_t answer_ms; /* longest wait for CONNACK and PINGRESP */
};

enum session_phase {
	SESSION_CONNECTING,
	SESSION_LOGIN,
	SESSION_UP
};

/* Caller owns *out; also set when ST_INVALID, for session_error(). */
enum status session_open(const struct session_conf *conf, int64_t now_ms, struct session **out);
enum session_end {
	SESSION_POLITE, /* DISCONNECT is put on the wire if it takes it at once */
	SESSION_PLAIN,
	SESSION_ABORT, /* a dead link: what it still holds shall not arrive later */
};

void session_close(struct session *s, enum session_end how); /* NULL is fine */

/* Progress: connect, log in, write, read, ping, notice a dead link.
 * waiting_since_ms: when the oldest unanswered publish left, INT64_MAX: none.
 * ST_OK; anything else: over, session_error() says why; ST_DENIED: the hub
 * refused the login, session_refusal() has its CONNACK code. */
enum status session_run(struct session *s, int64_t now_ms, int64_t waiting_since_ms);

enum session_phase session_phase(const struct session *s);
bool session_resumed(const struct session *s);    /* CONNACK said session present */
uint8_t session_refusal(const struct session *s); /* CONNACK code, 0: none */
const char *session_error(const struct session *s);
const char *session_peer(const struct session *s);

/* Next packet that arrived. ST_OK: out borrows until the next call; ST_AGAIN;
 * ST_MALFORMED: the hub broke the protocol, close. */
enum status session_next(struct session *s, struct mqtt_packet *out);

/* Queue one packet. ST_OK; ST_FULL: the socket does not drain, try later. */
enum status session_publish(struct session *s, const struct mqtt_publish *p);
enum status session_subscribe(struct session *s, uint16_t id, const char *filter, uint8_t qos);
enum status session_unsubscribe(struct session *s, uint16_t id, const char *filter);
/* UNSUBSCRIBE filter and SUBSCRIBE again, in one write; or neither of them. */
enum status session_exchange(struct session *s, uint16_t id, const char *filter, uint16_t again_id,
                             const char *again, uint8_t qos);
enum status session_puback(struct session *s, uint16_t id);
/* Tries to write what is queued now. Result as session_run(). */
enum status session_flush(struct session *s, int64_t now_ms);
bool session_idle(const struct session *s); /* nothing queued to write */
/* Rises whenever bytes of the hub arrive. */
uint64_t session_heard(const struct session *s);
/* Asks the hub for a sign of life, unless that was done and is not answered. */
enum status session_probe(struct session *s, int64_t now_ms);

void session_pollfd(const struct session *s, struct pollfd *out, bool paused);
int64_t session_deadline(const struct session *s, int64_t waiting_since_ms);

#endif
