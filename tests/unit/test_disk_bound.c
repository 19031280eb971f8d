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

SUITE(disk_bound, TEST(a_disk_with_plenty_of_room_leaves_the_bound_alone),
      TEST(more_than_the_disk_has_room_for_is_lowered_to_two_thirds_of_it),
      TEST(small_files_of_others_move_nothing), TEST(what_the_user_allows_is_never_exceeded))
