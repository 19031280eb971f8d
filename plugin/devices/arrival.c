#include "plugin/devices/arrival.h"

#include "core/base/room.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/presence.h"

void arrival_take(struct hubgate *h, struct lan_session *s)
{
	IN_ROOM(ROOM_BROKER);
	presence_arrived(h, s);
	device_logged_in(h, s->device, !s->broker_login);
}
