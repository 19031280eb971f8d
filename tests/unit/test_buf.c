#include "core/base/buf.h"
#include "tests/runner.h"

#include <string.h>

static void adds_append_in_order(void)
{
	struct buf b = BUF_MAX(100);

	CU_ASSERT_EQUAL(buf_add(&b, "ab", 2), ST_OK);
	CU_ASSERT_EQUAL(buf_add_u8(&b, 0), ST_OK);
	CU_ASSERT_EQUAL(buf_add_u16be(&b, 0x4142), ST_OK);
	CU_ASSERT_EQUAL(buf_add_text(&b, "xyz"), ST_OK);
	CU_ASSERT_EQUAL(buf_addf(&b, "%d-%s", 42, "q"), ST_OK);
	CU_ASSERT_EQUAL(b.len, 12);
	CU_ASSERT_EQUAL(memcmp(b.data, "ab\0ABxyz42-q", 12), 0);
	buf_free(&b);
}

static void empty_adds_change_nothing(void)
{
	struct buf b = BUF_MAX(0);

	CU_ASSERT_EQUAL(buf_add(&b, NULL, 0), ST_OK);
	CU_ASSERT_EQUAL(buf_add_text(&b, ""), ST_OK);
	CU_ASSERT_EQUAL(buf_addf(&b, "%s", ""), ST_OK);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "");
	buf_free(&b);
}

static void ceiling_is_reached_but_never_passed(void)
{
	struct buf b = BUF_MAX(5);

	CU_ASSERT_EQUAL(buf_add_text(&b, "abc"), ST_OK);
	CU_ASSERT_EQUAL(buf_add_text(&b, "def"), ST_TOOBIG);
	CU_ASSERT_EQUAL(buf_addf(&b, "%s", "def"), ST_TOOBIG);
	CU_ASSERT_EQUAL(buf_add(&b, "", SIZE_MAX), ST_TOOBIG);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abc"); /* a failed add left it alone */
	CU_ASSERT_EQUAL(buf_add_u16be(&b, 0x4445), ST_OK);
	CU_ASSERT_EQUAL(buf_add_u8(&b, 0), ST_TOOBIG);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abcDE");
	buf_free(&b);
}

static void growth_keeps_the_content(void)
{
	struct buf b = BUF_MAX(100000);
	unsigned wrong = 0;

	for (size_t i = 0; i < 100000; i++)
		wrong += buf_add_u8(&b, (uint8_t)(i * 7)) != ST_OK;
	CU_ASSERT_EQUAL_FATAL(b.len, 100000);
	for (size_t i = 0; i < 100000; i++)
		wrong += b.data[i] != (uint8_t)(i * 7);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(buf_text(&b)[100000], '\0');
	buf_free(&b);
}

static void text_ends_with_an_uncounted_nul(void)
{
	struct buf b = BUF_MAX(64);
	char full[65];

	memset(full, 'x', 64);
	full[64] = '\0';
	CU_ASSERT_EQUAL(buf_add_text(&b, full), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), full);
	CU_ASSERT_EQUAL(b.len, 64);
	buf_free(&b);
}

static void reserved_room_counts_only_when_used(void)
{
	struct buf b = BUF_MAX(10);
	unsigned char *at = NULL;

	CU_ASSERT_EQUAL(buf_add_text(&b, "ab"), ST_OK);
	CU_ASSERT_EQUAL(buf_reserve(&b, 8, &at), ST_OK);
	CU_ASSERT_EQUAL(b.len, 2);
	memcpy(at, "cd", 2);
	b.len += 2;
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "abcd");
	CU_ASSERT_EQUAL(buf_reserve(&b, 7, &at), ST_TOOBIG);
	buf_free(&b);
}

static void drop_takes_from_the_front(void)
{
	struct buf b = BUF_MAX(20);

	buf_drop(&b, 3); /* nothing there yet */
	CU_ASSERT_EQUAL(buf_add_text(&b, "abcdef"), ST_OK);
	buf_drop(&b, 0);
	buf_drop(&b, 2);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "cdef");
	buf_drop(&b, 99);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "");
	buf_free(&b);
}

static void reset_and_free_leave_a_usable_buffer(void)
{
	struct buf b = BUF_MAX(20);

	CU_ASSERT_EQUAL(buf_add_text(&b, "abc"), ST_OK);
	buf_reset(&b);
	CU_ASSERT_EQUAL(b.len, 0);
	CU_ASSERT_EQUAL(buf_add_text(&b, "de"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "de");
	buf_free(&b);
	CU_ASSERT_PTR_NULL(b.data);
	CU_ASSERT_EQUAL(buf_add_text(&b, "f"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&b), "f");
	buf_free(&b);
}

SUITE(buf, TEST(adds_append_in_order), TEST(empty_adds_change_nothing),
      TEST(ceiling_is_reached_but_never_passed), TEST(growth_keeps_the_content),
      TEST(text_ends_with_an_uncounted_nul), TEST(reserved_room_counts_only_when_used),
      TEST(drop_takes_from_the_front), TEST(reset_and_free_leave_a_usable_buffer))
