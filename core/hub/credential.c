#include "core/hub/credential.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SDK_APP_ID    "21010406"
#define NEVER_EXPIRES UINT64_C(9223372036854775807)

enum {
	SECRET_TEXT_MIN = 4,
	DIGEST_MAX = 32,
	SIGNED_MAX = 96, /* {pid}{dname};{random};{timestamp} and NUL */
};

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct algorithm {
	const char *name;
	size_t digest_len;
	const EVP_MD *(*md)(void);
} algorithms[] = {
	[HASH_SHA1] = { "hmacsha1", 20, EVP_sha1 },
	[HASH_SHA256] = { "hmacsha256", 32, EVP_sha256 },
};
enum {
	ALGORITHMS = sizeof algorithms / sizeof algorithms[0]
};

static bool made_of(const char *text, size_t len, const char *allowed)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0' || !strchr(allowed, text[i]))
			return false;
	}
	return true;
}

enum status secret_parse(const char *text, struct secret *out)
{
	size_t len = strnlen(text, SECRET_TEXT_MAX + 1), body = len;

	secret_wipe(out);
	if (len < SECRET_TEXT_MIN || len > SECRET_TEXT_MAX || len % 4 != 0)
		return ST_MALFORMED;
	while (len - body < 2 && text[body - 1] == '=')
		body--;
	if (!made_of(text, body, LETTERS DIGITS "+/"))
		return ST_MALFORMED;
	if (EVP_DecodeBlock(out->key, (const unsigned char *)text, (int)len) < 0) {
		secret_wipe(out);
		return ST_MALFORMED;
	}
	memcpy(out->text, text, len);
	out->key_len = len / 4 * 3 - (len - body);
	return ST_OK;
}

void secret_wipe(struct secret *s)
{
	OPENSSL_cleanse(s, sizeof *s);
}

bool credential_product_id_ok(const char *text, size_t len)
{
	return len == PRODUCT_ID_LEN && made_of(text, len, LETTERS DIGITS);
}

bool credential_device_name_ok(const char *text, size_t len)
{
	return len >= 1 && len <= DEVICE_NAME_MAX && made_of(text, len, LETTERS DIGITS ":_-");
}

static bool ids_ok(const char *product_id, const char *device_name)
{
	return credential_product_id_ok(product_id, strnlen(product_id, PRODUCT_ID_LEN + 1)) &&
	       credential_device_name_ok(device_name, strnlen(device_name, DEVICE_NAME_MAX + 1));
}

static bool length_ok(const char *username)
{
	return strnlen(username, USERNAME_MAX + 1) <= USERNAME_MAX;
}

/* Clients send anything from seconds to LONG_MAX; what is beyond 64 bits is never. */
static bool read_expiry(const char *text, uint64_t *out)
{
	size_t len = strlen(text);
	uint64_t value = 0;

	if (len == 0 || !made_of(text, len, DIGITS))
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (value > (UINT64_MAX - digit) / 10) {
			*out = UINT64_MAX;
			return true;
		}
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

size_t credential_client_id(const char *product_id, const char *device_name,
                            char out[CLIENT_ID_MAX + 1])
{
	return (size_t)snprintf(out, CLIENT_ID_MAX + 1, "%s%s", product_id, device_name);
}

const char *credential_split(const char *client_id, char product_id[PRODUCT_ID_LEN + 1])
{
	if (strnlen(client_id, PRODUCT_ID_LEN + 1) <= PRODUCT_ID_LEN)
		return NULL;
	memcpy(product_id, client_id, PRODUCT_ID_LEN);
	product_id[PRODUCT_ID_LEN] = '\0';
	return client_id + PRODUCT_ID_LEN;
}

enum status credential_parse_username(const char *username, struct login *out)
{
	const char *app, *connid, *expiry;
	size_t id_len;

	if (!length_ok(username))
		return ST_MALFORMED;
	app = strchr(username, ';');
	connid = app ? strchr(app + 1, ';') : NULL;
	if (!connid)
		return ST_MALFORMED;
	expiry = strchr(connid + 1, ';');
	id_len = (size_t)(app - username);
	if (id_len <= PRODUCT_ID_LEN || !credential_product_id_ok(username, PRODUCT_ID_LEN) ||
	    !credential_device_name_ok(username + PRODUCT_ID_LEN, id_len - PRODUCT_ID_LEN))
		return ST_MALFORMED;
	memset(out, 0, sizeof *out);
	memcpy(out->product_id, username, PRODUCT_ID_LEN);
	memcpy(out->device_name, username + PRODUCT_ID_LEN, id_len - PRODUCT_ID_LEN);
	out->expiry_s = UINT64_MAX;
	if (expiry && !read_expiry(expiry + 1, &out->expiry_s))
		return ST_MALFORMED;
	return ST_OK;
}

size_t credential_username_id(const char *username)
{
	struct login parts;

	return credential_parse_username(username, &parts) == ST_OK ? strcspn(username, ";") : 0;
}

static enum status digest(const struct algorithm *alg, const void *key, size_t key_len,
                          const char *text, unsigned char out[DIGEST_MAX])
{
	unsigned char full[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!HMAC(alg->md(), key, (int)key_len, (const unsigned char *)text, strlen(text), full,
	          &len) ||
	    len != alg->digest_len)
		return ST_NOMEM;
	memcpy(out, full, len);
	OPENSSL_cleanse(full, sizeof full);
	return ST_OK;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL: the password is none of a form we know. */
static const struct algorithm *read_password(const char *password, unsigned char out[DIGEST_MAX])
{
	size_t hex_len = strnlen(password, PASSWORD_MAX + 1);
	const struct algorithm *alg = NULL;
	const char *name;

	if (hex_len > PASSWORD_MAX)
		return NULL;
	name = strchr(password, ';');
	for (size_t i = 0; name && i < ALGORITHMS; i++) {
		if (strcasecmp(name + 1, algorithms[i].name) == 0)
			alg = &algorithms[i];
	}
	if (!alg || (size_t)(name - password) != 2 * alg->digest_len)
		return NULL;
	for (size_t i = 0; i < alg->digest_len; i++) {
		int high = hex_value(password[2 * i]), low = hex_value(password[2 * i + 1]);

		if (high < 0 || low < 0)
			return NULL;
		out[i] = (unsigned char)(high * 16 + low);
	}
	return alg;
}

enum status credential_check_password(const struct secret *s, const char *username,
                                      const char *password)
{
	unsigned char given[DIGEST_MAX], right[DIGEST_MAX];
	const struct algorithm *alg = read_password(password, given);
	enum status st;

	if (!alg || !length_ok(username))
		return ST_MALFORMED;
	if (s->key_len == 0)
		return ST_DENIED;
	st = digest(alg, s->key, s->key_len, username, right);
	if (st == ST_OK && CRYPTO_memcmp(given, right, alg->digest_len) != 0)
		st = ST_DENIED;
	OPENSSL_cleanse(right, sizeof right);
	return st;
}

void credential_connid(const unsigned char random[CONNID_LEN], char out[CONNID_LEN + 1])
{
	static const char signs[] = LETTERS DIGITS;

	for (size_t i = 0; i < CONNID_LEN; i++) /* it guards nothing: % may lean */
		out[i] = signs[random[i] % (sizeof(signs) - 1)];
	out[CONNID_LEN] = '\0';
}

enum status credential_username(const char *product_id, const char *device_name, const char *connid,
                                uint64_t expiry_s, char out[USERNAME_MAX + 1])
{
	if (!ids_ok(product_id, device_name) || strnlen(connid, CONNID_LEN + 1) != CONNID_LEN ||
	    !made_of(connid, CONNID_LEN, LETTERS DIGITS))
		return ST_INVALID;
	snprintf(out, USERNAME_MAX + 1, "%s%s;" SDK_APP_ID ";%s;%" PRIu64, product_id, device_name,
	         connid, expiry_s ? expiry_s : NEVER_EXPIRES);
	return ST_OK;
}

enum status credential_password(const struct secret *s, const char *username, enum hash hash,
                                char out[PASSWORD_MAX + 1])
{
	const struct algorithm *alg = &algorithms[hash];
	unsigned char raw[DIGEST_MAX];
	enum status st;

	if (s->key_len == 0 || !length_ok(username))
		return ST_INVALID;
	st = digest(alg, s->key, s->key_len, username, raw);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < alg->digest_len; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	snprintf(out + 2 * alg->digest_len, PASSWORD_MAX + 1 - 2 * alg->digest_len, ";%s", alg->name);
	OPENSSL_cleanse(raw, sizeof raw);
	return ST_OK;
}

enum status credential_bind_signature(const struct secret *s, const char *product_id,
                                      const char *device_name, uint32_t random,
                                      uint64_t timestamp_s, enum hash hash,
                                      char out[BIND_SIGNATURE_SIZE])
{
	const struct algorithm *alg = &algorithms[hash];
	unsigned char raw[DIGEST_MAX];
	char text[SIGNED_MAX];
	enum status st;

	if (!ids_ok(product_id, device_name) || random > BIND_RANDOM_MAX || s->text[0] == '\0')
		return ST_INVALID;
	snprintf(text, sizeof text, "%s%s;%" PRIu32 ";%" PRIu64, product_id, device_name, random,
	         timestamp_s);
	st = digest(alg, s->text, strnlen(s->text, SECRET_TEXT_MAX), text, raw);
	if (st != ST_OK)
		return st;
	EVP_EncodeBlock((unsigned char *)out, raw, (int)alg->digest_len);
	OPENSSL_cleanse(raw, sizeof raw);
	return ST_OK;
}
