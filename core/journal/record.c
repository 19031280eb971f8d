#include "core/journal/record.h"

#include <string.h>

#include "core/base/checksum.h"

enum {
	VERSION_AT = 8,
	BOOT_AT = 16,
	FIRST_SEQ_AT = 32,
	FILE_SUM_AT = 60,
	SUM_AT = 4,
	SUMMED_AT = 8 /* of a record: what the checksum covers */
};

static const char magic[] = "HGATE";

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i > 0; i--)
		value = value << 8 | at[i - 1];
	return value;
}

size_t record_size(const struct record *r)
{
	return RECORD_HEAD_BYTES + r->key_len + r->topic_len + r->payload_len;
}

static bool in_bounds(const struct record *r)
{
	return r->seq <= RECORD_SEQ_MAX && r->boot_ms >= 0 && r->boot_ms <= RECORD_MS_MAX &&
	       r->wall_ms >= 0 && r->wall_ms <= RECORD_MS_MAX;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(at, bytes, len);
	return at + len;
}

enum status record_encode(struct buf *out, const struct record *r)
{
	size_t size = record_size(r);
	unsigned char *at;
	enum status st;

	if (r->key_len > UINT16_MAX || r->topic_len > UINT16_MAX || r->payload_len > RECORD_BYTES_MAX ||
	    size > RECORD_BYTES_MAX || !in_bounds(r))
		return ST_TOOBIG;
	st = buf_reserve(out, size, &at);
	if (st != ST_OK)
		return st;
	put(at, size, 4);
	at[8] = (uint8_t)r->type;
	at[9] = r->flags;
	put(at + 10, r->key_len, 2);
	put(at + 12, r->topic_len, 2);
	put(at + 14, r->kind, 2);
	put(at + 16, r->seq, 8);
	put(at + 24, (uint64_t)r->boot_ms, 8);
	put(at + 32, (uint64_t)r->wall_ms, 8);
	put_bytes(
		put_bytes(put_bytes(at + RECORD_HEAD_BYTES, r->key, r->key_len), r->topic, r->topic_len),
		r->payload, r->payload_len);
	record_seal(at, size);
	out->len += size;
	return ST_OK;
}

void record_seal(void *record, size_t size)
{
	uint8_t *at = record;

	put(at + SUM_AT, checksum(0, at + SUMMED_AT, size - SUMMED_AT), 4);
}

enum status record_decode(const void *bytes, size_t len, struct record *out, size_t *size)
{
	return record_decode_by(checksum, bytes, len, out, size);
}

enum status record_decode_by(record_sum_fn *sum, const void *bytes, size_t len, struct record *out,
                             size_t *size)
{
	const uint8_t *at = bytes;
	const char *text = (const char *)bytes + RECORD_HEAD_BYTES;
	size_t whole;

	*size = RECORD_HEAD_BYTES;
	if (len < RECORD_HEAD_BYTES)
		return ST_AGAIN;
	whole = (size_t)get(at, 4);
	if (whole < RECORD_HEAD_BYTES || whole > RECORD_BYTES_MAX || at[8] < RECORD_MESSAGE ||
	    at[8] > RECORD_MARK)
		return ST_MALFORMED;
	*out = (struct record){
		.type = (enum record_type)at[8],
		.flags = at[9],
		.kind = (uint16_t)get(at + 14, 2),
		.seq = get(at + 16, 8),
		.boot_ms = (int64_t)get(at + 24, 8),
		.wall_ms = (int64_t)get(at + 32, 8),
		.key_len = (size_t)get(at + 10, 2),
		.topic_len = (size_t)get(at + 12, 2),
	};
	if (out->key_len + out->topic_len > whole - RECORD_HEAD_BYTES || !in_bounds(out))
		return ST_MALFORMED;
	*size = whole;
	if (len < whole)
		return ST_AGAIN;
	if (sum(0, at + SUMMED_AT, whole - SUMMED_AT) != (uint32_t)get(at + SUM_AT, 4))
		return ST_MALFORMED;
	out->key = text;
	out->topic = text + out->key_len;
	out->payload = text + out->key_len + out->topic_len;
	out->payload_len = whole - RECORD_HEAD_BYTES - out->key_len - out->topic_len;
	return ST_OK;
}

void record_put_file(const struct record_file *f, uint8_t out[RECORD_FILE_BYTES])
{
	memset(out, 0, RECORD_FILE_BYTES);
	memcpy(out, magic, sizeof(magic) - 1);
	memcpy(out + sizeof(magic) - 1, f->kind, sizeof(f->kind) - 1);
	memcpy(out + BOOT_AT, f->boot_id, RECORD_BOOT_BYTES);
	put(out + FIRST_SEQ_AT, f->first_seq, 8);
	record_seal_file(out);
}

void record_seal_file(void *header)
{
	uint8_t *at = header;

	put(at + VERSION_AT, RECORD_VERSION, 4);
	put(at + FILE_SUM_AT, checksum(0, at, FILE_SUM_AT), 4);
}

uint32_t record_file_version(const void *header, record_sum_fn *sum)
{
	const uint8_t *at = header;

	if (memcmp(at, magic, sizeof(magic) - 1) != 0 ||
	    sum(0, at, FILE_SUM_AT) != (uint32_t)get(at + FILE_SUM_AT, 4))
		return 0;
	return (uint32_t)get(at + VERSION_AT, 4);
}

enum status record_get_file(const void *bytes, size_t len, const char *kind,
                            struct record_file *out)
{
	const uint8_t *at = bytes;
	uint32_t version;

	if (len < RECORD_FILE_BYTES)
		return ST_AGAIN;
	version = record_file_version(at, checksum);
	if (version == 0)
		return ST_MALFORMED;
	memset(out, 0, sizeof(*out));
	memcpy(out->kind, at + sizeof(magic) - 1, sizeof(out->kind) - 1);
	if (strcmp(out->kind, kind) != 0 || version != RECORD_VERSION)
		return ST_INVALID;
	memcpy(out->boot_id, at + BOOT_AT, RECORD_BOOT_BYTES);
	out->first_seq = get(at + FIRST_SEQ_AT, 8);
	return out->first_seq > RECORD_SEQ_MAX ? ST_MALFORMED : ST_OK;
}

int64_t record_age_ms(const struct record *r, const uint8_t *boot_id, const struct record_now *now)
{
	int64_t age;

	if (memcmp(boot_id, now->boot_id, RECORD_BOOT_BYTES) == 0)
		age = now->boot_ms - r->boot_ms;
	else if (now->clock_trusted && (r->flags & RECORD_CLOCK_TRUSTED))
		age = now->wall_ms - r->wall_ms;
	else
		return -1;
	return age > 0 ? age : 0;
}
