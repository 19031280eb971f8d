/* store.dir itself: one owner, closed to others, nothing odd in it. */
#include "shadowstore/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shadowstore/dead_letter.h"
#include "shadowstore/journal/journal.h"
#include "shadowstore/secrets.h"
#include "shadowstore/state/state.h"
#include "shadowstore/store_format.h"
#include "tests/fakes/bad_disk.h"
#include "tests/fakes/said.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	HANG_S = 20 /* then SIGALRM ends the program: something waits for ever */
};

static struct said said;

static enum status open_with(const char *dir, bool lock, bool container, uint32_t wait_ms,
                             struct store **out)
{
	const struct store_conf conf = {
		.dir = dir, .lock = lock, .others_are_none = container, .wait_ms = wait_ms, .log = &said.log
	};

	said_clear(&said);
	*out = NULL;
	return store_open(&conf, out);
}

static enum status open_at(const char *dir, struct store **out)
{
	return open_with(dir, true, false, 0, out);
}

static mode_t mode_of(const char *path)
{
	struct stat info;

	CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
	return info.st_mode & 07777;
}

static const char *at(const char *dir, const char *name)
{
	static char path[1024];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one owner --- */

static void missing_directory_is_made_for_the_owner_alone(void)
{
	char dir[512];
	struct store *s;

	snprintf(dir, sizeof dir, "%s/store", store_dir_new());
	CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
	CU_ASSERT_EQUAL(mode_of(dir), 0700);
	CU_ASSERT_EQUAL(mode_of(at(dir, "journal")), 0700);
	CU_ASSERT_EQUAL(mode_of(at(dir, "state")), 0700);
	CU_ASSERT_EQUAL(mode_of(at(dir, "lock")), 0600);
	CU_ASSERT_EQUAL(said.lines, 0);
	store_close(s);
}

static void second_owner_is_refused_and_told_who_the_first_is(void)
{
	const char *dir = store_dir_new();
	char pid[32], host[65] = "";
	struct store *first, *second;

	CU_ASSERT_EQUAL_FATAL(open_at(dir, &first), ST_OK);
	CU_ASSERT_EQUAL(open_at(dir, &second), ST_DENIED);
	snprintf(pid, sizeof pid, "in use by pid %d on host ", (int)getpid());
	gethostname(host, sizeof host - 1);
	CU_ASSERT(said_has(&said, pid));
	CU_ASSERT(said_has(&said, host));
	CU_ASSERT(said_has(&said, "two brokers on one store lose messages"));
	CU_ASSERT_EQUAL(said.lines, 1);
	store_close(first);
	CU_ASSERT_EQUAL_FATAL(open_at(dir, &second), ST_OK);
	store_close(second);
}

static void deleting_the_lock_file_lets_nobody_in(void)
{
	const char *dir = store_dir_new();
	struct store *first, *second;

	CU_ASSERT_EQUAL_FATAL(open_at(dir, &first), ST_OK);
	CU_ASSERT_EQUAL(unlink(at(dir, "lock")), 0);
	CU_ASSERT_EQUAL(open_at(dir, &second), ST_DENIED);
	CU_ASSERT(said_has(&said, "in use by another process"));
	store_close(first);
	CU_ASSERT_EQUAL_FATAL(open_at(dir, &second), ST_OK);
	store_close(second);
}

static void text_of_a_stranger_in_the_lock_file_cannot_forge_log_lines(void)
{
	const char *dir = store_dir_new();
	struct store *s;
	int fd;

	put_file(at(dir, "lock"), "pid 7 on host x\nnot started: \033[1m forged");
	fd = open(at(dir, "lock"), O_RDWR | O_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX), 0);
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT(said_has(&said, "in use by pid 7 on host x: "));
	CU_ASSERT_PTR_NULL(strstr(said.text, "forged"));
	close(fd);
}

static void owner_that_ends_in_time_lets_the_next_one_in(void)
{
	const char *dir = store_dir_new();
	int ready[2];
	struct store *s;
	char byte = 0;
	pid_t child;
	int64_t from_ms;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (open_at(dir, &s) != ST_OK || write(ready[1], "x", 1) != 1)
			_exit(1);
		poll(NULL, 0, 400);
		_exit(0); /* as kill -9: nothing is closed */
	}
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	from_ms = clock_ms();
	CU_ASSERT_EQUAL_FATAL(open_with(dir, true, false, STORE_WAIT_MS, &s), ST_OK);
	CU_ASSERT(clock_ms() - from_ms < 2500);
	CU_ASSERT(said_has(&said, "waiting for its end"));
	CU_ASSERT_EQUAL(said.lines, 1);
	store_close(s);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

static void owner_that_stays_is_waited_for_three_seconds_and_no_longer(void)
{
	const char *dir = store_dir_new();
	struct store *first, *second;
	int64_t from_ms, took_ms;

	CU_ASSERT_EQUAL_FATAL(open_at(dir, &first), ST_OK);
	from_ms = clock_ms();
	CU_ASSERT_EQUAL(open_with(dir, true, false, STORE_WAIT_MS, &second), ST_DENIED);
	took_ms = clock_ms() - from_ms;
	CU_ASSERT(took_ms >= 3000 && took_ms < 4000);
	store_close(first);
}

static void file_system_without_locks_is_refused_unless_told_otherwise(void)
{
	static const int errors[] = { ENOLCK, EOPNOTSUPP, EINVAL, ENOSYS };
	const char *dir = store_dir_new();
	struct store *s;

	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		bad_disk_fail("flock", dir, errors[i]);
		CU_ASSERT_EQUAL(open_at(dir, &s), ST_IO);
		CU_ASSERT(said_has(&said, strerror(errors[i])));
		CU_ASSERT(said_has(&said, "set store.lock to false"));
		for (int start = 0; start < 2; start++) {
			CU_ASSERT_EQUAL_FATAL(open_with(dir, false, false, 0, &s), ST_OK);
			CU_ASSERT(said_has(&said, "store.lock is false"));
			store_close(s);
		}
	}
	bad_disk_heal();
}

/* --- others --- */

static void directories_that_others_may_write_are_closed_to_them_and_it_is_said(void)
{
	static const char *const names[] = { "", "journal", "state" };
	const char *dir = store_dir_new();
	struct store *s;

	CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
	store_close(s);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(chmod(at(dir, names[i]), i == 1 ? 0770 : 0777), 0);
		CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
		CU_ASSERT_EQUAL(mode_of(at(dir, names[i])), 0700);
		CU_ASSERT(said_has(&said, i == 1 ? "was writable for others (mode 0770)"
		                                 : "was writable for others (mode 0777)"));
		CU_ASSERT_EQUAL(said.lines, 1);
		store_close(s);
	}
}

static void directory_that_stays_writable_for_others_is_refused_but_in_a_container(void)
{
	const char *dir = store_dir_new();
	struct store *s;

	/* /tmp of a machine is like this, and nobody must close it. */
	CU_ASSERT_EQUAL(chmod(dir, 01777), 0);
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT(said_has(&said, "is writable for others (mode 1777"));
	CU_ASSERT_EQUAL(mode_of(dir), 01777);
	CU_ASSERT_EQUAL_FATAL(open_with(dir, true, true, 0, &s), ST_OK);
	CU_ASSERT(said_has(&said, "is writable for others (mode 1777"));
	CU_ASSERT_EQUAL(mode_of(dir), 01777);
	store_close(s);
	if (geteuid() != 0)
		return;
	CU_ASSERT_EQUAL(chown(dir, 12345, (gid_t)-1), 0);
	CU_ASSERT_EQUAL(chmod(dir, 0770), 0);
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT(said_has(&said, "chown 0 "));
	CU_ASSERT_EQUAL(mode_of(dir), 0770);
}

static void directory_that_cannot_be_made_is_named_with_what_to_do(void)
{
	struct store *s;

	CU_ASSERT_EQUAL(open_at("/nonexistent/store", &s), ST_IO);
	CU_ASSERT(said_has(&said, "install -d -o mosquitto -m 0700 /nonexistent/store"));
	CU_ASSERT_EQUAL(open_at("/dev/null", &s), ST_IO);
	CU_ASSERT_EQUAL(said.lines, 1);
}

static void store_dir_itself_may_be_a_link(void)
{
	const char *dir = store_dir_new();
	char name[512];
	struct store *s;

	snprintf(name, sizeof name, "%s/link", store_dir_new());
	CU_ASSERT_EQUAL(symlink(dir, name), 0);
	CU_ASSERT_EQUAL_FATAL(open_at(name, &s), ST_OK);
	store_close(s);
}

/* --- what stands in it --- */

static void whatever_stands_in_the_place_of_a_file_is_named_and_nothing_hangs(void)
{
	static const char *const names[] = {
		"lock",        "journal",      "journal/acks", "journal/acks.tmp",  "state",
		"state.db",    "secrets",      "secrets.old",  "state.db-journal",  "state.db-wal",
		"secrets.tmp", "state.db-shm", "last-connect", "dead-letter.jsonl", "dead-letter.jsonl.1",
	};

	alarm(HANG_S);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		for (int kind = 0; kind < ODDS; kind++) {
			bool folder = strcmp(names[i], "journal") == 0 || strcmp(names[i], "state") == 0;
			const char *dir = store_dir_new();
			struct store *s = NULL;
			char line[1100];

			if (folder && kind == ODD_FOLDER)
				continue;
			if (strncmp(names[i], "journal/", 8) == 0)
				CU_ASSERT_EQUAL(mkdir(at(dir, "journal"), 0700), 0);
			store_dir_put_odd(at(dir, names[i]), (enum store_dir_odd)kind);
			CU_ASSERT_EQUAL(open_at(dir, &s), ST_IO);
			snprintf(line, sizeof line, "not started: %s cannot be used: it is ",
			         at(dir, names[i]));
			CU_ASSERT(said_has(&said, line));
			CU_ASSERT_EQUAL(said.lines, 1);
			store_close(s);
		}
	}
	alarm(0);
}

/* Opened without the look over all of them, as a program of the library's does, and as one that
 * was exchanged since. */
static enum status use_journal(const char *dir)
{
	const struct journal_limits lim = { .max_messages = 100,
		                                .max_bytes = 1 << 20,
		                                .device_share = 100 };
	struct journal *j = NULL;
	enum status st = journal_open(dir, &lim, &said.log, &j);

	journal_close(j);
	return st;
}

static enum status use_state(const char *dir)
{
	const struct state_conf conf = { .dir = dir, .flush_ms = 200, .log = &said.log };
	struct state *s = NULL;
	enum status st = state_open(&conf, NULL, NULL, &s);

	state_close(s);
	return st;
}

static enum status use_secrets(const char *dir)
{
	struct secrets *s = NULL;
	enum status st = secrets_open(dir, &said.log, &s);

	secrets_close(s);
	return st;
}

static enum status keep_secret(const char *dir)
{
	struct secrets *s = NULL;
	struct secret secret;
	enum status st;

	CU_ASSERT_EQUAL_FATAL(secret_parse("MDEyMzQ1Njc4OWFiY2RlZg==", &secret), ST_OK);
	CU_ASSERT_EQUAL_FATAL(secrets_open(dir, &said.log, &s), ST_OK);
	st = secrets_put(s, "SUBPROD001lamp-01", &secret);
	secrets_close(s);
	return st;
}

static enum status bury(const char *dir)
{
	const struct dead_letter letter = { .product_id = "SUBPROD001",
		                                .device_name = "lamp-01",
		                                .topic = "SUBPROD001/lamp-01/event",
		                                .reason = "never acknowledged",
		                                .payload = "x",
		                                .len = 1 };

	return dead_letter_add(dir, &letter);
}

static const struct {
	const char *name;
	enum status (*use)(const char *dir);
	bool said;         /* one line of the log names it; else its caller says so */
	bool folder_alone; /* the rest goes: a leftover of ours has that name */
} uses[] = {
	{ "journal", use_journal, true, false },
	{ "journal/acks", use_journal, true, false },
	{ "journal/acks.tmp", use_journal, true, true },
	{ "journal/0000000000000001.seg", use_journal, true, false },
	{ "journal/0000000000000001.seg.tmp", use_journal, true, true },
	{ "state", use_state, true, false },
	{ "state/0000000000000001.log", use_state, true, false },
	{ "state.db", use_state, true, false },
	{ "secrets", use_secrets, true, false },
	{ "secrets.old", use_secrets, true, false },
	{ "secrets.tmp", keep_secret, false, true },
	{ "dead-letter.jsonl", bury, false, false },
};

static void every_use_of_an_odd_file_is_an_error_and_none_hangs(void)
{
	alarm(HANG_S);
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		for (int kind = 0; kind < ODDS; kind++) {
			const char *dir = store_dir_new();
			bool folder =
				strcmp(uses[i].name, "journal") == 0 || strcmp(uses[i].name, "state") == 0;

			if ((folder && kind == ODD_FOLDER) || (uses[i].folder_alone && kind != ODD_FOLDER))
				continue;
			if (!folder) {
				mkdir(at(dir, "journal"), 0700);
				mkdir(at(dir, "state"), 0700);
			}
			said_clear(&said);
			store_dir_put_odd(at(dir, uses[i].name), (enum store_dir_odd)kind);
			errno = 0;
			CU_ASSERT_EQUAL(uses[i].use(dir), ST_IO);
			CU_ASSERT(errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == ENOTDIR);
			if (uses[i].said)
				CU_ASSERT(said_has(&said, at(dir, uses[i].name)));
			CU_ASSERT_EQUAL(said.lines, uses[i].said);
		}
	}
	alarm(0);
}

static void leftovers_of_ours_are_removed_whatever_they_are(void)
{
	static const char *const names[] = { "journal/acks.tmp", "journal/0000000000000001.seg.tmp" };

	alarm(HANG_S);
	for (size_t i = 0; i < 2; i++) {
		const char *dir = store_dir_new();

		mkdir(at(dir, "journal"), 0700);
		store_dir_put_odd(at(dir, names[i]), ODD_FIFO);
		said_clear(&said);
		CU_ASSERT_EQUAL(use_journal(dir), ST_OK);
		CU_ASSERT_EQUAL(said.lines, 0);
		CU_ASSERT_NOT_EQUAL(access(at(dir, names[i]), F_OK), 0);
	}
	alarm(0);
}

/* A database beside its journal: SQLite would wait for ever at a FIFO. */
static void odd_companion_of_the_database_is_an_error_and_no_hang(void)
{
	static const char *const names[] = { "state.db-journal", "state.db-wal", "state.db-shm" };

	alarm(HANG_S);
	for (size_t i = 0; i < 3; i++) {
		const char *dir = store_dir_new();

		put_file(at(dir, "state.db"), "");
		store_dir_put_odd(at(dir, names[i]), ODD_FIFO);
		said_clear(&said);
		CU_ASSERT_EQUAL(use_state(dir), ST_IO);
		CU_ASSERT(said_has(&said, names[i]));
	}
	alarm(0);
}

/* --- formats --- */

static void new_store_says_its_format_and_bars_versions_that_would_take_it_for_damaged(void)
{
	const char *dir = store_dir_new();
	struct store *s;
	struct stat info;
	char line[64] = "";
	FILE *f;

	for (int opening = 0; opening < 2; opening++) {
		CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
		CU_ASSERT_EQUAL(said.lines, 0);
		store_close(s);
	}
	f = fopen(at(dir, "format"), "re");
	CU_ASSERT_FATAL(f != NULL && fgets(line, sizeof line, f) != NULL);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(line, "hubgate store, format 2\n");
	/* Format 1 had a file of this name, and began with a look at it. */
	CU_ASSERT_EQUAL(stat(at(dir, "secrets.new"), &info), 0);
	CU_ASSERT(S_ISDIR(info.st_mode));
}

static void store_of_a_newer_format_is_refused_with_both_numbers_and_the_fix(void)
{
	const char *dir = store_dir_new();
	struct store *s;

	put_file(at(dir, "format"), "hubgate store, format 3\nmore that only it understands\n");
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT_EQUAL(said.lines, 1);
	CU_ASSERT(
		said_has(&said, "has format 3, this hubgate knows up to 2: install the newer hubgate"));
}

static void store_that_was_moved_away_is_refused_until_it_is_taken_back(void)
{
	const char *dir = store_dir_new();
	struct store *s;

	CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
	CU_ASSERT_EQUAL(store_format_move_back(store_dir(s)), ST_NOTFOUND);
	CU_ASSERT_EQUAL(store_format_move(store_dir(s), "2026-11-28T03:00:00Z to /media/gw.export\n"),
	                ST_OK);
	store_close(s);
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT_EQUAL(said.lines, 1);
	CU_ASSERT(said_has(&said, "2026-11-28T03:00:00Z to /media/gw.export"));
	CU_ASSERT(said_has(&said, "hubgate import --undo"));
	{
		const struct store_conf conf = {
			.dir = dir, .lock = true, .to_import = true, .log = &said.log
		};

		CU_ASSERT_EQUAL_FATAL(store_open(&conf, &s), ST_OK);
	}
	CU_ASSERT_EQUAL(store_format_move_back(store_dir(s)), ST_OK);
	store_close(s);
	CU_ASSERT_EQUAL_FATAL(open_at(dir, &s), ST_OK);
	store_close(s);
}

static void store_whose_import_is_not_finished_is_refused(void)
{
	const char *dir = store_dir_new();
	struct store *s;

	CU_ASSERT_EQUAL(mkdir(at(dir, "arrived"), 0700), 0);
	CU_ASSERT_EQUAL(open_at(dir, &s), ST_DENIED);
	CU_ASSERT_EQUAL(said.lines, 1);
	CU_ASSERT(said_has(&said, "run the same hubgate import again"));
}

SUITE(store, TEST(missing_directory_is_made_for_the_owner_alone),
      TEST(second_owner_is_refused_and_told_who_the_first_is),
      TEST(deleting_the_lock_file_lets_nobody_in),
      TEST(text_of_a_stranger_in_the_lock_file_cannot_forge_log_lines),
      TEST(owner_that_ends_in_time_lets_the_next_one_in),
      TEST(owner_that_stays_is_waited_for_three_seconds_and_no_longer),
      TEST(file_system_without_locks_is_refused_unless_told_otherwise),
      TEST(directories_that_others_may_write_are_closed_to_them_and_it_is_said),
      TEST(directory_that_stays_writable_for_others_is_refused_but_in_a_container),
      TEST(directory_that_cannot_be_made_is_named_with_what_to_do),
      TEST(store_dir_itself_may_be_a_link),
      TEST(whatever_stands_in_the_place_of_a_file_is_named_and_nothing_hangs),
      TEST(every_use_of_an_odd_file_is_an_error_and_none_hangs),
      TEST(leftovers_of_ours_are_removed_whatever_they_are),
      TEST(odd_companion_of_the_database_is_an_error_and_no_hang),
      TEST(new_store_says_its_format_and_bars_versions_that_would_take_it_for_damaged),
      TEST(store_of_a_newer_format_is_refused_with_both_numbers_and_the_fix),
      TEST(store_that_was_moved_away_is_refused_until_it_is_taken_back),
      TEST(store_whose_import_is_not_finished_is_refused))
