#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/link/transport_impl.h"

static void name_address(const struct sockaddr_storage *address, socklen_t len, char *out,
                         size_t size)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_un un = { 0 };

	out[0] = '\0';
	if (address->ss_family == AF_UNIX) {
		memcpy(&un, address, sizeof un);
		snprintf(out, size, "unix:%.*s", (int)sizeof un.sun_path, un.sun_path);
	} else if (getnameinfo((const struct sockaddr *)address, len, host, sizeof host, port,
	                       sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
		snprintf(out, size, address->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	}
}

/* Without port and scope: the form in which a broker reports a peer. */
static void name_local(int fd, char *out, size_t size)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	socklen_t len = sizeof address;

	out[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return;
	if (address.ss_family == AF_INET) {
		memcpy(&in, &address, sizeof in);
		inet_ntop(AF_INET, &in.sin_addr, out, (socklen_t)size);
	} else if (address.ss_family == AF_INET6) {
		memcpy(&in6, &address, sizeof in6);
		inet_ntop(AF_INET6, &in6.sin6_addr, out, (socklen_t)size);
	}
}

void dial_close_fd(struct transport *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

enum status dial_fail(struct transport *t, enum status st)
{
	dial_close_fd(t);
	resolver_drop(t->resolver);
	t->resolver = NULL;
	t->phase = FAILED;
	t->failed = st;
	return st;
}

/* Keeps why the attempt at the current address failed. A refused certificate is
 * told before what other addresses met: it is what the operator can mend. */
static void note_attempt(struct transport *t, enum status st)
{
	char at[sizeof t->peer];

	if (st == ST_CLOSED)
		st = ST_IO;
	if (t->failed == ST_DENIED && st != ST_DENIED)
		return;
	name_address(&t->answer.address[t->next - 1], t->answer.len[t->next - 1], at, sizeof at);
	transport_text_set(&t->error, "%s: %s", at, t->reason.line);
	t->failed = st;
}

/* ST_AGAIN: a handshake is to follow. */
static enum status begin_session(struct transport *t)
{
	size_t at = t->next - 1;
	enum status st;

	name_address(&t->answer.address[at], t->answer.len[at], t->peer, sizeof t->peer);
	name_local(t->fd, t->local, sizeof t->local);
	if (!t->tls) {
		t->phase = CONNECTED;
		return ST_OK;
	}
	t->phase = HANDSHAKING;
	st = tls_attach(t->tls, t->fd);
	return st == ST_OK ? ST_AGAIN : st;
}

static enum status dial(struct transport *t, const struct sockaddr_storage *address, socklen_t len)
{
	int one = 1;

	t->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0) {
		transport_text_set(&t->reason, "no socket: %s", strerror(errno));
		return ST_IO;
	}
	if (address->ss_family != AF_UNIX)
		setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	t->phase = CONNECTING;
	if (connect(t->fd, (const struct sockaddr *)address, len) == 0)
		return begin_session(t);
	if (errno == EINPROGRESS)
		return ST_AGAIN;
	transport_text_set(&t->reason, "%s", strerror(errno));
	return ST_IO;
}

/* Goes through the addresses until one is under way or none is left. */
enum status dial_next(struct transport *t, int64_t now_ms)
{
	enum status st;
	size_t at;

	while (t->next < t->answer.count) {
		dial_close_fd(t);
		t->peer[0] = t->local[0] = '\0';
		at = t->next++;
		t->deadline_ms = now_ms + t->attempt_ms;
		st = dial(t, &t->answer.address[at], t->answer.len[at]);
		if (st == ST_OK || st == ST_AGAIN)
			return st;
		note_attempt(t, st);
	}
	return dial_fail(t, t->failed);
}

static enum status step_connecting(struct transport *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&p, 1, 0) <= 0)
		return ST_AGAIN;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0)
		return begin_session(t);
	transport_text_set(&t->reason, "%s", strerror(error));
	return ST_IO;
}

static enum status step_handshaking(struct transport *t)
{
	enum status st = tls_handshake(t->tls);

	if (st == ST_OK)
		t->phase = CONNECTED;
	return st;
}

enum status dial_failed(struct transport *t, enum status st, int64_t now_ms)
{
	note_attempt(t, st);
	return dial_next(t, now_ms);
}

/* Connecting and handshaking may both be done within one call. */
enum status dial_step(struct transport *t, int64_t now_ms)
{
	enum status st = ST_AGAIN;

	if (t->phase == CONNECTING)
		st = step_connecting(t);
	if (t->phase == HANDSHAKING && st == ST_AGAIN)
		st = step_handshaking(t);
	if (st == ST_OK || st == ST_AGAIN)
		return st;
	return dial_failed(t, st, now_ms);
}
