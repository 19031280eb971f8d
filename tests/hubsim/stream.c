#include "tests/hubsim/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct chunk {
	struct chunk *next;
	int64_t due_ms;
	size_t len, off;
	uint8_t data[];
};

void stream_init(struct stream *s, int fd, SSL_CTX *ctx)
{
	int on = 1;

	*s = (struct stream){ .fd = fd };
	s->out_tail = &s->out;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!ctx)
		return;
	s->ssl = SSL_new(ctx);
	SSL_set_fd(s->ssl, fd);
	SSL_set_accept_state(s->ssl);
}

void stream_fini(struct stream *s)
{
	struct chunk *c;

	SSL_free(s->ssl);
	if (s->fd >= 0)
		close(s->fd);
	while ((c = s->out)) {
		s->out = c->next;
		free(c);
	}
	free(s->in);
	*s = (struct stream){ .fd = -1 };
	s->out_tail = &s->out;
}

/* > 0 bytes, 0 not now, -1 end, -2 error */
static long tls_result(struct stream *s, int n)
{
	int err = SSL_get_error(s->ssl, n);

	s->handshake_out = err == SSL_ERROR_WANT_WRITE;
	ERR_clear_error();
	if (err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE)
		return 0;
	return err == SSL_ERROR_ZERO_RETURN ? -1 : -2;
}

static long receive(struct stream *s, uint8_t *at, size_t room)
{
	ssize_t n;

	if (s->ssl) {
		n = SSL_read(s->ssl, at, (int)room);
		return n > 0 ? n : tls_result(s, (int)n);
	}
	n = recv(s->fd, at, room, MSG_DONTWAIT);
	if (n > 0)
		return n;
	if (n == 0)
		return -1;
	return errno == EAGAIN || errno == EINTR ? 0 : -2;
}

static long transmit(struct stream *s, const uint8_t *at, size_t len)
{
	ssize_t n;

	if (s->ssl) {
		n = SSL_write(s->ssl, at, (int)len);
		return n > 0 ? n : tls_result(s, (int)n);
	}
	n = send(s->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -2;
}

enum stream_result stream_fill(struct stream *s)
{
	for (int rounds = 0; rounds < 64; rounds++) {
		long n;

		if (s->in_room - s->in_len < 4096) {
			size_t room = s->in_room * 2 + 8192;
			uint8_t *in = realloc(s->in, room);

			if (!in)
				return STREAM_ERROR;
			s->in = in;
			s->in_room = room;
		}
		n = receive(s, s->in + s->in_len, s->in_room - s->in_len);
		if (n == 0)
			return STREAM_OK;
		if (n < 0)
			return n == -1 ? STREAM_EOF : STREAM_ERROR;
		s->in_len += (size_t)n;
	}
	return STREAM_OK;
}

void stream_taken(struct stream *s, size_t n)
{
	memmove(s->in, s->in + n, s->in_len - n);
	s->in_len -= n;
}

void stream_queue(struct stream *s, const void *data, size_t len, int64_t due_ms)
{
	struct chunk *c = malloc(sizeof *c + len);

	if (!c)
		return;
	*c = (struct chunk){ .due_ms = due_ms, .len = len };
	memcpy(c->data, data, len);
	*s->out_tail = c;
	s->out_tail = &c->next;
	s->out_bytes += len;
}

enum stream_result stream_flush(struct stream *s, int64_t now_ms)
{
	struct chunk *c;

	while ((c = s->out) && c->due_ms <= now_ms) {
		long n = transmit(s, c->data + c->off, c->len - c->off);

		if (n < 0)
			return STREAM_ERROR;
		if (n == 0)
			return STREAM_OK;
		c->off += (size_t)n;
		s->out_bytes -= (size_t)n;
		if (c->off < c->len)
			continue;
		s->out = c->next;
		if (!s->out)
			s->out_tail = &s->out;
		free(c);
	}
	return STREAM_OK;
}

int64_t stream_due(const struct stream *s)
{
	return s->out ? s->out->due_ms : -1;
}

void stream_shutdown(struct stream *s)
{
	if (s->ssl && SSL_is_init_finished(s->ssl))
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	shutdown(s->fd, SHUT_WR);
}

void stream_reset(struct stream *s)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (s->fd < 0)
		return;
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(s->fd);
	s->fd = -1;
}

void stream_peer_name(const struct stream *s, char *out, size_t room)
{
	X509 *cert = s->ssl ? SSL_get1_peer_certificate(s->ssl) : NULL;

	out[0] = '\0';
	if (cert && SSL_get_verify_result(s->ssl) == X509_V_OK)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, (int)room);
	X509_free(cert);
}

int stream_listen(int *port, bool any_address)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	at.sin_addr.s_addr = htonl(any_address ? INADDR_ANY : INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		fprintf(stderr, "hubsim: port %d: %s\n", *port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(at.sin_port);
	return fd;
}

int stream_connect(int port, const char *from)
{
	struct sockaddr_in source = { .sin_family = AF_INET };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, from, &source.sin_addr);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0 ||
	    (connect(fd, (struct sockaddr *)&at, sizeof at) < 0 && errno != EINPROGRESS)) {
		close(fd);
		return -1;
	}
	return fd;
}

SSL_CTX *stream_tls(const char *ca, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    (!ca || SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1)) {
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"hubsim", 6);
		if (ca)
			SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		return ctx;
	}
	fprintf(stderr, "hubsim: TLS files cannot be used: ");
	ERR_print_errors_fp(stderr);
	SSL_CTX_free(ctx);
	return NULL;
}
