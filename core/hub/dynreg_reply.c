/* Replies: opened, sealed. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hub/dynreg.h"
#include "core/json/json.h"

enum {
	BLOCK = 16,
	PLAIN_MAX = DYNREG_REPLY_MAX,
};

static const struct json_limits limits = { .bytes = DYNREG_REPLY_MAX, .depth = 6, .values = 64 };
static const unsigned char iv[BLOCK + 1] =
	"0000000000000000"; /* docs/protocol/dynreg.md 2: ASCII zeros */

void dynreg_grant_wipe(struct dynreg_grant *g)
{
	if (g->private_key)
		OPENSSL_cleanse(g->private_key, strlen(g->private_key));
	free(g->certificate);
	free(g->private_key);
	OPENSSL_cleanse(g, sizeof(*g));
}

/* --- the cipher --- */

/* len is a multiple of BLOCK; in and out may be the same. */
static bool crypt(const char *product_secret, bool seal, unsigned char *data, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok = ctx &&
	          EVP_CipherInit_ex(ctx, EVP_aes_128_cbc(), NULL, (const unsigned char *)product_secret,
	                            iv, seal) == 1 &&
	          EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	          EVP_CipherUpdate(ctx, data, &n, data, (int)len) == 1 && (size_t)n == len;

	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap);
	buf_free(b);
}

/* Base64 without line breaks into *out. */
static enum status decode(const char *text, struct buf *out)
{
	size_t len = strlen(text);
	unsigned char *at;
	enum status st;
	int n;

	if (len == 0 || len % 4 != 0)
		return ST_MALFORMED;
	st = buf_reserve(out, len / 4 * 3, &at);
	if (st != ST_OK)
		return st;
	n = EVP_DecodeBlock(at, (const unsigned char *)text, (int)len);
	if (n < 0)
		return ST_MALFORMED;
	n -= (text[len - 1] == '=') + (text[len - 2] == '=');
	out->len += (size_t)n;
	return ST_OK;
}

/* Where the JSON ends: at the length told, else behind the last brace. */
static size_t plain_len(const struct buf *plain, int64_t told)
{
	size_t len = plain->len;

	if (told > 0 && (uint64_t)told <= plain->len)
		return (size_t)told;
	while (len > 0 && plain->data[len - 1] != '}')
		len--;
	return len;
}

static enum status read_grant(const cJSON *root, struct dynreg_grant *out)
{
	const char *psk = json_text(root, "psk"), *certificate = json_text(root, "clientCert");
	const char *key = json_text(root, "clientKey");
	const cJSON *type = json_member(root, "encryptionType");
	struct secret secret;
	int64_t number;

	if (!type || !json_int(type, true, &number))
		return ST_MALFORMED;
	if (number == DYNREG_KEY && psk && secret_parse(psk, &secret) == ST_OK) {
		memcpy(out->psk, secret.text, sizeof(out->psk));
		secret_wipe(&secret);
		out->type = DYNREG_KEY;
		return ST_OK;
	}
	if (number != DYNREG_CERTIFICATE || !certificate || !key)
		return ST_MALFORMED;
	out->type = DYNREG_CERTIFICATE;
	out->certificate = strdup(certificate);
	out->private_key = strdup(key);
	return out->certificate && out->private_key ? ST_OK : ST_NOMEM;
}

static enum status open_payload(const char *payload, int64_t told, const char *product_secret,
                                struct dynreg_grant *out)
{
	struct buf plain = BUF_MAX(PLAIN_MAX);
	cJSON *root = NULL;
	enum status st = decode(payload, &plain);

	if (st == ST_OK &&
	    (plain.len == 0 || plain.len % BLOCK != 0 || strlen(product_secret) < DYNREG_SECRET_MIN))
		st = ST_MALFORMED;
	if (st == ST_OK && !crypt(product_secret, false, plain.data, plain.len))
		st = ST_NOMEM;
	if (st == ST_OK)
		st = json_parse_message((const char *)plain.data, plain_len(&plain, told), &limits, &root);
	if (st == ST_OK)
		st = read_grant(root, out);
	cJSON_Delete(root);
	wipe(&plain);
	return st;
}

/* --- reading --- */

static void copy_text(char out[DYNREG_TEXT_MAX], const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len >= DYNREG_TEXT_MAX)
		len = DYNREG_TEXT_MAX - 1;
	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

static enum status refused(const char *code, const char *message, struct dynreg_refusal *out)
{
	copy_text(out->code, code);
	copy_text(out->message, message);
	/* docs/protocol/dynreg.md 1, "Retry only on" */
	out->passes =
		strcmp(out->code, "InternalError") == 0 || strcmp(out->code, "RequestLimitExceeded") == 0;
	return ST_DENIED;
}

static int64_t length_of(const cJSON *obj, const char *name)
{
	const cJSON *member = json_member(obj, name);
	int64_t len = 0;

	return member && json_int(member, true, &len) ? len : 0;
}

static enum status read_current(const cJSON *response, const char *product_secret,
                                struct dynreg_grant *grant, struct dynreg_refusal *refusal)
{
	const cJSON *error = json_member(response, "Error");
	const char *payload = json_text(response, "Payload");

	if (error)
		return refused(json_text(error, "Code"), json_text(error, "Message"), refusal);
	if (!payload)
		return ST_MALFORMED;
	return open_payload(payload, length_of(response, "Len"), product_secret, grant);
}

static enum status read_old(const cJSON *root, const char *product_secret,
                            struct dynreg_grant *grant, struct dynreg_refusal *refusal)
{
	const cJSON *code = json_member(root, "code");
	const char *payload = json_text(root, "payload");
	int64_t number;
	char text[32];

	if (!code || !json_int(code, true, &number))
		return ST_MALFORMED;
	if (number != 0) {
		snprintf(text, sizeof(text), "%lld", (long long)number);
		return refused(text, json_text(root, "message"), refusal);
	}
	return payload ? open_payload(payload, length_of(root, "len"), product_secret, grant)
	               : ST_MALFORMED;
}

enum status dynreg_read_reply(const void *text, size_t len, const char *product_secret,
                              struct dynreg_grant *grant, struct dynreg_refusal *refusal)
{
	const cJSON *response;
	cJSON *root = NULL;
	enum status st = json_parse_message(text, len, &limits, &root);

	memset(grant, 0, sizeof(*grant));
	memset(refusal, 0, sizeof(*refusal));
	if (st != ST_OK)
		return st == ST_NOMEM ? st : ST_MALFORMED;
	response = json_member(root, "Response");
	st = response ? read_current(response, product_secret, grant, refusal)
	              : read_old(root, product_secret, grant, refusal);
	cJSON_Delete(root);
	if (st != ST_OK)
		dynreg_grant_wipe(grant);
	return st;
}

/* --- writing --- */

static enum status put_plain(struct buf *out, const struct dynreg_grant *g)
{
	enum status st;

	if (g->type == DYNREG_KEY)
		return buf_addf(out, "{\"encryptionType\":2,\"psk\":\"%s\"}", g->psk);
	st = buf_add_text(out, "{\"encryptionType\":1,\"clientCert\":");
	if (st == ST_OK)
		st = json_add_string(out, g->certificate);
	if (st == ST_OK)
		st = buf_add_text(out, ",\"clientKey\":");
	if (st == ST_OK)
		st = json_add_string(out, g->private_key);
	return st == ST_OK ? buf_add_text(out, "}") : st;
}

static enum status pad(struct buf *b)
{
	enum status st = ST_OK;

	while (b->len % BLOCK != 0 && st == ST_OK)
		st = buf_add_u8(b, 0);
	return st;
}

static enum status put_base64(struct buf *out, const struct buf *bytes)
{
	unsigned char *at;
	enum status st = buf_reserve(out, (bytes->len + 2) / 3 * 4 + 1, &at);

	if (st == ST_OK)
		out->len += (size_t)EVP_EncodeBlock(at, bytes->data, (int)bytes->len);
	return st;
}

enum status dynreg_put_grant(struct buf *out, enum dynreg_form form, const char *product_secret,
                             const struct dynreg_grant *grant, const char *request_id)
{
	struct buf plain = BUF_MAX(PLAIN_MAX);
	enum status st = ST_INVALID;
	size_t len = 0;

	if (strlen(product_secret) >= DYNREG_SECRET_MIN)
		st = put_plain(&plain, grant);
	len = plain.len;
	if (st == ST_OK)
		st = pad(&plain);
	if (st == ST_OK && !crypt(product_secret, true, plain.data, plain.len))
		st = ST_NOMEM;
	if (st == ST_OK)
		st = form == DYNREG_CURRENT
		         ? buf_addf(out, "{\"Response\":{\"Len\":%zu,\"Payload\":\"", len)
		         : buf_addf(out, "{\"code\":0,\"message\":\"success\",\"len\":%zu,\"payload\":\"",
		                    len);
	if (st == ST_OK)
		st = put_base64(out, &plain);
	if (st == ST_OK)
		st = form == DYNREG_CURRENT ? buf_addf(out, "\",\"RequestId\":\"%s\"}}", request_id)
		                            : buf_add_text(out, "\"}");
	wipe(&plain);
	return st;
}

/* The numbers of the old form are unpublished: those of bind results that mean the same. */
static const struct {
	const char *code, *text;
	int number;
} errors[] = {
	[DYNREG_BAD_REQUEST] = { "InvalidParameterValue", "the request is not of a known form", 801 },
	[DYNREG_BAD_SIGNATURE] = { "AuthFailure.SignatureFailure",
	                           "the signature does not fit the product secret", 803 },
	[DYNREG_REPLAYED] = { "AuthFailure.SignatureExpire",
	                      "this request was used before: sign a new one", 805 },
	[DYNREG_UNKNOWN_PRODUCT] = { "ResourceNotFound.ProductNotExist",
	                             "the gateway does not register devices of this product", 802 },
	[DYNREG_TOO_MANY] = { "RequestLimitExceeded", "too many requests: try again later", -3 },
	[DYNREG_UNREACHABLE] = { "InternalError", "the hub cannot be reached: try again later", -2 },
};

enum {
	ERRORS = sizeof(errors) / sizeof(errors[0])
};

const char *dynreg_error_code(enum dynreg_error e)
{
	return errors[e].code;
}

const char *dynreg_error_text(enum dynreg_error e)
{
	return errors[e].text;
}

static int old_number(const char *code)
{
	char *end;
	long number = strtol(code, &end, 10);

	if (*code && !*end && number != 0 && labs(number) < 100000)
		return (int)number; /* the hub's own, of the old form */
	for (size_t i = 0; i < ERRORS; i++) {
		if (strncmp(errors[i].code, code, strcspn(errors[i].code, ".")) == 0)
			return errors[i].number;
	}
	return -1;
}

enum status dynreg_put_refusal(struct buf *out, enum dynreg_form form, const char *code,
                               const char *message, const char *request_id)
{
	enum status st;

	if (form == DYNREG_OLD) {
		st = buf_addf(out, "{\"code\":%d,\"message\":", old_number(code));
		if (st == ST_OK)
			st = json_add_string(out, message);
		return st == ST_OK ? buf_add_text(out, "}") : st;
	}
	st = buf_add_text(out, "{\"Response\":{\"Error\":{\"Code\":");
	if (st == ST_OK)
		st = json_add_string(out, code);
	if (st == ST_OK)
		st = buf_add_text(out, ",\"Message\":");
	if (st == ST_OK)
		st = json_add_string(out, message);
	return st == ST_OK ? buf_addf(out, "},\"RequestId\":\"%s\"}}", request_id) : st;
}
