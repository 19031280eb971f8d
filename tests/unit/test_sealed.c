#include "core/export/sealed.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

#define PASSPHRASE "correct horse battery"

enum {
	LEN = 1000
};

static const uint8_t salt[SEALED_SALT_BYTES] = "0123456789abcdef";

static struct sealed sealed_new(void)
{
	struct sealed s;

	CU_ASSERT_EQUAL_FATAL(sealed_begin(&s, salt, PASSPHRASE, strlen(PASSPHRASE)), ST_OK);
	return s;
}

static enum status take(const uint8_t *header, const char *passphrase)
{
	struct sealed s;
	uint32_t version;

	return sealed_take(&s, header, passphrase, strlen(passphrase), &version);
}

static void header_opens_with_its_passphrase_and_with_no_other(void)
{
	struct sealed s = sealed_new(), back;
	uint32_t version = 0;

	CU_ASSERT_EQUAL(sealed_take(&back, s.header, PASSPHRASE, strlen(PASSPHRASE), &version), ST_OK);
	CU_ASSERT_EQUAL(version, SEALED_VERSION);
	CU_ASSERT_EQUAL(memcmp(back.key, s.key, sizeof s.key), 0);
	CU_ASSERT_EQUAL(take(s.header, "correct horse batters"), ST_DENIED);
	CU_ASSERT_EQUAL(take(s.header, ""), ST_DENIED);
}

static void header_of_another_version_or_with_dear_numbers_is_told_before_any_work(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum status st;
	} changes[] = {
		{ 0, 'X', ST_MALFORMED },
		{ 8, SEALED_VERSION + 1, ST_INVALID },
		{ 12, 63, ST_INVALID }, /* of scrypt: N */
		{ 12, 0, ST_INVALID },
		{ 13, 255, ST_INVALID }, /* r */
		{ 14, 255, ST_INVALID }, /* p */
		{ 16, 1, ST_INVALID },   /* bytes of a chunk */
		{ SEALED_SALT_AT, 'x', ST_DENIED },
	};

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct sealed s = sealed_new();

		s.header[changes[i].at] = changes[i].value;
		CU_ASSERT_EQUAL(take(s.header, PASSPHRASE), changes[i].st);
	}
}

static void chunk_opens_only_as_it_was_in_its_place(void)
{
	struct sealed s = sealed_new();
	uint8_t plain[LEN], bytes[LEN + SEALED_TAG_BYTES], back[LEN];

	memset(plain, 'p', sizeof plain);
	CU_ASSERT_EQUAL(sealed_put(&s, 5, false, plain, LEN, bytes), ST_OK);
	CU_ASSERT_EQUAL(sealed_get(&s, 5, false, bytes, sizeof bytes, back), ST_OK);
	CU_ASSERT_EQUAL(memcmp(plain, back, LEN), 0);
	CU_ASSERT_EQUAL(sealed_get(&s, 4, false, bytes, sizeof bytes, back), ST_MALFORMED);
	CU_ASSERT_EQUAL(sealed_get(&s, 5, true, bytes, sizeof bytes, back), ST_MALFORMED);
	CU_ASSERT_EQUAL(sealed_get(&s, 5, false, bytes, sizeof bytes - 1, back), ST_MALFORMED);
	CU_ASSERT_EQUAL(sealed_get(&s, 5, false, bytes, SEALED_TAG_BYTES - 1, back), ST_MALFORMED);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] ^= 4;
		CU_ASSERT_EQUAL(sealed_get(&s, 5, false, bytes, sizeof bytes, back), ST_MALFORMED);
		bytes[i] ^= 4;
	}
	s.header[60] ^= 1; /* nothing means it yet, and it counts all the same */
	CU_ASSERT_EQUAL(sealed_get(&s, 5, false, bytes, sizeof bytes, back), ST_MALFORMED);
}

static void nothing_of_the_plain_bytes_is_in_a_chunk_and_no_two_are_alike(void)
{
	struct sealed s = sealed_new();
	uint8_t plain[LEN] = "canary canary canary", a[LEN + SEALED_TAG_BYTES], b[sizeof a];

	CU_ASSERT_EQUAL(sealed_put(&s, 0, false, plain, LEN, a), ST_OK);
	CU_ASSERT_EQUAL(sealed_put(&s, 1, false, plain, LEN, b), ST_OK);
	CU_ASSERT_PTR_NULL(memmem(a, sizeof a, "canary", 6));
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
}

SUITE(sealed, TEST(header_opens_with_its_passphrase_and_with_no_other),
      TEST(header_of_another_version_or_with_dear_numbers_is_told_before_any_work),
      TEST(chunk_opens_only_as_it_was_in_its_place),
      TEST(nothing_of_the_plain_bytes_is_in_a_chunk_and_no_two_are_alike))
