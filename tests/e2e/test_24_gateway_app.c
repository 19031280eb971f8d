/* A gateway application on the LAN: it logs in with the gateway's own identity, as a stock gateway
 * SDK does, and finds what it would find at the hub. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GW_SECRET   "Z2F0ZXdheS1vbmUtcHNrIQ=="
#define DEV1_SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="
#define DEV2_SECRET "ZGV2aWNlLXR3by1wc2stLQ=="
#define RESULT      "$gateway/operation/result/" GATEWAY
#define OPERATION   "$gateway/operation/" GATEWAY
#define EVENT       PRODUCT "/dev2/event"
#define CONTROL     PRODUCT "/dev2/control"

/* Only dev1 is configured: dev2 is the application's. */
#define ONLY_DEV1                              \
	",\"devices\":[{\"product_id\":\"" PRODUCT \
	"\",\"device_name\":\"dev1\",\"secret\":\"" DEV1_SECRET "\"}]"

enum {
	REFUSED = 0x80
};

static struct dev *app_connect(struct scene *s, const struct dev_opts *opts)
{
	struct dev *d = dev_connect(s->lan, "GWPRODUCT1", "gw1", GW_SECRET, opts);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 1), 1);
	return d;
}

static char *request(const char *op, const char *name)
{
	return text_fmt("{\"type\":\"%s\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	                "\",\"device_name\":\"%s\"}]}}",
	                op, name);
}

/* The reply to `text`, letter by letter. */
static bool replied(struct dev *app, const char *text, const char *op, const char *name, int result)
{
	char *expected =
		text_fmt("{\"type\":\"%s\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	             "\",\"device_name\":\"%s\",\"result\":%d}]}}",
	             op, name, result);
	const struct dev_message *m;
	bool right;

	CU_ASSERT(dev_publish(app, OPERATION, text, 0));
	m = dev_await_message(app, RESULT, WAIT_MS);
	right = m && strcmp(m->payload, expected) == 0;
	if (m && !right)
		fprintf(stderr, "expected %s, got %s\n", expected, m->payload);
	free(expected);
	return right;
}

static bool asks(struct dev *app, const char *op, const char *name, int result)
{
	char *text = request(op, name);
	bool right = replied(app, text, op, name, result);

	free(text);
	return right;
}

static bool asks_bind(struct dev *app, const char *name, const char *secret, int result)
{
	long now = (long)time(NULL);
	char *signature = cred_bind(secret, PRODUCT, name, 121213, now, false);
	char *text = text_fmt("{\"type\":\"bind\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	                      "\",\"device_name\":\"%s\",\"signature\":\"%s\",\"random\":121213,"
	                      "\"timestamp\":%ld,\"signmethod\":\"hmacsha1\",\"authtype\":\"psk\"}]}}",
	                      name, signature, now);
	bool right = replied(app, text, "bind", name, result);

	free(text);
	free(signature);
	return right;
}

static void device_brought_online_is_used_as_at_the_hub(void)
{
	const struct scene_opts o = { .more = ONLY_DEV1 };
	struct scene s = scene_start(&o);
	struct dev *app = app_connect(&s, NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(app, CONTROL, 1), REFUSED);
	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT_EQUAL(dev_subscribe(app, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(dev_publish_acked(app, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"on\":1}", 1));
	m = dev_await_message(app, CONTROL, WAIT_MS);
	CU_ASSERT_FATAL(m != NULL);
	CU_ASSERT_STRING_EQUAL(m->payload, "{\"on\":1}");
	CU_ASSERT(asks(app, "online", "dev2", 0)); /* again, without asking the hub */
	CU_ASSERT(asks(app, "offline", "dev2", 0));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	CU_ASSERT_EQUAL(dev_subscribe(app, CONTROL, 1), REFUSED);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "online", NULL), 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(app);
	scene_end(&s);
}

static void devices_it_did_not_bring_online_are_closed_to_it(void)
{
	struct scene s = scene_start(NULL);
	struct dev *app = app_connect(&s, NULL);

	CU_ASSERT_EQUAL(dev_subscribe(app, PRODUCT "/dev1/control", 1), REFUSED);
	CU_ASSERT_EQUAL(dev_subscribe(app, PRODUCT "/+/control", 1), REFUSED);
	CU_ASSERT(dev_publish_acked(app, PRODUCT "/dev1/event", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(asks(app, "online", "dev1", 0));
	CU_ASSERT(dev_publish_acked(app, PRODUCT "/dev1/event", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev1/event", WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", PRODUCT "/dev1/event", NULL),
	                1);
	dev_disconnect(app);
	scene_end(&s);
}

static void device_of_nobody_may_not_use_the_gateway_channel(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, RESULT, 1), REFUSED);
	CU_ASSERT(dev_publish(d, OPERATION, "{\"type\":\"unbind\"}", 0));
	CU_ASSERT_EQUAL(dev_subscribe(d, "$gateway/operation/result/" PRODUCT "/dev1", 1), REFUSED);
	dev_disconnect(d);
	scene_end(&s);
}

static void hub_decides_about_bind_and_unbind_and_known_secrets_are_checked_here(void)
{
	const struct scene_opts o = { .dev2_unbound = true };
	struct scene s = scene_start(&o);
	struct dev *app = app_connect(&s, NULL);

	CU_ASSERT(asks_bind(app, "dev2", DEV1_SECRET, 803)); /* forged: the hub does not hear of it */
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "bind", NULL), 0);
	CU_ASSERT(asks_bind(app, "dev2", DEV2_SECRET, 0));
	CU_ASSERT(asks_bind(app, "dev2", DEV2_SECRET, 809));
	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT(asks(app, "unbind", "dev2", 0));
	CU_ASSERT(asks(app, "unbind", "dev2", -1));
	CU_ASSERT(asks(app, "online", "dev2", -1)); /* somebody unbound it: not bound by itself */
	CU_ASSERT(asks(app, "online", "nobody", 802));
	CU_ASSERT(asks(app, "online", "bad name", 802));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(app);
	scene_end(&s);
}

static void unbound_device_with_a_known_secret_is_bound_and_then_online(void)
{
	const struct scene_opts o = { .dev2_unbound = true };
	struct scene s = scene_start(&o);
	struct dev *app = app_connect(&s, NULL);

	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "bind", "dev2"), "result"), 0);
	dev_disconnect(app);
	scene_end(&s);
}

/* docs/protocol/README.md, doubt 9: which digest is the key is not known. */
static void device_with_a_certificate_is_bound_by_one_of_its_digests(void)
{
	static const char pem[] = /* of anybody: only its digests count */
		"-----BEGIN CERTIFICATE-----\n"
		"MIIBijCCAS+gAwIBAgIUIjeLWQ5FYYC6TFcVKu1AcZULYJYwCgYIKoZIzj0EAwIw\n"
		"GTEXMBUGA1UEAwwOU1VCUFJPRFVDMWRldjIwIBcNMjYxMTI3MjEyNzMyWhgPMjEy\n"
		"NjExMDMyMTI3MzJaMBkxFzAVBgNVBAMMDlNVQlBST0RVQzFkZXYyMFkwEwYHKoZI\n"
		"zj0CAQYIKoZIzj0DAQcDQgAE9DjimbT+ikrXBvoDaipxKAq2NhIbnhRBXNzvu523\n"
		"FjQoLzbeKwtqXSfTOcQhhUYoijyWWPwc+uHSaLXHRKXsxKNTMFEwHQYDVR0OBBYE\n"
		"FLUONUcjTO73jy3QSrCY8mablft8MB8GA1UdIwQYMBaAFLUONUcjTO73jy3QSrCY\n"
		"8mablft8MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIEJ4ALF\n"
		"1Y1Q5kAna/WTXVkse7q43EyDL9gJIIOFfvy+AiEAniI2njgkvelPEG+LSvd9y0Ex\n"
		"QTi5Qik7V/8qd13hHzw=\n"
		"-----END CERTIFICATE-----\n";
	static const char *const keys[] = { "bb0ec17ba83f9aefd2791f31c47f5a75",
		                                "ef7d029bd7aed88850d64009a58744a66fdcd3b1" };
	char *dir = dir_make(), *path = text_fmt("%s/cert.pem", dir);
	char *patch = text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},\"devices\":["
	                       "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\","
	                       "\"certificate\":true,\"cert_file\":\"%s\"}]}",
	                       path);

	CU_ASSERT(file_write(path, pem, 0644));
	for (size_t i = 0; i < 2; i++) {
		char *config = text_fmt("{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":"
		                        "\"gw1\",\"secret\":\"" GW_SECRET "\",\"gateway\":true},"
		                        "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\","
		                        "\"cert\":true,\"bind_key\":\"%s\"}],"
		                        "\"limits\":{\"connect_s\":1}}",
		                        keys[i]);
		const struct sim_opts so = { .config = config };
		struct lan_opts lo = { .patch = patch };
		struct scene s = { .sim = sim_start(&so) };
		struct dev *app;

		free(config);
		CU_ASSERT_FATAL(s.sim != NULL);
		lo.hub_port = sim_port(s.sim);
		s.lan = lan_start(&lo);
		CU_ASSERT_FATAL(s.lan != NULL && lan_log_await(s.lan, "connected to the hub", WAIT_MS));
		app = app_connect(&s, NULL);
		CU_ASSERT(asks(app, "online", "dev2", 0));
		CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "bind", NULL), (int)i + 1);
		dev_disconnect(app);
		scene_end(&s);
	}
	dir_remove(dir);
	free(path);
	free(patch);
	free(dir);
}

static void several_devices_of_one_request_are_answered_together(void)
{
	const struct scene_opts o = { .more = ONLY_DEV1 };
	struct scene s = scene_start(&o);
	struct dev *app = app_connect(&s, NULL);
	const struct dev_message *m;

	CU_ASSERT(dev_publish(app, OPERATION,
	                      "{\"type\":\"online\",\"payload\":{\"devices\":["
	                      "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\"},"
	                      "{\"device_name\":\"dev3\",\"product_id\":\"" PRODUCT "\"},"
	                      "{\"product_id\":\"" PRODUCT "\"}]}}",
	                      1));
	m = dev_await_message(app, RESULT, WAIT_MS);
	CU_ASSERT_FATAL(m != NULL);
	CU_ASSERT_STRING_EQUAL(
		m->payload, "{\"type\":\"online\",\"payload\":{\"devices\":["
					"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"result\":0},"
					"{\"device_name\":\"dev3\",\"product_id\":\"" PRODUCT "\",\"result\":802},"
					"{\"product_id\":\"" PRODUCT "\",\"result\":801}]}}");
	dev_disconnect(app);
	scene_end(&s);
}

static bool lists(struct dev *app, const char *a, const char *b)
{
	const struct dev_message *m;

	CU_ASSERT(dev_publish(app, OPERATION, "{\"type\":\"describe_sub_devices\"}", 0));
	m = dev_await_message(app, RESULT, WAIT_MS);
	return m && strstr(m->payload, "\"describe_sub_devices\"") && strstr(m->payload, a) &&
	       strstr(m->payload, b);
}

static void without_the_hub_what_is_known_is_answered_and_the_rest_is_a_system_error(void)
{
	struct scene s = scene_start(NULL);
	struct dev *app = app_connect(&s, NULL);

	CU_ASSERT(lists(app, "\"dev1\"", "\"dev2\""));
	sim_kill(s.sim);
	CU_ASSERT(lan_log_await(s.lan, "messages wait, next attempt", WAIT_MS));
	CU_ASSERT(asks(app, "online", "dev1", 0));
	CU_ASSERT(asks(app, "offline", "dev1", 0));
	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT(asks(app, "online", "stranger", -2));
	CU_ASSERT(asks(app, "unbind", "dev1", -2));
	CU_ASSERT(asks_bind(app, "dev1", DEV1_SECRET, -2));
	CU_ASSERT(asks_bind(app, "dev1", DEV2_SECRET, 803));
	CU_ASSERT(lists(app, "\"dev1\"", "\"dev2\""));
	CU_ASSERT(dev_publish_acked(app, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(sim_restart(s.sim));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, 3 * WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "online", "device", PRODUCT "/dev1", NULL), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(app);
	scene_end(&s);
}

/* Stock C SDKs do not announce their devices again after a reconnect. */
static void devices_go_and_come_with_the_application_also_after_kill_9_of_the_broker(void)
{
	const struct scene_opts o = { .more = ONLY_DEV1 };
	struct scene s = scene_start(&o);
	struct dev *app = app_connect(&s, NULL);

	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	dev_drop(app);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	app = app_connect(&s, NULL);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT(dev_publish_acked(app, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	lan_kill(s.lan);
	dev_drop(app);
	CU_ASSERT(lan_restart(s.lan));
	app = app_connect(&s, NULL);
	CU_ASSERT_EQUAL(dev_subscribe(app, CONTROL, 1), 1);
	CU_ASSERT(dev_publish_acked(app, EVENT, "{\"seq\":2}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	dev_disconnect(app);
	scene_end(&s);
}

static void second_application_takes_over(void)
{
	struct scene s = scene_start(NULL);
	struct dev *first = app_connect(&s, NULL), *second;

	CU_ASSERT(asks(first, "online", "dev2", 0));
	second = app_connect(&s, NULL);
	CU_ASSERT(dev_await_disconnect(first, WAIT_MS));
	CU_ASSERT(dev_publish_acked(second, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "offline", NULL), 0);
	dev_disconnect(first);
	dev_disconnect(second);
	scene_end(&s);
}

static void wrong_gateway_secret_is_refused(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = dev_connect(s.lan, "GWPRODUCT1", "gw1", DEV1_SECRET, NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_code(d), 5);
	dev_disconnect(d);
	scene_end(&s);
}

static void gateways_own_topics_and_shadow_are_the_applications(void)
{
	struct scene s = scene_start(NULL);
	struct dev *app = app_connect(&s, NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(app, GATEWAY "/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, GATEWAY "/control"));
	CU_ASSERT(sim_publish(s.sim, GATEWAY "/control", "{\"go\":1}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(app, GATEWAY "/control", WAIT_MS));
	CU_ASSERT(dev_publish_acked(app, GATEWAY "/event", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, GATEWAY "/event", WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(app, "$sys/operation/result/" GATEWAY, 0), 0);
	CU_ASSERT(scene_await_filter(&s, "$sys/operation/result/" GATEWAY));
	CU_ASSERT(dev_publish(app, "$sys/operation/" GATEWAY,
	                      "{\"type\":\"get\",\"resource\":[\"time\"]}", 0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(app, "$sys/operation/result/" GATEWAY, WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(app, "$shadow/operation/result/" GATEWAY, 0), 0);
	CU_ASSERT(dev_publish(app, "$shadow/operation/" GATEWAY,
	                      "{\"type\":\"get\",\"clientToken\":\"t-1\"}", 0));
	m = dev_await_message(app, "$shadow/operation/result/" GATEWAY, WAIT_MS);
	CU_ASSERT_FATAL(m != NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(m->payload, "t-1"));
	dev_disconnect(app);
	scene_end(&s);
}

static void changes_made_in_the_console_are_passed_on_and_acknowledged_once(void)
{
	struct scene s = scene_start(NULL);
	struct dev *app = app_connect(&s, NULL);
	const struct dev_message *m;

	CU_ASSERT(asks(app, "online", "dev2", 0));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"unbind\",\"device\":\"" PRODUCT "/dev2\"}"));
	m = dev_await_message(app, RESULT, WAIT_MS);
	CU_ASSERT_FATAL(m != NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(m->payload, "\"type\":\"change\""));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "change_ack", "gateway", GATEWAY, NULL));
	CU_ASSERT(dev_publish(app, OPERATION, "{\"type\":\"change\",\"result\":0}", 0));
	CU_ASSERT_EQUAL(dev_subscribe(app, CONTROL, 1), REFUSED);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "change_ack", NULL), 1);
	dev_disconnect(app);
	scene_end(&s);
}

SUITE(gateway_app, TEST(device_brought_online_is_used_as_at_the_hub),
      TEST(devices_it_did_not_bring_online_are_closed_to_it),
      TEST(device_of_nobody_may_not_use_the_gateway_channel),
      TEST(hub_decides_about_bind_and_unbind_and_known_secrets_are_checked_here),
      TEST(unbound_device_with_a_known_secret_is_bound_and_then_online),
      TEST(device_with_a_certificate_is_bound_by_one_of_its_digests),
      TEST(several_devices_of_one_request_are_answered_together),
      TEST(without_the_hub_what_is_known_is_answered_and_the_rest_is_a_system_error),
      TEST(devices_go_and_come_with_the_application_also_after_kill_9_of_the_broker),
      TEST(second_application_takes_over), TEST(wrong_gateway_secret_is_refused),
      TEST(gateways_own_topics_and_shadow_are_the_applications),
      TEST(changes_made_in_the_console_are_passed_on_and_acknowledged_once))
