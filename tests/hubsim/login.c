#include "tests/hubsim/login.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRET_TEXT_MAX 64
#define USERNAME_MAX    512

struct key {
	unsigned char bytes[SECRET_TEXT_MAX];
	size_t len;
};

static const EVP_MD *hash_named(const char *name)
{
	if (strcasecmp(name, "hmacsha1") == 0)
		return EVP_sha1();
	if (strcasecmp(name, "hmacsha256") == 0)
		return EVP_sha256();
	return NULL;
}

static bool decode_secret(const char *text, struct key *key)
{
	size_t len = strlen(text), pad = 0;
	int n;

	if (len == 0 || len % 4 || len > SECRET_TEXT_MAX)
		return false;
	while (pad < 2 && text[len - 1 - pad] == '=')
		pad++;
	n = EVP_DecodeBlock(key->bytes, (const unsigned char *)text, (int)len);
	if (n < 0)
		return false;
	key->len = (size_t)n - pad;
	return true;
}

static size_t hmac(const EVP_MD *hash, const void *key, size_t key_len, const char *text,
                   unsigned char out[EVP_MAX_MD_SIZE])
{
	unsigned len = 0;

	HMAC(hash, key, (int)key_len, (const unsigned char *)text, strlen(text), out, &len);
	return len;
}

static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

/* `password` is "{hex};{alg}". */
static const char *password_refusal(const struct account *a, const struct login *l)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	char token[2 * EVP_MAX_MD_SIZE + 1];
	const char *semi = strchr(l->password, ';');
	const EVP_MD *hash = semi ? hash_named(semi + 1) : NULL;
	struct key key;
	char *given;
	size_t len;
	bool same;

	if (!hash)
		return "password is not {hex};{hmacsha1|hmacsha256}";
	if (!a->secret || !decode_secret(a->secret, &key))
		return "device has no usable secret";
	len = hmac(hash, key.bytes, key.len, l->username, mac);
	for (size_t i = 0; i < len; i++)
		snprintf(token + 2 * i, 3, "%02x", mac[i]);
	given = strndup(l->password, (size_t)(semi - l->password));
	same = given && same_text(given, token);
	free(given);
	return same ? NULL : "wrong signature";
}

/* Splits {id};{appid};{connid}[;{expiry}]; true when it has 3 or 4 fields. */
static bool split(char *text, char *field[4], int *count)
{
	*count = 0;
	for (; text; *count += 1) {
		if (*count == 4)
			return false;
		field[*count] = strsep(&text, ";");
	}
	return *count == 3 || *count == 4;
}

static const char *expiry_refusal(const struct cloud *c, const char *text)
{
	unsigned long long expiry;
	char *end;

	errno = 0;
	expiry = strtoull(text, &end, 10);
	if (end == text || *end || errno || *text == '-')
		return "expiry is not a number";
	if (expiry > 0 && expiry < (unsigned long long)(cloud_now_ms(c) / 1000))
		return "expired";
	return NULL;
}

static const char *username_refusal(const struct cloud *c, const struct login *l)
{
	char text[USERNAME_MAX];
	char *field[4];
	int count;

	if (strlen(l->username) >= sizeof text)
		return "username too long";
	strcpy(text, l->username);
	if (!split(text, field, &count))
		return "username does not have 3 or 4 fields";
	if (strcmp(field[0], l->client_id) != 0)
		return "client id differs from username";
	return count == 4 ? expiry_refusal(c, field[3]) : NULL;
}

const char *login_refusal(const struct cloud *c, const struct login *l)
{
	const struct account *a = account_of_client(c, l->client_id);
	const char *why;

	if (!l->client_id || !l->username)
		return "no client id or no username";
	if (!a)
		return "unknown device";
	if (a->disabled)
		return "device is disabled";
	why = username_refusal(c, l);
	if (why)
		return why;
	if (a->cert)
		return l->cn && strcmp(l->cn, l->client_id) == 0 ? NULL
		                                                 : "certificate CN is not the device";
	if (!l->password)
		return "no password";
	return password_refusal(a, l);
}

static bool decimal(const cJSON *item, double *out)
{
	char *end;

	if (cJSON_IsNumber(item)) {
		*out = item->valuedouble;
		return true;
	}
	if (!cJSON_IsString(item) || !*item->valuestring)
		return false;
	*out = strtod(item->valuestring, &end);
	return *end == '\0';
}

/* The key is the secret's text, not decoded. */
static const char *bind_key(const struct account *sub, const char *authtype)
{
	if (strcmp(authtype, "certificate") == 0)
		return sub->bind_key;
	return strcmp(authtype, "psk") == 0 ? sub->secret : NULL;
}

int bind_signature_result(const struct cloud *c, const struct account *sub, const cJSON *fields)
{
	const char *given = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "signature"));
	const char *method = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "signmethod"));
	const char *authtype = cJSON_GetStringValue(cJSON_GetObjectItem(fields, "authtype"));
	unsigned char mac[EVP_MAX_MD_SIZE], encoded[2 * EVP_MAX_MD_SIZE];
	char text[KEY_ROOM + 64];
	double nonce, stamp, late;
	const char *key;
	size_t len;

	if (!given || !method || !authtype || !decimal(cJSON_GetObjectItem(fields, "random"), &nonce) ||
	    !decimal(cJSON_GetObjectItem(fields, "timestamp"), &stamp))
		return 801;
	if (!hash_named(method))
		return 804;
	key = bind_key(sub, authtype);
	if (!key)
		return 803;
	snprintf(text, sizeof text, "%.10s%s;%.0f;%.0f", sub->key, sub->key + PID_LEN + 1, nonce,
	         stamp);
	len = hmac(hash_named(method), key, strlen(key), text, mac);
	EVP_EncodeBlock(encoded, mac, (int)len);
	if (!same_text(given, (const char *)encoded))
		return 803;
	late = (double)cloud_now_ms(c) / 1000 - stamp;
	return late > c->limits.bind_window_s || -late > c->limits.bind_window_s ? 805 : 0;
}
