/* As many mapped devices as a gateway may have, behind one client. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEVICES = 1500,
	RATE = 400,      /* of the hub in this test */
	PER_DEVICE = 3,  /* online, a subscription, the message */
	SLACK_MS = 5000, /* login, the hub's list */
	BAR_US = 1024,   /* histogram bounds are powers of two */
	LOADED_US = 16 * BAR_US,
	AWAIT_MS = 60000,
};

static struct dev *enter(struct scene *s)
{
	const struct dev_opts o = { .client_id = "z2m",
		                        .username = "zigbee2mqtt",
		                        .password = "right",
		                        .will_topic = "zigbee2mqtt/bridge/state",
		                        .will_payload = "offline" };
	struct dev *d = client_connect(lan_port(s->lan), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT(dev_publish_mid(d, "zigbee2mqtt/bridge/state", "online", 6, 1, true) >= 0);
	return d;
}

static void speak_for_all(struct dev *d, const char *payload)
{
	for (int i = 1; i <= DEVICES; i++) {
		char topic[64];

		snprintf(topic, sizeof(topic), "zigbee2mqtt/s%d/availability", i);
		CU_ASSERT_FATAL(dev_publish_mid(d, topic, "online", 6, 1, true) >= 0);
		snprintf(topic, sizeof(topic), "zigbee2mqtt/s%d", i);
		CU_ASSERT_FATAL(i < DEVICES ? dev_publish(d, topic, payload, 1)
		                            : dev_publish_acked(d, topic, payload, WAIT_MS));
	}
}

static bool await_count(struct scene *s, const char *ev, int count)
{
	int64_t end_ms = now_ms() + AWAIT_MS;

	while (sim_count_events(s->sim, "ev", ev, NULL) < count && now_ms() < end_ms)
		sim_look_for_event(s->sim, 100, "ev", "none", NULL);
	return sim_count_events(s->sim, "ev", ev, NULL) >= count;
}

static long callbacks_us(struct scene *s)
{
	char *text = scene_sys(s, "callback_us/all/p999");
	long us = text ? atol(text) : -1;

	free(text);
	return us;
}

static void fifteen_hundred_devices_behind_one_client_take_what_the_rate_needs(void)
{
	const struct scene_opts o = {
		.user = "zigbee2mqtt",
		.hub = ",\"rate_up\":400,\"window\":200",
		.hub_rate = 1000,
		.street = DEVICES,
		.grace_ms = 3000,
		.more =
			",\"devices\":[],\"mappings\":[{\"client\":\"zigbee2mqtt\",\"product_id\":\"" PRODUCT
			"\",\"up\":\"zigbee2mqtt/{name}\",\"device\":\"{name}\",\"known_only\":true,"
			"\"presence\":\"zigbee2mqtt/{name}/availability\",\"conditions\":[{\"topic\":"
			"\"zigbee2mqtt/bridge/state\"},{\"connected\":true}],"
			"\"down\":\"zigbee2mqtt/{name}/set\"}]",
	};
	struct scene s = scene_start(&o);
	struct dev *d = enter(&s);
	int64_t start_ms = now_ms(), took_ms;
	long us;

	speak_for_all(d, "{\"seq\":1}");
	CU_ASSERT(await_count(&s, "publish", DEVICES));
	took_ms = now_ms() - start_ms;
	CU_ASSERT(await_count(&s, "online", DEVICES));
	/* A blip: nobody goes offline. */
	dev_drop(d);
	d = enter(&s);
	speak_for_all(d, "{\"seq\":2}");
	CU_ASSERT(await_count(&s, "publish", 2 * DEVICES));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "offline", NULL), 0);
	/* It dies: all go. */
	dev_drop(d);
	CU_ASSERT(await_count(&s, "offline", DEVICES));
	us = callbacks_us(&s);
	fprintf(stderr,
	        "%d devices: first messages at the hub after %lld ms (the rate needs %d), p99.9 of "
	        "callbacks at most %ld us (bar %d)\n",
	        DEVICES, (long long)took_ms, 1000 * PER_DEVICE * DEVICES / RATE, us, BAR_US);
	CU_ASSERT(took_ms < 2 * 1000 * PER_DEVICE * DEVICES / RATE + SLACK_MS);
	CU_ASSERT(us > 0 && us < LOADED_US);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

SUITE(mapping_many, TEST(fifteen_hundred_devices_behind_one_client_take_what_the_rate_needs))
