/* Files of format 1 (tests/samples/store-02e6fb7 is one of the last) become files of this one, and
 * whoever is killed meanwhile loses nothing. */
#include "shadowstore/file/store_upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/checksum.h"
#include "core/journal/record.h"
#include "shadowstore/journal/journal.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/bad_disk.h"
#include "tests/fakes/said.h"
#include "tests/fakes/store_age.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"
#include "tests/unit/state_world.h"

#define SAMPLE "tests/samples/store-02e6fb7"

enum {
	FILE_MAX = 8 << 20,
	PLENTY = 1 << 30,
	MESSAGES = 400,
	PAYLOAD = 2000,
	STEPS_MAX = 5000,
};

static struct said said;
static struct world w;

/* --- files --- */

struct bytes {
	unsigned char *at; /* owned */
	size_t len;
};

static struct bytes bytes_of(const char *path)
{
	struct bytes b = { .at = malloc(FILE_MAX) };
	FILE *f = fopen(path, "re");

	CU_ASSERT_FATAL(f != NULL && b.at != NULL);
	b.len = fread(b.at, 1, FILE_MAX, f);
	fclose(f);
	return b;
}

static bool same_bytes(const char *a, const char *b)
{
	struct bytes x = bytes_of(a), y = bytes_of(b);
	bool same = x.len == y.len && memcmp(x.at, y.at, x.len) == 0;

	free(x.at);
	free(y.at);
	return same;
}

static void put_bytes(const char *path, const struct bytes *b)
{
	FILE *f = fopen(path, "we");

	CU_ASSERT_FATAL(f != NULL && fwrite(b->at, 1, b->len, f) == b->len && fclose(f) == 0);
}

static const char *at(const char *dir, const char *name)
{
	static char paths[4][1024];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static bool any_name(const char *name)
{
	return strstr(name, ".tmp") == NULL && strstr(name, "damaged") == NULL &&
	       strcmp(name, "spare") != 0;
}

static enum status upgrade(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum status st;

	CU_ASSERT_FATAL(fd >= 0);
	said_clear(&said);
	st = store_upgrade(fd, dir, any_name, &said.log);
	close(fd);
	return st;
}

static const char *copy_of_sample(const char *name)
{
	const char *dir = store_dir_new();
	char from[512], *base = strrchr(name, '/');
	struct bytes b;

	snprintf(from, sizeof from, SAMPLE "/%s", name);
	b = bytes_of(from);
	put_bytes(at(dir, base ? base + 1 : name), &b);
	free(b.at);
	return dir;
}

/* --- one file --- */

static void file_of_format_1_gets_this_one_and_every_byte_keeps_its_place(void)
{
	static const char *const names[] = { "journal/0000000000000032.seg", "journal/acks",
		                                 "state/0000000000000002.log" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *dir = copy_of_sample(names[i]), *base = strrchr(names[i], '/') + 1;
		char sample[512], path[1024];
		struct bytes b;

		snprintf(sample, sizeof sample, SAMPLE "/%s", names[i]);
		snprintf(path, sizeof path, "%s/%s", dir, base);
		CU_ASSERT_EQUAL(upgrade(dir), ST_OK);
		CU_ASSERT(said_has(&said, "have format 2 now"));
		b = bytes_of(path);
		CU_ASSERT_EQUAL(record_file_version(b.at, checksum), RECORD_VERSION);
		free(b.at);
		CU_ASSERT_FALSE(same_bytes(path, sample));
		CU_ASSERT_EQUAL(upgrade(dir), ST_OK); /* there is nothing more to do */
		CU_ASSERT_EQUAL(said.lines, 0);
		CU_ASSERT(store_age_file(path)); /* by another's knowledge of format 1 */
		CU_ASSERT(same_bytes(path, sample));
	}
}

static void damage_stays_where_it_is_and_the_records_around_it_are_brought_along(void)
{
	const char *dir = copy_of_sample("journal/acks");
	char path[1024];
	struct bytes b, after;
	struct record r;
	size_t size;

	snprintf(path, sizeof path, "%s/acks", dir);
	b = bytes_of(path);
	b.at[0] ^= 1;                      /* the header */
	b.at[RECORD_FILE_BYTES + 20] ^= 1; /* the first record */
	put_bytes(path, &b);
	CU_ASSERT_EQUAL(upgrade(dir), ST_OK);
	after = bytes_of(path);
	size = b.at[RECORD_FILE_BYTES];
	CU_ASSERT_EQUAL(memcmp(after.at, b.at, RECORD_FILE_BYTES + size), 0);
	CU_ASSERT_EQUAL(record_decode(after.at + RECORD_FILE_BYTES + size,
	                              after.len - RECORD_FILE_BYTES - size, &r, &size),
	                ST_OK);
	CU_ASSERT_EQUAL(upgrade(dir), ST_OK);
	CU_ASSERT_EQUAL(said.lines, 0);
	free(b.at);
	free(after.at);
}

static void file_of_a_newer_format_ends_the_start_with_both_numbers(void)
{
	const char *dir = copy_of_sample("journal/acks");
	char path[1024];
	struct bytes b;
	uint32_t sum;

	snprintf(path, sizeof path, "%s/acks", dir);
	b = bytes_of(path);
	b.at[8] = 3;
	sum = checksum(0, b.at, 60);
	for (int i = 0; i < 4; i++)
		b.at[60 + i] = (unsigned char)(sum >> 8 * i);
	put_bytes(path, &b);
	CU_ASSERT_EQUAL(upgrade(dir), ST_IO);
	CU_ASSERT_EQUAL(errno, EPROTONOSUPPORT);
	CU_ASSERT_EQUAL(said.lines, 1);
	CU_ASSERT(said_has(&said, "acks has format 3, this hubgate knows up to 2: install the newer"));
	free(b.at);
}

static void file_that_cannot_be_written_anew_stays_as_it_is(void)
{
	const char *dir = copy_of_sample("journal/acks");
	const struct rlimit small = { 1000, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
	CU_ASSERT_EQUAL(upgrade(dir), ST_IO);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &all), 0);
	signal(SIGXFSZ, SIG_DFL);
	CU_ASSERT(said_has(&said, "acks cannot be brought to format 2, the disk is full: free"));
	CU_ASSERT(same_bytes(at(dir, "acks"), SAMPLE "/journal/acks"));
	CU_ASSERT_NOT_EQUAL(access(at(dir, "acks.tmp"), F_OK), 0);
}

/* --- a journal --- */

static struct journal *open_journal(const char *dir)
{
	const struct journal_limits lim = { .max_messages = 1000000,
		                                .max_bytes = PLENTY / 64,
		                                .device_share = 100,
		                                .policy = JOURNAL_REFUSE,
		                                .flush_ms = 200 };
	struct journal *j = NULL;

	said_clear(&said);
	CU_ASSERT_EQUAL_FATAL(journal_open(dir, &lim, &said.log, &j), ST_OK);
	journal_reader_log(j, &said.log);
	return j;
}

/* Of format 1, several segments. */
static const char *old_journal(void)
{
	const char *dir = store_dir_new();
	struct journal *j = open_journal(dir);
	char payload[PAYLOAD];

	memset(payload, 'x', sizeof payload);
	for (int i = 0; i < MESSAGES; i++) {
		const struct journal_msg msg = { .device = "lamp",
			                             .topic = "SUBPROD001/lamp-01/event",
			                             .payload = payload,
			                             .len = sizeof payload,
			                             .qos = 1 };

		CU_ASSERT_EQUAL_FATAL(journal_append(j, &msg, NULL, NULL), ST_OK);
	}
	journal_close(j);
	CU_ASSERT(store_age(dir));
	return dir;
}

static uint64_t read_all(struct journal *j)
{
	struct journal_item item;
	uint64_t n = 0;

	while (journal_reader_next(j, &item) == ST_OK)
		n += item.seq == n + 1;
	return n;
}

static void what_the_disk_does_not_give_is_skipped_and_the_old_file_stays(void)
{
	const char *dir = old_journal();
	struct journal_item item;
	struct journal *j;
	uint64_t n = 0;

	bad_disk_sector("0000000000000001.seg", 100000, 100001);
	j = open_journal(dir);
	bad_disk_heal();
	CU_ASSERT(said_has(&said, "the disk does not give all of it"));
	while (journal_reader_next(j, &item) == ST_OK)
		n++;
	CU_ASSERT(n >= MESSAGES - 4 && n < MESSAGES); /* a sector may hold the ends of several */
	CU_ASSERT_EQUAL(access(at(dir, "journal/0000000000000001.seg.damaged-1"), F_OK), 0);
	journal_close(j);
}

/* Opens the journal in a child that is killed at the entry or the exit of its system call number
 * `stops` / 2. False: it came to its end before, or may not be traced here. */
static bool killed_at(const char *dir, int stops)
{
	const struct journal_limits lim = { .max_messages = 1000000, .max_bytes = PLENTY / 64 };
	pid_t child = fork();
	struct journal *j = NULL;
	int status = 0;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		journal_open(dir, &lim, NULL, &j);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	for (int i = 0; i < stops && WIFSTOPPED(status); i++) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child)
			break;
	}
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return WIFSIGNALED(status);
}

/* Each kill comes a system call later than the one before it, which the next start goes on from. */
static void journal_whose_upgrade_is_killed_at_every_step_loses_nothing(void)
{
	const char *dir = old_journal();
	struct journal *j;
	int stops = 1;

	while (stops < STEPS_MAX && killed_at(dir, stops))
		stops++;
	CU_ASSERT(stops > 1 && stops < STEPS_MAX);
	j = open_journal(dir);
	CU_ASSERT_EQUAL(read_all(j), MESSAGES);
	CU_ASSERT_EQUAL(said.lines, 1); /* that so many wait: nothing is damaged */
	journal_close(j);
}

/* --- state.db --- */

static int64_t version_of(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t version = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return version;
}

static void old_state(void)
{
	world_make(&w);
	world_open(&w);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(world_put(&w, i, 20 + i, (unsigned char)(i + 1)), ST_OK);
	world_fold(&w);
	CU_ASSERT_EQUAL(world_put(&w, 5, 50, 5), ST_OK); /* and one in a log */
	world_close(&w);
	CU_ASSERT(store_age(w.dir));
}

static void state_of_format_1_is_read_and_is_of_this_one_after_the_first_round(void)
{
	char db[512];

	old_state();
	snprintf(db, sizeof db, "%s/state.db", w.dir);
	CU_ASSERT_EQUAL(version_of(db), 1);
	for (int i = 0; i < 3; i++) {
		world_open(&w);
		world_expect_all(&w);
		if (i > 0)
			world_fold(&w); /* the first time it is killed before */
		world_drop(&w);
	}
	CU_ASSERT_EQUAL(version_of(db), 2);
	world_open(&w);
	world_expect_all(&w);
	CU_ASSERT_EQUAL(w.lines, 0);
	world_end(&w);
}

static void damaged_entry_of_format_1_stays_out(void)
{
	sqlite3 *db = NULL;
	char path[512];

	old_state();
	snprintf(path, sizeof path, "%s/state.db", w.dir);
	CU_ASSERT_EQUAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(
		sqlite3_exec(db, "UPDATE entry SET value = x'00' WHERE rowid = 2", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	world_open(&w);
	CU_ASSERT_EQUAL(world_missing(&w), 1);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	world_fold(&w);
	world_close(&w);
	world_open(&w);
	CU_ASSERT_EQUAL(world_missing(&w), 1);
	CU_ASSERT_EQUAL(world_wrong(&w), 0);
	CU_ASSERT_EQUAL(w.lines, 0);
	CU_ASSERT_EQUAL(version_of(path), 2);
	world_end(&w);
}

SUITE(store_upgrade, TEST(file_of_format_1_gets_this_one_and_every_byte_keeps_its_place),
      TEST(damage_stays_where_it_is_and_the_records_around_it_are_brought_along),
      TEST(file_of_a_newer_format_ends_the_start_with_both_numbers),
      TEST(file_that_cannot_be_written_anew_stays_as_it_is),
      TEST(what_the_disk_does_not_give_is_skipped_and_the_old_file_stays),
      TEST(journal_whose_upgrade_is_killed_at_every_step_loses_nothing),
      TEST(state_of_format_1_is_read_and_is_of_this_one_after_the_first_round),
      TEST(damaged_entry_of_format_1_stays_out))
