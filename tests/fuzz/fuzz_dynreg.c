/* Requests of devices and replies of the hub of any bytes: what is read is legal, and a reply that
 * opens can be sealed again. */
#include <stdlib.h>
#include <string.h>

#include "core/hub/dynreg.h"
#include "tests/fuzz/fuzz.h"

#define SECRET "hzvf5LF9S0isvBhDSauWMaIk"
#define SAMPLE(text)          \
	{                         \
		text, sizeof text - 1 \
	}

const struct fuzz_sample fuzz_samples[] = {
	SAMPLE("{\"ProductId\":\"ABCDE12345\",\"DeviceName\":\"dev001\"}"),
	SAMPLE("{\"deviceName\":\"dev001\",\"nonce\":5456,\"productId\":\"ABCDE12345\","
	       "\"timestamp\":1700000000,\"signature\":\"YzQ2ODAyOTU4ODI=\"}"),
	SAMPLE(
		"{\"Response\":{\"Len\":53,\"Payload\":\"s6FB3a1BA/YYbcmSE12XpeDVmQNDcf1QgVD141RRbmmAnFwQf"
		"p1ECAu5O016mCOvYlJJ6V59yM4OqQSiWphfTg==\",\"RequestId\":\"1\"}}"),
	SAMPLE("{\"Response\":{\"Error\":{\"Code\":\"InternalError\",\"Message\":\"x\"}}}"),
	SAMPLE("{\"code\":1,\"message\":\"no\"}"),
	{ NULL, 0 },
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_request(const struct dynreg_headers *h, const void *data, size_t size)
{
	struct dynreg_request r;

	if (dynreg_parse(h, data, size, &r) != ST_OK)
		return;
	require(credential_product_id_ok(r.product_id, strlen(r.product_id)));
	require(credential_device_name_ok(r.device_name, strlen(r.device_name)));
	(void)dynreg_check(&r, SECRET, "host", DYNREG_PATH, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dynreg_headers headers = { "hmacsha256", "1700000000", "5456", "x" };
	struct dynreg_refusal refusal;
	struct dynreg_grant grant;
	struct buf out = BUF_MAX(2 * DYNREG_REPLY_MAX);

	check_request(&headers, data, size);
	check_request(NULL, data, size);
	switch ((int)dynreg_read_reply(data, size, SECRET, &grant, &refusal)) {
	case ST_OK:
		require(dynreg_put_grant(&out, DYNREG_CURRENT, SECRET, &grant, "1") == ST_OK);
		dynreg_grant_wipe(&grant);
		break;
	case ST_DENIED:
		require(dynreg_put_refusal(&out, DYNREG_OLD, refusal.code, refusal.message, "1") == ST_OK);
		break;
	default:
		break;
	}
	buf_free(&out);
	return 0;
}
