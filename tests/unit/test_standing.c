#include "core/hub/standing.h"

#include "tests/runner.h"

static void what_is_ours_is_configured_registered_or_was_bound(void)
{
	for (unsigned bits = 0; bits < 16; bits++) {
		const struct standing_facts f = { bits & 1, bits & 2, bits & 4, bits & 8 };
		enum standing expected = bits & 7   ? STANDING_OWN
		                         : bits & 8 ? STANDING_STRANGER
		                                    : STANDING_UNASKED;

		CU_ASSERT_EQUAL(standing_of(&f), expected);
	}
}

static void strangers_give_way_first_and_own_devices_last(void)
{
	CU_ASSERT(standing_gives_way(STANDING_STRANGER) > standing_gives_way(STANDING_UNASKED));
	CU_ASSERT(standing_gives_way(STANDING_UNASKED) > standing_gives_way(STANDING_OWN));
}

static void names_not_asked_yet_are_as_many_as_a_gateway_may_have_devices(void)
{
	CU_ASSERT(standing_has_room(1499, false));
	CU_ASSERT_FALSE(standing_has_room(1500, false));
	CU_ASSERT(standing_has_room(1500, true));
	CU_ASSERT_FALSE(standing_has_room(3000, true));
}

static void a_stranger_is_asked_again_after_1_2_4_minutes_up_to_an_hour(void)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60 };

	for (unsigned i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++)
		CU_ASSERT_EQUAL(standing_pause_ms(i + 1), minutes[i] * 60000);
	CU_ASSERT_EQUAL(standing_pause_ms(0), 60000);
	CU_ASSERT_EQUAL(standing_pause_ms(UINT32_MAX), 3600000);
}

SUITE(standing, TEST(what_is_ours_is_configured_registered_or_was_bound),
      TEST(strangers_give_way_first_and_own_devices_last),
      TEST(names_not_asked_yet_are_as_many_as_a_gateway_may_have_devices),
      TEST(a_stranger_is_asked_again_after_1_2_4_minutes_up_to_an_hour))
