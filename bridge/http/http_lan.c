#include "bridge/http/http_lan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bridge/http/http_lan_impl.h"
#include "core/base/clocks.h"
#include "core/base/room.h"

enum {
	IDLE_S = 5,
	MEMORY_BYTES = 16 * 1024,
};

static enum MHD_Result send_text(struct http_lan *h, struct MHD_Connection *c, unsigned status,
                                 const void *text, size_t len)
{
	/* libmicrohttpd copies; it takes a pointer to what it could change. */
	struct MHD_Response *r = MHD_create_response_from_buffer(
		len, (void *)(uintptr_t)(len ? text : ""), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", "application/json; charset=utf-8");
	crowd_mark(&h->crowd, c, CONNECTION_OPEN); /* until it took the reply */
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result send_firmware(struct http_lan *h, struct MHD_Connection *c, const char *url)
{
	bool serves = false;
	bool answered = firmware_offers_answer(h->conf.offers, c, url, &serves);

	crowd_mark(&h->crowd, c, serves ? CONNECTION_SERVED : CONNECTION_OPEN);
	return answered ? MHD_YES : MHD_NO;
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
	struct http_lan *h = ctx;
	bool old = strcmp(url, DYNREG_OLD_PATH) == 0;
	bool gets = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	(void)version;
	room_enter(ROOM_HTTP); /* libmicrohttpd's thread says nowhere that it begins */
	if (!v && gets && h->conf.offers && !old && strcmp(url, DYNREG_PATH) != 0)
		return send_firmware(h, c, url);
	if (!v && !old && strcmp(url, DYNREG_PATH) != 0)
		return send_text(ctx, c, MHD_HTTP_NOT_FOUND, NULL, 0);
	if (!v && strcmp(method, "POST") != 0)
		return send_text(ctx, c, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, 0);
	if (!v) {
		*at = visit_new(h, c, old);
		return *at ? MHD_YES : MHD_NO;
	}
	if (*len > 0) {
		v->too_big |= buf_add(&v->body, data, *len) != ST_OK;
		*len = 0;
		return MHD_YES;
	}
	if (!v->begun) {
		v->begun = true;
		crowd_mark(&h->crowd, c, CONNECTION_SERVED);
		if (http_lan_begin(v, url))
			return MHD_YES;
	}
	return send_text(ctx, c, v->reply.len ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR,
	                 v->reply.data, v->reply.len);
}

static void on_end(void *ctx, struct MHD_Connection *c, void **at,
                   enum MHD_RequestTerminationCode code)
{
	struct visit *v = *at;
	struct http_lan *h = ctx;

	(void)code;
	crowd_mark(&h->crowd, c, CONNECTION_OPEN); /* for another request */
	if (!v)
		return;
	if (v->reply.data)
		explicit_bzero(v->reply.data, v->reply.cap);
	explicit_bzero(&v->product, sizeof(v->product));
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

static struct MHD_Daemon *start_daemon(struct http_lan *h)
{
	struct MHD_Daemon *d;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* its thread inherits */
	d = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, h, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL, MHD_OPTION_LISTEN_SOCKET, h->fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CROWD_PLACES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, on_end, h, MHD_OPTION_NOTIFY_CONNECTION, crowd_on_connection,
		&h->crowd, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return d;
}

static void end_overdue(void *ctx)
{
	struct http_lan *h = ctx;

	IN_ROOM(ROOM_NET);
	crowd_end_overdue(&h->crowd, NET_TURN_MS);
}

enum status http_lan_open(const struct http_lan_conf *conf, char why[LISTEN_SOCKET_WHY_MAX],
                          struct http_lan **out)
{
	struct http_lan *h = calloc(1, sizeof(*h));
	uint64_t seed = (uint64_t)clocks_monotonic_ms();
	enum status st;

	if (!h)
		return ST_NOMEM;
	h->conf = *conf;
	pthread_mutex_init(&h->lock, NULL);
	crowd_init(&h->crowd, "lan.http", conf->log);
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed ^= (uint64_t)getpid() << 32;
	request_limit_init(&h->limit, seed);
	repeats_init(&h->refusals, seed);
	repeats_init(&h->failures, seed);
	atomic_init(&h->ids, (unsigned)seed);
	h->fd = -1;
	st = mailbox_new(sizeof(struct http_products *), 1, &h->news);
	if (st == ST_OK)
		st = dynreg_url_host(conf->hub->url, h->hub_host);
	if (st != ST_OK)
		snprintf(why, LISTEN_SOCKET_WHY_MAX, "%s",
		         st == ST_NOMEM ? status_text(st) : "hub.register_url is no URL");
	h->fd = st == ST_OK ? listen_socket_open(conf->listen, why) : -1;
	if (st == ST_OK && h->fd < 0)
		st = ST_IO;
	if (st == ST_OK) {
		net_each_turn(conf->net, end_overdue, h);
		*out = h;
		return ST_OK;
	}
	http_lan_close(h);
	return st;
}

enum status http_lan_start(struct http_lan *h)
{
	IN_ROOM(ROOM_BROKER);
	h->daemon = start_daemon(h);
	/* The descriptor is libmicrohttpd's now, which closes it on most of its failures. */
	h->fd = -1;
	return h->daemon ? ST_OK : ST_IO;
}

void http_lan_quiesce(struct http_lan *h)
{
	IN_ROOM(ROOM_BROKER);
	if (h)
		atomic_store(&h->closing, true);
}

void http_lan_stop(struct http_lan *h)
{
	IN_ROOM(ROOM_BROKER);
	if (!h || !h->daemon)
		return;
	MHD_stop_daemon(h->daemon);
	h->daemon = NULL;
}

void http_products_free(struct http_products *products)
{
	if (products)
		explicit_bzero(products->at, products->count * sizeof(products->at[0]));
	free(products);
}

void http_lan_set_products(struct http_lan *h, struct http_products *products)
{
	struct http_products *unread;

	IN_ROOM(ROOM_BROKER);
	/* The newest counts; BROKER alone puts, so the place stays free. */
	while (h && mailbox_take(h->news, &unread) == ST_OK)
		http_products_free(unread);
	if (!h || mailbox_put(h->news, &products, NULL) != ST_OK)
		http_products_free(products);
}

static void drop_products(void *item)
{
	http_products_free(*(struct http_products **)item);
}

void http_lan_close(struct http_lan *h)
{
	int why = errno;

	if (!h)
		return;
	if (h->fd >= 0)
		close(h->fd);
	mailbox_free(h->news, drop_products);
	http_products_free(h->products);
	dynreg_replies_fini(&h->replies);
	pthread_mutex_destroy(&h->lock);
	crowd_fini(&h->crowd);
	free(h);
	errno = why;
}
