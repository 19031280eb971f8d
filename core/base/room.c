#include "core/base/room.h"

static _Thread_local enum room current = ROOM_NONE;

void room_enter(enum room room)
{
	current = room;
}

enum room room_now(void)
{
	return current;
}
