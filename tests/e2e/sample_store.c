#include "tests/e2e/sample_store.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>

#define PRODUCT_SECRET "hzvf5LF9S0isvBhDSauWMaIk"
#define SECRET_1       "ZGV2aWNlLW9uZS1wc2stLQ=="
#define SECRET_2       "ZGV2aWNlLXR3by1wc2stLQ=="
#define SECRET_3       "ZGV2aWNlLXRocmVlLXBzaw=="
#define OF_PRODUCT     "{\"product_id\":\"" PRODUCT "\",\"device_name\":"
#define BOUND          "{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT "\",\"device_name\":"

const struct sample_device sample_devices[SAMPLE_DEVICES] = {
	{ "dev1", PRODUCT "/dev1/event", PRODUCT "/dev1/control", SECRET_1, 44, 51, 0 },
	{ "dev2", PRODUCT "/dev2/event", PRODUCT "/dev2/control", SECRET_2, 3, 8, 6 },
	{ "dev3", PRODUCT "/dev3/event", PRODUCT "/dev3/control", SECRET_3, 1, 3, 0 },
};

int sample_delivered(void)
{
	int sum = 0;

	for (int i = 0; i < SAMPLE_DEVICES; i++)
		sum += sample_devices[i].delivered;
	return sum;
}

int sample_queued(void)
{
	int sum = 0;

	for (int i = 0; i < SAMPLE_DEVICES; i++)
		sum += sample_devices[i].accepted - sample_devices[i].delivered;
	return sum;
}

static char *sim_config(bool before)
{
	return text_fmt("{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true}," OF_PRODUCT
	                "\"dev1\",\"secret\":\"" SECRET_1 "\"}," OF_PRODUCT
	                "\"dev2\",\"secret\":\"" SECRET_2 "\"}," OF_PRODUCT
	                "\"dev3\",\"secret\":\"" SECRET_3 "\"}],\"bound\":[" BOUND "\"dev1\"}," BOUND
	                "\"dev2\"}%s],\"product_secrets\":{\"" PRODUCT "\":\"" PRODUCT_SECRET
	                "\"},\"limits\":{\"connect_s\":1,\"rate_up\":30},\"fault\":\"%s\"}",
	                before ? "" : "," BOUND "\"dev3\"}", before ? "none" : "refuse");
}

static char *patch(const struct sample_opts *o, int register_port)
{
	return text_fmt(
		"{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1,\"request_timeout_s\":1,"
		"\"register_url\":\"http://127.0.0.1:%d/device/register\"},\"store\":{%s},"
		"\"presence\":{\"grace_ms\":200},\"metrics\":{\"sys_interval_s\":1},"
		"\"products\":[{\"product_id\":\"" PRODUCT "\",\"product_secret\":\"" PRODUCT_SECRET
		"\",\"register\":true}],\"devices\":[" OF_PRODUCT "\"dev1\",\"secret\":\"" SECRET_1
		"\"}," OF_PRODUCT "\"dev2\",\"secret\":\"" SECRET_2 "\"}," OF_PRODUCT "\"dev3\"}]}",
		register_port, o->store);
}

struct scene sample_scene(const struct sample_opts *o)
{
	char *config = sim_config(o->before), *over;
	struct sim_opts so = { .config = config, .registers = true };
	struct lan_opts lo = { .patch = NULL };
	struct scene s = { .sim = sim_start(&so) };

	free(config);
	CU_ASSERT_FATAL(s.sim != NULL);
	over = patch(o, sim_register_port(s.sim));
	lo.patch = over;
	lo.hub_port = sim_port(s.sim);
	s.lan = lan_start(&lo);
	free(over);
	if (!s.lan)
		scene_end(&s);
	CU_ASSERT_FATAL(s.lan != NULL);
	return s;
}

struct dev *sample_login(struct scene *s, const struct sample_device *d)
{
	struct dev *dev = dev_connect(s->lan, PRODUCT, d->name, d->secret, NULL);

	CU_ASSERT_FATAL(dev != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(dev), 0);
	return dev;
}
