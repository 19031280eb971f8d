/* Devices that the hub does not know as bound to this gateway. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

#define EVENT PRODUCT "/dev2/event"

static void unbound_device_is_bound_with_its_secret_and_its_message_arrives(void)
{
	const struct scene_opts o = { .dev2_unbound = true };
	struct scene s = scene_start(&o);
	struct dev *d = scene_device(&s, "dev2", NULL);
	const cJSON *ev;

	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	ev = scene_await(&s, "bind", "dev2");
	CU_ASSERT_EQUAL(scene_number(ev, "result"), 0);
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "bind", NULL), 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void refusals_say_what_to_do_and_are_said_once(void)
{
	static const struct {
		int code;
		const char *advice;
	} cases[] = {
		{ 802, "create it in the console" },
		{ 803, "correct the device's secret" },
		{ 805, "correct the gateway's clock" },
		{ 806, "unbind it there first" },
		{ 808, "add the device's product to the gateway's product" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct scene_opts o = { .dev2_unbound = true };
		struct scene s = scene_start(&o);
		char *force = text_fmt("{\"cmd\":\"gateway_result\",\"op\":\"bind\",\"device\":\"" PRODUCT
		                       "/dev2\",\"result\":%d,\"count\":-1}",
		                       cases[i].code);
		struct dev *d;

		CU_ASSERT(sim_do(s.sim, force));
		d = scene_device(&s, "dev2", NULL);
		CU_ASSERT_EQUAL(scene_number(scene_await(&s, "bind", "dev2"), "result"), cases[i].code);
		CU_ASSERT(lan_log_await(s.lan, cases[i].advice, WAIT_MS));
		CU_ASSERT(dev_connected(d));
		dev_disconnect(d);
		free(force);
		scene_end(&s);
	}
}

static void bind_that_the_hub_finds_expired_makes_it_ask_for_the_time(void)
{
	const struct scene_opts o = { .dev2_unbound = true };
	struct scene s = scene_start(&o);
	struct dev *d;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_result\",\"op\":\"bind\",\"device\":\"" PRODUCT
	                        "/dev2\",\"result\":805,\"count\":1}"));
	d = scene_device(&s, "dev2", NULL);
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "bind", "dev2"), "result"), 805);
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, "$sys/operation/" GATEWAY, WAIT_MS));
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "bind", "dev2"), "result"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void gateway_asks_what_is_bound_after_each_login(void)
{
	struct scene s = scene_start(NULL);

	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "describe_sub_devices", "gateway", GATEWAY, NULL));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

static void online_that_crosses_an_unbind_does_not_make_the_device_online(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_cross\"}"));
	d = scene_device(&s, "dev2", NULL);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"unbind\",\"device\":\"" PRODUCT "/dev2\"}"));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "change_ack", NULL));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"bind\",\"device\":\"" PRODUCT
	                        "/dev2\",\"gateway\":\"" GATEWAY "\"}"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "online", NULL), 2);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(bind, TEST(online_that_crosses_an_unbind_does_not_make_the_device_online),
      TEST(unbound_device_is_bound_with_its_secret_and_its_message_arrives),
      TEST(refusals_say_what_to_do_and_are_said_once),
      TEST(bind_that_the_hub_finds_expired_makes_it_ask_for_the_time),
      TEST(gateway_asks_what_is_bound_after_each_login))
