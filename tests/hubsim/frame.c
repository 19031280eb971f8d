#include "tests/hubsim/frame.h"

#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
};

long frame_length(const uint8_t *data, size_t len)
{
	size_t rest = 0;

	if (len >= 1 && (data[0] >> 4) == 0)
		return -1;
	for (size_t i = 1; i < len && i <= 4; i++) {
		rest |= (size_t)(data[i] & 0x7f) << (7 * (i - 1));
		if (data[i] & 0x80)
			continue;
		rest += i + 1;
		if (rest > FRAME_MAX)
			return -1;
		return rest <= len ? (long)rest : 0;
	}
	return len > 4 ? -1 : 0;
}

/* Past the fixed header. */
static struct cursor body(const uint8_t *frame, size_t len)
{
	size_t i = 1;

	while (i < len && frame[i] & 0x80)
		i++;
	i++;
	return (struct cursor){ .at = frame + i, .left = i < len ? len - i : 0 };
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

static bool take_u16(struct cursor *c, uint16_t *out)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return false;
	*out = (uint16_t)(p[0] << 8 | p[1]);
	return true;
}

static bool take_text(struct cursor *c, const char **text, size_t *text_len)
{
	const uint8_t *p;
	uint16_t n;

	if (!take_u16(c, &n) || !take(c, n, &p))
		return false;
	*text = (const char *)p;
	*text_len = n;
	return true;
}

bool frame_connect(const uint8_t *frame, size_t len, struct connect_fields *out)
{
	struct cursor c = body(frame, len);
	const char *protocol;
	size_t protocol_len;
	const uint8_t *p;

	if (!take_text(&c, &protocol, &protocol_len) || !take(&c, 2, &p))
		return false;
	out->clean = p[1] & 0x02;
	out->will = p[1] & 0x04;
	return take_u16(&c, &out->keepalive) && take_text(&c, &out->client_id, &out->client_id_len);
}

bool frame_publish(const uint8_t *frame, size_t len, struct publish_fields *out)
{
	struct cursor c = body(frame, len);

	out->qos = (frame[0] >> 1) & 3;
	out->retain = frame[0] & 1;
	out->mid = 0;
	if (!take_text(&c, &out->topic, &out->topic_len))
		return false;
	if (out->qos > 0 && !take_u16(&c, &out->mid))
		return false;
	out->payload_len = c.left;
	return true;
}

bool frame_subscribe(uint8_t *frame, size_t len, int *filters, int *lowered)
{
	struct cursor c = body(frame, len);
	const uint8_t *qos;
	const char *filter;
	size_t filter_len;
	uint16_t mid;

	*filters = *lowered = 0;
	if (!take_u16(&c, &mid))
		return false;
	while (c.left > 0) {
		if (!take_text(&c, &filter, &filter_len) || !take(&c, 1, &qos))
			return false;
		++*filters;
		if ((*qos & 3) == 2) {
			frame[qos - frame] = 1;
			++*lowered;
		}
	}
	return true;
}

bool frame_connack(const uint8_t *frame, size_t len, bool *present, uint8_t *code)
{
	struct cursor c = body(frame, len);
	const uint8_t *p;

	if (!take(&c, 2, &p))
		return false;
	*present = p[0] & 1;
	*code = p[1];
	return true;
}

bool frame_puback(const uint8_t *frame, size_t len, uint16_t *mid)
{
	struct cursor c = body(frame, len);

	return take_u16(&c, mid);
}
