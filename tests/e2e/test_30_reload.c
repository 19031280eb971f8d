/* SIGHUP: a changed hubgate.json counts while everything runs. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENT        PRODUCT "/dev1/event"
#define DEV1         "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":\"%s\"}"
#define DEV2         "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\",\"secret\":\"%s\"}"
#define SECRET1      "ZGV2aWNlLW9uZS1wc2stLQ=="
#define SECRET2      "ZGV2aWNlLXR3by1wc2stLQ=="
#define OTHER_SECRET "QUJDREVGR0hJSktMTU5PUA=="

enum {
	RUN = 60,
	RELOADS = 12,
	SLOW_MS = 300,
	QUICK_MS = 4000,
};

/* The file as scene_start() wrote it, with these options; waits until it counts. */
static void reload(struct scene *s, const struct scene_opts *o, const char *line)
{
	char *patch = scene_patch(o);

	CU_ASSERT(lan_configure(s->lan, patch));
	lan_reload(s->lan);
	CU_ASSERT(lan_log_await(s->lan, line, WAIT_MS));
	free(patch);
}

static void reload_devices(struct scene *s, const char *first, const char *second, const char *line)
{
	char *more = text_fmt(",\"devices\":[%s%s%s]", first, *first && *second ? "," : "", second);
	const struct scene_opts o = { .more = more };

	reload(s, &o, line);
	free(more);
}

static int login(struct scene *s, const char *name, const char *secret)
{
	struct dev *d = dev_connect(s->lan, PRODUCT, name, secret, NULL);
	int code = d ? dev_code(d) : -1;

	dev_disconnect(d);
	return code;
}

static void removed_device_is_disconnected_at_once_and_never_let_in_again(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);
	char *second = text_fmt(DEV2, SECRET2), *first = text_fmt(DEV1, SECRET1);

	CU_ASSERT_EQUAL(dev_subscribe(one, PRODUCT "/dev1/control", 1), 1);
	reload_devices(&s, "", second, "1 devices, 0 of them new, 0 changed, 1 removed");
	CU_ASSERT(dev_await_disconnect(one, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT_EQUAL(login(&s, "dev1", SECRET1), 5);
	CU_ASSERT(dev_connected(two));
	CU_ASSERT(dev_publish_acked(two, PRODUCT "/dev2/event", "{}", WAIT_MS));
	reload_devices(&s, first, second, "2 devices, 1 of them new");
	CU_ASSERT_EQUAL(login(&s, "dev1", SECRET1), 0);
	CU_ASSERT(dev_connected(two));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	free(first);
	free(second);
	scene_end(&s);
}

static void kept_session_of_a_removed_device_gets_nothing_more(void)
{
	const struct dev_opts keep = { .persistent = true };
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", &keep);
	char *second = text_fmt(DEV2, SECRET2), *first = text_fmt(DEV1, SECRET1);

	CU_ASSERT_EQUAL(dev_subscribe(one, PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev1/control"));
	reload_devices(&s, "", second, "1 removed");
	CU_ASSERT(dev_await_disconnect(one, WAIT_MS));
	sim_publish(s.sim, PRODUCT "/dev1/control", "{\"n\":1}", 1);
	reload_devices(&s, first, second, "2 devices, 1 of them new");
	CU_ASSERT(dev_reconnect(one));
	CU_ASSERT_EQUAL(dev_count_messages(one, PRODUCT "/dev1/control"), 0);
	dev_disconnect(one);
	free(first);
	free(second);
	scene_end(&s);
}

static void load_goes_on_through_reloads_for_whose_entry_did_not_change(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	char *first = text_fmt(DEV1, SECRET1);

	for (int i = 0; i < RELOADS; i++) {
		char *second = text_fmt(DEV2, i % 2 ? SECRET2 : OTHER_SECRET);

		reload_devices(&s, first, i % 3 ? second : "", "read again");
		CU_ASSERT(
			scene_publish_run(one, EVENT, i * RUN / RELOADS + 1, (i + 1) * RUN / RELOADS, WAIT_MS));
		free(second);
	}
	CU_ASSERT(dev_connected(one));
	CU_ASSERT(scene_await_distinct(&s, "dev1", RUN, 2 * WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	free(first);
	scene_end(&s);
}

static void device_with_a_new_secret_logs_in_with_that_alone(void)
{
	struct scene s = scene_start(NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);
	char *first = text_fmt(DEV1, SECRET1), *second = text_fmt(DEV2, OTHER_SECRET);

	reload_devices(&s, first, second, "0 of them new, 1 changed, 0 removed");
	CU_ASSERT(dev_await_disconnect(two, WAIT_MS));
	CU_ASSERT_EQUAL(login(&s, "dev2", SECRET2), 5);
	CU_ASSERT_EQUAL(login(&s, "dev2", OTHER_SECRET), 0);
	dev_disconnect(two);
	free(first);
	free(second);
	scene_end(&s);
}

static void username_that_is_no_longer_a_device_is_disconnected(void)
{
	char *dir = dir_make(), *path = text_fmt("%s/passwords", dir);
	char *make = text_fmt("mosquitto_passwd -b -c %s lamp right && chmod 0644 %s && chmod 0755 %s",
	                      path, path, dir);
	char *conf = text_fmt("password_file %s", path), *first = text_fmt(DEV1, SECRET1);
	char *patch = text_fmt("{\"devices\":[%s,{\"product_id\":\"" PRODUCT
	                       "\",\"device_name\":\"dev2\",\"login\":\"lamp\"}]}",
	                       first);
	const struct lan_opts opts = {
		.hub_port = 1, .patch = patch, .extra_conf = conf, .deny_anonymous = true
	};
	const struct dev_opts client = { .client_id = "esp-1",
		                             .username = "lamp",
		                             .password = "right" };
	char *without = text_fmt("{\"devices\":[%s]}", first);
	struct lan *lan;
	struct dev *d;

	CU_ASSERT_EQUAL_FATAL(system(make), 0);
	lan = lan_start(&opts);
	CU_ASSERT_FATAL(lan != NULL);
	d = client_connect(lan_port(lan), &client);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev2/event", "{}", WAIT_MS));
	CU_ASSERT(lan_configure(lan, without));
	lan_reload(lan);
	CU_ASSERT(dev_await_disconnect(d, WAIT_MS));
	dev_disconnect(d);
	lan_free(lan);
	dir_remove(dir);
	free(dir);
	free(path);
	free(make);
	free(conf);
	free(first);
	free(patch);
	free(without);
}

static void route_counts_at_once_for_what_is_published_from_then_on(void)
{
	static const struct scene_opts drop = { .more = ",\"routes\":[{\"topic\":\"" EVENT
		                                            "\",\"policy\":\"drop\"}]" };
	static const struct scene_opts none = { .more = "" };
	struct scene s = scene_start(&none);
	struct dev *one = scene_online_device(&s, "dev1", NULL);

	reload(&s, &drop, "routes has changed and counts now");
	CU_ASSERT(dev_publish_acked(one, EVENT, "{\"n\":1}", WAIT_MS));
	reload(&s, &none, "routes has changed and counts now");
	CU_ASSERT(dev_publish_acked(one, EVENT, "{\"n\":2}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", EVENT, NULL), 1);
	dev_disconnect(one);
	scene_end(&s);
}

static void lan_acl_counts_at_once_for_clients_that_are_there(void)
{
	static const struct scene_opts allow = { .more = ",\"lan\":{\"acl\":\"allow\"}" };
	static const struct scene_opts defer = { .more = ",\"lan\":{\"acl\":\"defer\"}" };
	struct scene s = scene_start(&allow);
	struct dev *d = client_connect(lan_port(s.lan), NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, "home/a", 1), 1);
	reload(&s, &defer, "lan.acl was allow and is defer now");
	CU_ASSERT_EQUAL(dev_subscribe(d, "home/b", 1), 0x80);
	reload(&s, &allow, "lan.acl was defer and is allow now");
	CU_ASSERT_EQUAL(dev_subscribe(d, "home/c", 1), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void lowered_store_bound_is_kept_and_said(void)
{
	static const struct scene_opts wide = { .hub = ",\"port\":1", .hub_unreached = true };
	static const struct scene_opts narrow = { .hub = ",\"port\":1",
		                                      .store = "\"max_messages\":10,\"device_share\":100" };
	static const char *const names[] = { "messages_queued" };
	struct scene s = scene_start(&wide);
	struct dev *one = scene_device(&s, "dev1", NULL);
	double queued = 0;

	CU_ASSERT(scene_publish_run(one, EVENT, 1, RUN, WAIT_MS));
	reload(&s, &narrow, "store.max_messages was 100000 and is 10 now");
	for (int i = 0; i < 5 && queued != 10; i++)
		CU_ASSERT(scene_metrics(&s, names, &queued, 1));
	CU_ASSERT_EQUAL(queued, 10);
	CU_ASSERT(lan_log_await(s.lan, "dropped", WAIT_MS));
	dev_disconnect(one);
	scene_end(&s);
}

static void larger_window_speeds_up_what_waits_already(void)
{
	static const struct scene_opts one_at_a_time = { .hub = ",\"window\":1,\"rate_up\":0",
		                                             .hub_rate = 1000 };
	static const struct scene_opts many = { .hub = ",\"window\":20,\"rate_up\":0" };
	struct scene s = scene_start(&one_at_a_time);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	char *slow = text_fmt("{\"cmd\":\"fault\",\"mode\":\"delay\",\"ms\":%d}", SLOW_MS);
	int64_t begin;

	CU_ASSERT(sim_do(s.sim, slow));
	CU_ASSERT(scene_publish_run(one, EVENT, 1, RUN / 2, WAIT_MS));
	reload(&s, &many, "hub.window was 1 and is 20 now");
	begin = now_ms();
	CU_ASSERT(scene_await_distinct(&s, "dev1", RUN / 2, 2 * WAIT_MS));
	CU_ASSERT(now_ms() - begin < QUICK_MS); /* one at a time takes RUN / 2 * 2 * SLOW_MS */
	dev_disconnect(one);
	free(slow);
	scene_end(&s);
}

static void bad_file_changes_nothing_and_is_named_with_line_and_key(void)
{
	char *first = text_fmt(DEV1, OTHER_SECRET);
	char *more = text_fmt(",\"devices\":[%s,{\"product_id\":\"" PRODUCT
	                      "\",\"device_name\":\"dev2\",\"secret\":\"" SECRET2
	                      "\",\"cert_file\":\"/nowhere/dev2.pem\"}]",
	                      first);
	const struct scene_opts bad = { .more = more };
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);

	reload(&s, &bad, "devices[1].cert_file: /nowhere/dev2.pem cannot be read");
	CU_ASSERT(lan_log_await(s.lan, "the gateway goes on as it was", WAIT_MS));
	CU_ASSERT(lan_log_has(s.lan, "hubgate.json:"));
	CU_ASSERT(dev_publish_acked(one, EVENT, "{}", WAIT_MS));
	CU_ASSERT_EQUAL(login(&s, "dev2", SECRET2), 0);
	dev_disconnect(one);
	CU_ASSERT_EQUAL(login(&s, "dev1", SECRET1), 0);
	free(first);
	free(more);
	scene_end(&s);
}

static void key_that_waits_for_a_restart_is_named(void)
{
	static const struct scene_opts o = { .hub = ",\"keepalive\":77" };
	struct scene s = scene_start(NULL);

	reload(&s, &o, "hub.keepalive has changed and waits for a restart of the broker");
	reload(&s, &o, "hub.keepalive has changed and waits for a restart of the broker");
	scene_end(&s);
}

static void stop_right_after_a_reload_is_quick_and_clean(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);

	for (int i = 0; i < 5; i++)
		lan_reload(s.lan);
	CU_ASSERT(lan_stop(s.lan) <= scene_stop_max_ms());
	dev_disconnect(one);
	scene_end(&s);
}

SUITE(reload, TEST(removed_device_is_disconnected_at_once_and_never_let_in_again),
      TEST(kept_session_of_a_removed_device_gets_nothing_more),
      TEST(load_goes_on_through_reloads_for_whose_entry_did_not_change),
      TEST(device_with_a_new_secret_logs_in_with_that_alone),
      TEST(username_that_is_no_longer_a_device_is_disconnected),
      TEST(route_counts_at_once_for_what_is_published_from_then_on),
      TEST(lan_acl_counts_at_once_for_clients_that_are_there),
      TEST(lowered_store_bound_is_kept_and_said), TEST(larger_window_speeds_up_what_waits_already),
      TEST(bad_file_changes_nothing_and_is_named_with_line_and_key),
      TEST(key_that_waits_for_a_restart_is_named),
      TEST(stop_right_after_a_reload_is_quick_and_clean))
