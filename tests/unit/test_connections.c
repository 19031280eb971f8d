/* Who gives way at the bound on connections. */
#include "core/pace/connections.h"

#include "tests/runner.h"

static struct connection from(unsigned char host, enum connection_state state, int64_t since_ms)
{
	return (struct connection){ .state = state, .address = { [15] = host }, .since_ms = since_ms };
}

static void oldest_of_the_address_with_most_gives_way(void)
{
	const struct connection all[] = {
		from(1, CONNECTION_OPEN, 10), /* older, but alone */
		from(2, CONNECTION_OPEN, 40), from(2, CONNECTION_OPEN, 20),
		from(2, CONNECTION_OPEN, 30), from(3, CONNECTION_OPEN, 50),
	};

	CU_ASSERT_EQUAL(connections_give_way(all, 5), 2);
}

static void oldest_of_all_gives_way_when_all_share_one_address_or_none_has_two(void)
{
	struct connection all[] = {
		from(1, CONNECTION_OPEN, 30),
		from(1, CONNECTION_OPEN, 10),
		from(1, CONNECTION_OPEN, 20),
	};

	CU_ASSERT_EQUAL(connections_give_way(all, 3), 1);
	for (unsigned char i = 0; i < 3; i++)
		all[i].address[15] = i;
	CU_ASSERT_EQUAL(connections_give_way(all, 3), 1);
}

static void who_is_owed_a_reply_does_not_give_way_and_does_not_count(void)
{
	const struct connection all[] = {
		from(1, CONNECTION_SERVED, 0),    from(1, CONNECTION_SERVED, 0),
		from(1, CONNECTION_OPEN, 5),      from(2, CONNECTION_OPEN, 40),
		from(2, CONNECTION_OPEN, 30),     from(3, CONNECTION_NONE, 0),
		from(3, CONNECTION_GIVES_WAY, 0),
	};

	CU_ASSERT_EQUAL(connections_give_way(all, 7), 4);
	CU_ASSERT_EQUAL(connections_give_way(all, 2), SIZE_MAX);
	CU_ASSERT_EQUAL(connections_give_way(all, 0), SIZE_MAX);
	CU_ASSERT_EQUAL(connections_count(all, 7), 5);
}

static void newest_that_came_goes_when_all_others_are_owed_a_reply(void)
{
	const struct connection all[] = { from(1, CONNECTION_SERVED, 0), from(2, CONNECTION_SERVED, 0),
		                              from(3, CONNECTION_OPEN, 9) };

	CU_ASSERT_EQUAL(connections_give_way(all, 3), 2);
}

static void only_who_is_open_and_had_its_time_is_overdue(void)
{
	const struct connection all[] = { from(1, CONNECTION_SERVED, 0),
		                              from(2, CONNECTION_GIVES_WAY, 0), from(3, CONNECTION_OPEN, 7),
		                              from(4, CONNECTION_OPEN, 5) };

	CU_ASSERT_EQUAL(connections_overdue(all, 4, 14, 10), SIZE_MAX);
	CU_ASSERT_EQUAL(connections_overdue(all, 4, 15, 10), 3);
	CU_ASSERT_EQUAL(connections_overdue(all, 3, 15, 10), SIZE_MAX);
	CU_ASSERT_EQUAL(connections_overdue(all, 0, 15, 10), SIZE_MAX);
}

SUITE(connections, TEST(oldest_of_the_address_with_most_gives_way),
      TEST(oldest_of_all_gives_way_when_all_share_one_address_or_none_has_two),
      TEST(who_is_owed_a_reply_does_not_give_way_and_does_not_count),
      TEST(newest_that_came_goes_when_all_others_are_owed_a_reply),
      TEST(only_who_is_open_and_had_its_time_is_overdue))
