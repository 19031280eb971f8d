#include "core/pace/backoff.h"

enum {
	DOUBLINGS_MAX = 32
}; /* any floor of at least 1 ms is over any cap by then */

/* splitmix64: every seed is good, also 0. */
static uint64_t draw(struct backoff *b)
{
	uint64_t x;

	b->random += 0x9e3779b97f4a7c15u;
	x = b->random;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint32_t draw_between(struct backoff *b, uint32_t low, uint32_t high)
{
	uint64_t choices = (uint64_t)high - low + 1;

	return low + (uint32_t)(((draw(b) >> 32) * choices) >> 32);
}

void backoff_init(struct backoff *b, uint32_t floor_ms, uint32_t cap_ms, uint64_t seed)
{
	b->floor_ms = floor_ms ? floor_ms : 1;
	b->cap_ms = cap_ms > b->floor_ms ? cap_ms : b->floor_ms;
	b->failures = 0;
	b->random = seed;
}

uint32_t backoff_next_ms(struct backoff *b)
{
	uint64_t ceiling;

	if (b->failures < DOUBLINGS_MAX)
		b->failures++;
	ceiling = (uint64_t)b->floor_ms << b->failures;
	if (ceiling > b->cap_ms)
		ceiling = b->cap_ms;
	return draw_between(b, b->floor_ms, (uint32_t)ceiling);
}

uint32_t backoff_longest_ms(struct backoff *b)
{
	uint32_t middle = (uint32_t)(((uint64_t)b->floor_ms + b->cap_ms) / 2);

	b->failures = DOUBLINGS_MAX;
	return draw_between(b, middle, b->cap_ms);
}

void backoff_reset(struct backoff *b)
{
	b->failures = 0;
}
