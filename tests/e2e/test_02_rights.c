/* What a device may touch: its own topics, and nothing of anybody else (docs/protocol/topics.md 3,
 * 4, 6). */
#include "tests/e2e/rights_world.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- its own --- */

/* Good on each topic: a report of firmware is looked at. */
#define ANY "{\"type\":\"report_version\",\"report\":{\"version\":\"1\"}}"

/* at_hub: forwarded in any case. Others may be answered on the spot, or are unknown to the
 * simulator ($template). */
static const struct own_publish {
	const char *topic;
	bool at_hub;
} own_publishes[] = {
	{ EVENT, true },
	{ OWN "/data", true },
	{ OWN "/up/anything", true },
	{ "$ota/report/" OWN, true },
	{ "$rrpc/txd/" OWN "/4711", false }, /* only the answer to a call goes up */
	{ "$log/operation/" OWN, true },
	{ "$resource/up/service/" OWN, true },
	{ "$template/operation/" OWN, true },
	{ "$thing/up/property/" OWN, true },
	{ "$thing/up/event/" OWN, true },
	{ "$thing/up/action/" OWN, true },
	{ "$thing/up/raw/" OWN, true },
	{ "$thing/up/service/" OWN, true },
	{ "$shadow/operation/" OWN, false },
	{ "$config/operation/" OWN, false },
	{ "$config/report/" OWN, false },
	{ "$sys/operation/" OWN, false },
};

static void device_publishes_to_every_topic_of_its_own(void)
{
	struct world w = world_start();

	for (size_t i = 0; i < sizeof own_publishes / sizeof own_publishes[0]; i++)
		CU_ASSERT(dev_publish_acked(w.device, own_publishes[i].topic, ANY, AWAIT_MS));
	for (size_t i = 0; i < sizeof own_publishes / sizeof own_publishes[0]; i++) {
		if (own_publishes[i].at_hub)
			CU_ASSERT(world_at_hub(&w, own_publishes[i].topic));
	}
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT(world_metric(&w, "messages_refused_total", 0));
	world_stop(&w);
}

static const char *const own_filters[] = {
	OWN "/control",
	OWN "/data",
	OWN "/event/+",
	OWN "/up/+/x/+",
	OWN "/#",
	"$share/g/" OWN "/control",
	"$share/g/" OWN "/#",
	"$shadow/operation/result/" OWN,
	"$share/g/$shadow/operation/result/" OWN,
	"$ota/update/" OWN,
	"$rrpc/rxd/" OWN "/+",
	"$rrpc/rxd/" OWN "/4711",
	"$broadcast/rxd/" OWN,
	"$config/operation/result/" OWN,
	"$config/update/" OWN,
	"$sys/operation/result/" OWN,
	"$log/operation/result/" OWN,
	"$resource/down/service/" OWN,
	"$template/operation/result/" OWN,
	"$thing/down/property/" OWN,
	"$thing/down/service/" OWN,
};

static void device_subscribes_every_topic_of_its_own(void)
{
	struct world w = world_start();

	for (size_t i = 0; i < sizeof own_filters / sizeof own_filters[0]; i++) {
		int granted = dev_subscribe(w.device, own_filters[i], 1);

		if (granted != 1)
			fprintf(stderr, "%s: %d\n", own_filters[i], granted);
		CU_ASSERT_EQUAL(granted, 1);
	}
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/data", 0), 0);
	CU_ASSERT(dev_unsubscribe(w.device, OWN "/data"));
	world_stop(&w);
}

static void shared_subscription_of_its_own_topic_gets_the_command(void)
{
	struct world w = world_start();

	CU_ASSERT_EQUAL(dev_subscribe(w.device, "$share/g/" OWN "/control", 1), 1);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter", OWN "/control", NULL) !=
	          NULL);
	CU_ASSERT(sim_publish(w.sim, OWN "/control", "on", 1));
	CU_ASSERT(dev_await_message(w.device, OWN "/control", AWAIT_MS) != NULL);
	world_stop(&w);
}

/* --- not its own --- */

static const char *const foreign_publishes[] = {
	PID "/dev2/event",
	PID "/dev2/data",
	PID "/" NAME, /* no topic of the hub */
	PID "/dev10/event",
	"GWPRODUCT1/gw1/event",
	"$shadow/operation/" PID "/dev2",
	"$ota/report/" PID "/dev2",
	"$rrpc/txd/" PID "/dev2/1",
	"$rrpc/txd/" OWN "/1/2",
	"$gateway/operation/" OWN,
	"$gateway/operation/GWPRODUCT1/gw1",
	"$shadow/operation/result/" OWN, /* the hub's to publish */
	"$ota/update/" OWN,
	"$broadcast/rxd/" OWN,
	"$shadow/anything",
	"$hubgate/wake",
	"$CONTROL/hubgate/v1",
	"home/kitchen",
	"livingroom/" NAME "/event",
	"/" EVENT,
	T255 "a",
	DEEP "/9",
};

enum {
	FOREIGN = sizeof foreign_publishes / sizeof foreign_publishes[0]
};

static void foreign_publishes_are_acknowledged_dropped_and_counted(void)
{
	struct world w = world_start();
	struct dev *dev2 = dev_connect(w.lan, PID, "dev2", SECRET2, NULL);

	CU_ASSERT_FATAL(dev2 && dev_code(dev2) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(dev2, PID "/dev2/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(w.plain, "#", 1), 1);
	CU_ASSERT(world_metric(&w, "messages_refused_total", 0));
	for (int i = 0; i < FOREIGN; i++)
		CU_ASSERT(dev_publish_acked(w.device, foreign_publishes[i], "forged", AWAIT_MS));
	CU_ASSERT(dev_connected(w.device));
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT_FALSE(world_forged(&w));
	CU_ASSERT(world_metric(&w, "messages_refused_total", FOREIGN));
	CU_ASSERT(lan_log_has(w.lan, "hubgate: " PID NAME ": refused " PID "/dev2/event: "
	                             "the topic belongs to another device"));
	CU_ASSERT_EQUAL(dev_subscribe(dev2, PID "/dev2/control", 1), 1);
	CU_ASSERT_EQUAL(dev_count_messages(dev2, NULL), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, "home/kitchen"), 0);
	dev_disconnect(dev2);
	world_stop(&w);
}

static const char *const foreign_filters[] = {
	"#",
	"+/+/event",
	"+/" NAME "/event",
	PID "/#",
	PID "/+/event",
	PID "/dev2/control",
	PID "/dev2/#",
	PID,
	PID "/" NAME,
	"GWPRODUCT1/gw1/control",
	"$SYS/#",
	"$SYS/broker/hubgate/messages_refused_total",
	"$CONTROL/#",
	"$hubgate/#",
	"$hubgate/wake",
	"home/#",
	"/" OWN "/control",
	"$shadow/#",
	"$shadow/operation/result/" PID "/dev2",
	"$shadow/operation/result/" PID "/+",
	"$shadow/operation/result/#",
	"$shadow/operation/" OWN, /* the device's to publish */
	"$ota/report/" OWN,
	"$rrpc/rxd/" OWN "/#",
	"$rrpc/rxd/" PID "/+/1",
	"$rrpc/rxd/" PID "/dev2/+",
	"$gateway/operation/result/" OWN,
	"$gateway/operation/result/GWPRODUCT1/gw1",
	"$share/g/#",
	"$share/g/" PID "/#",
	"$share/g/" PID "/dev2/control",
	"$share/g/" PID "/+/control",
	"$share/g/$shadow/operation/result/" PID "/dev2",
	"$share/g/home/#",
	T255 "a",
	DEEP "/9",
};

static void foreign_subscriptions_are_refused(void)
{
	struct world w = world_start();

	for (size_t i = 0; i < sizeof foreign_filters / sizeof foreign_filters[0]; i++) {
		int granted = dev_subscribe(w.device, foreign_filters[i], 1);

		if (granted != DENIED)
			fprintf(stderr, "%s: %d\n", foreign_filters[i], granted);
		CU_ASSERT_EQUAL(granted, DENIED);
	}
	/* What comes after them arrived: results for the gateway itself, the hub's time, this one, no
	 * more. */
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter",
	                          "$sys/operation/result/GWPRODUCT1/gw1", NULL) != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/control", 1), 1);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter", OWN "/control", NULL) !=
	          NULL);
	CU_ASSERT_EQUAL(sim_count_events(w.sim, "ev", "subscribe", NULL), 3);
	CU_ASSERT(dev_connected(w.device));
	world_stop(&w);
}

SUITE(rights, TEST(device_publishes_to_every_topic_of_its_own),
      TEST(device_subscribes_every_topic_of_its_own),
      TEST(shared_subscription_of_its_own_topic_gets_the_command),
      TEST(foreign_publishes_are_acknowledged_dropped_and_counted),
      TEST(foreign_subscriptions_are_refused))
