#include "tests/hubsim/proxy_int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIXED_FDS 3 /* eventfd and the two listening sockets */

const char *const fault_names[FAULT_COUNT] = {
	[FAULT_NONE] = "none",     [FAULT_BLACKHOLE] = "blackhole", [FAULT_STALL] = "stall",
	[FAULT_REFUSE] = "refuse", [FAULT_DELAY] = "delay",
};

static void look_again(const struct proxy *p)
{
	uint64_t one = 1;
	ssize_t n = write(p->wake_fd, &one, sizeof one);

	(void)n; /* a full counter wakes too */
}

void proxy_wake_broker(struct proxy *p)
{
	__atomic_store_n(&p->wake_wanted, true, __ATOMIC_SEQ_CST);
	look_again(p);
}

static void accept_on(struct proxy *p, int listen_fd, SSL_CTX *tls)
{
	struct stream refused = { .fd = -1 };
	struct conn *c;
	int fd;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		p->counts.accepts++;
		p->accept_log[p->accept_logged++ % LOG_RING] = monotonic_ms();
		c = p->fault == FAULT_REFUSE ? NULL : conn_new(p, fd, tls);
		if (!c) {
			refused.fd = fd;
			stream_reset(&refused);
			continue;
		}
		c->next = p->conns;
		p->conns = c;
	}
}

static short wanted(const struct stream *s, int64_t now_ms)
{
	bool out = s->handshake_out || (s->out && stream_due(s) <= now_ms);

	return (short)(POLLIN | (out ? POLLOUT : 0));
}

static void sooner(int *timeout_ms, int64_t in_ms)
{
	if (in_ms < 0)
		in_ms = 0;
	if (in_ms < *timeout_ms)
		*timeout_ms = (int)in_ms;
}

static void arm(struct proxy *p, const struct conn *c, struct pollfd at[2], int *timeout_ms)
{
	int64_t now = monotonic_ms();
	bool frozen = conn_frozen(p, c);

	at[0] = (struct pollfd){ .fd = frozen ? -1 : c->client.fd, .events = wanted(&c->client, now) };
	at[1] = (struct pollfd){ .fd = frozen ? -1 : c->broker.fd, .events = wanted(&c->broker, now) };
	if (c->end == END_LINGER) {
		sooner(timeout_ms, c->linger_until_ms - now);
		return;
	}
	if (c->end != END_NONE || (c->client.ssl && !frozen && SSL_pending(c->client.ssl) > 0))
		*timeout_ms = 0;
	if (c->client.out && stream_due(&c->client) > now)
		sooner(timeout_ms, stream_due(&c->client) - now);
	if (c->broker.out && stream_due(&c->broker) > now)
		sooner(timeout_ms, stream_due(&c->broker) - now);
}

/* Fills `fds`, which has room for `count` connections. */
static nfds_t arm_all(struct proxy *p, struct pollfd *fds, int *timeout_ms)
{
	nfds_t n = FIXED_FDS;

	fds[0] = (struct pollfd){ .fd = p->wake_fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = p->listen_fd, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = p->tls_fd, .events = POLLIN };
	for (struct conn *c = p->conns; c; c = c->next, n += 2)
		arm(p, c, fds + n, timeout_ms);
	return n;
}

static bool ready(const struct pollfd *fd)
{
	return fd->revents & (POLLIN | POLLHUP | POLLERR);
}

static void serve_all(struct proxy *p, const struct pollfd *fds)
{
	struct conn **at = &p->conns;
	struct conn *c;
	uint64_t sink;

	if (fds[0].revents && read(p->wake_fd, &sink, sizeof sink) < 0 && errno != EAGAIN)
		perror("hubsim: eventfd");
	for (size_t n = FIXED_FDS; (c = *at); n += 2) {
		bool tls_pending = c->client.ssl && SSL_pending(c->client.ssl) > 0;

		if (conn_serve(p, c, ready(&fds[n]) || tls_pending || c->client.handshake_out,
		               ready(&fds[n + 1]), monotonic_ms())) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conn_free(c);
	}
	if (fds[1].revents)
		accept_on(p, p->listen_fd, NULL);
	if (fds[2].revents)
		accept_on(p, p->tls_fd, p->tls);
}

static size_t conn_count(const struct proxy *p)
{
	size_t n = 0;

	for (const struct conn *c = p->conns; c; c = c->next)
		n++;
	return n;
}

static void announce(const struct proxy *p)
{
	char tls[16] = "null";

	if (p->tls)
		snprintf(tls, sizeof tls, "%d", p->opts.tls_port);
	printf("{\"port\":%d,\"tls_port\":%s,\"admin_port\":%d,\"pid\":%ld}\n", p->opts.port, tls,
	       p->opts.broker_port, (long)getpid());
	fflush(stdout);
}

static void *run(void *arg)
{
	struct proxy *p = arg;
	struct pollfd *fds = NULL;
	size_t room = 0;

	if (!waker_open(p))
		return NULL;
	announce(p);
	pthread_mutex_lock(&p->lock);
	while (!__atomic_load_n(&p->stop, __ATOMIC_SEQ_CST)) {
		size_t need = FIXED_FDS + 2 * conn_count(p);
		int timeout_ms = 1000;
		nfds_t n;

		if (need > room) {
			struct pollfd *more = realloc(fds, need * 2 * sizeof *fds);

			if (!more)
				break;
			fds = more;
			room = need * 2;
		}
		n = arm_all(p, fds, &timeout_ms);
		pthread_mutex_unlock(&p->lock);
		if (__atomic_exchange_n(&p->wake_wanted, false, __ATOMIC_SEQ_CST))
			waker_ring(p);
		poll(fds, n, timeout_ms);
		pthread_mutex_lock(&p->lock);
		serve_all(p, fds);
	}
	pthread_mutex_unlock(&p->lock);
	free(fds);
	return NULL;
}

static bool open_ports(struct proxy *p)
{
	p->listen_fd = stream_listen(&p->opts.port, p->opts.any_address);
	if (p->listen_fd < 0 || !p->opts.tls_cert)
		return p->listen_fd >= 0;
	p->tls = stream_tls(p->opts.tls_ca, p->opts.tls_cert, p->opts.tls_key);
	if (p->tls)
		p->tls_fd = stream_listen(&p->opts.tls_port, p->opts.any_address);
	return p->tls_fd >= 0;
}

/* The broker's signals stay with the broker's thread. */
static bool start_thread(struct proxy *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	p->thread_runs = pthread_create(&p->thread, NULL, run, p) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return p->thread_runs;
}

static bool set_first_fault(struct proxy *p, const char *name)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		if (strcmp(fault_names[i], name ? name : fault_names[FAULT_NONE]) != 0)
			continue;
		p->fault = (enum fault)i;
		return true;
	}
	fprintf(stderr, "hubsim: unknown fault %s\n", name);
	return false;
}

struct proxy *proxy_open(const struct proxy_opts *opts)
{
	struct proxy *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->opts = *opts;
	p->events = opts->events;
	p->listen_fd = p->tls_fd = -1;
	p->waker.fd = -1;
	pthread_mutex_init(&p->lock, NULL);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (set_first_fault(p, opts->fault) && open_ports(p) && start_thread(p))
		return p;
	proxy_close(p);
	return NULL;
}

void proxy_close(struct proxy *p)
{
	struct conn *c;

	if (!p)
		return;
	if (p->thread_runs) {
		__atomic_store_n(&p->stop, true, __ATOMIC_SEQ_CST);
		look_again(p);
		pthread_join(p->thread, NULL);
	}
	while ((c = p->conns)) {
		p->conns = c->next;
		conn_free(c);
	}
	stream_fini(&p->waker);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	if (p->tls_fd >= 0)
		close(p->tls_fd);
	close(p->wake_fd);
	SSL_CTX_free(p->tls);
	free(p->last);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
