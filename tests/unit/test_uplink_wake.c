/* The uplink's own thread, without a hub: what wakes it, and for what it rings. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bridge/uplink/mail.h"
#include "core/base/clocks.h"
#include "core/base/room.h"
#include "tests/fakes/bell.h"
#include "tests/runner.h"

#define LAMP_ID "SUBPROD001lamp-01"

enum {
	ROUNDS = 300000,
	ROUNDS_LEAST = 1000, /* however long they take on a crowded machine */
	STRESS_MS = 700,
	STOP_MS = 200,
	LOST_MS = 900, /* what should take microseconds; less than the second after which an
	                * unconfirmed ring makes the loop look around anyway */
	WAIT_MS = 5000,
	TIMER_MS = 10,
	TIMERS = 20,
};

struct world {
	struct metrics metrics;
	struct uplink *uplink;
	struct bell bell; /* its connection's thread is BROKER */
	struct peer *peer;
	atomic_int drains, timers, lines;
	atomic_bool seen; /* a line of this test */
};

static int64_t now_ms(void)
{
	return clocks_monotonic_ms();
}

static void drain(void *ctx)
{
	struct world *w = ctx;
	struct uplink_log line;

	while (uplink_take_log(w->uplink, &line) == ST_OK) {
		if (strcmp(line.line, "a line of NET") == 0)
			atomic_store(&w->seen, true);
		atomic_fetch_add(&w->lines, 1);
	}
	atomic_fetch_add(&w->drains, 1);
	if (atomic_load(&w->timers) > 0) {
		atomic_fetch_sub(&w->timers, 1);
		uplink_set_timer(w->uplink, now_ms() + TIMER_MS);
	}
}

static void open_world(struct world *w)
{
	char listener[64];
	struct doorbell_conf doorbell = {
		.client_id = "bell", .username = "bell", .password = "once", .topic = "$hubgate/wake"
	};
	struct uplink_conf conf = {
		.product_id = "GATEWAY001",
		.device_name = "gw-1",
		.host = "127.0.0.1",
		.port = 1, /* nobody */
		.window = 10,
		.min_reconnect_s = 60,
		.max_reconnect_s = 60,
		.connect_timeout_s = 1,
		.request_timeout_s = 1,
		.metrics = &w->metrics,
		.doorbell = &doorbell,
	};

	memset(w, 0, sizeof(*w));
	w->bell.drain = drain;
	w->bell.ctx = w;
	w->peer = peer_start(&(struct peer_conf){ .serve = bell_serve, .ctx = &w->bell });
	snprintf(listener, sizeof(listener), "127.0.0.1:%u", peer_port(w->peer));
	doorbell.listener = listener;
	CU_ASSERT_EQUAL_FATAL(uplink_new(&conf, &w->uplink), ST_OK);
	atomic_store(&w->bell.confirms, uplink_doorbell(w->uplink));
}

static bool await(const atomic_int *count, int at_least, int64_t wait_ms)
{
	int64_t end = now_ms() + wait_ms;

	while (atomic_load(count) < at_least && now_ms() < end)
		sched_yield();
	return atomic_load(count) >= at_least;
}

static void connect_world(struct world *w)
{
	CU_ASSERT_EQUAL_FATAL(uplink_connect(w->uplink), ST_OK);
	/* The first ring, then the lines about the doorbell and the missing hub. */
	CU_ASSERT_TRUE(await(&w->lines, 2, WAIT_MS));
}

static void close_world(struct world *w)
{
	peer_stop(w->peer); /* first: it uses the uplink */
	CU_ASSERT_TRUE(uplink_disconnect(w->uplink, STOP_MS));
	uplink_free(w->uplink);
	CU_ASSERT_EQUAL(metric_get(&w->metrics, M_WAKES_MISSED), 0);
}

static bool orders_taken(struct uplink *u)
{
	int64_t end = now_ms() + LOST_MS;

	while (mail_order_count(uplink_mail(u)) > 0 && now_ms() < end)
		sched_yield();
	return mail_order_count(uplink_mail(u)) == 0;
}

static void no_order_is_left_lying_however_they_come(void)
{
	struct world w;
	int64_t end;
	bool ok = true;
	int n = 0;

	open_world(&w);
	connect_world(&w);
	end = now_ms() + STRESS_MS;
	while (ok && n < ROUNDS && (n <= ROUNDS_LEAST || now_ms() < end)) {
		while (uplink_device_present(w.uplink, LAMP_ID, n % 2 == 0) == ST_FULL)
			sched_yield();
		/* A wake without mail, close behind one with mail. */
		uplink_set_timer(w.uplink, n % 2 ? INT64_MAX : now_ms() + 60000);
		if (++n % 3 == 0)
			ok = orders_taken(w.uplink);
	}
	CU_ASSERT_TRUE(ok);
	close_world(&w);
}

/* The timer comes, BROKER is rung, and what it sets then is later than the one before. */
static void a_timer_that_is_set_while_its_ring_is_answered_is_rung_for(void)
{
	struct world w;
	int before;

	open_world(&w);
	connect_world(&w);
	before = atomic_load(&w.drains);
	atomic_store(&w.timers, TIMERS);
	uplink_set_timer(w.uplink, now_ms() + TIMER_MS);
	CU_ASSERT_TRUE(await(&w.drains, before + TIMERS, LOST_MS));
	close_world(&w);
}

static void a_line_of_another_room_is_rung_for(void)
{
	struct world w;
	int64_t end;

	open_world(&w);
	connect_world(&w);
	end = now_ms() + LOST_MS;
	log_line(uplink_log(w.uplink), LOG_NOTE, "a line of NET");
	while (!atomic_load(&w.seen) && now_ms() < end)
		sched_yield();
	CU_ASSERT_TRUE(atomic_load(&w.seen));
	close_world(&w);
}

static void who_found_no_room_for_an_order_is_rung_when_there_is(void)
{
	struct world w;
	int before;

	open_world(&w);
	connect_world(&w);
	before = atomic_load(&w.drains);
	for (int i = 0; i < MAIL_ORDERS_MAX * 100 && atomic_load(&w.drains) == before; i++) {
		/* Full sooner or later: what puts is faster than what carries out. */
		uplink_device_present(w.uplink, LAMP_ID, i % 2 == 0);
	}
	CU_ASSERT_TRUE(await(&w.drains, before + 1, LOST_MS));
	close_world(&w);
}

SUITE(uplink_wake, TEST(no_order_is_left_lying_however_they_come),
      TEST(a_timer_that_is_set_while_its_ring_is_answered_is_rung_for),
      TEST(a_line_of_another_room_is_rung_for),
      TEST(who_found_no_room_for_an_order_is_rung_when_there_is))
