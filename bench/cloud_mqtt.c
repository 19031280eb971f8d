/* What the benchmark's cloud understands and answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cloud_child.h"

#define OPERATION "$gateway/operation/"
#define RESULT    "$gateway/operation/result/"

enum {
	CONNECT = 1,
	PUBLISH = 3,
	SUBSCRIBE = 8,
	UNSUBSCRIBE = 10,
	PINGREQ = 12,
	DISCONNECT = 14,
	PUBACK = 0x40, /* as written */
	CLEAN_SESSION = 2,
	SECOND_NS = 1000000000
};

/* One whole packet. */
struct packet {
	const unsigned char *all, *body;
	size_t size, body_len;
};

/* The most that fell into one second so far. */
static void rate_note(struct rate *r, int64_t now_ns, _Atomic uint32_t *most)
{
	r->at_ns[r->head++ % CLOUD_RATE_RING] = now_ns;
	while (r->at_ns[r->tail % CLOUD_RATE_RING] <= now_ns - SECOND_NS ||
	       r->head - r->tail > CLOUD_RATE_RING)
		r->tail++;
	if (r->head - r->tail > atomic_load(most))
		atomic_store(most, (uint32_t)(r->head - r->tail));
}

void road_put(struct road *r, int64_t due_ns, const void *data, size_t len)
{
	struct piece *p = malloc(sizeof(*p) + len);

	if (!p)
		abort();
	p->next = NULL;
	p->due_ns = due_ns;
	p->len = len;
	memcpy(p->data, data, len);
	if (!r->first)
		r->last = &r->first;
	*r->last = p;
	r->last = &p->next;
}

void road_fini(struct road *r)
{
	while (r->first) {
		struct piece *p = r->first;

		r->first = p->next;
		free(p);
	}
}

void peer_say(struct cloud_child *c, struct peer *p, const void *data, size_t len)
{
	if (c->opts.delay_ms > 0)
		road_put(&p->down, c->now_ns + c->opts.delay_ms * INT64_C(1000000), data, len);
	else
		bytes_add(&p->out, data, len);
	if (c->opts.delay_ms == 0 && *(const unsigned char *)data == PUBACK)
		p->unacked--;
}

/* False: more bytes are needed. */
static bool packet_at(const unsigned char *data, size_t len, struct packet *out)
{
	size_t remaining = 0, at = 1;

	for (unsigned shift = 0; at < len && shift < 28; shift += 7) {
		unsigned char byte = data[at++];

		remaining |= (size_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		*out = (struct packet){ data, data + at, at + remaining, remaining };
		return out->size <= len;
	}
	return false;
}

static void count_new(struct cloud_child *c, const struct stamp *s)
{
	struct cloud_counts *n = &c->shared->counts;
	struct cloud_device *d = &n->device[s->device];
	uint32_t i = atomic_load(&n->latencies);

	atomic_fetch_add(&d->distinct, 1);
	if (s->seq < atomic_load(&d->highest))
		atomic_fetch_add(&n->reordered, 1);
	else
		atomic_store(&d->highest, s->seq);
	atomic_store(&n->last_ns, c->now_ns);
	if (i < CLOUD_LATENCIES) {
		n->latency_ns[i] = c->now_ns - s->sent_ns;
		atomic_store(&n->latencies, i + 1);
	}
	atomic_fetch_add(&n->distinct, 1);
}

static void count(struct cloud_child *c, const unsigned char *payload, size_t len)
{
	struct cloud_counts *n = &c->shared->counts;
	uint64_t *word;
	struct stamp s;

	if (len < sizeof(s))
		return;
	memcpy(&s, payload, sizeof(s));
	if (s.run != c->run || s.device >= CLOUD_DEVICES || s.seq >= CLOUD_SEQS) {
		atomic_fetch_add(&n->stale, 1);
		return;
	}
	atomic_fetch_add(&n->received, 1);
	atomic_fetch_add(&n->device[s.device].received, 1);
	word = &c->shared->seen[s.device][s.seq / 64];
	if (*word >> (s.seq % 64) & 1) {
		atomic_fetch_add(&n->duplicates, 1);
		return;
	}
	*word |= UINT64_C(1) << (s.seq % 64);
	count_new(c, &s);
}

static void set_online(struct cloud_child *c, uint32_t device, bool online)
{
	struct cloud_counts *n = &c->shared->counts;

	if (atomic_exchange(&n->device[device].online, online) == online)
		return;
	atomic_fetch_add(&n->online, online ? 1 : (uint32_t)-1);
}

static void all_offline(struct cloud_child *c)
{
	for (uint32_t i = 0; i < CLOUD_DEVICES; i++)
		set_online(c, i, false);
}

/* A request names one device and ends with }]}}: the answer is the same text with the
 * result put in before that. */
static void answer_gateway(struct cloud_child *c, struct peer *p, const char *topic,
                           const char *request)
{
	const char *name = strstr(request, "\"device_name\":\"d");
	const char *end = strstr(request, "}]}}");
	unsigned char head[5] = { PUBLISH << 4 };
	char body[1024];
	unsigned device;
	int topic_len, len;

	if (!name || !end || sscanf(name, "\"device_name\":\"d%u", &device) != 1 ||
	    device >= CLOUD_DEVICES)
		return;
	topic_len = (int)(strlen(RESULT) + strlen(topic) - strlen(OPERATION));
	len = snprintf(body, sizeof(body), "%c%c%s%s%.*s,\"result\":%d}]}}", topic_len >> 8,
	               topic_len & 0xff, RESULT, topic + strlen(OPERATION), (int)(end - request),
	               request, (int)device == c->opts.refused ? -1 : 0);
	/* The length's first byte is a NUL, which snprintf writes as any other byte. */
	if (len < 128 || len >= (int)sizeof(body))
		return;
	if ((int)device != c->opts.refused)
		set_online(c, device, strstr(request, "\"online\"") != NULL);
	head[1] = (unsigned char)((len & 0x7f) | 0x80);
	head[2] = (unsigned char)(len >> 7);
	peer_say(c, p, head, 3);
	peer_say(c, p, body, (size_t)len);
}

static void on_operation(struct cloud_child *c, struct peer *p, const unsigned char *topic,
                         size_t topic_len, const unsigned char *payload, size_t len)
{
	char name[256], text[1024];

	if (topic_len >= sizeof(name) || len >= sizeof(text))
		return;
	memcpy(name, topic, topic_len);
	name[topic_len] = '\0';
	memcpy(text, payload, len);
	text[len] = '\0';
	if (strncmp(name, OPERATION, strlen(OPERATION)) == 0)
		answer_gateway(c, p, name, text);
}

static void on_publish(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	unsigned qos = k->all[0] >> 1 & 3;
	size_t at = 2 + (qos ? 2 : 0), topic_len;

	if (k->body_len < at)
		return;
	topic_len = (size_t)k->body[0] << 8 | k->body[1];
	if (k->body_len < at + topic_len)
		return;
	at += topic_len;
	rate_note(&c->taken, c->now_ns, &c->shared->counts.taken_per_s);
	if (topic_len > 0 && k->body[2] == '$')
		on_operation(c, p, k->body + 2, topic_len, k->body + at, k->body_len - at);
	else
		count(c, k->body + at, k->body_len - at);
	if (qos == 1) {
		unsigned char ack[4] = { PUBACK, 2, k->body[at - 2], k->body[at - 1] };

		peer_say(c, p, ack, sizeof(ack));
	}
}

static void on_connect(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	unsigned char ack[4] = { 0x20, 2, 0, 0 };
	size_t name_len = k->body_len >= 2 ? (size_t)k->body[0] << 8 | k->body[1] : 0;
	bool clean = k->body_len > name_len + 3 && k->body[name_len + 3] & CLEAN_SESSION;

	ack[2] = !clean && (c->known || c->opts.knows);
	c->known = !clean;
	all_offline(c);
	peer_say(c, p, ack, sizeof(ack));
}

static void on_packet(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	unsigned char ack[5] = { 0x90, 3, 0, 0, 1 };

	switch (k->all[0] >> 4) {
	case CONNECT:
		on_connect(c, p, k);
		break;
	case PUBLISH:
		on_publish(c, p, k);
		break;
	case SUBSCRIBE:
	case UNSUBSCRIBE:
		if (k->body_len < 2)
			break;
		memcpy(ack + 2, k->body, 2);
		if (k->all[0] >> 4 == UNSUBSCRIBE) {
			ack[0] = 0xb0;
			ack[1] = 2;
		}
		peer_say(c, p, ack, 2 + (size_t)ack[1]);
		break;
	case PINGREQ:
		peer_say(c, p, "\xd0", 2);
		break;
	case DISCONNECT:
		p->broken = true;
		break;
	default:
		break;
	}
}

static void note_sent(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	struct cloud_counts *n = &c->shared->counts;

	rate_note(&c->sent, c->now_ns, &n->sent_per_s);
	if (k->all[0] >> 1 & 3)
		p->unacked++;
	if (p->unacked > atomic_load(&n->unacked))
		atomic_store(&n->unacked, p->unacked);
}

void peer_take_input(struct cloud_child *c, struct peer *p)
{
	bool held = atomic_load(&c->shared->mode) == CLOUD_HELD;
	size_t at = 0;
	struct packet k;

	while ((c->opts.window == 0 || p->unacked < c->opts.window) &&
	       packet_at(p->in.data + at, p->in.len - at, &k)) {
		at += k.size;
		if (k.all[0] >> 4 == PUBLISH)
			note_sent(c, p, &k);
		if (c->opts.delay_ms > 0 || held || p->up.first)
			road_put(&p->up, c->now_ns + c->opts.delay_ms * INT64_C(1000000), k.all, k.size);
		else
			on_packet(c, p, &k);
	}
	memmove(p->in.data, p->in.data + at, p->in.len - at);
	p->in.len -= at;
}

void peer_arrivals(struct cloud_child *c, struct peer *p)
{
	struct packet k;

	if (atomic_load(&c->shared->mode) == CLOUD_HELD)
		return;
	while (p->up.first && p->up.first->due_ns <= c->now_ns) {
		struct piece *first = p->up.first;

		p->up.first = first->next;
		if (packet_at(first->data, first->len, &k))
			on_packet(c, p, &k);
		free(first);
	}
	while (p->down.first && p->down.first->due_ns <= c->now_ns) {
		struct piece *first = p->down.first;

		p->down.first = first->next;
		if (first->data[0] == PUBACK)
			p->unacked--;
		bytes_add(&p->out, first->data, first->len);
		free(first);
	}
}
