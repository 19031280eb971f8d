/* Files of the journal that cannot be read, that are not what their name says, or that say what
 * cannot be: nothing is taken for empty, nothing is written over. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/journal/record.h"
#include "shadowstore/journal/journal.h"
#include "shadowstore/journal/journal_disk.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/bad_disk.h"
#include "tests/fakes/said.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	PLENTY = 1 << 30,
	PATH_SIZE = 512,
};

static const char topic[] = "SUBPROD001/lamp-01/event";
static struct said said;

static enum status try_open(const char *dir, struct journal **out)
{
	const struct journal_limits lim = { .max_messages = 100000000,
		                                .max_bytes = PLENTY,
		                                .device_share = 100,
		                                .policy = JOURNAL_REFUSE,
		                                .flush_ms = 200 };

	said_clear(&said);
	*out = NULL;
	return journal_open(dir, &lim, &said.log, out);
}

static struct journal *open_at(const char *dir)
{
	struct journal *j;

	CU_ASSERT_EQUAL_FATAL(try_open(dir, &j), ST_OK);
	journal_reader_log(j, &said.log);
	return j;
}

static enum status put(struct journal *j, size_t len, uint64_t *seq)
{
	static const char payload[4096];
	const struct journal_msg msg = {
		.device = "lamp", .topic = topic, .payload = payload, .len = len, .qos = 1
	};

	return journal_append(j, &msg, seq, NULL);
}

static void put_many(struct journal *j, int count, size_t len)
{
	for (int i = 0; i < count; i++)
		CU_ASSERT_EQUAL_FATAL(put(j, len, NULL), ST_OK);
}

static uint64_t read_all(struct journal *j)
{
	struct journal_item item;
	uint64_t n = 0;

	while (journal_reader_next(j, &item) == ST_OK)
		n++;
	return n;
}

static struct journal_counts counts(struct journal *j)
{
	struct journal_counts c;
	uint64_t ended = 0;

	journal_counts(j, &c);
	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += c.ended[i];
	CU_ASSERT_EQUAL(c.accepted, c.queued + ended);
	return c;
}

/* count messages of len bytes, left by a process that was stopped. */
static const char *left_behind(int count, size_t len)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);

	put_many(j, count, len);
	journal_close(j);
	return dir;
}

static void in_journal(const char *dir, const char *name, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%.200s/journal/%.200s", dir, name);
}

static bool is_there(const char *dir, const char *name)
{
	char path[PATH_SIZE];

	in_journal(dir, name, path);
	return access(path, F_OK) == 0;
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t len,
                       const char *mode)
{
	char path[PATH_SIZE];
	FILE *f;

	in_journal(dir, name, path);
	f = fopen(path, mode);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(bytes, 1, len, f);
	fclose(f);
}

/* --- what cannot be read --- */

static const struct {
	const char *call, *part, *named;
} faults[] = {
	{ "readdir", "/journal", "/journal cannot be read: Input/output error" },
	{ "open", ".seg", "0000000000000001.seg cannot be read: Input/output error" },
	{ "pread", ".seg", "0000000000000001.seg cannot be read: Input/output error" },
	{ "open", "/acks", "/journal/acks cannot be opened: Input/output error" },
	{ "pread", "/acks", "/journal/acks cannot be read: Input/output error" },
};

static void what_cannot_be_read_ends_the_start_and_is_there_at_the_next(void)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		const char *dir = left_behind(25, 100);
		struct journal *j;

		bad_disk_fail(faults[i].call, faults[i].part, EIO);
		CU_ASSERT_EQUAL(try_open(dir, &j), ST_IO);
		CU_ASSERT_EQUAL(errno, EIO);
		CU_ASSERT(said_has(&said, "not started: "));
		CU_ASSERT(said_has(&said, faults[i].named));
		CU_ASSERT_EQUAL(said.lines, 1);
		bad_disk_heal();
		j = open_at(dir);
		put_many(j, 5, 100);
		CU_ASSERT_EQUAL(counts(j).accepted, 30);
		CU_ASSERT_EQUAL(read_all(j), 30);
		journal_close(j);
	}
}

/* The newest segment is looked through: that one of its sectors is bad is no reason to cut it. */
static void bad_sector_of_the_newest_segment_ends_the_start_and_cuts_nothing(void)
{
	const char *dir = left_behind(2000, 1000);
	size_t bytes = store_dir_bytes(dir, ".seg");
	struct journal *j;

	for (long at = 64; at < (long)bytes; at += (long)bytes / 7) {
		bad_disk_sector(".seg", at, at + 1);
		CU_ASSERT_EQUAL(try_open(dir, &j), ST_IO);
		CU_ASSERT_EQUAL(store_dir_bytes(dir, ".seg"), bytes);
	}
	bad_disk_heal();
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_all(j), 2000);
	journal_close(j);
}

/* In a segment that is not the newest, so only the scan in the background meets it. */
static const char *two_segments(int first, int second)
{
	const char *dir = left_behind(first, 1000);
	struct journal *j = open_at(dir);

	put_many(j, second, 1000);
	journal_close(j);
	return dir;
}

static void disk_that_hiccups_while_it_is_read_costs_nothing(void)
{
	struct journal *j = open_at(two_segments(2000, 10));
	uint64_t n;

	bad_disk_sector("0000000000000001.seg", 400000, 500000);
	n = read_all(j);
	CU_ASSERT(n > 0 && n < 2000);
	CU_ASSERT(said_has(&said, "cannot be read at byte"));
	bad_disk_heal();
	CU_ASSERT_EQUAL(n + read_all(j), 2010);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_DAMAGED], 0);
	journal_close(j);
}

static void bad_sector_costs_what_stands_in_it_and_the_file_is_kept(void)
{
	const char *dir = two_segments(2000, 10);
	struct journal *j = open_at(dir);
	uint64_t n = 0;

	bad_disk_sector("0000000000000001.seg", 400000, 402000);
	for (int i = 0; i < 100 && counts(j).ended[JOURNAL_DROP_DAMAGED] == 0; i++) {
		n += read_all(j);
		poll(NULL, 0, 100);
	}
	CU_ASSERT(n >= 2000 && n < 2010);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_DAMAGED], 2010 - n);
	CU_ASSERT(said_has(&said, "it stays as"));
	CU_ASSERT(is_there(dir, "0000000000000001.seg.damaged-1"));
	journal_close(j);
	bad_disk_heal();
}

static void look_at_counts(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	(void)line;
	counts(ctx);
	said.lines++;
}

static void whoever_is_told_of_lost_messages_may_look_at_the_journal(void)
{
	const char *dir = two_segments(2000, 10);
	struct journal *j;
	struct log looks = { .sink = look_at_counts };

	write_file(dir, "0000000000000001.seg", "", 0, "w");
	j = open_at(dir);
	looks.ctx = j;
	journal_reader_log(j, &looks);
	said_clear(&said);
	CU_ASSERT(read_all(j) < 2010);
	CU_ASSERT(counts(j).ended[JOURNAL_DROP_DAMAGED] > 0);
	CU_ASSERT(said.lines > 0);
	journal_close(j);
}

/* --- what a crash leaves, and what it does not --- */

static void header_of(uint64_t first_seq, uint8_t out[RECORD_FILE_BYTES])
{
	const struct record_file header = { .kind = "SEG", .first_seq = first_seq };

	record_put_file(&header, out);
}

static void segment_that_was_only_begun_is_removed(void)
{
	static const size_t sizes[] = { 0, 10, 63, 64, 65, 5000, 600000 };
	uint8_t *bytes = calloc(1, 600000);

	for (int with_header = 0; with_header < 2; with_header++) {
		header_of(26, bytes);
		if (!with_header)
			memset(bytes, 0, RECORD_FILE_BYTES);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			const char *dir = left_behind(25, 100);
			uint64_t seq = 0;
			struct journal *j;

			write_file(dir, "000000000000001a.seg", bytes, sizes[i], "wb");
			j = open_at(dir);
			CU_ASSERT_FALSE(is_there(dir, "000000000000001a.seg"));
			CU_ASSERT_EQUAL(read_all(j), 25);
			CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
			CU_ASSERT_EQUAL(seq, 26);
			journal_close(j);
		}
	}
	free(bytes);
}

static void segment_with_bytes_that_are_no_messages_is_set_aside_and_said(void)
{
	uint8_t bytes[4096];

	for (int with_header = 0; with_header < 2; with_header++) {
		const char *dir = left_behind(25, 100);
		struct journal *j;

		memset(bytes, 'x', sizeof bytes);
		if (with_header)
			header_of(30, bytes);
		write_file(dir, "000000000000001e.seg", bytes, sizeof bytes, "wb");
		j = open_at(dir);
		CU_ASSERT(said_has(&said, "set aside as 000000000000001e.seg.damaged-1"));
		CU_ASSERT_FALSE(is_there(dir, "000000000000001e.seg"));
		CU_ASSERT(is_there(dir, "000000000000001e.seg.damaged-1"));
		CU_ASSERT_EQUAL(read_all(j), 25);
		/* A good header says that 26 to 29 were given away. */
		CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_DAMAGED], with_header ? 4 : 0);
		journal_close(j);
		j = open_at(dir);
		CU_ASSERT_EQUAL(read_all(j), 25);
		journal_close(j);
	}
}

static void file_of_ends_without_a_readable_record_is_set_aside(void)
{
	const char *dir = left_behind(25, 100);
	char garbage[3000];
	struct journal *j;

	memset(garbage, 'x', sizeof garbage);
	write_file(dir, "acks", garbage, sizeof garbage, "wb");
	j = open_at(dir);
	CU_ASSERT(said_has(&said, "set aside as acks.damaged-1"));
	CU_ASSERT(is_there(dir, "acks.damaged-1"));
	CU_ASSERT_EQUAL(read_all(j), 25);
	journal_close(j);
	dir = left_behind(25, 100);
	memset(garbage, 0, sizeof garbage);
	write_file(dir, "acks", garbage, sizeof garbage, "wb");
	j = open_at(dir);
	CU_ASSERT_FALSE(is_there(dir, "acks.damaged-1"));
	CU_ASSERT_EQUAL(read_all(j), 25);
	journal_close(j);
}

static void no_file_that_exists_is_written_over(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	char path[PATH_SIZE];

	write_file(dir, "0000000000000001.seg", "precious", 8, "wb");
	CU_ASSERT_EQUAL(put(j, 1, NULL), ST_IO);
	CU_ASSERT_EQUAL(errno, EEXIST);
	CU_ASSERT_EQUAL(store_dir_bytes(dir, ".seg"), 8);
	in_journal(dir, "0000000000000001.seg", path);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(put(j, 1, NULL), ST_OK);
	journal_close(j);
}

static void segment_that_found_no_room_leaves_no_file_in_the_way(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	const struct rlimit tiny = { 10, RLIM_INFINITY };
	struct rlimit before;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &tiny);
	CU_ASSERT_EQUAL(put(j, 1, NULL), ST_NOSPACE);
	setrlimit(RLIMIT_FSIZE, &before);
	CU_ASSERT_FALSE(is_there(dir, "0000000000000001.seg"));
	CU_ASSERT_EQUAL(put(j, 1, NULL), ST_OK);
	journal_close(j);
}

/* Compaction makes a segment short, and its sequences stay as far apart as they were. */
static void compacted_segment_that_is_the_newest_gives_back_all_it_holds(void)
{
	const char *dir = left_behind(3000, 100);
	struct journal *j = open_at(dir);
	struct journal_item item;
	size_t before = store_dir_bytes(dir, ".seg");

	while (journal_reader_next(j, &item) == ST_OK) {
		if (item.seq <= 2990)
			journal_reader_end(j, item.seq, "lamp", item.bytes, JOURNAL_DELIVERED);
	}
	journal_reader_flush(j);
	CU_ASSERT_EQUAL(journal_disk_run(j, NULL), ST_OK);
	CU_ASSERT(store_dir_bytes(dir, ".seg") < before / 10);
	journal_close(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(said.lines, 1); /* ten wait */
	CU_ASSERT_EQUAL(read_all(j), 10);
	CU_ASSERT_EQUAL(counts(j).queued, 10);
	journal_close(j);
}

/* --- what cannot be --- */

/* As record_encode() would, but whatever the sequence. */
static size_t craft(uint8_t out[256], const struct record *r)
{
	struct buf b = BUF_MAX(256);
	struct record small = *r;
	size_t len;

	small.seq = 1;
	CU_ASSERT_EQUAL_FATAL(record_encode(&b, &small), ST_OK);
	for (int i = 0; i < 8; i++)
		b.data[RECORD_SEQ_AT + i] = (uint8_t)(r->seq >> 8 * i);
	record_seal(b.data, b.len);
	memcpy(out, b.data, b.len);
	len = b.len;
	buf_free(&b);
	return len;
}

static size_t craft_end(uint8_t out[256], uint64_t first, uint64_t last, uint16_t kind)
{
	uint8_t payload[8];
	const struct record r = {
		.type = RECORD_END, .seq = first, .kind = kind, .payload = payload, .payload_len = 8
	};

	for (int i = 0; i < 8; i++)
		payload[i] = (uint8_t)(last >> 8 * i);
	return craft(out, &r);
}

static const struct {
	uint64_t first, last;
	uint16_t kind;
} impossible_ends[] = {
	{ 1, UINT64_MAX, JOURNAL_DELIVERED },
	{ 1, UINT64_MAX, 0xffff },
	{ 1, UINT64_MAX - 1, JOURNAL_DELIVERED },
	{ UINT64_MAX, UINT64_MAX, JOURNAL_DELIVERED },
	{ UINT64_MAX - 5, UINT64_MAX, 0xffff },
	{ 1, (UINT64_C(1) << 62) + 1, JOURNAL_DELIVERED },
	{ 1, UINT64_C(1) << 62, JOURNAL_DELIVERED },
	{ UINT64_C(1) << 61, UINT64_C(1) << 61, JOURNAL_DELIVERED },
	{ 5, 4, JOURNAL_DELIVERED },
	{ 1, 1, JOURNAL_ENDS },
	{ 0, UINT64_MAX, JOURNAL_DELIVERED },
	{ 0, UINT64_MAX - 24, JOURNAL_DROP_AGE },
	{ 0, UINT64_C(1) << 62, JOURNAL_DELIVERED },
	{ 0, 26, JOURNAL_DELIVERED },
	{ 0, 1, JOURNAL_ENDS },
};

/* Whatever its checksum says. */
static void ends_that_cannot_be_are_damage_and_change_nothing(void)
{
	for (size_t i = 0; i < sizeof impossible_ends / sizeof impossible_ends[0]; i++) {
		const char *dir = left_behind(25, 100);
		uint8_t bytes[256];
		uint64_t seq = 0;
		struct journal *j;
		size_t len = craft_end(bytes, impossible_ends[i].first, impossible_ends[i].last,
		                       impossible_ends[i].kind);

		write_file(dir, "acks", bytes, len, "ab");
		j = open_at(dir);
		CU_ASSERT(said_has(&said, "acks is damaged in 1 places"));
		CU_ASSERT_EQUAL(counts(j).accepted, 25);
		CU_ASSERT_EQUAL(counts(j).queued, 25);
		CU_ASSERT_EQUAL(read_all(j), 25);
		CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
		CU_ASSERT_EQUAL(seq, 26);
		journal_close(j);
		CU_ASSERT_EQUAL(read_all(j = open_at(dir)), 26);
		journal_close(j);
	}
}

static void many_ends_together_do_not_overflow_the_account(void)
{
	const char *dir = left_behind(25, 100);
	uint8_t bytes[256] = { 0 };
	uint64_t seq = 0;
	struct journal *j;

	/* No header that says how far it can go. */
	write_file(dir, "acks", "no header, no header, no header, no header, no header, no header", 64,
	           "wb");
	for (int i = 0; i < 20; i++) {
		size_t len = craft_end(bytes, 0, UINT64_C(1) << 61, (uint16_t)(i % JOURNAL_ENDS));

		write_file(dir, "acks", bytes, len, "ab");
	}
	j = open_at(dir);
	CU_ASSERT(said_has(&said, "acks is damaged"));
	read_all(j);
	CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
	CU_ASSERT(seq > 25 && seq <= RECORD_SEQ_MAX);
	CU_ASSERT_EQUAL(counts(j).accepted, seq);
	journal_close(j);
}

static void header_that_cannot_be_is_damage(void)
{
	struct record_file header = { .kind = "ACK", .first_seq = UINT64_MAX };
	const char *dir = left_behind(25, 100);
	uint8_t bytes[RECORD_FILE_BYTES];
	uint64_t seq = 0;
	struct journal *j;

	record_put_file(&header, bytes);
	write_file(dir, "acks", bytes, sizeof bytes, "wb");
	j = open_at(dir);
	CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
	CU_ASSERT_EQUAL(seq, 26);
	CU_ASSERT_EQUAL(read_all(j), 26);
	journal_close(j);
}

static void names_that_cannot_be_are_left_alone_and_said(void)
{
	const char *dir = left_behind(25, 100);
	uint64_t seq = 0;
	struct journal *j;

	write_file(dir, "ffffffffffffffff.seg", "x", 1, "wb");
	write_file(dir, "4000000000000001.seg", "x", 1, "wb");
	j = open_at(dir);
	CU_ASSERT(said_has(&said, "ffffffffffffffff.seg: no segment can have that number"));
	CU_ASSERT(said_has(&said, "4000000000000001.seg: no segment can have that number"));
	CU_ASSERT(is_there(dir, "ffffffffffffffff.seg"));
	CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
	CU_ASSERT_EQUAL(seq, 26);
	CU_ASSERT_EQUAL(read_all(j), 26);
	journal_close(j);
}

static void records_that_cannot_be_are_damage_wherever_they_stand(void)
{
	static const uint64_t seqs[] = {
		UINT64_MAX,          UINT64_MAX - 1,    (UINT64_C(1) << 62) + 1,
		(UINT64_C(1) << 62), UINT64_C(1) << 40, 0
	};

	for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
		const struct record r = { .type = RECORD_MESSAGE,
			                      .seq = seqs[i],
			                      .key = "lamp",
			                      .key_len = 4,
			                      .topic = topic,
			                      .topic_len = sizeof topic - 1 };
		const char *dir = left_behind(25, 100);
		uint8_t bytes[256];
		size_t len = craft(bytes, &r);
		uint64_t seq = 0;
		struct journal *j;

		write_file(dir, "0000000000000001.seg", bytes, len, "ab");
		j = open_at(dir);
		CU_ASSERT_EQUAL(put(j, 1, &seq), ST_OK);
		CU_ASSERT_EQUAL(seq, 26);
		CU_ASSERT_EQUAL(read_all(j), 26);
		CU_ASSERT_EQUAL(counts(j).queued, 26);
		journal_close(j);
	}
}

SUITE(journal_files, TEST(what_cannot_be_read_ends_the_start_and_is_there_at_the_next),
      TEST(bad_sector_of_the_newest_segment_ends_the_start_and_cuts_nothing),
      TEST(disk_that_hiccups_while_it_is_read_costs_nothing),
      TEST(bad_sector_costs_what_stands_in_it_and_the_file_is_kept),
      TEST(whoever_is_told_of_lost_messages_may_look_at_the_journal),
      TEST(segment_that_was_only_begun_is_removed),
      TEST(segment_with_bytes_that_are_no_messages_is_set_aside_and_said),
      TEST(file_of_ends_without_a_readable_record_is_set_aside),
      TEST(no_file_that_exists_is_written_over),
      TEST(segment_that_found_no_room_leaves_no_file_in_the_way),
      TEST(compacted_segment_that_is_the_newest_gives_back_all_it_holds),
      TEST(ends_that_cannot_be_are_damage_and_change_nothing),
      TEST(many_ends_together_do_not_overflow_the_account), TEST(header_that_cannot_be_is_damage),
      TEST(names_that_cannot_be_are_left_alone_and_said),
      TEST(records_that_cannot_be_are_damage_wherever_they_stand))
