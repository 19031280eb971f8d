#include "tests/mqtt/packet.h"

#include <stdlib.h>
#include <string.h>

enum {
	LENGTH_BYTES = 4, /* of the remaining length */
	LEVEL = 4,        /* MQTT 3.1.1 */
	CLEAN = 0x02,
	WILL = 0x04,
	PASSWORD = 0x40,
	USERNAME = 0x80,
	RETAIN = 0x01,
	DUP = 0x08,
	SUBSCRIBE_FLAGS = 0x02
};

/* --- taking apart --- */

struct cursor {
	const uint8_t *at;
	size_t left;
};

enum packet_found packet_at(const uint8_t *data, size_t len, struct packet *out)
{
	size_t rest = 0;

	*out = (struct packet){ .all = data };
	if (len == 0)
		return PACKET_PART;
	out->type = (enum packet_type)(data[0] >> 4);
	out->flags = data[0] & 0x0f;
	if (data[0] >> 4 == 0)
		return PACKET_WRONG;
	for (size_t i = 1; i < len && i <= LENGTH_BYTES; i++) {
		rest |= (size_t)(data[i] & 0x7f) << (7 * (i - 1));
		if (data[i] & 0x80)
			continue;
		out->body = data + i + 1;
		out->body_len = rest;
		out->size = i + 1 + rest;
		return out->size <= len ? PACKET_WHOLE : PACKET_PART;
	}
	return len > LENGTH_BYTES ? PACKET_WRONG : PACKET_PART;
}

static struct cursor body_of(const struct packet *p)
{
	return (struct cursor){ p->body, p->body_len };
}

static bool take(struct cursor *c, size_t n, const uint8_t **out)
{
	if (c->left < n)
		return false;
	*out = c->at;
	c->at += n;
	c->left -= n;
	return true;
}

static bool take_number(struct cursor *c, uint16_t *out)
{
	const uint8_t *two;

	if (!take(c, 2, &two))
		return false;
	*out = (uint16_t)(two[0] << 8 | two[1]);
	return true;
}

static bool take_text(struct cursor *c, const char **text, size_t *len)
{
	const uint8_t *at;
	uint16_t n;

	if (!take_number(c, &n) || !take(c, n, &at))
		return false;
	*text = (const char *)at;
	*len = n;
	return true;
}

bool packet_read_connect(const struct packet *p, struct packet_connect *out)
{
	struct cursor c = body_of(p);
	const uint8_t *level_and_flags;
	const char *protocol;
	size_t protocol_len;

	if (!take_text(&c, &protocol, &protocol_len) || !take(&c, 2, &level_and_flags))
		return false;
	out->clean = level_and_flags[1] & CLEAN;
	out->will = level_and_flags[1] & WILL;
	return take_number(&c, &out->keepalive) && take_text(&c, &out->client_id, &out->client_id_len);
}

bool packet_read_connack(const struct packet *p, bool *present, uint8_t *code)
{
	struct cursor c = body_of(p);
	const uint8_t *two;

	if (!take(&c, 2, &two))
		return false;
	*present = two[0] & 1;
	*code = two[1];
	return true;
}

bool packet_read_publish(const struct packet *p, struct packet_publish *out)
{
	struct cursor c = body_of(p);

	out->qos = p->flags >> 1 & 3;
	out->retain = p->flags & RETAIN;
	out->dup = p->flags & DUP;
	out->id = 0;
	if (!take_text(&c, &out->topic, &out->topic_len))
		return false;
	if (out->qos > 0 && !take_number(&c, &out->id))
		return false;
	out->payload = c.at;
	out->payload_len = c.left;
	return true;
}

bool packet_read_id(const struct packet *p, uint16_t *id)
{
	struct cursor c = body_of(p);

	return take_number(&c, id);
}

bool packet_next_filter(const struct packet *p, size_t *at, struct packet_filter *out)
{
	size_t from = *at ? *at : (size_t)(p->body - p->all) + 2; /* behind the packet id */
	struct cursor c = { p->all + from, p->size > from ? p->size - from : 0 };
	const uint8_t *qos;

	*at = from;
	if (!take_text(&c, &out->text, &out->len) || !take(&c, 1, &qos))
		return false;
	out->qos = *qos & 3;
	out->qos_at = (size_t)(qos - p->all);
	*at = out->qos_at + 1;
	return true;
}

/* --- making --- */

void packets_fini(struct packets *b)
{
	free(b->data);
	*b = (struct packets){ 0 };
}

static uint8_t *reserve(struct packets *b, size_t len)
{
	size_t room = (b->len + len) * 2 + 64;
	uint8_t *at;

	if (b->len + len > b->room) {
		at = realloc(b->data, room);
		if (!at)
			abort();
		b->data = at;
		b->room = room;
	}
	at = b->data + b->len;
	b->len += len;
	return at;
}

void packets_add(struct packets *b, const void *data, size_t len)
{
	uint8_t *at = reserve(b, len);

	if (len > 0)
		memcpy(at, data, len);
}

void packets_drop(struct packets *b, size_t len)
{
	b->len -= len;
	if (b->len > 0 && len > 0)
		memmove(b->data, b->data + len, b->len);
}

static void put_byte(struct packets *b, int byte)
{
	*reserve(b, 1) = (uint8_t)byte;
}

static void put_number(struct packets *b, size_t n)
{
	put_byte(b, (int)(n >> 8 & 0xff));
	put_byte(b, (int)(n & 0xff));
}

static void put_text(struct packets *b, const char *text)
{
	put_number(b, strlen(text));
	packets_add(b, text, strlen(text));
}

static void put_head(struct packets *b, enum packet_type type, int flags, size_t rest)
{
	put_byte(b, (int)type << 4 | flags);
	for (; rest > 0x7f; rest >>= 7)
		put_byte(b, (int)(rest & 0x7f) | 0x80);
	put_byte(b, (int)rest);
}

static size_t text_size(const char *text)
{
	return text ? 2 + strlen(text) : 0;
}

void packet_put_connect(struct packets *b, const struct packet_login *login)
{
	int flags = (login->clean ? CLEAN : 0) | (login->username ? USERNAME : 0) |
	            (login->password ? PASSWORD : 0);

	put_head(b, PACKET_CONNECT, 0,
	         text_size("MQTT") + 4 + text_size(login->client_id) + text_size(login->username) +
	             text_size(login->password));
	put_text(b, "MQTT");
	put_byte(b, LEVEL);
	put_byte(b, flags);
	put_number(b, login->keepalive);
	put_text(b, login->client_id);
	if (login->username)
		put_text(b, login->username);
	if (login->password)
		put_text(b, login->password);
}

void packet_put_connack(struct packets *b, bool present, uint8_t code)
{
	put_head(b, PACKET_CONNACK, 0, 2);
	put_byte(b, present);
	put_byte(b, code);
}

uint8_t *packet_put_publish(struct packets *b, const char *topic, int qos, uint16_t id,
                            const void *payload, size_t len)
{
	uint8_t *at;

	put_head(b, PACKET_PUBLISH, qos << 1, text_size(topic) + (qos ? 2 : 0) + len);
	put_text(b, topic);
	if (qos)
		put_number(b, id);
	at = reserve(b, len);
	if (payload && len > 0)
		memcpy(at, payload, len);
	return at;
}

void packet_put_subscribe(struct packets *b, uint16_t id, const char *filter, int qos)
{
	put_head(b, PACKET_SUBSCRIBE, SUBSCRIBE_FLAGS, 2 + text_size(filter) + 1);
	put_number(b, id);
	put_text(b, filter);
	put_byte(b, qos);
}

void packet_put_suback(struct packets *b, uint16_t id, uint8_t code)
{
	put_head(b, PACKET_SUBACK, 0, 3);
	put_number(b, id);
	put_byte(b, code);
}

void packet_put_ack(struct packets *b, enum packet_type type, uint16_t id)
{
	put_head(b, type, 0, 2);
	put_number(b, id);
}

void packet_put_empty(struct packets *b, enum packet_type type)
{
	put_head(b, type, 0, 0);
}
