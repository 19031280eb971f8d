/* Replies that come late, twice or for strangers, and notifications. */
#include "tests/fakes/hub_steps.h"

static void a_late_reply_is_believed_and_another_operations_reply_is_not(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "offline", "lamp", 0); /* of an older request */
	CU_ASSERT_EQUAL(d->hub.request.op, GATEWAY_ONLINE);
	hub_wait(&h, HUB_ANSWER_MS);
	hub_answer(&h, "online", "lamp", 0); /* late, but true */
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_duplicate_reply_changes_nothing(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 1);
	EXPECT(&h, "");
	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_late_word_that_a_device_is_not_bound_takes_it_offline_here(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_queue(&h, d, 1);
	gateway_subscribe(&h.g, d, "f", 0);
	EXPECT(&h, "subscribe f 0");
	CU_ASSERT_TRUE(hub_suback(&h, 0));
	hub_answer(&h, "online", "lamp", -1);
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, "unsubscribe f");
	CU_ASSERT_TRUE(hub_suback(&h, 0));
	EXPECT(&h, ""); /* and not subscribed again at once */
	expect_retry(&h, GATEWAY_RETRY_MS, "online lamp");
	hub_stop(&h);
}

static void replies_for_unknown_devices_and_broken_ones_are_ignored(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "stranger", 0);
	hub_says(&h, "");
	hub_says(&h, "{\"type\":\"online\",\"payload\":7}");
	hub_says(&h, "{\"type\":\"search_devices\"}");
	hub_says(&h, "{\"type\":\"online\",\"payload\":{\"devices\":[]}}");
	CU_ASSERT_EQUAL(d->hub.request.op, GATEWAY_ONLINE);
	CU_ASSERT_PTR_NULL(gateway_find(&h.g, "SUBPROD001", "stranger"));
	EXPECT(&h, "");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	hub_stop(&h);
}

static void a_reply_may_name_several_devices(void)
{
	struct hub h;
	struct subdev *a, *b;

	hub_start(&h);
	hub_link(&h, false);
	a = hub_device(&h, "a");
	b = hub_device(&h, "b");
	hub_present(&h, a, true);
	hub_present(&h, b, true);
	EXPECT(&h, "online b");
	EXPECT(&h, "online a");
	hub_says(&h, "{\"type\":\"online\",\"payload\":{\"devices\":["
	             "{\"product_id\":\"SUBPROD001\",\"device_name\":\"a\",\"result\":0},"
	             "{\"product_id\":\"SUBPROD001\",\"device_name\":\"nobody\",\"result\":0},"
	             "{\"product_id\":\"SUBPROD001\",\"device_name\":\"b\",\"result\":-1}]}}");
	CU_ASSERT_EQUAL(a->hub.known.confirmed, SUBDEV_ONLINE);
	CU_ASSERT_TRUE(subdev_unbound(&b->hub));
	hub_stop(&h);
}

static void an_unbound_notification_is_acknowledged_and_stops_the_device(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_queue(&h, d, 1);
	gateway_subscribe(&h.g, d, "f", 1);
	EXPECT(&h, "subscribe f 1");
	hub_suback(&h, 1);
	hub_change(&h, "lamp", 0);
	EXPECT(&h, "acknowledge change");
	EXPECT(&h, "unsubscribe f");
	hub_suback(&h, 0);
	CU_ASSERT_TRUE(subdev_unbound(&d->hub));
	CU_ASSERT_FALSE(data_waits(&h));
	hub_wait(&h, LONG_MS);
	EXPECT(&h, ""); /* neither offline nor online */
	hub_change(&h, "lamp", 1);
	EXPECT(&h, "acknowledge change");
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "subscribe f 1");
	CU_ASSERT_TRUE(data_waits(&h));
	hub_stop(&h);
}

static void a_notification_that_repeats_or_names_a_stranger_is_only_acknowledged(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_change(&h, "lamp", 1);
	hub_change(&h, "lamp", 1);
	hub_change(&h, "stranger", 0);
	hub_says(&h, "{\"type\":\"change\",\"payload\":{\"devices\":["
	             "{\"product_id\":\"SUBPROD001\",\"device_name\":\"lamp\"}]}}"); /* no status */
	for (int i = 0; i < 4; i++)
		EXPECT(&h, "acknowledge change");
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	hub_stop(&h);
}

static void a_bound_notification_leaves_a_request_under_way_its_time(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_change(&h, "lamp", 1);
	EXPECT(&h, "acknowledge change");
	gateway_tick(&h.g, h.now_ms); /* as it runs for any other device */
	hub_wait(&h, HUB_ANSWER_MS - 1);
	CU_ASSERT_EQUAL(d->hub.request.op, GATEWAY_ONLINE);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_CONTROL_TIMEOUTS), 0);
	hub_stop(&h);
}

static void a_reply_to_what_was_asked_before_the_unbind_was_told_counts_for_nothing(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_queue(&h, d, 1);
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_change(&h, "lamp", 0);
	EXPECT(&h, "acknowledge change");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_FALSE(data_waits(&h));
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 0);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_reply_that_counts_for_nothing_still_ends_the_wait(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_change(&h, "lamp", 0);
	hub_change(&h, "lamp", 1);
	EXPECT(&h, "acknowledge change");
	EXPECT(&h, "acknowledge change");
	EXPECT(&h, ""); /* its reply would be taken for that of a second request */
	hub_answer(&h, "online", "lamp", -1);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 1);
	hub_stop(&h);
}

static void a_device_that_leaves_before_its_online_was_answered_is_taken_offline(void)
{
	struct hub h;
	struct subdev *d;

	hub_start(&h);
	d = hub_device(&h, "lamp");
	hub_link(&h, false);
	hub_present(&h, d, true);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "online lamp");
	hub_present(&h, d, false);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "");
	hub_wait(&h, HUB_ANSWER_MS); /* the answer was lost: the hub may show it online */
	CU_ASSERT(hub_wait_until_wanted(&h, 10000) >= 0);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "");
	CU_ASSERT(gateway_left(&h.g));
	hub_stop(&h);
}

static void a_device_whose_only_message_stands_aside_goes_offline_when_it_left(void)
{
	struct hub h;
	struct subdev *d;

	hub_start(&h);
	d = hub_device(&h, "lamp");
	hub_link(&h, false);
	hub_queue(&h, d, 1);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	outbox_mark_sent(&d->outbox, outbox_next(&d->outbox), 9);
	gateway_touch(&h.g, d);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), ""); /* in flight: it stays online */
	outbox_put_aside(&d->outbox, outbox_find(&d->outbox, 1));
	gateway_touch(&h.g, d);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "offline lamp");
	hub_stop(&h);
}

static void release(void *ctx, uint16_t packet_id)
{
	*(uint16_t *)ctx = packet_id;
}

static void a_subscription_without_an_answer_gives_its_packet_id_back(void)
{
	struct hub h;
	struct subdev *d;
	uint16_t released = 0;

	hub_start(&h);
	h.g.release_id = release;
	h.g.release_ctx = &released;
	d = hub_device(&h, "lamp");
	hub_link(&h, false);
	hub_present(&h, d, true);
	gateway_subscribe(&h.g, d, "SUBPROD001/lamp/control", 1);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(hub_next(&h), "subscribe SUBPROD001/lamp/control 1");
	hub_wait(&h, HUB_ANSWER_MS);
	CU_ASSERT_EQUAL(released, h.last_id);
	hub_stop(&h);
}

SUITE(gateway_reply, TEST(a_reply_to_what_was_asked_before_the_unbind_was_told_counts_for_nothing),
      TEST(a_reply_that_counts_for_nothing_still_ends_the_wait),
      TEST(a_device_that_leaves_before_its_online_was_answered_is_taken_offline),
      TEST(a_device_whose_only_message_stands_aside_goes_offline_when_it_left),
      TEST(a_subscription_without_an_answer_gives_its_packet_id_back),
      TEST(a_late_reply_is_believed_and_another_operations_reply_is_not),
      TEST(a_duplicate_reply_changes_nothing),
      TEST(a_late_word_that_a_device_is_not_bound_takes_it_offline_here),
      TEST(replies_for_unknown_devices_and_broken_ones_are_ignored),
      TEST(a_reply_may_name_several_devices),
      TEST(an_unbound_notification_is_acknowledged_and_stops_the_device),
      TEST(a_notification_that_repeats_or_names_a_stranger_is_only_acknowledged),
      TEST(a_bound_notification_leaves_a_request_under_way_its_time))
