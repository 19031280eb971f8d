#include "bridge/session.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/fakes/peer.h"
#include "tests/runner.h"

enum {
	PATIENCE_MS = 10000,
	ANSWER_MS = 10000,
	KEEPALIVE_S = 240,
	SILENCE_MS = 10000, /* after which an unanswered publish makes us ask */
	OVERSIZED = 600 * 1024,
	BIG_PAYLOAD = 16 * 1024,
};

#define CONNACK_OK      0x20, 2, 0, 0
#define CONNACK_RESUMED 0x20, 2, 1, 0
#define PUBLISH_A       0x30, 4, 0, 1, 'a', '1'
#define PUBLISH_B       0x32, 6, 0, 1, 'b', 0, 9, '2'

/* What the hub does after CONNECT. */
struct script {
	const unsigned char *reply;
	size_t len;
	bool bytewise, closes, pings_back;
	atomic_bool asleep;   /* does not read */
	atomic_uint seen[16]; /* packets by type */
	unsigned char login[512];
	size_t login_len; /* valid once seen[MQTT_CONNECT] */
};

struct fixture {
	struct script script;
	struct peer *peer;
	struct session *s;
	int64_t now_ms; /* the session's time, moved by the test alone */
};

/* --- the hub's side --- */

static size_t read_exactly(struct peer_conn *c, unsigned char *at, size_t len)
{
	size_t have = 0, n = 1;

	while (have < len && n > 0) {
		n = peer_read(c, at + have, len - have);
		have += n;
	}
	return have;
}

/* Length of the packet, of which the first room bytes are kept; 0: the end. */
static size_t read_packet(struct peer_conn *c, unsigned char *packet, size_t room)
{
	unsigned char rest[BIG_PAYLOAD + 64];
	size_t head = 1, len = 0, keep;

	if (read_exactly(c, packet, 1) == 0)
		return 0;
	do {
		if (head > 4 || read_exactly(c, packet + head, 1) == 0)
			return 0;
		len |= (size_t)(packet[head] & 0x7f) << (7 * (head - 1));
	} while (packet[head++] & 0x80);
	if (len > sizeof rest || read_exactly(c, rest, len) != len)
		return 0;
	keep = len < room - head ? len : room - head;
	memcpy(packet + head, rest, keep);
	return head + len;
}

static void reply(struct peer_conn *c, const struct script *sc)
{
	for (size_t i = 0; sc->bytewise && i < sc->len; i++) {
		peer_write(c, sc->reply + i, 1);
		usleep(1000);
	}
	if (!sc->bytewise)
		peer_write(c, sc->reply, sc->len);
}

static void serve(struct peer_conn *c, void *ctx)
{
	static const unsigned char pong[] = { 0xd0, 0 };
	struct script *sc = ctx;
	unsigned char packet[64];

	sc->login_len = read_packet(c, sc->login, sizeof sc->login);
	atomic_fetch_add(&sc->seen[sc->login[0] >> 4], 1);
	reply(c, sc);
	if (sc->closes)
		return;
	while (atomic_load(&sc->asleep))
		usleep(1000);
	while (read_packet(c, packet, sizeof packet) > 0) {
		atomic_fetch_add(&sc->seen[packet[0] >> 4], 1);
		if (packet[0] == 0xc0 && sc->pings_back)
			peer_write(c, pong, sizeof pong);
	}
}

/* --- our side --- */

static void open_with(struct fixture *f, const char *password)
{
	struct session_conf conf = {
		.transport = { .host = "127.0.0.1", .attempt_ms = PATIENCE_MS },
		.client_id = "GATEPROD01gw-01",
		.username = "GATEPROD01gw-01;12010126;abcde;99",
		.password = password,
		.keepalive_s = KEEPALIVE_S,
		.answer_ms = ANSWER_MS,
	};

	f->peer = peer_start(&(struct peer_conf){ .serve = serve, .ctx = &f->script });
	conf.transport.port = peer_port(f->peer);
	f->now_ms = 1000000;
	CU_ASSERT_EQUAL_FATAL(session_open(&conf, f->now_ms, &f->s), ST_OK);
}

static void start(struct fixture *f, const unsigned char *bytes, size_t len)
{
	memset(f, 0, sizeof *f);
	f->script.reply = bytes;
	f->script.len = len;
}

static void stop(struct fixture *f, enum session_end how)
{
	session_close(f->s, how);
	atomic_store(&f->script.asleep, false);
	peer_stop(f->peer);
}

static int64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum status run(struct fixture *f)
{
	return session_run(f->s, f->now_ms, INT64_MAX);
}

static void await(struct fixture *f)
{
	struct pollfd p;

	session_pollfd(f->s, &p, false);
	poll(&p, p.fd >= 0, 5);
}

/* Until it is logged in or has failed. */
static enum status settle(struct fixture *f)
{
	int64_t end_ms = real_ms() + PATIENCE_MS;
	enum status st = run(f);

	while (st == ST_OK && session_phase(f->s) != SESSION_UP && real_ms() < end_ms) {
		await(f);
		st = run(f);
	}
	return st;
}

static enum status next(struct fixture *f, struct mqtt_packet *p)
{
	int64_t end_ms = real_ms() + PATIENCE_MS;
	enum status st = session_next(f->s, p);

	while (st == ST_AGAIN && real_ms() < end_ms) {
		await(f);
		st = run(f);
		if (st == ST_OK)
			st = session_next(f->s, p);
	}
	return st;
}

static bool hub_saw(struct fixture *f, enum mqtt_type type, unsigned count)
{
	int64_t end_ms = real_ms() + PATIENCE_MS;

	while (atomic_load(&f->script.seen[type]) < count && real_ms() < end_ms)
		usleep(1000);
	return atomic_load(&f->script.seen[type]) == count;
}

/* Logged in at a hub that answers CONNECT with these bytes. */
static void log_in(struct fixture *f, const unsigned char *bytes, size_t len)
{
	start(f, bytes, len);
	open_with(f, "secret");
	CU_ASSERT_EQUAL(settle(f), ST_OK);
	CU_ASSERT_EQUAL_FATAL(session_phase(f->s), SESSION_UP);
}

static void expect_publish(struct fixture *f, const char *topic, const char *payload)
{
	struct mqtt_packet p = { .type = MQTT_DISCONNECT };

	CU_ASSERT_EQUAL(next(f, &p), ST_OK);
	CU_ASSERT_EQUAL_FATAL(p.type, MQTT_PUBLISH);
	CU_ASSERT(p.publish.topic.len == strlen(topic) &&
	          memcmp(p.publish.topic.at, topic, p.publish.topic.len) == 0);
	CU_ASSERT(p.publish.len == strlen(payload) &&
	          memcmp(p.publish.payload, payload, p.publish.len) == 0);
}

static const unsigned char connack_ok[] = { CONNACK_OK };

/* --- login --- */

static void the_login_says_who_we_are(void)
{
	static const char expected[] = "\x10\x43\0\x04MQTT\x04\xc0\0\xf0\0\x0fGATEPROD01gw-01"
								   "\0\x21GATEPROD01gw-01;12010126;abcde;99\0\x06secret";
	struct fixture f;

	log_in(&f, connack_ok, sizeof connack_ok);
	CU_ASSERT_FALSE(session_resumed(f.s));
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(f.script.login_len, sizeof expected - 1);
	CU_ASSERT_EQUAL(memcmp(f.script.login, expected, sizeof expected - 1), 0);
	stop(&f, SESSION_PLAIN);
}

static void a_certificate_logs_in_without_a_password(void)
{
	struct fixture f;

	start(&f, connack_ok, sizeof connack_ok);
	open_with(&f, NULL);
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(f.script.login[9], 0x80); /* user name, no password */
	stop(&f, SESSION_PLAIN);
}

static void the_hub_says_whether_it_kept_the_session(void)
{
	static const unsigned char bytes[] = { CONNACK_RESUMED };
	struct fixture f;

	log_in(&f, bytes, sizeof bytes);
	CU_ASSERT_TRUE(session_resumed(f.s));
	stop(&f, SESSION_PLAIN);
}

static void a_refused_login_gives_its_code_also_when_the_hub_closes_at_once(void)
{
	static const unsigned char bytes[] = { 0x20, 2, 0, 5 };

	for (int closes = 0; closes < 2; closes++) {
		struct fixture f;

		start(&f, bytes, sizeof bytes);
		f.script.closes = closes;
		open_with(&f, "wrong");
		CU_ASSERT_EQUAL(settle(&f), ST_DENIED);
		CU_ASSERT_EQUAL(session_refusal(f.s), 5);
		stop(&f, SESSION_PLAIN);
	}
}

static void a_login_that_is_not_answered_is_given_up_in_time(void)
{
	struct fixture f;

	start(&f, NULL, 0);
	open_with(&f, "secret");
	while (session_phase(f.s) == SESSION_CONNECTING && run(&f) == ST_OK)
		await(&f);
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + ANSWER_MS);
	f.now_ms += ANSWER_MS - 1;
	CU_ASSERT_EQUAL(run(&f), ST_OK);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(run(&f), ST_TIMEOUT);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	stop(&f, SESSION_ABORT);
}

static void a_login_answered_with_anything_else_is_over(void)
{
	static const unsigned char malformed[] = { 0x20, 3, 0, 0, 0 }, publish[] = { PUBLISH_A },
							   pong[] = { 0xd0, 1, 0 };
	static const struct {
		const unsigned char *bytes;
		size_t len;
	} answers[] = { { malformed, sizeof malformed },
		            { publish, sizeof publish },
		            { pong, sizeof pong } };

	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		start(&f, answers[i].bytes, answers[i].len);
		open_with(&f, "secret");
		CU_ASSERT_EQUAL(settle(&f), ST_MALFORMED);
		CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
		stop(&f, SESSION_PLAIN);
	}
}

static void a_hub_that_closes_instead_of_answering_is_named(void)
{
	struct fixture f;

	start(&f, NULL, 0);
	f.script.closes = true;
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_CLOSED);
	CU_ASSERT_STRING_EQUAL(session_error(f.s), "the hub closed the connection");
	stop(&f, SESSION_PLAIN);
}

/* --- packets in --- */

static void packets_that_come_byte_by_byte_are_handed_out_whole(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, 0x40, 2, 0, 7,
		                                   0x90,       3,         0,    8, 1, PUBLISH_B };
	struct mqtt_packet p = { .type = MQTT_DISCONNECT };
	struct fixture f;

	start(&f, bytes, sizeof bytes);
	f.script.bytewise = true;
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	expect_publish(&f, "a", "1");
	CU_ASSERT_EQUAL(next(&f, &p), ST_OK);
	CU_ASSERT(p.type == MQTT_PUBACK && p.id == 7);
	CU_ASSERT_EQUAL(next(&f, &p), ST_OK);
	CU_ASSERT(p.type == MQTT_SUBACK && p.suback.id == 8 && p.suback.codes[0] == 1);
	expect_publish(&f, "b", "2");
	CU_ASSERT(session_heard(f.s) > 4);
	stop(&f, SESSION_PLAIN);
}

static void what_came_before_the_end_is_still_handed_out(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, PUBLISH_B, PUBLISH_A };
	struct mqtt_packet p;
	struct fixture f;

	start(&f, bytes, sizeof bytes);
	f.script.closes = true;
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	CU_ASSERT_EQUAL(session_phase(f.s), SESSION_UP);
	session_puback(f.s, 1); /* writing may fail by now */
	expect_publish(&f, "a", "1");
	expect_publish(&f, "b", "2");
	expect_publish(&f, "a", "1");
	CU_ASSERT_NOT_EQUAL(next(&f, &p), ST_OK);
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), 0);
	CU_ASSERT_NOT_EQUAL(run(&f), ST_OK);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	stop(&f, SESSION_PLAIN);
}

static void an_oversized_packet_is_skipped_and_the_next_one_arrives(void)
{
	static const unsigned char head[] = {
		CONNACK_OK, PUBLISH_A, 0x30, 0x80, 0xd0, 0x24, 0, 1, 'x'
	};
	static const unsigned char tail[] = { PUBLISH_B };
	size_t body = sizeof head + OVERSIZED - 3;
	unsigned char *bytes = calloc(1, body + sizeof tail);
	struct fixture f;

	CU_ASSERT_EQUAL((0x80 & 0x7f) | (0xd0 & 0x7f) << 7 | 0x24 << 14, OVERSIZED);
	memcpy(bytes, head, sizeof head);
	memcpy(bytes + body, tail, sizeof tail);
	log_in(&f, bytes, body + sizeof tail);
	expect_publish(&f, "a", "1");
	expect_publish(&f, "b", "2");
	stop(&f, SESSION_PLAIN);
	free(bytes);
}

static void a_malformed_packet_is_reported(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, 0xf0, 0 };
	struct mqtt_packet p;
	struct fixture f;

	log_in(&f, bytes, sizeof bytes);
	expect_publish(&f, "a", "1");
	CU_ASSERT_EQUAL(next(&f, &p), ST_MALFORMED);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	stop(&f, SESSION_PLAIN);
}

/* --- silence --- */

static void an_idle_link_is_asked_at_three_quarters_of_the_keepalive(void)
{
	struct fixture f;

	start(&f, connack_ok, sizeof connack_ok);
	f.script.pings_back = true;
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	for (unsigned round = 1; round <= 3; round++) {
		struct mqtt_packet p;
		uint64_t heard = session_heard(f.s);
		int64_t end_ms = real_ms() + PATIENCE_MS;

		CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + KEEPALIVE_S * 750);
		f.now_ms += KEEPALIVE_S * 750 - 1;
		CU_ASSERT_EQUAL(run(&f), ST_OK);
		CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + 1);
		f.now_ms += 1;
		CU_ASSERT_EQUAL(run(&f), ST_OK);
		CU_ASSERT_TRUE(hub_saw(&f, MQTT_PINGREQ, round));
		while (session_heard(f.s) == heard && real_ms() < end_ms) {
			await(&f);
			CU_ASSERT_EQUAL(run(&f), ST_OK);
		}
		CU_ASSERT_EQUAL(session_next(f.s, &p), ST_AGAIN); /* PINGRESP stays inside */
	}
	stop(&f, SESSION_PLAIN);
}

static void an_unanswered_publish_asks_after_ten_seconds_and_then_the_link_is_dead(void)
{
	struct fixture f;
	int64_t sent_ms;

	log_in(&f, connack_ok, sizeof connack_ok);
	sent_ms = f.now_ms;
	CU_ASSERT_EQUAL(session_deadline(f.s, sent_ms), sent_ms + SILENCE_MS);
	f.now_ms += SILENCE_MS - 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_PINGREQ]), 0);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_PINGREQ, 1));
	CU_ASSERT_EQUAL(session_deadline(f.s, sent_ms), f.now_ms + ANSWER_MS);
	f.now_ms += ANSWER_MS - 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_OK);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(session_run(f.s, f.now_ms, sent_ms), ST_TIMEOUT);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_PINGREQ]), 1); /* asked once */
	stop(&f, SESSION_ABORT);
}

static void a_message_that_needs_no_answer_finds_the_dead_link_too(void)
{
	const struct mqtt_publish p = { .topic = mqtt_text("t"), .payload = "x", .len = 1 };
	struct fixture f;

	log_in(&f, connack_ok, sizeof connack_ok);
	f.now_ms += 1000;
	CU_ASSERT_EQUAL(session_publish(f.s, &p), ST_OK);
	CU_ASSERT_EQUAL(run(&f), ST_OK);
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + SILENCE_MS);
	f.now_ms += SILENCE_MS;
	CU_ASSERT_EQUAL(run(&f), ST_OK);
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_PINGREQ, 1));
	f.now_ms += ANSWER_MS;
	CU_ASSERT_EQUAL(run(&f), ST_TIMEOUT);
	stop(&f, SESSION_ABORT);
}

static void a_hub_that_still_talks_is_not_dead_although_its_ping_answer_is_late(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A };
	struct fixture f;
	int64_t end_ms = real_ms() + PATIENCE_MS;
	uint64_t heard;

	start(&f, bytes, sizeof bytes);
	f.script.bytewise = true; /* the publish dribbles in behind the CONNACK */
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	CU_ASSERT_EQUAL(session_probe(f.s, f.now_ms), ST_OK);
	heard = session_heard(f.s);
	f.now_ms += ANSWER_MS - 1;
	while (session_heard(f.s) == heard && real_ms() < end_ms) {
		await(&f);
		CU_ASSERT_EQUAL(run(&f), ST_OK);
	}
	f.now_ms += 1;
	CU_ASSERT_EQUAL(run(&f), ST_OK);
	expect_publish(&f, "a", "1");
	f.now_ms += ANSWER_MS;
	CU_ASSERT_EQUAL(run(&f), ST_TIMEOUT);
	stop(&f, SESSION_ABORT);
}

/* --- packets out --- */

static enum status put_big(struct session *s)
{
	static const char payload[BIG_PAYLOAD];
	const struct mqtt_publish p = { .topic = mqtt_text("t"),
		                            .payload = payload,
		                            .len = BIG_PAYLOAD };

	return session_publish(s, &p);
}

static unsigned fill(struct fixture *f)
{
	unsigned taken = 0;

	while (taken < 100000 && put_big(f->s) == ST_OK) {
		taken++;
		CU_ASSERT_EQUAL(run(f), ST_OK);
	}
	return taken;
}

static void a_socket_that_does_not_drain_refuses_until_it_does(void)
{
	struct fixture f;
	struct pollfd p;
	unsigned taken;

	start(&f, connack_ok, sizeof connack_ok);
	atomic_store(&f.script.asleep, true);
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	taken = fill(&f);
	CU_ASSERT(taken > 0 && taken < 100000);
	CU_ASSERT_EQUAL(put_big(f.s), ST_FULL);
	CU_ASSERT_EQUAL(session_subscribe(f.s, 1, "f", 1), ST_FULL);
	CU_ASSERT_EQUAL(session_unsubscribe(f.s, 1, "f"), ST_FULL);
	CU_ASSERT_FALSE(session_idle(f.s));
	session_pollfd(f.s, &p, false);
	CU_ASSERT_TRUE(p.events & POLLOUT);
	atomic_store(&f.script.asleep, false);
	for (int64_t end_ms = real_ms() + PATIENCE_MS; !session_idle(f.s) && real_ms() < end_ms;) {
		await(&f);
		CU_ASSERT_EQUAL(run(&f), ST_OK);
	}
	CU_ASSERT_TRUE(session_idle(f.s));
	CU_ASSERT_EQUAL(put_big(f.s), ST_OK);
	CU_ASSERT_EQUAL(run(&f), ST_OK);
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_PUBLISH, taken + 1)); /* each arrived whole */
	stop(&f, SESSION_PLAIN);
}

static void a_link_that_takes_nothing_for_twenty_seconds_is_dead(void)
{
	struct fixture f;
	enum status st = ST_OK;
	int64_t stuck_ms;

	start(&f, connack_ok, sizeof connack_ok);
	atomic_store(&f.script.asleep, true);
	open_with(&f, "secret");
	CU_ASSERT_EQUAL(settle(&f), ST_OK);
	fill(&f);
	stuck_ms = f.now_ms;
	for (int i = 0; i < 10 && st == ST_OK; i++) {
		f.now_ms = session_deadline(f.s, INT64_MAX);
		CU_ASSERT(f.now_ms > stuck_ms && f.now_ms <= stuck_ms + 2 * SILENCE_MS);
		st = run(&f);
	}
	CU_ASSERT_EQUAL(st, ST_TIMEOUT);
	stop(&f, SESSION_ABORT);
}

static void only_a_polite_end_says_disconnect(void)
{
	struct fixture f;

	log_in(&f, connack_ok, sizeof connack_ok);
	session_close(f.s, SESSION_POLITE);
	f.s = NULL;
	CU_ASSERT_TRUE(hub_saw(&f, MQTT_DISCONNECT, 1));
	stop(&f, SESSION_PLAIN);
	log_in(&f, connack_ok, sizeof connack_ok);
	stop(&f, SESSION_PLAIN);
	CU_ASSERT_EQUAL(atomic_load(&f.script.seen[MQTT_DISCONNECT]), 0);
	session_close(NULL, SESSION_POLITE);
}

static void a_paused_session_does_not_ask_to_read(void)
{
	struct fixture f;
	struct pollfd p;

	log_in(&f, connack_ok, sizeof connack_ok);
	session_pollfd(f.s, &p, false);
	CU_ASSERT_TRUE(p.events & POLLIN);
	session_pollfd(f.s, &p, true);
	CU_ASSERT_FALSE(p.events & POLLIN);
	stop(&f, SESSION_PLAIN);
}

/* --- packet ids --- */

static void packet_ids_are_unique_never_zero_and_return_when_released(void)
{
	static struct packet_ids ids;
	static unsigned char seen[65536];
	unsigned twice = 0;

	memset(&ids, 0, sizeof ids);
	for (unsigned i = 0; i < 65535; i++)
		twice += seen[packet_ids_take(&ids)]++;
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(seen[0], 0);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 0); /* all are taken */
	packet_ids_release(&ids, 4711);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 4711);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 0);
	packet_ids_clear(&ids);
	CU_ASSERT_NOT_EQUAL(packet_ids_take(&ids), 0);
}

static void a_released_packet_id_is_not_taken_again_at_once(void)
{
	struct packet_ids ids = { .last = 0 };
	uint16_t id = packet_ids_take(&ids);

	packet_ids_release(&ids, id);
	CU_ASSERT_NOT_EQUAL(packet_ids_take(&ids), id);
}

SUITE(session, TEST(the_login_says_who_we_are), TEST(a_certificate_logs_in_without_a_password),
      TEST(the_hub_says_whether_it_kept_the_session),
      TEST(a_refused_login_gives_its_code_also_when_the_hub_closes_at_once),
      TEST(a_login_that_is_not_answered_is_given_up_in_time),
      TEST(a_login_answered_with_anything_else_is_over),
      TEST(a_hub_that_closes_instead_of_answering_is_named),
      TEST(packets_that_come_byte_by_byte_are_handed_out_whole),
      TEST(what_came_before_the_end_is_still_handed_out),
      TEST(an_oversized_packet_is_skipped_and_the_next_one_arrives),
      TEST(a_malformed_packet_is_reported),
      TEST(an_idle_link_is_asked_at_three_quarters_of_the_keepalive),
      TEST(an_unanswered_publish_asks_after_ten_seconds_and_then_the_link_is_dead),
      TEST(a_message_that_needs_no_answer_finds_the_dead_link_too),
      TEST(a_hub_that_still_talks_is_not_dead_although_its_ping_answer_is_late),
      TEST(a_socket_that_does_not_drain_refuses_until_it_does),
      TEST(a_link_that_takes_nothing_for_twenty_seconds_is_dead),
      TEST(only_a_polite_end_says_disconnect), TEST(a_paused_session_does_not_ask_to_read),
      TEST(packet_ids_are_unique_never_zero_and_return_when_released),
      TEST(a_released_packet_id_is_not_taken_again_at_once))
