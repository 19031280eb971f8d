/* Encoding; what comes in is in test_mqtt_decode.c. */
#include "core/mqtt/mqtt_codec.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

enum {
	REST_MAX = 268435455
};

#define BYTES(...) \
	(const unsigned char[]){ __VA_ARGS__ }, sizeof((const unsigned char[]){ __VA_ARGS__ })

static bool holds(const struct buf *b, const unsigned char *bytes, size_t len)
{
	return b->len == len && memcmp(b->data, bytes, len) == 0;
}

static void connect_with_credentials_is_byte_exact(void)
{
	struct buf b = BUF_MAX(100);
	struct mqtt_connect c = {
		.client_id = mqtt_text("id"),
		.username = mqtt_text("user"),
		.password = mqtt_text("pw"),
		.keepalive_s = 240,
	};

	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &c), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x10, 24, 0, 4, 'M', 'Q', 'T', 'T', 4, 0xc0, 0, 240, 0, 2, 'i', 'd',
	                          0, 4, 'u', 's', 'e', 'r', 0, 2, 'p', 'w')));
	buf_free(&b);
}

static void connect_flags_follow_the_fields_present(void)
{
	struct buf b = BUF_MAX(100);
	struct mqtt_connect c = { .client_id = mqtt_text("i"), .clean_session = true };

	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &c), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 0, 0, 1, 'i')));
	buf_reset(&b);
	c.username = mqtt_text("u"); /* TLS-PSK: a username without password */
	c.keepalive_s = 0x1234;
	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &c), ST_OK);
	CU_ASSERT(holds(
		&b, BYTES(0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x82, 0x12, 0x34, 0, 1, 'i', 0, 1, 'u')));
	buf_reset(&b);
	c.password = (struct mqtt_text){ .at = "\0\xff", .len = 2 }; /* any bytes */
	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &c), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x10, 20, 0, 4, 'M', 'Q', 'T', 'T', 4, 0xc2, 0x12, 0x34, 0, 1, 'i', 0,
	                          1, 'u', 0, 2, 0, 0xff)));
	buf_reset(&b);
	c = (struct mqtt_connect){ .client_id = mqtt_text(""),
		                       .username = mqtt_text(""),
		                       .clean_session = true };
	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &c), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x10, 14, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x82, 0, 0, 0, 0, 0, 0)));
	buf_free(&b);
}

static void publish_is_byte_exact_with_every_flag(void)
{
	struct buf b = BUF_MAX(100);
	struct mqtt_publish p = { .topic = mqtt_text("a/b"), .payload = "\0x", .len = 2 };

	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x30, 7, 0, 3, 'a', '/', 'b', 0, 'x')));
	buf_reset(&b);
	p.qos = 1;
	p.id = 0xabcd;
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x32, 9, 0, 3, 'a', '/', 'b', 0xab, 0xcd, 0, 'x')));
	buf_reset(&b);
	p.dup = p.retain = true;
	p.len = 0;
	p.payload = NULL;
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x3b, 7, 0, 3, 'a', '/', 'b', 0xab, 0xcd)));
	buf_free(&b);
}

static void small_packets_are_byte_exact_and_append(void)
{
	struct buf b = BUF_MAX(100);

	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 0x0102, mqtt_text("x/#"), 1), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 3, mqtt_text("+"), 0), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_unsubscribe(&b, 0xffff, mqtt_text("x")), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_puback(&b, 0x1234), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_pingreq(&b), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_disconnect(&b), ST_OK);
	CU_ASSERT(holds(&b, BYTES(0x82, 8, 1, 2, 0, 3, 'x', '/', '#', 1, /* SUBSCRIBE */
	                          0x82, 6, 0, 3, 0, 1, '+', 0,           /* SUBSCRIBE */
	                          0xa2, 5, 0xff, 0xff, 0, 1, 'x',        /* UNSUBSCRIBE */
	                          0x40, 2, 0x12, 0x34, 0xc0, 0, 0xe0, 0)));
	buf_free(&b);
}

static void remaining_length_grows_at_its_four_borders(void)
{
	static const struct {
		size_t rest;
		unsigned char bytes[5];
		size_t len;
	} cases[] = {
		{ 127, { 0x30, 0x7f }, 2 },
		{ 128, { 0x30, 0x80, 0x01 }, 3 },
		{ 16383, { 0x30, 0xff, 0x7f }, 3 },
		{ 16384, { 0x30, 0x80, 0x80, 0x01 }, 4 },
		{ 2097151, { 0x30, 0xff, 0xff, 0x7f }, 4 },
		{ 2097152, { 0x30, 0x80, 0x80, 0x80, 0x01 }, 5 },
	};
	char *payload = calloc(1, 2097152);
	struct buf b = BUF_MAX(3000000);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct mqtt_publish p = { .topic = mqtt_text("t"),
			                      .payload = payload,
			                      .len = cases[i].rest - 3 };
		struct mqtt_packet packet;
		size_t used = 0;

		buf_reset(&b);
		CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_OK);
		CU_ASSERT_EQUAL(b.len, cases[i].len + cases[i].rest);
		CU_ASSERT_EQUAL(memcmp(b.data, cases[i].bytes, cases[i].len), 0);
		CU_ASSERT_EQUAL(mqtt_decode(b.data, b.len, b.len, &packet, &used), ST_OK);
		CU_ASSERT_EQUAL(used, b.len);
		CU_ASSERT_EQUAL(packet.publish.len, p.len);
	}
	buf_free(&b);
	free(payload);
}

static void refused_packets_leave_the_buffer_as_it_was(void)
{
	static char longer[65536];
	struct mqtt_text empty = mqtt_text(""), wide = { .at = longer, .len = sizeof longer };
	struct mqtt_publish good = { .topic = mqtt_text("t"), .payload = "", .len = 0 };
	struct mqtt_publish bad[10];
	struct buf b = BUF_MAX(200000);

	memset(longer, 'x', sizeof longer);
	CU_ASSERT_EQUAL(mqtt_put_pingreq(&b), ST_OK);
	for (size_t i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].topic = empty;
	bad[1].topic = mqtt_text("a/+");
	bad[2].topic = mqtt_text("#");
	bad[3].topic = wide;
	bad[4].topic = (struct mqtt_text){ .at = "a\0b", .len = 3 };
	bad[5].topic = mqtt_text("\xc3");
	bad[6].qos = 1; /* and no id */
	bad[7].qos = 2, bad[7].id = 1;
	bad[8].dup = true;
	bad[9].len = REST_MAX - 2; /* one byte over */
	for (size_t i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(mqtt_put_publish(&b, &bad[i]), ST_INVALID);
	bad[9].len = SIZE_MAX;
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &bad[9]), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_puback(&b, 0), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 0, good.topic, 1), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 1, good.topic, 2), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 1, empty, 1), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_subscribe(&b, 1, wide, 1), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_unsubscribe(&b, 0, good.topic), ST_INVALID);
	CU_ASSERT_EQUAL(mqtt_put_unsubscribe(&b, 1, empty), ST_INVALID);
	CU_ASSERT(holds(&b, BYTES(0xc0, 0)));
	buf_free(&b);
}

static void connect_out_of_rule_is_refused(void)
{
	static char longer[65536];
	struct mqtt_text id = mqtt_text("i"), wide = { .at = longer, .len = sizeof longer };
	const struct mqtt_connect bad[] = {
		{ .client_id = id, .password = id },
		{ .client_id = mqtt_text("") }, /* needs a clean session */
		{ .client_id = wide },
		{ .client_id = id, .username = wide },
		{ .client_id = id, .username = id, .password = wide },
		{ .client_id = mqtt_text("\xff") },
		{ .client_id = id, .username = mqtt_text("\xed\xa0\x80") },
	};
	struct buf b = BUF_MAX(200000);

	memset(longer, 'x', sizeof longer);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(mqtt_put_connect(&b, &bad[i]), ST_INVALID);
	CU_ASSERT_EQUAL(b.len, 0);
	wide.len = 65535;
	CU_ASSERT_EQUAL(mqtt_put_connect(&b, &(struct mqtt_connect){ .client_id = wide }), ST_OK);
	buf_free(&b);
}

static void packet_over_the_buffers_ceiling_is_not_begun(void)
{
	struct mqtt_publish p = { .topic = mqtt_text("t"), .payload = "12345", .len = 5 };
	struct buf b = BUF_MAX(11);

	CU_ASSERT_EQUAL(mqtt_put_pingreq(&b), ST_OK);
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_TOOBIG);
	CU_ASSERT(holds(&b, BYTES(0xc0, 0)));
	p.len = 4;
	CU_ASSERT_EQUAL(mqtt_put_publish(&b, &p), ST_OK);
	CU_ASSERT_EQUAL(b.len, 11);
	CU_ASSERT_EQUAL(mqtt_put_disconnect(&b), ST_TOOBIG);
	buf_free(&b);
}

static void topics_are_valid_utf8(void)
{
	static const char *const good[] = {
		"\x01",           "\x7f",         "\xc2\x80",     "\xdf\xbf",         "\xe0\xa0\x80",
		"\xed\x9f\xbf",   "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"a\xe4\xb8\xad/b"
	};
	static const char *const bad[] = { "\x80",
		                               "\xbf",
		                               "\xc0\x80",
		                               "\xc1\xbf",
		                               "\xc2",
		                               "\xc2\x7f",
		                               "\xc2\xc0",
		                               "\xe0\x9f\xbf",
		                               "\xe0\xa0",
		                               "\xe1\x80\x7f",
		                               "\xed\xa0\x80",
		                               "\xed\xbf\xbf",
		                               "\xf0\x8f\xbf\xbf",
		                               "\xf0\x90\x80",
		                               "\xf1\x80\x80\xc0",
		                               "\xf4\x90\x80\x80",
		                               "\xf5\x80\x80\x80",
		                               "\xff",
		                               "ok\xfe" };
	struct buf b = BUF_MAX(1000);

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CU_ASSERT_EQUAL(mqtt_put_unsubscribe(&b, 1, mqtt_text(good[i])), ST_OK);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(mqtt_put_unsubscribe(&b, 1, mqtt_text(bad[i])), ST_INVALID);
	buf_free(&b);
}

static void absent_text_is_not_the_empty_one(void)
{
	CU_ASSERT_PTR_NULL(mqtt_text(NULL).at);
	CU_ASSERT_EQUAL(mqtt_text(NULL).len, 0);
	CU_ASSERT_PTR_NOT_NULL(mqtt_text("").at);
	CU_ASSERT_EQUAL(mqtt_text("abc").len, 3);
}

SUITE(mqtt_codec, TEST(connect_with_credentials_is_byte_exact),
      TEST(connect_flags_follow_the_fields_present), TEST(publish_is_byte_exact_with_every_flag),
      TEST(small_packets_are_byte_exact_and_append),
      TEST(remaining_length_grows_at_its_four_borders),
      TEST(refused_packets_leave_the_buffer_as_it_was), TEST(connect_out_of_rule_is_refused),
      TEST(packet_over_the_buffers_ceiling_is_not_begun), TEST(topics_are_valid_utf8),
      TEST(absent_text_is_not_the_empty_one))
