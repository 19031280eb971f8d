/* The simulator's calls, broadcast, remote configuration, log level and files, for a device that is
 * connected to it. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/runner.h"

#define DEVICE "GWPRODUCT1/gw1"

enum {
	AWAIT_MS = 5000
};

struct pair {
	struct sim *sim;
	struct dev *dev;
};

static struct pair pair_start(void)
{
	struct pair p = { .sim = sim_start(NULL) };

	CU_ASSERT_FATAL(p.sim != NULL);
	p.dev =
		dev_connect_port(sim_port(p.sim), "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);
	CU_ASSERT_FATAL(p.dev && dev_code(p.dev) == 0);
	return p;
}

static void pair_stop(struct pair *p)
{
	dev_disconnect(p->dev);
	sim_stop(p->sim);
}

static bool hears(struct pair *p, const char *topic, const char *part)
{
	const struct dev_message *m = dev_await_message(p->dev, topic, AWAIT_MS);

	return m && strstr(m->payload, part);
}

static void a_call_is_answered_once_and_by_who_was_called(void)
{
	static const char call[] = "{\"cmd\":\"rrpc\",\"device\":\"" DEVICE "\",\"payload\":\"hi\"}";
	struct pair p = pair_start();

	CU_ASSERT_EQUAL(dev_subscribe(p.dev, "$rrpc/rxd/" DEVICE "/+", 0), 0);
	CU_ASSERT(sim_do(p.sim, call));
	CU_ASSERT(hears(&p, "$rrpc/rxd/" DEVICE "/1", "hi"));
	CU_ASSERT(dev_publish(p.dev, "$rrpc/txd/" DEVICE "/1", "yes", 0));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(p.sim, AWAIT_MS, "ev", "rrpc_answer", "device", DEVICE,
	                                       "process_id", "1", "payload", "yes", "expected", "true",
	                                       NULL));
	CU_ASSERT(dev_publish(p.dev, "$rrpc/txd/" DEVICE "/1", "again", 0));
	CU_ASSERT(dev_publish(p.dev, "$rrpc/txd/" DEVICE "/9", "who", 0));
	for (int i = 0; i < 2; i++)
		CU_ASSERT_PTR_NOT_NULL(
			sim_await_event(p.sim, AWAIT_MS, "ev", "rrpc_answer", "expected", "false", NULL));
	pair_stop(&p);
}

static void a_subdevice_that_is_offline_is_neither_called_nor_told(void)
{
	struct pair p = pair_start();
	cJSON *answer = sim_command(p.sim, "{\"cmd\":\"broadcast\",\"product\":\"SUBPRODUC1\"}");

	CU_ASSERT_EQUAL(cJSON_GetNumberValue(cJSON_GetObjectItem(answer, "copies")), 0);
	cJSON_Delete(answer);
	CU_ASSERT_PTR_NULL(sim_command(p.sim, "{\"cmd\":\"rrpc\",\"device\":\"SUBPRODUC1/dev1\"}"));
	pair_stop(&p);
}

static void broadcast_comes_on_the_device_s_own_topic(void)
{
	struct pair p = pair_start();

	CU_ASSERT_EQUAL(dev_subscribe(p.dev, "$broadcast/rxd/" DEVICE, 1), 1);
	CU_ASSERT(
		sim_do(p.sim, "{\"cmd\":\"broadcast\",\"product\":\"GWPRODUCT1\",\"payload\":\"all\"}"));
	CU_ASSERT(hears(&p, "$broadcast/rxd/" DEVICE, "all"));
	pair_stop(&p);
}

static void remote_configuration_has_its_codes_and_is_distributed(void)
{
	static const char told[] = "$config/operation/result/" DEVICE;
	static const char get[] = "{\"type\":\"get\"}";
	struct pair p = pair_start();

	CU_ASSERT_EQUAL(dev_subscribe(p.dev, told, 1), 1);
	CU_ASSERT(dev_publish(p.dev, "$config/operation/" DEVICE, get, 0));
	CU_ASSERT(hears(&p, told, "{\"type\":\"reply\",\"result\":1002}"));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"remote_config\",\"product\":\"GWPRODUCT1\","
	                        "\"payload\":{\"a\":1}}"));
	CU_ASSERT(dev_publish(p.dev, "$config/operation/" DEVICE, get, 0));
	CU_ASSERT(hears(&p, told, "{\"type\":\"reply\",\"result\":0,\"payload\":{\"a\":1}}"));
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"remote_config_push\",\"product\":\"GWPRODUCT1\"}"));
	CU_ASSERT(hears(&p, told, "{\"type\":\"push\",\"payload\":{\"a\":1}}"));
	CU_ASSERT(
		sim_do(p.sim, "{\"cmd\":\"remote_config\",\"product\":\"GWPRODUCT1\",\"result\":1001}"));
	CU_ASSERT(dev_publish(p.dev, "$config/operation/" DEVICE, get, 0));
	CU_ASSERT(hears(&p, told, "\"result\":1001}"));
	pair_stop(&p);
}

static void log_level_and_file_tasks_are_told(void)
{
	struct pair p = pair_start();

	CU_ASSERT_EQUAL(dev_subscribe(p.dev, "$log/operation/result/" DEVICE, 0), 0);
	CU_ASSERT(sim_do(p.sim, "{\"cmd\":\"log_level\",\"device\":\"" DEVICE "\",\"level\":2}"));
	CU_ASSERT(hears(&p, NULL, "\"log_level\":2,\"result\":0,"));
	CU_ASSERT_EQUAL(dev_subscribe(p.dev, "$resource/down/service/" DEVICE, 1), 1);
	CU_ASSERT(
		dev_publish(p.dev, "$resource/up/service/" DEVICE, "{\"type\":\"get_download_task\"}", 1));
	CU_ASSERT(hears(&p, NULL, "{\"type\":\"get_download_task_rsp\"}"));
	CU_ASSERT_EQUAL(sim_stat(p.sim, "violations.forbidden_publish"), 0);
	pair_stop(&p);
}

SUITE(hubsim_services, TEST(a_call_is_answered_once_and_by_who_was_called),
      TEST(a_subdevice_that_is_offline_is_neither_called_nor_told),
      TEST(broadcast_comes_on_the_device_s_own_topic),
      TEST(remote_configuration_has_its_codes_and_is_distributed),
      TEST(log_level_and_file_tasks_are_told))
