/* Requests of a gateway application of any bytes: each gets a reply that a gateway can read. */
#include <stdlib.h>

#include "core/hub/gateway_answer.h"
#include "tests/fuzz/fuzz.h"

#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\","
	       "\"device_name\":\"lamp-01\"}]}}"),
	SAMPLE(
		"{\"type\":\"bind\",\"payload\":{\"devices\":[{\"product_id\":\"SUBPROD001\","
		"\"device_name\":\"lamp-01\",\"signature\":\"6pAuYeE9wLNtcEHWBDOTecbwGSA=\",\"random\":121213,"
		"\"timestamp\":1589786839,\"signmethod\":\"hmacsha1\",\"authtype\":\"psk\"}]}}"),
	SAMPLE("{\"type\":\"describe_sub_devices\"}"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_MAX(1 << 20), bind = BUF_MAX(4096);
	struct gateway_request r;
	struct gateway_msg back;
	enum status st = gateway_request_parse(data, size, &r);

	if (st != ST_OK && st != ST_INVALID)
		return 0;
	for (size_t i = 0; i < r.count; i++) {
		struct gateway_wish *w = &r.wishes[i];

		if (!w->done && r.op == GATEWAY_BIND && gateway_check_bind(w, NULL) == CODE_OK)
			require(gateway_put_bind_as(&bind, w) == ST_OK);
		buf_reset(&bind);
	}
	if (st == ST_INVALID || r.count > 0) {
		require(gateway_put_reply(&out, &r) == ST_OK);
		require(gateway_parse(out.data, out.len, &back) == ST_OK);
		require(back.op == r.op);
		gateway_msg_free(&back);
	}
	gateway_request_free(&r);
	buf_free(&out);
	buf_free(&bind);
	return 0;
}
