#include "core/pace/request_limit.h"

#include <string.h>

#include "core/base/table.h"

void request_limit_init(struct request_limit *c, uint64_t seed)
{
	memset(c, 0, sizeof(*c));
	c->seed = seed;
	for (size_t i = 0; i < REQUEST_LIMIT_SOURCES; i++)
		c->sources[i].at_ms = -1;
}

bool request_limit_allowed(struct request_limit *c, const char *source, double burst, double per_s,
                           int64_t now_ms)
{
	size_t i = table_hash(c->seed, source, strlen(source)) % REQUEST_LIMIT_SOURCES;
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

static uint64_t hash_of(const struct request_limit *c, const char *signature)
{
	return table_hash(c->seed, signature, strlen(signature)) | 1;
}

bool request_limit_seen(const struct request_limit *c, const char *signature)
{
	uint64_t hash = hash_of(c, signature);

	for (size_t i = 0; i < REQUEST_LIMIT_SEEN; i++) {
		if (c->seen[i] == hash)
			return true;
	}
	return false;
}

void request_limit_note(struct request_limit *c, const char *signature)
{
	c->seen[c->next++ % REQUEST_LIMIT_SEEN] = hash_of(c, signature);
}
