#include <string.h>

#include "bridge/link/session.h"
#include "core/base/room.h"

static bool is_taken(const struct packet_ids *ids, uint16_t id)
{
	return ids->taken[id / 64] >> (id % 64) & 1;
}

uint16_t packet_ids_take(struct packet_ids *ids)
{
	IN_ROOM(ROOM_UPLINK);
	for (unsigned tries = 0; tries < UINT16_MAX; tries++) {
		ids->last = ids->last == UINT16_MAX ? 1 : ids->last + 1;
		if (!is_taken(ids, ids->last)) {
			packet_ids_keep(ids, ids->last);
			return ids->last;
		}
	}
	return 0;
}

void packet_ids_keep(struct packet_ids *ids, uint16_t id)
{
	IN_ROOM(ROOM_UPLINK);
	ids->taken[id / 64] |= UINT64_C(1) << (id % 64);
}

void packet_ids_release(struct packet_ids *ids, uint16_t id)
{
	IN_ROOM(ROOM_UPLINK);
	ids->taken[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

void packet_ids_clear(struct packet_ids *ids)
{
	IN_ROOM(ROOM_UPLINK);
	memset(ids->taken, 0, sizeof(ids->taken));
}
