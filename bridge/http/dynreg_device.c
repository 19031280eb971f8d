#include "bridge/http/dynreg_device.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#define ALGORITHM "hmacsha256"

enum {
	PATH_SIZE = 256,
	LINE_MAX_LEN = 160,
	HEADERS = 6,
	SERVER_ERROR = 500,
};

struct asking {
	dynreg_done_fn *done;
	void *ctx;
	char product_secret[64];
};

static bool part(CURLU *url, CURLUPart which, char *out, size_t size)
{
	char *text = NULL;
	bool ok = curl_url_get(url, which, &text, 0) == CURLUE_OK && strlen(text) < size;

	if (ok)
		memcpy(out, text, strlen(text) + 1);
	curl_free(text);
	return ok;
}

static enum status split(const char *text, char host[DYNREG_HOST_MAX], char path[PATH_SIZE])
{
	CURLU *url = curl_url();
	char scheme[8] = "";
	bool ok = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	          part(url, CURLUPART_SCHEME, scheme, sizeof(scheme)) &&
	          part(url, CURLUPART_HOST, host, DYNREG_HOST_MAX) &&
	          part(url, CURLUPART_PATH, path, PATH_SIZE);

	curl_url_cleanup(url);
	return ok && (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0) ? ST_OK
	                                                                                   : ST_INVALID;
}

enum status dynreg_url_host(const char *url, char out[DYNREG_HOST_MAX])
{
	char path[PATH_SIZE];

	return split(url, out, path);
}

static void asking_free(struct asking *a)
{
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

static void read_reply(const struct asking *a, const struct net_result *http,
                       struct dynreg_result *r)
{
	r->status = dynreg_read_reply(http->body, http->len, a->product_secret, &r->grant, &r->refusal);
	if (r->status == ST_DENIED) {
		r->again = r->refusal.passes;
		snprintf(r->error, sizeof(r->error), "%s: %s", r->refusal.code, r->refusal.message);
	} else if (r->status != ST_OK) {
		r->again = http->http_status >= SERVER_ERROR;
		snprintf(r->error, sizeof(r->error),
		         "HTTP status %ld with a reply that is none of the hub's, or that this product "
		         "secret does not open",
		         http->http_status);
	}
}

static void on_reply(void *ctx, const struct net_result *http)
{
	struct asking *a = ctx;
	struct dynreg_result r = { .status = http->status, .again = true };

	if (http->status == ST_OK)
		read_reply(a, http, &r);
	else
		snprintf(r.error, sizeof(r.error), "%s",
		         http->error[0] ? http->error : status_text(http->status));
	r.again = r.again && r.status != ST_OK;
	a->done(a->ctx, &r);
	dynreg_grant_wipe(&r.grant);
	asking_free(a);
}

static uint32_t nonce(void)
{
	uint32_t n = 0;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		n = (uint32_t)time(NULL) * 2654435761u;
	return n % DYNREG_NONCE_MAX + 1;
}

static enum status post(struct net *n, const struct dynreg_hub *hub, const struct buf *body,
                        const char *host, const char *path, struct asking *a)
{
	uint64_t now_s = (uint64_t)time(NULL);
	uint32_t once = nonce();
	char signature[DYNREG_SIGNATURE_SIZE], timestamp[LINE_MAX_LEN], nonce_line[LINE_MAX_LEN],
		signature_line[LINE_MAX_LEN];
	const char *const headers[HEADERS] = { "Content-Type: application/json; charset=utf-8",
		                                   "X-TC-Algorithm: " ALGORITHM,
		                                   timestamp,
		                                   nonce_line,
		                                   signature_line,
		                                   NULL };
	const struct net_request r = {
		.url = hub->url,
		.address = hub->address,
		.ca_file = hub->ca_file,
		.verify = hub->verify,
		.headers = headers,
		.body = body->data,
		.len = body->len,
		.reply_max = DYNREG_REPLY_MAX,
		.timeout_ms = hub->timeout_ms,
	};
	enum status st = dynreg_sign(a->product_secret, ALGORITHM, host, path, now_s, once, body->data,
	                             body->len, signature);

	if (st != ST_OK)
		return st;
	snprintf(timestamp, sizeof(timestamp), "X-TC-Timestamp: %" PRIu64, now_s);
	snprintf(nonce_line, sizeof(nonce_line), "X-TC-Nonce: %" PRIu32, once);
	snprintf(signature_line, sizeof(signature_line), "X-TC-Signature: %s", signature);
	return net_post(n, &r, on_reply, a);
}

enum status dynreg_device(struct net *n, const struct dynreg_hub *hub, const char *product_id,
                          const char *device_name, const char *product_secret, dynreg_done_fn *done,
                          void *ctx)
{
	char host[DYNREG_HOST_MAX], path[PATH_SIZE];
	struct buf body = BUF_MAX(DYNREG_BODY_MAX);
	struct asking *a = calloc(1, sizeof(*a));
	enum status st = a ? split(hub->url, host, path) : ST_NOMEM;

	if (st == ST_OK && strlen(product_secret) >= sizeof(a->product_secret))
		st = ST_INVALID;
	if (st == ST_OK)
		st = dynreg_put_body(&body, product_id, device_name);
	if (st == ST_OK) {
		a->done = done;
		a->ctx = ctx;
		memcpy(a->product_secret, product_secret, strlen(product_secret) + 1);
		st = post(n, hub, &body, host, path, a);
	}
	if (st != ST_OK && a)
		asking_free(a);
	buf_free(&body);
	return st;
}
