/* Messages about firmware of any bytes: what is read stays within its bounds, can be built again,
 * and names only what may be asked for. */
#include <stdlib.h>
#include <string.h>

#include "core/hub/http_range.h"
#include "core/hub/ota_msg.h"
#include "core/hub/ota_task.h"
#include "core/hub/ota_url.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}
#define UPDATE                                                                       \
	"{\"file_size\":29972,\"md5sum\":\"20a4d2b1f8492a22fa3e472a758bf9ec\",\"type\":" \
	"\"update_firmware\",\"url\":\"https://a.example:8443/x?y\",\"version\":\"V1\"}"

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE(UPDATE),
	SAMPLE("{\"type\":\"report_version\",\"report\":{\"version\":\"0.1.0\"}}"),
	SAMPLE("{\"type\":\"report_progress\",\"report\":{\"progress\":{\"state\":\"downloading\","
	       "\"percent\":\"10\",\"result_code\":\"0\",\"result_msg\":\"\"},\"version\":\"1\"}}"),
	SAMPLE("1700000000 1 0 2 0123456789abcdef0123456789abcdef 10.0.0.1\n" UPDATE),
	SAMPLE("bytes=5-10"),
	SAMPLE("bytes 5-9/10"),
	SAMPLE("http://user:word@[::ffff:127.0.0.1]:80/a"),
	SAMPLE("*.example.com, b.example"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_down(const uint8_t *data, size_t size)
{
	struct buf out = BUF_MAX(OTA_MESSAGE_MAX);
	struct ota_command c, again;
	enum ota_down_kind kind;

	if (ota_read_down(data, size, &kind, &c) != ST_OK || kind != OTA_UPDATE)
		return;
	require(c.image.size > 0 && strlen(c.image.md5) == OTA_MD5_LEN && ota_version_ok(c.version));
	if (ota_put_update(&out, data, size, "http://10.0.0.1/n") == ST_OK) {
		require(ota_read_down(out.data, out.len, &kind, &again) == ST_OK && kind == OTA_UPDATE);
		require(ota_image_same(&c.image, &again.image) && strcmp(c.version, again.version) == 0);
		require(strcmp(again.url, "http://10.0.0.1/n") == 0);
	}
	buf_free(&out);
}

static void check_task(const uint8_t *data, size_t size)
{
	struct ota_task t = { .open = false }, again = { .open = false };
	struct buf out = BUF_MAX(OTA_RECORD_MAX);

	if (ota_task_read(&t, data, size) == ST_OK && ota_task_put(&out, &t) == ST_OK) {
		require(ota_task_read(&again, out.data, out.len) == ST_OK);
		require(again.at_s == t.at_s && again.offline == t.offline && again.open == t.open);
	}
	buf_free(&out);
	ota_task_fini(&t);
	ota_task_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ota_report r;
	struct http_range range;
	struct ota_url url;
	unsigned char address[16];
	uint64_t first, total;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_down(data, size);
	check_task(data, size);
	if (ota_read_report(data, size, &r) == ST_OK)
		require(size <= OTA_REPORT_MAX && r.percent >= 0 && r.percent <= 100);
	if (http_range_read(text, 100, &range) == ST_OK)
		require(range.first <= range.last && range.last < 100);
	http_range_read_content(text, &first, &total);
	if (ota_url_read(text, &url) == ST_OK)
		require(url.host[0] != '\0' && strlen(url.host) < OTA_HOST_MAX);
	ota_url_host_allowed(text, "a.example.com");
	if (ota_address_read(text, address))
		ota_address_kind(address);
	free(text);
	return 0;
}
