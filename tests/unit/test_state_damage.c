#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fakes/bad_disk.h"
#include "tests/unit/state_world.h"

enum {
	PATH_SIZE = WORLD_TEXT_MAX * 2,
	FEW = 4,
	DB_STEP = 89, /* every so many bytes of the database */
};

static struct world w;

static void copy(const char *from, const char *to)
{
	static unsigned char bytes[1 << 20];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t len = read(in, bytes, sizeof(bytes));

	CU_ASSERT_FATAL(in >= 0 && out >= 0 && len >= 0);
	CU_ASSERT_EQUAL(write(out, bytes, (size_t)len), len);
	close(in);
	close(out);
}

static void put_few(void)
{
	for (int i = 0; i < FEW; i++)
		world_put(&w, i, 20 + i, (unsigned char)(i + 1));
}

static void any_damaged_byte_of_a_log_costs_one_change_at_most(void)
{
	char log[PATH_SIZE], good[PATH_SIZE];
	size_t size;

	world_make(&w);
	world_open(&w);
	put_few();
	world_close(&w);
	world_file(&w, "state", ".log", log, sizeof(log));
	snprintf(good, sizeof(good), "%s/good", w.dir);
	copy(log, good);
	size = world_size(log);
	for (size_t at = 0; at < size; at++) {
		copy(good, log);
		world_flip(log, at);
		world_open(&w);
		CU_ASSERT(w.lines > 0);
		CU_ASSERT(world_missing(&w) <= 1);
		CU_ASSERT_EQUAL(world_wrong(&w), 0);
		world_close(&w);
	}
	world_end(&w);
}

static void damaged_log_is_set_aside_when_folded(void)
{
	char log[PATH_SIZE];

	world_make(&w);
	world_open(&w);
	put_few();
	world_close(&w);
	world_file(&w, "state", ".log", log, sizeof(log));
	world_flip(log, 64 + 50);
	world_open(&w);
	world_fold(&w);
	CU_ASSERT_EQUAL(world_count(&w, "state", ".damaged-1"), 1);
	world_close(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(world_missing(&w), 1);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

/* Either nothing is wrong, or the log says so. What is used is right in any case, and the store
 * works afterwards. */
static void damaged_byte_of_the_database_is_never_silent(void)
{
	char db[PATH_SIZE], good[PATH_SIZE];
	size_t size, quiet = 0;

	world_make(&w);
	world_open(&w);
	put_few();
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_fold(&w); /* the log is gone: the database is all there is */
	world_close(&w);
	snprintf(db, sizeof(db), "%s/state.db", w.dir);
	snprintf(good, sizeof(good), "%s/good", w.dir);
	copy(db, good);
	size = world_size(db);
	for (size_t at = 0; at < size; at += at < 200 ? 1 : DB_STEP) {
		copy(good, db);
		world_flip(db, at);
		world_open(&w);
		CU_ASSERT_EQUAL(world_wrong(&w), 0);
		CU_ASSERT(world_missing(&w) == 0 || w.lines > 0);
		quiet += w.lines == 0;
		CU_ASSERT_EQUAL(world_put(&w, 0, 20, 1), ST_OK);
		world_fold(&w);
		world_close(&w);
		world_open(&w);
		CU_ASSERT_EQUAL(world_wrong(&w), 0);
		CU_ASSERT_TRUE(w.found[0].set);
		CU_ASSERT_EQUAL(w.lines, 0);
		world_close(&w);
	}
	CU_ASSERT(quiet > 0); /* of bytes that nothing uses */
	world_end(&w);
}

/* What the database says is replaced, then opened; true when it was set aside. */
static bool set_aside_after(void (*spoil)(const char *db))
{
	char db[PATH_SIZE];
	bool aside;

	world_make(&w);
	snprintf(db, sizeof(db), "%s/state.db", w.dir);
	world_open(&w);
	put_few();
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_fold(&w);
	world_close(&w);
	spoil(db);
	world_open(&w);
	aside = world_count(&w, "", "state.db.damaged-1") > 0 && w.lines == 1;
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	for (int i = 0; i < FEW; i++)
		w.want[i].set = w.found[i].set;
	CU_ASSERT_EQUAL(world_put(&w, FEW, 9, 9), ST_OK);
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
	return aside;
}

static void make_text(const char *db)
{
	FILE *f = fopen(db, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 100; i++)
		fputs("this is not a database\n", f);
	fclose(f);
}

static void cut_in_half(const char *db)
{
	CU_ASSERT_EQUAL(truncate(db, (off_t)(world_size(db) / 2)), 0);
}

static void run_sql(const char *db, const char *text)
{
	sqlite3 *handle = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(db, &handle), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(handle, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(handle);
}

static void make_newer(const char *db)
{
	run_sql(db, "PRAGMA user_version = 3");
}

static void lose_an_entry(const char *db)
{
	run_sql(db, "DELETE FROM entry WHERE rowid = 2");
}

static void lose_a_table(const char *db)
{
	run_sql(db, "DROP TABLE entry");
}

static void useless_database_is_set_aside_and_begun_anew(void)
{
	CU_ASSERT_TRUE(set_aside_after(make_text));
	CU_ASSERT_TRUE(set_aside_after(cut_in_half));
	CU_ASSERT_TRUE(set_aside_after(make_newer));
	CU_ASSERT_TRUE(set_aside_after(lose_a_table));
}

static void entries_that_vanished_are_noticed_and_the_others_kept(void)
{
	CU_ASSERT_TRUE(set_aside_after(lose_an_entry));
	CU_ASSERT_EQUAL(w.want[1].set, false);
	CU_ASSERT_TRUE(w.want[0].set && w.want[2].set && w.want[3].set);
}

static void damaged_entry_alone_is_left_out(void)
{
	char db[PATH_SIZE];

	world_make(&w);
	snprintf(db, sizeof(db), "%s/state.db", w.dir);
	world_open(&w);
	put_few();
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	world_fold(&w);
	world_close(&w);
	run_sql(db, "UPDATE entry SET value = x'00' WHERE rowid = 3");
	world_open(&w);
	CU_ASSERT_EQUAL(w.lines, 1);
	CU_ASSERT_EQUAL(world_missing(&w), 1);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	world_close(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	CU_ASSERT_EQUAL(world_count(&w, "", ".damaged"), 0);
	world_end(&w);
}

static void database_that_breaks_while_in_use_is_replaced(void)
{
	char db[PATH_SIZE];

	world_make(&w);
	snprintf(db, sizeof(db), "%s/state.db", w.dir);
	world_open(&w);
	put_few();
	world_fold(&w);
	make_text(db);
	world_put(&w, FEW, 10, 10);
	CU_ASSERT_NOT_EQUAL(world_size(db), 0);
	world_fold(&w);
	CU_ASSERT_EQUAL(w.lines, 1);
	world_close(&w);
	world_open(&w);
	CU_ASSERT_TRUE(w.found[FEW].set);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	world_end(&w);
}

static void files_set_aside_are_bounded(void)
{
	char db[PATH_SIZE];

	world_make(&w);
	snprintf(db, sizeof(db), "%s/state.db", w.dir);
	for (int i = 0; i < 12; i++) {
		make_text(db);
		world_open(&w);
		world_close(&w);
	}
	CU_ASSERT_EQUAL(world_count(&w, "", "state.db.damaged"), 8);
	world_end(&w);
}

static const struct {
	const char *call, *part, *named;
} faults[] = {
	{ "readdir", "/state", "/state cannot be read: Input/output error" },
	{ "open", "1.log", ".log cannot be read: Input/output error" },
	{ "pread", "1.log", ".log cannot be read: Input/output error" },
	{ "open", "/state.db", "/state.db cannot be read: state.db: Input/output error" },
	{ "pread", "/state.db", "/state.db cannot be read: disk I/O error" },
};

/* Half of what is remembered in the database, half in a log. */
static void what_cannot_be_read_ends_the_start_and_is_there_at_the_next(void)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		char line[LOG_LINE_MAX];
		struct state_conf conf = { .dir = w.dir, .flush_ms = 200, .log = &w.log };
		struct state *s = NULL;

		world_make(&w);
		world_open(&w);
		put_few();
		world_fold(&w);
		world_put(&w, FEW, 30, 7);
		world_close(&w);
		w.lines = 0;
		bad_disk_fail(faults[i].call, faults[i].part, EIO);
		CU_ASSERT_EQUAL(state_open(&conf, NULL, NULL, &s), ST_IO);
		bad_disk_heal();
		CU_ASSERT_EQUAL(w.lines, 1);
		snprintf(line, sizeof(line), "%s", w.last_line);
		CU_ASSERT_PTR_NOT_NULL(strstr(line, "not started: "));
		CU_ASSERT_PTR_NOT_NULL(strstr(line, faults[i].named));
		world_open(&w);
		world_expect_all(&w);
		CU_ASSERT_EQUAL(w.lines, 0);
		world_end(&w);
	}
}

static void no_log_that_exists_is_written_over(void)
{
	char log[PATH_SIZE];

	world_make(&w);
	world_open(&w);
	snprintf(log, sizeof(log), "%s/state/0000000000000001.log", w.dir);
	make_text(log);
	CU_ASSERT_EQUAL(world_put(&w, 0, 20, 1), ST_IO);
	CU_ASSERT(world_size(log) > 1000);
	CU_ASSERT_EQUAL(unlink(log), 0);
	CU_ASSERT_EQUAL(world_put(&w, 0, 20, 1), ST_OK);
	world_close(&w);
	world_open(&w);
	world_expect_all(&w);
	world_end(&w);
}

/* Numbers that cannot be continued are nobody's, in names and in the database. */
static void logs_with_the_highest_number_of_all_do_not_hide_the_next_ones(void)
{
	static const char *const names[] = { "7ffffffffffffffe", "7fffffffffffffff", "ffffffffffffffff",
		                                 "4000000000000000", "0000000100000000" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char log[PATH_SIZE];

		world_make(&w);
		world_open(&w);
		put_few();
		world_close(&w);
		snprintf(log, sizeof(log), "%s/state/%s.log", w.dir, names[i]);
		make_text(log);
		for (int start = 0; start < 3; start++) {
			world_open(&w);
			world_expect_all(&w);
			world_put(&w, FEW + start, 20, 1);
			if (start == 1)
				world_fold(&w);
			world_close(&w);
		}
		world_open(&w);
		world_expect_all(&w);
		world_end(&w);
	}
}

/* A child puts, folds and dies by SIGKILL in the middle of it. */
static void killed_process_loses_no_change(void)
{
	world_make(&w);
	for (int round = 0; round < 10; round++) {
		int status, pipe_fds[2];
		char done;
		int count = 0;
		pid_t child;

		CU_ASSERT_EQUAL_FATAL(pipe(pipe_fds), 0);
		child = fork();
		if (child == 0) {
			close(pipe_fds[0]);
			world_open(&w);
			for (int i = 0; i < 100; i++) {
				if (world_put(&w, i % WORLD_KEYS, 30 + i, (unsigned char)round) != ST_OK ||
				    write(pipe_fds[1], "x", 1) != 1)
					break;
				if (i % 5 == round % 5)
					state_disk_run(w.state, &w.log);
			}
			_exit(1);
		}
		close(pipe_fds[1]);
		while (count < 10 * round + 3 && read(pipe_fds[0], &done, 1) == 1)
			count++;
		kill(child, SIGKILL);
		while (read(pipe_fds[0], &done, 1) == 1)
			count++;
		close(pipe_fds[0]);
		waitpid(child, &status, 0);
		world_open(&w);
		for (int i = 0; i < count && i < WORLD_KEYS; i++)
			CU_ASSERT_TRUE(w.found[i].set);
		/* The last put may have been written and not reported. */
		for (int i = count > WORLD_KEYS ? count - WORLD_KEYS : 0; i < count; i++) {
			const struct world_value *v = &w.found[i % WORLD_KEYS];

			CU_ASSERT(v->len == (size_t)(30 + i) || v->len == (size_t)(30 + i + WORLD_KEYS));
			CU_ASSERT_EQUAL(v->bytes[0], round);
		}
		world_close(&w);
	}
	world_end(&w);
}

SUITE(state_damage, TEST(any_damaged_byte_of_a_log_costs_one_change_at_most),
      TEST(damaged_log_is_set_aside_when_folded),
      TEST(damaged_byte_of_the_database_is_never_silent),
      TEST(useless_database_is_set_aside_and_begun_anew),
      TEST(entries_that_vanished_are_noticed_and_the_others_kept),
      TEST(damaged_entry_alone_is_left_out), TEST(database_that_breaks_while_in_use_is_replaced),
      TEST(what_cannot_be_read_ends_the_start_and_is_there_at_the_next),
      TEST(no_log_that_exists_is_written_over),
      TEST(logs_with_the_highest_number_of_all_do_not_hide_the_next_ones),
      TEST(files_set_aside_are_bounded), TEST(killed_process_loses_no_change))
