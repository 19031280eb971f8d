#include "core/hub/echo.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define TOPIC "SUBPROD001/lamp-01/data"

static struct echo *fresh(void)
{
	struct echo *e = NULL;

	CU_ASSERT_EQUAL_FATAL(echo_new(42, &e), ST_OK);
	return e;
}

static struct mqtt_text text_of(const char *text)
{
	return (struct mqtt_text){ text, strlen(text) };
}

static void send(struct echo *e, int64_t now_ms, const char *topic, const char *payload)
{
	echo_sent(e, now_ms, text_of(topic), payload, strlen(payload));
}

static bool is(struct echo *e, int64_t now_ms, const char *topic, const char *payload)
{
	return echo_is(e, now_ms, text_of(topic), payload, strlen(payload));
}

static void what_was_not_sent_is_no_echo(void)
{
	struct echo *e = fresh();

	CU_ASSERT_FALSE(is(e, 0, TOPIC, "on"));
	send(e, 0, TOPIC, "on");
	CU_ASSERT_FALSE(is(e, 1, TOPIC, "off"));
	CU_ASSERT_FALSE(is(e, 1, TOPIC, "o"));
	CU_ASSERT_FALSE(is(e, 1, TOPIC, ""));
	CU_ASSERT_FALSE(is(e, 1, TOPIC "o", "n"));
	CU_ASSERT_FALSE(is(e, 1, "SUBPROD001/lamp-02/data", "on"));
	CU_ASSERT_TRUE(is(e, 1, TOPIC, "on"));
	echo_free(e);
}

static void every_transmission_has_one_echo(void)
{
	struct echo *e = fresh();

	send(e, 0, TOPIC, "on");
	CU_ASSERT_TRUE(is(e, 1, TOPIC, "on"));
	CU_ASSERT_FALSE(is(e, 2, TOPIC, "on"));
	send(e, 3, TOPIC, "on");
	send(e, 3, TOPIC, "on");
	CU_ASSERT_TRUE(is(e, 4, TOPIC, "on"));
	CU_ASSERT_TRUE(is(e, 4, TOPIC, "on"));
	CU_ASSERT_FALSE(is(e, 4, TOPIC, "on"));
	echo_free(e);
}

static void echo_is_awaited_for_30_seconds(void)
{
	struct echo *e = fresh();

	send(e, 1000, TOPIC, "a");
	send(e, 1000, TOPIC, "b");
	CU_ASSERT_TRUE(is(e, 1000 + ECHO_LIFE_MS, TOPIC, "a"));
	CU_ASSERT_FALSE(is(e, 1001 + ECHO_LIFE_MS, TOPIC, "b"));
	echo_free(e);
}

static void empty_and_binary_payloads_have_echoes_too(void)
{
	struct mqtt_text topic = text_of(TOPIC);
	struct echo *e = fresh();

	echo_sent(e, 0, topic, NULL, 0);
	echo_sent(e, 0, topic, "\0\1", 2);
	CU_ASSERT_TRUE(echo_is(e, 0, topic, "", 0));
	CU_ASSERT_FALSE(echo_is(e, 0, topic, "\0\2", 2));
	CU_ASSERT_TRUE(echo_is(e, 0, topic, "\0\1", 2));
	echo_free(e);
}

static void the_oldest_is_forgotten_when_too_many_wait(void)
{
	struct echo *e = fresh();
	char payload[16];
	int found = 0;

	for (int i = 0; i < ECHO_MAX + 10; i++) {
		snprintf(payload, sizeof payload, "%d", i);
		send(e, i, TOPIC, payload);
	}
	for (int i = 0; i < ECHO_MAX + 10; i++) {
		snprintf(payload, sizeof payload, "%d", i);
		found += is(e, ECHO_MAX, TOPIC, payload);
		if (i == 9)
			CU_ASSERT_EQUAL(found, 0);
	}
	CU_ASSERT_EQUAL(found, ECHO_MAX);
	echo_free(e);
}

static void many_rounds_of_sends_and_echoes_leave_nothing_behind(void)
{
	struct echo *e = fresh();
	int wrong = 0;

	for (int i = 0; i < 3 * ECHO_MAX; i++) {
		send(e, i * 10, TOPIC, i % 3 ? "x" : "y");
		wrong += !is(e, i * 10 + 5, TOPIC, i % 3 ? "x" : "y");
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_FALSE(is(e, 30 * ECHO_MAX, TOPIC, "x"));
	CU_ASSERT_FALSE(is(e, 30 * ECHO_MAX, TOPIC, "y"));
	echo_free(e);
}

static void clearing_forgets_every_transmission(void)
{
	struct echo *e = fresh();

	send(e, 0, TOPIC, "on");
	echo_clear(e);
	CU_ASSERT_FALSE(is(e, 1, TOPIC, "on"));
	send(e, 2, TOPIC, "on");
	CU_ASSERT_TRUE(is(e, 3, TOPIC, "on"));
	echo_free(e);
	echo_free(NULL);
}

SUITE(echo, TEST(what_was_not_sent_is_no_echo), TEST(every_transmission_has_one_echo),
      TEST(echo_is_awaited_for_30_seconds), TEST(empty_and_binary_payloads_have_echoes_too),
      TEST(the_oldest_is_forgotten_when_too_many_wait),
      TEST(many_rounds_of_sends_and_echoes_leave_nothing_behind),
      TEST(clearing_forgets_every_transmission))
