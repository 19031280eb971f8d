#include "core/hub/command_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/hub/topic.h"

enum {
	VERSION = 1,
	SEQ_DIGITS = 16,
	NUMBER_BYTES = 8,
};

#define WALL_MS_MAX (INT64_C(1) << 53) /* as core/journal/record.h has times */
#define SEQ_MAX     (UINT64_C(1) << 62)

/* --- the key --- */

void command_record_key(const char *client_id, uint64_t seq, char out[COMMAND_KEY_MAX])
{
	snprintf(out, COMMAND_KEY_MAX, "%s %016" PRIx64, client_id, seq);
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

uint64_t command_record_seq(const char *key, size_t *id_len)
{
	uint64_t seq = 0;

	*id_len = strcspn(key, " ");
	if (key[*id_len] != ' ' || strlen(key + *id_len + 1) != SEQ_DIGITS)
		return 0;
	for (const char *at = key + *id_len + 1; *at; at++) {
		int value = digit(*at);

		if (value < 0)
			return 0;
		seq = seq << 4 | (uint64_t)value;
	}
	return seq <= SEQ_MAX ? seq : 0;
}

/* --- the value --- */

enum status command_record_encode(struct buf *out, const struct command_record *r)
{
	unsigned char head[COMMAND_RECORD_HEAD] = { VERSION, 0, (unsigned char)r->topic_len };
	size_t before = out->len;
	enum status st;

	if (r->topic_len == 0 || r->topic_len > TOPIC_LEN_MAX)
		return ST_TOOBIG;
	for (int i = 0; i < NUMBER_BYTES; i++)
		head[4 + i] = (unsigned char)((uint64_t)r->wall_ms >> (8 * i));
	st = buf_add(out, head, sizeof(head));
	if (st == ST_OK)
		st = buf_add(out, r->topic, r->topic_len);
	if (st == ST_OK && r->len > 0)
		st = buf_add(out, r->payload, r->len);
	if (st != ST_OK)
		out->len = before;
	return st;
}

enum status command_record_decode(const void *bytes, size_t len, struct command_record *out)
{
	const unsigned char *at = bytes;
	uint64_t wall_ms = 0;

	if (len < COMMAND_RECORD_HEAD)
		return ST_MALFORMED;
	if (at[0] != VERSION)
		return ST_INVALID;
	for (int i = 0; i < NUMBER_BYTES; i++)
		wall_ms |= (uint64_t)at[4 + i] << (8 * i);
	out->topic_len = (size_t)at[2] | (size_t)at[3] << 8;
	if (out->topic_len == 0 || out->topic_len > TOPIC_LEN_MAX ||
	    out->topic_len > len - COMMAND_RECORD_HEAD || wall_ms > (uint64_t)WALL_MS_MAX ||
	    memchr(at + COMMAND_RECORD_HEAD, '\0', out->topic_len))
		return ST_MALFORMED;
	out->wall_ms = (int64_t)wall_ms;
	out->topic = (const char *)at + COMMAND_RECORD_HEAD;
	out->payload = at + COMMAND_RECORD_HEAD + out->topic_len;
	out->len = len - COMMAND_RECORD_HEAD - out->topic_len;
	return ST_OK;
}
