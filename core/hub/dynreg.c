/* Requests: built, read, checked. */
#include "core/hub/dynreg.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/json/json.h"

enum {
	TEXT_MAX = 1024, /* to sign */
	HEX_MAX = 2 * EVP_MAX_MD_SIZE + 1,
};

static const struct json_limits limits = { .bytes = DYNREG_BODY_MAX, .depth = 4, .values = 32 };

static bool ids_ok(const char *product_id, const char *device_name)
{
	return credential_product_id_ok(product_id, strlen(product_id)) &&
	       credential_device_name_ok(device_name, strlen(device_name));
}

enum status dynreg_put_body(struct buf *out, const char *product_id, const char *device_name)
{
	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	return buf_addf(out, "{\"ProductId\":\"%s\",\"DeviceName\":\"%s\"}", product_id, device_name);
}

static void put_hex(const unsigned char *bytes, size_t len, char out[HEX_MAX])
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static const EVP_MD *hash_of(const char *algorithm)
{
	return strcasecmp(algorithm, "hmacsha256") == 0 ? EVP_sha256()
	       : strcasecmp(algorithm, "hmacsha1") == 0 ? EVP_sha1()
	                                                : NULL;
}

/* Base64 of the raw digest, and its hex digits. */
static enum status mac(const EVP_MD *hash, const char *key, const char *text,
                       char base64[DYNREG_SIGNATURE_SIZE], char hex[HEX_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!HMAC(hash, key, (int)strlen(key), (const unsigned char *)text, strlen(text), digest, &len))
		return ST_NOMEM;
	EVP_EncodeBlock((unsigned char *)base64, digest, (int)len);
	put_hex(digest, len, hex);
	return ST_OK;
}

/* docs/protocol/dynreg.md 1: eight lines, the query string empty. */
static bool text_to_sign(char out[TEXT_MAX], const EVP_MD *body_hash, const char *algorithm,
                         const char *host, const char *path, uint64_t timestamp_s, uint32_t nonce,
                         const void *body, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	char hex[HEX_MAX];
	int n;

	if (!EVP_Digest(body, len, digest, &size, body_hash, NULL))
		return false;
	put_hex(digest, size, hex);
	n = snprintf(out, TEXT_MAX, "POST\n%s\n%s\n\n%s\n%" PRIu64 "\n%" PRIu32 "\n%s", host, path,
	             algorithm, timestamp_s, nonce, hex);
	return n > 0 && n < TEXT_MAX;
}

enum status dynreg_sign(const char *product_secret, const char *algorithm, const char *host,
                        const char *path, uint64_t timestamp_s, uint32_t nonce, const void *body,
                        size_t len, char out[DYNREG_SIGNATURE_SIZE])
{
	char text[TEXT_MAX], hex[HEX_MAX];
	const EVP_MD *hash = hash_of(algorithm);

	if (!hash || strlen(product_secret) < DYNREG_SECRET_MIN ||
	    !text_to_sign(text, EVP_sha256(), algorithm, host, path, timestamp_s, nonce, body, len))
		return ST_INVALID;
	return mac(hash, product_secret, text, out, hex);
}

/* --- a device's request --- */

static bool decimal(const char *text, uint64_t most, uint64_t *out)
{
	char *end;

	if (!text || strspn(text, "0123456789") != strlen(text) || !*text || strlen(text) > 19)
		return false;
	*out = strtoull(text, &end, 10);
	return *out <= most;
}

static bool copy(char *to, size_t size, const char *from)
{
	if (!from || strlen(from) >= size)
		return false;
	memcpy(to, from, strlen(from) + 1);
	return true;
}

static bool number_of(const cJSON *root, const char *name, int64_t most, int64_t *out)
{
	const cJSON *member = json_member(root, name);

	return member && json_int(member, true, out) && *out >= 0 && *out <= most;
}

static enum status read_ids(const cJSON *root, const char *product, const char *device,
                            struct dynreg_request *out)
{
	const char *product_id = json_text(root, product), *device_name = json_text(root, device);

	if (!product_id || !device_name)
		return ST_MALFORMED;
	if (!ids_ok(product_id, device_name))
		return ST_INVALID;
	memcpy(out->product_id, product_id, strlen(product_id) + 1);
	memcpy(out->device_name, device_name, strlen(device_name) + 1);
	return ST_OK;
}

static enum status read_current(const struct dynreg_headers *h, const cJSON *root,
                                struct dynreg_request *out)
{
	uint64_t nonce = 0;

	out->form = DYNREG_CURRENT;
	if (!copy(out->algorithm, sizeof(out->algorithm), h->algorithm) || !hash_of(out->algorithm) ||
	    !copy(out->signature, sizeof(out->signature), h->signature) ||
	    !decimal(h->timestamp, INT64_MAX, &out->timestamp_s) ||
	    !decimal(h->nonce, DYNREG_NONCE_MAX, &nonce))
		return ST_MALFORMED;
	out->nonce = (uint32_t)nonce;
	return read_ids(root, "ProductId", "DeviceName", out);
}

static enum status read_old(const cJSON *root, struct dynreg_request *out)
{
	int64_t nonce, timestamp_s;

	out->form = DYNREG_OLD;
	if (!copy(out->signature, sizeof(out->signature), json_text(root, "signature")) ||
	    !number_of(root, "nonce", INT32_MAX, &nonce) ||
	    !number_of(root, "timestamp", INT64_MAX, &timestamp_s))
		return ST_MALFORMED;
	out->nonce = (uint32_t)nonce;
	out->timestamp_s = (uint64_t)timestamp_s;
	return read_ids(root, "productId", "deviceName", out);
}

enum status dynreg_parse(const struct dynreg_headers *headers, const void *body, size_t len,
                         struct dynreg_request *out)
{
	cJSON *root = NULL;
	enum status st;

	memset(out, 0, sizeof(*out));
	st = json_parse_message(body, len, &limits, &root);
	if (st != ST_OK)
		return st;
	st = headers ? read_current(headers, root, out) : read_old(root, out);
	cJSON_Delete(root);
	return st;
}

static bool same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

static enum status check_hashed(const struct dynreg_request *r, const char *product_secret,
                                const char *host, const char *path, const void *body, size_t len,
                                const char *algorithm, const EVP_MD *body_hash)
{
	char text[TEXT_MAX], base64[DYNREG_SIGNATURE_SIZE], hex[HEX_MAX];

	if (!text_to_sign(text, body_hash, algorithm, host, path, r->timestamp_s, r->nonce, body, len))
		return ST_DENIED;
	if (mac(hash_of(r->algorithm), product_secret, text, base64, hex) != ST_OK)
		return ST_NOMEM;
	return same(base64, r->signature) || same(hex, r->signature) ? ST_OK : ST_DENIED;
}

/* hmacsha1: the documents hash the body with SHA-256, the vendor's C SDK with SHA-1. */
static enum status check_current(const struct dynreg_request *r, const char *product_secret,
                                 const char *host, const char *path, const void *body, size_t len,
                                 const char *algorithm)
{
	enum status st =
		check_hashed(r, product_secret, host, path, body, len, algorithm, EVP_sha256());

	if (st != ST_DENIED || hash_of(r->algorithm) != EVP_sha1())
		return st;
	return check_hashed(r, product_secret, host, path, body, len, algorithm, EVP_sha1());
}

/* docs/protocol/dynreg.md 3: Base64 of the hex digits, unlike everything else. */
static enum status check_old(const struct dynreg_request *r, const char *product_secret)
{
	char text[TEXT_MAX], base64[DYNREG_SIGNATURE_SIZE], hex[HEX_MAX];

	snprintf(text, sizeof(text), "deviceName=%s&nonce=%" PRIu32 "&productId=%s&timestamp=%" PRIu64,
	         r->device_name, r->nonce, r->product_id, r->timestamp_s);
	if (mac(EVP_sha1(), product_secret, text, base64, hex) != ST_OK)
		return ST_NOMEM;
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)hex, (int)strlen(hex));
	return same(base64, r->signature) ? ST_OK : ST_DENIED;
}

enum status dynreg_check(const struct dynreg_request *r, const char *product_secret,
                         const char *host, const char *path, const void *body, size_t len)
{
	enum status st;
	char lower[sizeof(r->algorithm)];

	if (strlen(product_secret) < DYNREG_SECRET_MIN)
		return ST_DENIED;
	if (r->form == DYNREG_OLD)
		return check_old(r, product_secret);
	st = check_current(r, product_secret, host, path, body, len, r->algorithm);
	if (st != ST_DENIED)
		return st;
	/* Samples spell it HmacSha256 in the header; what is signed is not shown. */
	snprintf(lower, sizeof(lower), "%s",
	         hash_of(r->algorithm) == EVP_sha1() ? "hmacsha1" : "hmacsha256");
	return check_current(r, product_secret, host, path, body, len, lower);
}
