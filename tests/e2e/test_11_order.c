/* In which order what a device says reaches the hub. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT PRODUCT "/dev1/event"
#define DEV1  PRODUCT "/dev1"

enum {
	DELAY_MS = 50 /* each way: the hub's answers take a while, as over a WAN */
};

static const struct scene_opts fast = { .hub = ",\"rate_up\":0", .hub_rate = 100000 };

/* A hub at some distance. */
static struct scene far_hub(const struct scene_opts *o)
{
	struct scene s = scene_start(o);
	char *fault = text_fmt("{\"cmd\":\"fault\",\"mode\":\"delay\",\"ms\":%d}", DELAY_MS);

	CU_ASSERT(sim_do(s.sim, fault));
	free(fault);
	return s;
}

/* The hub granted filter before it got the publish on topic. */
static bool granted_before(struct scene *s, const char *filter, const char *topic)
{
	const cJSON *granted = sim_await_event(s->sim, WAIT_MS, "ev", "subscribe", "filter", filter,
	                                       "granted", "true", NULL);
	const cJSON *publish = scene_await_publish(s, topic, WAIT_MS);

	return granted && publish && scene_number(granted, "n") < scene_number(publish, "n");
}

static void the_first_request_at_login_finds_the_filter_of_its_answer_subscribed(void)
{
	static const struct {
		const char *filter, *topic, *payload;
		int qos;
	} rows[] = {
		{ "$sys/operation/result/" DEV1, "$sys/operation/" DEV1,
		  "{\"type\":\"get\",\"resource\":[\"time\"]}", 0 },
		{ "$config/operation/result/" DEV1, "$config/operation/" DEV1, "{\"type\":\"get\"}", 0 },
		{ "$log/operation/result/" DEV1, "$log/operation/" DEV1, "{\"type\":\"get_log_level\"}",
		  0 },
		{ "$ota/update/" DEV1, "$ota/report/" DEV1,
		  "{\"type\":\"report_version\",\"report\":{\"version\":\"1\"}}", 1 },
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	struct scene s = far_hub(NULL);
	struct dev *d = scene_device(&s, "dev1", NULL);

	for (int i = 0; i < ROWS; i++)
		CU_ASSERT(dev_subscribe(d, rows[i].filter, 1) >= 0);
	for (int i = 0; i < ROWS; i++)
		CU_ASSERT(dev_publish(d, rows[i].topic, rows[i].payload, rows[i].qos));
	for (int i = 0; i < ROWS; i++) {
		if (!granted_before(&s, rows[i].filter, rows[i].topic))
			CU_FAIL(rows[i].topic);
	}
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, rows[0].filter, WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

/* "downloading 100" at QoS 0, and "done" at QoS 1 right behind it. */
static void messages_of_both_qos_arrive_in_the_order_of_the_device(void)
{
	enum {
		COUNT = 300
	};
	struct scene s = far_hub(&fast);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	for (int i = 1; i <= COUNT; i++) {
		char payload[32];

		snprintf(payload, sizeof(payload), "{\"seq\":%d}", i);
		CU_ASSERT(dev_publish(d, EVENT, payload, i % 3 == 0));
	}
	CU_ASSERT(scene_await_distinct(&s, "dev1", COUNT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void two_thousand_messages_of_qos_0_at_once_lose_none_and_keep_their_order(void)
{
	enum {
		COUNT = 2000
	};
	struct scene s = far_hub(&fast);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	for (int i = 1; i <= COUNT; i++) {
		char payload[32];

		snprintf(payload, sizeof(payload), "{\"seq\":%d}", i);
		CU_ASSERT(dev_publish(d, EVENT, payload, 0));
	}
	CU_ASSERT(scene_await_distinct(&s, "dev1", COUNT, 3 * WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "duplicates"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* What waited in the store while the hub was away leaves before what comes now. */
static void messages_after_an_outage_stand_behind_those_from_before(void)
{
	enum {
		BEFORE = 100,
		COUNT = 200
	};
	struct scene s = scene_start(&fast);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	/* What is on its way at QoS 0 when a link ends is lost. */
	CU_ASSERT(lan_log_await(s.lan, "messages wait, next attempt", WAIT_MS));
	for (int i = 1; i <= COUNT; i++) {
		char payload[32];

		snprintf(payload, sizeof(payload), "{\"seq\":%d}", i);
		CU_ASSERT(dev_publish(d, EVENT, payload, i % 2));
		if (i == BEFORE) {
			CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
			CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
		}
	}
	CU_ASSERT(scene_await_distinct(&s, "dev1", COUNT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(order, TEST(the_first_request_at_login_finds_the_filter_of_its_answer_subscribed),
      TEST(messages_of_both_qos_arrive_in_the_order_of_the_device),
      TEST(two_thousand_messages_of_qos_0_at_once_lose_none_and_keep_their_order),
      TEST(messages_after_an_outage_stand_behind_those_from_before))
