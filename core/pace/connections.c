#include "core/pace/connections.h"

#include <string.h>

static size_t open_of(const struct connection *all, size_t count, const unsigned char *address)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += all[i].state == CONNECTION_OPEN &&
		     memcmp(all[i].address, address, sizeof(all[i].address)) == 0;
	return n;
}

/* Comparing all with all is some thousand short steps at the bounds that we use. */
size_t connections_give_way(const struct connection *all, size_t count)
{
	size_t goes = SIZE_MAX, most = 0;

	for (size_t i = 0; i < count; i++) {
		size_t n;

		if (all[i].state != CONNECTION_OPEN)
			continue;
		n = open_of(all, count, all[i].address);
		if (n > most || (n == most && all[i].since_ms < all[goes].since_ms)) {
			most = n;
			goes = i;
		}
	}
	return goes;
}

size_t connections_overdue(const struct connection *all, size_t count, int64_t now_ms,
                           int64_t limit_ms)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].state == CONNECTION_OPEN && now_ms - all[i].since_ms >= limit_ms)
			return i;
	}
	return SIZE_MAX;
}

size_t connections_count(const struct connection *all, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += all[i].state == CONNECTION_OPEN || all[i].state == CONNECTION_SERVED;
	return n;
}
