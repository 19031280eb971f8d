/* What a device may touch: its own topics, and nothing of anybody else (protocol/topics.md 3, 4,
 * 6). */
#include "tests/harness/harness.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PID     "SUBPRODUC1"
#define NAME    "dev1"
#define OWN     PID "/" NAME
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="
#define SECRET2 "ZGV2aWNlLXR3by1wc2stLQ=="
#define EVENT   OWN "/event"
#define SYS     "$SYS/broker/hubgate/"

#define A10  "aaaaaaaaaa"
#define A50  A10 A10 A10 A10 A10
#define A200 A50 A50 A50 A50
#define T255 OWN "/up/" A200 A10 A10 A10 "aaaaaa"
#define DEEP OWN "/deep/1/2/3/4/5/6/7/8" /* 10 slashes */

enum {
	DENIED = 0x80,
	AWAIT_MS = 5000,
	PAYLOAD_MAX = 16384
};

/* The sample account, with custom topics for the limits. */
static const char hub[] =
	"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
	"{\"product_id\":\"" PID "\",\"device_name\":\"dev1\",\"secret\":\"" SECRET "\"},"
	"{\"product_id\":\"" PID "\",\"device_name\":\"dev2\",\"secret\":\"" SECRET2 "\"}],"
	"\"bound\":[{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"" PID
	"\",\"device_name\":\"dev1\"},"
	"{\"gateway\":\"GWPRODUCT1/gw1\",\"product_id\":\"" PID "\",\"device_name\":\"dev2\"}],"
	"\"custom_topics\":[{\"name\":\"up/+\",\"publish\":true,\"subscribe\":true},"
	"{\"name\":\"deep/+/+/+/+/+/+/+/+\",\"publish\":true,\"subscribe\":true}]}";

/* Hub, broker, dev1 online at the hub, and a client that is no device. */
struct world {
	struct sim *sim;
	struct lan *lan;
	struct dev *device, *plain;
};

static struct dev *plain_client(struct lan *l, const char *id)
{
	struct dev_opts o = { .client_id = id };
	struct dev *d = client_connect(lan_port(l), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	return d;
}

static struct world start(void)
{
	struct sim_opts so = { .config = hub };
	struct lan_opts lo = { .patch = "{\"metrics\":{\"sys_interval_s\":1},\"hub\":"
		                            "{\"min_reconnect_s\":1},\"presence\":{\"grace_ms\":300}}" };
	struct world w = { .sim = sim_start(&so) };

	CU_ASSERT_FATAL(w.sim != NULL);
	lo.hub_port = sim_port(w.sim);
	w.lan = lan_start(&lo);
	CU_ASSERT_FATAL(w.lan != NULL);
	w.device = dev_connect(w.lan, PID, NAME, SECRET, NULL);
	CU_ASSERT_FATAL(w.device && dev_code(w.device) == 0);
	CU_ASSERT_FATAL(sim_await_event(w.sim, AWAIT_MS, "ev", "online", "device", OWN, "result", "0",
	                                NULL) != NULL);
	w.plain = plain_client(w.lan, "plain");
	return w;
}

static void stop(struct world *w)
{
	dev_disconnect(w->plain);
	dev_disconnect(w->device);
	lan_free(w->lan);
	sim_stop(w->sim);
}

static bool reaches_hub(struct world *w, const char *topic)
{
	return sim_await_event(w->sim, AWAIT_MS, "ev", "publish", "topic", topic, NULL) != NULL;
}

/* A publish of the device that came after all others is at the hub. */
static bool marker_reaches_hub(struct world *w, const char *text)
{
	return dev_publish_acked(w->device, EVENT, text, AWAIT_MS) &&
	       sim_await_event(w->sim, AWAIT_MS, "ev", "publish", "topic", EVENT, "payload", text,
	                       NULL) != NULL;
}

static bool never_reached_hub(struct world *w, const char *topic)
{
	return sim_count_events(w->sim, "ev", "publish", "topic", topic, NULL) == 0 &&
	       sim_count_events(w->sim, "ev", "forbidden_publish", "topic", topic, NULL) == 0;
}

/* The gateway itself uses some of the topics that devices may not. */
static bool forged_reached_hub(struct world *w)
{
	return sim_count_events(w->sim, "payload", "forged", NULL) > 0 ||
	       sim_count_events(w->sim, "ev", "forbidden_publish", NULL) > 0;
}

/* Waits until a metric is published with that value. */
static bool metric_becomes(struct world *w, const char *name, int value)
{
	char *topic = text_fmt(SYS "%s", name), *text = text_fmt("%d", value);
	const struct dev_message *m;
	bool same = false;

	CU_ASSERT_EQUAL(dev_subscribe(w->plain, topic, 0), 0);
	while (!same && (m = dev_await_message(w->plain, topic, AWAIT_MS))) {
		same = strcmp(m->payload, text) == 0;
		if (!same && atoi(m->payload) > value) {
			fprintf(stderr, "%s is %s, awaited %d\n", name, m->payload, value);
			break;
		}
	}
	free(topic);
	free(text);
	return same;
}

static bool publishes(struct dev *d, const char *topic, const void *payload, size_t len, int qos,
                      bool retain)
{
	int64_t end = now_ms() + AWAIT_MS;
	int mid = dev_publish_mid(d, topic, payload, len, qos, retain);

	while (mid >= 0 && !dev_acked(d, mid) && now_ms() < end)
		dev_await_message(d, "nothing", 5);
	return mid >= 0 && dev_acked(d, mid);
}

/* --- its own --- */

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
	{ "$rrpc/txd/" OWN "/4711", true },
	{ "$log/operation/" OWN, true },
	{ "$resource/up/service/" OWN, true },
	{ "$template/operation/" OWN, false },
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
	struct world w = start();

	for (size_t i = 0; i < sizeof own_publishes / sizeof own_publishes[0]; i++)
		CU_ASSERT(dev_publish_acked(w.device, own_publishes[i].topic, "{}", AWAIT_MS));
	for (size_t i = 0; i < sizeof own_publishes / sizeof own_publishes[0]; i++) {
		if (own_publishes[i].at_hub)
			CU_ASSERT(reaches_hub(&w, own_publishes[i].topic));
	}
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT(metric_becomes(&w, "messages_refused_total", 0));
	stop(&w);
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
	struct world w = start();

	for (size_t i = 0; i < sizeof own_filters / sizeof own_filters[0]; i++) {
		int granted = dev_subscribe(w.device, own_filters[i], 1);

		if (granted != 1)
			fprintf(stderr, "%s: %d\n", own_filters[i], granted);
		CU_ASSERT_EQUAL(granted, 1);
	}
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/data", 0), 0);
	CU_ASSERT(dev_unsubscribe(w.device, OWN "/data"));
	stop(&w);
}

static void shared_subscription_of_its_own_topic_gets_the_command(void)
{
	struct world w = start();

	CU_ASSERT_EQUAL(dev_subscribe(w.device, "$share/g/" OWN "/control", 1), 1);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter", OWN "/control", NULL) !=
	          NULL);
	CU_ASSERT(sim_publish(w.sim, OWN "/control", "on", 1));
	CU_ASSERT(dev_await_message(w.device, OWN "/control", AWAIT_MS) != NULL);
	stop(&w);
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
	struct world w = start();
	struct dev *dev2 = dev_connect(w.lan, PID, "dev2", SECRET2, NULL);

	CU_ASSERT_FATAL(dev2 && dev_code(dev2) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(dev2, PID "/dev2/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(w.plain, "#", 1), 1);
	CU_ASSERT(metric_becomes(&w, "messages_refused_total", 0));
	for (int i = 0; i < FOREIGN; i++)
		CU_ASSERT(dev_publish_acked(w.device, foreign_publishes[i], "forged", AWAIT_MS));
	CU_ASSERT(dev_connected(w.device));
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT_FALSE(forged_reached_hub(&w));
	CU_ASSERT(metric_becomes(&w, "messages_refused_total", FOREIGN));
	CU_ASSERT(lan_log_has(w.lan, "hubgate: " PID NAME ": refused " PID "/dev2/event: "
	                             "the topic belongs to another device"));
	CU_ASSERT_EQUAL(dev_subscribe(dev2, PID "/dev2/control", 1), 1);
	CU_ASSERT_EQUAL(dev_count_messages(dev2, NULL), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, "home/kitchen"), 0);
	dev_disconnect(dev2);
	stop(&w);
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
	struct world w = start();

	for (size_t i = 0; i < sizeof foreign_filters / sizeof foreign_filters[0]; i++) {
		int granted = dev_subscribe(w.device, foreign_filters[i], 1);

		if (granted != DENIED)
			fprintf(stderr, "%s: %d\n", foreign_filters[i], granted);
		CU_ASSERT_EQUAL(granted, DENIED);
	}
	/* What comes after them arrived: the gateway's own results and this one, no more. */
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/control", 1), 1);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "subscribe", "filter", OWN "/control", NULL) !=
	          NULL);
	CU_ASSERT_EQUAL(sim_count_events(w.sim, "ev", "subscribe", NULL), 2);
	CU_ASSERT(dev_connected(w.device));
	stop(&w);
}

/* --- limits --- */

static void largest_payload_arrives_and_one_byte_more_is_dropped(void)
{
	struct world w = start();
	char *payload = malloc(PAYLOAD_MAX + 1);
	const cJSON *ev;

	memset(payload, 'x', PAYLOAD_MAX + 1);
	CU_ASSERT(publishes(w.device, OWN "/up/big", payload, PAYLOAD_MAX + 1, 1, false));
	CU_ASSERT(publishes(w.device, OWN "/data", payload, PAYLOAD_MAX, 1, false));
	ev = sim_await_event(w.sim, AWAIT_MS, "ev", "publish", "topic", OWN "/data", NULL);
	CU_ASSERT(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(ev, "len")) == PAYLOAD_MAX);
	CU_ASSERT(never_reached_hub(&w, OWN "/up/big"));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.payload_size"), 0);
	CU_ASSERT(metric_becomes(&w, "messages_refused_total", 1));
	free(payload);
	stop(&w);
}

static void longest_and_deepest_topics_arrive(void)
{
	struct world w = start();

	CU_ASSERT_EQUAL(strlen(T255), 255);
	CU_ASSERT(dev_publish_acked(w.device, T255, "long", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(w.device, DEEP, "deep", AWAIT_MS));
	CU_ASSERT(reaches_hub(&w, T255));
	CU_ASSERT(reaches_hub(&w, DEEP));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.topic"), 0);
	stop(&w);
}

/* --- what the hub has not --- */

static void retained_flag_is_cleared(void)
{
	struct world w = start();
	const struct dev_message *m;

	CU_ASSERT(publishes(w.device, OWN "/data", "kept?", 5, 1, true));
	CU_ASSERT(reaches_hub(&w, OWN "/data"));
	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/data", 1), 1);
	CU_ASSERT(dev_publish_acked(w.device, OWN "/data", "now", AWAIT_MS));
	m = dev_await_message(w.device, OWN "/data", AWAIT_MS);
	CU_ASSERT(m && strcmp(m->payload, "now") == 0 && !m->retain);
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT_EQUAL(sim_stat(w.sim, "violations.retain"), 0);
	stop(&w);
}

static void qos_2_goes_up_as_qos_1(void)
{
	struct world w = start();

	CU_ASSERT(publishes(w.device, EVENT, "two", 3, 2, false));
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "publish", "topic", EVENT, "payload", "two",
	                          "qos", "1", NULL) != NULL);
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT_EQUAL(sim_count_events(w.sim, "ev", "publish", "payload", "two", NULL), 1);
	stop(&w);
}

static void will_of_a_device_stays_on_the_lan(void)
{
	struct world w = start();
	struct dev_opts o = { .will_topic = PID "/dev2/event", .will_payload = "gone" };
	struct dev *dev2 = dev_connect(w.lan, PID, "dev2", SECRET2, &o);

	CU_ASSERT_FATAL(dev2 && dev_code(dev2) == 0);
	CU_ASSERT(sim_await_event(w.sim, AWAIT_MS, "ev", "online", "device", PID "/dev2", NULL) !=
	          NULL);
	dev_drop(dev2);
	CU_ASSERT(sim_await_event(w.sim, 2 * AWAIT_MS, "ev", "offline", "device", PID "/dev2", NULL) !=
	          NULL);
	CU_ASSERT(never_reached_hub(&w, PID "/dev2/event"));
	stop(&w);
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
	struct world w = start();

	CU_ASSERT_EQUAL(dev_subscribe(w.device, OWN "/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(w.device, "$shadow/operation/result/" OWN, 1), 1);
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
		CU_ASSERT(dev_publish_acked(w.plain, closed[i], "forged", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(w.device, OWN "/data", "mine", AWAIT_MS));
	CU_ASSERT(dev_await_message(w.device, OWN "/data", AWAIT_MS) != NULL);
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT_FALSE(forged_reached_hub(&w));
	CU_ASSERT_EQUAL(dev_count_messages(w.device, OWN "/control"), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.device, "$shadow/operation/result/" OWN), 0);
	stop(&w);
}

static void other_clients_cannot_subscribe_the_hubs_topics(void)
{
	static const char *const wide[] = { PID "/#",     PID "/+/event",    OWN "/#",
		                                "$shadow/#",  "$rrpc/rxd/#",     "$gateway/#",
		                                "$hubgate/#", "$share/g/" EVENT, "$share/g/$ota/#" };
	struct world w = start();

	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, closed[i], 1), DENIED);
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, wide[i], 1), DENIED);
	stop(&w);
}

static void wildcards_of_other_clients_see_the_lan_and_not_the_hub(void)
{
	static const char *const filters[] = { "#", "+/+/event", "+/" NAME "/#", "$share/g/#" };
	struct world w = start();
	struct dev *lamp = plain_client(w.lan, "lamp");

	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
		CU_ASSERT_EQUAL(dev_subscribe(w.plain, filters[i], 1), 1);
	CU_ASSERT(marker_reaches_hub(&w, "secret reading"));
	CU_ASSERT(dev_publish_acked(w.device, OWN "/data", "secret reading", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(lamp, "home/lamp/event", "on", AWAIT_MS));
	CU_ASSERT(dev_await_message(w.plain, "home/lamp/event", AWAIT_MS) != NULL);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, EVENT), 0);
	CU_ASSERT_EQUAL(dev_count_messages(w.plain, OWN "/data"), 0);
	dev_disconnect(lamp);
	stop(&w);
}

static void retained_messages_between_other_clients_work(void)
{
	struct world w = start();
	const struct dev_message *m;
	struct dev *late;

	CU_ASSERT(publishes(w.plain, "home/lamp", "on", 2, 1, true));
	late = plain_client(w.lan, "late");
	CU_ASSERT_EQUAL(dev_subscribe(late, "home/+", 1), 1);
	m = dev_await_message(late, "home/lamp", AWAIT_MS);
	CU_ASSERT(m && m->retain && strcmp(m->payload, "on") == 0);
	CU_ASSERT(publishes(w.plain, "home/lamp", "off", 3, 2, false));
	m = dev_await_message(late, "home/lamp", AWAIT_MS);
	CU_ASSERT(m && !m->retain && strcmp(m->payload, "off") == 0);
	CU_ASSERT(marker_reaches_hub(&w, "end"));
	CU_ASSERT(never_reached_hub(&w, "home/lamp"));
	dev_disconnect(late);
	stop(&w);
}

SUITE(rights, TEST(device_publishes_to_every_topic_of_its_own),
      TEST(device_subscribes_every_topic_of_its_own),
      TEST(shared_subscription_of_its_own_topic_gets_the_command),
      TEST(foreign_publishes_are_acknowledged_dropped_and_counted),
      TEST(foreign_subscriptions_are_refused),
      TEST(largest_payload_arrives_and_one_byte_more_is_dropped),
      TEST(longest_and_deepest_topics_arrive), TEST(retained_flag_is_cleared),
      TEST(qos_2_goes_up_as_qos_1), TEST(will_of_a_device_stays_on_the_lan),
      TEST(other_clients_cannot_publish_to_the_hubs_topics),
      TEST(other_clients_cannot_subscribe_the_hubs_topics),
      TEST(wildcards_of_other_clients_see_the_lan_and_not_the_hub),
      TEST(retained_messages_between_other_clients_work))
