#include "core/pace/calls.h"

#include <string.h>

#include "core/base/table.h"

void calls_init(struct calls *c, uint64_t seed)
{
	memset(c, 0, sizeof(*c));
	c->seed = seed;
	for (size_t i = 0; i < CALLS_SOURCES; i++)
		c->sources[i].at_ms = -1;
}

bool calls_allowed(struct calls *c, const char *source, double burst, double per_s, int64_t now_ms)
{
	size_t i = table_hash(c->seed, source, strlen(source)) % CALLS_SOURCES;
	double *tokens = &c->sources[i].tokens;

	if (c->sources[i].at_ms < 0)
		*tokens = burst;
	else
		*tokens += (double)(now_ms - c->sources[i].at_ms) * per_s / 1000;
	if (*tokens > burst)
		*tokens = burst;
	c->sources[i].at_ms = now_ms;
	if (*tokens < 1)
		return false;
	*tokens -= 1;
	return true;
}

bool calls_first(struct calls *c, const char *signature)
{
	uint64_t hash = table_hash(c->seed, signature, strlen(signature)) | 1;

	for (size_t i = 0; i < CALLS_SEEN; i++) {
		if (c->seen[i] == hash)
			return false;
	}
	c->seen[c->next++ % CALLS_SEEN] = hash;
	return true;
}
