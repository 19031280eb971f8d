/* A disk that is smaller than store.max_bytes, or filled by somebody else. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shadowstore/journal/journal_disk.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/disk_faults.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	MIB = 1 << 20,
	MAX_BYTES = 64 * MIB,
	PAYLOAD = 4000,
	WAIT_US = 10000,
	TRIES = 300, /* looks at the disk are a second apart */
};

static char text[32 * LOG_LINE_MAX];

static void on_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	strncat(text, line, sizeof text - strlen(text) - 1);
}

static const struct log log_here = { on_line, NULL };

static struct journal *open_at(const char *dir, enum journal_policy policy, uint64_t free_bytes)
{
	const struct journal_limits lim = { .max_messages = 1000000,
		                                .max_bytes = MAX_BYTES,
		                                .device_share = 100,
		                                .policy = policy,
		                                .flush_ms = 200 };
	struct journal *j = NULL;

	disk_faults_end();
	disk_faults.free_bytes = free_bytes;
	text[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(journal_open(dir, &lim, &log_here, &j), ST_OK);
	return j;
}

static void close_it(struct journal *j)
{
	disk_faults_end();
	journal_close(j);
}

static enum status put(struct journal *j)
{
	static const char payload[PAYLOAD];
	const struct journal_msg msg = {
		.device = "a", .topic = "p/a/event", .payload = payload, .len = PAYLOAD, .qos = 1
	};

	return journal_append(j, &msg, NULL, NULL);
}

static void read_all(struct journal *j)
{
	struct journal_item item;

	while (journal_reader_next(j, &item) == ST_OK)
		;
}

static struct journal_counts counts(struct journal *j)
{
	struct journal_counts c;

	journal_counts(j, &c);
	return c;
}

/* DISK's rounds until a line with this part was said. */
static bool run_until(struct journal *j, const char *part)
{
	for (int i = 0; i < TRIES && !strstr(text, part); i++) {
		CU_ASSERT_EQUAL(journal_disk_run(j, &log_here), ST_OK);
		usleep(WAIT_US);
	}
	return strstr(text, part) != NULL;
}

static void a_bound_above_the_disk_is_lowered_at_the_start_and_said(void)
{
	struct journal *j = open_at(store_dir_new(), JOURNAL_DROP_OLDEST, 17 * MIB);

	CU_ASSERT_EQUAL(counts(j).bound_bytes, 10 * MIB);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "store.max_bytes 67108864 is more than the disk"));
	for (int i = 0; i < 2600; i++)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
	read_all(j);
	CU_ASSERT(journal_reader_excess(j) > 0);
	close_it(j);
}

static void a_disk_that_somebody_fills_refuses_and_drops_nothing(void)
{
	enum {
		KEPT = 2000
	};
	struct journal *j = open_at(store_dir_new(), JOURNAL_DROP_OLDEST, 16 * MIB);

	for (int i = 0; i < KEPT; i++)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
	read_all(j);
	disk_faults.free_bytes = 4096;
	text[0] = '\0';
	CU_ASSERT_TRUE(run_until(j, "is more than the disk has room for"));
	CU_ASSERT_EQUAL(put(j), ST_NOSPACE);
	CU_ASSERT_EQUAL(put(j), ST_NOSPACE);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	CU_ASSERT_TRUE(run_until(j, "no room on the disk (4096 bytes are free"));
	CU_ASSERT_EQUAL(counts(j).queued, KEPT);
	disk_faults.free_bytes = 160 * MIB;
	CU_ASSERT_TRUE(run_until(j, "bytes of messages are kept"));
	while (put(j) == ST_NOSPACE && run_until(j, "at most 67108864 bytes"))
		;
	CU_ASSERT_EQUAL(put(j), ST_OK);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	close_it(j);
}

/* A look at the disk falls into the middle of it: what waits is not dropped at a bound that is
 * gone at the next look. */
static void a_disk_that_somebody_is_filling_drops_nothing_either(void)
{
	enum {
		KEPT = 2000
	};
	struct journal *j = open_at(store_dir_new(), JOURNAL_DROP_OLDEST, 40 * MIB);

	for (int i = 0; i < KEPT; i++)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
	read_all(j);
	disk_faults.free_bytes = 7 * MIB; /* with 8 MiB of ours room for some more */
	text[0] = '\0';
	CU_ASSERT_TRUE(run_until(j, "is more than the disk has room for"));
	CU_ASSERT(counts(j).bound_bytes < 9 * MIB);
	CU_ASSERT_EQUAL(put(j), ST_NOSPACE);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	for (int i = 0; i < TRIES && put(j) != ST_OK; i++) { /* nobody goes on filling it */
		CU_ASSERT_EQUAL(journal_disk_run(j, &log_here), ST_OK);
		usleep(WAIT_US);
	}
	CU_ASSERT_EQUAL(put(j), ST_OK);
	close_it(j);
}

/* What waits is not known before it was read: until then all that is there may wait. */
static void a_disk_that_was_filled_between_two_runs_drops_nothing_either(void)
{
	enum {
		KEPT = 2000
	};
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir, JOURNAL_DROP_OLDEST, 200 * MIB);

	for (int i = 0; i < KEPT; i++)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
	close_it(j);
	j = open_at(dir, JOURNAL_DROP_OLDEST, 4096);
	read_all(j);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	CU_ASSERT_EQUAL(put(j), ST_NOSPACE);
	CU_ASSERT_EQUAL(counts(j).queued, KEPT);
	close_it(j);
}

static bool has_spare(const char *dir)
{
	char path[256];
	struct stat info;

	snprintf(path, sizeof path, "%s/journal/spare", dir);
	return stat(path, &info) == 0 && info.st_size == 0 && info.st_blocks * 512 >= MIB;
}

static void room_for_the_next_segment_is_reserved_and_given_back(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_at(dir, JOURNAL_REFUSE, 0);
	char path[256];
	struct stat info;

	CU_ASSERT_TRUE(has_spare(dir));
	CU_ASSERT_EQUAL(put(j), ST_OK); /* it is the segment now */
	CU_ASSERT_FALSE(has_spare(dir));
	snprintf(path, sizeof path, "%s/journal/0000000000000001.seg", dir);
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	CU_ASSERT(info.st_blocks * 512 >= MIB);
	for (int i = 0; i < TRIES && !has_spare(dir); i++) {
		journal_disk_run(j, &log_here);
		usleep(WAIT_US);
	}
	CU_ASSERT_TRUE(has_spare(dir));
	while (counts(j).disk_bytes < MIB + PAYLOAD)
		CU_ASSERT_EQUAL_FATAL(put(j), ST_OK);
	CU_ASSERT_EQUAL(put(j), ST_OK);
	journal_disk_run(j, &log_here);
	CU_ASSERT_EQUAL(stat(path, &info), 0);
	CU_ASSERT(info.st_blocks * 512 < info.st_size + 2 * 4096);
	close_it(j);
	j = open_at(dir, JOURNAL_REFUSE, 0); /* and what a run left does not disturb the next */
	CU_ASSERT_TRUE(has_spare(dir));
	close_it(j);
}

SUITE(journal_space, TEST(a_bound_above_the_disk_is_lowered_at_the_start_and_said),
      TEST(a_disk_that_somebody_fills_refuses_and_drops_nothing),
      TEST(a_disk_that_somebody_is_filling_drops_nothing_either),
      TEST(a_disk_that_was_filled_between_two_runs_drops_nothing_either),
      TEST(room_for_the_next_segment_is_reserved_and_given_back))
