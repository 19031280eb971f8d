#include "core/hub/standing.h"

enum standing standing_of(const struct standing_facts *f)
{
	if (f->configured || f->registered || f->proven)
		return STANDING_OWN;
	return f->refused ? STANDING_STRANGER : STANDING_UNASKED;
}

bool standing_has_room(size_t unasked, bool by_program)
{
	return unasked < (size_t)(by_program ? STANDING_BY_PROGRAM_MAX : STANDING_UNASKED_MAX);
}

unsigned standing_gives_way(enum standing s)
{
	static const unsigned order[STANDINGS] = {
		[STANDING_STRANGER] = 2,
		[STANDING_UNASKED] = 1,
		[STANDING_OWN] = 0,
	};

	return order[s];
}

int64_t standing_pause_ms(unsigned refusals)
{
	int64_t pause_ms = STRANGER_RETRY_MS;

	for (unsigned n = 1; n < refusals && pause_ms < STRANGER_RETRY_MAX_MS; n++)
		pause_ms *= 2;
	return pause_ms < STRANGER_RETRY_MAX_MS ? pause_ms : STRANGER_RETRY_MAX_MS;
}
