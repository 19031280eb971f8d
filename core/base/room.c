#include "core/base/room.h"

static _Thread_local enum room current = ROOM_NONE;

enum room room_enter(enum room room)
{
	enum room before = current;

	current = room;
	return before;
}

enum room room_now(void)
{
	return current;
}
