#include "core/pace/backoff.h"
#include "tests/runner.h"

enum {
	FLOOR_MS = 5000,
	CAP_MS = 60000,
	SEEDS = 2000
};

static void every_wait_lies_between_floor_and_doubled_ceiling(void)
{
	static const uint32_t ceilings[] = { 10000, 20000, 40000, 60000, 60000, 60000 };
	struct backoff b;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		backoff_init(&b, FLOOR_MS, CAP_MS, seed);
		for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
			uint32_t wait = backoff_next_ms(&b);

			CU_ASSERT_FATAL(wait >= FLOOR_MS && wait <= ceilings[i]);
		}
	}
}

static void jitter_is_full_and_even(void)
{
	unsigned quarters[4] = { 0 };
	struct backoff b;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		uint32_t offset;

		backoff_init(&b, FLOOR_MS, CAP_MS, seed);
		offset = backoff_next_ms(&b) - FLOOR_MS;
		quarters[offset * 4 / (FLOOR_MS + 1)]++;
	}
	for (int i = 0; i < 4; i++)
		CU_ASSERT(quarters[i] > SEEDS / 5 && quarters[i] < SEEDS * 3 / 10);
}

static void gateways_with_neighbouring_seeds_spread(void)
{
	unsigned same = 0;
	struct backoff a, b;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		backoff_init(&a, FLOOR_MS, CAP_MS, seed);
		backoff_init(&b, FLOOR_MS, CAP_MS, seed + 1);
		same += backoff_next_ms(&a) == backoff_next_ms(&b);
	}
	CU_ASSERT(same < 10);
}

static void same_seed_repeats_the_same_waits(void)
{
	struct backoff a, b;

	backoff_init(&a, FLOOR_MS, CAP_MS, 42);
	backoff_init(&b, FLOOR_MS, CAP_MS, 42);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(backoff_next_ms(&a), backoff_next_ms(&b));
}

static void million_failures_never_give_up_nor_leave_the_range(void)
{
	struct backoff b;

	backoff_init(&b, FLOOR_MS, CAP_MS, 7);
	for (int i = 0; i < 1000000; i++) {
		uint32_t wait = backoff_next_ms(&b);

		CU_ASSERT_FATAL(wait >= FLOOR_MS && wait <= CAP_MS);
	}
}

static void reset_starts_from_the_floor_again(void)
{
	struct backoff b;

	backoff_init(&b, FLOOR_MS, CAP_MS, 7);
	for (int i = 0; i < 50; i++)
		backoff_next_ms(&b);
	backoff_reset(&b);
	CU_ASSERT(backoff_next_ms(&b) <= 2 * FLOOR_MS);
}

static void longest_wait_is_in_the_upper_half_and_stays_long(void)
{
	uint32_t highest = 0;
	struct backoff b;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		uint32_t wait;

		backoff_init(&b, FLOOR_MS, CAP_MS, seed);
		wait = backoff_longest_ms(&b);
		CU_ASSERT_FATAL(wait >= (FLOOR_MS + CAP_MS) / 2 && wait <= CAP_MS);
		wait = backoff_next_ms(&b);
		highest = wait > highest ? wait : highest;
	}
	CU_ASSERT(highest > CAP_MS * 9 / 10); /* not back at twice the floor */
}

static void extreme_settings_neither_overflow_nor_spin(void)
{
	struct backoff b;

	backoff_init(&b, UINT32_MAX, UINT32_MAX, 1);
	CU_ASSERT_EQUAL(backoff_next_ms(&b), UINT32_MAX);
	CU_ASSERT_EQUAL(backoff_longest_ms(&b), UINT32_MAX);
	backoff_init(&b, 9000, 10, 1);
	CU_ASSERT_EQUAL(backoff_next_ms(&b), 9000);
	CU_ASSERT_EQUAL(backoff_longest_ms(&b), 9000);
	backoff_init(&b, 0, 0, 1);
	for (int i = 0; i < 100; i++)
		CU_ASSERT(backoff_next_ms(&b) >= 1);
	backoff_init(&b, 1, UINT32_MAX, 1);
	for (int i = 0; i < 100; i++)
		CU_ASSERT(backoff_next_ms(&b) >= 1);
}

SUITE(backoff, TEST(every_wait_lies_between_floor_and_doubled_ceiling),
      TEST(jitter_is_full_and_even), TEST(gateways_with_neighbouring_seeds_spread),
      TEST(same_seed_repeats_the_same_waits),
      TEST(million_failures_never_give_up_nor_leave_the_range),
      TEST(reset_starts_from_the_floor_again),
      TEST(longest_wait_is_in_the_upper_half_and_stays_long),
      TEST(extreme_settings_neither_overflow_nor_spin))
