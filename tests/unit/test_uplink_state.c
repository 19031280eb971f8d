#include "core/hub/uplink_state.h"

#include "tests/runner.h"

enum {
	STATES = UPLINK_LEAVING + 1
};

static void exactly_the_moves_of_the_matrix_are_legal(void)
{
	/* from (row) to (column); in the order of UPLINK_STATES: stopped, waiting,
	 * connecting, login, preparing, ready, leaving */
	static const char *const matrix[STATES] = {
		[UPLINK_STOPPED] = ".x.....",    [UPLINK_WAITING] = "x.x....",
		[UPLINK_CONNECTING] = "xx.x...", [UPLINK_LOGIN] = "xx..x..",
		[UPLINK_PREPARING] = "xx...xx",  [UPLINK_READY] = "xx....x",
		[UPLINK_LEAVING] = "xx.....",
	};

	for (int from = 0; from < STATES; from++) {
		for (int to = 0; to < STATES; to++)
			CU_ASSERT_EQUAL(uplink_move_legal((enum uplink_state)from, (enum uplink_state)to),
			                matrix[from][to] == 'x');
	}
}

static void values_outside_the_table_are_never_legal(void)
{
	CU_ASSERT_FALSE(uplink_move_legal((enum uplink_state)99, UPLINK_STOPPED));
	CU_ASSERT_FALSE(uplink_move_legal(UPLINK_READY, (enum uplink_state)99));
	CU_ASSERT_STRING_EQUAL(uplink_state_text((enum uplink_state)99), "unknown state");
}

static void every_state_has_a_text_of_its_own(void)
{
	for (int i = 0; i < STATES; i++) {
		for (int k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(uplink_state_text((enum uplink_state)i),
			                           uplink_state_text((enum uplink_state)k));
	}
	CU_ASSERT_STRING_EQUAL(uplink_state_text(UPLINK_READY), "ready");
}

SUITE(uplink_state, TEST(exactly_the_moves_of_the_matrix_are_legal),
      TEST(values_outside_the_table_are_never_legal), TEST(every_state_has_a_text_of_its_own))
