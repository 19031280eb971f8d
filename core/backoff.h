/* backoff.h - how long to wait before the next attempt.
 * Room:  any. Pure: the caller brings the seed.
 * Facts: protocol/connection.md 9.2 - full jitter, exponential, never under the
 *        floor (the hub allows one connect per 5 s), never gives up.
 */
#ifndef HUBGATE_BACKOFF_H
#define HUBGATE_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t floor_ms, cap_ms;
	uint32_t failures;       /* in a row */
	uint64_t random;
};

/* floor_ms <= cap_ms; seed from a random source so that gateways spread. */
void backoff_init(struct backoff *b, uint32_t floor_ms, uint32_t cap_ms, uint64_t seed);

/* Milliseconds from the start of the attempt that just failed to the next:
 * floor + random(0 .. min(cap, floor * 2^failures) - floor); counts a failure.
 * A failure count never overflows the result over cap_ms. */
uint32_t backoff_next_ms(struct backoff *b);

/* The longest wait from now on until reset: for refusals that only a changed
 * configuration can mend. Returns floor/2+cap/2 .. cap with jitter. */
uint32_t backoff_longest_ms(struct backoff *b);

void backoff_reset(struct backoff *b);   /* after lasting success */

#endif
