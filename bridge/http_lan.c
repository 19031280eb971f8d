#include "bridge/http_lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/calls.h"

enum {
	CONNECTIONS_MAX = 256,
	IDLE_S = 15,
	MEMORY_BYTES = 16 * 1024,
	BACKLOG = 128,
	SOURCE_MAX = 64,
	RECENT_MAX = 1024,
	REQUEST_ID_MAX = 40,
};

struct recent { /* devices that were asked for at the hub */
	char client_id[CLIENT_ID_MAX + 1];
	int64_t at_ms;
	bool open; /* its answer is still to come */
};

struct http_lan {
	struct http_lan_conf conf;
	struct MHD_Daemon *daemon;
	int fd;
	char hub_host[DYNREG_HOST_MAX];
	struct calls calls; /* HTTP */
	atomic_bool closing;
	pthread_mutex_t lock; /* of recent: HTTP and NET; held for a look */
	struct recent recent[RECENT_MAX];
	size_t next_recent;
	atomic_uint ids;
};

struct visit { /* one request of a device */
	struct http_lan *http;
	struct MHD_Connection *connection;
	struct buf body, reply;
	bool old, too_big, begun;
	struct dynreg_request request;
	const struct http_product *product;
	char client_id[CLIENT_ID_MAX + 1];
	char request_id[REQUEST_ID_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one device at a time --- */

/* Under the lock. */
static struct recent *find_recent(struct http_lan *h, const char *client_id)
{
	for (size_t i = 0; i < RECENT_MAX; i++) {
		if (strcmp(h->recent[i].client_id, client_id) == 0)
			return &h->recent[i];
	}
	return NULL;
}

/* False: it was asked for just now, or is being asked for. */
static bool claim(struct http_lan *h, const char *client_id)
{
	struct recent *r;
	bool ok;

	pthread_mutex_lock(&h->lock);
	r = find_recent(h, client_id);
	ok = !r || (!r->open && now_ms() - r->at_ms >= HTTP_DEVICE_MS);
	for (size_t i = 0; i < RECENT_MAX && !r; i++) {
		r = &h->recent[h->next_recent++ % RECENT_MAX];
		if (r->open)
			r = NULL;
	}
	if (!r)
		ok = false;
	if (ok) {
		snprintf(r->client_id, sizeof(r->client_id), "%s", client_id);
		r->at_ms = now_ms();
		r->open = true;
	}
	pthread_mutex_unlock(&h->lock);
	return ok;
}

static void release(struct http_lan *h, const char *client_id)
{
	struct recent *r;

	pthread_mutex_lock(&h->lock);
	r = find_recent(h, client_id);
	if (r)
		r->open = false;
	pthread_mutex_unlock(&h->lock);
}

/* --- answers --- */

static enum dynreg_form form_of(const struct visit *v)
{
	return v->old ? DYNREG_OLD : DYNREG_CURRENT;
}

static void refuse_with(struct visit *v, const char *code, const char *message)
{
	if (dynreg_put_refusal(&v->reply, form_of(v), code, message, v->request_id) != ST_OK)
		buf_reset(&v->reply);
}

static void refuse(struct visit *v, enum dynreg_error error)
{
	refuse_with(v, dynreg_error_code(error), dynreg_error_text(error));
}

static void grant(struct visit *v, const struct dynreg_grant *g)
{
	if (dynreg_put_grant(&v->reply, form_of(v), v->product->product_secret, g, v->request_id) !=
	    ST_OK)
		buf_reset(&v->reply);
}

/* From the secrets file. False: unknown. */
static bool grant_known(struct visit *v)
{
	struct dynreg_grant g = { .type = DYNREG_KEY };
	struct secret secret;

	if (secrets_get(v->http->conf.secrets, v->client_id, &secret) != ST_OK)
		return false;
	memcpy(g.psk, secret.text, sizeof(g.psk));
	grant(v, &g);
	secret_wipe(&secret);
	dynreg_grant_wipe(&g);
	return true;
}

/* Room NET. */
static void keep(struct visit *v, const struct dynreg_grant *g)
{
	const struct http_lan_conf *c = &v->http->conf;
	struct secret secret;
	enum status st;

	if (g->type != DYNREG_KEY || secret_parse(g->psk, &secret) != ST_OK)
		return;
	st = secrets_put(c->secrets, v->client_id, &secret);
	if (st != ST_OK && st != ST_EXISTS)
		log_line(c->log, LOG_ERROR,
		         "%s was registered, but its secret cannot be kept (%s): it must register again "
		         "after a restart",
		         v->client_id, strerror(errno));
	c->registered(c->ctx, v->client_id, &secret);
	secret_wipe(&secret);
}

/* Room NET. */
static void on_result(void *ctx, const struct dynreg_result *r)
{
	struct visit *v = ctx;

	release(v->http, v->client_id);
	if (r->status == ST_OK) {
		keep(v, &r->grant);
		grant(v, &r->grant);
	} else if (r->status == ST_DENIED && !r->again) {
		refuse_with(v, r->refusal.code, r->refusal.message);
	} else if (!grant_known(v)) {
		refuse(v, DYNREG_UNREACHABLE);
	}
	if (r->status != ST_OK)
		log_line(v->http->conf.log, LOG_WARN, "registration of %s for the LAN: %s", v->client_id,
		         r->error);
	MHD_resume_connection(v->connection);
}

/* --- requests --- */

static void source_of(struct MHD_Connection *c, char out[SOURCE_MAX])
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || getnameinfo(info->client_addr, sizeof(struct sockaddr_storage), out, SOURCE_MAX,
	                         NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, SOURCE_MAX, "?");
}

static const char *header(const struct visit *v, const char *name)
{
	return MHD_lookup_connection_value(v->connection, MHD_HEADER_KIND, name);
}

static enum status parse(struct visit *v)
{
	const struct dynreg_headers h = { header(v, "X-TC-Algorithm"), header(v, "X-TC-Timestamp"),
		                              header(v, "X-TC-Nonce"), header(v, "X-TC-Signature") };

	return dynreg_parse(v->old ? NULL : &h, v->body.data, v->body.len, &v->request);
}

/* The device signs the name of the host that it means; DNS or a setting made that us. */
static enum status check(const struct visit *v, const char *path)
{
	const char *named = header(v, "Host");
	char host[DYNREG_HOST_MAX] = "";
	enum status st;

	if (named && strlen(named) < sizeof(host)) {
		memcpy(host, named, strlen(named) + 1);
		if (host[0] != '[')
			host[strcspn(host, ":")] = '\0';
	}
	st = dynreg_check(&v->request, v->product->product_secret, host, path, v->body.data,
	                  v->body.len);
	if (st != ST_DENIED)
		return st;
	return dynreg_check(&v->request, v->product->product_secret, v->http->hub_host, path,
	                    v->body.data, v->body.len);
}

static const struct http_product *product_of(const struct http_lan *h, const char *product_id)
{
	for (size_t i = 0; i < h->conf.product_count; i++) {
		if (strcmp(h->conf.products[i].product_id, product_id) == 0)
			return &h->conf.products[i];
	}
	return NULL;
}

/* True: the connection is suspended until on_result(), and v is NET's; else v has its answer. */
static bool begin(struct visit *v, const char *path)
{
	struct http_lan *h = v->http;
	char source[SOURCE_MAX];

	source_of(v->connection, source);
	if (!calls_allowed(&h->calls, source, HTTP_BURST, HTTP_PER_S, now_ms())) {
		refuse(v, DYNREG_TOO_MANY);
		return false;
	}
	if (v->too_big || parse(v) != ST_OK) {
		refuse(v, DYNREG_BAD_REQUEST);
		return false;
	}
	v->product = product_of(h, v->request.product_id);
	if (!v->product) {
		refuse(v, DYNREG_UNKNOWN_PRODUCT);
		return false;
	}
	if (check(v, path) != ST_OK) {
		log_line(h->conf.log, LOG_WARN,
		         "registration of %s/%s from %s refused: its signature does not fit the product "
		         "secret",
		         v->request.product_id, v->request.device_name, source);
		refuse(v, DYNREG_BAD_SIGNATURE);
		return false;
	}
	if (!calls_first(&h->calls, v->request.signature)) {
		refuse(v, DYNREG_REPLAYED);
		return false;
	}
	snprintf(v->client_id, sizeof(v->client_id), "%s%s", v->request.product_id,
	         v->request.device_name);
	if (atomic_load(&h->closing) || !claim(h, v->client_id)) {
		if (!grant_known(v))
			refuse(v, DYNREG_TOO_MANY);
		return false;
	}
	MHD_suspend_connection(v->connection);
	if (dynreg_device(h->conf.net, h->conf.hub, v->request.product_id, v->request.device_name,
	                  v->product->product_secret, on_result, v) == ST_OK)
		return true;
	release(h, v->client_id);
	if (!grant_known(v))
		refuse(v, DYNREG_UNREACHABLE);
	MHD_resume_connection(v->connection);
	return true;
}

/* --- libmicrohttpd --- */

static enum MHD_Result send_text(struct MHD_Connection *c, unsigned status, const void *text,
                                 size_t len)
{
	/* libmicrohttpd copies; it takes a pointer to what it could change. */
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, (void *)(uintptr_t)(len ? text : ""), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "application/json; charset=utf-8");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static struct visit *visit_new(struct http_lan *h, struct MHD_Connection *c, bool old)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->http = h;
	v->connection = c;
	v->old = old;
	v->body = (struct buf)BUF_MAX(DYNREG_BODY_MAX);
	v->reply = (struct buf)BUF_MAX(DYNREG_REPLY_MAX + 1024);
	snprintf(v->request_id, sizeof(v->request_id), "hubgate-%08x", atomic_fetch_add(&h->ids, 1));
	return v;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **at)
{
	struct visit *v = *at;
	bool old = strcmp(url, DYNREG_OLD_PATH) == 0;

	(void)version;
	if (!v && !old && strcmp(url, DYNREG_PATH) != 0)
		return send_text(c, MHD_HTTP_NOT_FOUND, NULL, 0);
	if (!v && strcmp(method, "POST") != 0)
		return send_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, 0);
	if (!v) {
		*at = visit_new(ctx, c, old);
		return *at ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		v->too_big |= buf_add(&v->body, data, *len) != ST_OK;
		*len = 0;
		return MHD_YES;
	}
	if (!v->begun) {
		v->begun = true;
		if (begin(v, url))
			return MHD_YES;
	}
	return send_text(c, v->reply.len ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, v->reply.data,
	                 v->reply.len);
}

static void on_end(void *ctx, struct MHD_Connection *c, void **at,
                   enum MHD_RequestTerminationCode code)
{
	struct visit *v = *at;

	(void)ctx;
	(void)c;
	(void)code;
	if (!v)
		return;
	if (v->reply.data)
		explicit_bzero(v->reply.data, v->reply.cap);
	buf_free(&v->body);
	buf_free(&v->reply);
	free(v);
	*at = NULL;
}

/* libmicrohttpd's own lines are about clients' faults. */
static void no_log(void *ctx, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void no_log(void *ctx, const char *format, va_list args)
{
	(void)ctx;
	(void)format;
	(void)args;
}

/* -1: errno says why; EINVAL: no such address. */
static int listen_on(const char *listen_text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		                            .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(listen_text, ':');
	struct addrinfo *found = NULL;
	char host[128];
	int fd, on = 1;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - listen_text), listen_text);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	errno = EINVAL;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
			int why = errno;

			close(fd);
			errno = why;
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

static struct MHD_Daemon *start_daemon(struct http_lan *h)
{
	struct MHD_Daemon *d;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* its thread inherits */
	d = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, h, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL, MHD_OPTION_LISTEN_SOCKET, h->fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return d;
}

enum status http_lan_start(const struct http_lan_conf *conf, struct http_lan **out)
{
	struct http_lan *h = calloc(1, sizeof(*h));
	uint64_t seed = (uint64_t)now_ms();
	enum status st;

	if (!h)
		return ST_NOMEM;
	h->conf = *conf;
	pthread_mutex_init(&h->lock, NULL);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed ^= (uint64_t)getpid() << 32;
	calls_init(&h->calls, seed);
	atomic_init(&h->ids, (unsigned)seed);
	st = dynreg_url_host(conf->hub->url, h->hub_host);
	h->fd = st == ST_OK ? listen_on(conf->listen) : -1;
	if (st == ST_OK && h->fd < 0)
		st = errno == EINVAL ? ST_INVALID : ST_IO;
	if (st == ST_OK) {
		h->daemon = start_daemon(h);
		st = h->daemon ? ST_OK : ST_NOMEM;
		if (!h->daemon)
			close(h->fd);
	}
	if (st == ST_OK) {
		*out = h;
		return ST_OK;
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
	return st;
}

void http_lan_quiesce(struct http_lan *h)
{
	if (h)
		atomic_store(&h->closing, true);
}

void http_lan_stop(struct http_lan *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
