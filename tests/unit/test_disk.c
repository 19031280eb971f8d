#include "shadowstore/disk.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/room.h"
#include "tests/unit/state_world.h"

enum {
	WAIT_MS = 10000, /* bound of everything awaited */
	STOP_MS = 2000,
	PUTS = 2000,
};

static struct world w;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct disk *start(uint32_t flush_ms)
{
	const struct disk_conf conf = { .state = w.state, .flush_ms = flush_ms };
	struct disk *d = NULL;

	CU_ASSERT_EQUAL_FATAL(disk_new(&conf, &d), ST_OK);
	CU_ASSERT_EQUAL_FATAL(disk_start(d), ST_OK);
	return d;
}

static size_t drain(struct disk *d)
{
	struct disk_log line;
	size_t n = 0;

	while (disk_take_log(d, &line) == ST_OK)
		n++;
	return n;
}

static bool await_logs(size_t count)
{
	int64_t end = now_ms() + WAIT_MS;

	while (world_count(&w, "state", ".log") != count && now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	return world_count(&w, "state", ".log") == count;
}

static void what_is_put_gets_folded_without_being_asked(void)
{
	struct disk *d;

	world_make(&w);
	world_open(&w);
	d = start(1);
	for (int i = 0; i < PUTS; i++)
		CU_ASSERT_EQUAL(world_put(&w, i % WORLD_KEYS, i % WORLD_VALUE_MAX, (unsigned char)i),
		                ST_OK);
	CU_ASSERT_TRUE(await_logs(1)); /* all but the open one */
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	CU_ASSERT_EQUAL(drain(d), 0);
	disk_free(d);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

static void logs_of_earlier_runs_are_folded_at_start(void)
{
	struct disk *d;

	world_make(&w);
	world_open(&w);
	world_put(&w, 0, 10, 1);
	world_close(&w);
	world_open(&w);
	d = start(1);
	CU_ASSERT_TRUE(await_logs(0));
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	disk_free(d);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

static void stop_does_not_wait_for_pauses_or_folds_to_come(void)
{
	struct disk *d;
	int64_t begin;

	world_make(&w);
	w.fold_ms = 600000;
	world_open(&w);
	d = start(600000);
	world_put(&w, 0, 10, 1);
	begin = now_ms();
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	CU_ASSERT(now_ms() - begin < STOP_MS);
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS)); /* once more is nothing */
	disk_free(d);
	world_end(&w);
}

static void disk_without_anything_to_do_starts_and_stops(void)
{
	const struct disk_conf conf = { 0 };
	struct disk *d = NULL;

	CU_ASSERT_EQUAL(disk_new(&conf, &d), ST_OK);
	disk_free(d);
	CU_ASSERT_EQUAL(disk_new(&conf, &d), ST_OK);
	CU_ASSERT_EQUAL(disk_start(d), ST_OK);
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	disk_free(d);
	disk_free(NULL);
	CU_ASSERT_TRUE(disk_stop(NULL, STOP_MS));
}

static void trouble_is_said_once_and_its_end_too(void)
{
	char state[WORLD_TEXT_MAX * 2];
	struct disk_log line = { .line = "" };
	int64_t end = now_ms() + WAIT_MS;
	struct disk *d;

	world_make(&w);
	/* SQLite cannot open a folder. */
	world_open(&w);
	snprintf(state, sizeof(state), "%s/state.db", w.dir);
	CU_ASSERT_EQUAL(mkdir(state, 0700), 0);
	d = start(1);
	while (disk_take_log(d, &line) != ST_OK && now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(line.line, "tried again"));
	CU_ASSERT_EQUAL(rmdir(state), 0);
	while (disk_take_log(d, &line) != ST_OK && now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(line.line, "works again"));
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	disk_free(d);
	world_end(&w);
}

static atomic_int jobs_done;

static void count_job(void *ctx)
{
	CU_ASSERT_PTR_EQUAL(ctx, &w);
	CU_ASSERT_EQUAL(room_now(), ROOM_DISK);
	atomic_fetch_add(&jobs_done, 1);
}

static void job_runs_once_in_disk_whether_asked_before_or_after_the_start(void)
{
	const struct disk_conf conf = { .flush_ms = 1 };
	struct disk *d = NULL;
	int64_t end = now_ms() + WAIT_MS;

	atomic_store(&jobs_done, 0);
	CU_ASSERT_EQUAL_FATAL(disk_new(&conf, &d), ST_OK);
	CU_ASSERT_EQUAL(disk_ask(d, count_job, &w), ST_OK);
	CU_ASSERT_EQUAL_FATAL(disk_start(d), ST_OK);
	while (atomic_load(&jobs_done) < 1 && now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	CU_ASSERT_EQUAL(disk_ask(d, count_job, &w), ST_OK);
	while (atomic_load(&jobs_done) < 2 && now_ms() < end)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	CU_ASSERT_TRUE(disk_stop(d, STOP_MS));
	CU_ASSERT_EQUAL(atomic_load(&jobs_done), 2);
	CU_ASSERT_EQUAL(disk_ask(d, count_job, &w), ST_OK); /* nobody is left to run it */
	disk_free(d);
}

SUITE(disk, TEST(what_is_put_gets_folded_without_being_asked),
      TEST(logs_of_earlier_runs_are_folded_at_start),
      TEST(stop_does_not_wait_for_pauses_or_folds_to_come),
      TEST(disk_without_anything_to_do_starts_and_stops),
      TEST(trouble_is_said_once_and_its_end_too),
      TEST(job_runs_once_in_disk_whether_asked_before_or_after_the_start))
