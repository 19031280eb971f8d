#include "core/journal/disk_bound.h"

#include "tests/runner.h"

enum {
	MIB = 1 << 20
};

static void a_disk_with_plenty_of_room_leaves_the_bound_alone(void)
{
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 64 * MIB, UINT64_C(1000) * MIB, 2 * MIB), 64 * MIB);
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 10 * MIB, 98 * MIB, 2 * MIB), 64 * MIB);
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 64 * MIB, UINT64_MAX, 0), 64 * MIB);
}

static void more_than_the_disk_has_room_for_is_lowered_to_two_thirds_of_it(void)
{
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 64 * MIB, 32 * MIB, 2 * MIB), 20 * MIB);
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 64 * MIB, 2 * MIB, 2 * MIB), 0);
	CU_ASSERT_EQUAL(disk_bound(64 * MIB, 64 * MIB, 0, 2 * MIB), 0);
}

static void small_files_of_others_move_nothing(void)
{
	const uint64_t bound = 20 * MIB;

	for (uint64_t total = 26 * MIB; total < 40 * MIB; total += MIB)
		CU_ASSERT_EQUAL(disk_bound(64 * MIB, bound, total, 2 * MIB), bound);
	CU_ASSERT(disk_bound(64 * MIB, bound, 22 * MIB, 2 * MIB) < bound);
	CU_ASSERT(disk_bound(64 * MIB, bound, 50 * MIB, 2 * MIB) > bound);
}

static void what_the_user_allows_is_never_exceeded(void)
{
	for (uint64_t total = 0; total < 200; total += 3)
		for (uint64_t before = 0; before < 200; before += 7)
			CU_ASSERT(disk_bound(60, before, total, 10) <= 60);
}

static void messages_are_not_dropped_for_somebody_who_fills_the_disk(void)
{
	const uint64_t max = 64 * MIB, live = 10 * MIB, near = MIB;

	CU_ASSERT_TRUE(disk_bound_squeezes(max, 20 * MIB, 9 * MIB, live, near));
	CU_ASSERT_TRUE(disk_bound_squeezes(max, 9 * MIB, 9 * MIB, live, near));
	/* Still above what waits, but on its way down: by the next look it may be below. */
	CU_ASSERT_TRUE(disk_bound_squeezes(max, 20 * MIB, live + near - 1, live, near));
	CU_ASSERT_FALSE(disk_bound_squeezes(max, 20 * MIB, live + near, live, near));
	/* A small disk at rest: there the oldest are dropped. */
	CU_ASSERT_FALSE(disk_bound_squeezes(max, 10 * MIB, 10 * MIB, live, near));
	CU_ASSERT_FALSE(disk_bound_squeezes(max, 9 * MIB, 10 * MIB, live, near));
	/* The user's own bound, however low, is no squeeze. */
	CU_ASSERT_FALSE(disk_bound_squeezes(9 * MIB, 20 * MIB, 9 * MIB, live, near));
}

SUITE(disk_bound, TEST(a_disk_with_plenty_of_room_leaves_the_bound_alone),
      TEST(more_than_the_disk_has_room_for_is_lowered_to_two_thirds_of_it),
      TEST(messages_are_not_dropped_for_somebody_who_fills_the_disk),
      TEST(small_files_of_others_move_nothing), TEST(what_the_user_allows_is_never_exceeded))
