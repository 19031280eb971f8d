#include "core/hub/command_record.h"

#include <string.h>

#include "tests/runner.h"

#define ID    "SUBPROD001lamp-01"
#define TOPIC "SUBPROD001/lamp-01/control"

static const struct command_record sample = { TOPIC, sizeof(TOPIC) - 1, "{\"on\":1}", 8,
	                                          INT64_C(1764284275123) };

static void what_was_encoded_is_decoded(void)
{
	struct buf b = BUF_MAX(1024);
	struct command_record r;

	CU_ASSERT_EQUAL(command_record_encode(&b, &sample), ST_OK);
	CU_ASSERT_EQUAL(command_record_decode(b.data, b.len, &r), ST_OK);
	CU_ASSERT(r.topic_len == sample.topic_len && memcmp(r.topic, TOPIC, r.topic_len) == 0);
	CU_ASSERT(r.len == sample.len && memcmp(r.payload, sample.payload, r.len) == 0);
	CU_ASSERT_EQUAL(r.wall_ms, sample.wall_ms);
	buf_free(&b);
}

/* docs/state-format.md "Commands": what an earlier version wrote is read for ever. */
static void bytes_of_version_1_are_read(void)
{
	static const unsigned char bytes[] = { 1, 0, 3, 0,   0x10, 0x27, 0,   0,  0,
		                                   0, 0, 0, 'a', '/',  'b',  'h', 'i' };
	struct command_record r;

	CU_ASSERT_EQUAL(command_record_decode(bytes, sizeof(bytes), &r), ST_OK);
	CU_ASSERT(r.topic_len == 3 && memcmp(r.topic, "a/b", 3) == 0);
	CU_ASSERT(r.len == 2 && memcmp(r.payload, "hi", 2) == 0);
	CU_ASSERT_EQUAL(r.wall_ms, 10000);
}

static void every_cut_and_every_flipped_head_byte_is_refused_or_harmless(void)
{
	struct buf b = BUF_MAX(1024);
	struct command_record r;

	CU_ASSERT_EQUAL(command_record_encode(&b, &sample), ST_OK);
	for (size_t len = 0; len < COMMAND_RECORD_HEAD + sample.topic_len; len++)
		CU_ASSERT_EQUAL(command_record_decode(b.data, len, &r), ST_MALFORMED);
	for (size_t i = 0; i < COMMAND_RECORD_HEAD; i++) {
		b.data[i] ^= 0xff;
		if (command_record_decode(b.data, b.len, &r) == ST_OK)
			CU_ASSERT(r.topic_len + r.len + COMMAND_RECORD_HEAD == b.len && r.wall_ms >= 0);
		b.data[i] ^= 0xff;
	}
	b.data[0] = 2;
	CU_ASSERT_EQUAL(command_record_decode(b.data, b.len, &r), ST_INVALID);
	b.data[0] = 1;
	b.data[COMMAND_RECORD_HEAD + 3] = '\0';
	CU_ASSERT_EQUAL(command_record_decode(b.data, b.len, &r), ST_MALFORMED);
	buf_free(&b);
}

static void topic_that_the_hub_does_not_allow_is_not_stored(void)
{
	char topic[300];
	struct command_record r = { topic, sizeof(topic), "", 0, 0 };
	struct buf b = BUF_MAX(1024);

	memset(topic, 'a', sizeof(topic));
	CU_ASSERT_EQUAL(command_record_encode(&b, &r), ST_TOOBIG);
	r.topic_len = 0;
	CU_ASSERT_EQUAL(command_record_encode(&b, &r), ST_TOOBIG);
	CU_ASSERT_EQUAL(b.len, 0);
	buf_free(&b);
}

static void key_names_device_and_sequence(void)
{
	static const char *const none[] = { "",
		                                ID,
		                                ID " ",
		                                ID " 12",
		                                ID " 000000000000000g",
		                                ID " 00000000000000001",
		                                ID " ffffffffffffffff" };
	char key[COMMAND_KEY_MAX];
	size_t len;

	command_record_key(ID, 0x1f, key);
	CU_ASSERT_STRING_EQUAL(key, ID " 000000000000001f");
	CU_ASSERT_EQUAL(command_record_seq(key, &len), 0x1f);
	CU_ASSERT_EQUAL(len, strlen(ID));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CU_ASSERT_EQUAL(command_record_seq(none[i], &len), 0);
}

SUITE(command_record, TEST(what_was_encoded_is_decoded), TEST(bytes_of_version_1_are_read),
      TEST(every_cut_and_every_flipped_head_byte_is_refused_or_harmless),
      TEST(topic_that_the_hub_does_not_allow_is_not_stored), TEST(key_names_device_and_sequence))
