#include "plugin/base/timer.h"

#include "core/base/room.h"

void timer_set(struct hubgate *h, int64_t due_ms)
{
	IN_ROOM(ROOM_BROKER);
	h->turn_due_ms = due_ms;
	uplink_set_timer(h->uplink, due_ms);
}

void timer_ring_by(struct hubgate *h, int64_t due_ms)
{
	IN_ROOM(ROOM_BROKER);
	if (h->turn_due_ms == 0 || due_ms < h->turn_due_ms)
		timer_set(h, due_ms);
}
