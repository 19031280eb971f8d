/* Limits of what goes up, what the hub has not, and the hub's topics seen by other clients. */
#include "tests/e2e/rights_world.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

enum {
	PAYLOAD_MAX = 16384
};

/* --- limits --- */

static void largest_payload_arrives_and_one_byte_more_is_dropped(void)
{
	struct world w = world_start();
	char *payload = malloc(PAYLOAD_MAX + 1);
	const cJSON *ev;

	memset(payload, 'x', PAYLOAD_MAX + 1);
	CU_ASSERT(world_publish(w.device, OWN "/up/big", payload, PAYLOAD_MAX + 1, 1, false));
	CU_ASSERT(world_publish(w.device, OWN "/data", payload, PAYLOAD_MAX, 1, false));
	ev = sim_await_event(w.sim, AWAIT_MS, "ev", "publish", "topic", OWN "/data", NULL);
	CU_ASSERT(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(ev, "len")) == PAYLOAD_MAX);
	CU_ASSERT(world_not_at_hub(&w, OWN "/up/big"));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.payload_size"), 0);
	CU_ASSERT(world_metric(&w, "messages_refused_total", 1));
	free(payload);
	world_stop(&w);
}

static void longest_and_deepest_topics_arrive(void)
{
	struct world w = world_start();

	CU_ASSERT_EQUAL(strlen(T255), 255);
	CU_ASSERT(dev_publish_acked(w.device, T255, "long", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(w.device, DEEP, "deep", AWAIT_MS));
	CU_ASSERT(world_at_hub(&w, T255));
	CU_ASSERT(world_at_hub(&w, DEEP));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.topic"), 0);
	world_stop(&w);
}

/* --- what the hub has not --- */

static void retained_flag_is_cleared(void)
{
	struct world w = world_start();
	const struct dev_message *m;

	CU_ASSERT(world_publish(w.device, OWN "/data", "kept?", 5, 1, true));
	CU_ASSERT(world_at_hub(&w, OWN "/data"));
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/data", 1), 1);
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter",
	                                       OWN "/data", "granted", "true", NULL));
	CU_ASSERT(sim_publish(w.sim, OWN "/data", "now", 1));
	m = dev_await_message(w.device, OWN "/data", AWAIT_MS);
	CU_ASSERT(m && strcmp(m->payload, "now") == 0 && !m->retain);
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.retain"), 0);
	world_stop(&w);
}

static void qos_2_goes_up_as_qos_1(void)
{
	struct world w = world_start();

	CU_ASSERT(world_publish(w.device, EVENT, "two", 3, 2, false));
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "publish", "topic", EVENT, "payload", "two",
	                          "qos", "1", NULL) != NULL);
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT_EQUAL(sim_count_events(w.sim, "ev", "publish", "payload", "two", NULL), 1);
	world_stop(&w);
}

static void will_of_a_device_stays_on_the_lan(void)
{
	struct world w = world_start();
	struct dev_opts o = { .will_topic = PID "/dev2/event", .will_payload = "gone" };
	struct dev *dev2 = dev_connect(w.lan, PID, "dev2", SECRET2, &o);

	CU_ASSERT_FATAL(dev2 && dev_code(dev2) == 0);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "online", "device", PID "/dev2", NULL) !=
	          NULL);
	dev_drop(dev2);
	CU_ASSERT(sim_await_event(w.sim, 2 * AWAIT_MS, "ev", "offline", "device", PID "/dev2", NULL) !=
	          NULL);
	CU_ASSERT(world_not_at_hub(&w, PID "/dev2/event"));
	world_stop(&w);
}

/* --- everybody else --- */

static const char *const closed[] = {
	EVENT,
	OWN "/control",
	PID,
	"GWPRODUCT1/gw1/data",
	"$shadow/operation/" OWN,
	"$shadow/operation/result/" OWN,
	"$gateway/operation/GWPRODUCT1/gw1",
	"$rrpc/txd/" OWN "/1",
	"$sys/operation/" OWN,
	"$hubgate/wake",
};

static void other_clients_cannot_publish_to_the_hubs_topics(void)
{
	struct world w = world_start();

	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(w.device, "$shadow/operation/result/" OWN, 1), 1);
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
		CU_ASSERT(dev_publish_acked(w.plain, closed[i], "forged", AWAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter", OWN "/#",
	                                       "granted", "true", NULL));
	CU_ASSERT(sim_publish(w.sim, OWN "/data", "the hub's", 1));
	CU_ASSERT(dev_await_message(w.device, OWN "/data", AWAIT_MS) != NULL);
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT_FALSE(world_forged(&w));
	CU_ASSERT_EQUAL(dev_count_messages(w.device, OWN "/control"), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.device, "$shadow/operation/result/" OWN), 0);
	world_stop(&w);
}

static void other_clients_cannot_subscribe_the_hubs_topics(void)
{
	static const char *const wide[] = { PID "/#",     PID "/+/event",    OWN "/#",
		                                "$shadow/#",  "$rrpc/rxd/#",     "$gateway/#",
		                                "$hubgate/#", "$share/g/" EVENT, "$share/g/$ota/#" };
	struct world w = world_start();

	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, closed[i], 1), DENIED);
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, wide[i], 1), DENIED);
	world_stop(&w);
}

static void wildcards_of_other_clients_see_the_lan_and_not_the_hub(void)
{
	static const char *const filters[] = { "#", "+/+/event", "+/" NAME "/#", "$share/g/#" };
	struct world w = world_start();
	struct dev *lamp = world_plain(w.lan, "lamp");

	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, filters[i], 1), 1);
	CU_ASSERT(world_marker(&w, "secret reading"));
	CU_ASSERT(dev_publish_acked(w.device, OWN "/data", "secret reading", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(lamp, "home/lamp/event", "on", AWAIT_MS));
	CU_ASSERT(dev_await_message(w.plain, "home/lamp/event", AWAIT_MS) != NULL);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, EVENT), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, OWN "/data"), 0);
	dev_disconnect(lamp);
	world_stop(&w);
}

static void retained_messages_between_other_clients_work(void)
{
	struct world w = world_start();
	const struct dev_message *m;
	struct dev *late;

	CU_ASSERT(world_publish(w.plain, "home/lamp", "on", 2, 1, true));
	late = world_plain(w.lan, "late");
	CU_ASSERT_EQUAL(dev_subscribe(late, "home/+", 1), 1);
	m = dev_await_message(late, "home/lamp", AWAIT_MS);
	CU_ASSERT(m && m->retain && strcmp(m->payload, "on") == 0);
	CU_ASSERT(world_publish(w.plain, "home/lamp", "off", 3, 2, false));
	m = dev_await_message(late, "home/lamp", AWAIT_MS);
	CU_ASSERT(m && !m->retain && strcmp(m->payload, "off") == 0);
	CU_ASSERT(world_marker(&w, "end"));
	CU_ASSERT(world_not_at_hub(&w, "home/lamp"));
	dev_disconnect(late);
	world_stop(&w);
}

SUITE(closed_topics, TEST(largest_payload_arrives_and_one_byte_more_is_dropped),
      TEST(longest_and_deepest_topics_arrive), TEST(retained_flag_is_cleared),
      TEST(qos_2_goes_up_as_qos_1), TEST(will_of_a_device_stays_on_the_lan),
      TEST(other_clients_cannot_publish_to_the_hubs_topics),
      TEST(other_clients_cannot_subscribe_the_hubs_topics),
      TEST(wildcards_of_other_clients_see_the_lan_and_not_the_hub),
      TEST(retained_messages_between_other_clients_work))
