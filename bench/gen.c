#include "bench/gen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/gen_wire.h"

enum {
	EVENTS = 64,
	QOS0_BATCH = 32,
	OPEN_MS = 20000
};

#define MS INT64_C(1000000)

struct client {
	int fd;
	bool open; /* CONNACK came */
	bool want_write;
	uint32_t device, seq, acked;
	int64_t next_ns, interval_ns; /* interval 0: no pace */
	struct packets out;
	unsigned char in[256];
	size_t in_len;
	int64_t sent_ns[GEN_WINDOW];
};

struct gen {
	int epoll;
	uint32_t count, opened;
	bool broken;
	struct gen_work work;
	uint64_t written, acked;
	size_t acks;
	int64_t ack_ns[GEN_LATENCIES];
	struct client client[];
};

int64_t gen_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void watch(struct gen *g, struct client *c, bool write)
{
	struct epoll_event e = { .events = write ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c };

	if (write == c->want_write)
		return;
	c->want_write = write;
	epoll_ctl(g->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void flush(struct gen *g, struct client *c)
{
	ssize_t n;

	if (c->out.len == 0)
		return;
	n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		g->broken = true;
	if (n > 0)
		packets_drop(&c->out, (size_t)n);
	watch(g, c, c->out.len > 0);
}

static bool may_write(const struct gen *g, const struct client *c, int64_t now_ns)
{
	const struct gen_work *w = &g->work;

	if (c->seq >= w->each || (c->interval_ns > 0 && now_ns < c->next_ns))
		return false;
	if (w->qos == 1)
		return c->seq - c->acked < w->window;
	return c->out.len == 0 || !c->want_write;
}

static void write_one(struct gen *g, struct client *c, int64_t now_ns)
{
	const struct gen_work *w = &g->work;
	struct stamp s = { .run = w->run, .device = c->device, .sent_ns = now_ns };

	s.seq = ++c->seq;
	wire_publish(&c->out, w->topic ? w->topic : "data", w->qos, w->payload, &s);
	c->sent_ns[s.seq % GEN_WINDOW] = now_ns;
	c->next_ns += c->interval_ns;
	g->written++;
}

static uint64_t room(const struct gen *g)
{
	uint64_t there, on_way;

	if (g->work.qos == 1 || !g->work.cloud || g->work.backlog == 0)
		return UINT64_MAX;
	there = atomic_load(&cloud_counts(g->work.cloud)->distinct);
	on_way = g->written > there ? g->written - there : 0;
	return on_way < g->work.backlog ? g->work.backlog - on_way : 0;
}

static void write_turn(struct gen *g)
{
	uint64_t left = room(g);

	for (uint32_t i = 0; i < g->count && left > 0; i++) {
		struct client *c = &g->client[i];
		int64_t now_ns = gen_clock_ns();

		for (int n = 0; left > 0 && may_write(g, c, now_ns); n++, left--) {
			if (g->work.qos == 0 && n == QOS0_BATCH)
				break;
			write_one(g, c, now_ns);
		}
		flush(g, c);
	}
}

static void on_puback(struct gen *g, struct client *c, int64_t now_ns)
{
	c->acked++;
	g->acked++;
	if (g->acks < GEN_LATENCIES)
		g->ack_ns[g->acks++] = now_ns - c->sent_ns[c->acked % GEN_WINDOW];
}

/* CONNACK and PUBACK, in order; nothing else is expected. */
static void on_packet(struct gen *g, struct client *c, const struct packet *p, int64_t now_ns)
{
	bool present;
	uint8_t code;

	if (p->type == PACKET_PUBACK) {
		on_puback(g, c, now_ns);
	} else if (p->type == PACKET_CONNACK && packet_read_connack(p, &present, &code) && code == 0) {
		c->open = true;
		g->opened++;
	} else {
		g->broken = true;
	}
}

static void receive(struct gen *g, struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	int64_t now_ns = gen_clock_ns();
	enum packet_found found;
	struct packet p;
	size_t at = 0;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		g->broken = true;
		return;
	}
	c->in_len += n > 0 ? (size_t)n : 0;
	while ((found = packet_at(c->in + at, c->in_len - at, &p)) == PACKET_WHOLE) {
		on_packet(g, c, &p, now_ns);
		at += p.size;
	}
	g->broken |= found == PACKET_WRONG;
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

static void listen_turn(struct gen *g, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(g->epoll, events, EVENTS, wait_ms);

	for (int i = 0; i < n; i++) {
		struct client *c = events[i].data.ptr;

		if (events[i].events & ~(unsigned)EPOLLOUT)
			receive(g, c);
		if (events[i].events & EPOLLOUT)
			flush(g, c);
	}
}

static bool open_one(struct gen *g, struct client *c, int port)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	char name[16];

	snprintf(name, sizeof(name), "d%04u", c->device);
	c->fd = wire_dial(port);
	if (c->fd < 0 || epoll_ctl(g->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		return false;
	wire_connect(&c->out, GEN_PRODUCT, name, GEN_SECRET);
	flush(g, c);
	return !g->broken;
}

struct gen *gen_open(const struct gen_opts *o)
{
	struct gen *g = calloc(1, sizeof(*g) + o->clients * sizeof(g->client[0]));
	int64_t end_ns = gen_clock_ns() + OPEN_MS * MS;

	if (!g)
		return NULL;
	g->count = o->clients;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < g->count; i++)
		g->client[i].fd = -1;
	for (uint32_t i = 0; i < g->count && !g->broken; i++) {
		g->client[i].device = o->first + i;
		g->broken = !open_one(g, &g->client[i], o->port);
		listen_turn(g, 0);
	}
	while (!g->broken && g->opened < g->count && gen_clock_ns() < end_ns)
		listen_turn(g, 100);
	if (!g->broken && g->opened == g->count)
		return g;
	fprintf(stderr, "only %u of %u publishers were let in\n", g->opened, g->count);
	gen_close(g);
	return NULL;
}

void gen_close(struct gen *g)
{
	if (!g)
		return;
	for (uint32_t i = 0; i < g->count; i++) {
		if (g->client[i].fd >= 0)
			close(g->client[i].fd);
		packets_fini(&g->client[i].out);
	}
	close(g->epoll);
	free(g);
}

static void prepare(struct gen *g, const struct gen_work *w)
{
	int64_t now_ns = gen_clock_ns();

	g->work = *w;
	g->written = g->acked = g->acks = 0;
	for (uint32_t i = 0; i < g->count; i++) {
		struct client *c = &g->client[i];
		double rate = w->flood > 0 && i == 0 ? w->flood : w->rate / g->count;

		c->seq = c->acked = 0;
		c->interval_ns = rate > 0 ? (int64_t)(1e9 / rate) : 0;
		/* Spread, so that fifty clients do not speak as one. */
		c->next_ns = now_ns + c->interval_ns * i / g->count;
	}
}

static int pause_ms(const struct gen *g)
{
	if (g->work.rate > 0)
		return 1;
	if (g->work.qos == 1)
		return 10;
	return room(g) > 0 ? 0 : 1;
}

bool gen_run(struct gen *g, const struct gen_work *w, struct gen_result *out)
{
	int64_t start_ns = gen_clock_ns(), end_ns = start_ns + w->timeout_ms * MS;
	uint64_t total = (uint64_t)w->each * g->count;

	prepare(g, w);
	while (!g->broken && (g->written < total || (w->qos == 1 && g->acked < total)) &&
	       gen_clock_ns() < end_ns) {
		write_turn(g);
		listen_turn(g, pause_ms(g));
	}
	for (uint32_t i = 0; i < g->count && !g->broken; i++) {
		while (g->client[i].out.len > 0 && !g->broken && gen_clock_ns() < end_ns)
			listen_turn(g, 10);
	}
	*out =
		(struct gen_result){ g->written, g->acked, start_ns, gen_clock_ns(), g->ack_ns, g->acks };
	return !g->broken && g->written == total && (w->qos == 0 || g->acked == total);
}

uint32_t gen_acked(const struct gen *g, uint32_t client)
{
	return g->client[client].acked;
}
