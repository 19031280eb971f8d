#include <stdlib.h>
#include <string.h>

#include "core/mqtt/mqtt_codec.h"
#include "tests/fakes/hub_steps.h"

static const char result_topic[] = "$shadow/operation/result/SUBPROD001/lamp";
#define SUBSCRIBED "subscribe $shadow/operation/result/SUBPROD001/lamp 0"

static void set_request(struct hub *h, struct subdev *d, const char *text)
{
	struct live_msg *m = calloc(1, sizeof(*m));

	CU_ASSERT_FATAL(m != NULL);
	m->topic = strdup("$shadow/operation/SUBPROD001/lamp");
	m->payload = strdup(text);
	m->len = strlen(text);
	gateway_set_shadow(&h->g, d, m);
}

/* What BROKER is told next: "" nothing, "ready", "away" or "sent". */
static const char *told(struct hub *h)
{
	struct subdev *d;
	bool ready, sent, online;

	gateway_line_up(&h->g, h->now_ms);
	d = gateway_news(&h->g);
	if (d && gateway_online_untold(d, &online)) { /* comes first, and is told once */
		gateway_told_online(&h->g, d);
		d = gateway_news(&h->g);
	}
	if (!d)
		return "";
	ready = gateway_shadow_ready(&h->g, d);
	sent = d->shadow_sent;
	gateway_told(&h->g, d, ready);
	return !ready ? "away" : sent ? "sent" : "ready";
}

static struct subdev *followed(struct hub *h)
{
	struct subdev *d = online(h);

	gateway_follow_shadow(&h->g, d, result_topic);
	EXPECT(h, SUBSCRIBED);
	CU_ASSERT_STRING_EQUAL(told(h), "");
	hub_suback(h, 0);
	CU_ASSERT_STRING_EQUAL(told(h), "ready");
	CU_ASSERT_STRING_EQUAL(told(h), "");
	return d;
}

static void request_waits_for_online_and_for_the_subscription_of_its_answer(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	gateway_follow_shadow(&h.g, d, result_topic);
	set_request(&h, d, "{}");
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, SUBSCRIBED);
	EXPECT(&h, "");
	hub_suback(&h, 0);
	EXPECT(&h, "shadow {}");
	CU_ASSERT_STRING_EQUAL(told(&h), "sent");
	EXPECT(&h, "");
	hub_stop(&h);
}

static void newer_request_replaces_one_that_has_not_gone_out(void)
{
	struct hub h;
	struct subdev *d = followed(&h);

	set_request(&h, d, "old");
	set_request(&h, d, "new");
	EXPECT(&h, "shadow new");
	EXPECT(&h, "");
	CU_ASSERT_STRING_EQUAL(told(&h), "sent");
	hub_stop(&h);
}

static void dirty_shadow_of_a_device_that_left_brings_it_online_and_then_offline(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	gateway_follow_shadow(&h.g, d, result_topic);
	gateway_shadow_dirty(&h.g, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, SUBSCRIBED);
	hub_suback(&h, 0);
	CU_ASSERT_STRING_EQUAL(told(&h), "ready");
	set_request(&h, d, "{}");
	EXPECT(&h, "shadow {}");
	EXPECT(&h, "");
	gateway_shadow_dirty(&h.g, d, false);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(told(&h), "away");
	hub_stop(&h);
}

static void broker_hears_of_a_lost_link_and_of_the_next_one(void)
{
	struct hub h;
	struct subdev *d = followed(&h);

	hub_cut(&h);
	CU_ASSERT_STRING_EQUAL(told(&h), "away");
	set_request(&h, d, "{}");
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	CU_ASSERT_STRING_EQUAL(told(&h), "");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(told(&h), "ready");
	EXPECT(&h, "shadow {}");
	hub_stop(&h);
}

static void a_flap_between_two_looks_is_no_news(void)
{
	struct hub h;

	followed(&h);
	hub_cut(&h);
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(told(&h), "");
	hub_stop(&h);
}

static void device_cannot_unsubscribe_what_its_shadow_needs(void)
{
	struct hub h;
	struct subdev *d = followed(&h);

	gateway_unsubscribe(&h.g, d, result_topic);
	EXPECT(&h, "");
	CU_ASSERT(gateway_shadow_ready(&h.g, d));
	hub_stop(&h);
}

static void what_messages_wait_for_goes_before_shadow_requests(void)
{
	struct hub h;
	struct subdev *d = followed(&h), *other = hub_device(&h, "other");

	set_request(&h, d, "{}");
	hub_queue(&h, other, 1);
	hub_present(&h, other, true);
	EXPECT(&h, "online other");
	EXPECT(&h, "shadow {}");
	hub_stop(&h);
}

SUITE(gateway_shadow, TEST(request_waits_for_online_and_for_the_subscription_of_its_answer),
      TEST(newer_request_replaces_one_that_has_not_gone_out),
      TEST(dirty_shadow_of_a_device_that_left_brings_it_online_and_then_offline),
      TEST(broker_hears_of_a_lost_link_and_of_the_next_one),
      TEST(a_flap_between_two_looks_is_no_news),
      TEST(device_cannot_unsubscribe_what_its_shadow_needs),
      TEST(what_messages_wait_for_goes_before_shadow_requests))
