#include "core/hub/http_range.h"

#include "tests/runner.h"

static bool range(const char *text, uint64_t first, uint64_t last)
{
	struct http_range r;

	return http_range_read(text, 100, &r) == ST_OK && r.first == first && r.last == last;
}

static void end_at_or_behind_the_last_byte_is_the_last_byte(void)
{
	CU_ASSERT_TRUE(range("bytes=0-99", 0, 99));
	CU_ASSERT_TRUE(range("bytes=40-100", 40, 99)); /* as the SDKs ask */
	CU_ASSERT_TRUE(range("bytes=40-", 40, 99));
	CU_ASSERT_TRUE(range("bytes=40-50", 40, 50));
	CU_ASSERT_TRUE(range("bytes=-10", 90, 99));
	CU_ASSERT_TRUE(range("bytes=-1000", 0, 99));
}

static void start_behind_the_last_byte_is_not_there(void)
{
	struct http_range r;

	CU_ASSERT_EQUAL(http_range_read("bytes=100-", 100, &r), ST_INVALID);
	CU_ASSERT_EQUAL(http_range_read("bytes=100-100", 100, &r), ST_INVALID);
	CU_ASSERT_EQUAL(http_range_read("bytes=-0", 100, &r), ST_INVALID);
}

static void what_is_not_understood_is_the_whole_file(void)
{
	static const char *const odd[] = {
		"bytes=0-1,5-6", "lines=1-2", "bytes=x", "bytes=5-2", "bytes=99999999999999999999-", ""
	};
	struct http_range r;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		CU_ASSERT_EQUAL(http_range_read(odd[i], 100, &r), ST_EMPTY);
	CU_ASSERT_EQUAL(http_range_read(NULL, 100, &r), ST_EMPTY);
}

static void content_range_says_where_a_part_begins(void)
{
	uint64_t first, total;

	CU_ASSERT_TRUE(http_range_read_content("bytes 5-9/10", &first, &total));
	CU_ASSERT_EQUAL(first, 5);
	CU_ASSERT_EQUAL(total, 10);
	CU_ASSERT_TRUE(http_range_read_content("bytes 5-9/*", &first, &total));
	CU_ASSERT_EQUAL(total, 0);
	CU_ASSERT_FALSE(http_range_read_content("bytes */10", &first, &total));
	CU_ASSERT_FALSE(http_range_read_content("bytes 9-5/10", &first, &total));
	CU_ASSERT_FALSE(http_range_read_content(NULL, &first, &total));
}

SUITE(http_range, TEST(end_at_or_behind_the_last_byte_is_the_last_byte),
      TEST(start_behind_the_last_byte_is_not_there), TEST(what_is_not_understood_is_the_whole_file),
      TEST(content_range_says_where_a_part_begins))
