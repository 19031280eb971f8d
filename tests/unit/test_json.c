#include "core/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/runner.h"

static const struct json_limits roomy = { .bytes = 1 << 20, .depth = 16, .values = 100000 };

static enum status parse(const char *text, cJSON **out, struct json_error *err)
{
	return json_parse(text, strlen(text), &roomy, out, err, NULL, NULL);
}

static cJSON *tree(const char *text)
{
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(parse(text, &out, NULL), ST_OK);
	return out;
}

static bool refused(const char *text)
{
	cJSON *out = NULL;
	bool no = parse(text, &out, NULL) == ST_MALFORMED && !out;

	cJSON_Delete(out);
	if (!no)
		fprintf(stderr, "accepted: %s\n", text);
	return no;
}

static void number_tokens_keep_their_text(void)
{
	const char *tokens[] = { "0",   "-0",   "0.0",    "1.50", "9007199254740993",
		                     "1e5", "1E+5", "2.5e-3", "-1",   "123456789012345678901234567890" };

	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		cJSON *node = tree(tokens[i]);
		char *printed = cJSON_PrintUnformatted(node);

		CU_ASSERT(json_is_number(node));
		CU_ASSERT_STRING_EQUAL(printed, tokens[i]);
		free(printed);
		cJSON_Delete(node);
	}
}

static void what_looks_like_a_number_but_is_none_is_refused(void)
{
	const char *bad[] = { "01",  "-",    "+1",  ".5",       "1.",  "1e",
		                  "1e+", "0x10", "NaN", "Infinity", "--1", "1.e5" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT(refused(bad[i]));
}

static void escapes_become_utf8(void)
{
	cJSON *node = tree("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"");

	CU_ASSERT_STRING_EQUAL(node->valuestring,
	                       "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
	cJSON_Delete(node);
}

static void surrogates_alone_and_nul_are_refused(void)
{
	CU_ASSERT(refused("\"\\ud83d\""));
	CU_ASSERT(refused("\"\\ud83dx\""));
	CU_ASSERT(refused("\"\\ud83d\\n\""));
	CU_ASSERT(refused("\"\\ud83d\\ud83d\""));
	CU_ASSERT(refused("\"\\ude00\""));
	CU_ASSERT(refused("\"a\\u0000b\""));
	CU_ASSERT(refused("\"\\u12\""));
	CU_ASSERT(refused("\"\\u12g4\""));
	CU_ASSERT(refused("\"\\x\""));
}

static void raw_nul_bytes_are_refused(void)
{
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(json_parse("\"a\0b\"", 5, &roomy, &out, NULL, NULL, NULL), ST_MALFORMED);
	CU_ASSERT_EQUAL(json_parse("\"\\\0\"", 4, &roomy, &out, NULL, NULL, NULL), ST_MALFORMED);
	CU_ASSERT_EQUAL(json_parse("1\0", 2, &roomy, &out, NULL, NULL, NULL), ST_MALFORMED);
}

static void invalid_utf8_is_refused(void)
{
	const char *bad[] = { "\"\x80\"",         "\"\xC0\x80\"",         "\"\xC3\"",
		                  "\"\xE0\x80\x80\"", "\"\xED\xA0\x80\"",     "\"\xF4\x90\x80\x80\"",
		                  "\"\xE2\x82\"",     "\"\xF0\x80\x80\x80\"", "\"\xFF\"" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT(refused(bad[i]));
	cJSON_Delete(tree("\"\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\""));
}

static void broken_structure_is_refused(void)
{
	const char *bad[] = { "",         " ",         "{",       "[",    "\"",         "{\"a\"}",
		                  "{\"a\":}", "{a:1}",     "[1,]",    "[,1]", "{\"a\":1,}", "[1 2]",
		                  "tru",      "nul",       "True",    "1 2",  "{} {}",      "[1]]",
		                  "\"a\nb\"", "{\"a\" 1}", "// c\n1", "[1}",  "'a'",        "{\"a\":1]" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT(refused(bad[i]));
}

static void a_repeated_member_name_is_refused_where_it_repeats(void)
{
	struct json_error err = { 0 };
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(parse("{\"a\":1,\n \"b\":2, \"\\u0061\":3}", &out, &err), ST_MALFORMED);
	CU_ASSERT_EQUAL(err.line, 2);
	CU_ASSERT_EQUAL(err.column, 9);
	CU_ASSERT_STRING_EQUAL(err.path, "a");
	cJSON_Delete(tree("{\"a\":{\"a\":1},\"A\":[{\"a\":1},{\"a\":2}]}"));
}

static void path_of_a_repeated_name_goes_through_objects_and_lists(void)
{
	struct json_error err = { 0 };
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(
		parse("{\"o\":{\"x\":1},\"l\":[[],{\"s\\u0007\":{\"k\":1,\n\"k\":2}}]}", &out, &err),
		ST_MALFORMED);
	CU_ASSERT_EQUAL(err.line, 2);
	CU_ASSERT_STRING_EQUAL(err.path, "l[1].s?.k");
}

static void longest_paths_are_cut(void)
{
	struct json_error err = { 0 };
	struct buf text = BUF_MAX(1 << 16);
	cJSON *out = NULL;

	for (int i = 0; i < 15; i++)
		buf_add_text(&text, "{\"a long name of a member\":");
	buf_add_text(&text, "{\"b\":1,\"b\":1}");
	CU_ASSERT_EQUAL(parse(buf_text(&text), &out, &err), ST_MALFORMED);
	CU_ASSERT_EQUAL(strlen(err.path), JSON_PATH_MAX - 1);
	buf_free(&text);
}

static void usual_mistakes_are_named_where_they_are_made(void)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *part;
	} cases[] = {
		{ "{\"a\":1,\n \"b\":2,\n}", 2, 7, "a comma must not stand before the closing bracket" },
		{ "[1,\n2 , ]", 2, 3, "a comma must not stand before the closing bracket" },
		{ "{\n// the hub\n\"a\":1}", 2, 1, "no comments" },
		{ "/* x */ {}", 1, 1, "no comments" },
		{ "{\"a\":1 # x\n}", 1, 8, "no comments" },
		{ "{\"a\": /* x */ 1}", 1, 7, "no comments" },
		{ "{} // x", 1, 4, "no comments" },
		{ "{'a':1}", 1, 2, "in place of single ones" },
		{ "{\"a\":'x'}", 1, 6, "in place of single ones" },
		{ "{\xE2\x80\x9C"
		  "a\xE2\x80\x9D:1}",
		  1, 2, "typographic" },
		{ "{\"a\":1\n\"b\":2}", 1, 7, "a comma is missing" },
		{ "[{\"a\":1}\n {\"b\":2}]", 1, 9, "a comma is missing" },
		{ "[\"a\"\"b\"]", 1, 5, "a comma is missing" },
		{ "[\"a\" true]", 1, 5, "a comma is missing" },
		{ "{a:1}", 1, 2, "the member name is not quoted" },
		{ "{\"a\":1,\n  bc:2}", 2, 3, "the member name is not quoted" },
		{ "{\"a\":hub.example}", 1, 6, "the text is not quoted" },
		{ "{\"a\":True}", 1, 6, "only true, false and null" },
		{ "{\"a\":10.0.0.1}", 1, 10, "write text in double quotes" },
		{ "{\"a\":12:30}", 1, 8, "write text in double quotes" },
		{ "{\"a\":truely}", 1, 10, "write text in double quotes" },
		{ "{\"a\":}", 1, 6, "the value is missing" },
		{ "[1,,2]", 1, 4, "the value is missing" },
		{ "{\"a\"=1}", 1, 5, "a colon in place of =" },
		{ "{\"a\" 1}", 1, 6, "a colon must follow" },
		{ "{\"a\":\"x\n}", 1, 8, "closing quote is missing" },
		{ "{\"a\":[1,2}", 1, 10, "a comma or the closing bracket" },
		{ "{\"a\":1", 1, 7, "the text ends here" },
		{ "{}}", 1, 3, "a closing bracket too many" },
		{ "{},", 1, 3, "a comma must not follow" },
		{ "", 1, 1, "the text ends here" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_error err = { 0 };
		cJSON *out = NULL;

		CU_ASSERT_EQUAL(parse(cases[i].text, &out, &err), ST_MALFORMED);
		if (err.line == cases[i].line && err.column == cases[i].column &&
		    strstr(err.what, cases[i].part))
			continue;
		CU_FAIL(cases[i].text);
		fprintf(stderr, "%s: %u:%u: %s\n", cases[i].text, err.line, err.column, err.what);
	}
}

static void many_members_are_checked_quickly(void)
{
	struct buf text = BUF_MAX(4 << 20);
	struct json_limits lim = { .bytes = 4 << 20, .depth = 2, .values = 200000 };
	struct json_error err = { 0 };
	cJSON *out = NULL;

	buf_add_text(&text, "{");
	for (int i = 0; i < 150000; i++)
		buf_addf(&text, "\"k%d\":0,", i);
	buf_add_text(&text, "\"k77\":1}");
	CU_ASSERT_EQUAL(json_parse(buf_text(&text), text.len, &lim, &out, &err, NULL, NULL),
	                ST_MALFORMED);
	CU_ASSERT_STRING_EQUAL(err.path, "k77");
	buf_free(&text);
}

/* What json_parse_message() makes of it, printed; "" when it is refused. */
static const char *message(const void *text, size_t len)
{
	static char out[256];
	cJSON *node = NULL;

	*out = '\0';
	if (json_parse_message(text, len, &roomy, &node) == ST_OK)
		cJSON_PrintPreallocated(node, out, sizeof out, false);
	cJSON_Delete(node);
	return out;
}

#define MESSAGE(text) message(text, sizeof(text) - 1)

static void in_a_message_the_last_of_a_repeated_name_counts(void)
{
	CU_ASSERT_STRING_EQUAL(MESSAGE("{\"a\":1,\"b\":2,\"\\u0061\":3,\"a\":{\"c\":4,\"c\":5}}"),
	                       "{\"b\":2,\"a\":{\"c\":5}}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{\"a\":1,\"a\":2}"), "{\"a\":2}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("[{\"a\":1,\"a\":null},{\"a\":1,\"A\":2}]"),
	                       "[{\"a\":null},{\"a\":1,\"A\":2}]");
}

static void one_stray_byte_behind_a_message_is_left_out(void)
{
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\0"), "{}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\x1A"), "{}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\r"), "{}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\n"), "{}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\r\n\0"), "{}");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\0\0"), "");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\x1A\n"), "");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{\0}"), "");
	CU_ASSERT_STRING_EQUAL(MESSAGE("{}\xFF"), "");
	CU_ASSERT_STRING_EQUAL(MESSAGE("\0"), "");
	CU_ASSERT_STRING_EQUAL(message(NULL, 0), "");
	CU_ASSERT_EQUAL(json_message_len("{}\0", 3), 2);
	CU_ASSERT_EQUAL(json_message_len("{}", 2), 2);
	CU_ASSERT_EQUAL(json_message_len(NULL, 0), 0);
}

static void files_stay_strict(void)
{
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(json_parse("{}\0", 3, &roomy, &out, NULL, NULL, NULL), ST_MALFORMED);
	CU_ASSERT(refused("{}\x1A"));
	CU_ASSERT(refused("{\"a\":1,\"a\":1}"));
}

static void limits_are_kept(void)
{
	struct json_limits lim = { .bytes = 10, .depth = 2, .values = 3 };
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(json_parse("[[1]]", 5, &lim, &out, NULL, NULL, NULL), ST_OK);
	cJSON_Delete(out);
	CU_ASSERT_EQUAL(json_parse("[[[]]]", 6, &lim, &out, NULL, NULL, NULL), ST_TOOBIG);
	CU_ASSERT_EQUAL(json_parse("[1,2,3]", 7, &lim, &out, NULL, NULL, NULL), ST_TOOBIG);
	CU_ASSERT_EQUAL(json_parse("          1", 11, &lim, &out, NULL, NULL, NULL), ST_TOOBIG);
	lim.depth = 0;
	CU_ASSERT_EQUAL(json_parse("7", 1, &lim, &out, NULL, NULL, NULL), ST_OK);
	cJSON_Delete(out);
	CU_ASSERT_EQUAL(json_parse("[]", 2, &lim, &out, NULL, NULL, NULL), ST_TOOBIG);
}

static void a_million_brackets_do_no_harm(void)
{
	enum {
		MANY = 1000000
	};
	struct json_limits lim = { .bytes = MANY, .depth = MANY, .values = MANY };
	char *text = malloc(MANY);
	cJSON *out = NULL;

	memset(text, '[', MANY);
	CU_ASSERT_EQUAL(json_parse(text, MANY, &lim, &out, NULL, NULL, NULL), ST_TOOBIG);
	free(text);
}

static void a_byte_order_mark_is_named_in_the_error(void)
{
	struct json_error err = { 0 };
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(parse("\xEF\xBB\xBF{}", &out, &err), ST_MALFORMED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "byte order mark"));
}

static void a_text_of_utf_16_is_named_in_the_error_with_or_without_its_mark(void)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "\xFF\xFE{\0}\0", 6 },
		{ "\xFE\xFF\0{\0}", 6 },
		{ "{\0\"\0", 4 },
		{ "\0{\0\"", 4 },
	};
	const struct json_limits lim = { .bytes = 100, .depth = 10, .values = 10 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_error err = { 0 };
		cJSON *out = NULL;

		CU_ASSERT_EQUAL(json_parse(cases[i].text, cases[i].len, &lim, &out, &err, NULL, NULL),
		                ST_MALFORMED);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "is UTF-16; save it as UTF-8"));
	}
}

static void errors_name_line_and_column_in_characters(void)
{
	struct json_error err = { 0 };
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(parse("{\r\n\t\"\xC3\xA9\": x}", &out, &err), ST_MALFORMED);
	CU_ASSERT_EQUAL(err.line, 2);
	CU_ASSERT_EQUAL(err.column, 7);
}

static void note_line(void *ctx, const cJSON *node, unsigned line)
{
	char *lines = ctx;

	snprintf(lines + strlen(lines), 64 - strlen(lines), "%s%u ", node->string ? node->string : "",
	         line);
}

static void every_node_is_announced_with_its_line(void)
{
	const char *text = "{\n\"a\":\n 1,\n\"b\":[true,\n\"x\"]}";
	char lines[64] = "";
	cJSON *out = NULL;

	CU_ASSERT_EQUAL(json_parse(text, strlen(text), &roomy, &out, NULL, note_line, lines), ST_OK);
	CU_ASSERT_STRING_EQUAL(lines, "1 a3 b4 4 5 ");
	cJSON_Delete(out);
}

static bool int_of(const char *token, int64_t *out)
{
	cJSON *node = tree(token);
	bool ok = json_int(node, false, out);

	cJSON_Delete(node);
	return ok;
}

static void exact_integers_are_read_and_others_refused(void)
{
	int64_t n = 5;

	CU_ASSERT(int_of("9223372036854775807", &n) && n == INT64_MAX);
	CU_ASSERT(int_of("-9223372036854775808", &n) && n == INT64_MIN);
	CU_ASSERT(int_of("-0", &n) && n == 0);
	CU_ASSERT(int_of("0e99999999999999999999", &n) && n == 0);
	CU_ASSERT(int_of("12.0", &n) && n == 12);
	CU_ASSERT(int_of("1.7e3", &n) && n == 1700);
	CU_ASSERT(int_of("120e-1", &n) && n == 12);
	CU_ASSERT(int_of("10.50e1", &n) && n == 105);
	CU_ASSERT_FALSE(int_of("9223372036854775808", &n));
	CU_ASSERT_FALSE(int_of("-9223372036854775809", &n));
	CU_ASSERT_FALSE(int_of("1.5", &n));
	CU_ASSERT_FALSE(int_of("1e-1", &n));
	CU_ASSERT_FALSE(int_of("1e19", &n));
	CU_ASSERT_FALSE(int_of("1e99999999999999999999", &n));
	CU_ASSERT_FALSE(int_of("true", &n));
	CU_ASSERT_EQUAL(n, 105);
}

static void integers_are_equal_by_their_digits_and_others_as_doubles(void)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "23.7", "23.699999999999999", true },
		{ "4.14", "4.1399999999999997", true },
		{ "23.7", "23.69999999999999", false },
		{ "0", "-0", true },
		{ "-0", "0.0", true },
		{ "1e2", "100", true },
		{ "1E+2", "100.00", true },
		{ "9007199254740992", "9007199254740993", false },
		{ "9007199254740993", "9007199254740993", true },
		{ "9007199254740992", "9007199254740993.0", true },
		{ "123456789012345678901234567890", "1.2345678901234568e+29", true },
		{ "1", "-1", false },
		{ "1", "10", false },
		{ "1e-400", "0", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (json_number_equal(cases[i].a, cases[i].b) != cases[i].equal ||
		    json_number_equal(cases[i].b, cases[i].a) != cases[i].equal)
			CU_FAIL(cases[i].a);
	}
}

static void numbers_in_strings_only_when_lenient(void)
{
	cJSON *node = tree("[\"42\",\"-7\",\"\",\"4x\",\"1.0\"]");
	int64_t n = 0;

	CU_ASSERT_FALSE(json_int(cJSON_GetArrayItem(node, 0), false, &n));
	CU_ASSERT(json_int(cJSON_GetArrayItem(node, 0), true, &n) && n == 42);
	CU_ASSERT(json_int(cJSON_GetArrayItem(node, 1), true, &n) && n == -7);
	for (int i = 2; i < 5; i++)
		CU_ASSERT_FALSE(json_int(cJSON_GetArrayItem(node, i), true, &n));
	CU_ASSERT_FALSE(json_int(NULL, true, &n));
	cJSON_Delete(node);
}

static void members_are_found_by_exact_name_in_objects_only(void)
{
	cJSON *node = tree("{\"Type\":\"x\",\"type\":1}");
	cJSON *list = tree("[\"type\"]");

	CU_ASSERT_PTR_NULL(json_text(node, "type"));
	CU_ASSERT_STRING_EQUAL(json_text(node, "Type"), "x");
	CU_ASSERT_PTR_NULL(json_member(list, "type"));
	CU_ASSERT_PTR_NULL(json_member(NULL, "type"));
	cJSON_Delete(list);
	cJSON_Delete(node);
}

static void written_strings_read_back_the_same(void)
{
	const char *text = "q\" b\\ \b\f\n\r\t \x01\x1f \x7f \xC3\xA9";
	struct buf out = BUF_MAX(100);
	cJSON *node;

	CU_ASSERT_EQUAL(json_add_string(&out, text), ST_OK);
	node = tree(buf_text(&out));
	CU_ASSERT_STRING_EQUAL(node->valuestring, text);
	cJSON_Delete(node);
	buf_free(&out);
}

static void a_string_that_does_not_fit_leaves_nothing_behind(void)
{
	struct buf out = BUF_MAX(6);

	CU_ASSERT_EQUAL(json_add_string(&out, "abc\n"), ST_TOOBIG);
	CU_ASSERT_EQUAL(out.len, 0);
	CU_ASSERT_EQUAL(json_add_string(&out, "abcd"), ST_OK);
	CU_ASSERT_EQUAL(out.len, 6);
	buf_free(&out);
}

SUITE(json, TEST(number_tokens_keep_their_text),
      TEST(what_looks_like_a_number_but_is_none_is_refused), TEST(escapes_become_utf8),
      TEST(surrogates_alone_and_nul_are_refused), TEST(raw_nul_bytes_are_refused),
      TEST(invalid_utf8_is_refused), TEST(broken_structure_is_refused),
      TEST(a_repeated_member_name_is_refused_where_it_repeats),
      TEST(path_of_a_repeated_name_goes_through_objects_and_lists), TEST(longest_paths_are_cut),
      TEST(usual_mistakes_are_named_where_they_are_made),
      TEST(in_a_message_the_last_of_a_repeated_name_counts),
      TEST(one_stray_byte_behind_a_message_is_left_out), TEST(files_stay_strict),
      TEST(many_members_are_checked_quickly), TEST(limits_are_kept),
      TEST(a_million_brackets_do_no_harm), TEST(a_byte_order_mark_is_named_in_the_error),
      TEST(a_text_of_utf_16_is_named_in_the_error_with_or_without_its_mark),
      TEST(errors_name_line_and_column_in_characters), TEST(every_node_is_announced_with_its_line),
      TEST(exact_integers_are_read_and_others_refused),
      TEST(integers_are_equal_by_their_digits_and_others_as_doubles),
      TEST(numbers_in_strings_only_when_lenient),
      TEST(members_are_found_by_exact_name_in_objects_only),
      TEST(written_strings_read_back_the_same),
      TEST(a_string_that_does_not_fit_leaves_nothing_behind))
