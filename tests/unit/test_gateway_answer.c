/* The hub's side of the gateway channel; samples and vectors: docs/protocol/gateway.md 2-6. */
#include "core/hub/gateway_answer.h"

#include <string.h>

#include "tests/runner.h"

#define IDS "\"product_id\":\"SUBPROD001\",\"device_name\":\"lamp-01\""
#define BIND(signature, method, authtype)                                              \
	"{\"type\":\"bind\",\"payload\":{\"devices\":[{" IDS ",\"signature\":\"" signature \
	"\",\"random\":121213,\"timestamp\":1589786839,\"signmethod\":\"" method           \
	"\",\"authtype\":\"" authtype "\"}]}}"

static struct gateway_request read_as(const char *text, enum status expected)
{
	struct gateway_request r;

	CU_ASSERT_EQUAL_FATAL(gateway_request_parse(text, strlen(text), &r), expected);
	return r;
}

static void reply_repeats_the_ids_in_their_order_and_appends_the_result(void)
{
	struct gateway_request r =
		read_as("{\"type\":\"online\",\"payload\":{\"devices\":[{" IDS "},"
	            "{\"device_name\":\"a\",\"x\":1,\"product_id\":\"SUBPROD001\"},"
	            "{\"product_id\":\"short\",\"device_name\":\"a\"},{\"device_name\":7}]}}",
	            ST_OK);
	struct buf out = BUF_MAX(1024);

	CU_ASSERT_EQUAL(r.op, GATEWAY_ONLINE);
	CU_ASSERT_EQUAL_FATAL(r.count, 4);
	CU_ASSERT_STRING_EQUAL(r.wishes[0].client_id, "SUBPROD001lamp-01");
	CU_ASSERT_FALSE(r.wishes[0].done);
	CU_ASSERT(r.wishes[2].done && r.wishes[3].done);
	r.wishes[1].result = -1;
	CU_ASSERT_EQUAL(gateway_put_reply(&out, &r), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       "{\"type\":\"online\",\"payload\":{\"devices\":[{" IDS ",\"result\":0},"
	                       "{\"device_name\":\"a\",\"product_id\":\"SUBPROD001\",\"result\":-1},"
	                       "{\"product_id\":\"short\",\"device_name\":\"a\",\"result\":802},"
	                       "{\"device_name\":7,\"result\":801}]}}");
	buf_free(&out);
	gateway_request_free(&r);
}

static void request_without_devices_is_a_bad_parameter(void)
{
	static const char *const texts[] = {
		"{\"type\":\"offline\"}",
		"{\"type\":\"offline\",\"payload\":null}",
		"{\"type\":\"offline\",\"payload\":{\"devices\":{}}}",
		"{\"type\":\"offline\",\"payload\":{\"devices\":[]}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct gateway_request r = read_as(texts[i], ST_INVALID);
		struct buf out = BUF_MAX(1024);

		CU_ASSERT_EQUAL(gateway_put_reply(&out, &r), ST_OK);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_text(&out), "801"));
		buf_free(&out);
		gateway_request_free(&r);
	}
}

static void what_is_no_operation_is_told_apart(void)
{
	struct gateway_request r;

	CU_ASSERT_EQUAL(gateway_request_parse("[]", 2, &r), ST_MALFORMED);
	CU_ASSERT_EQUAL(gateway_request_parse("{\"type\":1}", 10, &r), ST_MALFORMED);
	r = read_as("{\"type\":\"describe_sub_devices\"}", ST_OK);
	CU_ASSERT_EQUAL(r.op, GATEWAY_DESCRIBE);
	gateway_request_free(&r);
	r = read_as("{\"type\":\"change\",\"result\":0}", ST_OK);
	CU_ASSERT_EQUAL(r.op, GATEWAY_CHANGE);
	CU_ASSERT_EQUAL(r.count, 0);
	gateway_request_free(&r);
}

static void bind_signatures_are_checked_as_far_as_the_secret_is_known(void)
{
	static const struct {
		const char *text;
		int64_t with, without; /* the secret */
	} rows[] = {
		{ BIND("6pAuYeE9wLNtcEHWBDOTecbwGSA=", "hmacsha1", "psk"), 0, 0 },
		{ BIND("sa5FvJYMmh3t1KzR0UPP7X3G+fwnbkT/1IaoEjoCo74=", "hmacsha256", "psk"), 0, 0 },
		{ BIND("JYHwad759aFmBdJUGrIFILf/cLE=", "hmacsha1", "psk"), 803, 0 }, /* decoded secret */
		{ BIND("7pAuYeE9wLNtcEHWBDOTecbwGSA=", "hmacsha1", "psk"), 803, 0 },
		{ BIND("", "hmacsha1", "psk"), 803, 0 },
		{ BIND("\\u0022", "hmacsha1", "psk"), 803, 803 },
		{ BIND("6pAuYeE9wLNtcEHWBDOTecbwGSA=", "md5", "psk"), 804, 804 },
		{ BIND("6pAuYeE9wLNtcEHWBDOTecbwGSA=", "hmacsha1", "none"), 801, 801 },
		{ BIND("7X1pGRI0DeQrxZwnD6mCvz4EeIQ=", "hmacsha1", "certificate"), 0, 0 },
		{ "{\"type\":\"bind\",\"payload\":{\"devices\":[{" IDS "}]}}", 801, 801 },
	};
	struct secret secret;

	CU_ASSERT_EQUAL_FATAL(secret_parse("MDEyMzQ1Njc4OWFiY2RlZg==", &secret), ST_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gateway_request r = read_as(rows[i].text, ST_OK);

		CU_ASSERT_EQUAL(gateway_check_bind(&r.wishes[0], &secret), rows[i].with);
		CU_ASSERT_EQUAL(gateway_check_bind(&r.wishes[0], NULL), rows[i].without);
		gateway_request_free(&r);
	}
}

static void bind_goes_on_as_it_came_in_the_hubs_member_order(void)
{
	struct gateway_request r =
		read_as("{ \"payload\":{\"devices\":[{\"authtype\":\"psk\",\"signmethod\":\"hmacsha1\","
	            "\"timestamp\":\"1589786839\",\"random\":121213.0,\"more\":{},"
	            "\"signature\":\"6pAuYeE9wLNtcEHWBDOTecbwGSA=\"," IDS "}]},\"type\":\"bind\"}",
	            ST_OK);
	struct buf out = BUF_MAX(1024);

	CU_ASSERT_EQUAL(gateway_put_bind_as(&out, &r.wishes[0]), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), BIND("6pAuYeE9wLNtcEHWBDOTecbwGSA=", "hmacsha1", "psk"));
	buf_free(&out);
	gateway_request_free(&r);
}

static void list_is_the_hubs(void)
{
	struct buf out = BUF_MAX(1024);

	CU_ASSERT_EQUAL(gateway_put_list_begin(&out), ST_OK);
	CU_ASSERT_EQUAL(gateway_put_list_device(&out, "SUBPROD001", "dev1", true), ST_OK);
	CU_ASSERT_EQUAL(gateway_put_list_device(&out, "SUBPROD001", "test1", false), ST_OK);
	CU_ASSERT_EQUAL(gateway_put_list_end(&out), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":["
	                       "{\"product_id\":\"SUBPROD001\",\"device_name\":\"dev1\"},"
	                       "{\"product_id\":\"SUBPROD001\",\"device_name\":\"test1\"}]}}");
	buf_free(&out);
}

SUITE(gateway_answer, TEST(reply_repeats_the_ids_in_their_order_and_appends_the_result),
      TEST(request_without_devices_is_a_bad_parameter), TEST(what_is_no_operation_is_told_apart),
      TEST(bind_signatures_are_checked_as_far_as_the_secret_is_known),
      TEST(bind_goes_on_as_it_came_in_the_hubs_member_order), TEST(list_is_the_hubs))
