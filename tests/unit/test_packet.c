/* The tests' own MQTT, against bytes of the standard and against the product's. */
#include <stdlib.h>
#include <string.h>

#include "core/mqtt/mqtt_codec.h"
#include "tests/mqtt/packet.h"
#include "tests/runner.h"

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static bool made(struct packets *b, const uint8_t *bytes, size_t len)
{
	bool same = b->len == len && memcmp(b->data, bytes, len) == 0;

	packets_fini(b);
	return same;
}

static void packets_are_made_byte_by_byte_as_the_standard_says(void)
{
	const struct packet_login login = {
		.client_id = "i", .username = "u", .password = "p", .keepalive = 0x1234, .clean = true
	};
	const struct packet_login bare = { .client_id = "i" };
	struct packets b = { 0 };

	packet_put_connect(&b, &login);
	CU_ASSERT(made(&b, BYTES(0x10, 19, 0, 4, 'M', 'Q', 'T', 'T', 4, 0xc2, 0x12, 0x34, 0, 1, 'i', 0,
	                         1, 'u', 0, 1, 'p')));
	packet_put_connect(&b, &bare);
	CU_ASSERT(made(&b, BYTES(0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 0, 0, 0, 0, 1, 'i')));
	packet_put_connack(&b, true, 5);
	packet_put_publish(&b, "t", 0, 7, "x", 1);
	packet_put_publish(&b, "t", 1, 0x1234, NULL, 0);
	CU_ASSERT(
		made(&b, BYTES(0x20, 2, 1, 5, 0x30, 4, 0, 1, 't', 'x', 0x32, 5, 0, 1, 't', 0x12, 0x34)));
	packet_put_subscribe(&b, 258, "a/#", 1);
	packet_put_suback(&b, 258, 0x80);
	packet_put_ack(&b, PACKET_PUBACK, 3);
	packet_put_ack(&b, PACKET_UNSUBACK, 4);
	packet_put_empty(&b, PACKET_PINGREQ);
	CU_ASSERT(made(&b, BYTES(0x82, 8, 1, 2, 0, 3, 'a', '/', '#', 1, 0x90, 3, 1, 2, 0x80, 0x40, 2, 0,
	                         3, 0xb0, 2, 0, 4, 0xc0, 0)));
}

static void lengths_are_the_same_for_both_codecs_at_every_border(void)
{
	static const size_t sizes[] = { 0, 122, 123, 16378, 16379, 2097146, 2097147 };
	uint8_t *payload = calloc(1, 2097147);

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct mqtt_publish ours = { .topic = mqtt_text("a/b"),
			                         .payload = payload,
			                         .len = sizes[i] };
		struct buf expected = BUF_MAX(3000000);
		struct packets b = { 0 };
		struct packet_publish f;
		struct packet p;

		CU_ASSERT_EQUAL(mqtt_put_publish(&expected, &ours), ST_OK);
		packet_put_publish(&b, "a/b", 0, 0, payload, sizes[i]);
		CU_ASSERT(b.len == expected.len && memcmp(b.data, expected.data, b.len) == 0);
		CU_ASSERT_EQUAL(packet_at(expected.data, expected.len, &p), PACKET_WHOLE);
		CU_ASSERT(packet_read_publish(&p, &f) && f.payload_len == sizes[i]);
		CU_ASSERT_EQUAL(packet_at(expected.data, expected.len - 1, &p), PACKET_PART);
		packets_fini(&b);
		buf_free(&expected);
	}
	free(payload);
}

static void what_the_product_writes_is_read_field_by_field(void)
{
	const struct mqtt_connect login = { .client_id = mqtt_text("id"),
		                                .keepalive_s = 240,
		                                .clean_session = true };
	const struct mqtt_publish message = { .topic = mqtt_text("a/b"),
		                                  .payload = "xy",
		                                  .len = 2,
		                                  .qos = 1,
		                                  .id = 9,
		                                  .dup = true,
		                                  .retain = true };
	struct buf b = BUF_MAX(1000);
	struct packet_connect c;
	struct packet_publish f;
	struct packet p;

	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &login), ST_OK);
	CU_ASSERT_EQUAL_FATAL(packet_at(b.data, b.len, &p), PACKET_WHOLE);
	CU_ASSERT(p.type == PACKET_CONNECT && p.size == b.len && packet_read_connect(&p, &c));
	CU_ASSERT(c.clean && !c.will && c.keepalive == 240 && c.client_id_len == 2);
	buf_reset(&b);
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &message), ST_OK);
	CU_ASSERT_EQUAL_FATAL(packet_at(b.data, b.len, &p), PACKET_WHOLE);
	CU_ASSERT(p.type == PACKET_PUBLISH && packet_read_publish(&p, &f));
	CU_ASSERT(f.qos == 1 && f.id == 9 && f.dup && f.retain);
	CU_ASSERT(f.topic_len == 3 && f.payload_len == 2 && memcmp(f.payload, "xy", 2) == 0);
	buf_free(&b);
}

static void filters_are_read_one_after_the_other_to_the_end(void)
{
	static const uint8_t two[] = { 0x82, 10, 0, 1, 0, 1, 'a', 2, 0, 1, 'b', 0 };
	static const uint8_t cut[] = { 0x82, 9, 0, 1, 0, 1, 'a', 2, 0, 1, 'b' };
	static const uint8_t none[] = { 0x82, 1, 0 };
	struct packet_filter f;
	struct packet p;
	size_t at = 0;

	CU_ASSERT_EQUAL_FATAL(packet_at(two, sizeof two, &p), PACKET_WHOLE);
	CU_ASSERT(packet_next_filter(&p, &at, &f) && f.text[0] == 'a' && f.qos == 2 && f.qos_at == 7);
	CU_ASSERT(packet_next_filter(&p, &at, &f) && f.text[0] == 'b' && f.qos == 0);
	CU_ASSERT(!packet_next_filter(&p, &at, &f) && at == p.size);
	CU_ASSERT_EQUAL_FATAL(packet_at(cut, sizeof cut, &p), PACKET_WHOLE);
	at = 0;
	CU_ASSERT(packet_next_filter(&p, &at, &f));
	CU_ASSERT(!packet_next_filter(&p, &at, &f) && at != p.size);
	CU_ASSERT_EQUAL_FATAL(packet_at(none, sizeof none, &p), PACKET_WHOLE);
	at = 0;
	CU_ASSERT(!packet_next_filter(&p, &at, &f) && at != p.size);
}

static enum packet_found judge(const uint8_t *bytes, size_t len, size_t *size)
{
	struct packet p;
	enum packet_found found = packet_at(bytes, len, &p);

	*size = p.size;
	return found;
}

static void bytes_that_are_no_packet_are_told_from_a_part_of_one(void)
{
	size_t size;

	CU_ASSERT_EQUAL(judge(BYTES(0x0f, 0), &size), PACKET_WRONG);
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0xff, 0xff, 0xff), &size), PACKET_PART);
	CU_ASSERT_EQUAL(size, 0);
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0xff, 0xff, 0xff, 0xff), &size), PACKET_WRONG);
	CU_ASSERT_EQUAL(judge(BYTES(0x30, 0xff, 0xff, 0xff, 0x7f), &size), PACKET_PART);
	CU_ASSERT_EQUAL(size, 268435460);
}

static void fields_that_are_cut_off_are_refused(void)
{
	static const uint8_t topic[] = { 0x30, 3, 0, 9, 't' }, no_id[] = { 0x32, 3, 0, 1, 't' };
	static const uint8_t one[] = { 0x20, 1, 0 };
	struct packet_connect c;
	struct packet_publish f;
	struct packet p;
	bool present;
	uint8_t code;
	uint16_t id;

	CU_ASSERT_EQUAL_FATAL(packet_at(topic, sizeof topic, &p), PACKET_WHOLE);
	CU_ASSERT_FALSE(packet_read_publish(&p, &f));
	CU_ASSERT_FALSE(packet_read_connect(&p, &c));
	CU_ASSERT_EQUAL_FATAL(packet_at(no_id, sizeof no_id, &p), PACKET_WHOLE);
	CU_ASSERT_FALSE(packet_read_publish(&p, &f));
	CU_ASSERT_EQUAL_FATAL(packet_at(one, sizeof one, &p), PACKET_WHOLE);
	CU_ASSERT_FALSE(packet_read_connack(&p, &present, &code));
	CU_ASSERT_FALSE(packet_read_id(&p, &id));
}

SUITE(packet, TEST(packets_are_made_byte_by_byte_as_the_standard_says),
      TEST(lengths_are_the_same_for_both_codecs_at_every_border),
      TEST(what_the_product_writes_is_read_field_by_field),
      TEST(filters_are_read_one_after_the_other_to_the_end),
      TEST(bytes_that_are_no_packet_are_told_from_a_part_of_one),
      TEST(fields_that_are_cut_off_are_refused))
