/* What a server sends, whole, cut, broken and too large. */
#include "core/mqtt/mqtt_codec.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX = 1 << 20,
	REST_MAX = 268435455
};

#define BYTES(...) \
	(const unsigned char[]){ __VA_ARGS__ }, sizeof((const unsigned char[]){ __VA_ARGS__ })

static bool text_is(struct mqtt_text t, const char *text)
{
	return t.len == strlen(text) && memcmp(t.at, text, t.len) == 0;
}

/* From a copy of exactly this size, so that a sanitizer sees any byte read beyond. */
static enum status decode_copy(const unsigned char *bytes, size_t len, size_t max,
                               enum mqtt_type *type, size_t *used)
{
	unsigned char *copy = malloc(len ? len : 1);
	struct mqtt_packet packet;
	enum status st;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, bytes, len);
	st = mqtt_decode(copy, len, max, &packet, used);
	free(copy);
	if (type && st == ST_OK)
		*type = packet.type;
	return st;
}

static enum status judge(const unsigned char *bytes, size_t len)
{
	size_t used = 0;

	return decode_copy(bytes, len, MAX, NULL, &used);
}

static void connack_is_read_with_any_code(void)
{
	static const struct {
		unsigned char bytes[4];
		bool session_present;
		uint8_t code;
	} cases[] = {
		{ { 0x20, 2, 0, 0 }, false, 0 }, { { 0x20, 2, 1, 0 }, true, 0 },
		{ { 0x20, 2, 0, 5 }, false, 5 }, { { 0x20, 2, 0, 0xff }, false, 0xff },
		{ { 0x20, 2, 1, 4 }, false, 4 }, /* the refusal counts, not the flag */
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mqtt_packet packet;
		size_t used = 0;

		CU_ASSERT_EQUAL(mqtt_decode(cases[i].bytes, 4, MAX, &packet, &used), ST_OK);
		CU_ASSERT_EQUAL(packet.type, MQTT_CONNACK);
		CU_ASSERT_EQUAL(packet.connack.session_present, cases[i].session_present);
		CU_ASSERT_EQUAL(packet.connack.code, cases[i].code);
		CU_ASSERT_EQUAL(used, 4);
	}
}

static void publish_is_read_at_every_qos(void)
{
	static const unsigned char qos0[] = { 0x31, 6, 0, 1, 't', 1, 0, 2 };
	static const unsigned char qos1[] = { 0x3a, 5, 0, 1, 't', 0xab, 0xcd };
	static const unsigned char qos2[] = { 0x34, 6, 0, 1, 't', 0, 9, 'p' };
	struct mqtt_packet packet;
	size_t used = 0;

	CU_ASSERT_EQUAL(mqtt_decode(qos0, sizeof qos0, MAX, &packet, &used), ST_OK);
	CU_ASSERT_EQUAL(packet.type, MQTT_PUBLISH);
	CU_ASSERT(text_is(packet.publish.topic, "t"));
	CU_ASSERT_EQUAL(packet.publish.len, 3);
	CU_ASSERT_PTR_EQUAL(packet.publish.payload, qos0 + 5);
	CU_ASSERT(packet.publish.retain && !packet.publish.dup);
	CU_ASSERT(packet.publish.qos == 0 && packet.publish.id == 0);
	CU_ASSERT_EQUAL(mqtt_decode(qos1, sizeof qos1, MAX, &packet, &used), ST_OK);
	CU_ASSERT(packet.publish.qos == 1 && packet.publish.id == 0xabcd);
	CU_ASSERT(packet.publish.dup && !packet.publish.retain);
	CU_ASSERT_EQUAL(packet.publish.len, 0);
	CU_ASSERT_EQUAL(mqtt_decode(qos2, sizeof qos2, MAX, &packet, &used), ST_OK);
	CU_ASSERT(packet.publish.qos == 2 && packet.publish.id == 9 && packet.publish.len == 1);
}

static void suback_keeps_its_codes_in_order(void)
{
	static const unsigned char one[] = { 0x90, 3, 1, 2, 0x80 };
	static const unsigned char many[] = { 0x90, 12, 0, 7, 0, 1, 2, 0x80, 0, 1, 2, 0x80, 1, 1 };
	struct mqtt_packet packet;
	size_t used = 0;

	CU_ASSERT_EQUAL(mqtt_decode(one, sizeof one, MAX, &packet, &used), ST_OK);
	CU_ASSERT_EQUAL(packet.type, MQTT_SUBACK);
	CU_ASSERT_EQUAL(packet.suback.id, 0x0102);
	CU_ASSERT_EQUAL(packet.suback.count, 1);
	CU_ASSERT_EQUAL(packet.suback.codes[0], MQTT_SUBACK_FAILURE);
	CU_ASSERT_EQUAL(mqtt_decode(many, sizeof many, MAX, &packet, &used), ST_OK);
	CU_ASSERT_EQUAL(packet.suback.count, MQTT_SUBACK_CODES_MAX);
	CU_ASSERT_EQUAL(memcmp(packet.suback.codes, many + 4, MQTT_SUBACK_CODES_MAX), 0);
	CU_ASSERT_EQUAL(used, sizeof many);
}

static void small_answers_are_read(void)
{
	static const unsigned char bytes[] = { 0x40, 2, 0x12, 0x34, 0xb0, 2, 0xff, 0xff, 0xd0, 0 };
	struct mqtt_packet packet;
	size_t used = 0;

	CU_ASSERT_EQUAL(mqtt_decode(bytes, 10, MAX, &packet, &used), ST_OK);
	CU_ASSERT(packet.type == MQTT_PUBACK && packet.id == 0x1234 && used == 4);
	CU_ASSERT_EQUAL(mqtt_decode(bytes + 4, 6, MAX, &packet, &used), ST_OK);
	CU_ASSERT(packet.type == MQTT_UNSUBACK && packet.id == 0xffff && used == 4);
	CU_ASSERT_EQUAL(mqtt_decode(bytes + 8, 2, MAX, &packet, &used), ST_OK);
	CU_ASSERT(packet.type == MQTT_PINGRESP && used == 2);
}

static const struct sample {
	const unsigned char *bytes;
	size_t len;
} whole[] = {
	{ BYTES(0x20, 2, 1, 0) },
	{ BYTES(0x30, 4, 0, 1, 't', 'p') },
	{ BYTES(0x32, 8, 0, 3, 0xe2, 0x82, 0xac, 0, 1, 'p') },
	{ BYTES(0x40, 2, 0, 1) },
	{ BYTES(0x90, 3, 0, 1, 0) },
	{ BYTES(0xb0, 2, 0, 1) },
	{ BYTES(0xd0, 0) },
	{ BYTES(0xd0, 0x80, 0x80, 0) }, /* longer than needed, as 3.1.1 leaves open */
};

static void packet_cut_at_any_byte_asks_for_more(void)
{
	for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
		enum mqtt_type type = MQTT_CONNECT;
		size_t used = 99;

		for (size_t len = 0; len < whole[i].len; len++)
			CU_ASSERT_EQUAL(decode_copy(whole[i].bytes, len, MAX, NULL, &used), ST_AGAIN);
		CU_ASSERT_EQUAL(used, 99); /* not touched */
		CU_ASSERT_EQUAL(decode_copy(whole[i].bytes, whole[i].len, MAX, &type, &used), ST_OK);
		CU_ASSERT_EQUAL(type, whole[i].bytes[0] >> 4);
		CU_ASSERT_EQUAL(used, whole[i].len);
	}
}

static void broken_packets_are_malformed(void)
{
	const struct sample broken[] = {
		{ BYTES(0x20, 1, 0) }, /* CONNACK: length */
		{ BYTES(0x20, 3, 0, 0, 0) },
		{ BYTES(0x20, 2, 2, 0) },      /* reserved flag */
		{ BYTES(0x30, 2, 0, 1) },      /* PUBLISH: too short */
		{ BYTES(0x30, 3, 0, 0, 'p') }, /* empty topic */
		{ BYTES(0x30, 3, 0, 2, 't') }, /* topic over the end */
		{ BYTES(0x30, 3, 0xff, 0xff, 't') },
		{ BYTES(0x30, 3, 0, 1, '+') }, /* wildcards */
		{ BYTES(0x30, 3, 0, 1, '#') },
		{ BYTES(0x30, 3, 0, 1, 0) },    /* U+0000 */
		{ BYTES(0x30, 3, 0, 1, 0x80) }, /* not UTF-8 */
		{ BYTES(0x30, 5, 0, 2, 0xc1, 0x81, 'p') },
		{ BYTES(0x32, 4, 0, 1, 't', 0) }, /* no room for the id */
		{ BYTES(0x32, 5, 0, 2, 't', 'u', 1) },
		{ BYTES(0x32, 5, 0, 1, 't', 0, 0) }, /* id 0 */
		{ BYTES(0x34, 5, 0, 1, 't', 0, 0) },
		{ BYTES(0x40, 2, 0, 0) },
		{ BYTES(0x40, 3, 0, 1, 0) },
		{ BYTES(0x40, 1, 1) },
		{ BYTES(0x90, 2, 0, 1) },    /* SUBACK: no code */
		{ BYTES(0x90, 3, 0, 0, 0) }, /* id 0 */
		{ BYTES(0x90, 3, 0, 1, 3) }, /* unknown codes */
		{ BYTES(0x90, 4, 0, 1, 0, 0x81) },
		{ BYTES(0xb0, 2, 0, 0) },
		{ BYTES(0xb0, 0) },
		{ BYTES(0xd0, 1, 0) },
	};

	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
		CU_ASSERT_EQUAL(judge(broken[i].bytes, broken[i].len), ST_MALFORMED);
}

static void first_byte_alone_convicts(void)
{
	static const bool server_sends[16] = {
		[MQTT_CONNACK] = true, [MQTT_PUBLISH] = true,  [MQTT_PUBACK] = true,
		[MQTT_SUBACK] = true,  [MQTT_UNSUBACK] = true, [MQTT_PINGRESP] = true,
	};

	for (unsigned first = 0; first < 256; first++) {
		unsigned char byte = (unsigned char)first;
		unsigned type = first >> 4, flags = first & 15, qos = flags >> 1 & 3;
		bool good = server_sends[type] && flags == 0;

		if (type == MQTT_PUBLISH)
			good = qos != 3 && !(qos == 0 && (flags & 8));
		CU_ASSERT_EQUAL(judge(&byte, 1), good ? ST_AGAIN : ST_MALFORMED);
	}
}

static void remaining_length_of_five_bytes_is_malformed(void)
{
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0x80, 0x80, 0x80)), ST_AGAIN);
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0x80, 0x80, 0x80, 0x80)), ST_MALFORMED);
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0xff, 0xff, 0xff, 0xff, 0x7f)), ST_MALFORMED);
	CU_ASSERT_EQUAL(judge(BYTES(0xd0, 0x80, 0x80, 0x80, 0x00)), ST_OK);
}

static void oversized_packet_names_the_length_to_skip(void)
{
	static const unsigned char largest[] = { 0x30, 0xff, 0xff, 0xff, 0x7f };
	static const unsigned char publish[] = { 0x30, 4, 0, 1, 't', 'p', 0xd0, 0 };
	struct mqtt_packet packet;
	size_t used = 0;

	CU_ASSERT_EQUAL(decode_copy(largest, 4, MAX, NULL, &used), ST_AGAIN);
	CU_ASSERT_EQUAL(decode_copy(largest, 5, MAX, NULL, &used), ST_TOOBIG);
	CU_ASSERT_EQUAL(used, (size_t)REST_MAX + 5);
	CU_ASSERT_EQUAL(decode_copy(publish, 2, 5, NULL, &used), ST_TOOBIG); /* header is enough */
	CU_ASSERT_EQUAL(used, 6);
	CU_ASSERT_EQUAL(decode_copy(publish, 2, 6, NULL, &used), ST_AGAIN);
	CU_ASSERT_EQUAL(mqtt_decode(publish, 8, 6, &packet, &used), ST_OK);
	CU_ASSERT_EQUAL(used, 6);
	CU_ASSERT_EQUAL(mqtt_decode(publish, 8, 5, &packet, &used), ST_TOOBIG);
	CU_ASSERT_EQUAL(mqtt_decode(publish + used, 2, 5, &packet, &used), ST_OK); /* in step again */
	CU_ASSERT_EQUAL(packet.type, MQTT_PINGRESP);
}

SUITE(mqtt_decode, TEST(connack_is_read_with_any_code), TEST(publish_is_read_at_every_qos),
      TEST(suback_keeps_its_codes_in_order), TEST(small_answers_are_read),
      TEST(packet_cut_at_any_byte_asks_for_more), TEST(broken_packets_are_malformed),
      TEST(first_byte_alone_convicts), TEST(remaining_length_of_five_bytes_is_malformed),
      TEST(oversized_packet_names_the_length_to_skip))
