/* Silence, a socket that does not drain, and the end. */
#include "tests/fakes/wire.h"
#include "tests/runner.h"

enum {
	SILENCE_MS = 10000 /* after which an unanswered publish makes us ask */
};

/* --- silence --- */

static void an_idle_link_is_asked_at_three_quarters_of_the_keepalive(void)
{
	struct wire f;

	wire_start(&f, wire_connack, sizeof wire_connack);
	f.script.pings_back = true;
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	for (unsigned round = 1; round <= 3; round++) {
		struct mqtt_packet p;
		uint64_t heard = session_heard(f.s);
		int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;

		CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + WIRE_KEEPALIVE_S * 750);
		f.now_ms += WIRE_KEEPALIVE_S * 750 - 1;
		CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
		CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + 1);
		f.now_ms += 1;
		CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
		CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_PINGREQ, round));
		while (session_heard(f.s) == heard && wire_real_ms() < end_ms) {
			wire_await(&f);
			CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
		}
		CU_ASSERT_EQUAL(session_next(f.s, &p), ST_AGAIN); /* PINGRESP stays inside */
	}
	wire_stop(&f, SESSION_PLAIN);
}

static void an_unanswered_publish_asks_after_ten_seconds_and_then_the_link_is_dead(void)
{
	struct wire f;
	int64_t sent_ms;

	wire_log_in(&f, wire_connack, sizeof wire_connack);
	sent_ms = f.now_ms;
	CU_ASSERT_EQUAL(session_deadline(f.s, sent_ms), sent_ms + SILENCE_MS);
	f.now_ms += SILENCE_MS - 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_PINGREQ]), 0);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_PINGREQ, 1));
	CU_ASSERT_EQUAL(session_deadline(f.s, sent_ms), f.now_ms + WIRE_ANSWER_MS);
	f.now_ms += WIRE_ANSWER_MS - 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_TIMEOUT);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_PINGREQ]), 1); /* asked once */
	wire_stop(&f, SESSION_ABORT);
}

static void a_message_that_needs_no_answer_finds_the_dead_link_too(void)
{
	const struct mqtt_publish p = { .topic = mqtt_text("t"), .payload = "x", .len = 1 };
	struct wire f;

	wire_log_in(&f, wire_connack, sizeof wire_connack);
	f.now_ms += 1000;
	CU_ASSERT_EQUAL(session_publish(f.s, &p), ST_OK);
	CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + SILENCE_MS);
	f.now_ms += SILENCE_MS;
	CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_PINGREQ, 1));
	f.now_ms += WIRE_ANSWER_MS;
	CU_ASSERT_EQUAL(wire_run(&f), ST_TIMEOUT);
	wire_stop(&f, SESSION_ABORT);
}

static void a_hub_that_still_talks_is_not_dead_although_its_ping_answer_is_late(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A };
	struct wire f;
	int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;
	uint64_t heard;

	wire_start(&f, bytes, sizeof bytes);
	f.script.bytewise = true; /* the publish dribbles in behind the CONNACK */
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	CU_ASSERT_EQUAL(session_probe(f.s, f.now_ms), ST_OK);
	heard = session_heard(f.s);
	f.now_ms += WIRE_ANSWER_MS - 1;
	while (session_heard(f.s) == heard && wire_real_ms() < end_ms) {
		wire_await(&f);
		CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	}
	f.now_ms += 1;
	CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	wire_expect_publish(&f, "a", "1");
	f.now_ms += WIRE_ANSWER_MS;
	CU_ASSERT_EQUAL(wire_run(&f), ST_TIMEOUT);
	wire_stop(&f, SESSION_ABORT);
}

/* --- packets out --- */

static enum status put_big(struct session *s)
{
	static const char payload[WIRE_PAYLOAD_MAX];
	const struct mqtt_publish p = { .topic = mqtt_text("t"),
		                            .payload = payload,
		                            .len = WIRE_PAYLOAD_MAX };

	return session_publish(s, &p);
}

static unsigned fill(struct wire *f)
{
	unsigned taken = 0;

	while (taken < 100000 && put_big(f->s) == ST_OK) {
		taken++;
		CU_ASSERT_EQUAL(wire_run(f), ST_OK);
	}
	return taken;
}

static void a_socket_that_does_not_drain_refuses_until_it_does(void)
{
	struct wire f;
	struct pollfd p;
	unsigned taken;

	wire_start(&f, wire_connack, sizeof wire_connack);
	atomic_store(&f.script.asleep, true);
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	taken = fill(&f);
	CU_ASSERT(taken > 0 && taken < 100000);
	CU_ASSERT_EQUAL(put_big(f.s), ST_FULL);
	CU_ASSERT_EQUAL(session_subscribe(f.s, 1, "f", 1), ST_FULL);
	CU_ASSERT_EQUAL(session_unsubscribe(f.s, 1, "f"), ST_FULL);
	CU_ASSERT_FALSE(session_idle(f.s));
	session_pollfd(f.s, &p, false);
	CU_ASSERT_TRUE(p.events & POLLOUT);
	atomic_store(&f.script.asleep, false);
	for (int64_t end_ms = wire_real_ms() + WIRE_PATIENCE_MS;
	     !session_idle(f.s) && wire_real_ms() < end_ms;) {
		wire_await(&f);
		CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	}
	CU_ASSERT_TRUE(session_idle(f.s));
	CU_ASSERT_EQUAL(put_big(f.s), ST_OK);
	CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_PUBLISH, taken + 1)); /* each arrived whole */
	wire_stop(&f, SESSION_PLAIN);
}

static void a_link_that_takes_nothing_for_twenty_seconds_is_dead(void)
{
	struct wire f;
	enum status st = ST_OK;
	int64_t stuck_ms;

	wire_start(&f, wire_connack, sizeof wire_connack);
	atomic_store(&f.script.asleep, true);
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	fill(&f);
	stuck_ms = f.now_ms;
	for (int i = 0; i < 10 && st == ST_OK; i++) {
		f.now_ms = session_deadline(f.s, INT64_MAX);
		CU_ASSERT(f.now_ms > stuck_ms && f.now_ms <= stuck_ms + 2 * SILENCE_MS);
		st = wire_run(&f);
	}
	CU_ASSERT_EQUAL(st, ST_TIMEOUT);
	wire_stop(&f, SESSION_ABORT);
}

static void only_a_polite_end_says_disconnect(void)
{
	struct wire f;

	wire_log_in(&f, wire_connack, sizeof wire_connack);
	session_close(f.s, SESSION_POLITE);
	f.s = NULL;
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_DISCONNECT, 1));
	wire_stop(&f, SESSION_PLAIN);
	wire_log_in(&f, wire_connack, sizeof wire_connack);
	wire_stop(&f, SESSION_PLAIN);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_DISCONNECT]), 0);
	session_close(NULL, SESSION_POLITE);
}

static void a_paused_session_does_not_ask_to_read(void)
{
	struct wire f;
	struct pollfd p;

	wire_log_in(&f, wire_connack, sizeof wire_connack);
	session_pollfd(f.s, &p, false);
	CU_ASSERT_TRUE(p.events & POLLIN);
	session_pollfd(f.s, &p, true);
	CU_ASSERT_FALSE(p.events & POLLIN);
	wire_stop(&f, SESSION_PLAIN);
}

SUITE(session_link, TEST(an_idle_link_is_asked_at_three_quarters_of_the_keepalive),
      TEST(an_unanswered_publish_asks_after_ten_seconds_and_then_the_link_is_dead),
      TEST(a_message_that_needs_no_answer_finds_the_dead_link_too),
      TEST(a_hub_that_still_talks_is_not_dead_although_its_ping_answer_is_late),
      TEST(a_socket_that_does_not_drain_refuses_until_it_does),
      TEST(a_link_that_takes_nothing_for_twenty_seconds_is_dead),
      TEST(only_a_polite_end_says_disconnect), TEST(a_paused_session_does_not_ask_to_read))
