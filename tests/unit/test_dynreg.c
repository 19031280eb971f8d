/* Dynamic registration; every vector of docs/protocol/dynreg.md. */
#include "core/hub/dynreg.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define SECRET           "hzvf5LF9S0isvBhDSauWMaIk"
#define HOST             "ap-guangzhou.gateway.tencentdevices.com"
#define BODY             "{\"ProductId\":\"ABCDE12345\",\"DeviceName\":\"dev001\"}"
#define SHA256_SIGNATURE "TY3aNFqmNjAw63J+i+9O1gLE9gCvfoxTLDNbyKP9tFY="
#define OLD_BODY(nonce)                                                            \
	"{\"deviceName\":\"dev001\",\"nonce\":" nonce ",\"productId\":\"ABCDE12345\"," \
	"\"timestamp\":1700000000,\"signature\":"                                      \
	"\"YzQ2ODAyOTU4ODIyYmJiY2NmZDllODNjMGFjZmJhYTliOWRmMjRiNQ==\"}"

static void request_is_signed_as_the_worked_vector(void)
{
	static const struct {
		const char *algorithm, *signature;
	} rows[] = {
		{ "hmacsha256", SHA256_SIGNATURE },
		{ "hmacsha1", "Uubyig8QGP3gio/RqLrszmRebdM=" },
	};
	struct buf body = BUF_MAX(256);
	char signature[DYNREG_SIGNATURE_SIZE];

	CU_ASSERT_EQUAL(dynreg_put_body(&body, "ABCDE12345", "dev001"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&body), BODY);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(dynreg_sign(SECRET, rows[i].algorithm, HOST, DYNREG_PATH, 1700000000, 5456,
		                            body.data, body.len, signature),
		                ST_OK);
		CU_ASSERT_STRING_EQUAL(signature, rows[i].signature);
	}
	CU_ASSERT_EQUAL(
		dynreg_sign("fifteen-letters", "hmacsha256", HOST, DYNREG_PATH, 1, 1, "", 0, signature),
		ST_INVALID);
	CU_ASSERT_EQUAL(dynreg_put_body(&body, "short", "dev001"), ST_INVALID);
	buf_free(&body);
}

static struct dynreg_headers headers_of(const char *algorithm, const char *signature)
{
	return (struct dynreg_headers){ algorithm, "1700000000", "5456", signature };
}

static void current_form_is_read_and_its_signature_checked(void)
{
	struct dynreg_headers h = headers_of("hmacsha256", SHA256_SIGNATURE);
	struct dynreg_request r;

	CU_ASSERT_EQUAL_FATAL(dynreg_parse(&h, BODY, strlen(BODY), &r), ST_OK);
	CU_ASSERT_EQUAL(r.form, DYNREG_CURRENT);
	CU_ASSERT_STRING_EQUAL(r.product_id, "ABCDE12345");
	CU_ASSERT_STRING_EQUAL(r.device_name, "dev001");
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, HOST, DYNREG_PATH, BODY, strlen(BODY)), ST_OK);
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, "other.host", DYNREG_PATH, BODY, strlen(BODY)),
	                ST_DENIED);
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, HOST, DYNREG_PATH, BODY " ", strlen(BODY) + 1),
	                ST_DENIED);
	CU_ASSERT_EQUAL(
		dynreg_check(&r, "another-product-secret", HOST, DYNREG_PATH, BODY, strlen(BODY)),
		ST_DENIED);
	h.algorithm = "HmacSha256";
	CU_ASSERT_EQUAL_FATAL(dynreg_parse(&h, BODY, strlen(BODY), &r), ST_OK);
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, HOST, DYNREG_PATH, BODY, strlen(BODY)), ST_OK);
}

/* The vendor's C SDK hashes the body with SHA-1 there, its documents with SHA-256. */
static void body_of_hmacsha1_may_be_hashed_either_way(void)
{
	static const struct {
		const char *algorithm, *signature;
		enum status expected;
	} rows[] = {
		{ "hmacsha1", "Uubyig8QGP3gio/RqLrszmRebdM=", ST_OK },
		{ "hmacsha1", "a08tJz+c2QImFTuFnJz3LN/QxUY=", ST_OK },
		{ "hmacsha1", "a08tJz+c2QImFTuFnJz3LN/QxUZ=", ST_DENIED },
		{ "hmacsha256", "SeVwhuGh0wVRzOP4ioi3hl1LG5nLHSWYa5NrYyOp+1w=", ST_DENIED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dynreg_headers h = headers_of(rows[i].algorithm, rows[i].signature);
		struct dynreg_request r;

		CU_ASSERT_EQUAL_FATAL(dynreg_parse(&h, BODY, strlen(BODY), &r), ST_OK);
		CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, HOST, DYNREG_PATH, BODY, strlen(BODY)),
		                rows[i].expected);
		CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, HOST, DYNREG_PATH, BODY " ", strlen(BODY) + 1),
		                ST_DENIED);
	}
}

static void old_form_is_read_and_its_signature_checked(void)
{
	struct dynreg_request r;

	CU_ASSERT_EQUAL_FATAL(dynreg_parse(NULL, OLD_BODY("5456"), strlen(OLD_BODY("5456")), &r),
	                      ST_OK);
	CU_ASSERT_EQUAL(r.form, DYNREG_OLD);
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, "any", "/any", "", 0), ST_OK);
	CU_ASSERT_EQUAL_FATAL(dynreg_parse(NULL, OLD_BODY("5457"), strlen(OLD_BODY("5457")), &r),
	                      ST_OK);
	CU_ASSERT_EQUAL(dynreg_check(&r, SECRET, "any", "/any", "", 0), ST_DENIED);
}

static void what_is_no_request_is_refused(void)
{
	static const struct {
		struct dynreg_headers headers;
		const char *body;
		enum status expected;
	} rows[] = {
		{ { "hmacsha256", "1700000000", "5456", "x" }, "", ST_MALFORMED },
		{ { "hmacsha256", "1700000000", "5456", "x" }, "{\"ProductId\":1}", ST_MALFORMED },
		{ { "hmacsha256", "1700000000", "5456", NULL }, BODY, ST_MALFORMED },
		{ { "hmacsha256", "1700000000", "-1", "x" }, BODY, ST_MALFORMED },
		{ { "hmacsha256", "17e9", "5456", "x" }, BODY, ST_MALFORMED },
		{ { "hmacsha256", "1700000000", "2147483647", "x" }, BODY, ST_MALFORMED },
		{ { "md5", "1700000000", "5456", "x" }, BODY, ST_MALFORMED },
		{ { "hmacsha256", "1700000000", "5456", "x" },
		  "{\"ProductId\":\"ABCDE12345\",\"DeviceName\":\"a/b\"}",
		  ST_INVALID },
	};
	struct dynreg_request r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(dynreg_parse(&rows[i].headers, rows[i].body, strlen(rows[i].body), &r),
		                rows[i].expected);
	CU_ASSERT_EQUAL(dynreg_parse(NULL, BODY, strlen(BODY), &r), ST_MALFORMED);
}

#define CURRENT(len, payload) \
	"{\"Response\":{\"Len\":" len ",\"Payload\":\"" payload "\",\"RequestId\":\"f4da\"}}"
#define PUBLISHED                                          \
	"s6FB3a1BA/YYbcmSE12XpeDVmQNDcf1QgVD141RRbmmAnFwQfp1E" \
	"CAu5O016mCOvYlJJ6V59yM4OqQSiWphfTg=="
#define ZERO_PADDED                                        \
	"s6FB3a1BA/YYbcmSE12XpeQ9dcl5kcs39vSQIsJrqdHgokHyGOin" \
	"JPKbMPiSRYtTHIz4CgZmC4OrNySDblFIQw=="
#define PKCS7_PADDED                                       \
	"s6FB3a1BA/YYbcmSE12XpeQ9dcl5kcs39vSQIsJrqdHgokHyGOin" \
	"JPKbMPiSRYtTE9i51cAlgFmD4NfYRN20iQ=="

static void payloads_of_every_padding_are_opened(void)
{
	static const struct {
		const char *text, *psk;
	} rows[] = {
		{ CURRENT("53", PUBLISHED), "lDZ6Uqt+I9E0wW7rvDUs7Q==" },
		{ CURRENT("0", PUBLISHED), "lDZ6Uqt+I9E0wW7rvDUs7Q==" },
		{ CURRENT("53", ZERO_PADDED), "MDEyMzQ1Njc4OWFiY2RlZg==" },
		{ CURRENT("53", PKCS7_PADDED), "MDEyMzQ1Njc4OWFiY2RlZg==" },
		{ CURRENT("64", PKCS7_PADDED), NULL }, /* tells a length that is not the JSON's */
		{ CURRENT("null", PKCS7_PADDED), "MDEyMzQ1Njc4OWFiY2RlZg==" },
		{ "{\"code\":0,\"message\":\"\",\"len\":53,\"payload\":\"" PUBLISHED "\"}",
		  "lDZ6Uqt+I9E0wW7rvDUs7Q==" },
		{ "{\"code\":\"0\",\"payload\":\"" ZERO_PADDED "\"}", "MDEyMzQ1Njc4OWFiY2RlZg==" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dynreg_refusal refusal;
		struct dynreg_grant g;
		enum status st =
			dynreg_read_reply(rows[i].text, strlen(rows[i].text), SECRET, &g, &refusal);

		CU_ASSERT_EQUAL(st, rows[i].psk ? ST_OK : ST_MALFORMED);
		if (st == ST_OK && rows[i].psk) {
			CU_ASSERT_EQUAL(g.type, DYNREG_KEY);
			CU_ASSERT_STRING_EQUAL(g.psk, rows[i].psk);
			dynreg_grant_wipe(&g);
		}
	}
}

static void refusals_of_both_forms_are_read_and_say_whether_to_ask_again(void)
{
	static const struct {
		const char *text, *code;
		bool passes;
	} rows[] = {
		{ "{\"Response\":{\"Error\":{\"Code\":\"AuthFailure.SignatureFailure\",\"Message\":\"no\"},"
		  "\"RequestId\":\"1\"}}",
		  "AuthFailure.SignatureFailure", false },
		{ "{\"Response\":{\"Len\":0,\"Error\":{\"Code\":\"InternalError\"}}}", "InternalError",
		  true },
		{ "{\"Response\":{\"Error\":{\"Code\":\"RequestLimitExceeded\",\"Message\":\"\"}}}",
		  "RequestLimitExceeded", true },
		{ "{\"code\":1021,\"message\":\"bad\"}", "1021", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dynreg_refusal refusal;
		struct dynreg_grant g;

		CU_ASSERT_EQUAL(dynreg_read_reply(rows[i].text, strlen(rows[i].text), SECRET, &g, &refusal),
		                ST_DENIED);
		CU_ASSERT_STRING_EQUAL(refusal.code, rows[i].code);
		CU_ASSERT_EQUAL(refusal.passes, rows[i].passes);
	}
}

static void replies_that_are_none_are_malformed(void)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"<html>busy</html>",
		"{\"Response\":{}}",
		CURRENT("53", "AAAA"),
		CURRENT("53", "not base64!"),
		CURRENT("53", ""),
		"{\"code\":0}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dynreg_refusal refusal;
		struct dynreg_grant g;

		CU_ASSERT_EQUAL(dynreg_read_reply(texts[i], strlen(texts[i]), SECRET, &g, &refusal),
		                ST_MALFORMED);
	}
	for (size_t i = 0; i < 1; i++) { /* the wrong secret gives bytes that are no JSON */
		struct dynreg_refusal refusal;
		struct dynreg_grant g;
		const char *text = CURRENT("53", PUBLISHED);

		CU_ASSERT_EQUAL(
			dynreg_read_reply(text, strlen(text), "Xzvf5LF9S0isvBhDSauWMaIk", &g, &refusal),
			ST_MALFORMED);
	}
}

static void grants_are_sealed_as_the_hub_seals_them(void)
{
	struct dynreg_grant g = { .type = DYNREG_KEY, .psk = "MDEyMzQ1Njc4OWFiY2RlZg==" };
	struct buf out = BUF_MAX(4096);

	CU_ASSERT_EQUAL(dynreg_put_grant(&out, DYNREG_CURRENT, SECRET, &g, "f4da"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), CURRENT("53", ZERO_PADDED));
	buf_reset(&out);
	CU_ASSERT_EQUAL(dynreg_put_grant(&out, DYNREG_OLD, SECRET, &g, "f4da"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "{\"code\":0,\"message\":\"success\",\"len\":53,"
	                                       "\"payload\":\"" ZERO_PADDED "\"}");
	CU_ASSERT_EQUAL(dynreg_put_grant(&out, DYNREG_OLD, "short", &g, ""), ST_INVALID);
	buf_free(&out);
}

static void certificates_go_through_with_their_newlines(void)
{
	char certificate[] = "-----BEGIN CERTIFICATE-----\nMIIB\n", key[] = "-----BEGIN KEY-----\nx\n";
	struct dynreg_grant g = { .type = DYNREG_CERTIFICATE,
		                      .certificate = certificate,
		                      .private_key = key };
	struct dynreg_refusal refusal;
	struct dynreg_grant back;
	struct buf out = BUF_MAX(4096);

	CU_ASSERT_EQUAL(dynreg_put_grant(&out, DYNREG_CURRENT, SECRET, &g, "1"), ST_OK);
	CU_ASSERT_EQUAL_FATAL(dynreg_read_reply(out.data, out.len, SECRET, &back, &refusal), ST_OK);
	CU_ASSERT_EQUAL(back.type, DYNREG_CERTIFICATE);
	CU_ASSERT_STRING_EQUAL(back.certificate, certificate);
	CU_ASSERT_STRING_EQUAL(back.private_key, key);
	dynreg_grant_wipe(&back);
	buf_free(&out);
}

static void refusals_are_written_in_the_form_of_the_request(void)
{
	struct buf out = BUF_MAX(4096);

	CU_ASSERT_EQUAL(dynreg_put_refusal(&out, DYNREG_CURRENT, "AuthFailure.X", "a \"b\"", "7"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), "{\"Response\":{\"Error\":{\"Code\":\"AuthFailure.X\","
	                                       "\"Message\":\"a \\\"b\\\"\"},\"RequestId\":\"7\"}}");
	buf_free(&out);
}

static int old_code_of(const char *code)
{
	struct buf out = BUF_MAX(4096);
	int number = 0;

	CU_ASSERT_EQUAL(dynreg_put_refusal(&out, DYNREG_OLD, code, "no", "7"), ST_OK);
	CU_ASSERT_EQUAL(sscanf(buf_text(&out), "{\"code\":%d,\"message\":\"no\"}", &number), 1);
	buf_free(&out);
	return number;
}

static void refusals_of_the_old_form_have_the_published_codes(void)
{
	static const struct {
		const char *code;
		int old;
	} rows[] = {
		{ "1021", 1021 }, /* the hub's own, of the old form */
		{ "-2", -2 },
		{ "AuthFailure.X", 1010 },
		{ "InvalidParameterValue.DeviceName", 1006 },
		{ "InvalidParameter", 1006 },
		{ "ResourceNotFound.ProductNotExist", 1004 },
		{ "ResourceNotFound.DeviceNotExist", 1020 },
		{ "LimitExceeded.DeviceExceedLimit", 1031 },
		{ "UnsupportedOperation", 1011 },
		{ "FailedOperation.Other", 1000 },
		{ "", 1000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(old_code_of(rows[i].code), rows[i].old);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_BAD_REQUEST)), 1006);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_BAD_SIGNATURE)), 1010);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_REPLAYED)), 1010);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_UNKNOWN_PRODUCT)), 1004);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_TOO_MANY)), 1012);
	CU_ASSERT_EQUAL(old_code_of(dynreg_error_code(DYNREG_UNREACHABLE)), 1000);
}

SUITE(dynreg, TEST(request_is_signed_as_the_worked_vector),
      TEST(current_form_is_read_and_its_signature_checked),
      TEST(body_of_hmacsha1_may_be_hashed_either_way),
      TEST(old_form_is_read_and_its_signature_checked), TEST(what_is_no_request_is_refused),
      TEST(payloads_of_every_padding_are_opened),
      TEST(refusals_of_both_forms_are_read_and_say_whether_to_ask_again),
      TEST(replies_that_are_none_are_malformed), TEST(grants_are_sealed_as_the_hub_seals_them),
      TEST(certificates_go_through_with_their_newlines),
      TEST(refusals_are_written_in_the_form_of_the_request),
      TEST(refusals_of_the_old_form_have_the_published_codes))
