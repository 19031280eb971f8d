#include "shadowstore/dead_letter.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runner.h"

struct letters {
	char dir[32], file[64], old[64];
};

static struct letters letters_begin(void)
{
	struct letters l = { .dir = "/tmp/letters-XXXXXX" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(l.dir));
	snprintf(l.file, sizeof l.file, "%s/dead-letter.jsonl", l.dir);
	snprintf(l.old, sizeof l.old, "%s/dead-letter.jsonl.1", l.dir);
	return l;
}

static void letters_end(const struct letters *l)
{
	unlink(l->file);
	unlink(l->old);
	rmdir(l->dir);
}

static enum status add(const struct letters *l, const void *payload, size_t len)
{
	const struct dead_letter letter = { .product_id = "SUBPRODUC1",
		                                .device_name = "dev1",
		                                .topic = "SUBPRODUC1/dev1/event",
		                                .reason = "never acknowledged",
		                                .payload = payload,
		                                .len = len,
		                                .qos = 1,
		                                .time = 0 };

	return dead_letter_add(l->dir, &letter);
}

/* The member of line `number`, "" when absent. */
static void member(const struct letters *l, int number, const char *name, char out[64])
{
	char line[1024] = "";
	FILE *f = fopen(l->file, "r");
	cJSON *tree;
	const char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i <= number; i++)
		CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(line, sizeof line, f));
	fclose(f);
	tree = cJSON_Parse(line);
	text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, name));
	snprintf(out, 64, "%s", text ? text : "");
	cJSON_Delete(tree);
}

static void letter_is_a_line_of_json_with_text_as_text_and_bytes_in_base64(void)
{
	struct letters l = letters_begin();
	char text[64];

	CU_ASSERT_EQUAL(add(&l, "{\"a\":\"\xc3\xa4\"}", 10), ST_OK);
	CU_ASSERT_EQUAL(add(&l, "\0\xff\x01", 3), ST_OK);
	CU_ASSERT_EQUAL(add(&l, NULL, 0), ST_OK);
	member(&l, 0, "payload", text);
	CU_ASSERT_STRING_EQUAL(text, "{\"a\":\"\xc3\xa4\"}");
	member(&l, 0, "time", text);
	CU_ASSERT_STRING_EQUAL(text, "1970-01-01T00:00:00Z");
	member(&l, 1, "payload_base64", text);
	CU_ASSERT_STRING_EQUAL(text, "AP8B");
	member(&l, 2, "topic", text);
	CU_ASSERT_STRING_EQUAL(text, "SUBPRODUC1/dev1/event");
	letters_end(&l);
}

static void file_is_bounded_and_the_newest_letters_are_kept(void)
{
	struct letters l = letters_begin();
	size_t len = 16384;
	char *payload = malloc(len), text[64];
	struct stat now, old;

	memset(payload, 'x', len);
	for (int i = 0; i < 200; i++)
		CU_ASSERT_EQUAL(add(&l, payload, len), ST_OK);
	CU_ASSERT_EQUAL(add(&l, "last", 4), ST_OK);
	CU_ASSERT_EQUAL_FATAL(stat(l.file, &now), 0);
	CU_ASSERT_EQUAL_FATAL(stat(l.old, &old), 0);
	CU_ASSERT(now.st_size + old.st_size < 2 * (DEAD_LETTER_BYTES + 32768));
	CU_ASSERT_EQUAL(now.st_mode & 0777, 0600);
	rename(l.file, l.old);
	CU_ASSERT_EQUAL(add(&l, "alone", 5), ST_OK);
	member(&l, 0, "payload", text);
	CU_ASSERT_STRING_EQUAL(text, "alone");
	free(payload);
	letters_end(&l);
}

static void file_stays_bounded_where_the_older_one_cannot_be_replaced(void)
{
	struct letters l = letters_begin();
	size_t len = 65536;
	char *payload = calloc(1, len);
	enum status st = ST_OK;
	struct stat now;

	CU_ASSERT_EQUAL(mkdir(l.old, 0700), 0);
	for (int i = 0; i < 40 && st == ST_OK; i++)
		st = add(&l, payload, len);
	CU_ASSERT_EQUAL(st, ST_IO);
	CU_ASSERT_EQUAL_FATAL(stat(l.file, &now), 0);
	CU_ASSERT(now.st_size < DEAD_LETTER_BYTES + 2 * 131072);
	free(payload);
	rmdir(l.old);
	letters_end(&l);
}

struct seen {
	uint64_t ids[8];
	size_t count;
	uint64_t drop; /* 0: all */
};

static bool see(void *ctx, uint64_t id, const char *line, size_t len)
{
	struct seen *s = ctx;

	CU_ASSERT(len > 2 && line[0] == '{' && line[len - 1] == '}');
	CU_ASSERT(id > 0 && id < UINT64_C(1) << 48);
	s->ids[s->count++ % 8] = id;
	return s->count < 8;
}

static bool drops(void *ctx, uint64_t id, const char *line, size_t len)
{
	const struct seen *s = ctx;

	(void)line;
	(void)len;
	return s->drop == 0 || s->drop == id;
}

static void letters_are_read_oldest_first_and_dropped_by_their_ids(void)
{
	struct letters l = letters_begin();
	struct seen s = { .count = 0 };
	size_t count = 7;
	FILE *f;

	CU_ASSERT_EQUAL(dead_letter_read(l.dir, see, &s), ST_OK);
	CU_ASSERT_EQUAL(dead_letter_drop(l.dir, drops, &s, &count), ST_OK);
	CU_ASSERT_EQUAL(s.count + count, 0);
	add(&l, "1", 1);
	rename(l.file, l.old);
	add(&l, "2", 1);
	add(&l, "3", 1);
	f = fopen(l.file, "a"); /* cut by a crash */
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("{\"time\":", f);
	fclose(f);
	CU_ASSERT_EQUAL(dead_letter_read(l.dir, see, &s), ST_OK);
	CU_ASSERT_EQUAL_FATAL(s.count, 3);
	CU_ASSERT(s.ids[0] != s.ids[1] && s.ids[1] != s.ids[2]);
	s.drop = s.ids[1];
	CU_ASSERT_EQUAL(dead_letter_drop(l.dir, drops, &s, &count), ST_OK);
	CU_ASSERT_EQUAL(count, 1);
	s = (struct seen){ .drop = s.drop, .ids = { s.ids[0], s.ids[2] } };
	CU_ASSERT_EQUAL(dead_letter_read(l.dir, see, &s), ST_OK);
	CU_ASSERT_EQUAL(s.count, 2);
	CU_ASSERT(s.ids[0] != s.drop && s.ids[1] != s.drop);
	s.drop = 0;
	CU_ASSERT_EQUAL(dead_letter_drop(l.dir, drops, &s, &count), ST_OK);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT(access(l.file, F_OK) != 0 && access(l.old, F_OK) != 0);
	letters_end(&l);
}

static void directory_that_is_not_there_is_an_error_and_no_crash(void)
{
	struct letters l = { .dir = "/nonexistent" };

	CU_ASSERT_EQUAL(add(&l, "x", 1), ST_IO);
}

SUITE(dead_letter, TEST(letter_is_a_line_of_json_with_text_as_text_and_bytes_in_base64),
      TEST(file_is_bounded_and_the_newest_letters_are_kept),
      TEST(file_stays_bounded_where_the_older_one_cannot_be_replaced),
      TEST(letters_are_read_oldest_first_and_dropped_by_their_ids),
      TEST(directory_that_is_not_there_is_an_error_and_no_crash))
