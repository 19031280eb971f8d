#include "plugin/base/hubgate.h"

#include "core/base/clocks.h"
#include "core/base/room.h"

int64_t hubgate_now_ms(void)
{
	IN_ROOM(ROOM_BROKER);
	return clocks_monotonic_ms();
}

int64_t hubgate_now_us(void)
{
	IN_ROOM(ROOM_BROKER);
	return clocks_monotonic_us();
}
