/* What was acknowledged on the LAN outlives the broker, killed or stopped; so does what the hub was
 * made to show. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT1 PRODUCT "/dev1/event"
#define EVENT2 PRODUCT "/dev2/event"

enum {
	BATCH = 200,
	FEW = 5,
	TRIES_MS = 60000 /* three tries of a message, more than 10 s apart */
};

static void cut_off(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s->lan, "messages wait", WAIT_MS));
}

static void heal(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
}

static void expect_all_in_order(struct scene *s, const char *name, int count)
{
	CU_ASSERT(scene_await_distinct(s, name, count, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(s, name, "first"), 1);
	CU_ASSERT_EQUAL(scene_tally(s, name, "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(s, name, "reordered"), 0);
}

static void messages_of_an_outage_survive_a_kill_of_the_broker_and_arrive_in_order(void)
{
	const struct scene_opts o = { .hub = ",\"rate_up\":0", .hub_rate = 1000000 };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT1, 1, BATCH, WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(dev_reconnect(d));
	CU_ASSERT(scene_publish_run(d, EVENT1, BATCH + 1, 2 * BATCH, WAIT_MS));
	CU_ASSERT_EQUAL(lan_stop(s.lan) >= 0, true);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	heal(&s);
	expect_all_in_order(&s, "dev1", 2 * BATCH);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "duplicates"), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void kill_in_the_middle_of_delivery_loses_nothing_and_repeats_at_most_the_window(void)
{
	enum {
		WINDOW = 20
	};
	const struct scene_opts o = { .hub = ",\"rate_up\":400", .hub_rate = 1000000 };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT1, 1, BATCH, WAIT_MS));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", BATCH / 4, WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT(scene_tally(&s, "dev1", "distinct") < BATCH);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	expect_all_in_order(&s, "dev1", BATCH);
	CU_ASSERT(scene_tally(&s, "dev1", "duplicates") <= WINDOW);
	dev_disconnect(d);
	scene_end(&s);
}

static void device_that_does_not_return_after_a_kill_goes_offline_at_the_hub(void)
{
	const struct scene_opts o = { .grace_ms = 2000 };
	struct scene s = scene_start(&o);
	struct dev *stays = scene_online_device(&s, "dev1", NULL);
	struct dev *leaves = scene_online_device(&s, "dev2", NULL);

	lan_kill(s.lan);
	dev_disconnect(leaves);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(dev_reconnect(stays));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev2"), 1);
	dev_disconnect(stays);
	scene_end(&s);
}

static void device_that_left_before_the_kill_is_brought_online_for_its_messages_only(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev2", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT2, 1, FEW, WAIT_MS));
	dev_disconnect(d);
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	sim_skip_events(s.sim);
	heal(&s);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev2"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT2, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	expect_all_in_order(&s, "dev2", FEW);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

static bool account_is(struct scene *s, double accepted, double delivered, double aged)
{
	static const char *const names[] = {
		"messages_accepted_total",
		"messages_delivered_total",
		"messages_queued",
		"messages_dropped_age_total",
	};
	double n[4] = { -1 };
	int64_t end_ms = now_ms() + WAIT_MS;

	do {
		if (!scene_metrics(s, names, n, 4))
			return false;
		if (n[0] == accepted && n[1] == delivered && n[3] == aged)
			return n[2] == accepted - delivered - aged ||
			       harness_failed("queued %g does not close the account", n[2]);
	} while (now_ms() < end_ms);
	return harness_failed("accepted %g delivered %g queued %g aged %g", n[0], n[1], n[2], n[3]);
}

static void account_goes_on_after_a_kill(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(scene_publish_run(d, EVENT1, 1, FEW, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, FEW));
	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT1, FEW + 1, 2 * FEW, WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(account_is(&s, 2 * FEW, FEW, 0));
	heal(&s);
	CU_ASSERT(account_is(&s, 2 * FEW, 2 * FEW, 0));
	dev_disconnect(d);
	scene_end(&s);
}

static void messages_older_than_the_age_bound_are_dropped_counted_and_logged(void)
{
	const struct scene_opts o = { .store = "\"max_age_s\":2" };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT1, 1, FEW, WAIT_MS));
	CU_ASSERT(account_is(&s, FEW, 0, FEW));
	CU_ASSERT(lan_log_await(s.lan, "older than store.max_age_s", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT1, FEW + 1, FEW + 1, WAIT_MS));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", 1, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "first"), FEW + 1);
	dev_disconnect(d);
	scene_end(&s);
}

/* One of a topic of which the hub acknowledges all others. Slow: tries are 10 s apart. */
static void message_that_is_never_acknowledged_ends_as_a_dead_letter(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	char *path = text_fmt("%s/store/dead-letter.jsonl", lan_dir(s.lan)), *text;
	int64_t until_ms = now_ms() + TRIES_MS;
	int seq = 0;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"dislike\",\"text\":\"why\"}"));
	CU_ASSERT(scene_publish_run(d, EVENT1, ++seq, 1, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 1));
	CU_ASSERT(dev_publish_acked(d, EVENT1, "{\"why\":\"me\"}", WAIT_MS));
	while (!lan_log_has(s.lan, "given up") && now_ms() < until_ms) {
		seq++; /* later ones are acknowledged meanwhile */
		CU_ASSERT(scene_publish_run(d, EVENT1, seq, seq, WAIT_MS));
		CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT1, WAIT_MS));
	}
	CU_ASSERT(lan_log_await(s.lan, "kept in dead-letter.jsonl", WAIT_MS));
	CU_ASSERT_FALSE(lan_log_has(s.lan, "declare the topic"));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "forbidden_publish"), 3);
	CU_ASSERT(scene_await_distinct(&s, "dev1", seq, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	text = file_read(path);
	CU_ASSERT_FATAL(text != NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, EVENT1));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"payload\":\"{\\\"why\\\":\\\"me\\\"}\""));
	free(text);
	free(path);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(durable, TEST(messages_of_an_outage_survive_a_kill_of_the_broker_and_arrive_in_order),
      TEST(kill_in_the_middle_of_delivery_loses_nothing_and_repeats_at_most_the_window),
      TEST(device_that_does_not_return_after_a_kill_goes_offline_at_the_hub),
      TEST(device_that_left_before_the_kill_is_brought_online_for_its_messages_only),
      TEST(account_goes_on_after_a_kill),
      TEST(messages_older_than_the_age_bound_are_dropped_counted_and_logged),
      TEST(message_that_is_never_acknowledged_ends_as_a_dead_letter))
