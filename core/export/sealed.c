#include "core/export/sealed.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
	VERSION_AT = 8,
	POWER_AT = 12,
	R_AT = 13,
	P_AT = 14,
	CHUNK_AT = 16,
	PROOF_AT = 36,
	PROOF_BYTES = 16,
	NONCE_BYTES = 12,
	/* 32 MiB: what a small gateway can spare. */
	POWER = 15,
	R = 8,
	P = 3,
	POWER_MAX = 20,
	P_MAX = 16,
	MEMORY_MAX = 256 << 20,
};

static const char magic[] = "HGEXPORT";

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* --- the key --- */

static bool derive(struct sealed *s, const char *passphrase, size_t len, uint8_t proof[PROOF_BYTES])
{
	uint8_t out[SEALED_KEY_BYTES + PROOF_BYTES];
	const uint8_t *h = s->header;
	bool ok = EVP_PBE_scrypt(passphrase, len, h + SEALED_SALT_AT, SEALED_SALT_BYTES,
	                         UINT64_C(1) << h[POWER_AT], h[R_AT], h[P_AT], 2 * (uint64_t)MEMORY_MAX,
	                         out, sizeof out) == 1;

	memcpy(s->key, out, sizeof s->key);
	memcpy(proof, out + SEALED_KEY_BYTES, PROOF_BYTES);
	OPENSSL_cleanse(out, sizeof out);
	return ok;
}

enum status sealed_begin(struct sealed *s, const uint8_t salt[SEALED_SALT_BYTES],
                         const char *passphrase, size_t len)
{
	memset(s, 0, sizeof *s);
	memcpy(s->header, magic, sizeof magic - 1);
	put_u32(s->header + VERSION_AT, SEALED_VERSION);
	s->header[POWER_AT] = POWER;
	s->header[R_AT] = R;
	s->header[P_AT] = P;
	put_u32(s->header + CHUNK_AT, SEALED_CHUNK_BYTES);
	memcpy(s->header + SEALED_SALT_AT, salt, SEALED_SALT_BYTES);
	return derive(s, passphrase, len, s->header + PROOF_AT) ? ST_OK : ST_NOMEM;
}

/* The numbers are a stranger's: they say how long this program works, and in how much memory. */
static bool may_derive(const uint8_t *h)
{
	return h[POWER_AT] >= 10 && h[POWER_AT] <= POWER_MAX && h[R_AT] > 0 && h[P_AT] > 0 &&
	       h[P_AT] <= P_MAX && (UINT64_C(128) * h[R_AT] << h[POWER_AT]) <= MEMORY_MAX &&
	       get_u32(h + CHUNK_AT) == SEALED_CHUNK_BYTES;
}

enum status sealed_take(struct sealed *s, const uint8_t header[SEALED_HEADER_BYTES],
                        const char *passphrase, size_t len, uint32_t *version)
{
	uint8_t proof[PROOF_BYTES];

	memcpy(s->header, header, sizeof s->header);
	*version = get_u32(header + VERSION_AT);
	if (memcmp(header, magic, sizeof magic - 1) != 0)
		return ST_MALFORMED;
	if (*version != SEALED_VERSION || !may_derive(header))
		return ST_INVALID;
	if (!derive(s, passphrase, len, proof))
		return ST_NOMEM;
	return CRYPTO_memcmp(proof, header + PROOF_AT, PROOF_BYTES) == 0 ? ST_OK : ST_DENIED;
}

void sealed_wipe(struct sealed *s)
{
	OPENSSL_cleanse(s, sizeof *s);
}

/* --- chunks --- */

static EVP_CIPHER_CTX *cipher_for(const struct sealed *s, uint64_t n, bool last, bool seal)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[NONCE_BYTES] = { 0 };
	int len;

	for (int i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(n >> 8 * i);
	nonce[8] = last;
	if (c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, nonce, seal) == 1 &&
	    EVP_CipherUpdate(c, NULL, &len, s->header, sizeof s->header) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

enum status sealed_put(const struct sealed *s, uint64_t n, bool last, const uint8_t *plain,
                       size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *c = cipher_for(s, n, last, true);
	int done = 0, rest = 0;
	bool ok = c && EVP_CipherUpdate(c, out, &done, plain, (int)len) == 1 &&
	          EVP_CipherFinal_ex(c, out + done, &rest) == 1 &&
	          EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, SEALED_TAG_BYTES, out + len) == 1;

	EVP_CIPHER_CTX_free(c);
	return ok ? ST_OK : ST_NOMEM;
}

enum status sealed_get(const struct sealed *s, uint64_t n, bool last, const uint8_t *bytes,
                       size_t len, uint8_t *out)
{
	uint8_t tag[SEALED_TAG_BYTES];
	EVP_CIPHER_CTX *c;
	int done = 0, rest = 0;
	bool ok;

	if (len < SEALED_TAG_BYTES)
		return ST_MALFORMED;
	c = cipher_for(s, n, last, false);
	if (!c)
		return ST_NOMEM;
	len -= SEALED_TAG_BYTES;
	memcpy(tag, bytes + len, sizeof tag);
	ok = EVP_CipherUpdate(c, out, &done, bytes, (int)len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, SEALED_TAG_BYTES, tag) == 1 &&
	     EVP_CipherFinal_ex(c, out + done, &rest) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok)
		OPENSSL_cleanse(out, len);
	return ok ? ST_OK : ST_MALFORMED;
}
