#include "core/base/wake.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mailbox.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	ROUNDS = 300000,
	JOURNALED = 30000,
	STRESS_MS = 700, /* for one stress, if there are not as many rounds in it */
	LOST_MS = 1000,  /* a wake takes microseconds */
	BOX = 4,         /* small, so that who rings waits for who hears */
	STEP_MS = 500,   /* between two looks that count */
	STEPS = 4,
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one wake --- */

static unsigned lines;
static char last_line[LOG_LINE_MAX];
static enum log_level last_level;

static void sink(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	lines++;
	last_level = level;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static const struct log test_log = { .sink = sink };
static struct metrics metrics;

static void make(struct wake *w)
{
	const struct wake_watch watch = { "ROOM", &test_log, &metrics };

	lines = 0;
	last_line[0] = '\0';
	memset(&metrics, 0, sizeof(metrics));
	CU_ASSERT_EQUAL_FATAL(wake_init(w, &watch), ST_OK);
}

static bool readable(const struct wake *w)
{
	struct pollfd fd = { .fd = wake_fd(w), .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

static void rings_are_one_until_they_are_heard(void)
{
	struct wake w;
	uint64_t count = 0;

	make(&w);
	CU_ASSERT_FALSE(readable(&w));
	for (int i = 0; i < 5; i++)
		wake_ring(&w);
	CU_ASSERT_EQUAL(read(wake_fd(&w), &count, sizeof(count)), sizeof(count));
	CU_ASSERT_EQUAL(count, 1); /* written once */
	wake_hear(&w);
	wake_ring(&w);
	CU_ASSERT_TRUE(readable(&w));
	wake_hear(&w);
	CU_ASSERT_FALSE(readable(&w));
	wake_hear(&w); /* of nothing: no harm */
	wake_ring(&w);
	CU_ASSERT_TRUE(readable(&w));
	wake_fini(&w);
}

/* Looks every STEP_MS until n of them counted; the last answer. */
static int64_t look_on(struct wake *w, int64_t *at_ms, int n)
{
	int64_t due_ms = 0;

	for (int i = 0; i < n; i++) {
		*at_ms += STEP_MS;
		due_ms = wake_look(w, false, *at_ms);
	}
	return due_ms;
}

static void work_that_nobody_rang_for_is_counted_and_said(void)
{
	struct wake w;
	int64_t at_ms = 1000;

	make(&w);
	CU_ASSERT_EQUAL(wake_look(&w, false, at_ms), INT64_MAX);
	CU_ASSERT_EQUAL(wake_look(&w, true, at_ms), at_ms + STEP_MS);
	CU_ASSERT(look_on(&w, &at_ms, STEPS - 1) > at_ms);
	CU_ASSERT_EQUAL(lines, 0);
	CU_ASSERT_EQUAL(look_on(&w, &at_ms, 1), at_ms); /* turn once more at once */
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 1);
	CU_ASSERT_EQUAL(lines, 1);
	CU_ASSERT_EQUAL(last_level, LOG_ERROR);
	CU_ASSERT_EQUAL(strncmp(last_line, "internal: ROOM found", 20), 0);
	CU_ASSERT_EQUAL(wake_look(&w, false, at_ms), INT64_MAX);
	wake_look(&w, true, at_ms); /* again: counted, but said once a minute */
	look_on(&w, &at_ms, STEPS);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 2);
	CU_ASSERT_EQUAL(lines, 1);
	wake_fini(&w);
}

static void who_rings_a_moment_after_the_work_was_found_is_no_fault(void)
{
	struct wake w;
	int64_t at_ms = 1000;

	make(&w);
	wake_look(&w, true, at_ms);
	look_on(&w, &at_ms, STEPS - 1);
	wake_ring(&w);
	wake_hear(&w);
	CU_ASSERT_EQUAL(wake_look(&w, false, at_ms), INT64_MAX);
	wake_ring(&w);
	wake_hear(&w);
	CU_ASSERT_EQUAL(wake_look(&w, true, at_ms), INT64_MAX); /* that is what was rung for */
	look_on(&w, &at_ms, 2 * STEPS);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 0);
	CU_ASSERT_EQUAL(lines, 0);
	wake_fini(&w);
}

static void a_process_that_was_stopped_accuses_nobody(void)
{
	struct wake w;
	int64_t at_ms = 1000;

	make(&w);
	wake_look(&w, true, at_ms);
	at_ms += 3600000;
	CU_ASSERT(wake_look(&w, false, at_ms) > at_ms);
	for (int i = 0; i < 100; i++) /* turns in between do not count */
		wake_look(&w, false, at_ms);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 0);
	wake_fini(&w);
}

static void a_deaf_room_is_noticed_and_hears_again(void)
{
	struct wake w;
	uint64_t count;
	int64_t at_ms = 1000;

	make(&w);
	wake_ring(&w);
	CU_ASSERT_EQUAL(read(wake_fd(&w), &count, sizeof(count)), sizeof(count)); /* and no hearing */
	wake_ring(&w);
	CU_ASSERT_FALSE(readable(&w));
	CU_ASSERT_EQUAL(wake_look(&w, false, at_ms), at_ms + STEP_MS);
	CU_ASSERT_EQUAL(look_on(&w, &at_ms, STEPS), at_ms);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 1);
	CU_ASSERT_EQUAL(strncmp(last_line, "internal: ROOM was rung", 23), 0);
	wake_ring(&w);
	CU_ASSERT_TRUE(readable(&w));
	wake_fini(&w);
}

/* --- two threads --- */

struct pair {
	struct wake wake;
	struct mailbox *box;
	bool first_only;   /* one rings for an element that found the mailbox empty */
	bool flagged;      /* one rings for the first work since the work was looked at, as for DISK */
	atomic_bool work;  /* with flagged */
	struct journal *j; /* instead of the mailbox */
	atomic_bool deaf;  /* LOST_MS without a wake, and not all has come */
	atomic_int goal, got; /* all has come when they are the same */
};

/* Takes all; true: there was some. */
static bool take_all(struct pair *p)
{
	struct journal_item item;
	bool any = false;
	int n;

	if (p->flagged)
		atomic_exchange(&p->work, false);
	while (p->box && mailbox_take(p->box, &n) == ST_OK) {
		atomic_fetch_add(&p->got, 1);
		any = true;
	}
	while (p->j && journal_reader_next(p->j, &item) == ST_OK) {
		journal_reader_end(p->j, item.seq, item.device, item.bytes, JOURNAL_DELIVERED);
		atomic_fetch_add(&p->got, 1);
		any = true;
	}
	return any;
}

static bool done(struct pair *p)
{
	return atomic_load(&p->got) == atomic_load(&p->goal);
}

/* Every third turn has another reason than a wake, as with a socket in the same poll. */
static void *hear(void *arg)
{
	struct pair *p = arg;
	struct pollfd fd = { .fd = wake_fd(&p->wake), .events = POLLIN };

	for (unsigned turn = 1; !done(p); turn++) {
		bool other = turn % 3 == 0;
		int woken = poll(&fd, 1, other ? 0 : LOST_MS);

		if (woken == 0 && !other && !done(p)) {
			atomic_store(&p->deaf, true);
			break;
		}
		if (woken > 0)
			wake_hear(&p->wake);
		wake_look(&p->wake, take_all(p), now_ms());
	}
	return NULL;
}

static void put_one(struct pair *p)
{
	const struct journal_msg msg = {
		.device = "SUBPROD001lamp-01", .topic = "SUBPROD001/lamp-01/event", .payload = "1", .len = 1
	};
	bool ring = false, was_empty = false;
	int one = 1;

	if (p->j) {
		CU_ASSERT_EQUAL(journal_append(p->j, &msg, NULL, &ring), ST_OK);
	} else {
		while (mailbox_put(p->box, &one, &was_empty) != ST_OK && !atomic_load(&p->deaf))
			sched_yield();
		ring = p->first_only ? was_empty : p->flagged ? !atomic_exchange(&p->work, true) : true;
	}
	if (ring)
		wake_ring(&p->wake);
}

/* What is put arrives, without a look at the clock on either side. */
static void stress(struct pair *p, int rounds)
{
	int64_t end_ms = now_ms() + STRESS_MS;
	pthread_t hearer;
	int n = 0;

	make(&p->wake);
	atomic_store(&p->goal, -1);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&hearer, NULL, hear, p), 0);
	while (n < rounds && !atomic_load(&p->deaf) && now_ms() < end_ms) {
		put_one(p);
		n++;
	}
	/* One more, so that who hears sees how many there are; it is put after the goal is set. */
	atomic_store(&p->goal, n + 1);
	put_one(p);
	pthread_join(hearer, NULL);
	CU_ASSERT_FALSE(atomic_load(&p->deaf));
	CU_ASSERT_EQUAL(atomic_load(&p->got), n + 1);
	CU_ASSERT(n > rounds / 1000);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_WAKES_MISSED), 0);
	wake_fini(&p->wake);
}

static void stress_box(struct pair *p)
{
	CU_ASSERT_EQUAL_FATAL(mailbox_new(sizeof(int), BOX, &p->box), ST_OK);
	stress(p, ROUNDS);
	mailbox_free(p->box, NULL);
}

static void nothing_that_was_rung_for_is_left_unheard(void)
{
	stress_box(&(struct pair){ .first_only = false });
}

static void a_ring_for_the_first_of_several_is_enough(void)
{
	stress_box(&(struct pair){ .first_only = true });
}

static void a_flag_for_the_work_before_the_wake_loses_nothing(void)
{
	stress_box(&(struct pair){ .flagged = true });
}

static void nothing_appended_is_left_unread(void)
{
	const struct journal_limits lim = { .max_messages = 1000000,
		                                .max_bytes = 1 << 28,
		                                .device_share = 100,
		                                .flush_ms = 200,
		                                .policy = JOURNAL_DROP_OLDEST };
	struct pair p = { .first_only = true };

	CU_ASSERT_EQUAL_FATAL(journal_open(store_dir_new(), &lim, NULL, &p.j), ST_OK);
	stress(&p, JOURNALED);
	journal_close(p.j);
}

SUITE(wake, TEST(rings_are_one_until_they_are_heard),
      TEST(work_that_nobody_rang_for_is_counted_and_said),
      TEST(who_rings_a_moment_after_the_work_was_found_is_no_fault),
      TEST(a_process_that_was_stopped_accuses_nobody), TEST(a_deaf_room_is_noticed_and_hears_again),
      TEST(nothing_that_was_rung_for_is_left_unheard),
      TEST(a_ring_for_the_first_of_several_is_enough),
      TEST(a_flag_for_the_work_before_the_wake_loses_nothing),
      TEST(nothing_appended_is_left_unread))
