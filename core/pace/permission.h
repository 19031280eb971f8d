/* permission.h - which topics the hub acknowledges, and what may be sent of the others.
 * Room:  any; one owner. Pure: time comes in as milliseconds of a monotonic clock.
 * Why:   a publish without permission gets no PUBACK (docs/protocol/topics.md 2), and permission
 *        is the product's: a key is a product and the topic behind the device name. What is not
 *        proven costs the others two places of the window and no more
 *        (docs/architecture.md 6 "Poison").
 * Keeps: PERMISSION_KEYS keys. One that no message has gives way, least recently used first; when
 *        all are in use, further topics share PERMISSION_OVERFLOW, which proves nothing.
 *
 * States of a key, and what moves it:
 *
 *              ack      late     skipped   closed on  link lost
 *   UNPROVEN   PROVEN   DOUBTED  SUSPECT   SUSPECT    -          one message in flight at a time
 *   DOUBTED    PROVEN   -        SUSPECT   SUSPECT    UNPROVEN   the rest is put aside
 *   SUSPECT    PROVEN   -        -         -          -          the rest is put aside, probes go
 *   PROVEN     -        -        SUSPECT   -          -          everything goes
 *
 * late: in flight for longer than an answer takes; skipped: late, and something that was sent later
 * is acknowledged, nothing of its key though.
 */
#ifndef HUBGATE_PERMISSION_H
#define HUBGATE_PERMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/list.h"
#include "core/base/status.h"
#include "core/base/table.h"

enum {
	PERMISSION_NONE, /* of a message that is never acknowledged, QoS 0: it may always go */
	PERMISSION_KEYS = 4096,
	PERMISSION_OVERFLOW, /* of what found no key of its own */
	PERMISSION_SINGLE,   /* of messages that were skipped while others of their key were not */
	PERMISSION_LONE,     /* of messages on which the hub closed connections, of proven keys */
	PERMISSION_IDS
};

enum {
	PERMISSION_TRIES = 2,        /* places of the window for all that is not proven */
	PERMISSION_PROBES = 1,       /* of these, for probes: a new topic finds the other */
	PERMISSION_PAUSE_MS = 10000, /* between two probes of a key, doubling up to ... */
	PERMISSION_PAUSE_MAX_MS = 600000,
};

enum permission_state {
	PERMISSION_UNPROVEN,
	PERMISSION_PROVEN,
	PERMISSION_DOUBTED,
	PERMISSION_SUSPECT
};

struct permission { /* one key */
	struct table_node node;
	struct permission *next, *prev; /* in the line of those that no message has */
	uint16_t id;
	uint8_t state;        /* enum permission_state */
	bool ever;            /* was proven once */
	bool alone;           /* the hub closes on it: probed when nothing else is in flight */
	bool told;            /* it was said that it is suspect */
	bool excused;         /* permission_excuse() */
	uint32_t tries;       /* as in struct permissions, of this key */
	uint32_t misses;      /* probes in a row that were skipped */
	uint32_t pause_ms;    /* before the probe after the next */
	int64_t probe_ms;     /* of a suspect key: the next probe not before */
	uint64_t waiting;     /* messages that have it */
	uint64_t acked_order; /* of the newest transmission that was acknowledged */
	size_t product_len;   /* of text */
	char text[];          /* product id, a slash, topic behind the device name */
};

struct permissions {                         /* zeroed before permission_init() */
	struct permission *keys[PERMISSION_IDS]; /* owned */
	struct table table;
	LINE_OF(struct permission) idle;
	uint64_t seed;
	uint16_t used;    /* keys made so far */
	uint32_t tries;   /* messages of keys not proven that are in flight and not late */
	uint32_t probes;  /* of these */
	uint32_t suspect; /* keys */
	int64_t due_ms;   /* no probe is due before; INT64_MAX: none at all */
};

/* ST_OK; ST_NOMEM: permission_fini() is still due. */
enum status permission_init(struct permissions *p, uint64_t seed);
void permission_fini(struct permissions *p);

/* A message of this topic waits: its key. Without memory PERMISSION_OVERFLOW. */
uint16_t permission_take(struct permissions *p, const char *product_id, size_t product_len,
                         const char *topic, size_t topic_len);
/* A message has key id from now on, and has it no longer. PERMISSION_NONE: no effect. */
void permission_hold(struct permissions *p, uint16_t id);
void permission_drop(struct permissions *p, uint16_t id);

/* Borrowed, for as long as a message has it; not of PERMISSION_NONE. */
const struct permission *permission_key(const struct permissions *p, uint16_t id);
bool permission_proven(const struct permissions *p, uint16_t id); /* also PERMISSION_NONE */

enum permission_way {
	PERMISSION_GO,
	PERMISSION_WAIT,  /* for the answer to a first try, or for a place for one */
	PERMISSION_ASIDE, /* others overtake it: only probes go */
};
enum permission_way permission_way(const struct permissions *p, uint16_t id);
bool permission_place(const struct permissions *p); /* there is one for a first try */

/* A message of a key takes one of the places for what is not proven; it gives it back when it is
 * late, acknowledged, or not in flight any more. */
void permission_try(struct permissions *p, uint16_t id, bool probe);
void permission_tried(struct permissions *p, uint16_t id, bool probe);

/* Transmission `order` was acknowledged. True: what waits of the key flows now. */
bool permission_acked(struct permissions *p, uint16_t id, uint64_t order, int64_t now_ms);
/* A later transmission of the key than this one was acknowledged. Of a shared key it is unknown:
 * false. */
bool permission_passed(const struct permissions *p, uint16_t id, uint64_t order);
/* Late, and nothing sent later is acknowledged. True: its key is doubted now. */
bool permission_doubt(struct permissions *p, uint16_t id);
/* Skipped. True: say so, as was not done since it was last proven. A key that was proven is probed
 * at once and said to be suspect when that is skipped too: it may be the one message. */
bool permission_accuse(struct permissions *p, uint16_t id, bool probe, int64_t now_ms);
/* The hub closed connections on a message of it. True: once between two acknowledgements of a
 * proven key, it may be the message. */
bool permission_excuse(struct permissions *p, uint16_t id);
/* It is the key: probed alone from now on, once more soon, then with the longest pause, since each
 * such probe costs everybody a connection. True: say so. */
bool permission_isolate(struct permissions *p, uint16_t id, int64_t now_ms);
/* An earlier run found that the hub closes on it: it is probed alone, after the longest pause. */
void permission_remember(struct permissions *p, uint16_t id, int64_t now_ms);
/* The connection is gone. True: the key was doubted, and is not any more. */
bool permission_undoubt(struct permissions *p, uint16_t id);

/* A key to be probed now, PERMISSION_NONE: none. alone: one that is probed alone. */
uint16_t permission_due(struct permissions *p, bool alone, int64_t now_ms);
/* It is probed now, or has nothing that could be sent: not again before its pause. */
void permission_probed(struct permissions *p, uint16_t id, int64_t now_ms);
/* If it is suspect, it is probed at once. */
void permission_hurry(struct permissions *p, uint16_t id, int64_t now_ms);
/* The next probe of it is of another message than the last, if there is one: perhaps the hub does
 * not take that message. Every other probe of a key that was proven; of others every fourth, since
 * it costs the order of one message when the topic is declared just then. */
bool permission_other(const struct permissions *p, uint16_t id);

#endif
