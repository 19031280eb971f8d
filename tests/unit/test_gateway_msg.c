#include "core/hub/gateway_msg.h"

#include <string.h>

#include "tests/runner.h"

/* Samples and vectors: docs/protocol/gateway.md 2-6. */
#define PID          "SUBPROD001"
#define DEVICE(name) "{\"product_id\":\"" PID "\",\"device_name\":\"" name "\"}"
#define RESULT(name, code) \
	"{\"product_id\":\"" PID "\",\"device_name\":\"" name "\",\"result\":" code "}"
#define MESSAGE(type, list) "{\"type\":\"" type "\",\"payload\":{\"devices\":" list "}}"

enum {
	OUT_MAX = 1024
};

static struct secret secret_of(const char *text)
{
	struct secret s;

	CU_ASSERT_EQUAL_FATAL(secret_parse(text, &s), ST_OK);
	return s;
}

static enum status parse(const char *text, struct gateway_msg *out)
{
	return gateway_parse(text, strlen(text), out);
}

/* True when it parses as op with count devices. */
static bool reads_as(const char *text, enum gateway_op op, size_t count)
{
	struct gateway_msg m;
	bool right;

	if (parse(text, &m) != ST_OK)
		return false;
	right = m.op == op && m.count == count;
	gateway_msg_free(&m);
	return right;
}

static void requests_are_compact_and_in_member_order(void)
{
	static const struct {
		enum gateway_op op;
		const char *text;
	} rows[] = {
		{ GATEWAY_ONLINE, MESSAGE("online", "[" DEVICE("lamp-01") "]") },
		{ GATEWAY_OFFLINE, MESSAGE("offline", "[" DEVICE("lamp-01") "]") },
		{ GATEWAY_UNBIND, MESSAGE("unbind", "[" DEVICE("lamp-01") "]") },
	};
	struct buf out = BUF_MAX(OUT_MAX);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_reset(&out);
		CU_ASSERT_EQUAL(gateway_put_request(&out, rows[i].op, PID, "lamp-01"), ST_OK);
		CU_ASSERT_STRING_EQUAL(buf_text(&out), rows[i].text);
	}
	buf_reset(&out);
	CU_ASSERT_EQUAL(gateway_put_describe(&out), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "{\"type\":\"describe_sub_devices\"}");
	buf_reset(&out);
	CU_ASSERT_EQUAL(gateway_put_change_ack(&out, 0), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "{\"type\":\"change\",\"result\":0}");
	buf_free(&out);
}

static void bind_carries_the_signature_of_the_vectors(void)
{
	static const struct {
		const char *secret, *name;
		uint32_t random;
		uint64_t timestamp_s;
		enum hash hash;
		const char *tail;
	} rows[] = {
		{ "MDEyMzQ1Njc4OWFiY2RlZg==", "lamp-01", 121213, 1589786839, HASH_SHA1,
		  "\"signature\":\"6pAuYeE9wLNtcEHWBDOTecbwGSA=\",\"random\":121213,"
		  "\"timestamp\":1589786839,\"signmethod\":\"hmacsha1\"" },
		{ "MDEyMzQ1Njc4OWFiY2RlZg==", "lamp-01", 121213, 1589786839, HASH_SHA256,
		  "\"signature\":\"sa5FvJYMmh3t1KzR0UPP7X3G+fwnbkT/1IaoEjoCo74=\",\"random\":121213,"
		  "\"timestamp\":1589786839,\"signmethod\":\"hmacsha256\"" },
		{ "AAECAwQFBgcICQoLDA0ODw==", "lamp_2", 2147483646, 1893456000, HASH_SHA1,
		  "\"signature\":\"HcDtViWlithO+M3Xh72+IlH5YEY=\",\"random\":2147483646,"
		  "\"timestamp\":1893456000,\"signmethod\":\"hmacsha1\"" },
		{ "AAECAwQFBgcICQoLDA0ODw==", "lamp_2", 2147483646, 1893456000, HASH_SHA256,
		  "\"signature\":\"YF5njAq3Px9Rt2U2RjvRhAEFiwsYgj4ZTXhCjtXbBmY=\",\"random\":2147483646,"
		  "\"timestamp\":1893456000,\"signmethod\":\"hmacsha256\"" },
	};
	struct buf out = BUF_MAX(OUT_MAX), want = BUF_MAX(OUT_MAX);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct secret s = secret_of(rows[i].secret);

		buf_reset(&out);
		buf_reset(&want);
		CU_ASSERT_EQUAL(gateway_put_bind(&out, PID, rows[i].name, &s, rows[i].random,
		                                 rows[i].timestamp_s, rows[i].hash, BIND_PSK),
		                ST_OK);
		buf_addf(&want,
		         "{\"type\":\"bind\",\"payload\":{\"devices\":[{\"product_id\":\"" PID "\","
		         "\"device_name\":\"%s\",%s,\"authtype\":\"psk\"}]}}",
		         rows[i].name, rows[i].tail);
		CU_ASSERT_STRING_EQUAL(buf_text(&out), buf_text(&want));
	}
	buf_free(&out);
	buf_free(&want);
}

static void requests_with_illegal_parts_are_not_written(void)
{
	struct secret s = secret_of("MDEyMzQ1Njc4OWFiY2RlZg==");
	struct buf out = BUF_MAX(OUT_MAX), small = BUF_MAX(20);

	CU_ASSERT_EQUAL(gateway_put_request(&out, GATEWAY_BIND, PID, "a"), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_request(&out, GATEWAY_DESCRIBE, PID, "a"), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_request(&out, GATEWAY_ONLINE, "SHORT", "a"), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_request(&out, GATEWAY_ONLINE, PID, "a\"b"), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_request(&out, GATEWAY_ONLINE, PID, ""), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_bind(&out, PID, "a b", &s, 1, 1, HASH_SHA1, BIND_PSK), ST_INVALID);
	CU_ASSERT_EQUAL(gateway_put_bind(&out, PID, "a", &s, 2147483648u, 1, HASH_SHA1, BIND_PSK),
	                ST_INVALID);
	CU_ASSERT_EQUAL(out.len, 0);
	CU_ASSERT_EQUAL(gateway_put_request(&small, GATEWAY_ONLINE, PID, "a"), ST_TOOBIG);
	CU_ASSERT_EQUAL(small.len, 0);
	buf_free(&out);
	buf_free(&small);
}

static void every_operation_is_read_by_its_name(void)
{
	CU_ASSERT(reads_as(MESSAGE("online", "[" RESULT("a", "0") "]"), GATEWAY_ONLINE, 1));
	CU_ASSERT(reads_as(MESSAGE("offline", "[" RESULT("a", "0") "]"), GATEWAY_OFFLINE, 1));
	CU_ASSERT(reads_as(MESSAGE("bind", "[" RESULT("a", "0") "]"), GATEWAY_BIND, 1));
	CU_ASSERT(reads_as(MESSAGE("unbind", "[" RESULT("a", "0") "]"), GATEWAY_UNBIND, 1));
	CU_ASSERT(reads_as(MESSAGE("describe_sub_devices", "[" DEVICE("dev1") "," DEVICE("test1") "]"),
	                   GATEWAY_DESCRIBE, 2));
	for (int i = GATEWAY_ONLINE; i <= GATEWAY_SEARCH; i++)
		CU_ASSERT_STRING_NOT_EQUAL(gateway_op_name((enum gateway_op)i), "unknown");
	CU_ASSERT_STRING_EQUAL(gateway_op_name((enum gateway_op)99), "unknown");
}

static void reply_names_device_and_result(void)
{
	struct gateway_msg m;

	CU_ASSERT_EQUAL_FATAL(parse(MESSAGE("online", "[" RESULT("lamp-01", "-1") "]"), &m), ST_OK);
	CU_ASSERT_EQUAL_FATAL(m.count, 1);
	CU_ASSERT_STRING_EQUAL(m.devices[0].product_id, PID);
	CU_ASSERT_STRING_EQUAL(m.devices[0].device_name, "lamp-01");
	CU_ASSERT_TRUE(m.devices[0].has_result);
	CU_ASSERT_EQUAL(m.devices[0].result, -1);
	CU_ASSERT_FALSE(m.has_status);
	gateway_msg_free(&m);
	CU_ASSERT_PTR_NULL(m.devices);
}

static void all_devices_of_a_reply_are_read_and_illegal_ones_left_out(void)
{
	struct gateway_msg m;

	CU_ASSERT_EQUAL_FATAL(
		parse(MESSAGE("online",
	                  "[" RESULT("a", "0") ",7,null,{}," DEVICE("b c") "," DEVICE(
						  "") ","
	                          "{\"product_id\":\"SHORT\",\"device_name\":\"x\"},"
	                          "{\"product_id\":1234567890,\"device_name\":\"x\"},"
	                          "{\"device_name\":\"x\"}," RESULT("b", "\"802\"") "," DEVICE(
								  "c") "," RESULT("d", "\"x\"") "," RESULT("e", "null") "]"),
	          &m),
		ST_OK);
	CU_ASSERT_EQUAL_FATAL(m.count, 5);
	CU_ASSERT_STRING_EQUAL(m.devices[1].device_name, "b");
	CU_ASSERT_EQUAL(m.devices[1].result, 802); /* numeric string */
	for (size_t i = 0; i < m.count; i++)
		CU_ASSERT_EQUAL(m.devices[i].has_result, i < 2);
	gateway_msg_free(&m);
}

static void change_carries_its_status_as_number_or_string(void)
{
	static const struct {
		const char *status;
		bool has;
		int64_t value;
	} rows[] = { { "1", true, 1 },     { "0", true, 0 },     { "\"1\"", true, 1 },
		         { "null", false, 0 }, { "\"\"", false, 0 }, { "1.5", false, 0 },
		         { "[1]", false, 0 } };
	struct buf text = BUF_MAX(OUT_MAX);
	struct gateway_msg m;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		buf_reset(&text);
		buf_addf(&text, "{\"type\":\"change\",\"payload\":{\"status\":%s,\"devices\":[%s]}}",
		         rows[i].status, DEVICE("lamp-01"));
		CU_ASSERT_EQUAL_FATAL(gateway_parse(text.data, text.len, &m), ST_OK);
		CU_ASSERT_EQUAL(m.op, GATEWAY_CHANGE);
		CU_ASSERT_EQUAL(m.count, 1);
		CU_ASSERT_EQUAL(m.has_status, rows[i].has);
		if (rows[i].has)
			CU_ASSERT_EQUAL(m.status, rows[i].value);
		gateway_msg_free(&m);
	}
	buf_free(&text);
}

static void empty_list_may_be_empty_null_or_missing(void)
{
	static const char *const texts[] = {
		MESSAGE("describe_sub_devices", "[]"),
		MESSAGE("describe_sub_devices", "null"),
		"{\"type\":\"describe_sub_devices\",\"payload\":{}}",
		"{\"type\":\"describe_sub_devices\",\"payload\":null}",
		"{\"type\":\"describe_sub_devices\"}",
		" { \"payload\" : { \"more\" : 1 } , \"type\" : \"describe_sub_devices\" } ",
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (!reads_as(texts[i], GATEWAY_DESCRIBE, 0))
			CU_FAIL(texts[i]);
	}
}

static void unknown_types_and_searches_are_read_without_devices(void)
{
	CU_ASSERT(reads_as(MESSAGE("reboot", "[" DEVICE("a") "]"), GATEWAY_UNKNOWN, 0));
	CU_ASSERT(reads_as("{\"type\":\"unknown\"}", GATEWAY_UNKNOWN, 0));
	CU_ASSERT(reads_as("{\"type\":\"Online\",\"payload\":7}", GATEWAY_UNKNOWN, 0));
	CU_ASSERT(
		reads_as("{\"type\":\"search_devices\",\"payload\":{\"status\":0}}", GATEWAY_SEARCH, 0));
	CU_ASSERT(reads_as("{\"type\":\"search_devices\",\"payload\":\"x\"}", GATEWAY_SEARCH, 0));
}

static void repeated_member_counts_by_its_last_value(void)
{
	CU_ASSERT(reads_as("{\"type\":\"online\",\"type\":\"search_devices\",\"payload\":7,"
	                   "\"payload\":{\"status\":0}}\x1A",
	                   GATEWAY_SEARCH, 0));
}

static void what_is_no_gateway_message_is_malformed(void)
{
	static const char *const texts[] = {
		"",
		"null",
		"[]",
		"\"online\"",
		"{}",
		"{\"type\":null}",
		"{\"type\":7}",
		"{\"type\":\"online\"",
		"{\"type\":\"online\"}x",
		"{\"type\":\"online\",\"payload\":[]}",
		"{\"type\":\"online\",\"payload\":{\"devices\":{}}}",
		"{\"type\":\"online\",\"payload\":{\"devices\":\"a\"}}",
		"{\"type\":\"onl\\u0000ine\"}",
		"{\"type\":\"\xff\"}",
	};
	struct gateway_msg m;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (parse(texts[i], &m) != ST_MALFORMED)
			CU_FAIL(texts[i]);
		CU_ASSERT_PTR_NULL(m.devices);
	}
}

static void deep_and_huge_messages_are_refused(void)
{
	struct buf text = BUF_MAX(1024 * 1024);
	struct gateway_msg m;

	for (int i = 0; i < 100000; i++)
		buf_add_text(&text, "[");
	CU_ASSERT_EQUAL(gateway_parse(text.data, text.len, &m), ST_TOOBIG);
	buf_reset(&text);
	buf_add_text(&text, "{\"type\":\"online\",\"payload\":{\"devices\":[0");
	for (int i = 0; i < 9000; i++)
		buf_add_text(&text, ",0");
	buf_add_text(&text, "]}}");
	CU_ASSERT_EQUAL(gateway_parse(text.data, text.len, &m), ST_TOOBIG);
	while (text.len < 600 * 1024)
		buf_add_text(&text, " ");
	CU_ASSERT_EQUAL(gateway_parse(text.data, text.len, &m), ST_TOOBIG);
	buf_free(&text);
}

static void a_full_gateway_fits_into_one_describe_reply(void)
{
	struct buf text = BUF_MAX(1024 * 1024);

	buf_add_text(&text, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":[");
	for (int i = 0; i < 1500; i++)
		buf_addf(&text,
		         "%s{\"product_id\":\"" PID "\","
		         "\"device_name\":\"a-long-name-of-forty-eight-letters-in-all--%05d\"}",
		         i ? "," : "", i);
	buf_add_text(&text, "]}}");
	CU_ASSERT(reads_as(buf_text(&text), GATEWAY_DESCRIBE, 1500));
	buf_free(&text);
}

static void codes_are_judged_as_the_table_says(void)
{
	static const struct {
		enum gateway_op op;
		int64_t code;
		enum gateway_verdict verdict;
	} rows[] = {
		{ GATEWAY_ONLINE, 0, VERDICT_OK },          { GATEWAY_ONLINE, -1, VERDICT_UNBOUND },
		{ GATEWAY_OFFLINE, -1, VERDICT_UNBOUND },   { GATEWAY_BIND, -1, VERDICT_PERMANENT },
		{ GATEWAY_ONLINE, -2, VERDICT_RETRY },      { GATEWAY_ONLINE, 801, VERDICT_PERMANENT },
		{ GATEWAY_ONLINE, 802, VERDICT_PERMANENT }, { GATEWAY_BIND, 803, VERDICT_PERMANENT },
		{ GATEWAY_BIND, 804, VERDICT_PERMANENT },   { GATEWAY_BIND, 805, VERDICT_RETRY },
		{ GATEWAY_BIND, 806, VERDICT_PERMANENT },   { GATEWAY_BIND, 807, VERDICT_PERMANENT },
		{ GATEWAY_BIND, 808, VERDICT_PERMANENT },   { GATEWAY_UNBIND, 808, VERDICT_PERMANENT },
		{ GATEWAY_BIND, 809, VERDICT_OK },          { GATEWAY_ONLINE, 810, VERDICT_PERMANENT },
		{ GATEWAY_ONLINE, 999, VERDICT_RETRY },     { GATEWAY_BIND, INT64_MIN, VERDICT_RETRY },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CU_ASSERT_EQUAL(gateway_verdict(rows[i].op, rows[i].code), rows[i].verdict);
		CU_ASSERT(strlen(gateway_code_text(rows[i].code)) > 0);
	}
	CU_ASSERT_STRING_EQUAL(gateway_code_text(999), gateway_code_text(998));
	CU_ASSERT_STRING_NOT_EQUAL(gateway_code_text(999), gateway_code_text(806));
}

SUITE(gateway_msg, TEST(requests_are_compact_and_in_member_order),
      TEST(bind_carries_the_signature_of_the_vectors),
      TEST(requests_with_illegal_parts_are_not_written), TEST(every_operation_is_read_by_its_name),
      TEST(reply_names_device_and_result),
      TEST(all_devices_of_a_reply_are_read_and_illegal_ones_left_out),
      TEST(change_carries_its_status_as_number_or_string),
      TEST(empty_list_may_be_empty_null_or_missing),
      TEST(unknown_types_and_searches_are_read_without_devices),
      TEST(repeated_member_counts_by_its_last_value), TEST(what_is_no_gateway_message_is_malformed),
      TEST(deep_and_huge_messages_are_refused), TEST(a_full_gateway_fits_into_one_describe_reply),
      TEST(codes_are_judged_as_the_table_says))
