/* hearing.h - what may be on its way unheard, so that a link which stalls and
 *             heals does not pour a queue over the hub at once.
 * Room:  UPLINK. Pure: time comes in as microseconds of a monotonic clock.
 * Why:   the hub counts what arrives per second (docs/protocol/limits.md). Messages
 *        written into a stalled link arrive together when it heals; those sent
 *        right after would come on top. So: never more than one second's worth
 *        unheard, and after a stall a pause as long as what it held back.
 */
#ifndef HUBGATE_HEARING_H
#define HUBGATE_HEARING_H

#include <stdbool.h>
#include <stdint.h>

struct hearing {
	uint32_t rate;     /* messages per second, 0 = no limit: never pauses */
	uint32_t unheard;  /* sent since the hub last said anything */
	int64_t first_us;  /* when the first of them was sent */
	int64_t answer_us; /* how long the hub usually takes, smoothed */
};

enum {
	HEARING_FIRST_ANSWER_US = 300000,
	HEARING_MARGIN_US = 200000,
	HEARING_JITTER = 5
};

void hearing_init(struct hearing *h, uint32_t rate);
void hearing_sent(struct hearing *h, int64_t now_us);
/* The hub said something. Returns how long to send nothing, in microseconds. */
int64_t hearing_heard(struct hearing *h, int64_t now_us);
/* A new connection: returns the pause owed for what the old one left unheard. */
int64_t hearing_reset(struct hearing *h);
/* Enough is unheard: send nothing more until the hub says something. */
bool hearing_full(const struct hearing *h);
/* Half of that, and perhaps nothing among it that the hub answers: ask (PINGREQ). */
bool hearing_wants_probe(const struct hearing *h);

#endif
