/* hub_talk.h - one connection to the hub as its gateway, in calls that wait: what `hubgate check` and
 * `hubgate probe` say there. The plugin has bridge/uplink for that.
 * Room:  none; the command's one thread. Times: milliseconds; until is CLOCK_MONOTONIC.
 * Keeps: connects are as far apart as the hub wants them, over processes (cli/store_owner); at most
 *        HUB_TALK_KEPT messages of the hub are kept, later ones are dropped.
 * Facts: docs/protocol/connection.md 4, 7.
 */
#ifndef HUBGATE_CLI_HUB_TALK_H
#define HUBGATE_CLI_HUB_TALK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/config/config.h"

enum {
	HUB_TALK_KEPT = 512,
	HUB_TALK_WHY_MAX = 512
};

struct hub_talk; /* opaque */

struct hub_talk_conf { /* borrowed for the life of the connection */
	const struct config *config;
	const char *product_id, *device_name; /* of the gateway */
	const struct secret *secret;          /* NULL: by the certificate of config */
	uint16_t keepalive_s;
	const volatile sig_atomic_t *stop; /* not 0: every wait ends; NULL: never */
};

enum hub_talk_end {
	HUB_TALK_UP,
	HUB_TALK_TURN,    /* it was not our turn, or last-connect cannot be written */
	HUB_TALK_NO_LINK, /* name, TCP, TLS */
	HUB_TALK_REFUSED, /* CONNACK with another code than 0 */
	HUB_TALK_LOST,    /* it was connected */
	HUB_TALK_STOPPED  /* *stop */
};

/* Logs in with an empty session. Caller owns *out, also when it failed; NULL: no memory. */
enum hub_talk_end hub_talk_open(const struct hub_talk_conf *conf, int64_t until,
                                struct hub_talk **out);
void hub_talk_close(struct hub_talk *t); /* with DISCONNECT when it is up; NULL is fine */
/* Waits from here on are ended by *stop; NULL: by nothing. */
void hub_talk_heed(struct hub_talk *t, const volatile sig_atomic_t *stop);

enum hub_talk_end hub_talk_state(const struct hub_talk *t);
const char *hub_talk_why(const struct hub_talk *t); /* of an end: a line without secrets */
uint8_t hub_talk_code(const struct hub_talk *t);    /* of CONNACK */
unsigned hub_talk_sent(const struct hub_talk *t);   /* PUBLISH and SUBSCRIBE so far */

/* ST_OK: *id is known by hub_talk_is_acked(), at QoS 1. ST_CLOSED: the connection is over. */
enum status hub_talk_publish(struct hub_talk *t, const char *topic, const void *payload, size_t len,
                             uint8_t qos, uint16_t *id);
bool hub_talk_is_acked(const struct hub_talk *t, uint16_t id);
/* ST_OK: granted; ST_DENIED: SUBACK 0x80; ST_TIMEOUT; ST_STATE: stopped; ST_CLOSED. */
enum status hub_talk_subscribe(struct hub_talk *t, const char *filter, uint8_t qos, int wait_ms);

struct hub_talk_message {
	char *topic;
	char *payload; /* with a NUL behind its len bytes */
	size_t len;
};

/* Takes messages and acknowledgements until then, or until done (NULL: never) says so. ST_OK: done;
 * ST_TIMEOUT; ST_STATE; ST_CLOSED. */
enum status hub_talk_run(struct hub_talk *t, int64_t until, bool (*done)(void *ctx), void *ctx);
/* The oldest message that is on topic, that fits (NULL: any) and was not taken: borrowed until the
 * connection is closed. NULL: none came in wait_ms, or the connection is over, or stopped. */
const struct hub_talk_message *
hub_talk_await(struct hub_talk *t, const char *topic,
               bool (*fits)(void *ctx, const struct hub_talk_message *m), void *ctx, int wait_ms);

#endif
