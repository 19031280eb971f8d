#include "core/journal/record.h"

#include <string.h>

#include "core/base/checksum.h"
#include "core/journal/record_v1.h"
#include "tests/fakes/store_age.h"
#include "tests/runner.h"

enum {
	OUT_MAX = 4 << 20,
	HOUR_MS = 3600 * 1000
};

static const uint8_t boot_a[RECORD_BOOT_BYTES] = "boot-a", boot_b[RECORD_BOOT_BYTES] = "boot-b";

static struct record example(void)
{
	return (struct record){
		.type = RECORD_MESSAGE,
		.flags = RECORD_QOS1 | RECORD_CLOCK_TRUSTED,
		.seq = UINT64_C(0x0102030405060708),
		.boot_ms = 5000,
		.wall_ms = INT64_C(1795000000000),
		.key = "SUBPRODUC1dev1",
		.key_len = 14,
		.topic = "SUBPRODUC1/dev1/event",
		.topic_len = 21,
		.payload = "\0{}",
		.payload_len = 3,
	};
}

static void checksum_is_that_of_xxh3_and_goes_on_where_it_was(void)
{
	/* XXH3_64bits of nothing and of one zero byte, from the sanity checks of xxHash 0.8. */
	CU_ASSERT_EQUAL(checksum(0, NULL, 0), (uint32_t)UINT64_C(0x2D06800538D394C2));
	CU_ASSERT_EQUAL(checksum(0, "", 1), (uint32_t)UINT64_C(0xC44BDFF4074EECDB));
	CU_ASSERT_NOT_EQUAL(checksum(checksum(0, "1234", 4), "56789", 5),
	                    checksum(checksum(0, "1235", 4), "56789", 5));
}

static void checksum_of_version_1_is_crc_32c(void)
{
	unsigned char zeros[32] = { 0 };

	/* The check value of the CRC catalogue, and RFC 3720 B.4. */
	CU_ASSERT_EQUAL(record_v1_sum(0, "123456789", 9), 0xE3069283u);
	CU_ASSERT_EQUAL(record_v1_sum(0, zeros, sizeof(zeros)), 0x8A9136AAu);
	CU_ASSERT_EQUAL(record_v1_sum(record_v1_sum(0, "1234", 4), "56789", 5), 0xE3069283u);
}

/* --- version 1 --- */

static void seal_old(struct buf *b, size_t at, size_t size)
{
	uint32_t crc = store_age_crc(0, b->data + at + 8, size - 8);

	for (int i = 0; i < 4; i++)
		b->data[at + 4 + (size_t)i] = (unsigned char)(crc >> 8 * i);
}

static void record_of_version_1_becomes_one_of_this_version_and_its_payload_is_not_looked_into(void)
{
	struct buf inner = BUF_MAX(OUT_MAX), out = BUF_MAX(OUT_MAX);
	struct record in = example(), back;
	uint64_t lifted = 0;
	size_t size;

	CU_ASSERT_EQUAL_FATAL(record_encode(&inner, &in), ST_OK);
	seal_old(&inner, 0, inner.len);
	in.payload = inner.data; /* what a device may send */
	in.payload_len = inner.len;
	CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 0)
			seal_old(&out, 0, out.len);
		CU_ASSERT_EQUAL(record_v1_lift(out.data, out.len, true, &lifted), out.len);
		CU_ASSERT_EQUAL(lifted, 1); /* none the second time */
		CU_ASSERT_EQUAL_FATAL(record_decode(out.data, out.len, &back, &size), ST_OK);
		CU_ASSERT(back.payload_len == inner.len &&
		          memcmp(back.payload, inner.data, inner.len) == 0);
	}
	buf_free(&inner);
	buf_free(&out);
}

static void what_is_no_record_of_version_1_stays_and_half_a_one_is_given_again(void)
{
	struct buf b = BUF_MAX(OUT_MAX);
	struct record in = example(), back;
	uint64_t lifted = 0;
	size_t one, size;

	CU_ASSERT_EQUAL_FATAL(buf_add(&b, "damage", 6), ST_OK);
	CU_ASSERT_EQUAL_FATAL(record_encode(&b, &in), ST_OK);
	one = b.len - 6;
	seal_old(&b, 6, one);
	CU_ASSERT_EQUAL(record_v1_lift(b.data, b.len - 1, false, &lifted), 6);
	CU_ASSERT_EQUAL(lifted, 0);
	CU_ASSERT_EQUAL(record_v1_lift(b.data, b.len - 1, true, &lifted), b.len - 1);
	CU_ASSERT_EQUAL(lifted, 0);
	CU_ASSERT_EQUAL(record_v1_lift(b.data, b.len, false, &lifted), b.len);
	CU_ASSERT_EQUAL(lifted, 1);
	CU_ASSERT_EQUAL(memcmp(b.data, "damage", 6), 0);
	CU_ASSERT_EQUAL(record_decode(b.data + 6, one, &back, &size), ST_OK);
	buf_free(&b);
}

static void header_of_version_1_is_known_and_a_newer_one_too(void)
{
	struct record_file in = { .kind = "SEG", .first_seq = 77 }, back;
	uint8_t bytes[RECORD_FILE_BYTES];
	uint32_t sum;

	record_put_file(&in, bytes);
	CU_ASSERT_FALSE(record_v1_lift_file(bytes));
	bytes[8] = 1;
	sum = store_age_crc(0, bytes, 60);
	for (int i = 0; i < 4; i++)
		bytes[60 + i] = (uint8_t)(sum >> 8 * i);
	CU_ASSERT_EQUAL(record_get_file(bytes, sizeof bytes, "SEG", &back), ST_MALFORMED);
	CU_ASSERT(record_v1_lift_file(bytes));
	CU_ASSERT_EQUAL(record_get_file(bytes, sizeof bytes, "SEG", &back), ST_OK);
	CU_ASSERT_EQUAL(back.first_seq, 77);
	bytes[8] = RECORD_VERSION + 1;
	sum = checksum(0, bytes, 60);
	for (int i = 0; i < 4; i++)
		bytes[60 + i] = (uint8_t)(sum >> 8 * i);
	CU_ASSERT_EQUAL(record_file_version(bytes, checksum), RECORD_VERSION + 1);
	CU_ASSERT_EQUAL(record_get_file(bytes, sizeof bytes, "SEG", &back), ST_INVALID);
}

/* --- this version --- */

static void record_comes_back_as_it_was_written(void)
{
	struct buf out = BUF_MAX(OUT_MAX);
	struct record in = example(), back;
	size_t size = 0;

	CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
	CU_ASSERT_EQUAL(out.len, record_size(&in));
	CU_ASSERT_EQUAL_FATAL(record_decode(out.data, out.len, &back, &size), ST_OK);
	CU_ASSERT_EQUAL(size, out.len);
	CU_ASSERT_EQUAL(back.type, in.type);
	CU_ASSERT_EQUAL(back.flags, in.flags);
	CU_ASSERT_EQUAL(back.seq, in.seq);
	CU_ASSERT_EQUAL(back.boot_ms, in.boot_ms);
	CU_ASSERT_EQUAL(back.wall_ms, in.wall_ms);
	CU_ASSERT(back.key_len == 14 && memcmp(back.key, in.key, 14) == 0);
	CU_ASSERT(back.topic_len == 21 && memcmp(back.topic, in.topic, 21) == 0);
	CU_ASSERT(back.payload_len == 3 && memcmp(back.payload, in.payload, 3) == 0);
	buf_free(&out);
}

static void numbers_stand_where_the_header_file_says(void)
{
	struct buf out = BUF_MAX(OUT_MAX);
	struct record in = example();
	const unsigned char seq[] = { 8, 7, 6, 5, 4, 3, 2, 1 };

	CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
	CU_ASSERT_EQUAL(out.data[0], out.len);
	CU_ASSERT_EQUAL(out.data[8], RECORD_MESSAGE);
	CU_ASSERT_EQUAL(out.data[10], 14);
	CU_ASSERT_EQUAL(out.data[12], 21);
	CU_ASSERT_EQUAL(memcmp(out.data + RECORD_SEQ_AT, seq, sizeof(seq)), 0);
	CU_ASSERT_EQUAL(memcmp(out.data + RECORD_HEAD_BYTES, "SUBPRODUC1dev1SUBPRODUC1/dev1/event", 35),
	                0);
	buf_free(&out);
}

static void half_a_record_asks_for_the_rest(void)
{
	struct buf out = BUF_MAX(OUT_MAX);
	struct record in = example(), back;

	CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
	for (size_t len = 0; len < out.len; len++) {
		size_t size = 0;

		CU_ASSERT_EQUAL(record_decode(out.data, len, &back, &size), ST_AGAIN);
		CU_ASSERT_EQUAL(size, len < RECORD_HEAD_BYTES ? RECORD_HEAD_BYTES : out.len);
	}
	buf_free(&out);
}

static void no_flipped_bit_passes_for_a_record(void)
{
	struct buf out = BUF_MAX(OUT_MAX);
	struct record in = example(), back;

	CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		size_t size;

		out.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		CU_ASSERT_NOT_EQUAL(record_decode(out.data, out.len, &back, &size), ST_OK);
		out.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	buf_free(&out);
}

static void put_number(unsigned char *at, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* Checksums fit: somebody computed them. */
static void numbers_out_of_their_bounds_are_no_record_and_no_header(void)
{
	static const struct {
		size_t at;
		uint64_t value;
		bool ok;
	} numbers[] = {
		{ RECORD_SEQ_AT, RECORD_SEQ_MAX, true },
		{ RECORD_SEQ_AT, RECORD_SEQ_MAX + 1, false },
		{ RECORD_SEQ_AT, UINT64_MAX, false },
		{ 24, RECORD_MS_MAX, true },
		{ 24, RECORD_MS_MAX + 1, false },
		{ 24, (uint64_t)INT64_MIN, false },
		{ 32, RECORD_MS_MAX, true },
		{ 32, UINT64_MAX, false },
		{ 32, (uint64_t)INT64_MIN, false },
	};

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct buf out = BUF_MAX(OUT_MAX);
		struct record in = example(), back;
		size_t size;

		CU_ASSERT_EQUAL_FATAL(record_encode(&out, &in), ST_OK);
		put_number(out.data + numbers[i].at, numbers[i].value);
		record_seal(out.data, out.len);
		CU_ASSERT_EQUAL(record_decode(out.data, out.len, &back, &size),
		                numbers[i].ok ? ST_OK : ST_MALFORMED);
		buf_free(&out);
	}
}

static void numbers_out_of_their_bounds_are_not_written(void)
{
	struct buf out = BUF_MAX(OUT_MAX);
	struct record r = example();
	struct record_file file = { .kind = "SEG", .first_seq = RECORD_SEQ_MAX + 1 };
	uint8_t header[RECORD_FILE_BYTES];

	r.seq = RECORD_SEQ_MAX + 1;
	CU_ASSERT_EQUAL(record_encode(&out, &r), ST_TOOBIG);
	r = example();
	r.wall_ms = -1;
	CU_ASSERT_EQUAL(record_encode(&out, &r), ST_TOOBIG);
	CU_ASSERT_EQUAL(out.len, 0);
	record_put_file(&file, header);
	CU_ASSERT_EQUAL(record_get_file(header, sizeof header, "SEG", &file), ST_MALFORMED);
	buf_free(&out);
}

static void what_does_not_fit_its_length_field_is_refused(void)
{
	static char text[UINT16_MAX + 1];
	struct buf out = BUF_MAX(OUT_MAX);
	struct record r = example();

	r.topic = text;
	r.topic_len = sizeof(text);
	CU_ASSERT_EQUAL(record_encode(&out, &r), ST_TOOBIG);
	r = example();
	r.payload_len = RECORD_BYTES_MAX;
	CU_ASSERT_EQUAL(record_encode(&out, &r), ST_TOOBIG);
	CU_ASSERT_EQUAL(out.len, 0);
	buf_free(&out);
}

static void file_header_comes_back_and_another_kind_is_told_apart(void)
{
	struct record_file in = { .kind = "SEG", .first_seq = 77 }, back;
	uint8_t bytes[RECORD_FILE_BYTES];

	memcpy(in.boot_id, boot_a, RECORD_BOOT_BYTES);
	record_put_file(&in, bytes);
	CU_ASSERT_EQUAL_FATAL(record_get_file(bytes, sizeof(bytes), "SEG", &back), ST_OK);
	CU_ASSERT_EQUAL(back.first_seq, 77);
	CU_ASSERT_EQUAL(memcmp(back.boot_id, boot_a, RECORD_BOOT_BYTES), 0);
	CU_ASSERT_EQUAL(record_get_file(bytes, sizeof(bytes), "ACK", &back), ST_INVALID);
	CU_ASSERT_EQUAL(record_get_file(bytes, sizeof(bytes) - 1, "SEG", &back), ST_AGAIN);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] ^= 0x10;
		CU_ASSERT_NOT_EQUAL(record_get_file(bytes, sizeof(bytes), "SEG", &back), ST_OK);
		bytes[i] ^= 0x10;
	}
}

static void age_counts_on_the_boot_clock_and_across_boots_on_a_trusted_wall_clock_only(void)
{
	struct record r = example();
	struct record_now now = { .boot_id = boot_a,
		                      .boot_ms = 5000 + HOUR_MS,
		                      .wall_ms = r.wall_ms - HOUR_MS,
		                      .clock_trusted = true };

	CU_ASSERT_EQUAL(record_age_ms(&r, boot_a, &now), HOUR_MS);
	now.wall_ms = r.wall_ms + 2 * HOUR_MS;
	CU_ASSERT_EQUAL(record_age_ms(&r, boot_b, &now), 2 * HOUR_MS);
	now.clock_trusted = false;
	CU_ASSERT_EQUAL(record_age_ms(&r, boot_b, &now), -1);
	now.clock_trusted = true;
	r.flags = RECORD_QOS1;
	CU_ASSERT_EQUAL(record_age_ms(&r, boot_b, &now), -1);
	r.flags = RECORD_CLOCK_TRUSTED;
	now.wall_ms = r.wall_ms - HOUR_MS;
	CU_ASSERT_EQUAL(record_age_ms(&r, boot_b, &now), 0);
}

SUITE(record, TEST(checksum_is_that_of_xxh3_and_goes_on_where_it_was),
      TEST(checksum_of_version_1_is_crc_32c),
      TEST(record_of_version_1_becomes_one_of_this_version_and_its_payload_is_not_looked_into),
      TEST(what_is_no_record_of_version_1_stays_and_half_a_one_is_given_again),
      TEST(header_of_version_1_is_known_and_a_newer_one_too),
      TEST(record_comes_back_as_it_was_written), TEST(numbers_stand_where_the_header_file_says),
      TEST(half_a_record_asks_for_the_rest), TEST(no_flipped_bit_passes_for_a_record),
      TEST(numbers_out_of_their_bounds_are_no_record_and_no_header),
      TEST(numbers_out_of_their_bounds_are_not_written),
      TEST(what_does_not_fit_its_length_field_is_refused),
      TEST(file_header_comes_back_and_another_kind_is_told_apart),
      TEST(age_counts_on_the_boot_clock_and_across_boots_on_a_trusted_wall_clock_only))
