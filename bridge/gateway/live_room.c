#include "bridge/gateway/live_room.h"

#include <string.h>

#include "core/base/room.h"
#include "core/base/table.h"

/* BROKER alone takes, so what it read can only have become less since. */
bool live_room_take(struct live_room *r, const char *client_id, unsigned *share)
{
	IN_ROOM(ROOM_BROKER);
	*share = (unsigned)(table_hash(0, client_id, strlen(client_id)) % LIVE_ROOM_SHARES);
	if (atomic_load(&r->taken) >= LIVE_ROOM_MAX ||
	    atomic_load(&r->shares[*share]) >= LIVE_ROOM_SHARE)
		return false;
	atomic_fetch_add(&r->taken, 1);
	atomic_fetch_add(&r->shares[*share], 1);
	return true;
}

void live_room_give(struct live_room *r, unsigned share)
{
	atomic_fetch_sub(&r->shares[share], 1);
	atomic_fetch_sub(&r->taken, 1);
}
