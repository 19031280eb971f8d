#include "tests/hubsim/register.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX 4096
#define TEXT_MAX 1024

enum kind {
	FAULT_NONE,
	FAULT_500,
	FAULT_INTERNAL,
	FAULT_LIMIT,
	FAULT_DENIED,
	FAULT_CUT,
	FAULT_HOLD
};

enum {
	HOLD_S = 5
};

static const char *const kinds[] = { "none", "500", "internal", "limit", "denied", "cut", "hold" };

struct registrar {
	struct MHD_Daemon *daemon;
	const struct cloud *cloud;
	struct events *events;
	pthread_mutex_t lock; /* of the fault */
	pthread_cond_t changed;
	enum kind fault;
	int faults;
};

struct request {
	char body[BODY_MAX];
	size_t len;
};

void registrar_fault(struct registrar *r, const char *kind, int count)
{
	pthread_mutex_lock(&r->lock);
	r->fault = FAULT_NONE;
	for (int i = 0; i < (int)(sizeof kinds / sizeof kinds[0]); i++) {
		if (strcmp(kinds[i], kind) == 0)
			r->fault = (enum kind)i;
	}
	r->faults = count;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

/* Until another fault, or none, is asked for. */
static void hold(struct registrar *r)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += HOLD_S;
	pthread_mutex_lock(&r->lock);
	while (r->fault == FAULT_HOLD && pthread_cond_timedwait(&r->changed, &r->lock, &end) == 0)
		;
	pthread_mutex_unlock(&r->lock);
}

static enum kind take_fault(struct registrar *r)
{
	enum kind kind = FAULT_NONE;

	pthread_mutex_lock(&r->lock);
	if (r->faults != 0)
		kind = r->fault;
	if (r->faults > 0)
		r->faults--;
	pthread_mutex_unlock(&r->lock);
	return kind;
}

static void hex_of(const unsigned char *from, size_t len, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 15];
	}
	*to = '\0';
}

static bool signed_by(const char *secret, const EVP_MD *md, const char *text, bool hex_first,
                      const char *signature)
{
	unsigned char mac[EVP_MAX_MD_SIZE], encoded[4 * EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int len;

	HMAC(md, secret, (int)strlen(secret), (const unsigned char *)text, strlen(text), mac, &len);
	hex_of(mac, len, hex);
	if (hex_first)
		EVP_EncodeBlock(encoded, (const unsigned char *)hex, (int)(2 * len));
	else
		EVP_EncodeBlock(encoded, mac, (int)len);
	return strcmp((const char *)encoded, signature) == 0;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	const char *value = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);

	return value ? value : "";
}

static bool right_signature(struct MHD_Connection *c, const char *path, const struct request *q,
                            const cJSON *body, const char *secret, bool old)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1], host[256], text[TEXT_MAX];
	const char *algorithm = header(c, "X-TC-Algorithm");

	if (old) {
		const char *signature = cJSON_GetStringValue(cJSON_GetObjectItem(body, "signature"));

		snprintf(text, sizeof text, "deviceName=%s&nonce=%.0f&productId=%s&timestamp=%.0f",
		         cJSON_GetStringValue(cJSON_GetObjectItem(body, "deviceName")),
		         cJSON_GetNumberValue(cJSON_GetObjectItem(body, "nonce")),
		         cJSON_GetStringValue(cJSON_GetObjectItem(body, "productId")),
		         cJSON_GetNumberValue(cJSON_GetObjectItem(body, "timestamp")));
		return signature && signed_by(secret, EVP_sha1(), text, true, signature);
	}
	SHA256((const unsigned char *)q->body, q->len, digest);
	hex_of(digest, sizeof digest, hex);
	snprintf(host, sizeof host, "%s", header(c, "Host"));
	host[strcspn(host, ":")] = '\0';
	snprintf(text, sizeof text, "POST\n%s\n%s\n\n%s\n%s\n%s\n%s", host, path, algorithm,
	         header(c, "X-TC-Timestamp"), header(c, "X-TC-Nonce"), hex);
	return signed_by(secret, strcmp(algorithm, "hmacsha1") == 0 ? EVP_sha1() : EVP_sha256(), text,
	                 false, header(c, "X-TC-Signature"));
}

/* Base64 of the AES-128-CBC of `plain`, zero padded; caller frees. */
static char *sealed(const char *secret, const char *plain)
{
	size_t len = strlen(plain), room = (len + 15) / 16 * 16;
	unsigned char *in = calloc(1, room), *out = calloc(1, room + 16);
	char *text = calloc(1, 2 * room + 8);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	memcpy(in, plain, len);
	EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, (const unsigned char *)secret,
	                   (const unsigned char *)"0000000000000000");
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_EncryptUpdate(ctx, out, &n, in, (int)room);
	EVP_EncodeBlock((unsigned char *)text, out, n);
	EVP_CIPHER_CTX_free(ctx);
	free(in);
	free(out);
	return text;
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result = MHD_queue_response(c, status, r);

	MHD_destroy_response(r);
	return result;
}

static char *refusal(bool old, const char *code)
{
	char *text = NULL;

	if (asprintf(&text,
	             old ? "{\"code\":1001,\"message\":\"%s\"}"
	                 : "{\"Response\":{\"Error\":{\"Code\":\"%s\",\"Message\":\"refused\"},"
	                   "\"RequestId\":\"sim\"}}",
	             code) < 0)
		return strdup("");
	return text;
}

static char *grant(bool old, const char *secret, const char *psk)
{
	char plain[256], *payload, *text = NULL;

	snprintf(plain, sizeof plain, "{\"encryptionType\":2,\"psk\":\"%s\"}", psk);
	payload = sealed(secret, plain);
	if (asprintf(&text,
	             old ? "{\"code\":0,\"message\":\"\",\"len\":%zu,\"payload\":\"%s\"}"
	                 : "{\"Response\":{\"Len\":%zu,\"Payload\":\"%s\",\"RequestId\":\"sim\"}}",
	             strlen(plain), payload) < 0)
		text = strdup("");
	free(payload);
	return text;
}

static void report(struct registrar *r, bool old, const char *device, const char *outcome)
{
	cJSON *ev = event_new("register");

	cJSON_AddStringToObject(ev, "device", device);
	cJSON_AddStringToObject(ev, "form", old ? "old" : "current");
	cJSON_AddStringToObject(ev, "outcome", outcome);
	event_push(r->events, ev);
}

static const char *secret_of(const struct cloud *c, const char *product_id)
{
	const cJSON *item = cJSON_GetObjectItem(c->product_secrets, product_id ? product_id : "");

	return cJSON_GetStringValue(item);
}

static enum MHD_Result judge(struct registrar *r, struct MHD_Connection *c, const char *path,
                             const struct request *q, bool old)
{
	cJSON *body = cJSON_ParseWithLength(q->body, q->len);
	const char *pid =
		cJSON_GetStringValue(cJSON_GetObjectItem(body, old ? "productId" : "ProductId"));
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItem(body, old ? "deviceName" : "DeviceName"));
	const char *secret = secret_of(r->cloud, pid), *outcome = "ok";
	const struct account *a = pid && name ? account_of(r->cloud, pid, name) : NULL;
	enum kind fault = take_fault(r);
	char device[KEY_ROOM], *text = NULL;
	unsigned status = MHD_HTTP_OK;

	snprintf(device, sizeof device, "%.10s/%.48s", pid ? pid : "", name ? name : "");
	if (fault == FAULT_INTERNAL)
		outcome = "InternalError";
	else if (fault == FAULT_LIMIT)
		outcome = "RequestLimitExceeded";
	else if (!secret)
		outcome = "ResourceNotFound.ProductNotExist";
	else if (fault == FAULT_DENIED || !right_signature(c, path, q, body, secret, old))
		outcome = "AuthFailure.SignatureFailure";
	else if (!a || !a->secret)
		outcome = "ResourceNotFound.DeviceNotExist";
	if (fault == FAULT_500) {
		outcome = "500";
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		text = strdup("<html>busy</html>");
	}
	report(r, old, device, fault == FAULT_CUT ? "cut" : outcome);
	if (fault == FAULT_HOLD)
		hold(r);
	if (!text)
		text = strcmp(outcome, "ok") == 0 ? grant(old, secret, a->secret) : refusal(old, outcome);
	cJSON_Delete(body);
	if (fault != FAULT_CUT)
		return answer(c, status, text);
	free(text);
	return MHD_NO;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **at)
{
	struct request *q = *at;
	bool old = strcmp(url, "/register/dev") == 0;

	(void)version;
	if (strcmp(method, "POST") != 0 || (!old && strcmp(url, "/device/register") != 0))
		return answer(c, MHD_HTTP_NOT_FOUND, strdup("not found"));
	if (!q) {
		*at = calloc(1, sizeof *q);
		return *at ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		if (q->len + *len > sizeof q->body)
			return MHD_NO;
		memcpy(q->body + q->len, data, *len);
		q->len += *len;
		*len = 0;
		return MHD_YES;
	}
	return judge(ctx, c, url, q, old);
}

static void on_end(void *ctx, struct MHD_Connection *c, void **at,
                   enum MHD_RequestTerminationCode code)
{
	(void)ctx;
	(void)c;
	(void)code;
	free(*at);
	*at = NULL;
}

struct registrar *registrar_open(int port, const struct cloud *cloud, struct events *e)
{
	struct registrar *r = calloc(1, sizeof *r);
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (!r)
		return NULL;
	r->cloud = cloud;
	r->events = e;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL,
	                             on_request, r, MHD_OPTION_SOCK_ADDR, &at,
	                             MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
	if (r->daemon)
		return r;
	fprintf(stderr, "hubsim: cannot listen for registrations on port %d\n", port);
	registrar_close(r);
	return NULL;
}

void registrar_close(struct registrar *r)
{
	if (!r)
		return;
	if (r->daemon)
		MHD_stop_daemon(r->daemon);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
