/* mqtt_codec.h - MQTT 3.1.1 packets of a client that uses QoS 0 and 1.
 * Room:  any. Pure: bytes in, structures out, and back.
 * Facts: OASIS MQTT 3.1.1; what the hub takes of it: docs/protocol/connection.md 4, 7.
 * Sizes are bytes. Text is borrowed, with a length, not NUL-terminated.
 */
#ifndef HUBGATE_MQTT_CODEC_H
#define HUBGATE_MQTT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

enum mqtt_type {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_PUBACK = 4,
	MQTT_SUBSCRIBE = 8,
	MQTT_SUBACK = 9,
	MQTT_UNSUBSCRIBE = 10,
	MQTT_UNSUBACK = 11,
	MQTT_PINGREQ = 12,
	MQTT_PINGRESP = 13,
	MQTT_DISCONNECT = 14,
};

enum {
	MQTT_SUBACK_FAILURE = 0x80,
	MQTT_SUBACK_CODES_MAX = 8
};

struct mqtt_text { /* borrowed */
	const char *at;
	size_t len;
};

struct mqtt_connect {
	struct mqtt_text client_id;
	struct mqtt_text username, password; /* at == NULL: field absent */
	uint16_t keepalive_s;
	bool clean_session;
};

struct mqtt_publish {
	struct mqtt_text topic;
	const void *payload; /* borrowed */
	size_t len;
	uint16_t id; /* never 0 over QoS 0, always 0 at QoS 0 when decoded */
	uint8_t qos;
	bool dup, retain;
};

/* What a server sends to a client. */
struct mqtt_packet {
	enum mqtt_type type;
	union {
		struct {
			bool session_present;
			uint8_t code;
		} connack;
		struct mqtt_publish publish;
		uint16_t id; /* PUBACK, UNSUBACK */
		struct {
			uint16_t id;
			uint8_t codes[MQTT_SUBACK_CODES_MAX];
			size_t count; /* codes kept; a longer list is cut */
		} suback;
	};
};

/* NUL-terminated text as struct mqtt_text, borrowed; NULL gives an absent field. */
struct mqtt_text mqtt_text(const char *text);

/* Encoders append one packet to out. ST_OK; ST_INVALID (QoS over 1, dup at QoS 0,
 * id 0 where one is needed, password without username, empty client id without
 * clean session, text over 65535 bytes or not UTF-8 free of U+0000 (a password is
 * any bytes), empty filter, empty or wildcard topic in PUBLISH, remaining length
 * over 268,435,455); ST_TOOBIG and ST_NOMEM from buf. On anything but ST_OK out
 * is as it was. */
enum status mqtt_put_connect(struct buf *out, const struct mqtt_connect *c);
enum status mqtt_put_publish(struct buf *out, const struct mqtt_publish *p);
enum status mqtt_put_puback(struct buf *out, uint16_t id);
enum status mqtt_put_subscribe(struct buf *out, uint16_t id, struct mqtt_text filter, uint8_t qos);
enum status mqtt_put_unsubscribe(struct buf *out, uint16_t id, struct mqtt_text filter);
enum status mqtt_put_pingreq(struct buf *out);
enum status mqtt_put_disconnect(struct buf *out);

/* Decodes the first packet at data; *out borrows from data and is meaningful for
 * ST_OK only. *used is set for ST_OK and ST_TOOBIG: the length of the whole packet,
 * which for ST_TOOBIG may be more than len, so that a caller can skip one it cannot
 * hold. ST_OK; ST_AGAIN (more bytes needed); ST_TOOBIG (whole packet over max, known
 * from its first bytes on, content unchecked); ST_MALFORMED, as early as it shows
 * (breaks 3.1.1, or a type that only a client sends, or QoS 2 traffic other than
 * PUBLISH, which is decoded with qos 2 for the caller to judge). Taken although
 * 3.1.1 frowns: longer than needed remaining lengths, unknown CONNACK codes, and
 * session present beside a refusal (reported as false). */
enum status mqtt_decode(const void *data, size_t len, size_t max, struct mqtt_packet *out,
                        size_t *used);

#endif
