/* Messages that the hub never acknowledges cost nobody else anything, and nothing is lost of them
 * before a bound of the store: most likely their topic is not declared yet. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAD  PRODUCT "/dev1/undeclared"
#define GOOD PRODUCT "/dev2/event"

enum {
	GOOD_RATE = 10,
	BAD_RATE = 3,
	DELAY_MAX_MS = 1000, /* p95 */
	RUN_S = 6,
	PROBE_MS = 25000, /* the first probe comes after 10 s, the second after 20 more */
	MANY = 300,
	STREET = 500,
};

static void pause_until(int64_t at_ms)
{
	while (now_ms() < at_ms)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static bool publish_number(struct dev *d, const char *topic, int seq)
{
	char text[48];

	snprintf(text, sizeof text, "{\"seq\":%d}", seq);
	return dev_publish(d, topic, text, 1);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* dev2's numbers first..first+count-1, GOOD_RATE a second, beside dev1's forbidden ones; how long
 * each took to the hub. The hub's clock and ours are one. */
static bool good_ones_are_quick(struct scene *s, struct dev *good, struct dev *bad, int first,
                                int count)
{
	int64_t start_ms = now_ms(), sent_ms[200] = { 0 }, took_ms[200] = { 0 };
	int arrived = 0;

	CU_ASSERT_FATAL(count <= 200);
	for (int i = 0; i < count; i++) {
		pause_until(start_ms + (int64_t)i * 1000 / GOOD_RATE);
		if (bad && i % GOOD_RATE < BAD_RATE)
			publish_number(bad, BAD, first + i);
		sent_ms[i] = now_ms();
		publish_number(good, GOOD, first + i);
	}
	for (int i = 0; i < count; i++) {
		char text[48];
		const cJSON *ev;

		snprintf(text, sizeof text, "{\"seq\":%d}", first + i);
		ev =
			sim_await_event(s->sim, WAIT_MS, "ev", "publish", "topic", GOOD, "payload", text, NULL);
		took_ms[i] = ev ? (int64_t)scene_number(ev, "t") - sent_ms[i] : WAIT_MS;
		arrived += took_ms[i] < WAIT_MS;
	}
	qsort(took_ms, (size_t)count, sizeof took_ms[0], by_size);
	if (arrived == count && took_ms[count * 95 / 100] < DELAY_MAX_MS)
		return true;
	return harness_failed("%d of %d arrived, p95 %ld ms, longest %ld ms", arrived, count,
	                      (long)took_ms[count * 95 / 100], (long)took_ms[count - 1]);
}

static void forbidden_topic_of_one_device_delays_no_other_also_after_a_cut_and_a_restart(void)
{
	struct scene s = scene_start(NULL);
	struct dev *bad = scene_online_device(&s, "dev1", NULL);
	struct dev *good = scene_online_device(&s, "dev2", NULL);
	int count = RUN_S * GOOD_RATE;

	CU_ASSERT(good_ones_are_quick(&s, good, bad, 1, count));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\",\"client\":\"" GATEWAY "\"}"));
	for (int i = 0; i < MANY; i++)
		publish_number(bad, BAD, 1000 + i);
	sim_skip_events(s.sim);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT(good_ones_are_quick(&s, good, bad, 1 + count, count));
	CU_ASSERT_EQUAL(scene_log_count(&s, "declare the topic undeclared for product " PRODUCT), 1);
	CU_ASSERT(scene_await_delivered(&s, 2 * count));
	lan_kill(s.lan);
	sim_skip_events(s.sim);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT_FATAL(dev_reconnect(bad) && dev_reconnect(good));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT(good_ones_are_quick(&s, good, bad, 1 + 2 * count, count));
	CU_ASSERT(scene_await_distinct(&s, "dev2", 3 * count, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev2", "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev2", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_log_count(&s, "declare the topic undeclared for product " PRODUCT), 2);
	dev_disconnect(bad);
	dev_disconnect(good);
	scene_end(&s);
}

static void device_with_nothing_but_forbidden_topics_first_gets_its_good_ones_through(void)
{
	const struct scene_opts o = { .hub = ",\"window\":1" }; /* also the smallest window */
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(dev_publish_acked(d, BAD, "{}", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev1/worse", "{}", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, 3, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 3, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT(lan_log_await(s.lan, "declare the topic undeclared", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "declare the topic worse", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

static void device_with_a_hundred_random_topics_keeps_no_new_topic_out(void)
{
	struct scene s = scene_start(NULL);
	struct dev *bad = scene_online_device(&s, "dev1", NULL);
	struct dev *good = scene_online_device(&s, "dev2", NULL);
	int64_t start_ms;

	for (int i = 0; i < 100; i++) {
		char *topic = text_fmt(PRODUCT "/dev1/random%d", i);

		CU_ASSERT(dev_publish(bad, topic, "{}", 1));
		free(topic);
	}
	start_ms = now_ms();
	CU_ASSERT(dev_publish_acked(good, GOOD, "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, GOOD, WAIT_MS));
	CU_ASSERT(dev_publish_acked(good, PRODUCT "/dev2/data", "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/data", WAIT_MS));
	CU_ASSERT(now_ms() - start_ms < 2 * DELAY_MAX_MS);
	dev_disconnect(bad);
	dev_disconnect(good);
	scene_end(&s);
}

static bool has_dead_letters(struct scene *s)
{
	char *path = text_fmt("%s/store/dead-letter.jsonl", lan_dir(s->lan)), *text = file_read(path);
	bool has = text && *text;

	free(text);
	free(path);
	return has;
}

static void what_waited_flows_in_order_as_soon_as_the_topic_is_declared(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *aside;

	for (int i = 1; i <= 40; i++)
		publish_number(d, BAD, i);
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev1/event", "{}", WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "declare the topic undeclared", WAIT_MS));
	aside = scene_sys(&s, "messages_aside");
	CU_ASSERT(aside && atoi(aside) == 40);
	free(aside);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"declare\",\"name\":\"undeclared\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 40, PROBE_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "first"), 1);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT(lan_log_await(s.lan, "acknowledges topic undeclared of product " PRODUCT, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 41));
	CU_ASSERT_FALSE(has_dead_letters(&s));
	dev_disconnect(d);
	scene_end(&s);
}

static void topic_that_lost_its_permission_waits_and_goes_on_in_order_when_it_has_it_again(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);

	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, 5, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 5));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"declare\",\"name\":\"event\",\"publish\":false}"));
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 6, 30, WAIT_MS));
	for (int i = 0; !lan_log_has(s.lan, "declare the topic event") && i < 100; i++) {
		CU_ASSERT(dev_publish_acked(other, PRODUCT "/dev2/data", "{}", WAIT_MS));
		CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, PRODUCT "/dev2/data", WAIT_MS));
	}
	CU_ASSERT(lan_log_await(s.lan, "declare the topic event", WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"declare\",\"name\":\"event\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 30, PROBE_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_log_count(&s, "declare the topic"), 1);
	CU_ASSERT_FALSE(has_dead_letters(&s));
	dev_disconnect(d);
	dev_disconnect(other);
	scene_end(&s);
}

/* Nothing of it is acknowledged, as if it were offline there; others with its topic are. */
static void device_that_the_hub_does_not_know_delays_nobody_and_loses_nothing(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	struct dev *good = scene_online_device(&s, "dev2", NULL);
	int count = RUN_S * GOOD_RATE;

	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, 1, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 1));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"dislike\",\"text\":\"dev1/event\"}"));
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 2, 41, WAIT_MS));
	CU_ASSERT(good_ones_are_quick(&s, good, NULL, 1, count));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"dislike\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 41, PROBE_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT(scene_await_delivered(&s, count + 41));
	CU_ASSERT_FALSE(lan_log_has(s.lan, "given up"));
	dev_disconnect(d);
	dev_disconnect(good);
	scene_end(&s);
}

static bool await_forbidden(struct scene *s, int count, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;

	while (sim_stat(s->sim, "forbidden_publish") < count && now_ms() < end_ms)
		;
	return sim_stat(s->sim, "forbidden_publish") == count ||
	       harness_failed("not %d forbidden publishes", count);
}

static void hub_that_closes_on_a_topic_gets_all_others_and_nobody_is_blamed(void)
{
	struct scene s = scene_start(NULL);
	struct dev *bad, *good;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"dislike\",\"text\":\"undeclared\",\"close\":true}"));
	bad = scene_online_device(&s, "dev1", NULL);
	good = scene_online_device(&s, "dev2", NULL);
	for (int i = 1; i <= 30; i++) {
		publish_number(bad, BAD, i);
		publish_number(good, GOOD, i);
	}
	CU_ASSERT(scene_await_distinct(&s, "dev2", 30, 3 * WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "and closes the connection on it", WAIT_MS));
	CU_ASSERT(scene_publish_run(bad, PRODUCT "/dev1/event", 1, 30, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 30, WAIT_MS));
	CU_ASSERT(await_forbidden(&s, 3, PROBE_MS)); /* alone, when nothing else was in flight */
	CU_ASSERT(scene_publish_run(good, GOOD, 31, 60, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev2", 60, WAIT_MS));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "forbidden_publish"), 3);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev2", "missing"), 0);
	CU_ASSERT_FALSE(lan_log_has(s.lan, "does another device or program use the identity"));
	CU_ASSERT_FALSE(has_dead_letters(&s));
	dev_disconnect(bad);
	dev_disconnect(good);
	scene_end(&s);
}

static void message_on_which_the_hub_closes_is_given_up_and_its_topic_goes_on(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"dislike\",\"text\":\"\\\"seq\\\":4}\",\"close\":true}"));
	d = scene_online_device(&s, "dev1", NULL);
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, 3, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 3));
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 4, 10, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 9, 3 * WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "kept in dead-letter.jsonl", 2 * WAIT_MS));
	CU_ASSERT_FALSE(lan_log_has(s.lan, "declare the topic"));
	CU_ASSERT_FALSE(lan_log_has(s.lan, "does another device or program use the identity"));
	dev_disconnect(d);
	scene_end(&s);
}

static void at_a_bound_of_the_store_suspect_messages_go_first_and_are_counted_apart(void)
{
	static const char *const names[] = {
		"messages_accepted_total",      "messages_delivered_total",       "messages_queued",
		"messages_dropped_bound_total", "messages_dropped_suspect_total",
	};
	const struct scene_opts o = {
		.store = "\"max_messages\":60,\"device_share\":100,\"policy\":\"drop_oldest\""
	};
	struct scene s = scene_start(&o);
	struct dev *bad = scene_online_device(&s, "dev1", NULL);
	struct dev *good = scene_online_device(&s, "dev2", NULL);
	int64_t until_ms = now_ms() + 2 * WAIT_MS;
	double n[5] = { 0 };

	CU_ASSERT(scene_publish_run(bad, BAD, 1, 50, WAIT_MS));
	CU_ASSERT(scene_publish_run(good, GOOD, 1, 1, WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "declare the topic undeclared", WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(scene_publish_run(bad, BAD, 51, 55, WAIT_MS));
	CU_ASSERT(scene_publish_run(good, GOOD, 2, 41, WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev2", 41, WAIT_MS));
	while (scene_metrics(&s, names, n, 5) && n[1] < 41 && now_ms() < until_ms)
		;
	CU_ASSERT_EQUAL(n[0], 96);
	CU_ASSERT_EQUAL(n[1], 41);
	CU_ASSERT_EQUAL(n[2], 20);
	CU_ASSERT_EQUAL(n[3], 0);
	CU_ASSERT_EQUAL(n[4], 35);
	CU_ASSERT(lan_log_has(s.lan, PRODUCT "/dev1 lost its "));
	CU_ASSERT_FALSE(lan_log_has(s.lan, PRODUCT "/dev2 lost its "));
	dev_disconnect(bad);
	dev_disconnect(good);
	scene_end(&s);
}

static void five_hundred_devices_of_a_product_with_an_undeclared_topic_delay_nobody(void)
{
	const struct scene_opts o = {
		.hub = ",\"rate_up\":400",
		.more = ",\"mappings\":[{\"client\":\"bridge\",\"product_id\":\"" PRODUCT
				"\",\"device\":\"{name}\",\"up\":\"street/{name}\",\"to\":\"undeclared\"}]",
		.hub_rate = 1000,
		.street = STREET,
	};
	const struct dev_opts client = { .client_id = "bridge" };
	struct scene s = scene_start(&o);
	struct dev *good = scene_online_device(&s, "dev2", NULL);
	struct dev *street = client_connect(lan_port(s.lan), &client);

	CU_ASSERT_FATAL(street != NULL);
	for (int i = 1; i <= STREET; i++) {
		char *topic = text_fmt("street/s%d", i);

		CU_ASSERT(dev_publish(street, topic, "{}", 1));
		free(topic);
	}
	CU_ASSERT(good_ones_are_quick(&s, good, NULL, 1, RUN_S * GOOD_RATE));
	CU_ASSERT_EQUAL(scene_log_count(&s, "declare the topic"), 1);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"declare\",\"name\":\"undeclared\"}"));
	CU_ASSERT(lan_log_await(s.lan, "acknowledges topic undeclared", PROBE_MS));
	CU_ASSERT(scene_await_delivered(&s, STREET + RUN_S * GOOD_RATE));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "rate_dropped"), 0);
	dev_disconnect(street);
	dev_disconnect(good);
	scene_end(&s);
}

SUITE(poison, TEST(forbidden_topic_of_one_device_delays_no_other_also_after_a_cut_and_a_restart),
      TEST(device_with_nothing_but_forbidden_topics_first_gets_its_good_ones_through),
      TEST(device_with_a_hundred_random_topics_keeps_no_new_topic_out),
      TEST(what_waited_flows_in_order_as_soon_as_the_topic_is_declared),
      TEST(topic_that_lost_its_permission_waits_and_goes_on_in_order_when_it_has_it_again),
      TEST(device_that_the_hub_does_not_know_delays_nobody_and_loses_nothing),
      TEST(hub_that_closes_on_a_topic_gets_all_others_and_nobody_is_blamed),
      TEST(at_a_bound_of_the_store_suspect_messages_go_first_and_are_counted_apart),
      TEST(five_hundred_devices_of_a_product_with_an_undeclared_topic_delay_nobody),
      TEST(message_on_which_the_hub_closes_is_given_up_and_its_topic_goes_on))
