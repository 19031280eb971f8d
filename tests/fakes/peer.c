#include "tests/fakes/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct peer {
	struct peer_conf conf;
	int fd, stop_fd;
	uint16_t port;
	SSL_CTX *ctx;
	pthread_t thread;
	atomic_uint accepted;
};

struct peer_conn {
	struct peer *peer;
	int fd;
	SSL *ssl;
};

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

/* False: the test is over. */
static bool await(struct peer *p, int fd, short events)
{
	struct pollfd fds[2] = { { .fd = fd, .events = events },
		                     { .fd = p->stop_fd, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return fds[1].revents == 0;
}

/* After a failed SSL or socket call: true when it is worth another try. */
static bool again(struct peer_conn *c, int result, short events)
{
	int kind;

	if (!c->ssl)
		return errno == EAGAIN && await(c->peer, c->fd, events);
	kind = SSL_get_error(c->ssl, result);
	ERR_clear_error();
	if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
		return false;
	return await(c->peer, c->fd, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
}

size_t peer_read(struct peer_conn *c, void *data, size_t len)
{
	ssize_t n;

	do {
		n = c->ssl ? SSL_read(c->ssl, data, (int)len) : recv(c->fd, data, len, 0);
		if (n > 0)
			return (size_t)n;
	} while ((c->ssl || n < 0) && again(c, (int)n, POLLIN));
	return 0;
}

bool peer_write(struct peer_conn *c, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = c->ssl ? SSL_write(c->ssl, at, (int)len) : send(c->fd, at, len, MSG_NOSIGNAL);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (!again(c, (int)n, POLLOUT)) {
			return false;
		}
	}
	return true;
}

bool peer_packet(struct peer_conn *c, struct peer_inbox *in, struct packet *out)
{
	enum packet_found found;
	size_t n;

	in->len -= in->used;
	memmove(in->bytes, in->bytes + in->used, in->len);
	in->used = 0;
	while ((found = packet_at(in->bytes, in->len, out)) == PACKET_PART) {
		n = in->len < sizeof in->bytes
		        ? peer_read(c, in->bytes + in->len, sizeof in->bytes - in->len)
		        : 0;
		if (n == 0)
			return false;
		in->len += n;
	}
	in->used = out->size;
	return found == PACKET_WHOLE;
}

void peer_reset(struct peer_conn *c)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

static bool shake_hands(struct peer_conn *c)
{
	int result;

	if (!c->peer->ctx)
		return true;
	c->ssl = SSL_new(c->peer->ctx);
	must(c->ssl && SSL_set_fd(c->ssl, c->fd), "SSL_new");
	do {
		result = SSL_accept(c->ssl);
	} while (result != 1 && again(c, result, POLLIN));
	return result == 1;
}

static void *run(void *arg)
{
	struct peer *p = arg;
	sigset_t pipe_signal;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
	while (await(p, p->conf.deaf ? -1 : p->fd, POLLIN)) {
		struct peer_conn c = { .peer = p };

		c.fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (c.fd < 0)
			continue;
		atomic_fetch_add(&p->accepted, 1);
		if (shake_hands(&c))
			p->conf.serve(&c, p->conf.ctx);
		SSL_free(c.ssl);
		close(c.fd);
	}
	return NULL;
}

static SSL_CTX *make_ctx(const struct peer_conf *conf)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	must(ctx && SSL_CTX_use_certificate_chain_file(ctx, conf->cert) == 1 &&
	         SSL_CTX_use_PrivateKey_file(ctx, conf->key, SSL_FILETYPE_PEM) == 1,
	     conf->cert);
	if (conf->client_ca) {
		must(SSL_CTX_load_verify_file(ctx, conf->client_ca), conf->client_ca);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return ctx;
}

static void listen_unix(struct peer *p)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof un.sun_path, "%s", p->conf.unix_path);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(bind(p->fd, (struct sockaddr *)&un, sizeof un) == 0 && listen(p->fd, 16) == 0, "listen");
}

static void listen_loopback(struct peer *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof in;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(bind(p->fd, (struct sockaddr *)&in, sizeof in) == 0 && listen(p->fd, 16) == 0 &&
	         getsockname(p->fd, (struct sockaddr *)&in, &len) == 0,
	     "listen");
	p->port = ntohs(in.sin_port);
}

struct peer *peer_start(const struct peer_conf *conf)
{
	struct peer *p = calloc(1, sizeof *p);

	must(p != NULL, "calloc");
	p->conf = *conf;
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	p->ctx = conf->cert ? make_ctx(conf) : NULL;
	if (conf->unix_path)
		listen_unix(p);
	else
		listen_loopback(p);
	must(pthread_create(&p->thread, NULL, run, p) == 0, "pthread_create");
	return p;
}

void peer_stop(struct peer *p)
{
	uint64_t one = 1;

	if (!p)
		return;
	must(write(p->stop_fd, &one, sizeof one) == sizeof one, "stop");
	pthread_join(p->thread, NULL);
	close(p->fd);
	close(p->stop_fd);
	SSL_CTX_free(p->ctx);
	free(p);
}

uint16_t peer_port(const struct peer *p)
{
	return p->port;
}

unsigned peer_accepted(const struct peer *p)
{
	return atomic_load(&p->accepted);
}
