#include "plugin/control/control_topic.h"

#include <string.h>

#include "core/base/room.h"

bool control_topic_is(const char *topic)
{
	IN_ROOM(ROOM_BROKER);
	return strncmp(topic, "$CONTROL/hubgate/", strlen("$CONTROL/hubgate/")) == 0;
}
