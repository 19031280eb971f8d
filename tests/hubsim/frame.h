/* frame.h - the few MQTT 3.1.1 fields the proxy looks at. Pure; views borrow from the packet. */
#ifndef HUBSIM_FRAME_H
#define HUBSIM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_type {
	PACKET_CONNECT = 1,
	PACKET_CONNACK = 2,
	PACKET_PUBLISH = 3,
	PACKET_PUBACK = 4,
	PACKET_SUBSCRIBE = 8
};

#define FRAME_MAX (256u * 1024u)

/* Length of the packet at the front of `data`; 0: more bytes are needed; -1: not MQTT or longer
 * than FRAME_MAX. */
long frame_length(const uint8_t *data, size_t len);

static inline enum packet_type frame_type(const uint8_t *frame)
{
	return (enum packet_type)(frame[0] >> 4);
}

struct connect_fields {
	const char *client_id;
	size_t client_id_len;
	uint16_t keepalive;
	bool clean, will;
};

struct publish_fields {
	const char *topic;
	size_t topic_len, payload_len;
	uint16_t mid; /* QoS > 0 */
	uint8_t qos;
	bool retain;
};

/* All false on a packet too short for its fields. */
bool frame_connect(const uint8_t *frame, size_t len, struct connect_fields *out);
bool frame_publish(const uint8_t *frame, size_t len, struct publish_fields *out);
/* Counts the filters of a SUBSCRIBE; lowers every requested QoS 2 to 1 and counts those. */
bool frame_subscribe(uint8_t *frame, size_t len, int *filters, int *lowered);
/* CONNACK: session present and return code. */
bool frame_connack(const uint8_t *frame, size_t len, bool *present, uint8_t *code);
bool frame_puback(const uint8_t *frame, size_t len, uint16_t *mid);

#endif
