/* What the journal's files give back: after a kill, a power cut, damage. "Kill" is a copy of the
 * directory while the journal is open. */
#include "shadowstore/journal/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shadowstore/journal/journal_disk.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	PLENTY = 1 << 30,
	HEAD = 40, /* of a record */
};

static const char topic[] = "SUBPROD001/lamp-01/event";

static struct journal *open_at(const char *dir)
{
	const struct journal_limits lim = { .max_messages = 100000000,
		                                .max_bytes = PLENTY,
		                                .device_share = 100,
		                                .policy = JOURNAL_REFUSE,
		                                .flush_ms = 200 };
	struct journal *j = NULL;

	CU_ASSERT_EQUAL(journal_open(dir, &lim, NULL, &j), ST_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	return j;
}

static enum status put(struct journal *j, const char *device, const void *payload, size_t len)
{
	const struct journal_msg msg = {
		.device = device, .topic = topic, .payload = payload, .len = len, .qos = 1
	};

	return journal_append(j, &msg, NULL, NULL);
}

static void put_many(struct journal *j, int count, size_t len)
{
	char payload[2048];

	memset(payload, 'x', sizeof payload);
	for (int i = 0; i < count; i++)
		CU_ASSERT_EQUAL(put(j, i % 2 ? "odd" : "even", payload, len), ST_OK);
}

static uint64_t read_all(struct journal *j, uint64_t seqs[], uint64_t max)
{
	struct journal_item item;
	uint64_t n = 0, last = 0;

	while (journal_reader_next(j, &item) == ST_OK) {
		CU_ASSERT(item.seq > last);
		last = item.seq;
		if (seqs && n < max)
			seqs[n] = item.seq;
		n++;
	}
	return n;
}

static void end_len(struct journal *j, uint64_t seq, size_t len, enum journal_end how)
{
	journal_reader_end(j, seq, seq % 2 ? "even" : "odd",
	                   (uint32_t)(HEAD + 3 + (seq % 2) + sizeof topic - 1 + len), how);
}

static bool account_closes(struct journal *j)
{
	struct journal_counts c;
	uint64_t ended = 0;

	journal_counts(j, &c);
	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += c.ended[i];
	return c.accepted == c.queued + ended;
}

static struct journal_counts counts(struct journal *j)
{
	struct journal_counts c;

	journal_counts(j, &c);
	CU_ASSERT(account_closes(j));
	return c;
}

static void what_was_appended_and_not_ended_is_there_after_a_kill(void)
{
	const char *dir = store_dir_new(), *copy;
	struct journal *j = open_at(dir), *again;
	uint64_t seqs[10];
	struct journal_view view;

	put_many(j, 10, 5);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), 10);
	for (uint64_t seq = 1; seq <= 4; seq++)
		end_len(j, seq, 5, JOURNAL_DELIVERED);
	end_len(j, 7, 5, JOURNAL_DROP_POISON);
	journal_reader_flush(j);
	copy = store_dir_copy(dir);
	journal_close(j);
	again = open_at(copy);
	CU_ASSERT_EQUAL(counts(again).queued, 5);
	CU_ASSERT_EQUAL(read_all(again, seqs, 10), 5);
	CU_ASSERT_EQUAL(seqs[0], 5);
	CU_ASSERT_EQUAL(seqs[2], 8);
	CU_ASSERT_EQUAL(journal_reader_load(again, 8, NULL, &view), ST_OK);
	CU_ASSERT_STRING_EQUAL(view.topic, topic);
	CU_ASSERT_EQUAL(counts(again).accepted, 10);
	CU_ASSERT_EQUAL(counts(again).ended[JOURNAL_DELIVERED], 4);
	CU_ASSERT_EQUAL(counts(again).ended[JOURNAL_DROP_POISON], 1);
	CU_ASSERT_EQUAL(put(again, "even", "x", 1), ST_OK);
	CU_ASSERT_EQUAL(read_all(again, seqs, 10), 1);
	CU_ASSERT_EQUAL(seqs[0], 11);
	journal_close(again);
}

static void ends_that_were_not_flushed_are_handed_out_again_and_nothing_else(void)
{
	const char *dir = store_dir_new(), *copy;
	struct journal *j = open_at(dir);
	uint64_t seqs[10];

	put_many(j, 5, 5);
	read_all(j, NULL, 0);
	end_len(j, 1, 5, JOURNAL_DELIVERED);
	journal_reader_flush(j);
	end_len(j, 2, 5, JOURNAL_DELIVERED);
	copy = store_dir_copy(dir);
	journal_close(j);
	j = open_at(copy);
	CU_ASSERT_EQUAL(read_all(j, seqs, 10), 4);
	CU_ASSERT_EQUAL(seqs[0], 2);
	journal_close(j);
}

static void sequences_never_return_even_when_all_files_of_messages_are_gone(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	uint64_t seq = 0;
	const struct journal_msg msg = { .device = "even", .topic = topic, .qos = 1 };

	put_many(j, 100, 5);
	read_all(j, NULL, 0);
	for (uint64_t s = 1; s <= 100; s++)
		end_len(j, s, 5, JOURNAL_DELIVERED);
	journal_close(j);
	j = open_at(dir);
	read_all(j, NULL, 0);
	CU_ASSERT_EQUAL(journal_disk_run(j, NULL), ST_OK);
	CU_ASSERT_EQUAL(store_dir_bytes(dir, ".seg"), 0);
	journal_close(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(counts(j).accepted, 100);
	CU_ASSERT_EQUAL(journal_append(j, &msg, &seq, NULL), ST_OK);
	CU_ASSERT_EQUAL(seq, 101);
	journal_close(j);
}

static void note_mark(void *ctx, const char *client_id)
{
	char *text = ctx;

	strcat(strcat(text, client_id), ";");
}

static void devices_marked_online_are_remembered(void)
{
	const char *dir = store_dir_new(), *copy;
	struct journal *j = open_at(dir);
	char marked[128] = "";

	CU_ASSERT_EQUAL(journal_reader_mark(j, "SUBPROD001lamp", true), ST_OK);
	CU_ASSERT_EQUAL(journal_reader_mark(j, "SUBPROD001plug", true), ST_OK);
	CU_ASSERT_EQUAL(journal_reader_mark(j, "SUBPROD001lamp", false), ST_OK);
	copy = store_dir_copy(dir);
	journal_close(j);
	j = open_at(copy);
	journal_reader_marks(j, note_mark, marked);
	CU_ASSERT_STRING_EQUAL(marked, "SUBPROD001plug;");
	journal_close(j);
}

/* --- damage --- */

static void flip(const char *path, long at)
{
	FILE *f = fopen(path, "r+b");
	int byte;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fseek(f, at, SEEK_SET);
	byte = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(byte ^ 0x5a, f);
	fclose(f);
}

static void newest(void *ctx, const char *path)
{
	char *best = ctx;
	size_t len = strlen(path);

	if (strcmp(path + len - 4, ".seg") == 0 && strcmp(path, best) > 0)
		strcpy(best, path);
}

static void torn_tail_loses_the_torn_record_only_wherever_it_is_torn(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	char path[512] = "";
	struct stat info;
	long record = HEAD + 4 + (long)sizeof topic - 1 + 7;

	put_many(j, 9, 7);
	store_dir_each(dir, newest, path);
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	for (long cut = 1; cut < record; cut++) {
		const char *copy = store_dir_copy(dir);
		char torn[512] = "";
		struct journal *k;

		store_dir_each(copy, newest, torn);
		CU_ASSERT_EQUAL_FATAL(truncate(torn, info.st_size - cut), 0);
		k = open_at(copy);
		CU_ASSERT_EQUAL(read_all(k, NULL, 0), 8);
		CU_ASSERT_EQUAL(put(k, "even", "new", 3), ST_OK);
		CU_ASSERT_EQUAL(read_all(k, NULL, 0), 1);
		CU_ASSERT_EQUAL(counts(k).ended[JOURNAL_DROP_DAMAGED], 0);
		journal_close(k);
		CU_ASSERT_EQUAL(read_all(k = open_at(copy), NULL, 0), 9);
		journal_close(k);
	}
	journal_close(j);
}

struct harm {
	const char *suffix;
	long at;
};

static void harm_one(void *ctx, const char *path)
{
	const struct harm *h = ctx;
	size_t len = strlen(path), end = strlen(h->suffix);

	if (strcmp(path + len - end, h->suffix) == 0)
		flip(path, h->at);
}

static void any_single_byte_damaged_loses_at_most_its_message(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	size_t bytes;

	put_many(j, 6, 7);
	read_all(j, NULL, 0);
	end_len(j, 2, 7, JOURNAL_DELIVERED);
	journal_reader_flush(j);
	bytes = store_dir_bytes(dir, ".seg");
	for (long at = 0; at < (long)bytes; at++) {
		const char *copy = store_dir_copy(dir);
		const struct harm h = { ".seg", at };
		struct journal *k;
		uint64_t n;

		store_dir_each(copy, harm_one, (void *)(uintptr_t)&h);
		k = open_at(copy);
		n = read_all(k, NULL, 0);
		CU_ASSERT(n == 5 || n == 4);
		CU_ASSERT_EQUAL(counts(k).queued, n);
		CU_ASSERT_EQUAL(put(k, "even", "x", 1), ST_OK);
		CU_ASSERT_EQUAL(read_all(k, NULL, 0), 1);
		journal_close(k);
	}
	bytes = store_dir_bytes(dir, "acks");
	for (long at = 0; at < (long)bytes; at++) {
		const char *copy = store_dir_copy(dir);
		const struct harm h = { "acks", at };
		struct journal *k;
		uint64_t n;

		store_dir_each(copy, harm_one, (void *)(uintptr_t)&h);
		k = open_at(copy);
		n = read_all(k, NULL, 0);
		CU_ASSERT(n == 5 || n == 6); /* nothing is lost, one may come again */
		CU_ASSERT_EQUAL(counts(k).queued, n);
		journal_close(k);
	}
	journal_close(j);
}

static void files_that_are_not_ours_or_missing_are_no_reason_to_stop(void)
{
	static const char *const names[] = { "ffffffffffffffff.seg", "0000000000000000.seg",
		                                 "notes.txt", "0000000000000003.seg",
		                                 "0000000000000001.seg.tmp" };
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	char path[512];

	put_many(j, 5, 7);
	journal_close(j);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		FILE *f;

		snprintf(path, sizeof path, "%s/journal/%s", dir, names[i]);
		f = fopen(path, "wb");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		fputs("this is not a segment of the journal, it only has the name of one, maybe\n", f);
		fclose(f);
	}
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), 5);
	CU_ASSERT_EQUAL(counts(j).queued, 5);
	CU_ASSERT_EQUAL(put(j, "even", "x", 1), ST_OK);
	journal_close(j);
	snprintf(path, sizeof path, "%s/journal/0000000000000001.seg", dir);
	CU_ASSERT_EQUAL(unlink(path), 0);
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), 1);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_DAMAGED], 5);
	journal_close(j);
}

/* --- room on the disk --- */

static void full_disk_refuses_keeps_what_is_there_and_recovers(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	const struct rlimit small = { 8192, RLIM_INFINITY };
	struct rlimit before;
	char payload[1024] = "";
	int taken = 0;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	while (taken < 100 && put(j, "even", payload, sizeof payload) == ST_OK)
		taken++;
	CU_ASSERT(taken > 3 && taken < 8);
	CU_ASSERT(counts(j).disk_full);
	CU_ASSERT_EQUAL(put(j, "even", payload, sizeof payload), ST_NOSPACE);
	setrlimit(RLIMIT_FSIZE, &before);
	CU_ASSERT_EQUAL(put(j, "even", payload, sizeof payload), ST_OK);
	CU_ASSERT_FALSE(counts(j).disk_full);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), (uint64_t)taken + 1);
	journal_close(j);
	CU_ASSERT_EQUAL(read_all(j = open_at(dir), NULL, 0), (uint64_t)taken + 1);
	journal_close(j);
}

static void disk_use_follows_what_is_alive_although_one_device_is_never_delivered(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	struct journal_item item;
	char payload[512] = "";
	uint64_t live = 0, kept = 0;

	for (int i = 0; i < 100000; i++) {
		bool stuck = i % 50 == 0;

		if (put(j, stuck ? "stuck" : "fine", payload, sizeof payload) != ST_OK ||
		    journal_reader_next(j, &item) != ST_OK)
			CU_FAIL_FATAL("lost");
		if (stuck) {
			live += item.bytes;
			kept++;
		} else {
			journal_reader_end(j, item.seq, "fine", item.bytes, JOURNAL_DELIVERED);
		}
		if (i % 20 == 0)
			journal_reader_flush(j);
		if (i % 1000 == 0)
			CU_ASSERT_EQUAL(journal_disk_run(j, NULL), ST_OK);
	}
	journal_reader_flush(j);
	CU_ASSERT_EQUAL(journal_disk_run(j, NULL), ST_OK);
	/* Of the open segment up to 16 MiB may be dead: a sixty-fourth of the bound. */
	CU_ASSERT(store_dir_bytes(dir, ".seg") <= 2 * live + (PLENTY / 64));
	CU_ASSERT_EQUAL(counts(j).queued, kept);
	CU_ASSERT_EQUAL(counts(j).queued_bytes, live);
	journal_close(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), kept);
	CU_ASSERT_EQUAL(counts(j).queued_bytes, live);
	journal_close(j);
}

static void ack_file_stays_short_and_its_counts_go_on(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	struct journal_item item;

	for (int i = 0; i < 100000; i++) {
		CU_ASSERT_EQUAL_FATAL(put(j, "even", "x", 1), ST_OK);
		CU_ASSERT_EQUAL_FATAL(journal_reader_next(j, &item), ST_OK);
		journal_reader_end(j, item.seq, "even", item.bytes,
		                   i % 3 ? JOURNAL_DELIVERED : JOURNAL_DROP_BOUND);
		journal_reader_flush(j);
	}
	CU_ASSERT(store_dir_bytes(dir, "acks") < 2 << 20);
	journal_close(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), 0);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_BOUND], 33334);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DELIVERED], 66666);
	journal_close(j);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Instrumented memory accesses say nothing about time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAST_MS 20000
#else
#define FAST_MS 500
#endif

static void open_is_fast_however_much_is_queued(void)
{
	enum {
		QUEUED = 300000,
		TRIES = 4 /* on a machine that is busy with something else */
	};
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	int64_t best_ms = INT64_MAX;

	for (int i = 0; i < QUEUED; i++) {
		if (put(j, "even", "0123456789", 10) != ST_OK)
			CU_FAIL_FATAL("refused");
	}
	for (int i = 0; i < TRIES && best_ms >= FAST_MS; i++) {
		int64_t start_ms, took_ms;

		journal_close(j);
		start_ms = clock_ms();
		j = open_at(dir);
		took_ms = clock_ms() - start_ms;
		best_ms = took_ms < best_ms ? took_ms : best_ms;
	}
	CU_ASSERT(best_ms < FAST_MS);
	CU_ASSERT_EQUAL(counts(j).queued, QUEUED);
	CU_ASSERT_EQUAL(read_all(j, NULL, 0), QUEUED);
	journal_close(j);
}

SUITE(journal_restart, TEST(what_was_appended_and_not_ended_is_there_after_a_kill),
      TEST(ends_that_were_not_flushed_are_handed_out_again_and_nothing_else),
      TEST(sequences_never_return_even_when_all_files_of_messages_are_gone),
      TEST(devices_marked_online_are_remembered),
      TEST(torn_tail_loses_the_torn_record_only_wherever_it_is_torn),
      TEST(any_single_byte_damaged_loses_at_most_its_message),
      TEST(files_that_are_not_ours_or_missing_are_no_reason_to_stop),
      TEST(full_disk_refuses_keeps_what_is_there_and_recovers),
      TEST(disk_use_follows_what_is_alive_although_one_device_is_never_delivered),
      TEST(ack_file_stays_short_and_its_counts_go_on), TEST(open_is_fast_however_much_is_queued))
