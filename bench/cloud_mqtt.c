/* What the benchmark's cloud understands and answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cloud_child.h"

#define OPERATION "$gateway/operation/"
#define RESULT    "$gateway/operation/result/"
#define GATEWAY   "GWPRODUCT1/gw1" /* of bench/side.c, as PRODUCT is */
#define PRODUCT   "SUBPRODUC1"
#define DEVICE    "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"d%04u\"}"

enum {
	SECOND_NS = 1000000000,
	TOLD_DEVICES = 50, /* get commands */
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

static bool is_puback(const uint8_t *data)
{
	return data[0] >> 4 == PACKET_PUBACK;
}

/* What was made in c->reply goes to the peer, by way of the delay. */
static void say(struct cloud_child *c, struct peer *p)
{
	struct packets *reply = &c->reply;

	if (c->opts.delay_ms > 0)
		road_put(&p->down, c->now_ns + c->opts.delay_ms * INT64_C(1000000), reply->data,
		         reply->len);
	else
		packets_add(&p->out, reply->data, reply->len);
	if (c->opts.delay_ms == 0 && is_puback(reply->data))
		p->unacked--;
	reply->len = 0;
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
static void answer_gateway(struct cloud_child *c, struct peer *p, const char *operation,
                           const char *request)
{
	const char *name = strstr(request, "\"device_name\":\"");
	const char *end = strstr(request, "}]}}");
	char topic[256 + sizeof(RESULT)], body[1024];
	unsigned device = CLOUD_DEVICES;
	bool bound;
	int len;

	if (!name || !end)
		return;
	bound = sscanf(name, "\"device_name\":\"d%u", &device) == 1 && device < CLOUD_DEVICES &&
	        (int)device != c->opts.refused;
	snprintf(topic, sizeof(topic), RESULT "%s", operation + strlen(OPERATION));
	len = snprintf(body, sizeof(body), "%.*s,\"result\":%d}]}}", (int)(end - request), request,
	               bound ? 0 : -1);
	if (len >= (int)sizeof(body))
		return;
	if (bound)
		set_online(c, device, strstr(request, "\"online\"") != NULL);
	packet_put_publish(&c->reply, topic, 0, 0, body, (size_t)len);
	say(c, p);
}

static void on_operation(struct cloud_child *c, struct peer *p, const struct packet_publish *f)
{
	char name[256], text[1024];

	if (f->topic_len >= sizeof(name) || f->payload_len >= sizeof(text))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)f->topic_len, f->topic);
	snprintf(text, sizeof(text), "%.*s", (int)f->payload_len, (const char *)f->payload);
	if (strncmp(name, OPERATION, strlen(OPERATION)) == 0)
		answer_gateway(c, p, name, text);
}

static bool is_undeclared(const struct packet_publish *f)
{
	size_t len = strlen(CLOUD_UNDECLARED);

	return f->topic_len > len && memcmp(f->topic + f->topic_len - len, CLOUD_UNDECLARED, len) == 0;
}

static void on_publish(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	struct packet_publish f;

	if (!packet_read_publish(k, &f))
		return;
	if (is_undeclared(&f)) {
		atomic_fetch_add(&c->shared->counts.forbidden, 1);
		p->broken |= c->opts.forbidden == CLOUD_CLOSES;
		return;
	}
	rate_note(&c->taken, c->now_ns, &c->shared->counts.taken_per_s);
	if (f.topic_len > 0 && f.topic[0] == '$')
		on_operation(c, p, &f);
	else
		count(c, f.payload, f.payload_len);
	if (f.qos == 1) {
		packet_put_ack(&c->reply, PACKET_PUBACK, f.id);
		say(c, p);
	}
}

static void on_connect(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	struct packet_connect f;
	bool clean = packet_read_connect(k, &f) && f.clean;

	packet_put_connack(&c->reply, !clean && (c->known || c->opts.knows), 0);
	c->known = !clean;
	all_offline(c);
	say(c, p);
}

static void tell_list(struct cloud_child *c, uint32_t count)
{
	size_t room = 64 + (size_t)count * 64, len = 0;
	char *text = malloc(room);

	if (!text)
		abort();
	len += (size_t)snprintf(text, room,
	                        "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":[");
	for (uint32_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, room - len, "%s" DEVICE, i ? "," : "", i);
	len += (size_t)snprintf(text + len, room - len, "]}}");
	packet_put_publish(&c->reply, RESULT GATEWAY, 0, 0, text, len);
	free(text);
}

static void tell_change(struct cloud_child *c, uint32_t device)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
	                   "{\"type\":\"change\",\"payload\":{\"status\":1,\"devices\":[" DEVICE "]}}",
	                   device);

	packet_put_publish(&c->reply, RESULT GATEWAY, 0, 0, text, (size_t)len);
}

static void tell_command(struct cloud_child *c, uint32_t device)
{
	char topic[64];

	snprintf(topic, sizeof(topic), PRODUCT "/d%04u/control", device);
	packet_put_publish(&c->reply, topic, 0, 0, "{\"on\":1}", 8);
}

void peer_tell(struct cloud_child *c, struct peer *p, enum cloud_news news, uint32_t count)
{
	if (!p->gateway)
		return;
	if (news == CLOUD_LIST) {
		tell_list(c, count);
		say(c, p);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (news == CLOUD_CHANGES)
			tell_change(c, i % CLOUD_DEVICES);
		else
			tell_command(c, i % TOLD_DEVICES);
		say(c, p);
	}
}

static void on_subscribe(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	uint16_t id;

	if (!packet_read_id(k, &id))
		return;
	p->gateway = true;
	if (k->type == PACKET_SUBSCRIBE)
		packet_put_suback(&c->reply, id, 1);
	else
		packet_put_ack(&c->reply, PACKET_UNSUBACK, id);
	say(c, p);
}

static void on_packet(struct cloud_child *c, struct peer *p, const struct packet *k)
{
	switch ((int)k->type) {
	case PACKET_CONNECT:
		on_connect(c, p, k);
		break;
	case PACKET_PUBLISH:
		on_publish(c, p, k);
		break;
	case PACKET_SUBSCRIBE:
	case PACKET_UNSUBSCRIBE:
		on_subscribe(c, p, k);
		break;
	case PACKET_PINGREQ:
		packet_put_empty(&c->reply, PACKET_PINGRESP);
		say(c, p);
		break;
	case PACKET_DISCONNECT:
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
	if (k->flags >> 1 & 3)
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
	       packet_at(p->in.data + at, p->in.len - at, &k) == PACKET_WHOLE) {
		at += k.size;
		if (k.type == PACKET_PUBLISH)
			note_sent(c, p, &k);
		if (c->opts.delay_ms > 0 || held || p->up.first)
			road_put(&p->up, c->now_ns + c->opts.delay_ms * INT64_C(1000000), k.all, k.size);
		else
			on_packet(c, p, &k);
	}
	packets_drop(&p->in, at);
}

void peer_arrivals(struct cloud_child *c, struct peer *p)
{
	struct packet k;

	if (atomic_load(&c->shared->mode) == CLOUD_HELD)
		return;
	while (p->up.first && p->up.first->due_ns <= c->now_ns) {
		struct piece *first = p->up.first;

		p->up.first = first->next;
		if (packet_at(first->data, first->len, &k) == PACKET_WHOLE)
			on_packet(c, p, &k);
		free(first);
	}
	while (p->down.first && p->down.first->due_ns <= c->now_ns) {
		struct piece *first = p->down.first;

		p->down.first = first->next;
		if (is_puback(first->data))
			p->unacked--;
		packets_add(&p->out, first->data, first->len);
		free(first);
	}
}
