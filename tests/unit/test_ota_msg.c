#include "core/hub/ota_msg.h"

#include <string.h>

#include "tests/runner.h"

/* The vectors of docs/protocol/ota.md 1 and 2. */
#define VERSION "{\"type\":\"report_version\",\"report\":{\"version\":\"0.1.0\"}}"
#define DOWNLOADING                                                                      \
	"{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"downloading\"," \
	"\"percent\":\"10\",\"result_code\":\"0\",\"result_msg\":\"\"},\"version\":\"1.0.0\"}}"
#define RSP                                                                          \
	"{\"result_code\":0,\"result_msg\":\"success\",\"type\":\"report_version_rsp\"," \
	"\"version\":\"0.1.0\"}"
#define URL                                                 \
	"https://ota-1255858890.cos.ap-guangzhou.myqcloud.com/" \
	"100003908905_E69UADXUYY_V100R0001?sign=a%2Fb"
#define UPDATE_HEAD                                                         \
	"{\"file_size\":29972,\"md5sum\":\"20a4d2b1f8492a22fa3e472a758bf9ec\"," \
	"\"type\":\"update_firmware\",\"url\":\""
#define UPDATE UPDATE_HEAD URL "\",\"version\":\"V100R0001\"}"

static enum status read_down(const char *text, enum ota_down_kind *kind, struct ota_command *c)
{
	return ota_read_down(text, strlen(text), kind, c);
}

static enum status read_report(const char *text, struct ota_report *r)
{
	return ota_read_report(text, strlen(text), r);
}

static void update_firmware_is_read_as_the_hub_writes_it(void)
{
	enum ota_down_kind kind;
	struct ota_command c;

	CU_ASSERT_EQUAL(read_down(UPDATE, &kind, &c), ST_OK);
	CU_ASSERT_EQUAL(kind, OTA_UPDATE);
	CU_ASSERT_STRING_EQUAL(c.version, "V100R0001");
	CU_ASSERT_STRING_EQUAL(c.url, URL);
	CU_ASSERT_STRING_EQUAL(c.image.md5, "20a4d2b1f8492a22fa3e472a758bf9ec");
	CU_ASSERT_EQUAL(c.image.size, 29972);
	CU_ASSERT_EQUAL(read_down(RSP, &kind, &c), ST_OK);
	CU_ASSERT_EQUAL(kind, OTA_VERSION_RSP);
}

static void digits_in_capitals_and_a_size_as_text_are_the_same_image(void)
{
	struct ota_command a, b;
	enum ota_down_kind kind;

	CU_ASSERT_EQUAL(read_down(UPDATE, &kind, &a), ST_OK);
	CU_ASSERT_EQUAL(read_down("{\"type\":\"update_firmware\",\"file_size\":\"29972\",\"version\":"
	                          "\"1\",\"url\":\"http://x/y\",\"md5sum\":"
	                          "\"20A4D2B1F8492A22FA3E472A758BF9EC\"}",
	                          &kind, &b),
	                ST_OK);
	CU_ASSERT_TRUE(ota_image_same(&a.image, &b.image));
}

static void update_that_lacks_something_is_none(void)
{
	static const char *const bad[] = {
		"{\"type\":\"update_firmware\"}",
		"{\"type\":\"update_firmware\",\"file_size\":0,\"version\":\"1\",\"url\":\"http://x/\","
		"\"md5sum\":\"20a4d2b1f8492a22fa3e472a758bf9ec\"}",
		"{\"type\":\"update_firmware\",\"file_size\":5,\"version\":\"1/../2\",\"url\":\"http://x/\","
		"\"md5sum\":\"20a4d2b1f8492a22fa3e472a758bf9ec\"}",
		"{\"type\":\"update_firmware\",\"file_size\":5,\"version\":\"1\",\"url\":\"http://x/\","
		"\"md5sum\":\"../4d2b1f8492a22fa3e472a758bf9ec..\"}",
		"{\"type\":\"update_firmware\",\"file_size\":5,\"version\":\"1\",\"url\":7,"
		"\"md5sum\":\"20a4d2b1f8492a22fa3e472a758bf9ec\"}",
	};
	enum ota_down_kind kind;
	struct ota_command c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(read_down(bad[i], &kind, &c), ST_INVALID);
		CU_ASSERT_EQUAL(kind, OTA_UPDATE);
	}
	CU_ASSERT_EQUAL(read_down("[1]", &kind, &c), ST_MALFORMED);
	CU_ASSERT_EQUAL(read_down("{\"type\":\"other\"}", &kind, &c), ST_OK);
	CU_ASSERT_EQUAL(kind, OTA_OTHER);
}

static void another_url_changes_nothing_else(void)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);

	CU_ASSERT_EQUAL(ota_put_update(&out, UPDATE, strlen(UPDATE), "http://10.0.0.1/a"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       UPDATE_HEAD "http://10.0.0.1/a\",\"version\":\"V100R0001\"}");
	buf_free(&out);
}

static void reports_are_read_as_devices_write_them(void)
{
	struct ota_report r;

	CU_ASSERT_EQUAL(read_report(VERSION, &r), ST_OK);
	CU_ASSERT_EQUAL(r.kind, OTA_REPORT_VERSION);
	CU_ASSERT_STRING_EQUAL(r.version, "0.1.0");
	CU_ASSERT_EQUAL(read_report(DOWNLOADING, &r), ST_OK);
	CU_ASSERT_EQUAL(r.kind, OTA_REPORT_DOWNLOADING);
	CU_ASSERT_EQUAL(r.percent, 10);
	CU_ASSERT_STRING_EQUAL(r.version, "1.0.0");
}

static void reports_that_cannot_be_are_refused(void)
{
	char large[OTA_REPORT_MAX + 2];
	struct ota_report r;

	memset(large, ' ', sizeof(large));
	CU_ASSERT_EQUAL(ota_read_report(large, sizeof(large), &r), ST_TOOBIG);
	CU_ASSERT_EQUAL(read_report("{\"type\":\"report_version\"}", &r), ST_MALFORMED);
	CU_ASSERT_EQUAL(read_report("{\"type\":\"report_joy\",\"report\":{\"version\":\"1\"}}", &r),
	                ST_INVALID);
	CU_ASSERT_EQUAL(
		read_report("{\"type\":\"report_version\",\"report\":{\"version\":\"a b\"}}", &r),
		ST_INVALID);
	CU_ASSERT_EQUAL(read_report("{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":"
	                            "\"downloading\",\"percent\":\"101\"},\"version\":\"1\"}}",
	                            &r),
	                ST_INVALID);
}

static void what_is_built_is_what_the_protocol_shows(void)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	struct ota_report r;

	CU_ASSERT_EQUAL(ota_put_version(&out, "0.1.0"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), VERSION);
	buf_reset(&out);
	CU_ASSERT_EQUAL(ota_put_downloading(&out, "1.0.0", 10), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), DOWNLOADING);
	buf_reset(&out);
	CU_ASSERT_EQUAL(ota_put_version_rsp(&out, "0.1.0"), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out), RSP);
	buf_reset(&out);
	CU_ASSERT_EQUAL(ota_put_fail(&out, "1.0.0", OTA_NO_FILE, "no \"such\" file"), ST_OK);
	CU_ASSERT_STRING_EQUAL(
		buf_text(&out),
		"{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"fail\","
		"\"result_code\":\"-2\",\"result_msg\":\"no \\\"such\\\" file\"},\"version\":\"1.0.0\"}}");
	CU_ASSERT_EQUAL(ota_read_report(out.data, out.len, &r), ST_OK);
	CU_ASSERT_EQUAL(r.kind, OTA_REPORT_FAIL);
	buf_reset(&out);
	CU_ASSERT_EQUAL(ota_put_state(&out, OTA_REPORT_DONE, "1.0.0"), ST_OK);
	CU_ASSERT_EQUAL(ota_read_report(out.data, out.len, &r), ST_OK);
	CU_ASSERT_EQUAL(r.kind, OTA_REPORT_DONE);
	CU_ASSERT_EQUAL(ota_put_version(&out, "123456789012345678901234567890123"), ST_INVALID);
	buf_free(&out);
}

SUITE(ota_msg, TEST(update_firmware_is_read_as_the_hub_writes_it),
      TEST(digits_in_capitals_and_a_size_as_text_are_the_same_image),
      TEST(update_that_lacks_something_is_none), TEST(another_url_changes_nothing_else),
      TEST(reports_are_read_as_devices_write_them), TEST(reports_that_cannot_be_are_refused),
      TEST(what_is_built_is_what_the_protocol_shows))
