#include <stdlib.h>
#include <string.h>

#include "tests/fakes/wire.h"
#include "tests/runner.h"

enum {
	OVERSIZED = 600 * 1024
};

static void the_login_says_who_we_are(void)
{
	static const char expected[] = "\x10\x46\0\x04MQTT\x04\xc0\0\xf0\0\x0fGATEPROD01gw-01"
								   "\0\x21GATEPROD01gw-01;12010126;abcde;99\0\x06secret";
	struct wire f;

	wire_log_in(&f, wire_connack, sizeof wire_connack);
	CU_ASSERT_FALSE(session_resumed(f.s));
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(f.script.login_len, sizeof expected - 1);
	CU_ASSERT_EQUAL(memcmp(f.script.login, expected, sizeof expected - 1), 0);
	wire_stop(&f, SESSION_PLAIN);
}

static void a_certificate_logs_in_without_a_password(void)
{
	struct wire f;

	wire_start(&f, wire_connack, sizeof wire_connack);
	wire_open(&f, NULL);
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(f.script.login[9], 0x80); /* user name, no password */
	wire_stop(&f, SESSION_PLAIN);
}

static void the_hub_says_whether_it_kept_the_session(void)
{
	static const unsigned char bytes[] = { CONNACK_RESUMED };
	struct wire f;

	wire_log_in(&f, bytes, sizeof bytes);
	CU_ASSERT_TRUE(session_resumed(f.s));
	wire_stop(&f, SESSION_PLAIN);
}

static void a_refused_login_gives_its_code_also_when_the_hub_closes_at_once(void)
{
	static const unsigned char bytes[] = { 0x20, 2, 0, 5 };

	for (int closes = 0; closes < 2; closes++) {
		struct wire f;

		wire_start(&f, bytes, sizeof bytes);
		f.script.closes = closes;
		wire_open(&f, "wrong");
		CU_ASSERT_EQUAL(wire_settle(&f), ST_DENIED);
		CU_ASSERT_EQUAL(session_refusal(f.s), 5);
		wire_stop(&f, SESSION_PLAIN);
	}
}

static void a_login_that_is_not_answered_is_given_up_in_time(void)
{
	struct wire f;

	wire_start(&f, NULL, 0);
	wire_open(&f, "secret");
	while (session_phase(f.s) == SESSION_CONNECTING && wire_run(&f) == ST_OK)
		wire_await(&f);
	CU_ASSERT_TRUE(wire_hub_saw(&f, MQTT_CONNECT, 1));
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), f.now_ms + WIRE_ANSWER_MS);
	f.now_ms += WIRE_ANSWER_MS - 1;
	CU_ASSERT_EQUAL(wire_run(&f), ST_OK);
	f.now_ms += 1;
	CU_ASSERT_EQUAL(wire_run(&f), ST_TIMEOUT);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	wire_stop(&f, SESSION_ABORT);
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
		struct wire f;

		wire_start(&f, answers[i].bytes, answers[i].len);
		wire_open(&f, "secret");
		CU_ASSERT_EQUAL(wire_settle(&f), ST_MALFORMED);
		CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
		wire_stop(&f, SESSION_PLAIN);
	}
}

static void a_hub_that_closes_instead_of_answering_is_named(void)
{
	struct wire f;

	wire_start(&f, NULL, 0);
	f.script.closes = true;
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_CLOSED);
	CU_ASSERT_STRING_EQUAL(session_error(f.s), "the hub closed the connection");
	wire_stop(&f, SESSION_PLAIN);
}

/* --- packets in --- */

static void packets_that_come_byte_by_byte_are_handed_out_whole(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, 0x40, 2, 0, 7,
		                                   0x90,       3,         0,    8, 1, PUBLISH_B };
	struct mqtt_packet p = { .type = MQTT_DISCONNECT };
	struct wire f;

	wire_start(&f, bytes, sizeof bytes);
	f.script.bytewise = true;
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	wire_expect_publish(&f, "a", "1");
	CU_ASSERT_EQUAL(wire_next(&f, &p), ST_OK);
	CU_ASSERT(p.type == MQTT_PUBACK && p.id == 7);
	CU_ASSERT_EQUAL(wire_next(&f, &p), ST_OK);
	CU_ASSERT(p.type == MQTT_SUBACK && p.suback.id == 8 && p.suback.codes[0] == 1);
	wire_expect_publish(&f, "b", "2");
	CU_ASSERT(session_heard(f.s) > 4);
	wire_stop(&f, SESSION_PLAIN);
}

static void what_came_before_the_end_is_still_handed_out(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, PUBLISH_B, PUBLISH_A };
	struct mqtt_packet p;
	struct wire f;

	wire_start(&f, bytes, sizeof bytes);
	f.script.closes = true;
	wire_open(&f, "secret");
	CU_ASSERT_EQUAL(wire_settle(&f), ST_OK);
	CU_ASSERT_EQUAL(session_phase(f.s), SESSION_UP);
	session_puback(f.s, 1); /* writing may fail by now */
	wire_expect_publish(&f, "a", "1");
	wire_expect_publish(&f, "b", "2");
	wire_expect_publish(&f, "a", "1");
	CU_ASSERT_NOT_EQUAL(wire_next(&f, &p), ST_OK);
	CU_ASSERT_EQUAL(session_deadline(f.s, INT64_MAX), 0);
	CU_ASSERT_NOT_EQUAL(wire_run(&f), ST_OK);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	wire_stop(&f, SESSION_PLAIN);
}

static void an_oversized_packet_is_skipped_and_the_next_one_arrives(void)
{
	static const unsigned char head[] = {
		CONNACK_OK, PUBLISH_A, 0x30, 0x80, 0xc0, 0x25, 0, 1, 'x'
	};
	static const unsigned char tail[] = { PUBLISH_B };
	size_t body = sizeof head + OVERSIZED - 3;
	unsigned char *bytes = calloc(1, body + sizeof tail);
	struct wire f;

	CU_ASSERT_EQUAL((0x80 & 0x7f) | (0xc0 & 0x7f) << 7 | 0x25 << 14, OVERSIZED);
	memcpy(bytes, head, sizeof head);
	memcpy(bytes + body, tail, sizeof tail);
	wire_log_in(&f, bytes, body + sizeof tail);
	wire_expect_publish(&f, "a", "1");
	wire_expect_publish(&f, "b", "2");
	wire_stop(&f, SESSION_PLAIN);
	free(bytes);
}

static void a_malformed_packet_is_reported(void)
{
	static const unsigned char bytes[] = { CONNACK_OK, PUBLISH_A, 0xf0, 0 };
	struct mqtt_packet p;
	struct wire f;

	wire_log_in(&f, bytes, sizeof bytes);
	wire_expect_publish(&f, "a", "1");
	CU_ASSERT_EQUAL(wire_next(&f, &p), ST_MALFORMED);
	CU_ASSERT_STRING_NOT_EQUAL(session_error(f.s), "");
	wire_stop(&f, SESSION_PLAIN);
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
      TEST(a_malformed_packet_is_reported))
