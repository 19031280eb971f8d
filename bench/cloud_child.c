/* The process of the benchmark's cloud: one poll loop over a few connections. */
#include "bench/cloud_child.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PEERS = 16,
	LONGEST_MS = 1000,
	READ_SIZE = 1 << 16
};

struct loop {
	struct cloud_child c;
	struct peer peers[PEERS];
	SSL_CTX *tls;
	bool down;
};

int64_t cloud_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void peer_close(struct peer *p)
{
	static const struct linger reset = { .l_onoff = 1 };

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	SSL_free(p->ssl);
	close(p->fd);
	road_fini(&p->up);
	road_fini(&p->down);
	packets_fini(&p->in);
	packets_fini(&p->out);
	*p = (struct peer){ .fd = -1 };
}

static void close_all(struct loop *l)
{
	for (int i = 0; i < PEERS; i++) {
		if (l->peers[i].fd >= 0)
			peer_close(&l->peers[i]);
	}
}

static void note_connect(struct loop *l)
{
	struct cloud_counts *n = &l->c.shared->counts;

	n->connect_ns[atomic_load(&n->connects) % CLOUD_CONNECTS] = l->c.now_ns;
	atomic_fetch_add(&n->connects, 1);
}

static void accept_one(struct loop *l)
{
	static const int yes = 1;
	int fd = accept4(l->c.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int i = 0;

	if (fd < 0)
		return;
	while (i < PEERS && l->peers[i].fd >= 0)
		i++;
	if (l->down || i == PEERS) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	note_connect(l);
	l->peers[i].fd = fd;
	if (!l->tls)
		return;
	l->peers[i].ssl = SSL_new(l->tls);
	if (!l->peers[i].ssl || !SSL_set_fd(l->peers[i].ssl, fd))
		abort();
	SSL_set_accept_state(l->peers[i].ssl);
}

/* Bytes, 0: try later, -1: gone. */
static ssize_t judge(const struct peer *p, ssize_t n)
{
	if (n > 0)
		return n;
	if (p->ssl) {
		int why = SSL_get_error(p->ssl, (int)n);

		ERR_clear_error();
		return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void receive(struct loop *l, struct peer *p)
{
	static unsigned char chunk[READ_SIZE];

	for (;;) {
		ssize_t n =
			p->ssl ? SSL_read(p->ssl, chunk, sizeof(chunk)) : recv(p->fd, chunk, sizeof(chunk), 0);

		n = judge(p, n);
		if (n < 0)
			p->broken = true;
		if (n <= 0)
			return;
		packets_add(&p->in, chunk, (size_t)n);
		peer_take_input(&l->c, p);
		if (!p->ssl || p->broken)
			return;
	}
}

static void transmit(struct peer *p)
{
	while (p->out.len > 0) {
		ssize_t n = p->ssl ? SSL_write(p->ssl, p->out.data, (int)p->out.len)
		                   : send(p->fd, p->out.data, p->out.len, MSG_NOSIGNAL);

		n = judge(p, n);
		if (n < 0)
			p->broken = true;
		if (n <= 0)
			return;
		packets_drop(&p->out, (size_t)n);
	}
}

static void tell_all(struct loop *l, uint32_t count)
{
	enum cloud_news news = (enum cloud_news)atomic_load(&l->c.shared->news);

	for (int i = 0; i < PEERS && count > 0; i++) {
		if (l->peers[i].fd >= 0)
			peer_tell(&l->c, &l->peers[i], news, count);
	}
}

static void carry_out(struct loop *l)
{
	struct cloud_shared *s = l->c.shared;
	struct cloud_counts *n = &s->counts;
	uint32_t asked = atomic_load(&s->asked), run = atomic_load(&s->run);

	if (atomic_load(&s->done) == asked)
		return;
	l->down = atomic_load(&s->mode) == CLOUD_DOWN;
	if (l->down)
		close_all(l);
	if (run != l->c.run) {
		l->c.run = run;
		n->received = n->distinct = n->duplicates = n->reordered = n->stale = 0;
		n->forbidden = 0;
		n->unacked = n->sent_per_s = n->taken_per_s = n->latencies = 0;
		n->last_ns = 0;
		l->c.sent.tail = l->c.sent.head;
		l->c.taken.tail = l->c.taken.head;
		for (int i = 0; i < CLOUD_DEVICES; i++) {
			if (n->device[i].received > 0)
				memset(s->seen[i], 0, sizeof(s->seen[i]));
			n->device[i].received = n->device[i].distinct = n->device[i].highest = 0;
		}
	}
	tell_all(l, atomic_exchange(&s->tell, 0));
	atomic_store(&s->done, asked);
}

/* Milliseconds until something delayed is due. */
static int wait_ms(const struct loop *l)
{
	int64_t due_ns = l->c.now_ns + LONGEST_MS * INT64_C(1000000);
	bool held = atomic_load(&l->c.shared->mode) == CLOUD_HELD;

	for (int i = 0; i < PEERS; i++) {
		const struct peer *p = &l->peers[i];

		if (held || p->fd < 0)
			continue;
		if (p->up.first && p->up.first->due_ns < due_ns)
			due_ns = p->up.first->due_ns;
		if (p->down.first && p->down.first->due_ns < due_ns)
			due_ns = p->down.first->due_ns;
	}
	due_ns -= cloud_clock_ns();
	return due_ns > 0 ? (int)((due_ns + 999999) / 1000000) : 0;
}

static void serve(struct loop *l, struct peer *p, short events)
{
	if (p->fd < 0)
		return;
	if (events)
		receive(l, p);
	peer_arrivals(&l->c, p);
	if (p->in.len > 0)
		peer_take_input(&l->c, p); /* what waited for room in the window */
	transmit(p);
	if (p->broken)
		peer_close(p);
}

static void turn(struct loop *l)
{
	struct pollfd fds[PEERS + 2] = { { l->c.wake, POLLIN, 0 }, { l->c.listener, POLLIN, 0 } };
	uint64_t rung;

	for (int i = 0; i < PEERS; i++) {
		struct peer *p = &l->peers[i];
		short want = (short)(p->fd >= 0 && p->out.len > 0 ? POLLIN | POLLOUT : POLLIN);

		fds[i + 2] = (struct pollfd){ p->fd, want, 0 };
	}
	if (poll(fds, PEERS + 2, wait_ms(l)) < 0 && errno != EINTR)
		abort();
	l->c.now_ns = cloud_clock_ns();
	if (fds[0].revents && read(l->c.wake, &rung, sizeof(rung)) > 0)
		carry_out(l);
	for (int i = 0; i < PEERS; i++)
		serve(l, &l->peers[i], fds[i + 2].revents);
	if (fds[1].revents)
		accept_one(l);
}

static SSL_CTX *make_tls(const struct cloud_opts *o)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (!tls || SSL_CTX_use_certificate_chain_file(tls, o->cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, o->key, SSL_FILETYPE_PEM) != 1)
		abort();
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

void cloud_child_run(struct cloud_shared *shared, const struct cloud_opts *opts, int listener,
                     int wake)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->c.shared = shared;
	l->c.opts = *opts;
	l->c.listener = listener;
	l->c.wake = wake;
	for (int i = 0; i < PEERS; i++)
		l->peers[i].fd = -1;
	if (opts->cert)
		l->tls = make_tls(opts);
	for (;;)
		turn(l);
}
