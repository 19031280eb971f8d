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

	h.g.limits = (struct gateway_limits){ .region = "mainland", .subscriptions = 10 };
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

SUITE(gateway_subscriptions,
      TEST(what_a_device_subscribed_is_subscribed_before_what_the_gateway_adds),
      TEST(what_a_device_asks_for_again_after_a_resumed_session_is_renewed_at_once),
      TEST(subscriptions_are_counted_while_the_hub_may_have_them),
      TEST(a_lost_session_takes_the_subscriptions_with_it_and_a_resumed_one_does_not),
      TEST(coming_near_the_published_limit_is_said_once))
