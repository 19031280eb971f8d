#include "core/journal/record_v1.h"

#include "core/journal/record.h"

enum {
	VERSION = 1
};

/* The CRC of half a byte. */
static const uint32_t halves[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
	0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t record_v1_sum(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = at + len;

	crc = ~crc;
	for (; at < end; at++) {
		crc = halves[(crc ^ *at) & 15] ^ crc >> 4;
		crc = halves[(crc ^ *at >> 4) & 15] ^ crc >> 4;
	}
	return ~crc;
}

bool record_v1_lift_file(void *bytes)
{
	if (record_file_version(bytes, record_v1_sum) != VERSION)
		return false;
	record_seal_file(bytes);
	return true;
}

size_t record_v1_lift(void *bytes, size_t len, bool last, uint64_t *lifted)
{
	unsigned char *b = bytes;
	struct record r;
	size_t at = 0, size;

	while (at < len) {
		enum status st = record_decode_by(record_v1_sum, b + at, len - at, &r, &size);

		if (st == ST_AGAIN && !last)
			break;
		if (st == ST_OK) {
			record_seal(b + at, size);
			++*lifted;
		} else if (record_decode(b + at, len - at, &r, &size) != ST_OK) {
			size = 1; /* the payload of a record of this version is never looked into */
		}
		at += size;
	}
	return at;
}
