/* What single packets tell: limits of docs/protocol/limits.md, kept or counted. */
#include "tests/hubsim/proxy_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC_MAX        255
#define CONNECT_SLACK_MS 100 /* what scheduling may take off the gap between two attempts */

void client_label(const char *client_id, size_t len, char *out, size_t room)
{
	if (len > PID_LEN)
		snprintf(out, room, "%.10s/%.*s", client_id, (int)(len - PID_LEN), client_id + PID_LEN);
	else
		snprintf(out, room, "%.*s", (int)len, client_id);
}

static struct last_connect *last_of(struct proxy *p, const char *label)
{
	struct last_connect *grown;

	for (size_t i = 0; i < p->last_count; i++) {
		if (strcmp(p->last[i].label, label) == 0)
			return &p->last[i];
	}
	grown = realloc(p->last, (p->last_count + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	p->last = grown;
	grown = &p->last[p->last_count++];
	snprintf(grown->label, sizeof grown->label, "%s", label);
	grown->ms = INT64_MIN / 2;
	return grown;
}

static void watch_connect_gap(struct proxy *p, struct conn *c)
{
	struct last_connect *last = last_of(p, c->label);
	int64_t gap;
	char text[64];

	if (!last)
		return;
	gap = c->accepted_ms - last->ms;
	last->ms = c->accepted_ms;
	if ((double)gap >= p->opts.limits->connect_s * 1000 - CONNECT_SLACK_MS)
		return;
	snprintf(text, sizeof text, "%lld ms", (long long)gap);
	violation(p->events, VIOLATION_CONNECT_RATE, c->label, text);
}

static enum verdict watch_connect(struct proxy *p, struct conn *c, const struct packet *packet)
{
	if (!packet_read_connect(packet, &c->connect)) {
		violation(p->events, VIOLATION_FRAMING, c->label, "CONNECT");
		return FORWARD;
	}
	client_label(c->connect.client_id, c->connect.client_id_len, c->label, sizeof c->label);
	stream_peer_name(&c->client, c->peer.cn, sizeof c->peer.cn);
	c->peer.keepalive = c->connect.keepalive;
	c->peer.clean = c->connect.clean;
	c->connect.client_id = NULL;
	p->counts.connects++;
	watch_connect_gap(p, c);
	if (c->connect.will)
		violation(p->events, VIOLATION_WILL, c->label, "");
	if (!limits_take_keepalive(p->opts.limits, c->connect.keepalive))
		violation(p->events, VIOLATION_KEEPALIVE, c->label, "");
	return FORWARD;
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* PUBLISH packets in the second that ends with this one; of_whom: with the same hash alone. */
static int rate_now(struct conn *c, unsigned whose, bool of_whom)
{
	int64_t now = now_us();
	int n = 0;

	c->rate_whose[c->rate_count % RATE_RING] = whose;
	c->rate_times[c->rate_count++ % RATE_RING] = now;
	for (uint64_t i = 0; i < RATE_RING && i < c->rate_count; i++) {
		uint64_t at = (c->rate_count - 1 - i) % RATE_RING;

		if (now - c->rate_times[at] >= 1000000)
			break;
		n += !of_whom || c->rate_whose[at] == whose;
	}
	return n;
}

/* Of {pid}/{dname}: the first two levels of a custom topic, the last two of another. */
static unsigned whose(const char *topic)
{
	const char *at = topic;
	unsigned hash = 5381;
	int slashes = 0;

	if (*topic == '$') {
		at = topic + strlen(topic);
		while (at > topic && (slashes += *at == '/') < 2)
			at--;
		at++;
	}
	slashes = 0;
	for (; *at && (slashes += *at == '/') < 2; at++)
		hash = hash * 33 + (unsigned char)*at;
	return hash;
}

static bool topic_fits(const struct packet_publish *f, const struct limits *lim)
{
	int slashes = 0;

	for (size_t i = 0; i < f->topic_len; i++)
		slashes += f->topic[i] == '/';
	return f->topic_len <= TOPIC_MAX && slashes <= lim->slashes;
}

/* Trees the broker itself refuses without asking the plugin, so that PUBACKs stay countable. */
static bool broker_own(const struct packet_publish *f)
{
	static const char *const own[] = { "$SYS", "$share/" };

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		if (f->topic_len >= strlen(own[i]) && memcmp(f->topic, own[i], strlen(own[i])) == 0)
			return true;
	}
	return false;
}

static enum verdict watch_publish(struct proxy *p, struct conn *c, const struct packet *packet)
{
	const struct limits *lim = p->opts.limits;
	enum verdict refused = lim->enforce ? DISCARD : FORWARD;
	struct packet_publish f;
	enum verdict v = FORWARD;
	char topic[TOPIC_MAX + 1];
	int rate;

	p->counts.publishes++;
	if (!packet_read_publish(packet, &f)) {
		violation(p->events, VIOLATION_FRAMING, c->label, "PUBLISH");
		return FORWARD;
	}
	p->counts.dups += f.dup;
	snprintf(topic, sizeof topic, "%.*s", (int)(f.topic_len < TOPIC_MAX ? f.topic_len : TOPIC_MAX),
	         f.topic);
	rate = rate_now(c, whose(topic), lim->rate_per_device);
	if (rate > p->counts.max_rate)
		p->counts.max_rate = rate;
	if (f.retain)
		violation(p->events, VIOLATION_RETAIN, c->label, topic);
	if (rate > lim->rate_up) {
		violation(p->events, VIOLATION_PUBLISH_RATE, c->label, topic);
		p->counts.rate_dropped += refused == DISCARD;
		v = refused;
	}
	if (f.qos > 1) {
		violation(p->events, VIOLATION_QOS2, c->label, topic);
		v = refused;
	}
	if (f.payload_len > (size_t)lim->payload) {
		violation(p->events, VIOLATION_PAYLOAD_SIZE, c->label, topic);
		v = refused;
	}
	if (!topic_fits(&f, lim)) {
		violation(p->events, VIOLATION_TOPIC, c->label, topic);
		v = refused;
	}
	if (broker_own(&f)) {
		violation(p->events, VIOLATION_FORBIDDEN_PUBLISH, c->label, topic);
		v = DISCARD;
	}
	if (v == FORWARD && f.qos == 1) {
		c->mids[++c->qos1_count % MID_RING] = f.id;
		c->withheld[f.id / 8] &= (uint8_t) ~(1u << (f.id % 8));
	}
	return v;
}

/* A requested QoS 2 becomes 1. */
static enum verdict watch_subscribe(struct proxy *p, struct conn *c, const struct packet *packet,
                                    uint8_t *bytes)
{
	int filters = 0, lowered = 0;
	struct packet_filter f;
	size_t at = 0;

	while (packet_next_filter(packet, &at, &f)) {
		filters++;
		if (f.qos != 2)
			continue;
		bytes[f.qos_at] = 1;
		lowered++;
	}
	if (at != packet->size) {
		violation(p->events, VIOLATION_FRAMING, c->label, "SUBSCRIBE");
		return FORWARD;
	}
	if (filters > 1)
		violation(p->events, VIOLATION_FILTERS, c->label, "");
	if (lowered > 0)
		violation(p->events, VIOLATION_QOS2, c->label, "SUBSCRIBE");
	return FORWARD;
}

static void set_unacked(struct conn *c, uint16_t mid, bool on)
{
	uint8_t bit = (uint8_t)(1u << (mid % 8));
	bool was = c->unacked[mid / 8] & bit;

	c->unacked[mid / 8] = (uint8_t)(on ? c->unacked[mid / 8] | bit : c->unacked[mid / 8] & ~bit);
	c->unacked_count += on - was;
}

static void watch_ack(struct conn *c, const struct packet *packet)
{
	uint16_t mid;

	if (packet_read_id(packet, &mid))
		set_unacked(c, mid, false);
}

enum verdict watch_up(struct proxy *p, struct conn *c, const struct packet *packet, uint8_t *bytes)
{
	if (packet->type == PACKET_CONNECT)
		return watch_connect(p, c, packet);
	if (packet->type == PACKET_PUBLISH)
		return watch_publish(p, c, packet);
	if (packet->type == PACKET_SUBSCRIBE)
		return watch_subscribe(p, c, packet, bytes);
	if (packet->type == PACKET_PUBACK)
		watch_ack(c, packet);
	return FORWARD;
}

static void watch_connack(struct proxy *p, struct conn *c, const struct packet *packet)
{
	bool present;
	uint8_t code;
	cJSON *ev;

	if (!packet_read_connack(packet, &present, &code) || code != 0)
		return;
	c->connected = true;
	ev = event_new("connect");
	cJSON_AddStringToObject(ev, "client", c->label);
	cJSON_AddBoolToObject(ev, "clean", c->connect.clean);
	cJSON_AddNumberToObject(ev, "keepalive", c->connect.keepalive);
	cJSON_AddBoolToObject(ev, "session_present", present);
	cJSON_AddBoolToObject(ev, "tls", c->tls);
	event_push(p->events, ev);
}

static enum verdict watch_puback(struct proxy *p, struct conn *c, const struct packet *packet)
{
	uint16_t mid;

	if (!packet_read_id(packet, &mid))
		return FORWARD;
	if (c->withheld[mid / 8] & (1u << (mid % 8))) {
		c->withheld[mid / 8] &= (uint8_t) ~(1u << (mid % 8));
		p->counts.pubacks_withheld++;
		return DISCARD;
	}
	if (p->drop_pubacks == 0)
		return FORWARD;
	if (p->drop_pubacks > 0)
		p->drop_pubacks--;
	p->counts.pubacks_dropped++;
	return DISCARD;
}

static void watch_command(struct conn *c, const struct packet *packet)
{
	struct packet_publish pub;

	if (packet_read_publish(packet, &pub) && pub.qos > 0)
		set_unacked(c, pub.id, true);
}

enum verdict watch_down(struct proxy *p, struct conn *c, const struct packet *packet)
{
	if (packet->type == PACKET_CONNACK)
		watch_connack(p, c, packet);
	if (packet->type == PACKET_PUBLISH)
		watch_command(c, packet);
	if (packet->type == PACKET_PUBACK)
		return watch_puback(p, c, packet);
	return FORWARD;
}
