#include "core/pace/stall_guard.h"
#include "tests/runner.h"

enum {
	RATE = 25,
	GAP_US = 1000000 / RATE
};

static struct stall_guard settled(void)
{
	struct stall_guard h;

	stall_guard_init(&h, RATE);
	for (int i = 0; i < 100; i++) { /* a hub that answers in a millisecond */
		stall_guard_sent(&h, i * GAP_US);
		CU_ASSERT_EQUAL(stall_guard_heard(&h, i * GAP_US + 1000), 0);
	}
	return h;
}

static void quick_answers_never_pause_and_lower_the_expected_wait(void)
{
	struct stall_guard h = settled();

	CU_ASSERT(h.answer_us < 5000);
	CU_ASSERT_FALSE(stall_guard_full(&h));
}

static void a_slow_but_steady_link_keeps_its_rate(void)
{
	struct stall_guard h;
	int64_t paused_us = 0;

	stall_guard_init(&h, RATE);
	/* 800 ms there and back: answers come 40 ms apart, 20 messages behind. */
	for (int i = 0; i < 500; i++) {
		stall_guard_sent(&h, (int64_t)i * GAP_US);
		if (i >= 20)
			paused_us += stall_guard_heard(&h, (int64_t)i * GAP_US + 1000);
	}
	CU_ASSERT(paused_us <= 1000000); /* the first answer may look like a stall */
}

static void a_stall_is_followed_by_a_pause_worth_what_it_held_back(void)
{
	struct stall_guard h = settled();
	int64_t at = 10000000;

	for (int i = 0; i < 20; i++)
		stall_guard_sent(&h, at + (int64_t)i * GAP_US);
	CU_ASSERT_EQUAL(stall_guard_heard(&h, at + 9000000), INT64_C(20) * GAP_US);
	CU_ASSERT_EQUAL(h.unheard, 0);
}

static void never_more_than_one_second_s_worth_is_unheard(void)
{
	struct stall_guard h = settled();
	int sent = 0;

	while (!stall_guard_full(&h) && sent < 1000) {
		stall_guard_sent(&h, 10000000 + (int64_t)sent * GAP_US);
		sent++;
		if (sent > RATE / 2)
			CU_ASSERT(stall_guard_wants_probe(&h));
	}
	CU_ASSERT_EQUAL(sent, RATE);
}

static void a_new_connection_owes_the_pause_of_the_old_one(void)
{
	struct stall_guard h = settled();

	for (int i = 0; i < 10; i++)
		stall_guard_sent(&h, 10000000 + (int64_t)i * GAP_US);
	CU_ASSERT_EQUAL(stall_guard_reset(&h), INT64_C(10) * GAP_US);
	CU_ASSERT_EQUAL(stall_guard_reset(&h), 0);
}

static void without_a_rate_nothing_is_held_back(void)
{
	struct stall_guard h;

	stall_guard_init(&h, 0);
	for (int i = 0; i < 100000; i++)
		stall_guard_sent(&h, i);
	CU_ASSERT_FALSE(stall_guard_full(&h));
	CU_ASSERT_FALSE(stall_guard_wants_probe(&h));
	CU_ASSERT_EQUAL(stall_guard_heard(&h, 90000000), 0);
}

SUITE(stall_guard, TEST(quick_answers_never_pause_and_lower_the_expected_wait),
      TEST(a_slow_but_steady_link_keeps_its_rate),
      TEST(a_stall_is_followed_by_a_pause_worth_what_it_held_back),
      TEST(never_more_than_one_second_s_worth_is_unheard),
      TEST(a_new_connection_owes_the_pause_of_the_old_one),
      TEST(without_a_rate_nothing_is_held_back))
