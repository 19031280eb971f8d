#include "shadowstore/state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fakes/disk_faults.h"
#include "tests/unit/state_world.h"

enum {
	ENTRIES = 5000,
	ENTRY_BYTES = 1024,
	OPEN_MS = 300,
	STEPS = 1500,
};

static struct world w;

static void values_survive_reopen(void)
{
	world_make(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(world_put(&w, 0, 1, 1), ST_OK);
	CU_ASSERT_EQUAL(world_put(&w, 1, 300, 2), ST_OK);
	CU_ASSERT_EQUAL(world_put(&w, 0, 7, 3), ST_OK);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

static void deleted_key_stays_deleted_and_empty_value_stays_a_value(void)
{
	world_make(&w);
	world_open(&w);
	world_put(&w, 0, 10, 1);
	world_put(&w, 1, 10, 1);
	world_fold(&w);
	CU_ASSERT_EQUAL(world_put(&w, 0, -1, 0), ST_OK);
	CU_ASSERT_EQUAL(world_put(&w, 1, 0, 0), ST_OK);
	for (int i = 0; i < 3; i++) {
		world_close(&w);
		world_open(&w);
		world_expect_all(&w);
		CU_ASSERT_TRUE(w.found[1].set);
		CU_ASSERT_FALSE(w.found[0].set);
		world_fold(&w);
	}
	world_end(&w);
}

static void folded_values_survive_and_their_logs_go(void)
{
	world_make(&w);
	world_open(&w);
	for (int i = 0; i < WORLD_KEYS; i++)
		world_put(&w, i, 100 * i, (unsigned char)i);
	world_close(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(world_count(&w, "state", ".log"), 1);
	world_fold(&w);
	CU_ASSERT_EQUAL(world_count(&w, "state", ".log"), 0);
	CU_ASSERT_EQUAL(world_count(&w, "", "state.db"), 1);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

static void open_log_is_folded_while_it_grows(void)
{
	world_make(&w);
	world_open(&w);
	for (int i = 0; i < 100; i++) {
		world_put(&w, i % WORLD_KEYS, 1 + i, (unsigned char)i);
		if (i % 10 == 0)
			world_fold(&w);
	}
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

static void long_log_is_rolled(void)
{
	world_make(&w);
	world_open(&w);
	for (int i = 0; i < 200; i++)
		world_put(&w, i % WORLD_KEYS, WORLD_VALUE_MAX, (unsigned char)i);
	CU_ASSERT(world_count(&w, "state", ".log") >= 3);
	world_drop(&w);
	world_open(&w);
	world_expect_all(&w);
	world_fold(&w);
	CU_ASSERT_EQUAL(world_count(&w, "state", ".log"), 0);
	world_end(&w);
}

/* The log is there again as it was before the commit. */
static void log_that_outlived_its_fold_changes_nothing(void)
{
	char log[WORLD_TEXT_MAX * 2], kept[WORLD_TEXT_MAX * 3];

	world_make(&w);
	world_open(&w);
	world_put(&w, 0, 10, 1);
	world_put(&w, 1, 10, 1);
	world_close(&w);
	world_file(&w, "state", ".log", log, sizeof(log));
	snprintf(kept, sizeof(kept), "%s.kept", log);
	CU_ASSERT_EQUAL(link(log, kept), 0);
	world_open(&w);
	world_fold(&w);
	CU_ASSERT_EQUAL(rename(kept, log), 0);
	world_put(&w, 0, 20, 2);
	world_put(&w, 1, -1, 0);
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(world_count(&w, "state", ".log"), 0);
	world_end(&w);
}

static void torn_tail_loses_the_last_change_only(void)
{
	char log[WORLD_TEXT_MAX * 2];
	size_t size;

	world_make(&w);
	world_open(&w);
	for (int i = 0; i < 5; i++)
		world_put(&w, i, 50, (unsigned char)i);
	world_drop(&w);
	world_file(&w, "state", ".log", log, sizeof(log));
	size = world_size(log);
	CU_ASSERT_EQUAL(truncate(log, (off_t)size - 1), 0);
	world_open(&w);
	CU_ASSERT_EQUAL(world_missing(&w), 1);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	CU_ASSERT_FALSE(w.found[4].set);
	CU_ASSERT_EQUAL(w.lines, 1);
	world_end(&w);
}

/* A limit on the size of files is the nearest thing to a full disk. */
static void full_disk_refuses_then_recovers(void)
{
	struct rlimit before, small;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

	world_make(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(world_put(&w, 0, 50, 1), ST_OK);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 300;
	setrlimit(RLIMIT_FSIZE, &small);
	CU_ASSERT_EQUAL(world_put(&w, 1, 2000, 2), ST_NOSPACE);
	CU_ASSERT_EQUAL(world_put(&w, 0, 2000, 2), ST_NOSPACE);
	CU_ASSERT_EQUAL(world_put(&w, 2, 10, 3), ST_OK);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	CU_ASSERT_EQUAL(world_put(&w, 1, 2000, 4), ST_OK);
	world_drop(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

/* The kernel may have dropped what it could not write, and a second sync would not tell. */
static void after_a_failed_sync_the_database_has_what_the_logs_held(void)
{
	char log[WORLD_TEXT_MAX * 2];

	world_make(&w);
	w.fold_ms = 600000;
	world_open(&w);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(world_put(&w, i, 50, (unsigned char)i), ST_OK);
	disk_faults_end();
	disk_faults.part = "/state/";
	disk_faults.sync_fails = 1;
	for (int i = 0; i < 3; i++)
		state_disk_run(w.state, &w.log);
	disk_faults_end();
	CU_ASSERT_EQUAL(w.lines, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(w.last_line, "what the failed sync may have lost is in"));
	CU_ASSERT_EQUAL(world_put(&w, 7, 50, 7), ST_OK); /* in a log of its own */
	CU_ASSERT_EQUAL(world_count(&w, "state", ".log"), 2);
	world_file(&w, "state", "001.log", log, sizeof(log));
	CU_ASSERT_EQUAL(truncate(log, 64), 0); /* the power cut */
	world_drop(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

static void what_cannot_be_kept_is_refused(void)
{
	static char big[3 << 20];

	world_make(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(state_put(w.state, STATE_SHADOW, "d", big, sizeof(big)), ST_TOOBIG);
	CU_ASSERT_EQUAL(state_put(w.state, STATE_SHADOW, "", big, 1), ST_TOOBIG);
	CU_ASSERT_EQUAL(world_put(&w, 0, 1, 1), ST_OK);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

static void folder_that_cannot_be_used_is_an_io_error(void)
{
	const struct state_conf conf = { .dir = "/proc/no-such-folder" };
	struct state *s = NULL;

	CU_ASSERT_EQUAL(state_open(&conf, NULL, NULL, &s), ST_IO);
	CU_ASSERT_NOT_EQUAL(errno, 0);
	CU_ASSERT_PTR_NULL(s);
}

static void files_are_for_their_owner_only(void)
{
	char path[WORLD_TEXT_MAX * 2];
	struct stat st;

	world_make(&w);
	world_open(&w);
	world_put(&w, 0, 1, 1);
	world_fold(&w);
	world_file(&w, "state", ".log", path, sizeof(path));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	world_file(&w, "", "state.db", path, sizeof(path));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/state", w.dir);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	world_end(&w);
}

static void log_deleted_by_hand_is_said_and_the_next_change_is_kept(void)
{
	char log[WORLD_TEXT_MAX * 2];

	world_make(&w);
	world_open(&w);
	world_put(&w, 0, 10, 1);
	world_file(&w, "state", ".log", log, sizeof(log));
	unlink(log);
	world_fold(&w);
	CU_ASSERT_EQUAL(w.lines, 1);
	w.want[0].set = false;
	world_put(&w, 1, 10, 1);
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count_entry(void *ctx, const struct state_entry *e)
{
	*(size_t *)ctx += e->len == ENTRY_BYTES;
}

static void many_entries_open_quickly(void)
{
	static const char value[ENTRY_BYTES];
	struct state_conf conf = { .flush_ms = 200, .fold_ms = 1 };
	size_t count = 0;
	int64_t start;
	char key[32];

	world_make(&w);
	world_open(&w);
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(key, sizeof(key), "SUBPRODUC1dev%d", i);
		CU_ASSERT_EQUAL(state_put(w.state, STATE_SHADOW, key, value, sizeof(value)), ST_OK);
	}
	world_fold(&w);
	world_close(&w);
	conf.dir = w.dir;
	start = now_ms();
	CU_ASSERT_EQUAL(state_open(&conf, count_entry, &count, &w.state), ST_OK);
#ifndef HUBGATE_DEBUG /* sanitizers take their time */
	CU_ASSERT(now_ms() - start < OPEN_MS);
#else
	(void)start;
#endif
	CU_ASSERT_EQUAL(count, ENTRIES);
	world_end(&w);
}

static void any_sequence_of_puts_folds_and_restarts_keeps_the_last_values(void)
{
	unsigned seed = 20240611;

	world_make(&w);
	world_open(&w);
	for (int i = 0; i < STEPS; i++) {
		int what = rand_r(&seed) % 100, key = rand_r(&seed) % WORLD_KEYS;
		int len = rand_r(&seed) % WORLD_VALUE_MAX;

		if (what < 90) {
			CU_ASSERT_EQUAL(world_put(&w, key, what < 10 ? -1 : len, (unsigned char)i), ST_OK);
		} else if (what < 95) {
			CU_ASSERT_EQUAL(state_disk_run(w.state, &w.log), ST_OK);
		} else if (what < 97) {
			world_fold(&w);
		} else {
			world_drop(&w);
			world_open(&w);
			world_expect_all(&w);
			CU_ASSERT_EQUAL(w.lines, 0);
		}
	}
	world_end(&w);
}

SUITE(state, TEST(values_survive_reopen),
      TEST(deleted_key_stays_deleted_and_empty_value_stays_a_value),
      TEST(folded_values_survive_and_their_logs_go), TEST(open_log_is_folded_while_it_grows),
      TEST(long_log_is_rolled), TEST(log_that_outlived_its_fold_changes_nothing),
      TEST(torn_tail_loses_the_last_change_only), TEST(full_disk_refuses_then_recovers),
      TEST(after_a_failed_sync_the_database_has_what_the_logs_held),
      TEST(what_cannot_be_kept_is_refused), TEST(folder_that_cannot_be_used_is_an_io_error),
      TEST(files_are_for_their_owner_only),
      TEST(log_deleted_by_hand_is_said_and_the_next_change_is_kept),
      TEST(many_entries_open_quickly),
      TEST(any_sequence_of_puts_folds_and_restarts_keeps_the_last_values))
