#include "core/hub/dynreg_replies.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* --- what is the same request --- */

/* With its end, so that no two lists of texts look alike. */
static bool digest_text(EVP_MD_CTX *ctx, const char *text)
{
	return EVP_DigestUpdate(ctx, text ? text : "", text ? strlen(text) + 1 : 1) == 1;
}

enum status dynreg_replies_digest(const char *host, const char *path,
                                  const struct dynreg_headers *h, const void *body, size_t len,
                                  unsigned char out[DYNREG_DIGEST_SIZE])
{
	static const struct dynreg_headers none;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	h = h ? h : &none;
	ok = ok && digest_text(ctx, host) && digest_text(ctx, path) && digest_text(ctx, h->algorithm) &&
	     digest_text(ctx, h->timestamp) && digest_text(ctx, h->nonce) &&
	     digest_text(ctx, h->signature) && EVP_DigestUpdate(ctx, body, len) == 1 &&
	     EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? ST_OK : ST_NOMEM;
}

bool dynreg_replies_same(const struct dynreg_asked *a, const struct dynreg_asked *b)
{
	return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0 &&
	       strcmp(a->address, b->address) == 0;
}

/* --- what is kept --- */

static void forget(struct dynreg_kept *k)
{
	if (k->reply.data)
		OPENSSL_cleanse(k->reply.data, k->reply.cap);
	buf_free(&k->reply);
	memset(k, 0, sizeof(*k));
}

static bool used(const struct dynreg_kept *k)
{
	return k->client_id[0] != '\0';
}

static struct dynreg_kept *find(struct dynreg_replies *r, const struct dynreg_asked *asked)
{
	for (size_t i = 0; i < DYNREG_REPLIES; i++) {
		if (used(&r->kept[i]) && dynreg_replies_same(&r->kept[i].asked, asked))
			return &r->kept[i];
	}
	return NULL;
}

static void forget_old(struct dynreg_replies *r, int64_t now_ms)
{
	for (size_t i = 0; i < DYNREG_REPLIES; i++) {
		struct dynreg_kept *k = &r->kept[i];

		if (used(k) && !k->waits && now_ms - k->asked_ms >= DYNREG_REPLIES_MS)
			forget(k);
	}
}

void dynreg_replies_await(struct dynreg_replies *r, const struct dynreg_asked *asked,
                          const char *client_id, int64_t now_ms)
{
	struct dynreg_kept *k = &r->kept[r->next++ % DYNREG_REPLIES];

	forget(k);
	k->asked = *asked;
	snprintf(k->client_id, sizeof(k->client_id), "%s", client_id);
	k->asked_ms = now_ms;
	k->waits = true;
	k->reply = (struct buf)BUF_MAX(DYNREG_REPLIES_BYTES);
}

void dynreg_replies_put(struct dynreg_replies *r, const struct dynreg_asked *asked,
                        const void *reply, size_t len)
{
	struct dynreg_kept *k = find(r, asked);

	if (!k)
		return;
	k->waits = false;
	if (k->closed || len == 0 || buf_add(&k->reply, reply, len) != ST_OK)
		forget(k);
}

enum status dynreg_replies_find(struct dynreg_replies *r, const struct dynreg_asked *asked,
                                int64_t now_ms, struct buf *out)
{
	const struct dynreg_kept *k;

	forget_old(r, now_ms);
	k = find(r, asked);
	if (!k || k->closed)
		return ST_NOTFOUND;
	return k->waits ? ST_STATE : buf_add(out, k->reply.data, k->reply.len);
}

void dynreg_replies_close(struct dynreg_replies *r, const char *client_id)
{
	for (size_t i = 0; i < DYNREG_REPLIES; i++) {
		struct dynreg_kept *k = &r->kept[i];

		if (!used(k) || strcmp(k->client_id, client_id) != 0)
			continue;
		if (k->waits)
			k->closed = true; /* its reply goes to who waits for it, and is not kept */
		else
			forget(k);
	}
}

void dynreg_replies_fini(struct dynreg_replies *r)
{
	for (size_t i = 0; i < DYNREG_REPLIES; i++)
		forget(&r->kept[i]);
}
