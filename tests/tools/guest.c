/* A program of somebody else: of hubgate only what `make install` gives. It finds no hub, and ends
 * with 0 when the library took that as it should. */
#include <stdio.h>

#include "bridge/http/dynreg_device.h"
#include "bridge/sdk/sdk.h"

static void on_log(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	*(int *)ctx += 1;
	printf("%s\n", line);
}

int main(void)
{
	static struct metrics metrics;
	static struct secret secret;
	const struct uplink_conf conf = {
		.product_id = "GWPRODUCT1",
		.device_name = "gw1",
		.secret = &secret,
		.host = "127.0.0.1",
		.port = 1, /* nobody listens there */
		.keepalive_s = 240,
		.window = 20,
		.min_reconnect_s = 5,
		.max_reconnect_s = 60,
		.connect_timeout_s = 10,
		.request_timeout_s = 5,
		.metrics = &metrics,
	};
	const struct sdk_calls calls = { .on_log = on_log };
	struct sdk *p = NULL;
	char host[DYNREG_HOST_MAX];
	int lines = 0;

	if (secret_parse("Z2F0ZXdheS1vbmUtcHNrIQ==", &secret) != ST_OK || sdk_new(&conf, &p) != ST_OK)
		return 1;
	sdk_set_calls(p, &calls, &lines);
	if (uplink_connect(sdk_uplink(p)) != ST_OK)
		return 1;
	for (int tries = 0; tries < 100 && lines == 0; tries++)
		sdk_run(p, 100);
	uplink_disconnect(sdk_uplink(p), 1000);
	sdk_free(p);
	if (dynreg_url_host("https://hub.example/device/register", host) != ST_OK)
		return 1;
	return lines > 0 ? 0 : 1;
}
