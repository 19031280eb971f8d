#include "plugin/services/firmware.h"

#include <stdio.h>
#include <string.h>

#include "core/hub/ota_task.h"
#include "shadowstore/journal/journal.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define REPORT  "$ota/report/" LAMP
#define UPDATE  "$ota/update/" LAMP
#define VERSION "{\"type\":\"report_version\",\"report\":{\"version\":\"1.0\"}}"
#define COMMAND                                                                   \
	"{\"file_size\":10,\"md5sum\":\"781e5e245d69b566979b86e28d23f2c7\",\"type\":" \
	"\"update_firmware\",\"url\":\"http://files.example/a\",\"version\":\"2.0\"}"

static struct mosquitto lamp_client(void)
{
	return (struct mosquitto){ .id = LAMP_ID, .address = "192.168.1.7", .clean = true };
}

static const struct fake_publish *answered(const char *topic, const char *part)
{
	for (size_t i = 0; i < fake_published(); i++) {
		const struct fake_publish *p = fake_publish_at(i);

		if (strcmp(p->topic, topic) == 0 && memmem(p->payload, (size_t)p->len, part, strlen(part)))
			return p;
	}
	return NULL;
}

static void without_hub(struct lan *l)
{
	struct mosquitto c = lamp_client();

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(lan_publish(&c, REPORT, VERSION, 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_PTR_NOT_NULL(answered(UPDATE, "report_version_rsp"));
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	fake_forget_published();
	lan_hub(l, true);
	CU_ASSERT_EQUAL(lan_publish(&c, REPORT, VERSION, 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_PTR_NULL(answered(UPDATE, "report_version_rsp")); /* the hub answers */
	CU_ASSERT_EQUAL(lan_kept(l), 2);
}

static void version_report_is_answered_here_only_without_the_hub(void)
{
	lan_each(without_hub);
}

static void odd_reports(struct lan *l)
{
	struct mosquitto c = lamp_client();
	char large[600];

	memset(large, ' ', sizeof large - 1);
	memcpy(large, VERSION, strlen(VERSION));
	large[sizeof large - 1] = '\0';
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(lan_publish(&c, REPORT, large, 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, REPORT, "{\"type\":\"report_joy\",\"report\":{}}", 1),
	                MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, REPORT, "no JSON", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	CU_ASSERT(fake_logged("over 512 bytes"));
}

static void report_that_the_hub_does_not_know_is_acknowledged_and_dropped(void)
{
	lan_each(odd_reports);
}

/* What of d is stored, by the fields of its first line. */
static bool load(struct lan *l, const char *value)
{
	const struct state_entry e = { STATE_FIRMWARE, LAMP_ID, value, strlen(value) };

	return firmware_load(&l->h, &e);
}

static void damage(struct lan *l)
{
	static const char good[] = "1700000000 1 0 0 - -\n" COMMAND;
	char bad[sizeof good];

	for (size_t i = 0; i < sizeof good - 1; i++) {
		memcpy(bad, good, sizeof good);
		bad[i] = '\0';
		CU_ASSERT_TRUE(load(l, bad)); /* it is ours, and of no use */
		memcpy(bad, good, sizeof good);
		bad[i] ^= 0x5a;
		CU_ASSERT_TRUE(load(l, bad));
	}
	CU_ASSERT_TRUE(load(l, good));
	CU_ASSERT_TRUE(load(l, good)); /* twice is once */
}

static void stored_update_of_any_shape_is_loaded_or_left(void)
{
	lan_each(damage);
}

static void stopped_version(struct lan *l)
{
	const struct state_entry failed = { STATE_ROLLOUT, LAMP_PID " 2.0", "7", 1 };
	const struct state_entry odd = { STATE_ROLLOUT, "x", "12345678901234567890", 20 };

	l->config.firmware.max_failures = 5;
	CU_ASSERT_TRUE(firmware_load(&l->h, &failed));
	CU_ASSERT_TRUE(firmware_load(&l->h, &odd));
	CU_ASSERT_FALSE(firmware_resume(&l->h, "1.0"));
	CU_ASSERT_TRUE(firmware_resume(&l->h, "2.0"));
	CU_ASSERT_FALSE(firmware_resume(&l->h, "2.0"));
}

static void version_that_was_stopped_is_resumed_once_by_its_name(void)
{
	lan_each(stopped_version);
}

static void not_ours(struct lan *l)
{
	struct uplink_down down = { .topic = (char *)(uintptr_t)UPDATE,
		                        .payload = (char *)(uintptr_t)COMMAND,
		                        .len = strlen(COMMAND) };

	CU_ASSERT_FALSE(firmware_take(&l->h, l->lamp, &down)); /* lan.http is not set */
	CU_ASSERT(fake_logged("passed on unchanged"));
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_FIRMWARE_PASSED), 1);
	CU_ASSERT_EQUAL(firmware_due(&l->h), INT64_MAX);
}

static void update_passes_where_devices_cannot_download_from_here(void)
{
	lan_each(not_ours);
}

SUITE(firmware_service, TEST(version_report_is_answered_here_only_without_the_hub),
      TEST(report_that_the_hub_does_not_know_is_acknowledged_and_dropped),
      TEST(stored_update_of_any_shape_is_loaded_or_left),
      TEST(version_that_was_stopped_is_resumed_once_by_its_name),
      TEST(update_passes_where_devices_cannot_download_from_here))
