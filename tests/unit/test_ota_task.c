#include "core/hub/ota_task.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

static void order(struct ota_task *t, const char *version, int64_t at_s)
{
	struct ota_command c;
	enum ota_down_kind kind;
	char text[256];
	int len = snprintf(text, sizeof(text),
	                   "{\"type\":\"update_firmware\",\"version\":\"%s\",\"url\":\"http://x/y\","
	                   "\"file_size\":10,\"md5sum\":\"781e5e245d69b566979b86e28d23f2c7\"}",
	                   version);

	CU_ASSERT_EQUAL_FATAL(ota_read_down(text, (size_t)len, &kind, &c), ST_OK);
	CU_ASSERT_EQUAL_FATAL(ota_task_ordered(t, &c, text, (size_t)len, at_s), ST_OK);
}

static bool report(struct ota_task *t, enum ota_report_kind kind, const char *version)
{
	struct ota_report r = { .kind = kind };

	snprintf(r.version, sizeof(r.version), "%s", version);
	return ota_task_reported(t, &r);
}

static void device_is_told_without_the_hub_while_its_task_is_open(void)
{
	struct ota_task t = { .open = false };

	order(&t, "2", 1000);
	CU_ASSERT_TRUE(ota_task_may_offer_offline(&t, 1000, 3600));
	CU_ASSERT_TRUE(ota_task_may_offer_offline(&t, 4599, 3600));
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 4600, 3600));
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 1000, 0));
	t.offline = OTA_OFFLINE_OFFERS;
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 1000, 3600));
	order(&t, "2", 1000);
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 1000, 3600));
	order(&t, "3", 1000);
	CU_ASSERT_TRUE(ota_task_may_offer_offline(&t, 1000, 3600));
	ota_task_fini(&t);
}

static void done_fail_and_the_target_version_end_a_task(void)
{
	struct ota_task t = { .open = false };

	order(&t, "2", 0);
	CU_ASSERT_FALSE(report(&t, OTA_REPORT_VERSION, "1"));
	CU_ASSERT_FALSE(report(&t, OTA_REPORT_BURNING, "2"));
	CU_ASSERT_FALSE(report(&t, OTA_REPORT_FAIL, "1"));
	CU_ASSERT_TRUE(report(&t, OTA_REPORT_VERSION, "2"));
	CU_ASSERT_FALSE(t.open);
	order(&t, "2", 0);
	CU_ASSERT_TRUE(report(&t, OTA_REPORT_FAIL, "2"));
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 0, 3600));
	order(&t, "2", 0);
	CU_ASSERT_TRUE(report(&t, OTA_REPORT_DONE, ""));
	ota_task_fini(&t);
}

static void answer_without_an_order_behind_it_puts_the_task_in_doubt(void)
{
	struct ota_task t = { .open = false };

	order(&t, "2", 0);
	CU_ASSERT_TRUE(ota_task_doubt(&t));
	CU_ASSERT_FALSE(ota_task_doubt(&t));
	CU_ASSERT_FALSE(ota_task_may_offer_offline(&t, 0, 3600));
	order(&t, "2", 0);
	CU_ASSERT_TRUE(ota_task_may_offer_offline(&t, 0, 3600));
	ota_task_fini(&t);
}

static void progress_runs_through_both_downloads_and_ends_once(void)
{
	struct ota_task t = { .open = false };

	order(&t, "2", 0);
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 0, 10000), 0);
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 40, 10500), -1); /* within a second */
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 40, 11000), 20);
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 100, 12000), 50);
	CU_ASSERT_EQUAL(ota_task_progress(&t, false, 0, 14000), -1); /* no news */
	CU_ASSERT_EQUAL(ota_task_progress(&t, false, 50, 14000), 75);
	CU_ASSERT_EQUAL(ota_task_progress(&t, false, 100, 14001), 100);
	CU_ASSERT_EQUAL(ota_task_progress(&t, false, 100, 20000), -1);
	order(&t, "2", 1); /* the same again: it goes on */
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 100, 30000), -1);
	order(&t, "3", 1);
	CU_ASSERT_EQUAL(ota_task_progress(&t, true, 10, 30000), 5);
	ota_task_fini(&t);
}

static void task_is_read_back_as_it_was_stored(void)
{
	struct ota_task t = { .open = false }, back = { .open = false };
	struct buf out = BUF_MAX(OTA_RECORD_MAX);

	order(&t, "2", 1234567890);
	t.offline = 1;
	t.doubted = true;
	strcpy(t.name, "0123456789abcdef0123456789abcdef");
	strcpy(t.address, "fe80::1%eth0");
	CU_ASSERT_EQUAL(ota_task_put(&out, &t), ST_OK);
	CU_ASSERT_EQUAL(ota_task_read(&back, out.data, out.len), ST_OK);
	CU_ASSERT_EQUAL(back.at_s, 1234567890);
	CU_ASSERT_TRUE(back.open);
	CU_ASSERT_TRUE(back.doubted);
	CU_ASSERT_EQUAL(back.offline, 1);
	CU_ASSERT_STRING_EQUAL(back.text, t.text);
	CU_ASSERT_STRING_EQUAL(back.name, t.name);
	CU_ASSERT_STRING_EQUAL(back.address, t.address);
	CU_ASSERT_STRING_EQUAL(back.command.version, "2");
	for (size_t len = 0; len < out.len; len++) {
		struct ota_task half = { .open = false };

		CU_ASSERT_EQUAL(ota_task_read(&half, out.data, len), ST_MALFORMED);
		ota_task_fini(&half);
	}
	buf_free(&out);
	ota_task_fini(&t);
	ota_task_fini(&back);
}

SUITE(ota_task, TEST(device_is_told_without_the_hub_while_its_task_is_open),
      TEST(done_fail_and_the_target_version_end_a_task),
      TEST(answer_without_an_order_behind_it_puts_the_task_in_doubt),
      TEST(progress_runs_through_both_downloads_and_ends_once),
      TEST(task_is_read_back_as_it_was_stored))
