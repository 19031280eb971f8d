#include "core/hub/credential.h"
#include "tests/runner.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SECRET_1   "MDEyMzQ1Njc4OWFiY2RlZg=="
#define SECRET_2   "AAECAwQFBgcICQoLDA0ODw=="
#define SECRET_3   "c2VjcmV0LWtleS1vZi1hcmJpdHJhcnktbGVuZ3RoLTMy"
#define USERNAME_1 "ABCDE12345gateway01;21010406;Ab3dE;9223372036854775807"
#define PASSWORD_1 "501df9a0196c6b69786684d3608f070111bd6809;hmacsha1"
#define USERNAME_2 "ABCDE12345gateway01;12010126;Q7ZK2;1893456000"
#define DIGEST_2   "df4120a77459e2cbccbeb6f6826063da1d75b57b8fa63f4c226aaed8b4723228"
#define UNDECODED  "6c2dabb41c806ef7ea68de35fe8128f211677c9cdcd7b44ab0e851007930cf5b"

/* docs/protocol/connection.md 4, C1..C4; then a Python expiry and the form of 2018 */
static const struct login_vector {
	const char *secret, *key;
	size_t key_len;
	const char *username;
	enum hash hash;
	const char *password;
	uint64_t expiry_s;
} logins[] = {
	{ SECRET_1, "0123456789abcdef", 16, USERNAME_1, HASH_SHA1, PASSWORD_1,
	  UINT64_C(9223372036854775807) },
	{ SECRET_1, "0123456789abcdef", 16, USERNAME_2, HASH_SHA256, DIGEST_2 ";hmacsha256",
	  1893456000 },
	{ SECRET_2, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16,
	  "ABCDE12345gateway01;21010406;x9Yz0;2147483647", HASH_SHA1,
	  "8419730e0337588177871e61f519fa9194771c16;hmacsha1", 2147483647 },
	{ SECRET_3, "secret-key-of-arbitrary-length-32", 33,
	  "PRODUCT001dev-A_1:x;12010126;00000;1767225600", HASH_SHA256,
	  "b5bd34713406fdb38c5d4480223e7fb2a0c676a781bce0d40a255cfdd1459a52;hmacsha256", 1767225600 },
	{ SECRET_1, "0123456789abcdef", 16, "ABCDE12345gateway01;21010406;abcde;1700000000123",
	  HASH_SHA1, "c34e259c1aeefc5cb4709ef60e66e2767e85b120;hmacsha1", UINT64_C(1700000000123) },
	{ SECRET_1, "0123456789abcdef", 16, "ABCDE12345gateway01;12010126;Q7ZK2", HASH_SHA1,
	  "ea9341251819061981d9b9b46ad40c3961e2e3a1;hmacsha1", UINT64_MAX },
};
enum {
	LOGINS = sizeof logins / sizeof logins[0]
};

static struct secret secret_of(const char *text)
{
	struct secret s;

	CU_ASSERT_EQUAL(secret_parse(text, &s), ST_OK);
	return s;
}

static void published_secrets_decode_to_their_keys(void)
{
	for (size_t i = 0; i < LOGINS; i++) {
		struct secret s = secret_of(logins[i].secret);

		CU_ASSERT_EQUAL(s.key_len, logins[i].key_len);
		CU_ASSERT_EQUAL(memcmp(s.key, logins[i].key, logins[i].key_len), 0);
		CU_ASSERT_STRING_EQUAL(s.text, logins[i].secret);
	}
}

static void shortest_and_longest_secret_are_taken(void)
{
	char longest[SECRET_TEXT_MAX + 1];
	struct secret s;

	s = secret_of("/w==");
	CU_ASSERT_EQUAL(s.key_len, 1);
	CU_ASSERT_EQUAL(s.key[0], 0xff);
	s = secret_of("+/8=");
	CU_ASSERT_EQUAL(s.key_len, 2);
	memset(longest, '/', SECRET_TEXT_MAX);
	longest[SECRET_TEXT_MAX] = '\0';
	s = secret_of(longest);
	CU_ASSERT_EQUAL(s.key_len, SECRET_KEY_MAX);
	CU_ASSERT_EQUAL(s.key[SECRET_KEY_MAX - 1], 0xff);
	CU_ASSERT_STRING_EQUAL(s.text, longest);
}

static void anything_but_strict_base64_is_no_secret(void)
{
	static const char *const texts[] = {
		"",      "A",    "AB",   "ABC",      "ABCDE",      "====",
		"A===",  "AB=C", "=ABC", "ABCD====", "AB==ABCD",   "AB-_",
		"AB\n=", " ABC", "ABC ", "ABCD\n",   "AB\xc3\xa9", "AAECAwQFBgcICQoLDA0ODw"
	};
	char longer[SECRET_TEXT_MAX + 5], hostile[100000];
	struct secret s;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		memset(&s, 'x', sizeof s);
		CU_ASSERT_EQUAL(secret_parse(texts[i], &s), ST_MALFORMED);
		CU_ASSERT_EQUAL(s.key_len, 0);
	}
	memset(longer, 'A', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	CU_ASSERT_EQUAL(secret_parse(longer, &s), ST_MALFORMED);
	memset(hostile, '=', sizeof hostile - 1);
	hostile[sizeof hostile - 1] = '\0';
	CU_ASSERT_EQUAL(secret_parse(hostile, &s), ST_MALFORMED);
}

static void wiped_secret_holds_nothing_and_opens_nothing(void)
{
	static const struct secret nothing;
	struct secret s = secret_of(SECRET_1);
	char out[PASSWORD_MAX + 1], signature[BIND_SIGNATURE_SIZE];

	secret_wipe(&s);
	CU_ASSERT_EQUAL(memcmp(&s, &nothing, sizeof s), 0);
	/* HMAC-SHA1 of the username with an empty key */
	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_1,
	                                          "de28fb3afb4bd8ca16f7d3d78fc56f480f3793b6;hmacsha1"),
	                ST_DENIED);
	CU_ASSERT_EQUAL(credential_password(&s, USERNAME_1, HASH_SHA1, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_bind_signature(&s, "SUBPROD001", "a", 1, 1, HASH_SHA1, signature),
	                ST_INVALID);
}

static void client_id_is_both_ids_and_splits_into_them_again(void)
{
	static const char longest[] = "a23456789b123456789c123456789d123456789e12345678";
	char id[CLIENT_ID_MAX + 1], product_id[PRODUCT_ID_LEN + 1] = "as it was";

	CU_ASSERT_EQUAL(credential_client_id("SUBPROD001", "a", id), 11);
	CU_ASSERT_STRING_EQUAL(id, "SUBPROD001a");
	CU_ASSERT_EQUAL(credential_client_id("SUBPROD001", longest, id), CLIENT_ID_MAX);
	CU_ASSERT_PTR_NULL(credential_split("SUBPROD00", product_id));
	CU_ASSERT_PTR_NULL(credential_split("", product_id));
	CU_ASSERT_PTR_NULL(credential_split("SUBPROD001", product_id));
	CU_ASSERT_STRING_EQUAL(product_id, "as it was");
	CU_ASSERT_STRING_EQUAL(credential_split(id, product_id), longest);
	CU_ASSERT_STRING_EQUAL(product_id, "SUBPROD001");
}

static void two_ids_that_do_not_fit_a_client_id_are_cut_and_told(void)
{
	static const char too_long[] = "a23456789b123456789c123456789d123456789e12345678f";
	char id[CLIENT_ID_MAX + 1];

	CU_ASSERT_EQUAL(credential_client_id("SUBPROD001", too_long, id), CLIENT_ID_MAX + 1);
	CU_ASSERT_EQUAL(strlen(id), CLIENT_ID_MAX);
}

static void ids_follow_their_grammar(void)
{
	static const char name[] = "abcdefghijABCDEFGHIJ0123456789:_-zzzzzzzzzzzzzzz";

	CU_ASSERT(credential_product_id_ok("ABCDE12345", 10));
	CU_ASSERT(credential_product_id_ok("abcDE12345", 10));
	CU_ASSERT(!credential_product_id_ok("ABCDE1234", 9));
	CU_ASSERT(!credential_product_id_ok("ABCDE123456", 11));
	CU_ASSERT(!credential_product_id_ok("ABCDE1234-", 10));
	CU_ASSERT(!credential_product_id_ok("ABCDE1234\0", 10));
	CU_ASSERT_EQUAL(strlen(name), DEVICE_NAME_MAX);
	CU_ASSERT(credential_device_name_ok(name, DEVICE_NAME_MAX));
	CU_ASSERT(credential_device_name_ok("x", 1));
	CU_ASSERT(!credential_device_name_ok("", 0));
	CU_ASSERT(!credential_device_name_ok("abcdefghijABCDEFGHIJ0123456789:_-zzzzzzzzzzzzzzzz", 49));
	CU_ASSERT(!credential_device_name_ok("a\0b", 3));
	for (const char *bad = " ;/+#$.\\\"'\x7f\xc3"; *bad; bad++)
		CU_ASSERT(!credential_device_name_ok(bad, 1));
}

static void published_usernames_split_into_their_fields(void)
{
	struct login login;

	for (size_t i = 0; i < LOGINS; i++) {
		CU_ASSERT_EQUAL(credential_parse_username(logins[i].username, &login), ST_OK);
		CU_ASSERT_EQUAL(memcmp(login.product_id, logins[i].username, PRODUCT_ID_LEN), 0);
		CU_ASSERT_EQUAL(login.expiry_s, logins[i].expiry_s);
	}
	CU_ASSERT_EQUAL(credential_parse_username(logins[3].username, &login), ST_OK);
	CU_ASSERT_STRING_EQUAL(login.product_id, "PRODUCT001");
	CU_ASSERT_STRING_EQUAL(login.device_name, "dev-A_1:x");
}

static void expiry_beyond_64_bits_means_never(void)
{
	static const struct {
		const char *text;
		uint64_t expiry_s;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "0001893456000", 1893456000 },
		{ "18446744073709551614", UINT64_MAX - 1 },
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX },
		{ "18446744073709551620", UINT64_MAX },
		{ "99999999999999999999999999999999999999999999", UINT64_MAX },
	};
	char username[USERNAME_MAX + 1];
	struct login login;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(username, sizeof username, "ABCDE12345d;1;c;%s", cases[i].text);
		CU_ASSERT_EQUAL(credential_parse_username(username, &login), ST_OK);
		CU_ASSERT_EQUAL(login.expiry_s, cases[i].expiry_s);
	}
}

static void any_sdkappid_and_connid_are_taken(void)
{
	struct login login;

	CU_ASSERT_EQUAL(credential_parse_username("ABCDE12345d;99;longer-than-five;1", &login), ST_OK);
	CU_ASSERT_EQUAL(credential_parse_username("ABCDE12345d;;;1", &login), ST_OK);
	CU_ASSERT_EQUAL(credential_parse_username("ABCDE12345d;;", &login), ST_OK);
	CU_ASSERT_EQUAL(login.expiry_s, UINT64_MAX);
}

static void username_of_the_hubs_form_begins_with_a_client_id(void)
{
	CU_ASSERT_EQUAL(credential_username_id("ABCDE12345dev;1;a;4102444800"), 13);
	CU_ASSERT_EQUAL(credential_username_id("ABCDE12345d;;"), 11);
	CU_ASSERT_EQUAL(credential_username_id("ABCDE12345dev"), 0);
	CU_ASSERT_EQUAL(credential_username_id("ABCDE12345dev;1"), 0);
	CU_ASSERT_EQUAL(credential_username_id("ABCDE12345dev;1;a;soon"), 0);
	CU_ASSERT_EQUAL(credential_username_id("CN=ABCDE12345dev"), 0);
	CU_ASSERT_EQUAL(credential_username_id(""), 0);
}

static void usernames_out_of_form_are_malformed(void)
{
	static const char *const usernames[] = {
		"",
		";",
		";;;",
		"admin",
		"ABCDE12345dev",
		"ABCDE12345dev;21010406",
		"ABCDE12345;21010406;abcde;1",
		"ABCDE1234;21010406;abcde;1",
		"ABCDE-2345d;1;c;1",
		"ABCDE12345d d;1;c;1",
		"ABCDE12345d/;1;c;1",
		"ABCDE12345d;1;c;",
		"ABCDE12345d;1;c;x",
		"ABCDE12345d;1;c;-1",
		"ABCDE12345d;1;c;+1",
		"ABCDE12345d;1;c; 1",
		"ABCDE12345d;1;c;1 ",
		"ABCDE12345d;1;c;1;",
		"ABCDE12345d;1;c;1;2",
		"ABCDE12345d;1;c;0x10",
		"ABCDE12345d;1;c;1e9",
		"ABCDE12345abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi;1;c;1"
	};
	struct login login;

	for (size_t i = 0; i < sizeof usernames / sizeof usernames[0]; i++)
		CU_ASSERT_EQUAL(credential_parse_username(usernames[i], &login), ST_MALFORMED);
}

static void hostile_lengths_are_malformed(void)
{
	static char username[65536], password[65536];
	struct secret s = secret_of(SECRET_1);
	struct login login;

	memset(username, '1', sizeof username - 1);
	memcpy(username, "ABCDE12345d;1;c;", 16);
	CU_ASSERT_EQUAL(credential_parse_username(username, &login), ST_MALFORMED);
	CU_ASSERT_EQUAL(credential_check_password(&s, username, PASSWORD_1), ST_MALFORMED);
	username[USERNAME_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(credential_parse_username(username, &login), ST_MALFORMED);
	username[USERNAME_MAX] = '\0';
	CU_ASSERT_EQUAL(credential_parse_username(username, &login), ST_OK);
	CU_ASSERT_EQUAL(credential_check_password(&s, username, PASSWORD_1), ST_DENIED);
	memset(password, 'a', sizeof password - 1);
	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_1, password), ST_MALFORMED);
	memcpy(password + 65000, ";hmacsha1", 10);
	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_1, password), ST_MALFORMED);
}

static void published_logins_are_let_in(void)
{
	for (size_t i = 0; i < LOGINS; i++) {
		struct secret s = secret_of(logins[i].secret);

		CU_ASSERT_EQUAL(credential_check_password(&s, logins[i].username, logins[i].password),
		                ST_OK);
	}
}

static void key_that_was_not_decoded_is_denied(void)
{
	struct secret s = secret_of(SECRET_1);

	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, UNDECODED ";hmacsha256"), ST_DENIED);
}

static void every_digit_of_the_digest_counts(void)
{
	struct secret s = secret_of(SECRET_1);
	char password[] = DIGEST_2 ";hmacsha256";

	for (size_t i = 0; i < 64; i++) {
		char right = password[i];

		password[i] = right == '0' ? '1' : '0';
		CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, password), ST_DENIED);
		password[i] = right;
	}
	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, password), ST_OK);
}

static void other_secret_or_other_username_is_denied(void)
{
	struct secret right = secret_of(SECRET_1), other = secret_of(SECRET_2);
	struct secret zeros = secret_of("AAAAAAAAAAAAAAAAAAAAAA==");

	CU_ASSERT_EQUAL(credential_check_password(&other, USERNAME_1, PASSWORD_1), ST_DENIED);
	CU_ASSERT_EQUAL(credential_check_password(&right, USERNAME_2, PASSWORD_1), ST_DENIED);
	/* a key cut at its first NUL would be the empty one here */
	CU_ASSERT_EQUAL(credential_check_password(&other, USERNAME_1,
	                                          "de28fb3afb4bd8ca16f7d3d78fc56f480f3793b6;hmacsha1"),
	                ST_DENIED);
	CU_ASSERT_EQUAL(credential_check_password(&other, logins[2].username, logins[2].password),
	                ST_OK);
	CU_ASSERT_EQUAL(credential_check_password(&zeros, logins[2].username, logins[2].password),
	                ST_DENIED);
}

static void letter_case_of_algorithm_and_digits_does_not_matter(void)
{
	struct secret s = secret_of(SECRET_1);
	char upper[] = DIGEST_2 ";hmacsha256";

	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, DIGEST_2 ";HmacSHA256"), ST_OK);
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, upper), ST_OK);
}

static void passwords_out_of_form_are_malformed(void)
{
	static const char *const passwords[] = { "",
		                                     ";",
		                                     ";hmacsha1",
		                                     "hmacsha1",
		                                     DIGEST_2,
		                                     DIGEST_2 ";",
		                                     DIGEST_2 ";hmacsha512",
		                                     DIGEST_2 ";hmacsha1",
		                                     DIGEST_2 ";hmacsha2566",
		                                     DIGEST_2 ";hmacsha256 ",
		                                     DIGEST_2 " ;hmacsha256",
		                                     DIGEST_2 ";;hmacsha256",
		                                     "0" DIGEST_2 ";hmacsha256",
		                                     "501df9a0196c6b69786684d3608f070111bd6809;hmacsha256",
		                                     "501df9a0196c6b69786684d3608f070111bd680;hmacsha1",
		                                     "501df9a0196c6b69786684d3608f070111bd680g;hmacsha1",
		                                     "501df9a0196c6b69786684d3608f070111bd680 ;hmacsha1",
		                                     "501df9a0196c6b69786684d3608f070111bd6809 hmacsha1",
		                                     "501df9a0196c6b69786684d3608f070111bd6809;md5" };
	struct secret s = secret_of(SECRET_1);

	for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++)
		CU_ASSERT_EQUAL(credential_check_password(&s, USERNAME_2, passwords[i]), ST_MALFORMED);
}

static void our_passwords_equal_the_published_ones(void)
{
	char out[PASSWORD_MAX + 1];

	for (size_t i = 0; i < LOGINS; i++) {
		struct secret s = secret_of(logins[i].secret);

		CU_ASSERT_EQUAL(credential_password(&s, logins[i].username, logins[i].hash, out), ST_OK);
		CU_ASSERT_STRING_EQUAL(out, logins[i].password);
	}
}

static void username_over_the_bound_is_not_signed(void)
{
	char username[USERNAME_MAX + 2], out[PASSWORD_MAX + 1];
	struct secret s = secret_of(SECRET_1);

	memset(username, 'a', USERNAME_MAX + 1);
	username[USERNAME_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(credential_password(&s, username, HASH_SHA1, out), ST_INVALID);
}

static void our_username_has_the_published_form(void)
{
	char out[USERNAME_MAX + 1];

	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "gateway01", "Ab3dE", 0, out), ST_OK);
	CU_ASSERT_STRING_EQUAL(out, USERNAME_1);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "gateway01", "x9Yz0", 2147483647, out),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(out, logins[2].username);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345",
	                                    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh", "aaaaa",
	                                    UINT64_MAX, out),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(out, "ABCDE12345abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh;"
	                            "21010406;aaaaa;18446744073709551615");
}

static void username_of_wrong_ids_is_refused(void)
{
	char out[USERNAME_MAX + 1];

	CU_ASSERT_EQUAL(credential_username("ABCDE1234", "g", "Ab3dE", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE123456", "g", "Ab3dE", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "", "Ab3dE", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "g;h", "Ab3dE", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "g", "Ab3d", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "g", "Ab3dEf", 0, out), ST_INVALID);
	CU_ASSERT_EQUAL(credential_username("ABCDE12345", "g", "Ab3;E", 0, out), ST_INVALID);
}

static void connid_of_any_bytes_goes_into_a_username(void)
{
	unsigned char bytes[CONNID_LEN];
	char connid[CONNID_LEN + 1], name[USERNAME_MAX + 1];

	for (int byte = 0; byte <= UINT8_MAX; byte++) {
		memset(bytes, byte, sizeof bytes);
		credential_connid(bytes, connid);
		CU_ASSERT_EQUAL(credential_username("ABCDE12345", "dev1", connid, 0, name), ST_OK);
	}
}

SUITE(credential, TEST(published_secrets_decode_to_their_keys),
      TEST(shortest_and_longest_secret_are_taken), TEST(anything_but_strict_base64_is_no_secret),
      TEST(wiped_secret_holds_nothing_and_opens_nothing),
      TEST(client_id_is_both_ids_and_splits_into_them_again),
      TEST(two_ids_that_do_not_fit_a_client_id_are_cut_and_told), TEST(ids_follow_their_grammar),
      TEST(published_usernames_split_into_their_fields), TEST(expiry_beyond_64_bits_means_never),
      TEST(any_sdkappid_and_connid_are_taken), TEST(connid_of_any_bytes_goes_into_a_username),
      TEST(username_of_the_hubs_form_begins_with_a_client_id),
      TEST(usernames_out_of_form_are_malformed), TEST(hostile_lengths_are_malformed),
      TEST(published_logins_are_let_in), TEST(key_that_was_not_decoded_is_denied),
      TEST(every_digit_of_the_digest_counts), TEST(other_secret_or_other_username_is_denied),
      TEST(letter_case_of_algorithm_and_digits_does_not_matter),
      TEST(passwords_out_of_form_are_malformed), TEST(our_passwords_equal_the_published_ones),
      TEST(username_over_the_bound_is_not_signed), TEST(our_username_has_the_published_form),
      TEST(username_of_wrong_ids_is_refused))
