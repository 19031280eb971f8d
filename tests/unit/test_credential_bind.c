#include "core/hub/credential.h"
#include "tests/runner.h"

#include <stdio.h>

#define SECRET_1 "MDEyMzQ1Njc4OWFiY2RlZg=="
#define SECRET_2 "AAECAwQFBgcICQoLDA0ODw=="

static struct secret secret_of(const char *text)
{
	struct secret s;

	CU_ASSERT_EQUAL(secret_parse(text, &s), ST_OK);
	return s;
}

/* docs/protocol/gateway.md 3 */
static const struct bind_vector {
	const char *text, *name;
	uint32_t random;
	uint64_t timestamp_s;
	enum hash hash;
	const char *signature;
} binds[] = {
	{ SECRET_1, "lamp-01", 121213, 1589786839, HASH_SHA1, "6pAuYeE9wLNtcEHWBDOTecbwGSA=" },
	{ SECRET_1, "lamp-01", 121213, 1589786839, HASH_SHA256,
	  "sa5FvJYMmh3t1KzR0UPP7X3G+fwnbkT/1IaoEjoCo74=" },
	{ SECRET_2, "lamp_2", 2147483646, 1893456000, HASH_SHA1, "HcDtViWlithO+M3Xh72+IlH5YEY=" },
	{ SECRET_2, "lamp_2", 2147483646, 1893456000, HASH_SHA256,
	  "YF5njAq3Px9Rt2U2RjvRhAEFiwsYgj4ZTXhCjtXbBmY=" },
	{ "2abbd52226a023dc605d6cd28dd51dd2", "lamp-01", 121213, 1589786839, HASH_SHA1,
	  "7X1pGRI0DeQrxZwnD6mCvz4EeIQ=" },
	{ "8ddf6e83757c8aaa3ef862d10a1e4dabc2df6742", "lamp-01", 121213, 1589786839, HASH_SHA1,
	  "sKIBXTDya+Jt3UykWOJV71h03eY=" },
};

static void bind_signatures_equal_the_published_ones(void)
{
	for (size_t i = 0; i < sizeof binds / sizeof binds[0]; i++) {
		const struct bind_vector *v = &binds[i];
		char out[BIND_SIGNATURE_SIZE];
		struct secret s = { .key_len = 0 };

		snprintf(s.text, sizeof s.text, "%s", v->text); /* certificates have only text */
		CU_ASSERT_EQUAL(credential_bind_signature(&s, "SUBPROD001", v->name, v->random,
		                                          v->timestamp_s, v->hash, out),
		                ST_OK);
		CU_ASSERT_STRING_EQUAL(out, v->signature);
	}
}

static void bind_key_is_the_text_of_the_secret(void)
{
	struct secret s = secret_of(SECRET_1);
	char out[BIND_SIGNATURE_SIZE];

	CU_ASSERT_EQUAL(
		credential_bind_signature(&s, "SUBPROD001", "lamp-01", 121213, 1589786839, HASH_SHA1, out),
		ST_OK);
	CU_ASSERT_STRING_NOT_EQUAL(out, "JYHwad759aFmBdJUGrIFILf/cLE="); /* decoded key */
	CU_ASSERT_STRING_EQUAL(out, binds[0].signature);
}

static void bind_signature_takes_longest_values_and_refuses_wrong_ones(void)
{
	static const char name[] = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh";
	struct secret s = secret_of(SECRET_1);
	char out[BIND_SIGNATURE_SIZE];

	CU_ASSERT_EQUAL(credential_bind_signature(&s, "SUBPROD001", name, BIND_RANDOM_MAX, UINT64_MAX,
	                                          HASH_SHA1, out),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(out, "SD7od2sQXIOmzQ29oD3Yo7N7TnY=");
	CU_ASSERT_EQUAL(
		credential_bind_signature(&s, "SUBPROD001", name, 2147483648u, 1, HASH_SHA256, out),
		ST_INVALID);
	CU_ASSERT_EQUAL(credential_bind_signature(&s, "SUBPROD01", name, 1, 1, HASH_SHA256, out),
	                ST_INVALID);
	CU_ASSERT_EQUAL(credential_bind_signature(&s, "SUBPROD001", "a/b", 1, 1, HASH_SHA256, out),
	                ST_INVALID);
}

SUITE(credential_bind, TEST(bind_signatures_equal_the_published_ones),
      TEST(bind_key_is_the_text_of_the_secret),
      TEST(bind_signature_takes_longest_values_and_refuses_wrong_ones))
