/* Plain devices: topics of their own become a device's at the hub, with message forms of products
 * that people have. tests/e2e/test_27_examples.c has those of docs/mapping-examples.md. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rules as people had them before names, conditions and commands; devices are dev1 and dev2. */
#define ZIGBEE                                                                          \
	"{\"client\":\"zigbee2mqtt\",\"product_id\":\"" PRODUCT "\",\"device\":\"{name}\"," \
	"\"up\":\"zigbee2mqtt/{name}\",\"down\":\"zigbee2mqtt/{name}/set\","                \
	"\"presence\":\"zigbee2mqtt/{name}/availability\"}"
#define TASMOTA                                                                      \
	"{\"client\":\"tasmota*\",\"product_id\":\"" PRODUCT "\",\"device\":\"{name}\"," \
	"\"up\":\"tele/{name}/{kind}\",\"to\":\"event\",\"wrap\":\"tasmota\","           \
	"\"down\":\"cmnd/{name}/Backlog\",\"presence\":\"tele/{name}/LWT\",\"online\":\"Online\"}"
#define SHELLY                                                                    \
	"{\"client\":\"shelly*\",\"product_id\":\"" PRODUCT "\",\"device\":\"{id}\"," \
	"\"up\":\"shellyplus1-{id}/events/rpc\",\"down\":\"shellyplus1-{id}/rpc\","   \
	"\"presence\":\"shellyplus1-{id}/online\",\"online\":\"true\"}"
#define ESPHOME                                                                            \
	"{\"client\":\"esp*\",\"product_id\":\"" PRODUCT "\",\"device\":\"{name}\","           \
	"\"up\":\"esphome/{name}/sensor/{sensor}/state\",\"to\":\"event\",\"wrap\":\"value\"," \
	"\"down\":\"esphome/{name}/switch/relay/command\",\"presence\":\"esphome/{name}/status\"}"

#define PLAIN(name) "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"" name "\",\"plain\":true}"

#define EVENT   PRODUCT "/dev1/event"
#define CONTROL PRODUCT "/dev1/control"

static struct scene start(const char *rules)
{
	char *more = text_fmt(",\"mappings\":[%s]", rules);
	const struct scene_opts o = { .plain = true, .more = more };
	struct scene s = scene_start(&o);

	free(more);
	return s;
}

static struct dev *plain(struct scene *s, const char *client_id, struct dev_opts o)
{
	struct dev *d;

	o.client_id = client_id;
	d = client_connect(lan_port(s->lan), &o);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	return d;
}

static const char *payload_at_hub(struct scene *s, const char *topic)
{
	const cJSON *ev = scene_await_publish(s, topic, WAIT_MS);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

	return text ? text : "";
}

static const struct example {
	const char *rule, *client, *up, *payload, *at_hub, *down, *presence, *on, *off;
} examples[] = {
	{ ZIGBEE, "zigbee2mqtt", "zigbee2mqtt/dev1", "{\"temperature\":21.5,\"linkquality\":87}",
	  "{\"temperature\":21.5,\"linkquality\":87}", "zigbee2mqtt/dev1/set",
	  "zigbee2mqtt/dev1/availability", "{\"state\":\"online\"}", "{\"state\":\"offline\"}" },
	{ TASMOTA, "tasmota_1A2B3C", "tele/dev1/SENSOR", "{\"SI7021\":{\"Temperature\":21.0}}",
	  "{\"tasmota\":{\"SI7021\":{\"Temperature\":21.0}}}", "cmnd/dev1/Backlog", "tele/dev1/LWT",
	  "Online", "Offline" },
	{ SHELLY, "shellyplus1-dev1", "shellyplus1-dev1/events/rpc",
	  "{\"src\":\"shellyplus1-dev1\",\"method\":\"NotifyStatus\",\"params\":{\"ts\":1.5}}",
	  "{\"src\":\"shellyplus1-dev1\",\"method\":\"NotifyStatus\",\"params\":{\"ts\":1.5}}",
	  "shellyplus1-dev1/rpc", "shellyplus1-dev1/online", "true", "false" },
	{ ESPHOME, "esp-dev1", "esphome/dev1/sensor/temperature/state", "21.46", "{\"value\":21.46}",
	  "esphome/dev1/switch/relay/command", "esphome/dev1/status", "online", "offline" },
};

enum {
	EXAMPLES = sizeof(examples) / sizeof(examples[0])
};

static void old_rules_work_in_both_directions(void)
{
	for (size_t i = 0; i < EXAMPLES; i++) {
		const struct example *e = &examples[i];
		struct scene s = start(e->rule);
		struct dev *d = plain(&s, e->client, (struct dev_opts){ .port = 0 });
		const struct dev_message *m;
		const char *at_hub;

		CU_ASSERT_EQUAL(dev_subscribe(d, e->down, 1), 1);
		CU_ASSERT(dev_publish(d, e->presence, e->on, 1));
		CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
		CU_ASSERT(dev_publish_acked(d, e->up, e->payload, WAIT_MS));
		at_hub = payload_at_hub(&s, EVENT);
		CU_ASSERT_STRING_EQUAL(at_hub, e->at_hub);
		if (strcmp(at_hub, e->at_hub) != 0)
			fprintf(stderr, "%s: %s\n", e->client, at_hub);
		CU_ASSERT(scene_await_filter(&s, CONTROL));
		CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"state\":\"ON\"}", 1));
		m = dev_await_message(d, e->down, WAIT_MS);
		CU_ASSERT(m && strcmp(m->payload, "{\"state\":\"ON\"}") == 0);
		CU_ASSERT(dev_publish(d, e->presence, e->off, 1));
		CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
		CU_ASSERT_EQUAL(scene_violations(&s), 0);
		dev_disconnect(d);
		scene_end(&s);
	}
}

static void will_of_a_killed_client_takes_its_device_offline(void)
{
	struct scene s = start(TASMOTA);
	struct dev *d =
		plain(&s, "tasmota_1",
	          (struct dev_opts){ .will_topic = "tele/dev1/LWT", .will_payload = "Offline" });

	CU_ASSERT(dev_publish(d, "tele/dev1/LWT", "Online", 1));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	dev_drop(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	scene_end(&s);
}

static void retained_presence_counts_for_a_gateway_that_starts_later(void)
{
	struct scene s = start("");
	struct dev *d = plain(&s, "tasmota_1", (struct dev_opts){ .port = 0 });
	char *patch;

	CU_ASSERT(dev_publish_mid(d, "tele/dev1/LWT", "Online", 6, 1, true) >= 0);
	CU_ASSERT(dev_publish_acked(d, "other", "x", WAIT_MS));
	patch = text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},\"devices\":[" PLAIN(
						 "dev1") "],\"mappings\":[%s]}",
	                 TASMOTA);
	CU_ASSERT(lan_configure(s.lan, patch));
	lan_reload(s.lan); /* one entry and one reload */
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(dev_publish_acked(d, "tele/dev1/STATE", "{\"POWER\":\"ON\"}", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, EVENT), "{\"tasmota\":{\"POWER\":\"ON\"}}");
	free(patch);
	dev_disconnect(d);
	scene_end(&s);
}

static void without_a_presence_topic_a_device_is_there_while_its_client_is(void)
{
	struct scene s = start("{\"client\":\"meter\",\"product_id\":\"" PRODUCT
	                       "\",\"device\":\"dev1\",\"up\":\"meter/+/value\",\"wrap\":\"kwh\"}");
	struct dev *d = plain(&s, "meter", (struct dev_opts){ .port = 0 });

	CU_ASSERT(dev_publish_acked(d, "meter/main/value", "not json", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, EVENT), "{\"kwh\":\"not json\"}");
	dev_drop(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	scene_end(&s);
}

static void one_client_speaks_for_many_devices(void)
{
	struct scene s = start(ZIGBEE);
	struct dev *d = plain(&s, "zigbee2mqtt", (struct dev_opts){ .port = 0 });

	CU_ASSERT(dev_publish(d, "zigbee2mqtt/dev1/availability", "online", 1));
	CU_ASSERT(dev_publish(d, "zigbee2mqtt/dev2/availability", "online", 1));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT(dev_publish_acked(d, "zigbee2mqtt/dev2", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/event", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

/* A broker that checks usernames; dev1 and dev2 have secrets. */
static struct scene start_checked(void)
{
	const struct scene_opts o = { .user = "zigbee2mqtt", .more = ",\"mappings\":[" ZIGBEE "]" };

	return scene_start(&o);
}

static int published(struct scene *s, const char *topic)
{
	return sim_count_events(s->sim, "ev", "publish", "topic", topic, NULL);
}

static void device_with_a_secret_is_spoken_for_by_its_rules_checked_username_alone(void)
{
	struct scene s = start_checked();
	struct dev *forger = plain(&s, "zigbee2mqtt", (struct dev_opts){ .port = 0 });
	struct dev *bridge =
		plain(&s, "z2m-4711", (struct dev_opts){ .username = "zigbee2mqtt", .password = "right" });

	CU_ASSERT(dev_publish_acked(forger, "zigbee2mqtt/dev1", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "mark the device \"plain\": true", WAIT_MS));
	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/dev1", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, EVENT), "{\"seq\":2}");
	CU_ASSERT_EQUAL(published(&s, EVENT), 1);
	dev_disconnect(forger);
	dev_disconnect(bridge);
	scene_end(&s);
}

static void stranger_neither_takes_over_nor_switches_off_a_device_by_presence(void)
{
	struct scene s = start_checked();
	struct dev *real = scene_online_device(&s, "dev2", NULL);
	struct dev *stranger = plain(
		&s, "stranger",
		(struct dev_opts){ .will_topic = "zigbee2mqtt/dev1/availability", .will_payload = "x" });
	struct dev *bridge =
		plain(&s, "z2m", (struct dev_opts){ .username = "zigbee2mqtt", .password = "right" });

	CU_ASSERT_EQUAL(dev_subscribe(real, PRODUCT "/dev2/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev2/control"));
	CU_ASSERT(dev_publish_acked(stranger, "zigbee2mqtt/dev2/availability", "online", WAIT_MS));
	CU_ASSERT(dev_publish_acked(stranger, "zigbee2mqtt/ghost/availability", "online", WAIT_MS));
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev2/control", "{}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(real, PRODUCT "/dev2/control", WAIT_MS));
	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/dev1/availability", "online", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	dev_drop(stranger); /* its will is not the bridge's */
	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/dev1", "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "ghost"), 0);
	dev_disconnect(real);
	dev_disconnect(bridge);
	scene_end(&s);
}

static void device_that_logged_in_once_is_spoken_for_by_nobody_also_after_a_restart(void)
{
	struct scene s = start_checked();
	const struct dev_opts user = { .username = "zigbee2mqtt", .password = "right" };
	struct dev *bridge = plain(&s, "z2m", user);
	struct dev *real;

	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/dev1", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	real = scene_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(real, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(real, CONTROL, WAIT_MS)); /* not the bridge's */
	dev_disconnect(real);
	dev_disconnect(bridge);
	CU_ASSERT(lan_restart(s.lan));
	bridge = plain(&s, "z2m", user);
	CU_ASSERT(dev_publish_acked(bridge, "zigbee2mqtt/dev1", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "logged in itself once", WAIT_MS));
	real = scene_device(&s, "dev1", NULL);
	CU_ASSERT(dev_publish_acked(real, EVENT, "{\"seq\":3}", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, EVENT), "{\"seq\":3}");
	CU_ASSERT_EQUAL(published(&s, EVENT), 2);
	dev_disconnect(real);
	dev_disconnect(bridge);
	scene_end(&s);
}

static void devices_of_a_rule_that_is_gone_at_a_reload_go_offline_and_get_no_commands(void)
{
	struct scene s = start(ZIGBEE);
	struct dev *d = plain(&s, "zigbee2mqtt", (struct dev_opts){ .port = 0 });

	CU_ASSERT_EQUAL(dev_subscribe(d, "zigbee2mqtt/dev1/set", 1), 1);
	CU_ASSERT(dev_publish(d, "zigbee2mqtt/dev1/availability", "online", 1));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(lan_configure(s.lan, "{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},"
	                               "\"devices\":[" PLAIN("dev1") "],\"mappings\":[]}"));
	lan_reload(s.lan);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT(dev_publish_acked(d, "zigbee2mqtt/dev1", "{}", WAIT_MS));
	CU_ASSERT_PTR_NULL(dev_await_message(d, "zigbee2mqtt/dev1/set", 500));
	CU_ASSERT_EQUAL(published(&s, EVENT), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void after_a_restart_devices_are_back_and_commanded_as_soon_as_their_client_is(void)
{
	struct scene s = start("{\"client\":\"bridge\",\"product_id\":\"" PRODUCT
	                       "\",\"device\":\"dev{n}\",\"up\":\"b/{unit}/{area}/{n}\",\"down\":"
	                       "\"b/{unit}/{area}/{n}/set\",\"known_only\":true}");
	struct dev *d = plain(&s, "bridge", (struct dev_opts){ .port = 0 });

	CU_ASSERT(dev_publish_acked(d, "b/dev/attic/1", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, EVENT), "{\"seq\":1}");
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_disconnect(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	sim_skip_events(s.sim);
	d = plain(&s, "bridge", (struct dev_opts){ .port = 0 });
	CU_ASSERT_EQUAL(dev_subscribe(d, "b/dev/attic/1/set", 1), 1);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1")); /* it has said nothing yet */
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, "b/dev/attic/1/set", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

static void of_names_that_the_hub_refused_nothing_is_kept_under_known_only(void)
{
	const struct scene_opts o = {
		.dev2_unbound = true,
		.more = ",\"devices\":[],\"mappings\":[{\"client\":\"omg\",\"product_id\":\"" PRODUCT
				"\",\"device\":\"{mac}\",\"up\":\"ble/{mac}\",\"known_only\":true}]",
	};
	struct scene s = scene_start(&o);
	struct dev *d = plain(&s, "omg", (struct dev_opts){ .port = 0 });
	char *refused;

	CU_ASSERT(dev_publish_acked(d, "ble/dev2", "{\"seq\":1}", WAIT_MS)); /* nobody was asked yet */
	CU_ASSERT(lan_log_await(s.lan, "names that the hub does not know", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, "ble/dev2", "{\"seq\":2}", WAIT_MS));
	refused = scene_sys(&s, "messages_refused_stranger_total");
	CU_ASSERT(refused && atoi(refused) == 1);
	free(refused);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"bind\",\"device\":\"" PRODUCT
	                        "/dev2\",\"gateway\":\"" GATEWAY "\"}"));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, PRODUCT "/dev2/event"), "{\"seq\":1}");
	CU_ASSERT(dev_publish_acked(d, "ble/dev2", "{\"seq\":3}", WAIT_MS));
	CU_ASSERT_STRING_EQUAL(payload_at_hub(&s, PRODUCT "/dev2/event"), "{\"seq\":3}");
	dev_disconnect(d);
	scene_end(&s);
}

static void device_that_has_a_login_and_a_rule_is_forwarded_once(void)
{
	const struct scene_opts o = {
		.user = "lamp",
		.more = ",\"devices\":[{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\","
				"\"login\":\"lamp\"}],\"mappings\":[{\"client\":\"lamp\",\"product_id\":\"" PRODUCT
				"\",\"up\":\"{any}/{name}/event\",\"device\":\"{name}\",\"known_only\":true}]",
	};
	struct scene s = scene_start(&o);
	struct dev *d = plain(&s, "l", (struct dev_opts){ .username = "lamp", .password = "right" });

	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, "local/dev1/event", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 2, WAIT_MS));
	CU_ASSERT_EQUAL(published(&s, EVENT), 2);
	CU_ASSERT(scene_await_delivered(&s, 2));
	dev_disconnect(d);
	scene_end(&s);
}

static void rule_as_wide_as_a_topic_of_commands_takes_none_of_them(void)
{
	struct scene s = start("{\"client\":\"bridge\",\"product_id\":\"" PRODUCT
	                       "\",\"up\":\"dev/{name}/{kind}\",\"device\":\"{name}\","
	                       "\"down\":\"dev/{name}/set\",\"known_only\":true}");
	struct dev *d = plain(&s, "bridge", (struct dev_opts){ .port = 0 });

	CU_ASSERT_EQUAL(dev_subscribe(d, "dev/dev1/set", 1), 1);
	CU_ASSERT(dev_publish_acked(d, "dev/dev1/state", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"seq\":7}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, "dev/dev1/set", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, "dev/dev1/state", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 2, WAIT_MS));
	CU_ASSERT_EQUAL(published(&s, EVENT), 2);
	dev_disconnect(d);
	scene_end(&s);
}

static void bad_file_at_a_reload_changes_nothing_and_says_why(void)
{
	struct scene s = start(ZIGBEE);
	struct dev *d = plain(&s, "zigbee2mqtt", (struct dev_opts){ .port = 0 });
	char *patch = text_fmt("{\"mappings\":[%s,{\"product_id\":\"" PRODUCT
	                       "\",\"device\":\"{x}\",\"up\":\"zigbee2mqtt/{y}\"}]}",
	                       ZIGBEE);

	CU_ASSERT(lan_configure(s.lan, patch));
	lan_reload(s.lan);
	CU_ASSERT(
		lan_log_await(s.lan, "mappings[1].device: uses {x}, which up does not have", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "goes on as it was", WAIT_MS));
	CU_ASSERT(dev_publish(d, "zigbee2mqtt/dev1/availability", "online", 1));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	free(patch);
	dev_disconnect(d);
	scene_end(&s);
}

static void device_added_at_a_reload_logs_in(void)
{
	const struct scene_opts o = { .more = ",\"devices\":[]" };
	struct scene s = scene_start(&o);
	const struct scene_opts all = { .more = "" };
	char *patch = scene_patch(&all);
	struct dev *d = dev_connect(s.lan, PRODUCT, "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==", NULL);

	CU_ASSERT_EQUAL(dev_code(d), 5);
	dev_disconnect(d);
	CU_ASSERT(lan_configure(s.lan, patch));
	lan_reload(s.lan);
	CU_ASSERT(lan_log_await(s.lan, "2 devices", WAIT_MS));
	d = scene_online_device(&s, "dev1", NULL);
	dev_disconnect(d);
	free(patch);
	scene_end(&s);
}

SUITE(mapping, TEST(old_rules_work_in_both_directions),
      TEST(will_of_a_killed_client_takes_its_device_offline),
      TEST(retained_presence_counts_for_a_gateway_that_starts_later),
      TEST(without_a_presence_topic_a_device_is_there_while_its_client_is),
      TEST(one_client_speaks_for_many_devices),
      TEST(device_with_a_secret_is_spoken_for_by_its_rules_checked_username_alone),
      TEST(stranger_neither_takes_over_nor_switches_off_a_device_by_presence),
      TEST(device_that_logged_in_once_is_spoken_for_by_nobody_also_after_a_restart),
      TEST(devices_of_a_rule_that_is_gone_at_a_reload_go_offline_and_get_no_commands),
      TEST(after_a_restart_devices_are_back_and_commanded_as_soon_as_their_client_is),
      TEST(of_names_that_the_hub_refused_nothing_is_kept_under_known_only),
      TEST(device_that_has_a_login_and_a_rule_is_forwarded_once),
      TEST(rule_as_wide_as_a_topic_of_commands_takes_none_of_them),
      TEST(bad_file_at_a_reload_changes_nothing_and_says_why),
      TEST(device_added_at_a_reload_logs_in))
