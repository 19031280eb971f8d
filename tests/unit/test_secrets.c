/* The secrets file: nothing readable by others, nothing lost by a damaged line. */
#include "shadowstore/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fakes/bad_disk.h"
#include "tests/fakes/said.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

#define ONE "MDEyMzQ1Njc4OWFiY2RlZg=="
#define TWO "AAECAwQFBgcICQoLDA0ODw=="

static struct secret secret_of(const char *text)
{
	struct secret s;

	CU_ASSERT_EQUAL_FATAL(secret_parse(text, &s), ST_OK);
	return s;
}

static struct secrets *opened(const char *dir)
{
	struct secrets *s = NULL;

	CU_ASSERT_EQUAL_FATAL(secrets_open(dir, NULL, &s), ST_OK);
	return s;
}

struct sought {
	const char *client_id, *text;
	bool found;
};

static void seek(void *ctx, const char *client_id, const struct secret *secret)
{
	struct sought *k = ctx;

	k->found |= strcmp(client_id, k->client_id) == 0 && strcmp(secret->text, k->text) == 0;
}

static bool knows(struct secrets *s, const char *client_id, const char *text)
{
	struct sought k = { client_id, text, false };

	secrets_each(s, seek, &k);
	return k.found;
}

static void path_of(const char *dir, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", dir, name);
}

static void what_was_put_is_there_after_a_restart_and_for_the_owner_alone(void)
{
	const char *dir = store_dir_new();
	struct secrets *s = opened(dir);
	struct secret one = secret_of(ONE), two = secret_of(TWO);
	struct stat st;
	char path[512];

	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_OK);
	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_EXISTS);
	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-02", &two), ST_OK);
	secrets_close(s);
	path_of(dir, "secrets", path);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", ONE));
	CU_ASSERT(knows(s, "SUBPROD001lamp-02", TWO));
	CU_ASSERT_FALSE(knows(s, "SUBPROD001lamp-03", TWO));
	secrets_close(s);
}

static void new_secret_replaces_the_old_one(void)
{
	const char *dir = store_dir_new();
	struct secrets *s = opened(dir);
	struct secret one = secret_of(ONE), two = secret_of(TWO);

	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_OK);
	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &two), ST_OK);
	secrets_close(s);
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", TWO));
	secrets_close(s);
}

static void damaged_or_missing_file_falls_back_to_the_copy_before(void)
{
	const char *dir = store_dir_new();
	struct secrets *s = opened(dir);
	struct secret one = secret_of(ONE), two = secret_of(TWO);
	char path[512];
	FILE *f;

	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_OK);
	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-02", &two), ST_OK);
	secrets_close(s);
	path_of(dir, "secrets", path);
	f = fopen(path, "we");
	CU_ASSERT_FATAL(f != NULL);
	fputs("SUBPROD001lamp-02 " TWO "\nSUBPROD001lamp-0", f);
	fclose(f);
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", ONE));
	CU_ASSERT(knows(s, "SUBPROD001lamp-02", TWO));
	secrets_close(s);
	CU_ASSERT_EQUAL(remove(path), 0);
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", ONE));
	secrets_close(s);
}

static void file_that_cannot_be_read_ends_the_start_and_is_not_written_over(void)
{
	static const char *const calls[] = { "open", "pread" };
	const char *dir = store_dir_new();
	struct secrets *s = opened(dir), *none = NULL;
	struct secret one = secret_of(ONE);
	struct said said;

	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_OK);
	secrets_close(s);
	for (size_t i = 0; i < 2; i++) {
		said_clear(&said);
		bad_disk_fail(calls[i], "/secrets", EIO);
		CU_ASSERT_EQUAL(secrets_open(dir, &said.log, &none), ST_IO);
		CU_ASSERT(said_has(&said, "/secrets cannot be read: Input/output error"));
		CU_ASSERT_EQUAL(said.lines, 1);
	}
	bad_disk_heal();
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", ONE));
	secrets_close(s);
}

static void lines_of_any_length_and_bytes_cost_only_themselves(void)
{
	static const char before[] = "SUBPROD001lamp-01 " ONE "\n", after[] = "SUBPROD001lamp-02 " TWO;
	const char *dir = store_dir_new();
	char path[512];
	struct secrets *s;
	FILE *f;

	path_of(dir, "secrets", path);
	f = fopen(path, "we");
	CU_ASSERT_FATAL(f != NULL);
	fputs(before, f);
	for (int i = 0; i < 5000; i++)
		fputc('x', f);
	fputs("\n\n", f);
	fwrite("SUBPROD001lamp-03\0 " ONE "\n", 1, 18 + sizeof ONE + 1, f);
	fprintf(f, "%s\n%s", after, after); /* the last one is not written to its end */
	fclose(f);
	s = opened(dir);
	CU_ASSERT(knows(s, "SUBPROD001lamp-01", ONE));
	CU_ASSERT(knows(s, "SUBPROD001lamp-02", TWO));
	CU_ASSERT_FALSE(knows(s, "SUBPROD001lamp-03", ONE));
	secrets_close(s);
}

enum {
	PUT_MEANWHILE = 40 /* the list grows and moves */
};

struct walk {
	struct secrets *secrets;
	unsigned seen;
};

static void put_more(void *ctx, const char *client_id, const struct secret *secret)
{
	struct walk *w = ctx;
	struct secret two = secret_of(TWO);
	char other[32];

	if (w->seen++ > 0)
		return;
	for (int i = 0; i < PUT_MEANWHILE; i++) {
		snprintf(other, sizeof(other), "SUBPROD002lamp-%02d", i);
		CU_ASSERT_EQUAL(secrets_put(w->secrets, other, &two), ST_OK);
	}
	CU_ASSERT_STRING_EQUAL(client_id, "SUBPROD001lamp-01");
	CU_ASSERT_STRING_EQUAL(secret->text, ONE);
}

static void walk_goes_on_while_others_are_put(void)
{
	struct secrets *s = opened(store_dir_new());
	struct walk w = { s, 0 };
	struct secret one = secret_of(ONE);

	CU_ASSERT_EQUAL(secrets_put(s, "SUBPROD001lamp-01", &one), ST_OK);
	secrets_each(s, put_more, &w);
	CU_ASSERT_EQUAL(w.seen, 1 + PUT_MEANWHILE);
	secrets_close(s);
}

static void secrets_that_cannot_be_kept_count_and_are_said_once_until_one_can(void)
{
	const char *dir = store_dir_new();
	struct secrets *s = opened(dir);
	struct secret out;
	struct said said;

	said_clear(&said);
	CU_ASSERT_EQUAL(secrets_keep(s, &said.log, "SUBPROD001lamp-01", "no Base64", &out), ST_INVALID);
	bad_disk_fail("open", "/secrets", ENOSPC);
	CU_ASSERT_EQUAL(secrets_keep(s, &said.log, "SUBPROD001lamp-01", ONE, &out), ST_OK);
	CU_ASSERT_STRING_EQUAL(out.text, ONE);
	CU_ASSERT_EQUAL(secrets_keep(s, &said.log, "SUBPROD001lamp-02", TWO, &out), ST_OK);
	CU_ASSERT(said_has(&said, "SUBPROD001lamp-01 was registered, but its secret cannot be kept"));
	CU_ASSERT_EQUAL(said.lines, 1);
	CU_ASSERT(knows(s, "SUBPROD001lamp-02", TWO));
	bad_disk_heal();
	CU_ASSERT_EQUAL(secrets_keep(s, &said.log, "SUBPROD001lamp-03", ONE, &out), ST_OK);
	bad_disk_fail("open", "/secrets", ENOSPC);
	CU_ASSERT_EQUAL(secrets_keep(s, &said.log, "SUBPROD001lamp-04", ONE, &out), ST_OK);
	CU_ASSERT_EQUAL(said.lines, 2);
	bad_disk_heal();
	secrets_close(s);
}

SUITE(secrets, TEST(secrets_that_cannot_be_kept_count_and_are_said_once_until_one_can),
      TEST(what_was_put_is_there_after_a_restart_and_for_the_owner_alone),
      TEST(new_secret_replaces_the_old_one), TEST(walk_goes_on_while_others_are_put),
      TEST(damaged_or_missing_file_falls_back_to_the_copy_before),
      TEST(file_that_cannot_be_read_ends_the_start_and_is_not_written_over),
      TEST(lines_of_any_length_and_bytes_cost_only_themselves))
