#include "core/base/list.h"

#include "tests/runner.h"

enum {
	LAMPS = 3
};

struct lamp {
	struct lamp *next, **at, *prev;
};

static struct lamp lamps[LAMPS];

static void the_newest_of_a_list_leaves_first(void)
{
	struct lamp *head = NULL, *e;

	for (size_t i = 0; i < LAMPS; i++)
		LIST_PUSH(&head, &lamps[i]);
	for (size_t i = LAMPS; i-- > 0;) {
		CU_ASSERT(LIST_TAKE(&head, e));
		CU_ASSERT_PTR_EQUAL(e, &lamps[i]);
	}
	CU_ASSERT_FALSE(LIST_TAKE(&head, e));
	CU_ASSERT_PTR_NULL(e);
}

/* The others are still there, in their order. */
static void any_link_leaves_and_the_others_stay(void)
{
	for (size_t gone = 0; gone < LAMPS; gone++) {
		struct lamp *head = NULL, *e;

		for (size_t i = 0; i < LAMPS; i++)
			LINKS_PUSH(&head, &lamps[i]);
		LINKS_REMOVE(&lamps[gone]);
		e = head;
		for (size_t i = LAMPS; i-- > 0;) {
			if (i == gone)
				continue;
			CU_ASSERT_PTR_EQUAL_FATAL(e, &lamps[i]);
			e = e->next;
		}
		CU_ASSERT_PTR_NULL(e);
		while (head)
			LINKS_REMOVE(head);
	}
}

static void the_oldest_of_a_queue_leaves_first(void)
{
	QUEUE_OF(struct lamp) queue = { NULL, NULL };
	struct lamp *e;

	for (size_t i = 0; i < LAMPS; i++)
		QUEUE_PUT(&queue, &lamps[i]);
	for (size_t i = 0; i < LAMPS; i++) {
		CU_ASSERT(QUEUE_TAKE(&queue, e));
		CU_ASSERT_PTR_EQUAL(e, &lamps[i]);
	}
	CU_ASSERT_FALSE(QUEUE_TAKE(&queue, e));
	CU_ASSERT_PTR_NULL(e);
}

static void a_queue_that_was_emptied_fills_again(void)
{
	QUEUE_OF(struct lamp) queue = { NULL, NULL };
	struct lamp *e;

	for (int round = 0; round < 2; round++) {
		QUEUE_PUT(&queue, &lamps[0]);
		QUEUE_PUT(&queue, &lamps[1]);
		CU_ASSERT(QUEUE_TAKE(&queue, e));
		QUEUE_PUT(&queue, e);
		CU_ASSERT(QUEUE_TAKE(&queue, e));
		CU_ASSERT_PTR_EQUAL(e, &lamps[1]);
		CU_ASSERT(QUEUE_TAKE(&queue, e));
		CU_ASSERT_PTR_EQUAL(e, &lamps[0]);
		CU_ASSERT_FALSE(QUEUE_TAKE(&queue, e));
	}
}

static void any_of_a_line_leaves_and_the_others_keep_their_order(void)
{
	LINE_OF(struct lamp) line = { NULL, NULL };

	for (size_t gone = 0; gone < 3; gone++) {
		for (size_t i = 0; i < 3; i++)
			LINE_PUT(&line, &lamps[i]);
		LINE_REMOVE(&line, &lamps[gone]);
		CU_ASSERT_PTR_EQUAL(line.first, &lamps[gone == 0 ? 1 : 0]);
		CU_ASSERT_PTR_EQUAL(line.first->next, &lamps[gone == 2 ? 1 : 2]);
		CU_ASSERT_PTR_EQUAL(line.last, line.first->next);
		CU_ASSERT_PTR_EQUAL(line.last->prev, line.first);
		CU_ASSERT_PTR_NULL(line.last->next);
		for (size_t i = 0; i < 3; i++) {
			if (i != gone)
				LINE_REMOVE(&line, &lamps[i]);
		}
		CU_ASSERT_PTR_NULL(line.first);
		CU_ASSERT_PTR_NULL(line.last);
	}
}

SUITE(list, TEST(any_of_a_line_leaves_and_the_others_keep_their_order),
      TEST(the_newest_of_a_list_leaves_first), TEST(any_link_leaves_and_the_others_stay),
      TEST(the_oldest_of_a_queue_leaves_first), TEST(a_queue_that_was_emptied_fills_again))
