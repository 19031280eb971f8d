/* What is on the disk by when, and what a failed sync costs. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shadowstore/disk.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/disk_faults.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	FLUSH_MS = 40,
	SLOW_MS = 1000,
	LATE_MS = 5000, /* bound of what is awaited */
	LINES_MAX = 16,
};

/* --- the world --- */

static char lines[LINES_MAX][LOG_LINE_MAX];
static size_t line_count;

static void on_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	if (line_count < LINES_MAX)
		snprintf(lines[line_count++], LOG_LINE_MAX, "%s", line);
}

static const struct log log_here = { on_line, NULL };

static size_t said(const char *part)
{
	size_t n = 0;

	for (size_t i = 0; i < line_count; i++)
		n += strstr(lines[i], part) != NULL;
	return n;
}

static struct journal *open_with(const char *dir, uint32_t flush_ms)
{
	const struct journal_limits lim = { .max_messages = 100000,
		                                .max_bytes = 64 << 20,
		                                .device_share = 100,
		                                .policy = JOURNAL_REFUSE,
		                                .flush_ms = flush_ms };
	struct journal *j = NULL;

	disk_faults_end();
	disk_faults.part = "/journal";
	line_count = 0;
	CU_ASSERT_EQUAL_FATAL(journal_open(dir, &lim, &log_here, &j), ST_OK);
	disk_faults.syncs = 0;
	return j;
}

static struct journal *open_at(const char *dir)
{
	return open_with(dir, FLUSH_MS);
}

static void close_it(struct journal *j)
{
	disk_faults_end();
	journal_close(j);
}

static enum status put(struct journal *j)
{
	const struct journal_msg msg = {
		.device = "a", .topic = "p/a/event", .payload = "0123456789", .len = 10, .qos = 1
	};

	return journal_append(j, &msg, NULL, NULL);
}

static void put_some(struct journal *j, int count)
{
	for (int i = 0; i < count; i++)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
}

/* Takes in all there is; the first `ends` of it are delivered. Returns how many there were. */
static int read_and_end(struct journal *j, int ends)
{
	struct journal_item item;
	int n = 0;

	for (; journal_reader_next(j, &item) == ST_OK; n++) {
		if (n < ends)
			journal_reader_end(j, item.seq, item.device, item.bytes, JOURNAL_DELIVERED);
	}
	journal_reader_flush(j);
	return n;
}

static struct journal_counts counts(struct journal *j)
{
	struct journal_counts c;

	journal_counts(j, &c);
	return c;
}

/* As DISK's thread does, until everything that waits is on the disk. */
static void sync_until_done(struct journal *j)
{
	int64_t wait_ms;

	for (int left_ms = LATE_MS; left_ms > 0 && (wait_ms = journal_sync_wait_ms(j)) >= 0;
	     left_ms -= (int)wait_ms + 1) {
		nanosleep(&(struct timespec){ wait_ms / 1000, wait_ms % 1000 * 1000000 }, NULL);
		journal_sync_run(j, &log_here);
	}
	CU_ASSERT_EQUAL(journal_sync_wait_ms(j), -1);
}

static int64_t inode_of(const char *dir, unsigned first_seq)
{
	char path[256];
	struct stat info;

	snprintf(path, sizeof path, "%s/journal/%016x.seg", dir, first_seq);
	return stat(path, &info) == 0 ? (int64_t)info.st_ino : -1;
}

/* --- when --- */

static void what_waits_is_synced_flush_ms_after_it_was_appended(void)
{
	struct journal *j = open_at(store_dir_new());
	int64_t wait_ms;

	CU_ASSERT_EQUAL(journal_sync_wait_ms(j), -1);
	put_some(j, 1);
	wait_ms = journal_sync_wait_ms(j);
	CU_ASSERT(wait_ms >= 0 && wait_ms <= FLUSH_MS);
	journal_sync_run(j, &log_here);
	CU_ASSERT(wait_ms == 0 || disk_faults.syncs == 0);
	sync_until_done(j);
	CU_ASSERT(disk_faults.syncs >= 1);
	CU_ASSERT_EQUAL(counts(j).syncs, 1);
	close_it(j);
}

static void what_ended_in_time_needs_no_sync(void)
{
	struct journal *j = open_at(store_dir_new());

	for (int i = 0; i < 100; i++) {
		put_some(j, 3);
		CU_ASSERT_EQUAL(read_and_end(j, 3), 3);
		CU_ASSERT_EQUAL(journal_sync_wait_ms(j), -1);
		journal_sync_run(j, &log_here);
	}
	CU_ASSERT_EQUAL(disk_faults.syncs, 0);
	put_some(j, 1); /* and one that waits is not forgotten behind them */
	CU_ASSERT(journal_sync_wait_ms(j) >= 0);
	close_it(j);
}

static void the_oldest_that_waits_says_when_not_those_around_it(void)
{
	struct journal *j = open_at(store_dir_new());
	struct journal_item first, item;

	put_some(j, 1);
	CU_ASSERT_EQUAL(journal_reader_next(j, &first), ST_OK);
	for (int i = 0; i < 50; i++) {
		put_some(j, 1);
		CU_ASSERT_EQUAL(journal_reader_next(j, &item), ST_OK);
		journal_reader_end(j, item.seq, item.device, item.bytes, JOURNAL_DELIVERED);
	}
	CU_ASSERT(journal_sync_wait_ms(j) >= 0);
	journal_reader_end(j, first.seq, first.device, first.bytes, JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(journal_sync_wait_ms(j), -1);
	close_it(j);
}

/* The kill came before their sync, and the page cache is all that has them. */
static void messages_of_a_killed_run_are_synced_by_the_next(void)
{
	const char *dir = store_dir_new(), *copy;
	struct journal *j = open_at(dir);

	put_some(j, 5);
	copy = store_dir_copy(dir);
	close_it(j);
	j = open_at(copy);
	CU_ASSERT(journal_sync_wait_ms(j) >= 0);
	CU_ASSERT_EQUAL(read_and_end(j, 0), 5);
	sync_until_done(j);
	CU_ASSERT(disk_faults.syncs >= 1);
	close_it(j);
}

static void flush_ms_0_syncs_the_name_of_a_new_segment_too(void)
{
	struct journal *j = open_with(store_dir_new(), 0);

	put_some(j, 1);
	CU_ASSERT_EQUAL(disk_faults.syncs, 2); /* the directory, the message */
	put_some(j, 1);
	CU_ASSERT_EQUAL(disk_faults.syncs, 3);
	CU_ASSERT_EQUAL(journal_sync_wait_ms(j), -1);
	close_it(j);
}

/* --- when it fails --- */

static void after_a_failed_sync_what_waits_is_written_again_to_a_new_file(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);
	int64_t before;

	put_some(j, 10);
	CU_ASSERT_EQUAL(read_and_end(j, 4), 10);
	before = inode_of(dir, 1);
	disk_faults.sync_fails = 1;
	sync_until_done(j);
	CU_ASSERT(inode_of(dir, 1) != before);
	CU_ASSERT_EQUAL(counts(j).sync_failures, 1);
	CU_ASSERT_EQUAL(counts(j).rewritten, 6);
	CU_ASSERT_EQUAL(said("does not sync (Input/output error)"), 1);
	CU_ASSERT_EQUAL(said("6 messages that waited were written again"), 1);
	CU_ASSERT_EQUAL(said("works again"), 0);
	/* And the journal goes on: in another segment, with all of it readable. */
	put_some(j, 2);
	CU_ASSERT(inode_of(dir, 11) > 0);
	CU_ASSERT_EQUAL(read_and_end(j, 0), 2);
	close_it(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_and_end(j, 8), 8);
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DELIVERED], 12);
	close_it(j);
}

static void nothing_is_appended_to_a_file_whose_sync_failed(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir);

	put_some(j, 3);
	disk_faults.sync_fails = 1;
	/* The reader has not gone through it, so it cannot be written anew yet. */
	while (counts(j).sync_failures == 0)
		journal_sync_run(j, &log_here);
	put_some(j, 1);
	CU_ASSERT(inode_of(dir, 4) > 0);
	CU_ASSERT_EQUAL(read_and_end(j, 0), 4);
	sync_until_done(j);
	CU_ASSERT_EQUAL(counts(j).rewritten, 3);
	close_it(j);
}

static void a_disk_that_goes_on_failing_is_said_once_and_tried_with_pauses(void)
{
	struct journal *j = open_at(store_dir_new());

	put_some(j, 3);
	CU_ASSERT_EQUAL(read_and_end(j, 0), 3);
	disk_faults.sync_fails = 1000;
	while (counts(j).sync_failures == 0)
		journal_sync_run(j, &log_here);
	for (int i = 0; i < 100; i++)
		journal_sync_run(j, &log_here);
	CU_ASSERT(disk_faults.syncs <= 3); /* the file; its copy */
	CU_ASSERT(journal_sync_wait_ms(j) > 250);
	CU_ASSERT_EQUAL(line_count, 1);
	disk_faults.sync_fails = 0;
	sync_until_done(j);
	CU_ASSERT_EQUAL(said("3 messages that waited were written again"), 1);
	close_it(j);
}

static void a_directory_whose_sync_failed_is_synced_again(void)
{
	struct journal *j = open_at(store_dir_new());

	put_some(j, 1);
	while (journal_sync_wait_ms(j) > 0)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	disk_faults.sync_spared = 1; /* the file */
	disk_faults.sync_fails = 1;
	journal_sync_run(j, &log_here);
	CU_ASSERT_EQUAL(disk_faults.syncs, 2);
	CU_ASSERT(journal_sync_wait_ms(j) > 250);
	sync_until_done(j);
	CU_ASSERT_EQUAL(disk_faults.syncs, 4);
	CU_ASSERT_EQUAL(said("the disk does not sync"), 1);
	CU_ASSERT_EQUAL(line_count, 2);
	close_it(j);
}

static void a_failed_sync_at_flush_ms_0_refuses_and_the_next_message_is_taken(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_with(dir, 0);

	put_some(j, 1);
	disk_faults.sync_fails = 1;
	CU_ASSERT_EQUAL(put(j), ST_IO);
	CU_ASSERT_EQUAL(put(j), ST_OK);
	CU_ASSERT_EQUAL(counts(j).accepted, 2);
	close_it(j);
	/* Also when the segment had no message yet: its name is used again. */
	j = open_with(dir, 0);
	disk_faults.part = ".seg";
	disk_faults.sync_fails = 1;
	CU_ASSERT_EQUAL(put(j), ST_IO);
	CU_ASSERT_EQUAL(put(j), ST_OK);
	CU_ASSERT_EQUAL(read_and_end(j, 0), 3);
	close_it(j);
}

/* --- beside each other --- */

struct reader {
	struct journal *j;
	_Atomic uint64_t ended, all; /* all: how many there will be; 0: not known yet */
};

/* Delivers two of three. */
static void *read_along(void *arg)
{
	struct reader *r = arg;
	struct journal_item item;
	uint64_t seen = 0;

	while (r->all == 0 || seen < r->all) {
		if (journal_reader_next(r->j, &item) != ST_OK) {
			sched_yield();
			continue;
		}
		if (++seen % 3 != 0) {
			journal_reader_end(r->j, item.seq, item.device, item.bytes, JOURNAL_DELIVERED);
			r->ended++;
		}
		if (seen % 8 == 0)
			journal_reader_flush(r->j);
	}
	journal_reader_flush(r->j);
	return NULL;
}

static void nothing_is_lost_while_syncs_fail_beside_appending_and_reading(void)
{
	enum {
		MESSAGES = 3000,
		STOP_MS = 5000
	};
	const char *dir = store_dir_new();
	struct journal *j = open_with(dir, 1);
	const struct disk_conf conf = { .journal = j, .flush_ms = 1 };
	struct reader reader = { .j = j };
	struct disk *disk = NULL;
	pthread_t thread;

	CU_ASSERT_EQUAL_FATAL(disk_new(&conf, &disk), ST_OK);
	CU_ASSERT_EQUAL_FATAL(disk_start(disk), ST_OK);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_along, &reader), 0);
	for (int i = 0; i < MESSAGES; i++) {
		if (i % 100 == 0)
			disk_faults.sync_fails = i % 200 == 0;
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
		if (i % 50 == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	disk_faults.sync_fails = 0;
	reader.all = MESSAGES;
	pthread_join(thread, NULL);
	CU_ASSERT_TRUE(disk_stop(disk, STOP_MS));
	disk_free(disk);
	CU_ASSERT(counts(j).sync_failures > 0);
	CU_ASSERT_EQUAL(counts(j).queued, MESSAGES - reader.ended);
	close_it(j);
	j = open_at(dir);
	CU_ASSERT_EQUAL(read_and_end(j, 0), (int)(MESSAGES - reader.ended));
	CU_ASSERT_EQUAL(counts(j).ended[JOURNAL_DROP_DAMAGED], 0);
	close_it(j);
}

/* --- how long --- */

static void a_slow_sync_is_measured_and_said_once(void)
{
	struct journal *j = open_at(store_dir_new());

	put_some(j, 1);
	disk_faults.part = ".seg";
	disk_faults.sync_ms = SLOW_MS;
	sync_until_done(j);
	put_some(j, 1);
	disk_faults.sync_ms = 0;
	sync_until_done(j);
	CU_ASSERT(counts(j).sync_longest_ms >= SLOW_MS);
	CU_ASSERT(counts(j).sync_ms < SLOW_MS);
	CU_ASSERT_EQUAL(said("ms to sync: a power cut may lose"), 1);
	CU_ASSERT_EQUAL(line_count, 1);
	close_it(j);
}

SUITE(journal_sync, TEST(what_waits_is_synced_flush_ms_after_it_was_appended),
      TEST(what_ended_in_time_needs_no_sync),
      TEST(the_oldest_that_waits_says_when_not_those_around_it),
      TEST(messages_of_a_killed_run_are_synced_by_the_next),
      TEST(flush_ms_0_syncs_the_name_of_a_new_segment_too),
      TEST(after_a_failed_sync_what_waits_is_written_again_to_a_new_file),
      TEST(nothing_is_appended_to_a_file_whose_sync_failed),
      TEST(a_disk_that_goes_on_failing_is_said_once_and_tried_with_pauses),
      TEST(a_directory_whose_sync_failed_is_synced_again),
      TEST(a_failed_sync_at_flush_ms_0_refuses_and_the_next_message_is_taken),
      TEST(nothing_is_lost_while_syncs_fail_beside_appending_and_reading),
      TEST(a_slow_sync_is_measured_and_said_once))
