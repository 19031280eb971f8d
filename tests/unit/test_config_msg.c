#include "core/hub/config_msg.h"

#include <string.h>

#include "tests/runner.h"

static struct config_msg msg;

static enum status parse(const char *text)
{
	return config_msg_parse(text, strlen(text), &msg);
}

static void get_is_told_apart_from_everything_else(void)
{
	static const struct {
		const char *text;
		bool get;
	} rows[] = {
		{ CONFIG_MSG_GET, true },
		{ "{\"type\": \"get\"}", true },
		{ "{\"type\":\"get\",\"clientToken\":\"1\"}", true },
		{ "{\"type\":\"push\"}", false },
		{ "{\"type\":1}", false },
		{ "get", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (config_msg_is_get(rows[i].text, strlen(rows[i].text)) != rows[i].get)
			CU_FAIL(rows[i].text);
	}
}

static void reply_and_push_of_the_hub_are_read_in_every_form_that_was_seen(void)
{
	static const struct {
		const char *text;
		bool push;
		int64_t code;
		const char *content;
	} rows[] = {
		{ "{\"type\":\"reply\",\"result\":0,\"payload\":{\"baud rate\":9600,\"parity\":\"NONE\"}}",
		  false, 0, "{\"baud rate\":9600,\"parity\":\"NONE\"}" },
		{ "{\"type\":\"push\",\"payload\":{\n  \"a\": 1.0\n}}", true, 0, "{\"a\":1.0}" },
		{ "{\"type\":\"push\",\"result\":0,\"payload\":\"{\\\"a\\\":12345678901234567890}\"}", true,
		  0, "{\"a\":12345678901234567890}" },
		{ "{\"type\":\"reply\",\"result\":\"0\",\"payload\":{}}", false, 0, "{}" },
		{ "{\"type\":\"reply\",\"result\":1002}", false, CONFIG_MSG_NONE, "" },
		{ "{\"type\":\"reply\",\"result\":1001,\"payload\":{}}", false, CONFIG_MSG_DISABLED, "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CU_ASSERT_EQUAL_FATAL(parse(rows[i].text), ST_OK);
		CU_ASSERT_EQUAL(msg.push, rows[i].push);
		CU_ASSERT_EQUAL(msg.code, rows[i].code);
		CU_ASSERT_STRING_EQUAL(buf_text(&msg.content), rows[i].content);
		buf_free(&msg.content);
	}
}

static void what_is_no_configuration_is_refused(void)
{
	static const char *const texts[] = {
		"{\"type\":\"reply\",\"payload\":{}}", /* a reply says how it went */
		"{\"type\":\"reply\",\"result\":0}",
		"{\"type\":\"push\",\"payload\":[1]}",
		"{\"type\":\"push\",\"payload\":\"no JSON\"}",
		"{\"type\":\"push\",\"payload\":\"[]\"}",
		"{\"type\":\"push\",\"payload\":null}",
		"{\"type\":\"push\",\"result\":{},\"payload\":{}}",
		"{\"type\":\"get\"}",
		"{}",
		"[]",
		"",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (parse(texts[i]) == ST_OK)
			CU_FAIL(texts[i]);
		CU_ASSERT_PTR_NULL(msg.content.data);
	}
}

static void answer_holds_the_configuration_as_it_was_spelled(void)
{
	struct buf out = BUF_MAX(256);

	CU_ASSERT_EQUAL(config_msg_put_reply(&out, 0, "{\"a\":1.0}", 9), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       "{\"type\":\"reply\",\"result\":0,\"payload\":{\"a\":1.0}}");
	buf_reset(&out);
	CU_ASSERT_EQUAL(config_msg_put_reply(&out, CONFIG_MSG_NONE, NULL, 0), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "{\"type\":\"reply\",\"result\":1002}");
	buf_free(&out);
}

SUITE(config_msg, TEST(get_is_told_apart_from_everything_else),
      TEST(reply_and_push_of_the_hub_are_read_in_every_form_that_was_seen),
      TEST(what_is_no_configuration_is_refused),
      TEST(answer_holds_the_configuration_as_it_was_spelled))
