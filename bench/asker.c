#include "bench/asker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/gen.h"
#include "bench/gen_wire.h"
#include "tests/harness/harness.h"

enum {
	IN_BYTES = 65536,
	CONNECT_MS = 20000,
	NAMES = 8, /* attributes that updates touch */
};

struct client {
	int fd;
	struct packets out;
	unsigned char in[IN_BYTES];
	size_t in_len;
	uint32_t asked, answered;
	int64_t asked_ns[ASKER_WINDOW];
};

struct asker {
	struct client *clients;
	struct pollfd *fds;
	uint32_t count, subscribed;
	struct asker_result result;
	int64_t answer_ns[ASKER_LATENCIES];
};

/* --- what came in --- */

static void answered(struct asker *a, struct client *c)
{
	int64_t now_ns = gen_clock_ns();

	if (c->answered == c->asked)
		return;
	if (a->result.answers < ASKER_LATENCIES)
		a->answer_ns[a->result.answers++] = now_ns - c->asked_ns[c->answered % ASKER_WINDOW];
	c->answered++;
	a->result.answered++;
	a->result.end_ns = now_ns;
}

static bool receive(struct asker *a, struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, IN_BYTES - c->in_len, MSG_DONTWAIT);
	struct packet p;
	size_t at = 0;

	if (n <= 0)
		return false;
	c->in_len += (size_t)n;
	for (; packet_at(c->in + at, c->in_len - at, &p) == PACKET_WHOLE; at += p.size) {
		if (p.type == PACKET_PUBLISH)
			answered(a, c);
		else if (p.type == PACKET_SUBACK)
			a->subscribed++;
	}
	c->in_len -= at;
	memmove(c->in, c->in + at, c->in_len);
	return true;
}

static bool flush(struct client *c)
{
	ssize_t n = c->out.len ? send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n > 0)
		packets_drop(&c->out, (size_t)n);
	return n >= 0 || c->out.len > 0;
}

/* One round of all sockets. false: one is gone. */
static bool turn(struct asker *a, int wait_ms)
{
	for (uint32_t i = 0; i < a->count; i++) {
		flush(&a->clients[i]);
		a->fds[i].events = (short)(POLLIN | (a->clients[i].out.len ? POLLOUT : 0));
	}
	if (poll(a->fds, a->count, wait_ms) < 0)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		if ((a->fds[i].revents & (POLLIN | POLLHUP | POLLERR)) && !receive(a, &a->clients[i]))
			return false;
	}
	return true;
}

/* --- life --- */

struct asker *asker_open(int port, uint32_t devices)
{
	struct asker *a = calloc(1, sizeof(*a));
	int64_t end_ms = now_ms() + CONNECT_MS;
	char name[16], filter[64];

	if (!a)
		return NULL;
	a->clients = calloc(devices, sizeof(*a->clients));
	a->fds = calloc(devices, sizeof(*a->fds));
	for (; a->clients && a->fds && a->count < devices; a->count++) {
		struct client *c = &a->clients[a->count];

		c->fd = a->fds[a->count].fd = wire_dial(port);
		snprintf(name, sizeof(name), "d%04u", a->count);
		snprintf(filter, sizeof(filter), "$shadow/operation/result/" GEN_PRODUCT "/%s", name);
		wire_connect(&c->out, GEN_PRODUCT, name, GEN_SECRET);
		wire_subscribe(&c->out, filter);
	}
	while (a->subscribed < devices && now_ms() < end_ms && turn(a, 100))
		;
	if (a->subscribed == devices)
		return a;
	fprintf(stderr, "bench: %u of %u devices could subscribe their shadows\n", a->subscribed,
	        devices);
	asker_close(a);
	return NULL;
}

void asker_close(struct asker *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->count; i++) {
		if (a->clients[i].fd >= 0)
			close(a->clients[i].fd);
		packets_fini(&a->clients[i].out);
	}
	free(a->clients);
	free(a->fds);
	free(a);
}

/* --- asking --- */

static void ask(struct client *c, uint32_t device, const struct asker_work *w)
{
	char topic[64], text[160];

	snprintf(topic, sizeof(topic), "$shadow/operation/" GEN_PRODUCT "/d%04u", device);
	if (w->update)
		snprintf(text, sizeof(text),
		         "{\"type\":\"update\",\"state\":{\"reported\":{\"value%u\":%u.5}},"
		         "\"clientToken\":\"" GEN_PRODUCT "-%u\"}",
		         c->asked % NAMES, c->asked, c->asked);
	else
		snprintf(text, sizeof(text), "{\"type\":\"get\",\"clientToken\":\"" GEN_PRODUCT "-%u\"}",
		         c->asked);
	wire_message(&c->out, topic, text);
	c->asked_ns[c->asked % ASKER_WINDOW] = gen_clock_ns();
	c->asked++;
}

/* How many requests may have been made by now. */
static uint32_t allowed(const struct asker *a, const struct asker_work *w)
{
	double seconds = (double)(gen_clock_ns() - a->result.start_ns) / 1e9;
	double n = w->rate > 0 ? seconds * w->rate : w->total;

	return n < w->total ? (uint32_t)n : w->total;
}

bool asker_run(struct asker *a, const struct asker_work *w, struct asker_result *out)
{
	int64_t end_ms = now_ms() + w->timeout_ms;
	uint32_t made = 0, next = 0, idle = 0;
	bool alive = true;

	a->result = (struct asker_result){ .start_ns = gen_clock_ns(), .answer_ns = a->answer_ns };
	for (uint32_t i = 0; i < a->count; i++)
		a->clients[i].asked = a->clients[i].answered = 0;
	while (alive && a->result.answered < w->total && now_ms() < end_ms) {
		uint32_t may = allowed(a, w);

		for (idle = 0; made < may && idle < a->count; next = (next + 1) % a->count) {
			struct client *c = &a->clients[next];

			if (c->asked - c->answered >= w->window) {
				idle++;
				continue;
			}
			idle = 0;
			ask(c, next, w);
			made++;
		}
		alive = turn(a, w->rate > 0 && made < w->total ? 1 : 50);
	}
	*out = a->result;
	return alive && a->result.answered == w->total;
}
