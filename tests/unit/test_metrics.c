#include "core/base/metrics.h"

#include <string.h>

#include "tests/runner.h"

enum {
	US = 1000
}; /* nanoseconds */

static void counters_add_and_gauges_are_set(void)
{
	static struct metrics m;

	metric_add(&m, M_ACCEPTED, 2);
	metric_add(&m, M_ACCEPTED, 3);
	metric_set(&m, M_QUEUED, 9);
	metric_set(&m, M_QUEUED, 4);
	CU_ASSERT_EQUAL(metric_get(&m, M_ACCEPTED), 5);
	CU_ASSERT_EQUAL(metric_get(&m, M_QUEUED), 4);
	CU_ASSERT_EQUAL(metric_get(&m, M_DELIVERED), 0);
}

static void every_metric_has_a_name_of_its_own_and_a_help_text(void)
{
	for (int i = 0; i < METRIC_COUNT; i++) {
		const char *name = metric_name((enum metric)i);

		CU_ASSERT(strlen(metric_help((enum metric)i)) > 0);
		CU_ASSERT_EQUAL(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		for (int k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(name, metric_name((enum metric)k));
	}
	CU_ASSERT_STRING_EQUAL(metric_name(M_ACCEPTED), "messages_accepted_total");
	for (int i = 0; i < CALLBACK_COUNT; i++)
		CU_ASSERT_PTR_NOT_NULL(metric_callback((enum callback)i));
	CU_ASSERT_STRING_EQUAL(metric_callback(CALLBACK_MESSAGE), "message");
}

static void times_fall_into_the_bucket_that_bounds_them(void)
{
	static const struct {
		uint64_t ns;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },
		{ 999, 0 },
		{ 1000, 1 },
		{ 1999, 1 },
		{ 2000, 2 },
		{ 1023 * US, 10 },
		{ 1024 * US, 11 },
		{ ((1ull << 22) - 1) * US, 22 },
		{ (1ull << 22) * US, 23 },
		{ UINT64_MAX, 23 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct histogram h = { 0 };

		histogram_add(&h, cases[i].ns);
		CU_ASSERT_EQUAL(h.bucket[cases[i].bucket], 1);
		CU_ASSERT_EQUAL(histogram_count(&h), 1);
		CU_ASSERT_EQUAL(h.max_ns, cases[i].ns);
	}
}

static void quantiles_are_upper_bounds_of_their_bucket(void)
{
	struct histogram h = { 0 };

	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 0.5), 0);
	for (int i = 0; i < 998; i++)
		histogram_add(&h, 3 * US);
	histogram_add(&h, 100 * US);
	histogram_add(&h, 20000000ull * US);
	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 0), 4);
	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 0.5), 4);
	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 0.998), 4);
	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 0.999), 128);
	CU_ASSERT_EQUAL(histogram_quantile_us(&h, 1), 20000001);
}

static void merging_adds_counts_and_sums_and_keeps_the_longest(void)
{
	struct histogram a = { 0 }, b = { 0 };

	histogram_add(&a, 5 * US);
	histogram_add(&b, 5 * US);
	histogram_add(&b, 700 * US);
	histogram_merge(&a, &b);
	CU_ASSERT_EQUAL(histogram_count(&a), 3);
	CU_ASSERT_EQUAL(a.bucket[3], 2);
	CU_ASSERT_EQUAL(a.sum_ns, 710 * US);
	CU_ASSERT_EQUAL(a.max_ns, 700 * US);
	CU_ASSERT_EQUAL(histogram_count(&b), 2);
}

SUITE(metrics, TEST(counters_add_and_gauges_are_set),
      TEST(every_metric_has_a_name_of_its_own_and_a_help_text),
      TEST(times_fall_into_the_bucket_that_bounds_them),
      TEST(quantiles_are_upper_bounds_of_their_bucket),
      TEST(merging_adds_counts_and_sums_and_keeps_the_longest))
