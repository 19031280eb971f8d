/* Devices that log in with a username of this broker. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdlib.h>

#define EVENT PRODUCT "/dev1/event"
#define LOGIN                                                                                 \
	"{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},\"presence\":{\"grace_ms\":200}," \
	"\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\",\"login\":\"lamp\"}]}"

static void username_and_password_of_the_broker_make_a_device(void)
{
	struct sim *sim = sim_start(NULL);
	char *dir = dir_make(), *path = text_fmt("%s/passwords", dir);
	char *make = text_fmt("mosquitto_passwd -b -c %s lamp right && chmod 0644 %s && chmod 0755 %s",
	                      path, path, dir);
	char *conf = text_fmt("password_file %s", path);
	const struct lan_opts opts = {
		.hub_port = sim_port(sim), .patch = LOGIN, .extra_conf = conf, .deny_anonymous = true
	};
	struct dev_opts client = { .client_id = "esp-1234", .username = "lamp", .password = "wrong" };
	struct lan *lan;
	const struct dev_message *m;
	struct dev *d;

	CU_ASSERT_EQUAL_FATAL(system(make), 0);
	lan = lan_start(&opts);
	CU_ASSERT_FATAL(lan != NULL);
	d = client_connect(lan_port(lan), &client);
	CU_ASSERT(!d || dev_code(d) != 0);
	dev_disconnect(d);
	client.password = "right";
	d = client_connect(lan_port(lan), &client);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "online", "device", PRODUCT "/dev1", NULL));
	CU_ASSERT_EQUAL(sim_count_events(sim, "ev", "online", NULL), 1);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(sim, WAIT_MS, "ev", "publish", "topic", EVENT, NULL));
	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "subscribe", "filter", PRODUCT "/dev1/control", NULL));
	CU_ASSERT(sim_publish(sim, PRODUCT "/dev1/control", "on", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, PRODUCT "/dev1/control", WAIT_MS));
	/* Its own topics stay what they are for any client. */
	CU_ASSERT(dev_publish_mid(d, "stat/lamp", "on", 2, 1, true) >= 0);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":2}", WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(d, "stat/lamp", 1), 1);
	m = dev_await_message(d, "stat/lamp", WAIT_MS);
	CU_ASSERT(m && m->retain);
	dev_drop(d);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "offline", "device", PRODUCT "/dev1", NULL));
	lan_free(lan);
	sim_stop(sim);
	dir_remove(dir);
	free(make);
	free(conf);
	free(path);
	free(dir);
}

SUITE(plain_login, TEST(username_and_password_of_the_broker_make_a_device))
