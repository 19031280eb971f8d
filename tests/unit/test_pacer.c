#include "core/pace/pacer.h"
#include "tests/runner.h"

#include <string.h>

enum {
	SECOND_US = 1000000,
	SENDS_MAX = 200000,
	FLOWS = 100
};

/* A small generator of our own, so that every run sees the same jitter. */
static uint32_t noise(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static int64_t sent_at[SENDS_MAX];

/* Asks at irregular times for some seconds; returns how many sends were allowed. */
static size_t simulate(uint32_t rate, int64_t start_us, int64_t seconds, uint32_t step_max_us,
                       uint32_t seed)
{
	int64_t now = start_us, end = start_us + seconds * SECOND_US;
	struct bucket b;
	size_t sends = 0;

	bucket_init(&b, rate);
	while (now < end && sends < SENDS_MAX) {
		if (bucket_take(&b, now))
			sent_at[sends++] = now;
		now += noise(&seed) % (step_max_us + 1);
		if (noise(&seed) % 20000 == 0)
			now += noise(&seed) % (3 * SECOND_US); /* a stall, then a crowd */
	}
	return sends;
}

/* The fullest window of one second, both ends counted. */
static size_t fullest_second(size_t sends)
{
	size_t most = 0, first = 0;

	for (size_t last = 0; last < sends; last++) {
		while (sent_at[last] - sent_at[first] > SECOND_US)
			first++;
		if (last - first + 1 > most)
			most = last - first + 1;
	}
	return most;
}

static void no_sliding_second_holds_more_than_rate_plus_one(void)
{
	static const uint32_t rates[] = { 1, 2, 3, 7, 10, 25, 29, 30, 50, 999, 7777 };
	static const uint32_t steps[] = { 50, 900, 40001, 1500000 };

	for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
		for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
			int64_t seconds = steps[s] == 50 ? 10 : 60;
			size_t sends =
				simulate(rates[r], -5 * SECOND_US, seconds, steps[s], (uint32_t)(r * 31 + s));

			CU_ASSERT(sends > 0);
			CU_ASSERT(fullest_second(sends) <= rates[r] + 1);
		}
	}
}

static void waiting_as_told_uses_the_full_rate(void)
{
	int64_t now = 123456789, start = now;
	struct bucket b;

	bucket_init(&b, 25);
	for (int i = 0; i < 2500; i++) {
		now += bucket_wait_us(&b, now);
		CU_ASSERT_FATAL(bucket_take(&b, now));
		CU_ASSERT_FATAL(!bucket_take(&b, now));
	}
	CU_ASSERT_EQUAL(now - start, 2499 * (int64_t)40000);
}

static void one_microsecond_early_is_too_early(void)
{
	struct bucket b;

	bucket_init(&b, 3);
	CU_ASSERT_EQUAL(bucket_wait_us(&b, 0), 0);
	CU_ASSERT(bucket_take(&b, 0));
	CU_ASSERT_EQUAL(bucket_wait_us(&b, 0), 333334); /* rounded up, never too fast */
	CU_ASSERT(!bucket_take(&b, 333333));
	CU_ASSERT_EQUAL(bucket_wait_us(&b, 333333), 1);
	CU_ASSERT(bucket_take(&b, 333334));
}

static void long_silence_saves_up_no_burst(void)
{
	struct bucket b;

	bucket_init(&b, 25);
	CU_ASSERT(bucket_take(&b, 0));
	CU_ASSERT(bucket_take(&b, INT64_C(86400) * SECOND_US));
	CU_ASSERT(!bucket_take(&b, INT64_C(86400) * SECOND_US));
}

static void rate_zero_never_waits(void)
{
	struct bucket b;

	bucket_init(&b, 0);
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT(bucket_take(&b, 5));
		CU_ASSERT_EQUAL(bucket_wait_us(&b, 5), 0);
	}
}

static void changed_rate_counts_from_the_next_send(void)
{
	struct bucket b;

	bucket_init(&b, 10);
	CU_ASSERT(bucket_take(&b, 0));
	b.rate = 50;
	CU_ASSERT(!bucket_take(&b, 99999));
	CU_ASSERT(bucket_take(&b, 100000));
	CU_ASSERT(bucket_take(&b, 120000));
}

static void rates_beyond_the_clock_still_pace(void)
{
	struct bucket b;

	bucket_init(&b, UINT32_MAX);
	CU_ASSERT(bucket_take(&b, 0));
	CU_ASSERT_EQUAL(bucket_wait_us(&b, 0), 1);
}

static void empty_line_has_no_turn(void)
{
	struct turns t;

	turns_init(&t);
	CU_ASSERT_PTR_NULL(turns_next(&t));
	CU_ASSERT_EQUAL(t.count, 0);
}

static void flows_take_turns_in_the_order_they_came(void)
{
	struct flow a = { 0 }, b = { 0 }, c = { 0 };
	struct turns t;

	turns_init(&t);
	turns_add(&t, &a);
	turns_add(&t, &b);
	turns_add(&t, &c);
	turns_add(&t, &a); /* again: keeps its place */
	CU_ASSERT_EQUAL(t.count, 3);
	for (int round = 0; round < 3; round++) {
		CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
		CU_ASSERT_PTR_EQUAL(turns_next(&t), &b);
		CU_ASSERT_PTR_EQUAL(turns_next(&t), &c);
	}
}

static void lone_flow_gets_every_turn(void)
{
	struct flow a = { 0 };
	struct turns t;

	turns_init(&t);
	turns_add(&t, &a);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
	turns_remove(&t, &a);
	CU_ASSERT_PTR_NULL(turns_next(&t));
	CU_ASSERT_PTR_NULL(a.next);
	turns_add(&t, &a);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
}

static void newcomer_waits_for_all_who_came_before(void)
{
	struct flow a = { 0 }, b = { 0 }, late = { 0 };
	struct turns t;

	turns_init(&t);
	turns_add(&t, &a);
	turns_add(&t, &b);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
	turns_add(&t, &late);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &b);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &a);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &late);
}

static void removal_of_the_next_passes_the_turn_on(void)
{
	struct flow a = { 0 }, b = { 0 }, c = { 0 };
	struct turns t;

	turns_init(&t);
	turns_remove(&t, &a); /* not queued */
	turns_add(&t, &a);
	turns_add(&t, &b);
	turns_add(&t, &c);
	turns_remove(&t, &a);
	turns_remove(&t, &a);
	CU_ASSERT_EQUAL(t.count, 2);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &b);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &c);
	turns_remove(&t, &c); /* the last in line */
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &b);
	CU_ASSERT_PTR_EQUAL(turns_next(&t), &b);
}

/* A flow with thousands of messages and 99 with a few: whoever waits is served
 * within one round, whatever the noisy one does. */
static void noisy_flow_delays_a_quiet_one_by_one_round_at_most(void)
{
	struct flow flows[FLOWS];
	unsigned left[FLOWS], waited[FLOWS] = { 0 }, longest = 0;
	uint32_t seed = 9;
	struct turns t;

	memset(flows, 0, sizeof flows);
	turns_init(&t);
	for (size_t i = 0; i < FLOWS; i++) {
		left[i] = i == 0 ? 100000 : 1 + noise(&seed) % 20;
		turns_add(&t, &flows[i]);
	}
	for (int turn = 0; turn < 20000; turn++) {
		struct flow *f = turns_next(&t);
		size_t who = (size_t)(f - flows), guest = noise(&seed) % FLOWS;

		waited[who] = 0;
		if (--left[who] == 0)
			turns_remove(&t, f);
		for (size_t i = 0; i < FLOWS; i++) {
			if (flows[i].next && i != who && ++waited[i] > longest)
				longest = waited[i];
		}
		if (left[guest] == 0) {
			left[guest] = 1;
			turns_add(&t, &flows[guest]);
		}
	}
	CU_ASSERT(longest < FLOWS);
	CU_ASSERT(left[0] < 100000 - 20000 / FLOWS);
}

static void control_gets_nine_turns_of_nineteen_while_both_wait(void)
{
	struct lanes l = { 0 };
	unsigned control = 0, data = 0, run = 0;

	for (int i = 0; i < 1900; i++) {
		if (lanes_pick(&l, true, true) == LANE_CONTROL) {
			control++;
			run = 0;
		} else {
			data++;
			run++;
		}
		CU_ASSERT(run <= 2);
	}
	CU_ASSERT_EQUAL(control, 900);
	CU_ASSERT_EQUAL(data, 1000);
}

static void lane_alone_takes_every_turn(void)
{
	struct lanes l = { 0 };

	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(lanes_pick(&l, true, false), LANE_CONTROL);
	CU_ASSERT_EQUAL(lanes_pick(&l, false, false), LANE_NONE);
	CU_ASSERT_EQUAL(lanes_pick(&l, true, true), LANE_DATA);
	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(lanes_pick(&l, false, true), LANE_DATA);
	CU_ASSERT_EQUAL(lanes_pick(&l, true, true), LANE_CONTROL);
}

static void control_never_goes_twice_in_a_row_past_waiting_data(void)
{
	struct lanes l = { 0 };
	enum lane before = LANE_NONE;
	uint32_t seed = 3;

	for (int i = 0; i < 100000; i++) {
		bool control = noise(&seed) % 2, data = noise(&seed) % 2;
		enum lane lane = lanes_pick(&l, control, data);

		CU_ASSERT_FATAL(lane != LANE_CONTROL || control);
		CU_ASSERT_FATAL(lane != LANE_DATA || data);
		CU_ASSERT_FATAL((lane == LANE_NONE) == (!control && !data));
		CU_ASSERT_FATAL(!(control && data && lane == LANE_CONTROL && before == lane));
		if (lane != LANE_NONE)
			before = lane;
	}
}

SUITE(pacer, TEST(no_sliding_second_holds_more_than_rate_plus_one),
      TEST(waiting_as_told_uses_the_full_rate), TEST(one_microsecond_early_is_too_early),
      TEST(long_silence_saves_up_no_burst), TEST(rate_zero_never_waits),
      TEST(changed_rate_counts_from_the_next_send), TEST(rates_beyond_the_clock_still_pace),
      TEST(empty_line_has_no_turn), TEST(flows_take_turns_in_the_order_they_came),
      TEST(lone_flow_gets_every_turn), TEST(newcomer_waits_for_all_who_came_before),
      TEST(removal_of_the_next_passes_the_turn_on),
      TEST(noisy_flow_delays_a_quiet_one_by_one_round_at_most),
      TEST(control_gets_nine_turns_of_nineteen_while_both_wait), TEST(lane_alone_takes_every_turn),
      TEST(control_never_goes_twice_in_a_row_past_waiting_data))
