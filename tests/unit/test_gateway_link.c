/* Subscriptions, and what a lost and regained link means for them. */
#include <string.h>

#include "tests/fakes/hub_steps.h"

/* Any of the device's filters, in any order. */
static void subscribe_all(struct hub *h, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(strncmp(hub_next(h), "subscribe ", 10), 0);
		CU_ASSERT_TRUE(hub_suback(h, 1));
	}
	EXPECT(h, "");
}

static struct subdev *subscribed(struct hub *h)
{
	struct subdev *d = online(h);

	gateway_subscribe(&h->g, d, "SUBPROD001/lamp/a", 1);
	gateway_subscribe(&h->g, d, "SUBPROD001/lamp/b", 1);
	gateway_subscribe(&h->g, d, "SUBPROD001/lamp/c", 1);
	subscribe_all(h, 3);
	return d;
}

static void a_subscription_waits_for_online_and_is_made_once(void)
{
	struct hub h;
	struct subdev *d;

	hub_start(&h);
	hub_link(&h, false);
	d = hub_device(&h, "lamp");
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	EXPECT(&h, "");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "subscribe f 1");
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "");
	CU_ASSERT_TRUE(hub_suback(&h, 1));
	CU_ASSERT_FALSE(hub_suback(&h, 1)); /* a SUBACK belongs to one request */
	gateway_subscribe(&h.g, d, "f", 1);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_refused_subscription_is_tried_again_after_a_minute(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	CU_ASSERT_TRUE(hub_suback(&h, 0x80));
	hub_wait(&h, GATEWAY_RETRY_MS - 1);
	EXPECT(&h, "");
	hub_wait(&h, 1);
	EXPECT(&h, "subscribe f 1");
	CU_ASSERT_TRUE(hub_suback(&h, 0));
	CU_ASSERT_NOT_EQUAL(d->filters->state, FILTER_NONE);
	hub_stop(&h);
}

static void a_subscription_without_an_answer_is_made_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);
	int64_t waited_ms;

	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	waited_ms = hub_wait_until_wanted(&h, LONG_MS);
	CU_ASSERT(waited_ms >= HUB_ANSWER_MS + 2000 && waited_ms <= HUB_ANSWER_MS + 3000);
	EXPECT(&h, "subscribe f 1");
	hub_stop(&h);
}

static void another_qos_subscribes_anew_also_while_the_first_is_under_way(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 0);
	EXPECT(&h, "subscribe f 0");
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "");
	hub_suback(&h, 0);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	EXPECT(&h, "");
	gateway_subscribe(&h.g, d, "f", 0);
	CU_ASSERT_NOT_EQUAL(d->filters->state, FILTER_NONE); /* the hub still sends it */
	EXPECT(&h, "subscribe f 0");
	hub_suback(&h, 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void an_unsubscribed_filter_leaves_the_hub_also_while_it_is_being_made(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	gateway_subscribe(&h.g, d, "f", 1);
	gateway_unsubscribe(&h.g, d, "f");
	EXPECT(&h, ""); /* the hub never heard of it */
	CU_ASSERT_PTR_NULL(d->filters);
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	gateway_unsubscribe(&h.g, d, "f");
	EXPECT(&h, "");
	hub_suback(&h, 1);
	EXPECT(&h, "unsubscribe f");
	gateway_subscribe(&h.g, d, "f", 1); /* changed its mind */
	hub_suback(&h, 0);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	gateway_unsubscribe(&h.g, d, "f");
	gateway_unsubscribe(&h.g, d, "unknown");
	EXPECT(&h, "unsubscribe f");
	CU_ASSERT_TRUE(hub_suback(&h, 0));
	CU_ASSERT(!d->filters || d->filters->state == FILTER_NONE);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void subscriptions_stay_when_a_device_goes_offline(void)
{
	struct hub h;
	struct subdev *d = subscribed(&h);

	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_new_session_subscribes_everything_again_after_online(void)
{
	struct hub h;
	struct subdev *d = subscribed(&h);

	hub_cut(&h);
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_UNKNOWN);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 0);
	EXPECT(&h, "");
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	EXPECT(&h, "");
	hub_answer(&h, "online", "lamp", 0);
	subscribe_all(&h, 3);
	hub_stop(&h);
}

static void a_resumed_session_renews_one_subscription_per_second(void)
{
	struct hub h;

	subscribed(&h);
	hub_cut(&h);
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "");
	for (int i = 0; i < 3; i++) {
		hub_wait(&h, GATEWAY_RENEW_MS - 1);
		EXPECT(&h, "");
		hub_wait(&h, 1);
		CU_ASSERT_EQUAL(strncmp(hub_next(&h), "subscribe ", 10), 0);
		CU_ASSERT_TRUE(hub_suback(&h, 1));
		EXPECT(&h, "");
	}
	for (int i = 0; i < 1000; i++) {
		hub_wait(&h, 1000);
		EXPECT(&h, "");
	}
	hub_stop(&h);
}

static void a_renewal_waits_until_its_device_is_online(void)
{
	struct hub h;
	struct subdev *d = subscribed(&h);

	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	hub_cut(&h);
	hub_link(&h, true);
	hub_wait(&h, 2 * GATEWAY_RENEW_MS);
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	hub_wait(&h, GATEWAY_RETRY_MS);
	CU_ASSERT_EQUAL(strncmp(hub_next(&h), "subscribe ", 10), 0);
	hub_stop(&h);
}

static void a_device_that_left_during_the_outage_is_taken_offline_after_it(void)
{
	struct hub h;
	struct subdev *d = subscribed(&h);

	hub_cut(&h);
	hub_present(&h, d, false);
	hub_wait(&h, LONG_MS);
	hub_link(&h, true);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_EQUAL(d->hub.known.shown, SHOWN_NOT);
	hub_stop(&h);
}

static void requests_under_way_when_the_link_broke_are_made_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);
	uint16_t old_id;

	gateway_subscribe(&h.g, d, "a", 1);
	EXPECT(&h, "subscribe a 1");
	hub_suback(&h, 1);
	gateway_unsubscribe(&h.g, d, "a");
	EXPECT(&h, "unsubscribe a");
	gateway_subscribe(&h.g, d, "b", 1);
	EXPECT(&h, "subscribe b 1");
	old_id = h.last_id;
	hub_cut(&h);
	CU_ASSERT_FALSE(gateway_suback(&h.g, old_id, 1, h.now_ms));
	hub_link(&h, true);
	EXPECT(&h, "online lamp"); /* and the filter that leaves needs no online */
	EXPECT(&h, "unsubscribe a");
	hub_suback(&h, 0);
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "subscribe b 1");
	hub_suback(&h, 1);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void an_outage_forgives_every_retry_and_forgets_acknowledgements_due(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_change(&h, "lamp", 0);
	hub_cut(&h);
	hub_link(&h, false);
	EXPECT(&h, "online lamp"); /* although it was unbound: asked once per connection */
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "");
	hub_cut(&h);
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	CU_ASSERT_TRUE(subdev_unbound(&d->hub));
	hub_stop(&h);
}

static void messages_in_flight_wait_for_online_after_the_outage_and_keep_their_ids(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_queue(&h, d, 1);
	hub_queue(&h, d, 2);
	outbox_mark_sent(&d->outbox, outbox_next(&d->outbox), 77);
	gateway_touch(&h.g, d);
	hub_cut(&h);
	CU_ASSERT_EQUAL(data_waits(&h), 0);
	hub_link(&h, true);
	CU_ASSERT_EQUAL(data_waits(&h), 0);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(data_waits(&h), 1);
	CU_ASSERT_EQUAL(outbox_next(&d->outbox)->seq, 1);
	CU_ASSERT_EQUAL(outbox_next(&d->outbox)->packet_id, 77);
	hub_cut(&h);
	hub_link(&h, false); /* the hub forgot the session: the id means nothing */
	CU_ASSERT_EQUAL(outbox_next(&d->outbox)->packet_id, 0);
	hub_stop(&h);
}

static void only_client_ids_of_the_hubs_form_make_a_device(void)
{
	struct hub h;

	hub_start(&h);
	CU_ASSERT_PTR_NULL(gateway_device(&h.g, ""));
	CU_ASSERT_PTR_NULL(gateway_device(&h.g, "SUBPROD001"));
	CU_ASSERT_PTR_NULL(
		gateway_device(&h.g, "SUBPROD0011234567890123456789012345678901234567890123456789"));
	CU_ASSERT_PTR_NOT_NULL(
		gateway_device(&h.g, "SUBPROD001123456789012345678901234567890123456789012345678"));
	CU_ASSERT_PTR_EQUAL(hub_device(&h, "lamp"), hub_device(&h, "lamp"));
	CU_ASSERT_PTR_EQUAL(gateway_find(&h.g, "SUBPROD001", "lamp"), hub_device(&h, "lamp"));
	hub_stop(&h);
}

SUITE(gateway_link, TEST(a_subscription_waits_for_online_and_is_made_once),
      TEST(a_refused_subscription_is_tried_again_after_a_minute),
      TEST(a_subscription_without_an_answer_is_made_again),
      TEST(another_qos_subscribes_anew_also_while_the_first_is_under_way),
      TEST(an_unsubscribed_filter_leaves_the_hub_also_while_it_is_being_made),
      TEST(subscriptions_stay_when_a_device_goes_offline),
      TEST(a_new_session_subscribes_everything_again_after_online),
      TEST(a_resumed_session_renews_one_subscription_per_second),
      TEST(a_renewal_waits_until_its_device_is_online),
      TEST(a_device_that_left_during_the_outage_is_taken_offline_after_it),
      TEST(requests_under_way_when_the_link_broke_are_made_again),
      TEST(an_outage_forgives_every_retry_and_forgets_acknowledgements_due),
      TEST(messages_in_flight_wait_for_online_after_the_outage_and_keep_their_ids),
      TEST(only_client_ids_of_the_hubs_form_make_a_device))
