/* stall_guard.h - what may be on its way unheard, so that a link which stalls and
 *             heals does not pour a queue over the hub at once.
 * Room:  UPLINK. Pure: time comes in as microseconds of a monotonic clock.
 * Why:   the hub counts what arrives per second (docs/protocol/limits.md). Messages
 *        written into a stalled link arrive together when it heals; those sent
 *        right after would come on top. So: never more than one second's worth
 *        unheard, and after a stall a pause as long as what it held back.
 */
#ifndef HUBGATE_STALL_GUARD_H
#define HUBGATE_STALL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

struct stall_guard {
	uint32_t rate;     /* messages per second, 0 = no limit: never pauses */
	uint32_t unheard;  /* sent since the hub last said anything */
	int64_t first_us;  /* when the first of them was sent */
	int64_t answer_us; /* how long the hub usually takes, smoothed */
};

enum {
	HEARING_FIRST_ANSWER_US = 300000,
	HEARING_MARGIN_US = 200000,
	STALL_GUARD_JITTER = 5
};

void stall_guard_init(struct stall_guard *h, uint32_t rate);
void stall_guard_set_rate(struct stall_guard *h, uint32_t rate); /* what is unheard stays counted */
void stall_guard_sent(struct stall_guard *h, int64_t now_us);
/* The hub said something. Returns how long to send nothing, in microseconds. */
int64_t stall_guard_heard(struct stall_guard *h, int64_t now_us);
/* A new connection: returns the pause owed for what the old one left unheard. */
int64_t stall_guard_reset(struct stall_guard *h);
/* Enough is unheard: send nothing more until the hub says something. */
bool stall_guard_full(const struct stall_guard *h);
/* Half of that, and perhaps nothing among it that the hub answers: ask (PINGREQ). */
bool stall_guard_wants_probe(const struct stall_guard *h);

#endif
