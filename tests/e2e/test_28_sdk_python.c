/* What the SDK for Python does, method by method (docs/protocol/sdk-api.md): its packets, QoS,
 * order and patience, against the broker as if it were the hub. MQTT 3.1, clean session, user name
 * with an expiry in milliseconds; it polls 3 times 0.5 s for the reply to a gateway operation. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GW_SECRET   "Z2F0ZXdheS1vbmUtcHNrIQ=="
#define DEV1_SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="
#define DEV2_SECRET "ZGV2aWNlLXR3by1wc2stLQ=="
#define OPERATION   "$gateway/operation/" GATEWAY
#define RESULT      "$gateway/operation/result/" GATEWAY
#define EVENT       PRODUCT "/dev1/event"
#define CONTROL     PRODUCT "/dev1/control"

enum {
	POLLS_MS = 1500, /* docs/protocol/gateway.md 7 */
	KEEPALIVE_S = 60,
};

/* connect(): user name and password are computed once, at construction. */
static struct dev *sdk_connect(struct scene *s, const char *pid, const char *name,
                               const char *secret, int keepalive)
{
	char *username = text_fmt("%s%s;21010406;a1B2c;%lld", pid, name, (long long)time(NULL) * 1000);
	const struct dev_opts o = { .mqtt31 = true, .keepalive = keepalive, .username = username };
	struct dev *d = dev_connect(s->lan, pid, name, secret, &o);

	free(username);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	return d;
}

static struct dev *device(struct scene *s)
{
	return sdk_connect(s, PRODUCT, "dev1", DEV1_SECRET, KEEPALIVE_S);
}

/* gatewayInit(): QoS 0, does not wait for the SUBACK in the SDK; the broker keeps the order. */
static struct dev *gateway(struct scene *s)
{
	struct dev *d = sdk_connect(s, "GWPRODUCT1", "gw1", GW_SECRET, KEEPALIVE_S);

	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 0), 0);
	return d;
}

/* What gatewaySubdev*() return: 0, or 1 for another result or none within the polls. */
static int operation(struct dev *d, const char *text)
{
	const struct dev_message *m;

	CU_ASSERT(dev_publish(d, OPERATION, text, 0));
	m = dev_await_message(d, RESULT, POLLS_MS);
	return m && strstr(m->payload, "\"device_name\":\"dev2\",\"result\":0}") ? 0 : 1;
}

static int about_dev2(struct dev *d, const char *type)
{
	char *text =
		text_fmt("{\"type\": \"%s\", \"payload\": {\"devices\": [{\"product_id\": \"" PRODUCT
	             "\", \"device_name\": \"dev2\"}]}}",
	             type);
	int rc = operation(d, text);

	free(text);
	return rc;
}

static int bind_dev2(struct dev *d, const char *secret)
{
	long now = (long)time(NULL);
	char *signature = cred_bind(secret, PRODUCT, "dev2", 77, now, false);
	char *text =
		text_fmt("{\"type\": \"bind\", \"payload\": {\"devices\": [{\"product_id\": \"" PRODUCT
	             "\", \"device_name\": \"dev2\", \"signature\": \"%s\", \"random\": 77, "
	             "\"timestamp\": %ld, \"signmethod\": \"hmacsha1\", \"authtype\": \"psk\"}]}}",
	             signature, now);
	int rc = operation(d, text);

	free(text);
	free(signature);
	return rc;
}

static void connect_is_accepted_with_an_expiry_in_milliseconds_and_shows_the_device_online(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);

	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(dev_connected(d)); /* isMqttConnected, getConnectState */
	dev_disconnect(d);
	scene_end(&s);
}

static void disconnect_takes_the_device_offline(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);

	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	dev_disconnect(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	scene_end(&s);
}

/* A list goes out as one packet, which the hub's limit forbids: at the hub it is one by one. */
static void subscribe_of_a_list_is_granted_and_reaches_the_hub_filter_by_filter(void)
{
	static char control[] = CONTROL, data[] = PRODUCT "/dev1/data";
	char *const filters[] = { control, data };
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);

	CU_ASSERT_EQUAL(dev_subscribe_many(d, filters, 2, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev1/data"));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void unsubscribe_ends_the_subscription_at_the_hub_too(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 0), 0);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(dev_unsubscribe(d, CONTROL));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "unsubscribe", "filter", CONTROL, NULL));
	dev_disconnect(d);
	scene_end(&s);
}

/* json.dumps of a text is a quoted text; of a dict it has blanks. */
static void publish_of_any_payload_reaches_the_hub_byte_for_byte(void)
{
	static const char *const payloads[] = { "\"hello\"", "{\"a\": 1, \"b\": [1.0, null]}", "42" };
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);

	for (int qos = 0; qos < 2; qos++) {
		for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
			const cJSON *ev;

			CU_ASSERT(dev_publish(d, EVENT, payloads[i], qos));
			ev = scene_await_publish(&s, EVENT, WAIT_MS);
			CU_ASSERT_FATAL(ev != NULL);
			CU_ASSERT_STRING_EQUAL(cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload")),
			                       payloads[i]);
			CU_ASSERT_EQUAL(scene_number(ev, "qos"), qos);
		}
	}
	dev_disconnect(d);
	scene_end(&s);
}

/* registerMqttCallback, registerUserCallback: on_publish, on_subscribe, and messages by topic. */
static void callbacks_hear_acknowledgements_and_commands(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = device(&s);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"on\":true}", 1));
	m = dev_await_message(d, CONTROL, WAIT_MS);
	CU_ASSERT(m && strcmp(m->payload, "{\"on\":true}") == 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* setKeepaliveInterval: any value; setReconnectInterval, setMessageTimout: the client's own. */
static void any_keepalive_is_taken_and_a_reconnect_needs_only_its_subscriptions_again(void)
{
	static const int keepalives[] = { 5, 60, 1200 };
	struct scene s = scene_start(NULL);

	for (size_t i = 0; i < sizeof keepalives / sizeof keepalives[0]; i++) {
		struct dev *d = sdk_connect(&s, PRODUCT, "dev1", DEV1_SECRET, keepalives[i]);

		CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 0), 0);
		dev_drop(d);
	}
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	scene_end(&s);
}

static void gateway_operations_are_answered_within_the_polls_of_the_sdk(void)
{
	const struct scene_opts o = { .dev2_unbound = true };
	struct scene s = scene_start(&o);
	struct dev *d = gateway(&s);

	CU_ASSERT_EQUAL(bind_dev2(d, DEV1_SECRET), 1); /* gatewaySubdevBind: wrong secret */
	CU_ASSERT_EQUAL(bind_dev2(d, DEV2_SECRET), 0);
	CU_ASSERT_EQUAL(about_dev2(d, "online"), 0);  /* gatewaySubdevOnline */
	CU_ASSERT_EQUAL(about_dev2(d, "offline"), 0); /* gatewaySubdevOffline */
	CU_ASSERT_EQUAL(about_dev2(d, "online"), 0);
	CU_ASSERT_EQUAL(about_dev2(d, "unbind"), 0); /* gatewaySubdevUnbind */
	CU_ASSERT_EQUAL(about_dev2(d, "online"), 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* All tables of the SDK are empty after a reconnect: gatewayInit and online again. */
static void gateway_starts_over_after_a_reconnect(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = gateway(&s);

	CU_ASSERT_EQUAL(about_dev2(d, "online"), 0);
	dev_drop(d);
	d = gateway(&s);
	CU_ASSERT_EQUAL(about_dev2(d, "online"), 0);
	CU_ASSERT(dev_publish(d, PRODUCT "/dev2/event", "{\"seq\": 1}", 0));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/event", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

/* gatewaySubdevSubscribe with a list, for a device that is online. */
static void topics_of_a_subdevice_are_subscribed_in_one_packet(void)
{
	static char control[] = PRODUCT "/dev2/control", data[] = PRODUCT "/dev2/data";
	char *const filters[] = { control, data };
	struct scene s = scene_start(NULL);
	struct dev *d = gateway(&s);

	CU_ASSERT_EQUAL(about_dev2(d, "online"), 0);
	CU_ASSERT_EQUAL(dev_subscribe_many(d, filters, 2, 0), 0);
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev2/control"));
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev2/control", "{\"x\":1}", 0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, PRODUCT "/dev2/control", WAIT_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* gatewaySubdevGetBindList; gatewaySubdevGetConfigList, isSubdevStatusOnline and updateSubdevStatus
 * are tables in the client. */
static void list_of_bound_devices_comes_within_the_polls(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = gateway(&s);
	const struct dev_message *m;

	CU_ASSERT(dev_publish(d, OPERATION, "{\"type\": \"describe_sub_devices\"}", 0));
	m = dev_await_message(d, RESULT, POLLS_MS);
	CU_ASSERT(m && strstr(m->payload, "\"dev1\"") && strstr(m->payload, "\"dev2\""));
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(sdk_python,
      TEST(connect_is_accepted_with_an_expiry_in_milliseconds_and_shows_the_device_online),
      TEST(disconnect_takes_the_device_offline),
      TEST(subscribe_of_a_list_is_granted_and_reaches_the_hub_filter_by_filter),
      TEST(unsubscribe_ends_the_subscription_at_the_hub_too),
      TEST(publish_of_any_payload_reaches_the_hub_byte_for_byte),
      TEST(callbacks_hear_acknowledgements_and_commands),
      TEST(any_keepalive_is_taken_and_a_reconnect_needs_only_its_subscriptions_again),
      TEST(gateway_operations_are_answered_within_the_polls_of_the_sdk),
      TEST(gateway_starts_over_after_a_reconnect),
      TEST(topics_of_a_subdevice_are_subscribed_in_one_packet),
      TEST(list_of_bound_devices_comes_within_the_polls))
