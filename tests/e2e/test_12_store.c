/* What waits for the hub: kept, sent again, bounded, accounted for. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT PRODUCT "/dev1/event"

enum {
	BOUND = 10 /* the least that store.max_messages takes */
};

/* The gateway knows that the hub is away, and stays away. */
static void cut_off(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s->lan, "messages wait", WAIT_MS));
}

static void heal(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
}

/* accepted = delivered + queued + dropped, in one publication of the plugin. */
static bool accounts_balance(struct scene *s, double accepted, double delivered, double dropped)
{
	static const char *const names[] = {
		"messages_accepted_total",
		"messages_delivered_total",
		"messages_queued",
		"messages_dropped_bound_total",
		"messages_dropped_unacknowledged_total",
	};
	enum {
		COUNT = sizeof names / sizeof names[0]
	};
	double n[COUNT] = { 0 };
	int64_t end_ms = now_ms() + WAIT_MS;
	bool balance;

	do {
		balance = scene_metrics(s, names, n, COUNT) && n[0] == n[1] + n[2] + n[3] + n[4];
	} while (balance && (n[1] < delivered || n[3] < dropped) && now_ms() < end_ms);
	if (balance && n[0] == accepted && n[1] == delivered && n[3] == dropped && n[4] == 0)
		return true;
	return harness_failed("accepted %g delivered %g queued %g dropped %g %g", n[0], n[1], n[2],
	                      n[3], n[4]);
}

static void lost_acknowledgements_cost_a_repetition_with_dup_and_no_message(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(scene_publish_run(d, EVENT, 1, 1, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 1)); /* the hub acknowledges this topic */
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"drop_puback\",\"count\":5}"));
	CU_ASSERT(scene_publish_run(d, EVENT, 2, 11, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 11, WAIT_MS));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "dup_packets"), 0);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(accounts_balance(&s, 11, 11, 0));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "dup_packets"), 5);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void qos_0_messages_of_an_outage_arrive_after_it(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	for (int i = 1; i <= 5; i++) {
		char text[32];

		snprintf(text, sizeof text, "{\"seq\":%d}", i);
		CU_ASSERT(dev_publish(d, EVENT, text, 0));
	}
	CU_ASSERT(scene_publish_run(d, EVENT, 6, 6, WAIT_MS));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", 6, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void qos_0_messages_of_an_outage_are_dropped_and_counted_when_told_so(void)
{
	static const char *const name[] = { "messages_dropped_live_total" };
	const struct scene_opts o = { .store = "\"queue_qos0\":false" };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	double dropped = 0;

	cut_off(&s);
	for (int i = 0; i < 5; i++)
		CU_ASSERT(dev_publish(d, EVENT, "{}", 0));
	CU_ASSERT(scene_publish_run(d, EVENT, 6, 6, WAIT_MS));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", 1, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "published"), 1);
	CU_ASSERT(scene_metrics(&s, name, &dropped, 1));
	CU_ASSERT_EQUAL(dropped, 5);
	dev_disconnect(d);
	scene_end(&s);
}

static void full_store_keeps_the_newest_messages(void)
{
	enum {
		KEPT = 10,
		SENT = 100
	};
	const struct scene_opts o = {
		.hub = ",\"rate_up\":0",
		.store = "\"max_messages\":10,\"device_share\":100,\"policy\":\"drop_oldest\"",
		.hub_rate = 100000,
	};
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT, 1, SENT, WAIT_MS));
	CU_ASSERT(accounts_balance(&s, SENT, 0, SENT - KEPT));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", KEPT, WAIT_MS));
	CU_ASSERT(accounts_balance(&s, SENT, KEPT, SENT - KEPT));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "first"), SENT - KEPT + 1);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "last"), SENT);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT(lan_log_has(s.lan, PRODUCT "/dev1 lost its "));
	CU_ASSERT(scene_log_count(&s, " oldest messages that waited") <= 2); /* one line a minute */
	CU_ASSERT(dev_connected(d));
	dev_disconnect(d);
	scene_end(&s);
}

static void what_the_hub_acknowledges_in_time_is_never_synced(void)
{
	enum {
		SENT = 200
	};
	static const char *const name[] = { "store_syncs_total" };
	const struct scene_opts o = {
		.hub = ",\"rate_up\":0",
		.store = "\"flush_ms\":3000",
		.hub_rate = 100000,
	};
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	double syncs = -1;

	CU_ASSERT(scene_publish_run(d, EVENT, 1, SENT, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, SENT));
	CU_ASSERT(scene_metrics(&s, name, &syncs, 1));
	CU_ASSERT_EQUAL(syncs, 0);
	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT, SENT + 1, SENT + 1, WAIT_MS));
	for (int64_t end_ms = now_ms() + WAIT_MS; syncs < 1 && now_ms() < end_ms;)
		CU_ASSERT(scene_metrics(&s, name, &syncs, 1));
	CU_ASSERT_EQUAL(syncs, 1); /* what waits is */
	dev_disconnect(d);
	scene_end(&s);
}

static void full_store_that_refuses_disconnects_the_publisher_and_keeps_what_it_acknowledged(void)
{
	const struct scene_opts o = {
		.store = "\"max_messages\":10,\"device_share\":100,\"policy\":\"refuse\""
	};
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	cut_off(&s);
	CU_ASSERT(scene_publish_run(d, EVENT, 1, BOUND, WAIT_MS));
	CU_ASSERT_FALSE(dev_publish_acked(d, EVENT, "{\"seq\":11}", 300));
	CU_ASSERT(dev_await_disconnect(d, WAIT_MS));
	CU_ASSERT(accounts_balance(&s, BOUND, 0, 0));
	heal(&s);
	CU_ASSERT(scene_await_distinct(&s, "dev1", BOUND, WAIT_MS));
	CU_ASSERT(accounts_balance(&s, BOUND, BOUND, 0));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "last"), BOUND);
	dev_drop(d);
	scene_end(&s);
}

SUITE(store, TEST(lost_acknowledgements_cost_a_repetition_with_dup_and_no_message),
      TEST(qos_0_messages_of_an_outage_arrive_after_it),
      TEST(qos_0_messages_of_an_outage_are_dropped_and_counted_when_told_so),
      TEST(full_store_keeps_the_newest_messages),
      TEST(what_the_hub_acknowledges_in_time_is_never_synced),
      TEST(full_store_that_refuses_disconnects_the_publisher_and_keeps_what_it_acknowledged))
