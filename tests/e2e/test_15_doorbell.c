/* The doorbell finds its way over whatever listener there is, so that commands do
 * not wait for the broker's tick. */
#include <stdlib.h>

#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define CONTROL PRODUCT "/dev1/control"
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	COMMANDS = 20,
	AWAIT_MS = 10000
};

/* Commands arrive, and the broker says that it was rung for them, by a doorbell that came once and
 * was never thrown out. */
static void commands_are_rung_for(struct lan_opts opts, struct dev_opts dev_opts,
                                  const char *expected_log)
{
	struct sim *sim = sim_start(NULL);
	struct lan *lan;
	struct dev *dev;

	opts.hub_port = sim ? sim_port(sim) : 0;
	lan = lan_start(&opts);
	if (dev_opts.tls_ca)
		dev_opts.port = lan ? lan_tls_port(lan) : 0;
	if (opts.unix_socket)
		dev_opts.unix_path = lan ? lan_unix_path(lan) : NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(lan);
	CU_ASSERT_TRUE(lan_log_await(lan, expected_log, AWAIT_MS));
	dev = dev_connect(lan, PRODUCT, "dev1", SECRET, &dev_opts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
	CU_ASSERT_EQUAL(dev_subscribe(dev, CONTROL, 1), 1);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, AWAIT_MS, "ev", "subscribe", "filter", CONTROL, NULL));
	for (int i = 0; i < COMMANDS; i++) {
		CU_ASSERT_TRUE(sim_publish(sim, CONTROL, "{\"on\":1}", 1));
		CU_ASSERT_PTR_NOT_NULL(dev_await_message(dev, CONTROL, AWAIT_MS));
	}
	CU_ASSERT_FALSE(lan_log_has(lan, "doorbell: a ring"));
	CU_ASSERT_EQUAL(scene_log_count(&(struct scene){ .lan = lan }, " as hubgate-"),
	                lan_log_has(lan, "doorbell: works over"));
	dev_disconnect(dev);
	lan_free(lan);
	sim_stop(sim);
}

static void over_a_plain_listener(void)
{
	commands_are_rung_for((struct lan_opts){ 0 }, (struct dev_opts){ 0 },
	                      "doorbell: works over 127.0.0.1:");
}

/* Where every publish that is denied costs its client the connection. */
static void over_a_broker_whose_queue_has_no_limit(void)
{
	commands_are_rung_for((struct lan_opts){ .extra_conf = "max_queued_messages 0" },
	                      (struct dev_opts){ 0 }, "doorbell: works over 127.0.0.1:");
}

static void over_a_unix_socket_first(void)
{
	commands_are_rung_for((struct lan_opts){ .unix_socket = true }, (struct dev_opts){ 0 },
	                      "doorbell: works over unix:");
}

static void over_a_broker_with_a_unix_socket_only(void)
{
	commands_are_rung_for((struct lan_opts){ .unix_socket = true, .no_plain = true },
	                      (struct dev_opts){ 0 }, "doorbell: works over unix:");
}

static void over_a_broker_with_tls_only(void)
{
	char *dir = dir_make();
	char *cert = text_fmt("%s/server.pem", dir), *key = text_fmt("%s/server.key", dir);
	char *ca = text_fmt("%s/ca.pem", dir);

	CU_ASSERT_TRUE(certs_make(dir, "client"));
	commands_are_rung_for((struct lan_opts){ .no_plain = true, .tls_cert = cert, .tls_key = key },
	                      (struct dev_opts){ .tls_ca = ca }, "(TLS)");
	dir_remove(dir);
	free(dir);
	free(cert);
	free(key);
	free(ca);
}

/* The listeners of mosquitto.conf, of which it takes that one. */
static void works_over(const char *listeners, const char *address, int port)
{
	char *works = text_fmt("doorbell: works over %s:%d", address, port);
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = {
		.hub_port = sim ? sim_port(sim) : 0,
		.no_plain = true,
		.extra_conf = listeners,
	};
	struct lan *lan = lan_start(&opts);

	CU_ASSERT(lan && lan_log_await(lan, works, AWAIT_MS));
	CU_ASSERT_FALSE(lan_log_has(lan, "OpenSSL Error"));
	lan_free(lan);
	sim_stop(sim);
	free(works);
}

/* 127.0.0.2 stands for a LAN address: one that is not where a client would look. */
static void over_a_listener_on_one_address_only(void)
{
	int port = port_free();
	char *line = text_fmt("listener %d 127.0.0.2", port);

	works_over(line, "127.0.0.2", port);
	free(line);
}

static void off_leaves_the_tick_and_commands_still_arrive(void)
{
	commands_are_rung_for((struct lan_opts){ .patch = "{\"lan\":{\"waker\":\"off\"}}" },
	                      (struct dev_opts){ 0 }, "connected to the hub");
}

static void nobody_else_can_ring_or_listen(void)
{
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = { .hub_port = sim ? sim_port(sim) : 0 };
	struct lan *lan = lan_start(&opts);
	struct dev_opts plain = { .client_id = "curious" };
	struct dev *other = lan ? client_connect(lan_port(lan), &plain) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	CU_ASSERT_EQUAL(dev_subscribe(other, "$hubgate/wake", 0), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(other, "$hubgate/#", 0), 0x80);
	CU_ASSERT_TRUE(dev_publish(other, "$hubgate/wake", "", 0));
	CU_ASSERT_TRUE(dev_publish_acked(other, "done", "x", AWAIT_MS));
	dev_disconnect(other);
	lan_free(lan);
	sim_stop(sim);
}

static void a_normal_stop_says_nothing_of_the_doorbell(void)
{
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = { .hub_port = sim ? sim_port(sim) : 0 };
	struct lan *lan = lan_start(&opts);
	struct dev *dev;

	CU_ASSERT_PTR_NOT_NULL_FATAL(lan);
	CU_ASSERT(lan_log_await(lan, "doorbell: works over", AWAIT_MS));
	dev = dev_connect(lan, PRODUCT, "dev1", SECRET, NULL);
	CU_ASSERT(lan_log_await(lan, "is online at the hub", AWAIT_MS));
	CU_ASSERT(
		sim_do(sim, "{\"cmd\":\"fault\",\"mode\":\"stall\"}")); /* a goodbye that takes long */
	CU_ASSERT(lan_stop(lan) >= 0);
	dev_drop(dev);
	CU_ASSERT_FALSE(lan_log_has(lan, "until it works messages to devices wait"));
	lan_free(lan);
	sim_stop(sim);
}

/* A port that is lower than all others of this kind is tried first. */
static void a_psk_listener_is_left_alone(void)
{
	int a = port_free(), b = port_free(), low = a < b ? a : b, high = a < b ? b : a;
	char *lines =
		text_fmt("listener %d 127.0.0.1\npsk_hint hubgate\nlistener %d 127.0.0.1", low, high);

	works_over(lines, "127.0.0.1", high);
	free(lines);
}

SUITE(e15_doorbell, TEST(over_a_plain_listener), TEST(over_a_broker_whose_queue_has_no_limit),
      TEST(over_a_unix_socket_first), TEST(over_a_broker_with_a_unix_socket_only),
      TEST(over_a_broker_with_tls_only), TEST(over_a_listener_on_one_address_only),
      TEST(off_leaves_the_tick_and_commands_still_arrive), TEST(nobody_else_can_ring_or_listen),
      TEST(a_normal_stop_says_nothing_of_the_doorbell), TEST(a_psk_listener_is_left_alone))
