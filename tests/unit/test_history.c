#include "core/admin/history.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "tests/runner.h"

enum {
	STEP = HISTORY_STEP_MS
};

static struct history h;

static void begin(void)
{
	const struct history_now now = { .accepted = 1000, .delivered = 900 };

	memset(&h, 0, sizeof(h));
	CU_ASSERT_FALSE(history_add(&h, 5000, &now));
}

static bool add(int64_t ms, uint64_t in, uint64_t out, uint64_t queued, uint32_t round_trip)
{
	const struct history_now now = { 1000 + in, 900 + out, queued, round_trip };

	return history_add(&h, 5000 + ms, &now);
}

static bool is(size_t i, uint32_t in, uint32_t out, uint32_t queued, uint32_t round_trip)
{
	const struct history_point *p = history_at(&h, i);

	return p->in == in && p->out == out && p->queued == queued && p->round_trip_ms == round_trip;
}

static void point_is_what_came_and_went_in_its_step(void)
{
	begin();
	CU_ASSERT_FALSE(add(STEP - 1, 3, 1, 9, 20));
	CU_ASSERT(add(STEP, 5, 2, 7, 30));
	CU_ASSERT_FALSE(add(STEP + 1000, 6, 2, 8, 31));
	CU_ASSERT(add(2 * STEP + 300, 15, 12, 4, HISTORY_NONE));
	CU_ASSERT_EQUAL(history_count(&h), 2);
	CU_ASSERT(is(0, 5, 2, 7, 30));
	CU_ASSERT(is(1, 10, 10, 4, HISTORY_NONE));
}

static void pause_of_several_steps_is_filled_and_loses_no_message(void)
{
	uint64_t in = 0, out = 0;

	begin();
	CU_ASSERT(add(7 * STEP + 1, 10, 3, 7, 30));
	CU_ASSERT_EQUAL(history_count(&h), 7);
	for (size_t i = 0; i < 7; i++) {
		in += history_at(&h, i)->in;
		out += history_at(&h, i)->out;
	}
	CU_ASSERT_EQUAL(in, 10);
	CU_ASSERT_EQUAL(out, 3);
}

static void hour_is_kept_and_what_is_older_gives_way(void)
{
	begin();
	for (uint32_t i = 1; i <= HISTORY_POINTS + 5; i++)
		CU_ASSERT(add((int64_t)i * STEP, i, 0, i, i));
	CU_ASSERT_EQUAL(history_count(&h), HISTORY_POINTS);
	CU_ASSERT(is(0, 1, 0, 6, 6));
	CU_ASSERT(is(HISTORY_POINTS - 1, 1, 0, HISTORY_POINTS + 5, HISTORY_POINTS + 5));
}

static void week_asleep_costs_no_more_than_the_hour(void)
{
	begin();
	CU_ASSERT(add(INT64_C(7) * 24 * 3600 * 1000, 1, 1, 1, 1));
	CU_ASSERT_EQUAL(history_count(&h), HISTORY_POINTS);
}

static void clock_or_counter_that_goes_back_makes_no_nonsense(void)
{
	begin();
	CU_ASSERT_FALSE(add(-3000, 50, 50, 0, 0));
	CU_ASSERT(history_add(&h, 5000 + STEP, &(struct history_now){ 0, 0, 0, 0 }));
	CU_ASSERT(is(0, 0, 0, 0, 0));
}

static void json_has_four_series_and_null_for_what_is_not_known(void)
{
	struct buf out = BUF_MAX(HISTORY_JSON_MAX);
	cJSON *json;

	begin();
	for (int i = 1; i <= HISTORY_POINTS; i++)
		add((int64_t)i * STEP, UINT64_C(4294967294) * (uint64_t)i, 0, UINT64_MAX - 1,
		    i % 2 ? HISTORY_NONE : 12);
	CU_ASSERT_EQUAL(history_put(&h, &out), ST_OK);
	json = cJSON_Parse(buf_text(&out));
	CU_ASSERT_EQUAL(cJSON_GetObjectItem(json, "step_s")->valueint, 10);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(json, "in")), HISTORY_POINTS);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(cJSON_GetObjectItem(json, "out")), HISTORY_POINTS);
	CU_ASSERT(cJSON_IsNull(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "round_trip_ms"), 0)));
	CU_ASSERT_EQUAL(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "round_trip_ms"), 1)->valueint,
	                12);
	cJSON_Delete(json);
	buf_free(&out);
}

SUITE(history, TEST(point_is_what_came_and_went_in_its_step),
      TEST(pause_of_several_steps_is_filled_and_loses_no_message),
      TEST(hour_is_kept_and_what_is_older_gives_way), TEST(week_asleep_costs_no_more_than_the_hour),
      TEST(clock_or_counter_that_goes_back_makes_no_nonsense),
      TEST(json_has_four_series_and_null_for_what_is_not_known))
