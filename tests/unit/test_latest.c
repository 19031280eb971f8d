#include "bridge/gateway/latest.h"

#include <stdio.h>

#include "tests/runner.h"

static void newer_message_takes_the_place_of_an_unsent_one_of_its_topic_only(void)
{
	struct latest l = { .topics = NULL };

	CU_ASSERT_EQUAL(latest_take(&l, "a", 0, 1, 0).superseded, 0);
	CU_ASSERT_EQUAL(latest_take(&l, "b", 0, 2, 0).superseded, 0);
	CU_ASSERT_EQUAL(latest_take(&l, "a", 0, 3, 0).superseded, 1);
	latest_sent(&l, 3, 0);
	CU_ASSERT_EQUAL(latest_take(&l, "a", 0, 4, 0).superseded, 0);
	latest_fini(&l);
}

static void message_sooner_than_the_interval_is_held_until_it_is_over(void)
{
	struct latest l = { .topics = NULL };
	struct latest_verdict v;
	int64_t due = INT64_MAX;

	CU_ASSERT_FALSE(latest_take(&l, "a", 1000, 1, 0).hold);
	latest_sent(&l, 1, 100);
	CU_ASSERT_TRUE(latest_take(&l, "a", 1000, 2, 200).hold);
	v = latest_take(&l, "a", 1000, 3, 300);
	CU_ASSERT_TRUE(v.hold);
	CU_ASSERT_EQUAL(v.superseded, 2);
	CU_ASSERT_EQUAL(latest_release(&l, 1099, &due), 0);
	CU_ASSERT_EQUAL(due, 1100);
	CU_ASSERT_EQUAL(latest_release(&l, 1100, &due), 3);
	CU_ASSERT_EQUAL(latest_release(&l, 1100, &due), 0);
	latest_fini(&l);
}

static void more_topics_than_are_remembered_are_ordinary_messages(void)
{
	struct latest l = { .topics = NULL };
	char topic[16];

	for (int i = 0; i <= LATEST_TOPICS_MAX; i++) {
		snprintf(topic, sizeof(topic), "t%d", i);
		CU_ASSERT_EQUAL(latest_take(&l, topic, 0, (uint64_t)i + 1, 0).superseded, 0);
	}
	CU_ASSERT_EQUAL(l.count, LATEST_TOPICS_MAX);
	CU_ASSERT_EQUAL(latest_take(&l, topic, 0, 1000, 0).superseded, 0);
	latest_sent(&l, 5, 0); /* one place becomes free */
	latest_take(&l, topic, 0, 1001, 0);
	CU_ASSERT_EQUAL(latest_take(&l, topic, 0, 1002, 0).superseded, 1001);
	latest_fini(&l);
}

SUITE(latest, TEST(newer_message_takes_the_place_of_an_unsent_one_of_its_topic_only),
      TEST(message_sooner_than_the_interval_is_held_until_it_is_over),
      TEST(more_topics_than_are_remembered_are_ordinary_messages))
