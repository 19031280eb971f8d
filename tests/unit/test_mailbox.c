#include "core/base/mailbox.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>

#include "tests/runner.h"

enum {
	LETTERS = 100000,
	CAPACITY = 64
};

static struct mailbox *mailbox_of(size_t capacity)
{
	struct mailbox *m = NULL;

	CU_ASSERT_EQUAL_FATAL(mailbox_new(sizeof(int), capacity, &m), ST_OK);
	return m;
}

static void elements_leave_in_the_order_they_came_across_the_ring_end(void)
{
	struct mailbox *m = mailbox_of(3);
	int in = 0, out, expected = 0;

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 2; i++, in++)
			CU_ASSERT_EQUAL(mailbox_put(m, &in, NULL), ST_OK);
		for (int i = 0; i < 2; i++, expected++) {
			CU_ASSERT_EQUAL(mailbox_take(m, &out), ST_OK);
			CU_ASSERT_EQUAL(out, expected);
		}
	}
	mailbox_free(m, NULL);
}

static void full_mailbox_refuses_and_keeps_what_it_has(void)
{
	struct mailbox *m = mailbox_of(2);
	int a = 1, b = 2, c = 3, out = 0;

	CU_ASSERT_EQUAL(mailbox_space(m), 2);
	mailbox_put(m, &a, NULL);
	mailbox_put(m, &b, NULL);
	CU_ASSERT_EQUAL(mailbox_put(m, &c, NULL), ST_FULL);
	CU_ASSERT_EQUAL(mailbox_count(m), 2);
	CU_ASSERT_EQUAL(mailbox_space(m), 0);
	CU_ASSERT_EQUAL(mailbox_take(m, &out), ST_OK);
	CU_ASSERT_EQUAL(out, a);
	CU_ASSERT_EQUAL(mailbox_put(m, &c, NULL), ST_OK);
	mailbox_free(m, NULL);
}

static void empty_mailbox_says_so_and_leaves_the_output_alone(void)
{
	struct mailbox *m = mailbox_of(1);
	int out = 42;

	CU_ASSERT_EQUAL(mailbox_take(m, &out), ST_EMPTY);
	CU_ASSERT_EQUAL(out, 42);
	mailbox_free(m, NULL);
}

static void only_the_first_of_several_elements_asks_for_a_ring(void)
{
	struct mailbox *m = mailbox_of(4);
	bool was_empty = false;
	int x = 5;

	mailbox_put(m, &x, &was_empty);
	CU_ASSERT_TRUE(was_empty);
	mailbox_put(m, &x, &was_empty);
	CU_ASSERT_FALSE(was_empty);
	mailbox_take(m, &x);
	mailbox_take(m, &x);
	mailbox_put(m, &x, &was_empty);
	CU_ASSERT_TRUE(was_empty);
	mailbox_free(m, NULL);
}

static int dropped_sum;

static void count_dropped(void *item)
{
	dropped_sum = dropped_sum * 10 + *(int *)item;
}

static void freeing_hands_the_remaining_elements_over_in_order(void)
{
	struct mailbox *m = mailbox_of(3);
	int out;

	for (int i = 1; i <= 3; i++)
		mailbox_put(m, &i, NULL);
	mailbox_take(m, &out);
	out = 4;
	mailbox_put(m, &out, NULL);
	dropped_sum = 0;
	mailbox_free(m, count_dropped);
	CU_ASSERT_EQUAL(dropped_sum, 234);
	mailbox_free(NULL, count_dropped);
}

static void sizes_that_overflow_are_refused(void)
{
	struct mailbox *m = NULL;

	CU_ASSERT_EQUAL(mailbox_new(SIZE_MAX / 2, 3, &m), ST_NOMEM);
	CU_ASSERT_PTR_NULL(m);
}

static void *send_letters(void *arg)
{
	struct mailbox *m = arg;

	for (int i = 0; i < LETTERS; i++) {
		while (mailbox_put(m, &i, NULL) == ST_FULL)
			sched_yield();
	}
	return NULL;
}

static void two_threads_lose_nothing_and_keep_the_order(void)
{
	struct mailbox *m = mailbox_of(CAPACITY);
	int got, wrong = 0;
	pthread_t sender;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&sender, NULL, send_letters, m), 0);
	for (int i = 0; i < LETTERS; i++) {
		while (mailbox_take(m, &got) == ST_EMPTY)
			sched_yield();
		wrong += got != i;
	}
	pthread_join(sender, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(mailbox_count(m), 0);
	mailbox_free(m, NULL);
}

static void closed_mailbox_gives_what_it_has_and_takes_nothing(void)
{
	struct mailbox *m = NULL;
	int item = 7, out = 0;

	CU_ASSERT_EQUAL_FATAL(mailbox_new(sizeof(item), 2, &m), ST_OK);
	CU_ASSERT_EQUAL(mailbox_put(m, &item, NULL), ST_OK);
	mailbox_close(m);
	CU_ASSERT_EQUAL(mailbox_put(m, &item, NULL), ST_CLOSED);
	CU_ASSERT_EQUAL(mailbox_take(m, &out), ST_OK);
	CU_ASSERT_EQUAL(out, 7);
	CU_ASSERT_EQUAL(mailbox_take(m, &out), ST_EMPTY);
	mailbox_free(m, NULL);
}

SUITE(mailbox, TEST(closed_mailbox_gives_what_it_has_and_takes_nothing),
      TEST(elements_leave_in_the_order_they_came_across_the_ring_end),
      TEST(full_mailbox_refuses_and_keeps_what_it_has),
      TEST(empty_mailbox_says_so_and_leaves_the_output_alone),
      TEST(only_the_first_of_several_elements_asks_for_a_ring),
      TEST(freeing_hands_the_remaining_elements_over_in_order),
      TEST(sizes_that_overflow_are_refused), TEST(two_threads_lose_nothing_and_keep_the_order))
