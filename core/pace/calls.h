/* calls.h - who asked how often, and what was asked before: bounded memory against floods and
 * replays. Room:  any, one owner. Pure; the caller brings the time.
 */
#ifndef HUBGATE_CALLS_H
#define HUBGATE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CALLS_SOURCES = 1024, /* buckets by hash: strangers that share one share its rate */
	CALLS_SEEN = 4096,    /* the last requests */
};

struct calls {
	uint64_t seed;
	struct {
		double tokens;
		int64_t at_ms;
	} sources[CALLS_SOURCES];
	uint64_t seen[CALLS_SEEN];
	size_t next;
};

void calls_init(struct calls *c, uint64_t seed);
/* Takes one call of this source out of its bucket: burst at once, then per_s per second. */
bool calls_allowed(struct calls *c, const char *source, double burst, double per_s, int64_t now_ms);
/* False: a request with this signature was seen before. */
bool calls_first(struct calls *c, const char *signature);

#endif
