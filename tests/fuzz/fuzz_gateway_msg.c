/* Answers of the hub of any bytes: what is read holds only legal ids, and can be
 * written as a request that is read back the same. */
#include <stdlib.h>
#include <string.h>

#include "core/gateway_msg.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

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

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
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
