#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static char *shown; /* owned */

/* What text_put() or text_put_json() writes. */
static const char *put(const char *text, size_t columns, bool json)
{
	size_t size = 0;
	FILE *f;

	free(shown);
	shown = NULL;
	f = open_memstream(&shown, &size);
	CU_ASSERT_FATAL(f != NULL);
	if (json)
		text_put_json(f, text);
	else
		text_put(f, text, columns);
	fclose(f);
	return shown;
}

static void names_cannot_steer_a_terminal(void)
{
	CU_ASSERT_STRING_EQUAL(put("a\x1b[31mb\n\r\x07\x7f", 99, false), "a?[31mb????");
	CU_ASSERT_STRING_EQUAL(put("c1 \xc2\x9b"
	                           "31m",
	                           99, false),
	                       "c1 ?31m");
	CU_ASSERT_STRING_EQUAL(put("turn \xe2\x80\xae"
	                           "back",
	                           99, false),
	                       "turn ?back");
	CU_ASSERT_STRING_EQUAL(put("no utf-8 \xff\xc0\x80 \xe4\xb8", 99, false), "no utf-8 ??? ??");
	CU_ASSERT_STRING_EQUAL(put("\xe4\xb8\xad\xe6\x96\x87", 99, false), "\xe4\xb8\xad\xe6\x96\x87");
}

static void a_text_is_cut_at_columns_not_bytes(void)
{
	CU_ASSERT_EQUAL(text_columns("\xe4\xb8\xad\xe6\x96\x87"
	                             "ab"),
	                6);
	CU_ASSERT_EQUAL(text_columns("e\xcc\x81"), 1); /* with a combining accent */
	CU_ASSERT_STRING_EQUAL(put("abcdef", 6, false), "abcdef");
	CU_ASSERT_STRING_EQUAL(put("abcdef", 4, false), "abc\xe2\x80\xa6");
	CU_ASSERT_STRING_EQUAL(put("\xe4\xb8\xad\xe6\x96\x87", 3, false), "\xe4\xb8\xad\xe2\x80\xa6");
	CU_ASSERT_STRING_EQUAL(put("\xe4\xb8\xad\xe6\x96\x87", 2, false), "\xe2\x80\xa6");
	CU_ASSERT_STRING_EQUAL(put("abc", 0, false), "");
}

static void json_stays_json_and_steers_nothing(void)
{
	CU_ASSERT_STRING_EQUAL(put("{\"a\":\"\\u001b \xe4\xb8\xad\"}", 0, true),
	                       "{\"a\":\"\\u001b \xe4\xb8\xad\"}");
	CU_ASSERT_STRING_EQUAL(put("\"\xc2\x9b\x7f\xe2\x80\xae\"", 0, true),
	                       "\"\\u009b\\u007f\\u202e\"");
	CU_ASSERT_STRING_EQUAL(put("\"\xf3\xa0\x80\x81\"", 0, true), "\"\\udb40\\udc01\"");
}

static void lines_of_an_error_stay_lines(void)
{
	char text[] = "a\x1b[2J\nb \xe4\xb8\xad\xc2\x9b\xff";

	text_make_inert(text);
	CU_ASSERT_STRING_EQUAL(text, "a?[2J\nb \xe4\xb8\xad??");
}

static const char *duration(double seconds)
{
	static char out[TEXT_SHOWN_MAX];

	text_duration(seconds, out);
	return out;
}

static const char *bytes(double count)
{
	static char out[TEXT_SHOWN_MAX];

	text_bytes(count, out);
	return out;
}

static void spans_and_sizes_are_told_in_units_for_people(void)
{
	CU_ASSERT_STRING_EQUAL(duration(0), "0 s");
	CU_ASSERT_STRING_EQUAL(duration(0.2), "under 1 s");
	CU_ASSERT_STRING_EQUAL(duration(119.9), "119 s");
	CU_ASSERT_STRING_EQUAL(duration(7199), "119 min");
	CU_ASSERT_STRING_EQUAL(duration(11520), "3 h 12 min");
	CU_ASSERT_STRING_EQUAL(duration(864000), "10 d 0 h");
	CU_ASSERT_STRING_EQUAL(duration(-5), "0 s");
	CU_ASSERT_STRING_EQUAL(bytes(1023), "1023 B");
	CU_ASSERT_STRING_EQUAL(bytes(1536), "1.5 KiB");
	CU_ASSERT_STRING_EQUAL(bytes(67108864), "64 MiB");
	CU_ASSERT_STRING_EQUAL(bytes(1e18), "909495 TiB");
	free(shown);
	shown = NULL;
}

SUITE(text, TEST(names_cannot_steer_a_terminal), TEST(a_text_is_cut_at_columns_not_bytes),
      TEST(json_stays_json_and_steers_nothing), TEST(lines_of_an_error_stay_lines),
      TEST(spans_and_sizes_are_told_in_units_for_people))
