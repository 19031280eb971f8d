/* One proxied connection: bytes in, packets judged, bytes out. */
#include "tests/hubsim/proxy_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define QUEUE_MAX  (4u * 1024u * 1024u)
#define LINGER_MS  1000
#define PACKET_MAX (256u * 1024u)

struct conn *conn_new(struct proxy *p, int fd, SSL_CTX *tls)
{
	struct conn *c = calloc(1, sizeof *c);
	unsigned host = p->serial++ % 65000 + 1;
	int up;

	if (!c)
		return NULL;
	snprintf(c->address, sizeof c->address, "127.1.%u.%u", host >> 8, host & 255);
	up = stream_connect(p->opts.broker_port, c->address);
	if (up < 0) {
		free(c);
		return NULL;
	}
	stream_init(&c->client, fd, tls);
	stream_init(&c->broker, up, NULL);
	c->tls = tls != NULL;
	c->accepted_ms = monotonic_ms();
	return c;
}

void conn_free(struct conn *c)
{
	stream_fini(&c->client);
	stream_fini(&c->broker);
	free(c);
}

bool conn_frozen(const struct proxy *p, const struct conn *c)
{
	if (c->end != END_NONE)
		return false;
	return p->fault == FAULT_BLACKHOLE || (p->fault == FAULT_STALL && c->connected);
}

static bool pass_packet(struct proxy *p, struct conn *c, bool up, const struct packet *packet,
                        int64_t now_ms)
{
	struct stream *from = up ? &c->client : &c->broker;
	struct stream *to = up ? &c->broker : &c->client;
	int64_t due = now_ms + (p->fault == FAULT_DELAY ? p->delay_ms : 0);
	enum verdict v = up ? watch_up(p, c, packet, from->in) : watch_down(p, c, packet);

	if (v == FORWARD)
		stream_queue(to, from->in, packet->size, due);
	stream_taken(from, packet->size);
	return !up && v == FORWARD && c->connected && p->fault == FAULT_STALL;
}

/* Judges and passes on every whole packet. False on bytes that are not MQTT. */
static bool pass(struct proxy *p, struct conn *c, bool up, int64_t now_ms)
{
	struct stream *from = up ? &c->client : &c->broker;
	enum packet_found found = PACKET_PART;
	struct packet packet = { .size = 0 };

	while (from->in_len > 0 && !conn_frozen(p, c)) {
		found = packet_at(from->in, from->in_len, &packet);
		if (found != PACKET_WHOLE || packet.size > PACKET_MAX)
			break;
		if (pass_packet(p, c, up, &packet, now_ms))
			break;
	}
	if (found != PACKET_WRONG && packet.size <= PACKET_MAX)
		return true;
	violation(p->events, VIOLATION_FRAMING, c->label, up ? "to the hub" : "from the broker");
	return false;
}

static void start_linger(struct conn *c, int64_t now_ms)
{
	stream_fini(&c->broker);
	stream_shutdown(&c->client);
	c->end = END_LINGER;
	c->linger_until_ms = now_ms + LINGER_MS;
}

/* After our FIN: read and forget until the peer closes too, else the kernel would send RST. */
static bool linger(struct conn *c, int64_t now_ms)
{
	char sink[4096];
	ssize_t n;

	do {
		n = recv(c->client.fd, sink, sizeof sink, MSG_DONTWAIT);
	} while (n > 0);
	return n < 0 && now_ms < c->linger_until_ms;
}

static bool end_now(struct conn *c, int64_t now_ms)
{
	switch (c->end) {
	case END_CUT:
		start_linger(c, now_ms);
		return true;
	case END_RESET:
		stream_reset(&c->client);
		return false;
	case END_LINGER:
		return linger(c, now_ms);
	case END_NONE:
	default:
		return true;
	}
}

/* The broker closed: what it said before goes out, then FIN. */
static bool broker_gone(struct conn *c, int64_t now_ms)
{
	stream_flush(&c->client, INT64_MAX);
	start_linger(c, now_ms);
	return true;
}

bool conn_serve(struct proxy *p, struct conn *c, bool client_ready, bool broker_ready,
                int64_t now_ms)
{
	enum stream_result client = STREAM_OK, broker = STREAM_OK;

	if (c->end != END_NONE)
		return end_now(c, now_ms);
	if (conn_frozen(p, c)) /* what was passed on before the fault still leaves */
		return stream_flush(&c->client, now_ms) != STREAM_ERROR;
	if (client_ready && c->broker.out_bytes < QUEUE_MAX)
		client = stream_fill(&c->client);
	if (broker_ready && c->client.out_bytes < QUEUE_MAX)
		broker = stream_fill(&c->broker);
	if (!pass(p, c, true, now_ms) || !pass(p, c, false, now_ms))
		return false;
	if (stream_flush(&c->broker, now_ms) == STREAM_ERROR)
		broker = STREAM_ERROR;
	if (stream_flush(&c->client, now_ms) == STREAM_ERROR || client == STREAM_ERROR)
		return false;
	if (client == STREAM_EOF) {
		stream_flush(&c->broker, INT64_MAX);
		return false;
	}
	return broker == STREAM_OK ? true : broker_gone(c, now_ms);
}
