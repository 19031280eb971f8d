#include "plugin/devices/thinning.h"

#include <stdio.h>

#include "tests/runner.h"

static void message_passes_once_per_interval_and_topic(void)
{
	struct device d = { .thinning = NULL };

	CU_ASSERT(thinning_passes(&d, "a", 1000, 0));
	CU_ASSERT(thinning_passes(&d, "b", 1000, 1));
	CU_ASSERT_FALSE(thinning_passes(&d, "a", 1000, 999));
	CU_ASSERT(thinning_passes(&d, "a", 1000, 1000));
	CU_ASSERT_FALSE(thinning_passes(&d, "a", 1000, 1999));
	thinning_free(&d);
	CU_ASSERT_PTR_NULL(d.thinning);
}

static void more_topics_than_are_remembered_pass_rather_than_stop(void)
{
	struct device d = { .thinning = NULL };
	char topic[16];

	for (int i = 0; i < 10 * THINNING_TOPICS; i++) {
		snprintf(topic, sizeof topic, "t%d", i);
		CU_ASSERT(thinning_passes(&d, topic, 1000, i));
	}
	CU_ASSERT_FALSE(thinning_passes(&d, topic, 1000, 10 * THINNING_TOPICS));
	thinning_free(&d);
}

SUITE(thinning, TEST(message_passes_once_per_interval_and_topic),
      TEST(more_topics_than_are_remembered_pass_rather_than_stop))
