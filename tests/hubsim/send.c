#include "tests/hubsim/send.h"

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <string.h>

void send_message(const char *topic, const void *payload, size_t len, int qos)
{
	void *copy = mosquitto_malloc(len + 1);

	if (!copy)
		return;
	memcpy(copy, payload, len);
	if (mosquitto_broker_publish(NULL, topic, (int)len, copy, qos, false, NULL) != MOSQ_ERR_SUCCESS)
		mosquitto_free(copy);
}
