/* Answers of the hub of any bytes: what is read holds only legal ids, and can be
 * written as a request that is read back the same. */
#include <stdlib.h>
#include <string.h>

#include "core/hub/gateway_msg.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\","
	       "\"device_name\":\"lamp-01\",\"result\":0}]}}"),
	SAMPLE("{\"type\":\"change\",\"payload\":{\"status\":\"1\",\"devices\":[{\"product_id\":"
	       "\"SUBPROD001\",\"device_name\":\"lamp-01\"}]}}"),
	SAMPLE("{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":null}}"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_round_trip(const struct gateway_device *d)
{
	struct buf out = BUF_MAX(512);
	struct gateway_msg again;

	require(gateway_put_request(&out, GATEWAY_ONLINE, d->product_id, d->device_name) == ST_OK);
	require(gateway_parse(out.data, out.len, &again) == ST_OK);
	require(again.op == GATEWAY_ONLINE && again.count == 1);
	require(strcmp(again.devices[0].device_name, d->device_name) == 0);
	gateway_msg_free(&again);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_msg m;

	if (gateway_parse(data, size, &m) != ST_OK) {
		require(!m.devices);
		return 0;
	}
	for (size_t i = 0; i < m.count; i++) {
		check_round_trip(&m.devices[i]);
		require(gateway_code_text(m.devices[i].result) != NULL);
	}
	gateway_msg_free(&m);
	return 0;
}
