#include "plugin/base/publish.h"

#include <string.h>

#include "core/base/room.h"
#include "plugin/base/broker.h"

enum status publish_on_lan(const char *topic, const void *payload, size_t len, int qos, bool retain)
{
	IN_ROOM(ROOM_BROKER);
	/* Not mosquitto_broker_publish_copy(): on 2.0.11 it spoils the broker's
	 * accounting of memory. On failure the payload is still ours. */
	char *copy = mosquitto_malloc(len + 1);

	if (!copy)
		return ST_NOMEM;
	if (len > 0)
		memcpy(copy, payload, len);
	copy[len] = '\0';
	if (mosquitto_broker_publish(NULL, topic, (int)len, copy, qos, retain, NULL) !=
	    MOSQ_ERR_SUCCESS) {
		mosquitto_free(copy);
		return ST_NOMEM;
	}
	return ST_OK;
}
