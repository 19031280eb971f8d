#include "core/hub/ota_download.h"

#include <string.h>

#include "tests/runner.h"

/* MD5 of "0123456789". */
static const struct ota_image ten = { "781e5e245d69b566979b86e28d23f2c7", 10 };

static struct ota_download begin(void)
{
	struct ota_download d;

	CU_ASSERT_EQUAL_FATAL(ota_download_init(&d, &ten), ST_OK);
	return d;
}

static enum ota_step reply(struct ota_download *d, long status)
{
	const struct ota_reply r = { .status = status };

	return ota_download_reply(d, &r);
}

static enum ota_step partial(struct ota_download *d, uint64_t first)
{
	const struct ota_reply r = { .status = 206, .has_range = true, .first = first, .total = 10 };

	return ota_download_reply(d, &r);
}

static void whole_file_in_pieces_is_whole_with_its_last_byte(void)
{
	struct ota_download d = begin();

	ota_download_fed(&d);
	CU_ASSERT_EQUAL(ota_download_asked(&d), 0);
	CU_ASSERT_EQUAL(reply(&d, 200), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "0123456", 7), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_percent(&d), 70);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "789", 3), OTA_STEP_WHOLE);
	CU_ASSERT_EQUAL(ota_download_percent(&d), 100);
	ota_download_fini(&d);
}

static void cut_download_goes_on_where_it_ended(void)
{
	struct ota_download d = begin();

	ota_download_fed(&d);
	ota_download_asked(&d);
	reply(&d, 200);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "0123", 4), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_ended(&d, OTA_END_CUT, true, NULL), OTA_STEP_AGAIN);
	CU_ASSERT_EQUAL(ota_download_asked(&d), 4);
	CU_ASSERT_EQUAL(partial(&d, 4), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "456789", 6), OTA_STEP_WHOLE);
	ota_download_fini(&d);
}

static void what_an_earlier_run_left_is_digested_first(void)
{
	struct ota_download d = begin();

	CU_ASSERT_EQUAL(ota_download_feed(&d, "01234", 5), OTA_STEP_ON);
	ota_download_fed(&d);
	CU_ASSERT_EQUAL(ota_download_asked(&d), 5);
	CU_ASSERT_EQUAL(partial(&d, 5), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "56789", 5), OTA_STEP_WHOLE);
	ota_download_fini(&d);
	d = begin();
	CU_ASSERT_EQUAL(ota_download_feed(&d, "0123456789", 10), OTA_STEP_WHOLE);
	ota_download_fini(&d);
}

static void damaged_remains_cost_one_more_download_and_no_failure(void)
{
	struct ota_download d = begin();

	CU_ASSERT_EQUAL(ota_download_feed(&d, "xxxxx", 5), OTA_STEP_ON);
	ota_download_fed(&d);
	ota_download_asked(&d);
	partial(&d, 5);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "56789", 5), OTA_STEP_ANEW);
	CU_ASSERT_EQUAL(ota_download_asked(&d), 0);
	CU_ASSERT_EQUAL(reply(&d, 200), OTA_STEP_ON);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "0123456789", 10), OTA_STEP_WHOLE);
	ota_download_fini(&d);
	d = begin();
	CU_ASSERT_EQUAL(ota_download_feed(&d, "xxxxxxxxxx", 10), OTA_STEP_RESTART);
	CU_ASSERT_EQUAL(ota_download_feed(&d, "01234567890", 11), OTA_STEP_RESTART);
	CU_ASSERT_EQUAL(d.have, 0);
	ota_download_fini(&d);
}

static void server_that_ignores_range_is_read_from_the_start(void)
{
	struct ota_download d = begin();

	ota_download_feed(&d, "0123", 4);
	ota_download_fed(&d);
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(reply(&d, 200), OTA_STEP_RESTART);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "0123456789", 10), OTA_STEP_WHOLE);
	ota_download_fini(&d);
}

/* A server that ignores Range and always cuts at the same place would be read for ever. */
static void only_what_was_never_there_before_is_progress(void)
{
	struct ota_download d = begin();
	enum ota_step step = OTA_STEP_AGAIN;
	int rounds = 0;

	ota_download_fed(&d);
	while (step == OTA_STEP_AGAIN && rounds++ < 100) {
		ota_download_asked(&d);
		reply(&d, 200);
		ota_download_bytes(&d, "0123", 4);
		step = ota_download_ended(&d, OTA_END_CUT, true, NULL);
	}
	CU_ASSERT_EQUAL(step, OTA_STEP_FAILED);
	CU_ASSERT_EQUAL(d.code, OTA_TIMED_OUT);
	CU_ASSERT_EQUAL(rounds, 1 + OTA_TRIES_MAX);
	ota_download_fini(&d);
}

static void other_bytes_fail_with_the_code_for_it(void)
{
	const struct ota_reply longer = { .status = 200, .has_length = true, .length = 11 };
	const struct ota_reply other_total = {
		.status = 206, .has_range = true, .first = 0, .total = 12
	};
	struct ota_download d = begin();

	ota_download_fed(&d);
	ota_download_asked(&d);
	reply(&d, 200);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "0123456788", 10), OTA_STEP_FAILED);
	CU_ASSERT_EQUAL(d.code, OTA_BAD_MD5);
	ota_download_fini(&d);
	d = begin();
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(ota_download_reply(&d, &longer), OTA_STEP_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(d.why, "11 bytes"));
	CU_ASSERT_EQUAL(d.code, OTA_BAD_MD5);
	ota_download_fini(&d);
	d = begin();
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(ota_download_reply(&d, &other_total), OTA_STEP_FAILED);
	ota_download_fini(&d);
	d = begin();
	ota_download_asked(&d);
	reply(&d, 200);
	CU_ASSERT_EQUAL(ota_download_bytes(&d, "01234567890", 11), OTA_STEP_FAILED);
	ota_download_fini(&d);
}

static void refused_url_gives_way_to_another_before_it_fails(void)
{
	struct ota_download d = begin();

	ota_download_asked(&d);
	CU_ASSERT_EQUAL(reply(&d, 403), OTA_STEP_NO_URL);
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(reply(&d, 404), OTA_STEP_NO_URL);
	CU_ASSERT_EQUAL(ota_download_give_up(&d), OTA_STEP_FAILED);
	CU_ASSERT_EQUAL(d.code, OTA_NO_FILE);
	ota_download_fini(&d);
}

static void silent_server_is_tried_with_growing_pauses_and_then_given_up(void)
{
	struct ota_download d = begin();
	uint32_t before = 0;

	for (int i = 1; i < OTA_TRIES_MAX; i++) {
		ota_download_asked(&d);
		CU_ASSERT_EQUAL(ota_download_ended(&d, OTA_END_SILENT, true, ""), OTA_STEP_AGAIN);
		CU_ASSERT(ota_download_pause_ms(&d) > before);
		before = ota_download_pause_ms(&d);
	}
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(ota_download_ended(&d, OTA_END_SILENT, false, ""), OTA_STEP_AGAIN);
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(reply(&d, 408), OTA_STEP_FAILED);
	CU_ASSERT_EQUAL(d.code, OTA_TIMED_OUT);
	ota_download_fini(&d);
}

static void part_that_was_not_asked_for_is_not_taken(void)
{
	struct ota_download d = begin();

	ota_download_feed(&d, "0123", 4);
	ota_download_fed(&d);
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(partial(&d, 3), OTA_STEP_ANEW);
	CU_ASSERT_EQUAL(ota_download_asked(&d), 0);
	ota_download_fini(&d);
	d = begin();
	ota_download_feed(&d, "0123", 4);
	ota_download_fed(&d);
	ota_download_asked(&d);
	CU_ASSERT_EQUAL(reply(&d, 416), OTA_STEP_ANEW);
	CU_ASSERT_EQUAL(d.have, 0);
	ota_download_fini(&d);
}

SUITE(ota_download, TEST(whole_file_in_pieces_is_whole_with_its_last_byte),
      TEST(cut_download_goes_on_where_it_ended), TEST(what_an_earlier_run_left_is_digested_first),
      TEST(damaged_remains_cost_one_more_download_and_no_failure),
      TEST(server_that_ignores_range_is_read_from_the_start),
      TEST(only_what_was_never_there_before_is_progress),
      TEST(other_bytes_fail_with_the_code_for_it),
      TEST(refused_url_gives_way_to_another_before_it_fails),
      TEST(silent_server_is_tried_with_growing_pauses_and_then_given_up),
      TEST(part_that_was_not_asked_for_is_not_taken))
