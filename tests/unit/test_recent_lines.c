#include "core/base/recent_lines.h"

#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"
#include "tests/runner.h"

static void the_oldest_gives_way_to_the_newest(void)
{
	static struct recent_lines r;
	char text[16];

	memset(&r, 0, sizeof(r));
	CU_ASSERT_PTR_NULL(recent_lines_at(&r, 0));
	for (int i = 0; i < RECENT_LINES + 5; i++) {
		snprintf(text, sizeof(text), "line %d", i);
		recent_lines_add(&r, 1000 + i, i % 2 ? LOG_WARN : LOG_ERROR, text);
		CU_ASSERT_STRING_EQUAL(
			recent_lines_at(&r, i < RECENT_LINES ? (size_t)i : RECENT_LINES - 1)->text, text);
	}
	CU_ASSERT_STRING_EQUAL(recent_lines_at(&r, 0)->text, "line 5");
	CU_ASSERT_EQUAL(recent_lines_at(&r, 0)->at_ms, 1005);
	CU_ASSERT_EQUAL(recent_lines_at(&r, 0)->level, LOG_WARN);
	CU_ASSERT_PTR_NULL(recent_lines_at(&r, RECENT_LINES));
}

static void a_long_line_is_cut_between_characters(void)
{
	static struct recent_lines r;
	char text[2 * RECENT_TEXT_MAX + 2];

	memset(&r, 0, sizeof(r));
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 3);
	recent_lines_add(&r, 0, LOG_WARN, text);
	CU_ASSERT_EQUAL(strlen(recent_lines_at(&r, 0)->text), RECENT_TEXT_MAX - 2);
	CU_ASSERT(utf8_ok(recent_lines_at(&r, 0)->text, RECENT_TEXT_MAX - 2));
}

SUITE(recent_lines, TEST(the_oldest_gives_way_to_the_newest),
      TEST(a_long_line_is_cut_between_characters))
