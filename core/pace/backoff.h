/* backoff.h - how long to wait before the next attempt.
 * Room:  any. Pure: the caller brings the seed.
 * Facts: docs/protocol/connection.md 9, point 2 - full jitter, exponential, never under the
 *        floor (the hub allows one connect per 5 s), never gives up.
 */
#ifndef HUBGATE_BACKOFF_H
#define HUBGATE_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t floor_ms, cap_ms;
	uint32_t failures; /* in a row; counts no further than it matters */
	uint64_t random;
};

/* A floor of 0 is taken as 1 ms, a cap under the floor as the floor. Seed from a
 * random source, so that gateways spread; the same seed gives the same waits. */
void backoff_init(struct backoff *b, uint32_t floor_ms, uint32_t cap_ms, uint64_t seed);

/* Counts a failure, then says how many milliseconds lie between the start of the
 * attempt that just failed and the start of the next: uniformly random in
 * floor .. min(cap, floor * 2^failures), so floor .. 2 * floor after the first. */
uint32_t backoff_next_ms(struct backoff *b);

/* For refusals that only a changed configuration can mend: uniformly random in
 * (floor + cap) / 2 .. cap. backoff_next_ms() then draws from floor .. cap until
 * backoff_reset(). */
uint32_t backoff_longest_ms(struct backoff *b);

void backoff_reset(struct backoff *b); /* after lasting success */

#endif
