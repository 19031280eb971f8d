#include "core/admin/http_token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

enum {
	BASIC_MAX = 2048 /* bytes in Base64 */
};

/* Digests are of one length, whatever the texts are. */
static bool same(const void *text, size_t len, const char *token)
{
	unsigned char given[SHA256_DIGEST_LENGTH], wanted[SHA256_DIGEST_LENGTH];

	SHA256(text, len, given);
	SHA256((const unsigned char *)token, strlen(token), wanted);
	return CRYPTO_memcmp(given, wanted, sizeof(given)) == 0;
}

/* "user:password" in Base64. */
static bool basic_ok(const char *base64, const char *token)
{
	unsigned char text[BASIC_MAX];
	size_t len = strlen(base64), pad = 0;
	const unsigned char *colon;
	int got;
	bool ok;

	if (len == 0 || len > BASIC_MAX || len % 4 != 0)
		return false;
	while (pad < 2 && base64[len - 1 - pad] == '=')
		pad++;
	got = EVP_DecodeBlock(text, (const unsigned char *)base64, (int)len);
	if (got < (int)pad)
		return false;
	len = (size_t)got - pad;
	colon = memchr(text, ':', len);
	ok = colon && same(colon + 1, len - (size_t)(colon + 1 - text), token);
	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

/* What stands behind the scheme; NULL: it is another one. */
static const char *behind(const char *authorization, const char *scheme)
{
	size_t len = strlen(scheme);

	if (strncasecmp(authorization, scheme, len) != 0 || authorization[len] != ' ')
		return NULL;
	return authorization + len + strspn(authorization + len, " ");
}

bool http_token_ok(const char *authorization, const char *token)
{
	const char *bearer = authorization ? behind(authorization, "Bearer") : NULL;
	const char *basic = authorization ? behind(authorization, "Basic") : NULL;

	if (bearer)
		return same(bearer, strlen(bearer), token);
	return basic && basic_ok(basic, token);
}
