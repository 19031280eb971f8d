#include "plugin/base/parts.h"

#include <stdio.h>
#include <string.h>

#include "plugin/base/context.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	TEXT_MAX = 512
};

static struct {
	char said[TEXT_MAX]; /* what happened, in order */
	char fails;          /* the part whose open or start does */
	char hangs;          /* the part that uses up what its stop may take */
	uint32_t given_ms;   /* to the first part's stop */
	int64_t due_ms[3];   /* of each part */
	int lines;
} t;

static void say(const char *what, char name)
{
	size_t len = strlen(t.said);

	snprintf(t.said + len, TEXT_MAX - len, "%s%s %c", len ? ", " : "", what, name);
}

static enum status do_it(const char *what, char name)
{
	say(what, name);
	return t.fails == name ? ST_IO : ST_OK;
}

static bool stop_it(char name, uint32_t wait_ms)
{
	say("stop", name);
	if (name == 'a')
		t.given_ms = wait_ms;
	if (t.hangs == name)
		lan_wait(wait_ms);
	return t.hangs != name;
}

#define PART(letter, name)                                         \
	static enum status open_##letter(struct hubgate *h)            \
	{                                                              \
		(void)h;                                                   \
		return do_it("open", name);                                \
	}                                                              \
	static enum status start_##letter(struct hubgate *h)           \
	{                                                              \
		(void)h;                                                   \
		return do_it("start", name);                               \
	}                                                              \
	static bool stop_##letter(struct hubgate *h, uint32_t wait_ms) \
	{                                                              \
		(void)h;                                                   \
		return stop_it(name, wait_ms);                             \
	}                                                              \
	static void close_##letter(struct hubgate *h)                  \
	{                                                              \
		(void)h;                                                   \
		say("close", name);                                        \
	}

#define TURN(letter, name)                                      \
	static void run_##letter(struct hubgate *h, int64_t now_ms) \
	{                                                           \
		(void)h;                                                \
		CU_ASSERT_EQUAL(now_ms, 1000);                          \
		say("run", name);                                       \
	}                                                           \
	static int64_t due_##letter(const struct hubgate *h)        \
	{                                                           \
		(void)h;                                                \
		return t.due_ms[name - 'a'];                            \
	}

PART(a, 'a')
PART(b, 'b')
PART(c, 'c')
TURN(a, 'a')
TURN(c, 'c')

static const struct part table[] = {
	{ "a", open_a, start_a, stop_a, 900, run_a, due_a, close_a },
	{ "b", open_b, start_b, stop_b, 700, NULL, NULL, close_b },
	{ "c", open_c, start_c, stop_c, 500, run_c, due_c, close_c },
};

static void on_line(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
	t.lines++;
}

static struct hubgate h;

static struct parts begin(void)
{
	memset(&t, 0, sizeof t);
	memset(&h, 0, sizeof h);
	h.log = (struct log){ on_line, NULL };
	lan_wait(1000);
	return (struct parts){ .at = table, .count = sizeof table / sizeof table[0] };
}

static void expect(const char *said)
{
	CU_ASSERT_STRING_EQUAL(t.said, said);
	t.said[0] = '\0';
}

static void parts_live_first_to_last_and_end_last_to_first(void)
{
	struct parts p = begin();

	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_OK);
	expect("open a, open b, open c");
	parts_start(&p, &h);
	expect("start a, start b, start c");
	parts_start(&p, &h);
	expect("");
	CU_ASSERT_TRUE(parts_stop(&p, &h));
	expect("stop c, stop b, stop a");
	parts_close(&p, &h);
	parts_close(&p, &h);
	expect("close c, close b, close a");
	CU_ASSERT_EQUAL(t.lines, 0);
}

static void start_that_fails_half_way_is_undone_and_begins_no_thread(void)
{
	struct parts p = begin();

	t.fails = 'b';
	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_IO);
	expect("open a, open b, close b, close a");
	parts_start(&p, &h);
	expect("");
}

static void thread_that_cannot_start_is_tried_again_after_a_pause_and_said_once(void)
{
	struct parts p = begin();

	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_OK);
	expect("open a, open b, open c");
	t.fails = 'c';
	parts_start(&p, &h);
	parts_start(&p, &h);
	expect("start a, start b, start c");
	lan_wait(1000);
	parts_start(&p, &h);
	expect("start c");
	CU_ASSERT_EQUAL(t.lines, 1);
	t.fails = '\0';
	lan_wait(1000);
	parts_start(&p, &h);
	expect("start c");
	CU_ASSERT_EQUAL(t.lines, 2);
}

static void part_that_hangs_costs_its_own_share_and_skips_no_other(void)
{
	struct parts p = begin();

	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_OK);
	parts_start(&p, &h);
	t.said[0] = '\0';
	t.hangs = 'c';
	CU_ASSERT_FALSE(parts_stop(&p, &h));
	expect("stop c, stop b, stop a");
	CU_ASSERT_EQUAL(t.given_ms, 900 - 500);
	CU_ASSERT_EQUAL(t.lines, 1);
}

static void time_that_one_part_leaves_is_there_for_the_next(void)
{
	struct parts p = begin();

	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_OK);
	CU_ASSERT_TRUE(parts_stop(&p, &h)); /* never started: files are closed all the same */
	CU_ASSERT_EQUAL(t.given_ms, 900);
}

static void turn_runs_first_to_last_and_comes_again_for_the_soonest(void)
{
	struct parts p = begin();

	CU_ASSERT_EQUAL(parts_open(&p, &h), ST_OK);
	t.said[0] = '\0';
	parts_run(&p, &h, 1000);
	expect("run a, run c"); /* b has nothing to do in a turn */
	t.due_ms[0] = INT64_MAX;
	t.due_ms[2] = INT64_MAX;
	CU_ASSERT_EQUAL(parts_due(&p, &h), INT64_MAX);
	t.due_ms[2] = 3000;
	CU_ASSERT_EQUAL(parts_due(&p, &h), 3000);
	t.due_ms[0] = 2000;
	CU_ASSERT_EQUAL(parts_due(&p, &h), 2000);
	parts_close(&p, &h);
}

SUITE(parts, TEST(turn_runs_first_to_last_and_comes_again_for_the_soonest),
      TEST(parts_live_first_to_last_and_end_last_to_first),
      TEST(start_that_fails_half_way_is_undone_and_begins_no_thread),
      TEST(thread_that_cannot_start_is_tried_again_after_a_pause_and_said_once),
      TEST(part_that_hangs_costs_its_own_share_and_skips_no_other),
      TEST(time_that_one_part_leaves_is_there_for_the_next))
