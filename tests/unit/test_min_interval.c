#include "plugin/devices/min_interval.h"

#include <stdio.h>

#include "tests/runner.h"

static void message_passes_once_per_interval_and_topic(void)
{
	struct device d = { .min_interval = NULL };

	CU_ASSERT(min_interval_passes(&d, "a", 1000, 0));
	CU_ASSERT(min_interval_passes(&d, "b", 1000, 1));
	CU_ASSERT_FALSE(min_interval_passes(&d, "a", 1000, 999));
	CU_ASSERT(min_interval_passes(&d, "a", 1000, 1000));
	CU_ASSERT_FALSE(min_interval_passes(&d, "a", 1000, 1999));
	min_interval_free(&d);
	CU_ASSERT_PTR_NULL(d.min_interval);
}

static void more_topics_than_are_remembered_pass_rather_than_stop(void)
{
	struct device d = { .min_interval = NULL };
	char topic[16];

	for (int i = 0; i < 10 * MIN_INTERVAL_TOPICS; i++) {
		snprintf(topic, sizeof topic, "t%d", i);
		CU_ASSERT(min_interval_passes(&d, topic, 1000, i));
	}
	CU_ASSERT_FALSE(min_interval_passes(&d, topic, 1000, 10 * MIN_INTERVAL_TOPICS));
	min_interval_free(&d);
}

SUITE(min_interval, TEST(message_passes_once_per_interval_and_topic),
      TEST(more_topics_than_are_remembered_pass_rather_than_stop))
