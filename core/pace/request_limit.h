/* request_limit.h - who asked how often, and what was asked before: bounded memory against floods
 * and replays.
 * Room:  any, one owner. Pure; the caller brings the time.
 */
#ifndef HUBGATE_REQUEST_LIMIT_H
#define HUBGATE_REQUEST_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REQUEST_LIMIT_SOURCES = 1024, /* buckets by hash: strangers that share one share its rate */
	REQUEST_LIMIT_SEEN = 4096,    /* the last requests */
};

struct request_limit {
	uint64_t seed;
	struct {
		double tokens;
		int64_t at_ms;
	} sources[REQUEST_LIMIT_SOURCES];
	uint64_t seen[REQUEST_LIMIT_SEEN];
	size_t next;
};

void request_limit_init(struct request_limit *c, uint64_t seed);
/* Takes one call of this source out of its bucket: burst at once, then per_s per second. */
bool request_limit_allowed(struct request_limit *c, const char *source, double burst, double per_s,
                           int64_t now_ms);
/* A request with this signature was noted before, one of the last REQUEST_LIMIT_SEEN. */
bool request_limit_seen(const struct request_limit *c, const char *signature);
void request_limit_note(struct request_limit *c, const char *signature);

#endif
