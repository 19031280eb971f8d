/* Whose messages wait how long: names that may be nobody's give way to devices. */
#include <stdio.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	NOW_MS = 1000,
	BOUND = 200,
};

static struct metrics metrics;

/* An uplink without its thread: the test stands in its place, and in BROKER's. */
static struct uplink *open_uplink(enum journal_policy policy)
{
	const struct journal_limits lim = {
		.max_messages = BOUND, .max_bytes = 1 << 20, .device_share = 100, .policy = policy
	};
	struct uplink_conf conf = {
		.product_id = "GATEWAY001",
		.device_name = "gw-1",
		.request_timeout_s = 10,
		.window = 4,
		.metrics = &metrics,
	};
	struct uplink *u = NULL;

	memset(&metrics, 0, sizeof(metrics));
	CU_ASSERT_EQUAL_FATAL(journal_open(store_dir_new(), &lim, NULL, &conf.journal), ST_OK);
	CU_ASSERT_EQUAL_FATAL(uplink_new(&conf, &u), ST_OK);
	intake_start(u, NOW_MS);
	return u;
}

static void close_uplink(struct uplink *u)
{
	struct journal *j = u->conf.journal;

	uplink_free(u);
	journal_close(j);
}

static struct subdev *device(struct uplink *u, const char *name, enum standing standing)
{
	char client_id[CLIENT_ID_MAX + 1];
	struct subdev *d;

	snprintf(client_id, sizeof(client_id), "SUBPROD001%s", name);
	d = gateway_device(&u->gateway, client_id);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	gateway_set_standing(&u->gateway, d, standing, NOW_MS);
	return d;
}

/* How many were taken. */
static int publish(struct uplink *u, const char *name, int count, bool gives_way)
{
	char client_id[CLIENT_ID_MAX + 1], topic[128];
	const struct journal_msg msg = { .device = client_id,
		                             .topic = topic,
		                             .payload = "0123456789",
		                             .len = 10,
		                             .qos = 1,
		                             .gives_way = gives_way };
	int taken = 0;

	snprintf(client_id, sizeof(client_id), "SUBPROD001%s", name);
	snprintf(topic, sizeof(topic), "SUBPROD001/%s/event", name);
	for (int i = 0; i < count; i++)
		taken += uplink_publish(u, &msg) == ST_OK;
	return taken;
}

static void a_stranger_keeps_its_newest_100_messages(void)
{
	struct uplink *u = open_uplink(JOURNAL_DROP_OLDEST);
	struct subdev *d = device(u, "x", STANDING_UNASKED);

	publish(u, "x", 150, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(d->outbox.live, 150);
	gateway_set_standing(&u->gateway, d, STANDING_STRANGER, NOW_MS);
	intake_standing(u, d);
	CU_ASSERT_EQUAL(d->outbox.live, STRANGER_MESSAGES_MAX);
	publish(u, "x", 1, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(d->outbox.live, STRANGER_MESSAGES_MAX);
	CU_ASSERT_EQUAL(outbox_next(&d->outbox)->seq, 52);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_DROPPED_NAMES), 51);
	close_uplink(u);
}

static void at_the_bound_strangers_lose_first_then_names_not_asked_then_who_fills_it(void)
{
	struct uplink *u = open_uplink(JOURNAL_DROP_OLDEST);
	struct subdev *own = device(u, "own", STANDING_OWN);
	struct subdev *name = device(u, "name", STANDING_UNASKED);
	struct subdev *a = device(u, "a", STANDING_STRANGER), *b = device(u, "b", STANDING_STRANGER);

	publish(u, "own", BOUND - 30, false);
	publish(u, "name", 10, false);
	publish(u, "a", 10, false);
	publish(u, "b", 10, false);
	intake_journal(u, NOW_MS);
	publish(u, "own", 15, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(a->outbox.live + b->outbox.live, 5);
	CU_ASSERT(name->outbox.live == 10 && own->outbox.live == BOUND - 15);
	publish(u, "own", 10, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(a->outbox.live + b->outbox.live, 0);
	CU_ASSERT(name->outbox.live == 5 && own->outbox.live == BOUND - 5);
	publish(u, "own", 20, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT(name->outbox.live == 0 && own->outbox.live == BOUND);
	close_uplink(u);
}

static void what_only_the_journal_knows_may_be_nobodys(void)
{
	struct uplink *u = open_uplink(JOURNAL_DROP_OLDEST);

	publish(u, "x", 1, false);
	device(u, "lamp", STANDING_OWN);
	publish(u, "lamp", 1, false);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(gateway_find(&u->gateway, "SUBPROD001", "x")->standing, STANDING_UNASKED);
	CU_ASSERT_EQUAL(gateway_find(&u->gateway, "SUBPROD001", "lamp")->standing, STANDING_OWN);
	close_uplink(u);
}

static void a_name_that_is_let_go_takes_its_messages_with_it(void)
{
	struct uplink *u = open_uplink(JOURNAL_DROP_OLDEST);
	struct subdev *d = device(u, "x", STANDING_STRANGER);
	struct journal_counts c;

	publish(u, "x", 10, false);
	intake_journal(u, NOW_MS);
	intake_let_go(u, d);
	gateway_forget(&u->gateway, d, NOW_MS);
	gateway_line_up(&u->gateway, NOW_MS);
	gateway_sweep(&u->gateway);
	CU_ASSERT_PTR_NULL(gateway_find(&u->gateway, "SUBPROD001", "x"));
	journal_counts(u->conf.journal, &c);
	CU_ASSERT(c.queued == 0 && c.ended[JOURNAL_DROP_BOUND] == 10);
	CU_ASSERT_EQUAL(metric_get(&metrics, M_DROPPED_NAMES), 10);
	close_uplink(u);
}

static void a_store_that_refuses_has_room_for_devices_and_lets_strangers_go(void)
{
	struct uplink *u = open_uplink(JOURNAL_REFUSE);
	struct subdev *d = device(u, "x", STANDING_STRANGER);

	device(u, "lamp", STANDING_OWN);
	CU_ASSERT_EQUAL(publish(u, "x", 2 * BOUND, true), BOUND * 3 / 4);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(d->outbox.live, STRANGER_MESSAGES_MAX);
	CU_ASSERT_EQUAL(publish(u, "lamp", BOUND / 2, false), BOUND / 2); /* to its bound */
	CU_ASSERT_EQUAL(publish(u, "lamp", 1, false), 0);
	intake_journal(u, NOW_MS);
	CU_ASSERT_EQUAL(d->outbox.live, STRANGER_MESSAGES_MAX - BOUND / 8);
	CU_ASSERT_EQUAL(publish(u, "lamp", 1, false), 1);
	close_uplink(u);
}

SUITE(uplink_names, TEST(a_stranger_keeps_its_newest_100_messages),
      TEST(at_the_bound_strangers_lose_first_then_names_not_asked_then_who_fills_it),
      TEST(what_only_the_journal_knows_may_be_nobodys),
      TEST(a_name_that_is_let_go_takes_its_messages_with_it),
      TEST(a_store_that_refuses_has_room_for_devices_and_lets_strangers_go))
