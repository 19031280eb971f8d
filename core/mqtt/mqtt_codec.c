#include "core/mqtt/mqtt_codec.h"

#include <string.h>

#include "core/base/utf8.h"

enum {
	REST_MAX = 268435455, /* what four bytes of remaining length can say */
	REST_BYTES_MAX = 4,
	TEXT_MAX = 65535,
	ID_LEN = 2,
	LEN_LEN = 2,
	PROTOCOL_LEVEL = 4,
	CONNECT_FIXED_LEN = 10, /* protocol name, level, flags, keep alive */
};

enum {
	CONNECT_CLEAN = 0x02,
	CONNECT_PASSWORD = 0x40,
	CONNECT_USERNAME = 0x80
};
enum {
	PUBLISH_RETAIN = 0x01,
	PUBLISH_QOS_SHIFT = 1,
	PUBLISH_QOS = 0x03,
	PUBLISH_DUP = 0x08
};
enum {
	REQUEST_FLAGS = 0x02
}; /* reserved bits of SUBSCRIBE and UNSUBSCRIBE */

static bool text_ok(struct mqtt_text t)
{
	return t.len <= TEXT_MAX && utf8_ok(t.at, t.len);
}

static bool filter_ok(struct mqtt_text t)
{
	return t.len > 0 && text_ok(t);
}

static bool topic_ok(struct mqtt_text t)
{
	return filter_ok(t) && !memchr(t.at, '+', t.len) && !memchr(t.at, '#', t.len);
}

struct mqtt_text mqtt_text(const char *text)
{
	return (struct mqtt_text){ .at = text, .len = text ? strlen(text) : 0 };
}

static unsigned char *put_bytes(unsigned char *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

static unsigned char *put_u16(unsigned char *at, size_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
	return at + 2;
}

static unsigned char *put_text(unsigned char *at, struct mqtt_text t)
{
	return put_bytes(put_u16(at, t.len), t.at, t.len);
}

/* Adds the fixed header and rest bytes for the caller to fill at *body. Nothing can
 * fail afterwards, which is why out never holds half a packet. */
static enum status open_packet(struct buf *out, unsigned first, size_t rest, unsigned char **body)
{
	unsigned char header[1 + REST_BYTES_MAX];
	size_t header_len = 0, left = rest;
	unsigned char *at = NULL;
	enum status st;

	if (rest > REST_MAX)
		return ST_INVALID;
	header[header_len++] = (unsigned char)first;
	do {
		header[header_len++] = (unsigned char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
		left >>= 7;
	} while (left > 0);
	st = buf_reserve(out, header_len + rest, &at);
	if (st != ST_OK)
		return st;
	out->len += header_len + rest;
	*body = put_bytes(at, header, header_len);
	return ST_OK;
}

static unsigned first_byte(enum mqtt_type type, unsigned flags)
{
	return (unsigned)type << 4 | flags;
}

static bool connect_ok(const struct mqtt_connect *c)
{
	if (!text_ok(c->client_id) || (c->client_id.len == 0 && !c->clean_session))
		return false;
	if (c->username.at && !text_ok(c->username))
		return false;
	return !c->password.at || (c->username.at && c->password.len <= TEXT_MAX);
}

enum status mqtt_put_connect(struct buf *out, const struct mqtt_connect *c)
{
	size_t rest = CONNECT_FIXED_LEN + LEN_LEN + c->client_id.len;
	unsigned char flags = c->clean_session ? CONNECT_CLEAN : 0;
	unsigned char *at = NULL;
	enum status st;

	if (!connect_ok(c))
		return ST_INVALID;
	if (c->username.at) {
		flags |= CONNECT_USERNAME;
		rest += LEN_LEN + c->username.len;
	}
	if (c->password.at) {
		flags |= CONNECT_PASSWORD;
		rest += LEN_LEN + c->password.len;
	}
	st = open_packet(out, first_byte(MQTT_CONNECT, 0), rest, &at);
	if (st != ST_OK)
		return st;
	at = put_text(at, mqtt_text("MQTT"));
	*at++ = PROTOCOL_LEVEL;
	*at++ = flags;
	at = put_u16(at, c->keepalive_s);
	at = put_text(at, c->client_id);
	if (c->username.at)
		at = put_text(at, c->username);
	if (c->password.at)
		put_text(at, c->password);
	return ST_OK;
}

static bool publish_ok(const struct mqtt_publish *p)
{
	if (p->qos > 1 || (p->qos == 1 && p->id == 0) || (p->qos == 0 && p->dup))
		return false;
	return p->len <= REST_MAX && topic_ok(p->topic);
}

enum status mqtt_put_publish(struct buf *out, const struct mqtt_publish *p)
{
	unsigned flags = (unsigned)p->qos << PUBLISH_QOS_SHIFT;
	unsigned char *at = NULL;
	enum status st;

	if (!publish_ok(p))
		return ST_INVALID;
	flags |= (p->dup ? PUBLISH_DUP : 0u) | (p->retain ? PUBLISH_RETAIN : 0u);
	st = open_packet(out, first_byte(MQTT_PUBLISH, flags),
	                 LEN_LEN + p->topic.len + (p->qos ? ID_LEN : 0) + p->len, &at);
	if (st != ST_OK)
		return st;
	at = put_text(at, p->topic);
	if (p->qos)
		at = put_u16(at, p->id);
	put_bytes(at, p->payload, p->len);
	return ST_OK;
}

enum status mqtt_put_puback(struct buf *out, uint16_t id)
{
	unsigned char *at = NULL;
	enum status st;

	if (id == 0)
		return ST_INVALID;
	st = open_packet(out, first_byte(MQTT_PUBACK, 0), ID_LEN, &at);
	if (st == ST_OK)
		put_u16(at, id);
	return st;
}

enum status mqtt_put_subscribe(struct buf *out, uint16_t id, struct mqtt_text filter, uint8_t qos)
{
	unsigned char *at = NULL;
	enum status st;

	if (id == 0 || qos > 1 || !filter_ok(filter))
		return ST_INVALID;
	st = open_packet(out, first_byte(MQTT_SUBSCRIBE, REQUEST_FLAGS),
	                 ID_LEN + LEN_LEN + filter.len + 1, &at);
	if (st != ST_OK)
		return st;
	at = put_text(put_u16(at, id), filter);
	*at = qos;
	return ST_OK;
}

enum status mqtt_put_unsubscribe(struct buf *out, uint16_t id, struct mqtt_text filter)
{
	unsigned char *at = NULL;
	enum status st;

	if (id == 0 || !filter_ok(filter))
		return ST_INVALID;
	st = open_packet(out, first_byte(MQTT_UNSUBSCRIBE, REQUEST_FLAGS),
	                 ID_LEN + LEN_LEN + filter.len, &at);
	if (st == ST_OK)
		put_text(put_u16(at, id), filter);
	return st;
}

static enum status put_bare(struct buf *out, enum mqtt_type type)
{
	unsigned char *at = NULL;

	return open_packet(out, first_byte(type, 0), 0, &at);
}

enum status mqtt_put_pingreq(struct buf *out)
{
	return put_bare(out, MQTT_PINGREQ);
}

enum status mqtt_put_disconnect(struct buf *out)
{
	return put_bare(out, MQTT_DISCONNECT);
}

static uint16_t get_u16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A refusal is worth more than a broken flag beside it, so session present does not
 * count then. */
static bool read_connack(const unsigned char *at, size_t len, struct mqtt_packet *out)
{
	(void)len;
	out->connack.code = at[1];
	out->connack.session_present = at[0] == 1 && at[1] == 0;
	return at[0] <= 1;
}

static bool read_publish(const unsigned char *at, size_t len, struct mqtt_packet *out)
{
	struct mqtt_publish *p = &out->publish;
	size_t fixed = LEN_LEN + (p->qos ? ID_LEN : 0);
	size_t topic_len = get_u16(at);

	if (topic_len > len - fixed)
		return false;
	p->topic = (struct mqtt_text){ .at = (const char *)at + LEN_LEN, .len = topic_len };
	if (p->qos)
		p->id = get_u16(at + LEN_LEN + topic_len);
	p->payload = at + fixed + topic_len;
	p->len = len - fixed - topic_len;
	return (p->qos == 0 || p->id != 0) && topic_ok(p->topic);
}

static bool read_id(const unsigned char *at, size_t len, struct mqtt_packet *out)
{
	(void)len;
	out->id = get_u16(at);
	return out->id != 0;
}

static bool read_suback(const unsigned char *at, size_t len, struct mqtt_packet *out)
{
	out->suback.id = get_u16(at);
	for (size_t i = ID_LEN; i < len; i++) {
		if (at[i] > 2 && at[i] != MQTT_SUBACK_FAILURE)
			return false;
		if (out->suback.count < MQTT_SUBACK_CODES_MAX)
			out->suback.codes[out->suback.count++] = at[i];
	}
	return out->suback.id != 0;
}

static bool read_bare(const unsigned char *at, size_t len, struct mqtt_packet *out)
{
	(void)at, (void)len, (void)out;
	return true;
}

/* What a server may send; a type without reader is refused. Limits are of the
 * remaining length; PUBLISH adds its packet id. */
static const struct kind {
	bool (*read)(const unsigned char *at, size_t len, struct mqtt_packet *out);
	size_t rest_min, rest_max;
} kinds[16] = {
	[MQTT_CONNACK] = { read_connack, 2, 2 },
	[MQTT_PUBLISH] = { read_publish, LEN_LEN + 1, REST_MAX },
	[MQTT_PUBACK] = { read_id, ID_LEN, ID_LEN },
	[MQTT_SUBACK] = { read_suback, ID_LEN + 1, REST_MAX },
	[MQTT_UNSUBACK] = { read_id, ID_LEN, ID_LEN },
	[MQTT_PINGRESP] = { read_bare, 0, 0 },
};

/* Fills in what the first byte says of the packet. */
static bool read_first(unsigned char first, struct mqtt_packet *out)
{
	unsigned flags = first & 0x0f;

	memset(out, 0, sizeof *out);
	out->type = (enum mqtt_type)(first >> 4);
	if (!kinds[out->type].read)
		return false;
	if (out->type != MQTT_PUBLISH)
		return flags == 0;
	out->publish.qos = flags >> PUBLISH_QOS_SHIFT & PUBLISH_QOS;
	out->publish.dup = (flags & PUBLISH_DUP) != 0;
	out->publish.retain = (flags & PUBLISH_RETAIN) != 0;
	return out->publish.qos <= 2 && !(out->publish.dup && out->publish.qos == 0);
}

static enum status read_rest(const unsigned char *at, size_t len, size_t *rest, size_t *bytes)
{
	*rest = 0;
	for (*bytes = 0; *bytes < REST_BYTES_MAX;) {
		if (*bytes == len)
			return ST_AGAIN;
		*rest |= (size_t)(at[*bytes] & 0x7f) << (7 * *bytes);
		if (!(at[(*bytes)++] & 0x80))
			return ST_OK;
	}
	return ST_MALFORMED;
}

enum status mqtt_decode(const void *data, size_t len, size_t max, struct mqtt_packet *out,
                        size_t *used)
{
	const unsigned char *at = data;
	const struct kind *kind;
	size_t rest, rest_bytes, rest_min, whole;
	enum status st;

	if (len == 0)
		return ST_AGAIN;
	if (!read_first(at[0], out))
		return ST_MALFORMED;
	st = read_rest(at + 1, len - 1, &rest, &rest_bytes);
	if (st != ST_OK)
		return st;
	kind = &kinds[out->type];
	rest_min = kind->rest_min + (out->type == MQTT_PUBLISH && out->publish.qos ? ID_LEN : 0);
	if (rest < rest_min || rest > kind->rest_max)
		return ST_MALFORMED;
	whole = 1 + rest_bytes + rest;
	if (whole > max) {
		*used = whole;
		return ST_TOOBIG;
	}
	if (len < whole)
		return ST_AGAIN;
	if (!kind->read(at + 1 + rest_bytes, rest, out))
		return ST_MALFORMED;
	*used = whole;
	return ST_OK;
}
