/* What the hub calls remote configuration, of any bytes: what is read is one object that can be
 * written as an answer and read back the same; and what of it a gateway takes is within the list.
 */
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/hub/config_msg.h"
#include "core/hub/sys_time.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

static const char file[] =
	"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
	"\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"remote_config\":true},\"store\":{\"dir\":\"/s\"},"
	"\"products\":[{\"product_id\":\"SUBPRODUC1\",\"product_secret\":\"0123456789abcdef\","
	"\"register\":true}]}";

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE(
		"{\"type\":\"reply\",\"result\":0,\"payload\":{\"baud rate\":9600,\"parity\":\"NONE\"}}"),
	SAMPLE("{\"type\":\"push\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPRODUC1\","
	       "\"device_name\":\"far1\"}],\"routes\":[{\"topic\":\"a/#\",\"policy\":\"drop\"}]}}"),
	SAMPLE("{\"type\":\"push\",\"payload\":\"{\\\"hub\\\":{\\\"rate_up\\\":9},\\\"presence\\\":"
	       "{\\\"grace_ms\\\":1}}\"}"),
	SAMPLE("{\"type\":\"push\",\"payload\":{\"mappings\":[{\"product_id\":\"SUBPRODUC1\","
	       "\"device\":\"{n}\",\"up\":\"z/{n}\",\"down\":\"z/{n}/set\"}]}}"),
	SAMPLE("{\"type\":\"get\",\"resource\":[\"time\"]}"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_round_trip(const struct config_msg *m)
{
	struct buf out = BUF_MAX(CONFIG_MSG_BYTES_MAX + 64);
	struct config_msg again;

	require(config_msg_put_reply(&out, m->code, m->content.data, m->content.len) == ST_OK);
	if (config_msg_parse(out.data, out.len, &again) == ST_OK) {
		require(!again.push && again.code == m->code && again.content.len == m->content.len);
		require(m->content.len == 0 ||
		        memcmp(again.content.data, m->content.data, m->content.len) == 0);
		buf_free(&again.content);
	}
	buf_free(&out);
}

/* Nobody gets a secret, a login, or rights. */
static void check_merge(struct config_msg *m)
{
	const struct config_source src = { .name = "hubgate.json",
		                               .text = file,
		                               .len = sizeof file - 1,
		                               .remote = buf_text(&m->content),
		                               .remote_len = m->content.len };
	static struct config_report report;
	struct config c;

	if (config_parse(&src, &c, &report) != ST_OK)
		return;
	for (size_t i = 0; i < c.device_count; i++)
		require(c.devices[i].secret.key_len == 0 && !c.devices[i].login &&
		        !c.devices[i].certificate);
	require(c.app_count == 0 && c.product_count == 1 && c.hub.tls && c.hub.verify);
	require(strcmp(c.store.dir, "/s") == 0);
	config_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_msg m;

	config_msg_is_get(data, size);
	sys_time_asked(data, size);
	if (config_msg_parse(data, size, &m) != ST_OK)
		return 0;
	check_round_trip(&m);
	if (m.content.len > 0)
		check_merge(&m);
	buf_free(&m.content);
	return 0;
}
