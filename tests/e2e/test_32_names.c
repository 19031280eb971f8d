/* Names that the hub does not know: a client that speaks for a street full of them costs the
 * devices of the gateway nothing. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STREET = 1500,
	FIRST_LOGIN_MS = 5000,
	NO_SUCH_DEVICE = 802,
	KEPT = 60, /* messages of a device that is bound */
	GROWTH_KB =
		3000 /* of the broker's memory, over thousands of names: less than they would take */
};

#define STREET_RULE                                                                \
	"{\"client\":\"scanner\",\"product_id\":\"" PRODUCT "\",\"device\":\"{mac}\"," \
	"\"up\":\"ble/{mac}\",\"down\":\"ble/{mac}/set\"}"
#define WITH_STREET ",\"mappings\":[" STREET_RULE "]"
#define ONLY_DEV1                                                                        \
	",\"devices\":[{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":" \
	"\"ZGV2aWNlLW9uZS1wc2stMQ==\"}]"

static struct dev *scanner(struct scene *s)
{
	const struct dev_opts o = { .client_id = "scanner" };
	struct dev *d = client_connect(lan_port(s->lan), &o);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	return d;
}

/* One message of each of these names. */
static void speak_for(struct dev *d, int from, int to)
{
	char topic[32];

	for (int i = from; i <= to; i++) {
		snprintf(topic, sizeof(topic), "ble/x%08x", (unsigned)i * 2654435761u);
		CU_ASSERT_FATAL(i < to ? dev_publish(d, topic, "{\"rssi\":-70}", 1)
		                       : dev_publish_acked(d, topic, "{\"rssi\":-70}", WAIT_MS));
	}
}

static void first_login_is_soon(struct scene *s, const char *name)
{
	int64_t start_ms = now_ms();
	struct dev *d = scene_device(s, name, NULL);

	CU_ASSERT_PTR_NOT_NULL(scene_await(s, "online", name));
	CU_ASSERT(now_ms() - start_ms < FIRST_LOGIN_MS);
	dev_disconnect(d);
}

static void new_device_comes_online_beside_1500_unknown_names_also_after_a_restart(void)
{
	const struct scene_opts o = { .more = WITH_STREET };
	struct scene s = scene_start(&o);
	struct dev *d = scanner(&s);

	speak_for(d, 1, STREET);
	first_login_is_soon(&s, "dev1");
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	first_login_is_soon(&s, "dev2");
	dev_disconnect(d);
	CU_ASSERT(lan_restart(s.lan));
	d = scanner(&s);
	speak_for(d, 1, 10);
	sim_skip_events(s.sim);
	first_login_is_soon(&s, "dev1");
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void name_that_is_bound_later_loses_nothing_and_a_known_one_comes_at_once(void)
{
	const struct scene_opts o = { .dev2_unbound = true, .more = WITH_STREET ONLY_DEV1 };
	struct scene s = scene_start(&o);
	struct dev *d = scanner(&s);

	speak_for(d, 1, 20);
	CU_ASSERT(dev_publish_acked(d, "ble/dev2", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "names that the hub does not know", WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"bind\",\"device\":\"" PRODUCT
	                        "/dev2\",\"gateway\":\"" GATEWAY "\"}"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/event", WAIT_MS));
	/* It is ours now, and stays so. */
	dev_disconnect(d);
	CU_ASSERT(lan_restart(s.lan));
	d = scanner(&s);
	speak_for(d, 1, STREET);
	sim_skip_events(s.sim);
	CU_ASSERT(dev_publish_acked(d, "ble/dev2", "{\"seq\":2}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/event", FIRST_LOGIN_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void unknown_names_push_no_acknowledged_message_of_a_device_out(void)
{
	const struct scene_opts o = { .store = "\"max_messages\":100,\"device_share\":100",
		                          .more = WITH_STREET };
	struct scene s = scene_start(&o);
	struct dev *bound = scene_online_device(&s, "dev1", NULL), *d = scanner(&s);

	speak_for(d, 1, 50); /* strangers soon */
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(scene_publish_run(bound, PRODUCT "/dev1/event", 1, KEPT, WAIT_MS));
	speak_for(d, 1, 2 * STREET);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", KEPT, 2 * WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	dev_disconnect(bound);
	dev_disconnect(d);
	scene_end(&s);
}

static void refusing_a_message_ends_no_connection_that_speaks_for_others(void)
{
	const struct scene_opts o = { .store = "\"max_messages\":20,\"policy\":\"refuse\"",
		                          .more = WITH_STREET };
	struct scene s = scene_start(&o);
	struct dev *d = scanner(&s), *alone = scene_online_device(&s, "dev1", NULL);
	char *refused;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	speak_for(d, 1, 100);
	CU_ASSERT(dev_connected(d));
	refused = scene_sys(&s, "messages_refused_full_total");
	CU_ASSERT(refused && atoi(refused) > 0);
	free(refused);
	/* Who speaks for itself alone is told so. */
	CU_ASSERT_FALSE(scene_publish_run(alone, PRODUCT "/dev1/event", 1, 30, 2000));
	CU_ASSERT(dev_await_disconnect(alone, WAIT_MS));
	dev_disconnect(alone);
	dev_disconnect(d);
	scene_end(&s);
}

static bool app_gets(struct dev *app, const char *name, int result)
{
	char *text =
		text_fmt("{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
	             "\",\"device_name\":\"%s\"}]}}",
	             name);
	char *said = text_fmt("\"result\":%d}", result);
	const struct dev_message *m;
	bool right;

	CU_ASSERT(dev_publish(app, "$gateway/operation/" GATEWAY, text, 0));
	m = dev_await_message(app, "$gateway/operation/result/" GATEWAY, WAIT_MS);
	right = m && strstr(m->payload, name) && strstr(m->payload, said);
	free(text);
	free(said);
	return right;
}

static void gateway_application_gets_the_hubs_answer_beside_1500_unknown_names(void)
{
	const struct scene_opts o = { .more = WITH_STREET ONLY_DEV1 };
	struct scene s = scene_start(&o);
	struct dev *d = scanner(&s);
	struct dev *app = dev_connect(s.lan, "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);

	CU_ASSERT_FATAL(app && dev_code(app) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(app, "$gateway/operation/result/" GATEWAY, 1), 1);
	speak_for(d, 1, 2 * STREET);
	CU_ASSERT(app_gets(app, "dev2", 0));
	CU_ASSERT(app_gets(app, "nobody", NO_SUCH_DEVICE));
	CU_ASSERT(app_gets(app, "nobody", NO_SUCH_DEVICE)); /* and again, though it is a stranger now */
	dev_disconnect(app);
	dev_disconnect(d);
	scene_end(&s);
}

/* KiB that the broker holds. */
static long memory_of(struct scene *s)
{
	char *path = text_fmt("/proc/%d/status", (int)lan_pid(s->lan));
	char *text = file_read(path);
	const char *line = text ? strstr(text, "VmRSS:") : NULL;
	long kb = line ? atol(line + strlen("VmRSS:")) : -1;

	free(path);
	free(text);
	return kb;
}

static void memory_does_not_grow_with_thousands_of_names(void)
{
	const struct scene_opts o = { .more = WITH_STREET };
	struct scene s = scene_start(&o);
	struct dev *d = scanner(&s);
	char *strangers;
	long before_kb;

	speak_for(d, 1, 2 * STREET);
	before_kb = memory_of(&s);
	speak_for(d, 2 * STREET, 8 * STREET);
	/* A sanitizer keeps what was freed for long, and finds leaks itself. */
	CU_ASSERT(before_kb > 0);
	if (!getenv("HUBGATE_PRELOAD"))
		CU_ASSERT(memory_of(&s) - before_kb < GROWTH_KB);
	strangers = scene_sys(&s, "unknown_names");
	CU_ASSERT(strangers && atoi(strangers) <= 200);
	free(strangers);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(names, TEST(new_device_comes_online_beside_1500_unknown_names_also_after_a_restart),
      TEST(name_that_is_bound_later_loses_nothing_and_a_known_one_comes_at_once),
      TEST(unknown_names_push_no_acknowledged_message_of_a_device_out),
      TEST(refusing_a_message_ends_no_connection_that_speaks_for_others),
      TEST(gateway_application_gets_the_hubs_answer_beside_1500_unknown_names),
      TEST(memory_does_not_grow_with_thousands_of_names))
