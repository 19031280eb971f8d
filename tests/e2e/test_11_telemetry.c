/* Messages between devices and the hub while both are there. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>

#define EVENT   PRODUCT "/dev1/event"
#define DATA    PRODUCT "/dev1/data"
#define CONTROL PRODUCT "/dev1/control"
#define ALL     PRODUCT "/dev1/#"

static bool payload_is(const struct dev_message *m, const char *expected)
{
	return m && strcmp(m->payload, expected) == 0;
}

static bool text_is(const cJSON *event, const char *name, const char *expected)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, name));

	return text && strcmp(text, expected) == 0;
}

static void messages_of_qos_0_and_1_arrive_with_their_qos(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const cJSON *ev;

	CU_ASSERT(dev_publish(d, EVENT, "{\"t\":0}", 0));
	ev = scene_await_publish(&s, EVENT, WAIT_MS);
	CU_ASSERT(text_is(ev, "payload", "{\"t\":0}"));
	CU_ASSERT_EQUAL(scene_number(ev, "qos"), 0);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"t\":1}", WAIT_MS));
	ev = scene_await_publish(&s, EVENT, WAIT_MS);
	CU_ASSERT(text_is(ev, "payload", "{\"t\":1}"));
	CU_ASSERT_EQUAL(scene_number(ev, "qos"), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void messages_of_a_device_arrive_once_and_in_order(void)
{
	enum {
		COUNT = 500
	};
	const struct scene_opts o = { .hub = ",\"rate_up\":0", .hub_rate = 100000 };
	struct scene s = scene_start(&o);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);
	static const char *const names[] = { "dev1", "dev2" };

	CU_ASSERT(scene_publish_run(one, EVENT, 1, COUNT, WAIT_MS));
	CU_ASSERT(scene_publish_run(two, PRODUCT "/dev2/event", 1, COUNT, WAIT_MS));
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(scene_await_distinct(&s, names[i], COUNT, WAIT_MS));
		CU_ASSERT_EQUAL(scene_tally(&s, names[i], "reordered"), 0);
		CU_ASSERT_EQUAL(scene_tally(&s, names[i], "missing"), 0);
		CU_ASSERT_EQUAL(scene_tally(&s, names[i], "duplicates"), 0);
	}
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

/* As a user would try it: connects, publishes, leaves at once. */
static bool run_mosquitto_pub(struct scene *s, const char *topic, const char *payload)
{
	char *user = cred_username(PRODUCT, "dev1");
	char *password = cred_password("ZGV2aWNlLW9uZS1wc2stLQ==", user, true);
	char *port = text_fmt("%d", lan_port(s->lan)), *log = text_fmt("%s/pub.log", lan_dir(s->lan));
	char *to = text_fmt("%s", topic), *text = text_fmt("%s", payload);
	char program[] = "mosquitto_pub", host_flag[] = "-h", host[] = "127.0.0.1", port_flag[] = "-p",
		 id_flag[] = "-i", id[] = PRODUCT "dev1", user_flag[] = "-u", password_flag[] = "-P",
		 topic_flag[] = "-t", qos_flag[] = "-q", qos[] = "1", text_flag[] = "-m";
	char *argv[] = { program, host_flag, host, port_flag,     port,     id_flag,
		             id,      user_flag, user, password_flag, password, topic_flag,
		             to,      qos_flag,  qos,  text_flag,     text,     NULL };
	struct proc *p = proc_start(argv, NULL, log);
	int status = -1;
	bool ok = p && proc_wait(p, WAIT_MS, &status) >= 0 && status == 0;

	proc_free(p);
	free(user);
	free(password);
	free(port);
	free(log);
	free(to);
	free(text);
	return ok;
}

static void message_of_a_client_that_leaves_at_once_arrives_after_its_online(void)
{
	const struct scene_opts o = { .grace_ms = 1 };
	struct scene s = scene_start(&o);
	const cJSON *ev, *online;

	CU_ASSERT(run_mosquitto_pub(&s, DATA, "{\"temperature\":21.50}"));
	ev = scene_await_publish(&s, DATA, WAIT_MS);
	online = scene_await(&s, "online", "dev1");
	CU_ASSERT(text_is(ev, "payload", "{\"temperature\":21.50}"));
	CU_ASSERT(scene_number(online, "n") > 0);
	CU_ASSERT(scene_number(online, "n") < scene_number(ev, "n"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

/* The last thing that the device hears; then what it heard on DATA has all come. */
static void hear_the_end(struct scene *s, struct dev *d)
{
	CU_ASSERT(sim_publish(s->sim, CONTROL, "{\"end\":1}", 1));
	CU_ASSERT(payload_is(dev_await_message(d, CONTROL, WAIT_MS), "{\"end\":1}"));
}

static void device_does_not_get_back_its_own_message_and_always_gets_the_hubs(void)
{
	const struct scene_opts fast = { .hub = ",\"rate_up\":0", .hub_rate = 100000 };
	struct scene s = scene_start(&fast);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	static const char text[] = "{\"from\":\"anybody\"}";

	CU_ASSERT_EQUAL(dev_subscribe(d, ALL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, ALL));
	for (int qos = 0; qos <= 2; qos++)
		CU_ASSERT(dev_publish(d, DATA, text, qos));
	for (int qos = 0; qos <= 2; qos++)
		CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, DATA, WAIT_MS));
	/* The same bytes from the hub are the hub's. */
	CU_ASSERT(sim_publish(s.sim, DATA, text, 1));
	CU_ASSERT(payload_is(dev_await_message(d, DATA, WAIT_MS), text));
	hear_the_end(&s, d);
	CU_ASSERT_EQUAL(dev_count_messages(d, DATA), 1);
	dev_disconnect(d);
	scene_end(&s);
}

/* The device publishes what the hub sends at the same time. */
static void hears_the_hubs_only(struct scene *s, struct dev *d, int count)
{
	static const char text[] = "{\"from\":\"anybody\"}";

	CU_ASSERT_EQUAL(dev_subscribe(d, DATA, 1), 1);
	CU_ASSERT(scene_await_filter(s, DATA));
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(s, CONTROL));
	for (int i = 0; i < count; i++) {
		CU_ASSERT(dev_publish(d, DATA, text, i % 3));
		CU_ASSERT(sim_publish(s->sim, DATA, text, i % 10 == 0));
	}
	for (int i = 0; i < count; i++)
		CU_ASSERT_FATAL(payload_is(dev_await_message(d, DATA, WAIT_MS), text));
	hear_the_end(s, d);
	CU_ASSERT_EQUAL(dev_count_messages(d, DATA), count);
}

static const struct scene_opts no_rate = { .hub = ",\"rate_up\":0", .hub_rate = 1000000 };

static void of_a_thousand_equal_messages_both_ways_at_once_the_device_hears_the_hubs(void)
{
	struct scene s = scene_start(&no_rate);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	hears_the_hubs_only(&s, d, 1000);
	dev_disconnect(d);
	scene_end(&s);
}

/* What a device subscribed is remembered, also when a new session of it asks for less. */
static void filter_of_an_earlier_session_costs_no_message_of_the_hub(void)
{
	struct scene s = scene_start(&no_rate);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, ALL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, ALL));
	CU_ASSERT(dev_leave(d));
	CU_ASSERT(dev_reconnect(d));
	hears_the_hubs_only(&s, d, 300);
	dev_disconnect(d);
	scene_end(&s);
}

/* The rule engine writes it anew; it may even be what the device wrote. */
static void copy_of_a_forwarding_rule_is_delivered_once(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, DATA, 1), 1);
	CU_ASSERT(scene_await_filter(&s, DATA));
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"forward\",\"topic\":\"" DATA "\"}"));
	CU_ASSERT(dev_publish_acked(d, DATA, "{\"b\":1, \"a\":2}", WAIT_MS));
	CU_ASSERT(payload_is(dev_await_message(d, DATA, WAIT_MS), "{\"a\":2,\"b\":1}"));
	CU_ASSERT(dev_publish_acked(d, DATA, "{\"a\":3}", WAIT_MS));
	CU_ASSERT(payload_is(dev_await_message(d, DATA, WAIT_MS), "{\"a\":3}"));
	hear_the_end(&s, d);
	CU_ASSERT_EQUAL(dev_count_messages(d, DATA), 2);
	dev_disconnect(d);
	scene_end(&s);
}

static void kept_session_hears_what_equals_its_own_message(void)
{
	enum {
		COUNT = 20
	};
	const struct dev_opts kept = { .persistent = true };
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", &kept);
	static const char text[] = "{\"from\":\"anybody\"}";

	CU_ASSERT_EQUAL(dev_subscribe(d, DATA, 1), 1);
	CU_ASSERT(scene_await_filter(&s, DATA));
	for (int qos = 0; qos <= 2; qos++)
		CU_ASSERT(dev_publish(d, DATA, text, qos));
	for (int qos = 0; qos <= 2; qos++)
		CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, DATA, WAIT_MS));
	CU_ASSERT(dev_leave(d));
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT(sim_publish(s.sim, DATA, text, 1));
	CU_ASSERT(dev_reconnect(d));
	for (int i = 0; i < COUNT; i++)
		CU_ASSERT(payload_is(dev_await_message(d, DATA, WAIT_MS), text));
	CU_ASSERT_EQUAL(dev_count_messages(d, DATA), COUNT);
	dev_disconnect(d);
	scene_end(&s);
}

static void commands_of_qos_0_and_1_reach_the_device_with_their_qos(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	for (int qos = 0; qos < 2; qos++) {
		CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"lamp\":1}", qos));
		m = dev_await_message(d, CONTROL, WAIT_MS);
		CU_ASSERT(payload_is(m, "{\"lamp\":1}"));
		CU_ASSERT(m && m->qos == qos && !m->retain);
	}
	dev_disconnect(d);
	scene_end(&s);
}

static bool await_number(struct scene *s, const char *name, const char *expected)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	bool same = false;

	while (!same && now_ms() < end_ms) {
		char *text = scene_sys(s, name);

		same = text && strcmp(text, expected) == 0;
		free(text);
	}
	return same;
}

static void command_for_a_device_in_its_grace_time_is_held_until_it_subscribes_again(void)
{
	const struct scene_opts o = { .grace_ms = 8000 };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_drop(d);
	CU_ASSERT(await_number(&s, "devices_present", "0"));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"held\":1}", 1));
	CU_ASSERT(await_number(&s, "commands_held_total", "1"));
	d = scene_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(payload_is(dev_await_message(d, CONTROL, WAIT_MS), "{\"held\":1}"));
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), 1);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void wildcard_subscription_gets_all_topics_of_the_device(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, ALL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, ALL));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"c\":1}", 1));
	CU_ASSERT(payload_is(dev_await_message(d, CONTROL, WAIT_MS), "{\"c\":1}"));
	CU_ASSERT(sim_publish(s.sim, DATA, "{\"d\":1}", 0));
	CU_ASSERT(payload_is(dev_await_message(d, DATA, WAIT_MS), "{\"d\":1}"));
	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev2/#", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/+/control", 1), 0x80);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void unsubscribe_is_mirrored_at_the_hub(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(dev_unsubscribe(d, CONTROL));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "unsubscribe", "client", GATEWAY,
	                                       "filter", CONTROL, NULL));
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_disconnect(d);
	scene_end(&s);
}

static void new_session_repeats_subscriptions_one_filter_at_a_time(void)
{
	const struct scene_opts o = { .hub = ",\"clean_session\":true" };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char control[] = CONTROL, data[] = DATA;
	char *const filters[] = { control, data };

	CU_ASSERT_EQUAL(dev_subscribe_many(d, filters, 2, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(scene_await_filter(&s, DATA));
	sim_skip_events(s.sim);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "connect", "session_present", "false", NULL));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(scene_await_filter(&s, DATA));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"again\":1}", 1));
	CU_ASSERT(payload_is(dev_await_message(d, CONTROL, WAIT_MS), "{\"again\":1}"));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "violations.filters"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void resumed_session_delivers_without_subscribing_first(void)
{
	const struct scene_opts o = { .hub = NULL };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "disconnect", NULL));
	sim_skip_events(s.sim); /* of the first connection */
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"while\":\"away\"}", 1));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	m = dev_await_message(d, CONTROL, WAIT_MS);
	CU_ASSERT(payload_is(m, "{\"while\":\"away\"}"));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "connect", "session_present", "true", NULL));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	/* Renewed in the background all the same. */
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "violations.filters"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void refused_subscription_is_named_in_the_log_and_harms_no_other(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev1/undeclared", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(lan_log_await(s.lan, "the hub refuses the subscription SUBPRODUC1/dev1/undeclared",
	                        WAIT_MS));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT(payload_is(dev_await_message(d, CONTROL, WAIT_MS), "{}"));
	dev_disconnect(d);
	scene_end(&s);
}

static void remote_procedure_call_makes_its_round_trip(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const cJSON *ev;

	CU_ASSERT_EQUAL(dev_subscribe(d, "$rrpc/rxd/" PRODUCT "/dev1/+", 0), 0);
	CU_ASSERT(scene_await_filter(&s, "$rrpc/rxd/" PRODUCT "/dev1/+"));
	CU_ASSERT(sim_publish(s.sim, "$rrpc/rxd/" PRODUCT "/dev1/4711", "{\"ask\":1}", 0));
	CU_ASSERT(payload_is(dev_await_message(d, "$rrpc/rxd/" PRODUCT "/dev1/4711", WAIT_MS),
	                     "{\"ask\":1}"));
	CU_ASSERT(dev_publish(d, "$rrpc/txd/" PRODUCT "/dev1/4711", "{\"answer\":1}", 0));
	ev = scene_await_publish(&s, "$rrpc/txd/" PRODUCT "/dev1/4711", WAIT_MS);
	CU_ASSERT(text_is(ev, "payload", "{\"answer\":1}"));
	dev_disconnect(d);
	scene_end(&s);
}

static void time_of_the_hub_reaches_the_device(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, "$sys/operation/result/" PRODUCT "/dev1", 0), 0);
	CU_ASSERT(scene_await_filter(&s, "$sys/operation/result/" PRODUCT "/dev1"));
	CU_ASSERT(dev_publish(d, "$sys/operation/" PRODUCT "/dev1",
	                      "{\"type\":\"get\",\"resource\":[\"time\"]}", 0));
	m = dev_await_message(d, "$sys/operation/result/" PRODUCT "/dev1", WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"time\":") != NULL);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(telemetry, TEST(messages_of_qos_0_and_1_arrive_with_their_qos),
      TEST(messages_of_a_device_arrive_once_and_in_order),
      TEST(message_of_a_client_that_leaves_at_once_arrives_after_its_online),
      TEST(device_does_not_get_back_its_own_message_and_always_gets_the_hubs),
      TEST(of_a_thousand_equal_messages_both_ways_at_once_the_device_hears_the_hubs),
      TEST(filter_of_an_earlier_session_costs_no_message_of_the_hub),
      TEST(copy_of_a_forwarding_rule_is_delivered_once),
      TEST(kept_session_hears_what_equals_its_own_message),
      TEST(commands_of_qos_0_and_1_reach_the_device_with_their_qos),
      TEST(command_for_a_device_in_its_grace_time_is_held_until_it_subscribes_again),
      TEST(wildcard_subscription_gets_all_topics_of_the_device),
      TEST(unsubscribe_is_mirrored_at_the_hub),
      TEST(new_session_repeats_subscriptions_one_filter_at_a_time),
      TEST(resumed_session_delivers_without_subscribing_first),
      TEST(refused_subscription_is_named_in_the_log_and_harms_no_other),
      TEST(remote_procedure_call_makes_its_round_trip), TEST(time_of_the_hub_reaches_the_device))
