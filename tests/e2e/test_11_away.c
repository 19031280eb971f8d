/* Commands for devices that are away: kept before the hub is acknowledged, heard in order, once by
 * whoever lives on, and by nobody never. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONTROL PRODUCT "/dev1/control"
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	SOME = 5,
	DEVICE_MAX = 32, /* as core/hub/command_queue.h */
	LIVE_S = 5,      /* the shortest keep alive of the test's client library */
};

static struct dev *enter(struct scene *s, bool persistent, bool subscribes)
{
	const struct dev_opts o = { .persistent = persistent, .keepalive = LIVE_S };
	struct dev *d = scene_device(s, "dev1", &o);

	if (subscribes)
		CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	return d;
}

/* The device was here once, and the hub sends its commands from then on. */
static void come_and_go(struct scene *s, bool persistent)
{
	struct dev *d = enter(s, persistent, true);

	CU_ASSERT(scene_await_filter(s, CONTROL));
	dev_drop(d);
	CU_ASSERT(scene_await_metric(s, "devices_present", 0));
}

/* The application sends {"n":from} .. {"n":to}. */
static void send_run(struct scene *s, int from, int to)
{
	for (int n = from; n <= to; n++) {
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", n);
		CU_ASSERT(sim_publish(s->sim, CONTROL, text, 1));
	}
}

static void hears_run(struct dev *d, int from, int to)
{
	for (int n = from; n <= to; n++) {
		const struct dev_message *m = dev_await_message(d, CONTROL, WAIT_MS);
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", n);
		CU_ASSERT(m && strcmp(m->payload, text) == 0);
	}
}

/* So many wait here, and the hub has its acknowledgements of all. */
static void await_kept(struct scene *s, int count)
{
	CU_ASSERT(scene_await_metric(s, "commands_waiting", count));
	CU_ASSERT(scene_await_unacknowledged(s, 0));
}

/* Nothing of it comes after this: a command at the end is behind all that is under way. */
static void hears_nothing_more(struct scene *s, struct dev *d, int heard)
{
	CU_ASSERT(sim_publish(s->sim, CONTROL, "{\"end\":1}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, CONTROL, WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), heard + 1);
}

static void hears_each_once(bool persistent)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	come_and_go(&s, persistent);
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	d = enter(&s, persistent, !persistent);
	hears_run(d, 1, SOME);
	hears_nothing_more(&s, d, SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_waiting", 0)); /* it lived on */
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), SOME + 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void kept_session_that_resumes_hears_each_once_and_in_order(void)
{
	hears_each_once(true);
}

static void new_session_hears_each_once_and_in_order(void)
{
	hears_each_once(false);
}

static void survives_kill(bool persistent)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	come_and_go(&s, persistent);
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	d = enter(&s, persistent, true); /* the broker has lost what it kept */
	hears_run(d, 1, SOME);
	hears_nothing_more(&s, d, SOME);
	dev_disconnect(d);
	scene_end(&s);
}

static void kill_between_acknowledgement_and_delivery_loses_none(void)
{
	survives_kill(false);
	survives_kill(true);
}

static void device_that_dies_soon_gets_it_again_and_one_that_lives_does_not(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	come_and_go(&s, false);
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	d = enter(&s, false, true);
	hears_run(d, 1, SOME);
	dev_drop(d);
	d = enter(&s, false, true);
	hears_run(d, 1, SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_waiting", 0));
	CU_ASSERT(scene_await_metric(&s, "commands_repeated_total", SOME));
	dev_drop(d);
	d = enter(&s, false, true);
	hears_nothing_more(&s, d, 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void oldest_of_more_than_32_give_way(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	come_and_go(&s, false);
	send_run(&s, 1, DEVICE_MAX + SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_dropped_bound_total", SOME));
	CU_ASSERT_EQUAL(scene_log_count(&s, "commands wait for it"), 1);
	d = enter(&s, false, true);
	hears_run(d, SOME + 1, DEVICE_MAX + SOME);
	hears_nothing_more(&s, d, DEVICE_MAX);
	dev_disconnect(d);
	scene_end(&s);
}

static void command_that_nobody_takes_in_time_is_dropped(void)
{
	const struct scene_opts o = { .more = ",\"commands\":{\"max_age_s\":1}" };
	struct scene s = scene_start(&o);
	struct dev *d;

	come_and_go(&s, false);
	send_run(&s, 1, SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_dropped_age_total", SOME));
	d = enter(&s, false, true);
	hears_nothing_more(&s, d, 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void unbinding_drops_what_waits(void)
{
	struct scene s = scene_start(NULL);

	come_and_go(&s, false);
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	CU_ASSERT(sim_do(
		s.sim,
		"{\"cmd\":\"unbind\",\"device\":\"SUBPRODUC1/dev1\",\"gateway\":\"GWPRODUCT1/gw1\"}"));
	CU_ASSERT(scene_await_metric(&s, "commands_dropped_unbound_total", SOME));
	scene_end(&s);
}

/* It is there, and subscribes a little later, as most firmware does after a reconnect. */
static void device_that_has_not_subscribed_yet_misses_nothing(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	come_and_go(&s, false);
	d = enter(&s, false, false);
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	hears_run(d, 1, SOME);
	hears_nothing_more(&s, d, SOME);
	dev_disconnect(d);
	scene_end(&s);
}

static void live_device_hears_each_once_and_nothing_is_kept(void)
{
	enum {
		MANY = 100
	};
	struct scene s = scene_start(NULL);
	struct dev *d = enter(&s, false, true);

	CU_ASSERT(scene_await_filter(&s, CONTROL));
	send_run(&s, 1, MANY);
	hears_run(d, 1, MANY);
	hears_nothing_more(&s, d, MANY);
	await_kept(&s, 0);
	CU_ASSERT(scene_await_metric(&s, "commands_held_total", 0));
	dev_disconnect(d);
	scene_end(&s);
}

/* The broker writes its sessions down, ends, and has them again: nobody tells a plugin. */
static void session_that_the_broker_restored_hears_what_came_meanwhile(void)
{
	const struct scene_opts o = { .hub_unreached = false };
	char *config = scene_sim_config(&o), *patch = scene_patch(&o), *dir = dir_make();
	char *conf = text_fmt("persistence true\npersistence_location %s/", dir);
	struct sim_opts so = { .config = config };
	struct scene s = { .sim = sim_start(&so) };
	const struct lan_opts lo = { .hub_port = s.sim ? sim_port(s.sim) : 0,
		                         .patch = patch,
		                         .extra_conf = conf };
	struct dev *d;

	s.lan = lan_start(&lo);
	CU_ASSERT_FATAL(s.sim && s.lan);
	come_and_go(&s, true);
	send_run(&s, 1, 2);
	await_kept(&s, 2);
	CU_ASSERT(lan_stop(s.lan) >= 0);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	send_run(&s, 3, SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_waiting", SOME));
	d = enter(&s, true, false);
	hears_run(d, 1, SOME);
	hears_nothing_more(&s, d, SOME);
	CU_ASSERT(scene_await_metric(&s, "commands_waiting", 0));
	dev_disconnect(d);
	scene_end(&s);
	dir_remove(dir);
	free(dir);
	free(conf);
	free(config);
	free(patch);
}

/* --- who speaks for others --- */

static void plain_device_gets_its_commands_when_it_is_there(void)
{
	const struct scene_opts o = {
		.plain = true,
		.more = ",\"mappings\":[{\"client\":\"tasmota*\",\"product_id\":\"" PRODUCT
				"\",\"device\":\"{name}\",\"up\":"
				"\"tele/{name}/STATE\",\"down\":\"cmnd/{name}/POWER\",\"presence\":\"tele/{name}/"
				"LWT\",\"online\":\"Online\"}]"
	};
	const struct dev_opts who = { .client_id = "tasmota_1" };
	struct scene s = scene_start(&o);
	struct dev *d = client_connect(lan_port(s.lan), &who);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT(dev_publish_acked(d, "tele/dev1/LWT", "Online", WAIT_MS));
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT(dev_publish_acked(d, "tele/dev1/LWT", "Offline", WAIT_MS));
	dev_disconnect(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	d = client_connect(lan_port(s.lan), &who);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT(dev_publish_acked(d, "tele/dev1/LWT", "Online", WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(d, "cmnd/dev1/POWER", 1), 1); /* after it, as Tasmota does */
	for (int n = 1; n <= SOME; n++) {
		const struct dev_message *m = dev_await_message(d, "cmnd/dev1/POWER", WAIT_MS);

		CU_ASSERT(m && atoi(m->payload + strlen("{\"n\":")) == n);
	}
	CU_ASSERT_EQUAL(dev_count_messages(d, "cmnd/dev1/POWER"), SOME);
	dev_disconnect(d);
	scene_end(&s);
}

static void subdevice_of_a_gateway_application_gets_its_commands_when_that_is_back(void)
{
	struct scene s = scene_start(NULL);
	const char *online = "{\"type\":\"online\",\"payload\":{\"devices\":[{\"product_id\":\"" PRODUCT
						 "\",\"device_name\":\"dev1\"}]}}";
	struct dev *d = dev_connect(s.lan, "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, "$gateway/operation/result/GWPRODUCT1/gw1", 0), 0);
	CU_ASSERT(dev_publish(d, "$gateway/operation/GWPRODUCT1/gw1", online, 0));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, NULL, WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_drop(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	send_run(&s, 1, SOME);
	await_kept(&s, SOME);
	d = dev_connect(s.lan, "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	hears_run(d, 1, SOME);
	hears_nothing_more(&s, d, SOME);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(away, TEST(kept_session_that_resumes_hears_each_once_and_in_order),
      TEST(new_session_hears_each_once_and_in_order),
      TEST(kill_between_acknowledgement_and_delivery_loses_none),
      TEST(device_that_dies_soon_gets_it_again_and_one_that_lives_does_not),
      TEST(oldest_of_more_than_32_give_way), TEST(command_that_nobody_takes_in_time_is_dropped),
      TEST(unbinding_drops_what_waits), TEST(device_that_has_not_subscribed_yet_misses_nothing),
      TEST(live_device_hears_each_once_and_nothing_is_kept),
      TEST(session_that_the_broker_restored_hears_what_came_meanwhile),
      TEST(plain_device_gets_its_commands_when_it_is_there),
      TEST(subdevice_of_a_gateway_application_gets_its_commands_when_that_is_back))
