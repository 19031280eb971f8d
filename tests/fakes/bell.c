#include "tests/fakes/bell.h"

#include <stdio.h>

static void rung(struct bell *b, const struct packet *p)
{
	struct doorbell *w = atomic_load(&b->confirms);
	struct packet_publish ring;

	if (packet_read_publish(p, &ring))
		snprintf(b->last_topic, sizeof b->last_topic, "%.*s", (int)ring.topic_len, ring.topic);
	atomic_fetch_add(&b->rings, 1);
	if (!w)
		return;
	doorbell_confirm(w);
	if (b->drain)
		b->drain(b->ctx);
}

static bool say(struct peer_conn *c, struct packets *out)
{
	bool said = peer_write(c, out->data, out->len);

	packets_fini(out);
	return said;
}

static bool let_in(struct peer_conn *c, struct bell *b)
{
	uint8_t code = (uint8_t)atomic_load(&b->code);
	struct packets out = { 0 };

	atomic_fetch_add(&b->logins, 1);
	if (atomic_load(&b->silent))
		return true;
	packet_put_connack(&out, false, code);
	return say(c, &out) && code == 0;
}

static bool pong(struct peer_conn *c, struct bell *b)
{
	struct packets out = { 0 };

	atomic_fetch_add(&b->pings, 1);
	if (atomic_load(&b->silent))
		return true;
	packet_put_empty(&out, PACKET_PINGRESP);
	return say(c, &out);
}

static bool answer(struct peer_conn *c, struct bell *b, const struct packet *p)
{
	if (p->type == PACKET_CONNECT)
		return let_in(c, b);
	if (p->type == PACKET_PINGREQ)
		return pong(c, b);
	if (p->type == PACKET_DISCONNECT) {
		atomic_fetch_add(&b->goodbyes, 1);
		return false;
	}
	if (p->type == PACKET_PUBLISH)
		rung(b, p);
	if (p->type == PACKET_SUBSCRIBE)
		atomic_fetch_add(&b->subscribes, 1);
	return !atomic_exchange(&b->drops, false);
}

void bell_serve(struct peer_conn *c, void *bell)
{
	struct peer_inbox in = { .len = 0 };
	struct packet p;

	while (peer_packet(c, &in, &p)) {
		if (p.type == PACKET_CONNECT && p.flags != 0)
			return; /* a TLS hello at a plain listener */
		if (!answer(c, bell, &p))
			return;
	}
}
