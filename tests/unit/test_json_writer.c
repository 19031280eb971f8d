#include "core/json/json_writer.h"

#include <limits.h>

#include "tests/runner.h"

static void members_are_written_with_their_commas_and_escapes(void)
{
	struct buf out = BUF_MAX(1024);
	struct json_writer w = JSON_WRITER(&out);

	json_open(&w, NULL, '{');
	json_put_text(&w, "t", "a\"b\n");
	json_put_text(&w, "n", NULL);
	json_put_int(&w, "i", INT64_MIN);
	json_put_int(&w, "z", 0);
	json_put_count(&w, "c", UINT64_MAX);
	json_put_bool(&w, "b", false);
	json_open(&w, "a", '[');
	json_close(&w, ']');
	json_open(&w, "o", '[');
	json_put_bool(&w, NULL, true);
	json_open(&w, NULL, '{');
	json_put_raw(&w, "r", "1.0", 3);
	json_close(&w, '}');
	json_put_null(&w, NULL);
	json_close(&w, ']');
	json_close(&w, '}');
	CU_ASSERT_EQUAL(w.st, ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       "{\"t\":\"a\\\"b\\n\",\"n\":null,\"i\":-9223372036854775808,\"z\":0,"
	                       "\"c\":18446744073709551615,\"b\":false,\"a\":[],"
	                       "\"o\":[true,{\"r\":1.0},null]}");
	buf_free(&out);
}

static void the_first_failure_stays(void)
{
	struct buf out = BUF_MAX(8);
	struct json_writer w = JSON_WRITER(&out);

	json_open(&w, NULL, '[');
	json_put_text(&w, NULL, "far too long");
	json_put_int(&w, NULL, 1);
	CU_ASSERT_EQUAL(w.st, ST_TOOBIG);
	CU_ASSERT(out.len <= 8);
	buf_free(&out);
}

SUITE(json_writer, TEST(members_are_written_with_their_commas_and_escapes),
      TEST(the_first_failure_stays))
