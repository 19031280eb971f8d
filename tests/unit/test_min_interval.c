#include "plugin/devices/min_interval.h"

#include <stdio.h>

#include "tests/runner.h"

static bool passes(struct device *d, const char *topic, int64_t now_ms)
{
	if (min_interval_since_ms(d, topic, now_ms) < 1000)
		return false;
	min_interval_note(d, topic, now_ms);
	return true;
}

static void message_passes_once_per_interval_and_topic(void)
{
	struct device d = { .min_interval = NULL };

	CU_ASSERT(passes(&d, "a", 0));
	CU_ASSERT(passes(&d, "b", 1));
	CU_ASSERT_FALSE(passes(&d, "a", 999));
	CU_ASSERT(passes(&d, "a", 1000));
	CU_ASSERT_FALSE(passes(&d, "a", 1999));
	min_interval_free(&d);
	CU_ASSERT_PTR_NULL(d.min_interval);
}

static void look_at_a_topic_remembers_nothing(void)
{
	struct device d = { .min_interval = NULL };

	CU_ASSERT_EQUAL(min_interval_since_ms(&d, "a", 5), INT64_MAX);
	min_interval_note(&d, "a", 5);
	CU_ASSERT_EQUAL(min_interval_since_ms(&d, "b", 7), INT64_MAX);
	CU_ASSERT_EQUAL(min_interval_since_ms(&d, "a", 7), 2);
	min_interval_free(&d);
}

static void more_topics_than_are_remembered_pass_rather_than_stop(void)
{
	struct device d = { .min_interval = NULL };
	char topic[16];

	for (int i = 0; i < 10 * MIN_INTERVAL_TOPICS; i++) {
		snprintf(topic, sizeof topic, "t%d", i);
		CU_ASSERT(passes(&d, topic, i));
	}
	CU_ASSERT_FALSE(passes(&d, topic, 10 * MIN_INTERVAL_TOPICS));
	min_interval_free(&d);
}

SUITE(min_interval, TEST(message_passes_once_per_interval_and_topic),
      TEST(look_at_a_topic_remembers_nothing),
      TEST(more_topics_than_are_remembered_pass_rather_than_stop))
