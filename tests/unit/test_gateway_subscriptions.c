/* How many subscriptions the gateway has at the hub, and which are made first. */
#include <string.h>

#include "tests/fakes/hub_steps.h"

#define RESULT "$shadow/operation/result/SUBPROD001/"

static struct subdev *come_online(struct hub *h, const char *name)
{
	struct subdev *d = hub_device(h, name);
	char expected[64];

	hub_present(h, d, true);
	snprintf(expected, sizeof expected, "online %s", name);
	EXPECT(h, expected);
	hub_answer(h, "online", name, 0);
	return d;
}

static void what_a_device_subscribed_is_subscribed_before_what_the_gateway_adds(void)
{
	struct hub h;
	struct subdev *lamp = online(&h), *fan = come_online(&h, "fan");

	gateway_follow_shadow(&h.g, lamp, RESULT "lamp");
	gateway_follow_shadow(&h.g, fan, RESULT "fan");
	gateway_subscribe(&h.g, fan, "f", 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	CU_ASSERT_EQUAL(strncmp(hub_next(&h), "subscribe $shadow", 17), 0);
	CU_ASSERT_EQUAL(strncmp(hub_next(&h), "subscribe $shadow", 17), 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void what_a_device_asks_for_again_after_a_resumed_session_is_renewed_at_once(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	hub_cut(&h);
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, ""); /* its renewal has time */
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, ""); /* once in each connection */
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static uint64_t shown(const struct hub *h)
{
	CU_ASSERT_EQUAL(metric_get(&h->metrics, M_SUBSCRIPTIONS), gateway_subscriptions(&h->g));
	return metric_get(&h->metrics, M_SUBSCRIPTIONS);
}

static void subscriptions_are_counted_while_the_hub_may_have_them(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 1);
	gateway_subscribe(&h.g, d, "x", 1);
	EXPECT(&h, "subscribe x 1");
	CU_ASSERT_EQUAL(shown(&h), 2); /* with the gateway's own channel */
	hub_suback(&h, 0x80);
	CU_ASSERT_EQUAL(shown(&h), 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	gateway_unsubscribe(&h.g, d, "f");
	EXPECT(&h, "unsubscribe f");
	CU_ASSERT_EQUAL(shown(&h), 2);
	hub_suback(&h, 0);
	CU_ASSERT_EQUAL(shown(&h), 1);
	hub_stop(&h);
}

static void a_lost_session_takes_the_subscriptions_with_it_and_a_resumed_one_does_not(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	hub_cut(&h);
	hub_link(&h, true);
	CU_ASSERT_EQUAL(shown(&h), 2);
	hub_cut(&h);
	hub_link(&h, false);
	CU_ASSERT_EQUAL(shown(&h), 1);
	hub_stop(&h);
}

static void coming_near_the_published_limit_is_said_once(void)
{
	struct hub h;
	struct subdev *d = online(&h);
	char filter[8];
	unsigned before;

	h.g.limits =
		(struct gateway_limits){ .region = region_limits(REGION_MAINLAND), .subscriptions = 10 };
	before = h.log_lines;
	for (int i = 0; i < 9; i++) {
		snprintf(filter, sizeof filter, "f%d", i);
		gateway_subscribe(&h.g, d, filter, 1);
		CU_ASSERT_EQUAL(strncmp(hub_next(&h), "subscribe ", 10), 0);
		hub_suback(&h, 1);
		CU_ASSERT_EQUAL(h.log_lines, before + (i >= 7));
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(h.last_line, "9 subscriptions"));
	CU_ASSERT_PTR_NOT_NULL(strstr(h.last_line, "mainland"));
	hub_stop(&h);
}

/* Two devices of one product, of which the first has control. */
static struct subdev *second_of_two(struct hub *h)
{
	struct subdev *lamp = online(h), *fan = come_online(h, "fan");

	gateway_subscribe(&h->g, lamp, "SUBPROD001/lamp/control", 1);
	EXPECT(h, "subscribe SUBPROD001/lamp/control 1");
	hub_suback(h, 1);
	return fan;
}

static void refusal_of_what_another_device_has_names_the_limit_and_the_fix_once(void)
{
	struct hub h;
	struct subdev *fan = second_of_two(&h);
	unsigned lines = h.log_lines;

	gateway_subscribe(&h.g, fan, "SUBPROD001/fan/control", 1);
	EXPECT(&h, "subscribe SUBPROD001/fan/control 1");
	hub_suback(&h, 0x80);
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(h.last_line, "set hub.max_subscriptions to 2"));
	CU_ASSERT(hub_wait_until_wanted(&h, LONG_MS) > 0);
	EXPECT(&h, "subscribe SUBPROD001/fan/control 1");
	hub_suback(&h, 0x80);
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	hub_stop(&h);
}

static void refusal_of_what_nobody_has_names_the_topic_list_once(void)
{
	struct hub h;
	struct subdev *fan = second_of_two(&h);
	unsigned lines = h.log_lines;

	gateway_subscribe(&h.g, fan, "SUBPROD001/fan/other", 1);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT(hub_wait_until_wanted(&h, LONG_MS) >= 0);
		EXPECT(&h, "subscribe SUBPROD001/fan/other 1");
		hub_suback(&h, 0x80);
	}
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(h.last_line, "topic list"));
	hub_stop(&h);
}

/* True: it is said. */
static bool close_on(struct hub *h)
{
	unsigned lines = h->log_lines;

	gateway_closed(&h->g, h->now_ms);
	lines = h->log_lines - lines;
	hub_cut(h);
	hub_link(h, true);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(strncmp(hub_next(h), "online ", 7), 0);
	hub_answer(h, "online", "lamp", 0);
	hub_answer(h, "online", "fan", 0);
	return lines > 0;
}

/* Milliseconds until the fan's control is asked for; the lamp's is renewed meanwhile. */
static int64_t asked_after(struct hub *h)
{
	int64_t from_ms = h->now_ms;

	for (int n = 0; n < 10000; n++) {
		const char *text = hub_next(h);

		if (strcmp(text, "subscribe SUBPROD001/fan/control 1") == 0)
			return h->now_ms - from_ms;
		if (*text)
			hub_suback(h, 1);
		else
			hub_wait(h, 1000);
	}
	return -1;
}

static void a_hub_that_closes_on_one_subscription_too_many_is_asked_ever_more_seldom(void)
{
	struct hub h;
	struct subdev *fan = second_of_two(&h);

	gateway_subscribe(&h.g, fan, "SUBPROD001/fan/control", 1);
	CU_ASSERT_EQUAL(asked_after(&h), 0);
	CU_ASSERT_TRUE(close_on(&h));
	CU_ASSERT_EQUAL(asked_after(&h), 0); /* once is chance */
	for (int64_t pause_ms = GATEWAY_RETRY_MS; pause_ms <= 4 * GATEWAY_RETRY_MS; pause_ms *= 2) {
		int64_t waited_ms;

		CU_ASSERT_FALSE(close_on(&h));
		CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 2);
		waited_ms = asked_after(&h);
		CU_ASSERT(waited_ms >= pause_ms && waited_ms <= pause_ms + 2000);
	}
	hub_suback(&h, 1);
	CU_ASSERT_EQUAL(h.g.closes, 0);
	hub_stop(&h);
}

static void a_link_that_ends_long_after_a_subscribe_or_without_a_limit_in_sight_says_nothing(void)
{
	struct hub h;
	struct subdev *fan = second_of_two(&h);

	gateway_subscribe(&h.g, fan, "SUBPROD001/fan/control", 1);
	EXPECT(&h, "subscribe SUBPROD001/fan/control 1");
	hub_wait(&h, 3000);
	close_on(&h);
	EXPECT(&h, "subscribe SUBPROD001/fan/control 1");
	hub_suback(&h, 1);
	gateway_subscribe(&h.g, fan, "SUBPROD001/fan/other", 1);
	EXPECT(&h, "subscribe SUBPROD001/fan/other 1");
	close_on(&h);
	EXPECT(&h, "subscribe SUBPROD001/fan/other 1");
	CU_ASSERT_EQUAL(h.g.closes, 0);
	hub_stop(&h);
}

SUITE(gateway_subscriptions,
      TEST(what_a_device_subscribed_is_subscribed_before_what_the_gateway_adds),
      TEST(what_a_device_asks_for_again_after_a_resumed_session_is_renewed_at_once),
      TEST(subscriptions_are_counted_while_the_hub_may_have_them),
      TEST(a_lost_session_takes_the_subscriptions_with_it_and_a_resumed_one_does_not),
      TEST(coming_near_the_published_limit_is_said_once),
      TEST(refusal_of_what_another_device_has_names_the_limit_and_the_fix_once),
      TEST(refusal_of_what_nobody_has_names_the_topic_list_once),
      TEST(a_hub_that_closes_on_one_subscription_too_many_is_asked_ever_more_seldom),
      TEST(a_link_that_ends_long_after_a_subscribe_or_without_a_limit_in_sight_says_nothing))
