#include "bridge/link/transport.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/link/transport_impl.h"
#include "core/base/room.h"

void transport_text_set(struct transport_text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text->line, sizeof text->line, format, args);
	va_end(args);
}

static enum status step_resolving(struct transport *t, int64_t now_ms)
{
	const char *why = NULL;
	enum status st = resolver_take(t->resolver, &t->answer, &why);

	if (st == ST_AGAIN)
		return st;
	if (st != ST_OK) {
		transport_text_set(&t->error, "name does not resolve: %s: %s", t->host, why);
		return dial_fail(t, st);
	}
	resolver_drop(t->resolver);
	t->resolver = NULL;
	return dial_next(t, now_ms);
}

static enum status time_out(struct transport *t, int64_t now_ms)
{
	if (t->phase == RESOLVING) {
		transport_text_set(&t->error,
		                   "name does not resolve: %s: no answer within %u ms, is the "
		                   "name server reachable?",
		                   t->host, t->attempt_ms);
		return dial_fail(t, ST_TIMEOUT);
	}
	transport_text_set(&t->reason, "%s not finished within %u ms",
	                   t->phase == CONNECTING ? "connecting" : "TLS handshake", t->attempt_ms);
	return dial_failed(t, ST_TIMEOUT, now_ms);
}

enum status transport_step(struct transport *t, int64_t now_ms)
{
	enum status st;

	IN_ROOM(ROOM_UPLINK);
	if (t->phase == FAILED)
		return t->failed;
	if (t->phase == CONNECTED)
		return ST_OK;
	st = t->phase == RESOLVING ? step_resolving(t, now_ms) : dial_step(t, now_ms);
	if (st == ST_AGAIN && now_ms >= t->deadline_ms)
		st = time_out(t, now_ms);
	return st;
}

static enum status set_unix(struct transport *t, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof un.sun_path) {
		transport_text_set(&t->error, "unix:%s: the path is too long for a socket", path);
		return dial_fail(t, ST_INVALID);
	}
	memcpy(un.sun_path, path, strlen(path) + 1);
	memcpy(&t->answer.address[0], &un, sizeof un);
	t->answer.len[0] = sizeof un;
	t->answer.count = 1;
	return ST_OK;
}

static enum status find_address(struct transport *t, const struct transport_conf *conf,
                                resolver_lookup lookup, int64_t now_ms)
{
	enum status st;

	if (conf->unix_path)
		return set_unix(t, conf->unix_path);
	if (resolver_literal(t->host, conf->port, &t->answer) == ST_OK)
		return ST_OK;
	st = resolver_start(t->host, conf->port, lookup, &t->resolver);
	if (st != ST_OK) {
		transport_text_set(&t->error, "name does not resolve: %s: %s", t->host,
		                   st == ST_FULL ? "too many earlier look-ups still hang"
		                                 : "no thread for the look-up");
		return dial_fail(t, ST_IO);
	}
	t->phase = RESOLVING;
	t->deadline_ms = now_ms + t->attempt_ms;
	return ST_AGAIN;
}

enum status transport_open_with(const struct transport_conf *conf, resolver_lookup lookup,
                                int64_t now_ms, struct transport **out)
{
	const char *host = conf->address ? conf->address : conf->host;
	struct transport *t = calloc(1, sizeof *t);
	enum status st = ST_OK;

	IN_ROOM(ROOM_UPLINK);
	*out = NULL;
	if (!t)
		return ST_NOMEM;
	t->fd = -1;
	t->failed = ST_IO;
	t->attempt_ms = conf->attempt_ms;
	t->host = strdup(host ? host : "");
	if (conf->tls && t->host)
		st = tls_new(conf, &t->reason, &t->tls);
	if (!t->host || st == ST_NOMEM) {
		transport_close(t);
		return ST_NOMEM;
	}
	*out = t;
	if (st != ST_OK) {
		t->error = t->reason;
		return dial_fail(t, st);
	}
	st = find_address(t, conf, lookup, now_ms);
	if (st == ST_OK)
		dial_next(t, now_ms);
	return t->phase == FAILED && t->failed == ST_INVALID ? ST_INVALID : ST_OK;
}

enum status transport_open(const struct transport_conf *conf, int64_t now_ms,
                           struct transport **out)
{
	return transport_open_with(conf, resolver_system, now_ms, out);
}

static void destroy(struct transport *t)
{
	tls_free(t->tls);
	dial_close_fd(t);
	resolver_drop(t->resolver);
	free(t->host);
	free(t);
}

void transport_close(struct transport *t)
{
	if (!t)
		return;
	if (t->phase == CONNECTED && t->tls)
		tls_goodbye(t->tls);
	destroy(t);
}

void transport_abort(struct transport *t)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	IN_ROOM(ROOM_UPLINK);
	if (!t)
		return;
	if (t->fd >= 0)
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	destroy(t);
}

int64_t transport_deadline(const struct transport *t)
{
	IN_ROOM(ROOM_UPLINK);
	if (t->phase == CONNECTED)
		return INT64_MAX;
	return t->phase == FAILED ? 0 : t->deadline_ms;
}

int transport_fd(const struct transport *t)
{
	IN_ROOM(ROOM_UPLINK);
	return t->resolver ? resolver_fd(t->resolver) : t->fd;
}

short transport_events(const struct transport *t, bool want_write)
{
	IN_ROOM(ROOM_UPLINK);
	switch (t->phase) {
	case RESOLVING:
		return POLLIN;
	case CONNECTING:
		return POLLOUT;
	case HANDSHAKING:
		return tls_handshake_events(t->tls);
	case CONNECTED:
		if (t->tls && tls_read_wants_write(t->tls))
			want_write = true;
		return want_write ? POLLIN | POLLOUT : POLLIN;
	case FAILED:
		break;
	}
	return 0;
}

/* What a failed call on a connected plain socket means. */
static enum status judge(struct transport *t, int error)
{
	if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR)
		return ST_AGAIN;
	transport_text_set(&t->error, "%s: %s", t->peer, strerror(error));
	return error == ECONNRESET || error == EPIPE ? ST_CLOSED : ST_IO;
}

static enum status plain_read(struct transport *t, void *data, size_t len, size_t *n)
{
	ssize_t got = recv(t->fd, data, len, 0);

	if (got < 0)
		return judge(t, errno);
	if (got == 0) {
		transport_text_set(&t->error, "%s: closed by the peer", t->peer);
		return ST_CLOSED;
	}
	*n = (size_t)got;
	return ST_OK;
}

static enum status plain_write(struct transport *t, const void *data, size_t len, size_t *n)
{
	ssize_t sent = send(t->fd, data, len, MSG_NOSIGNAL);

	if (sent < 0)
		return judge(t, errno);
	*n = (size_t)sent;
	return ST_OK;
}

static enum status tell(struct transport *t, enum status st)
{
	if (st != ST_OK && st != ST_AGAIN)
		transport_text_set(&t->error, "%s: %s", t->peer, t->reason.line);
	return st;
}

enum status transport_read(struct transport *t, void *data, size_t len, size_t *n)
{
	IN_ROOM(ROOM_UPLINK);
	*n = 0;
	if (t->phase != CONNECTED)
		return ST_IO;
	if (len == 0)
		return ST_AGAIN;
	return t->tls ? tell(t, tls_read(t->tls, data, len, n)) : plain_read(t, data, len, n);
}

enum status transport_write(struct transport *t, const void *data, size_t len, size_t *n)
{
	IN_ROOM(ROOM_UPLINK);
	*n = 0;
	if (t->phase != CONNECTED)
		return ST_IO;
	if (len == 0)
		return ST_AGAIN;
	return t->tls ? tell(t, tls_write(t->tls, data, len, n)) : plain_write(t, data, len, n);
}

const char *transport_error(const struct transport *t)
{
	IN_ROOM(ROOM_UPLINK);
	return t->error.line;
}

const char *transport_peer(const struct transport *t)
{
	IN_ROOM(ROOM_UPLINK);
	return t->peer;
}

const char *transport_local(const struct transport *t)
{
	IN_ROOM(ROOM_UPLINK);
	return t->local;
}
