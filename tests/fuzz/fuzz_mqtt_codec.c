/* A stream of packets is read to its end. Whatever is accepted lies inside the input,
 * is asked for when cut short, and comes back the same after being encoded again. */
#include "core/mqtt/mqtt_codec.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
	PACKET_MAX = 1024,
	PREFIXES_MAX = 64
};

#define SAMPLE(text)           \
	{                          \
		text, sizeof(text) - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("\x20\x02\x01\x00"),
	SAMPLE("\x30\x07\x00\x03"
	       "a/bxy"),
	SAMPLE("\x32\x09\x00\x03"
	       "a/b\x00\x07xy"),
	SAMPLE("\x3d\x09\x00\x03"
	       "\xe2\x82\xac\x00\x07xy"),
	SAMPLE("\x30\x84\x80\x00\x00\x01tp"),
	SAMPLE("\x40\x02\x12\x34"),
	SAMPLE("\x90\x04\x00\x01\x01\x80"),
	SAMPLE("\xb0\x02\x00\x01"),
	SAMPLE("\xd0\x00"),
	SAMPLE("\x30\xff\xff\xff\x7f"),
	{ NULL, 0 },
};

static void must(bool promise)
{
	if (!promise)
		abort();
}

static bool inside(const void *part, size_t part_len, const uint8_t *whole, size_t len)
{
	const uint8_t *at = part;

	return at >= whole && at <= whole + len && part_len <= len - (size_t)(at - whole);
}

static bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool same_publish(const struct mqtt_publish *a, const struct mqtt_publish *b)
{
	return a->id == b->id && a->qos == b->qos && a->dup == b->dup && a->retain == b->retain &&
	       same_bytes(a->topic.at, a->topic.len, b->topic.at, b->topic.len) &&
	       same_bytes(a->payload, a->len, b->payload, b->len);
}

static void encode_again(const struct mqtt_packet *packet, size_t used)
{
	struct buf out = BUF_MAX(PACKET_MAX);
	struct mqtt_packet second;
	size_t second_used = 0;

	if (packet->type == MQTT_PUBLISH && packet->publish.qos < 2)
		must(mqtt_put_publish(&out, &packet->publish) == ST_OK);
	else if (packet->type == MQTT_PUBACK)
		must(mqtt_put_puback(&out, packet->id) == ST_OK);
	else
		return;
	must(out.len <= used); /* ours is the shortest form */
	must(mqtt_decode(out.data, out.len, PACKET_MAX, &second, &second_used) == ST_OK);
	must(second_used == out.len && second.type == packet->type);
	if (packet->type == MQTT_PUBLISH)
		must(same_publish(&packet->publish, &second.publish));
	else
		must(packet->id == second.id);
	buf_free(&out);
}

static void check_prefixes(const uint8_t *data, size_t used)
{
	struct mqtt_packet packet;
	size_t ignored = 0;

	for (size_t len = 0; len < used && len < PREFIXES_MAX; len++)
		must(mqtt_decode(data, len, PACKET_MAX, &packet, &ignored) == ST_AGAIN);
}

static void check_packet(const struct mqtt_packet *packet, const uint8_t *data, size_t used)
{
	const struct mqtt_publish *p = &packet->publish;

	if (packet->type == MQTT_PUBLISH) {
		must(inside(p->topic.at, p->topic.len, data, used) && p->topic.len > 0);
		must(inside(p->payload, p->len, data, used));
		must(p->qos <= 2 && (p->qos == 0) == (p->id == 0));
	}
	if (packet->type == MQTT_SUBACK)
		must(packet->suback.count >= 1 && packet->suback.count <= MQTT_SUBACK_CODES_MAX);
	check_prefixes(data, used);
	encode_again(packet, used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		struct mqtt_packet packet;
		size_t used = 0;
		enum status st = mqtt_decode(data + at, size - at, PACKET_MAX, &packet, &used);

		if (st == ST_AGAIN || st == ST_MALFORMED)
			return 0;
		must(st == ST_OK || st == ST_TOOBIG);
		must((used > PACKET_MAX) == (st == ST_TOOBIG));
		if (st == ST_OK) {
			must(used >= 2 && used <= size - at);
			check_packet(&packet, data + at, used);
		} else if (used > size - at) {
			return 0;
		}
		at += used;
	}
	return 0;
}
