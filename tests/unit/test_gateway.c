#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/hub_steps.h"

static void online_is_the_first_thing_and_subscriptions_and_data_wait_for_it(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_queue(&h, d, 1);
	gateway_subscribe(&h.g, d, "SUBPROD001/lamp/control", 1);
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	EXPECT(&h, "");
	CU_ASSERT_FALSE(data_waits(&h));
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_TRUE(data_waits(&h));
	EXPECT(&h, "subscribe SUBPROD001/lamp/control 1");
	EXPECT(&h, "");
	hub_stop(&h);
}

static void nothing_is_sent_without_a_link(void)
{
	struct hub h;
	struct subdev *d;

	hub_start(&h);
	d = hub_device(&h, "lamp");
	hub_present(&h, d, true);
	hub_queue(&h, d, 1);
	gateway_subscribe(&h.g, d, "SUBPROD001/lamp/control", 1);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	CU_ASSERT_FALSE(data_waits(&h));
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	hub_stop(&h);
}

static void an_unbound_device_is_asked_for_again_every_minute_until_it_is_bound(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	CU_ASSERT_TRUE(subdev_unbound(&d->hub));
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_UNBOUND), 1);
	CU_ASSERT_EQUAL(h.log_lines, 1);
	for (int i = 0; i < 5; i++) {
		expect_retry(&h, GATEWAY_RETRY_MS, "online lamp");
		hub_answer(&h, "online", "lamp", -1);
	}
	CU_ASSERT_EQUAL(h.log_lines, 1); /* said once */
	expect_retry(&h, GATEWAY_RETRY_MS, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_UNBOUND), 0);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 1);
	hub_stop(&h);
}

static void a_busy_hub_is_asked_again_after_2_4_8_then_60_seconds(void)
{
	static const int64_t pauses_ms[] = { 2000, 4000, 8000, 60000, 60000 };
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
		hub_answer(&h, "online", "lamp", -2);
		expect_retry(&h, pauses_ms[i], "online lamp");
	}
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	hub_stop(&h);
}

static void a_lost_reply_is_given_up_after_its_time_and_the_third_waits_a_minute(void)
{
	static const int64_t pauses_ms[] = { 2000, 4000, 60000, 60000 };
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
		hub_wait(&h, HUB_ANSWER_MS - 1);
		CU_ASSERT_EQUAL(d->hub.request.op, GATEWAY_ONLINE);
		hub_wait(&h, 1);
		CU_ASSERT_EQUAL(d->hub.request.op, GATEWAY_UNKNOWN);
		expect_retry(&h, pauses_ms[i], "online lamp");
	}
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_CONTROL_TIMEOUTS), 4);
	CU_ASSERT_EQUAL(h.log_lines, 1);
	hub_stop(&h);
}

static void a_permanent_refusal_is_tried_again_only_every_minute(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 802);
	CU_ASSERT_FALSE(subdev_unbound(&d->hub));
	expect_retry(&h, GATEWAY_RETRY_MS, "online lamp");
	hub_stop(&h);
}

static void a_device_that_comes_back_does_not_wait_out_a_retry(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", -1);
	hub_present(&h, d, false);
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_stop(&h);
}

static void offline_is_sent_only_for_what_the_hub_last_showed_online(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	hub_present(&h, d, false);
	EXPECT(&h, ""); /* never asked for: nothing to take back */
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 802);
	hub_present(&h, d, false);
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_ONLINE), 0);
	hub_stop(&h);
}

static void a_flap_that_ends_before_anything_was_sent_sends_nothing(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_present(&h, d, false);
	hub_present(&h, d, true);
	EXPECT(&h, "");
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(d->hub.known.confirmed, SUBDEV_ONLINE);
	hub_stop(&h);
}

static void a_device_back_while_its_offline_is_under_way_is_brought_online_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_present(&h, d, true);
	hub_queue(&h, d, 1);
	EXPECT(&h, "");                  /* one request at a time */
	CU_ASSERT_FALSE(data_waits(&h)); /* the hub would refuse it */
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_TRUE(data_waits(&h));
	hub_stop(&h);
}

static void after_a_lost_offline_reply_a_returning_device_is_not_believed_online(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_present(&h, d, true);
	hub_queue(&h, d, 1);
	hub_wait(&h, HUB_ANSWER_MS);
	CU_ASSERT_FALSE(data_waits(&h));
	expect_retry(&h, 2000, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_TRUE(data_waits(&h));
	hub_stop(&h);
}

static void a_lost_offline_reply_is_asked_for_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	hub_present(&h, d, false);
	EXPECT(&h, "offline lamp");
	hub_wait(&h, HUB_ANSWER_MS);
	expect_retry(&h, 2000, "offline lamp");
	hub_answer(&h, "offline", "lamp", -1); /* not ours any more: certainly not online */
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(d->hub.known.shown, SHOWN_NOT);
	hub_stop(&h);
}

static void queued_data_brings_an_absent_device_online_and_then_offline_again(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_queue(&h, d, 1);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_TRUE(data_waits(&h));
	EXPECT(&h, "");
	outbox_mark_sent(&d->outbox, outbox_next(&d->outbox), 5);
	gateway_touch(&h.g, d);
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, ""); /* sent, but not acknowledged */
	outbox_end(&d->outbox, 1);
	gateway_touch(&h.g, d);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void devices_with_data_come_before_the_rest(void)
{
	struct hub h;
	char name[24];

	hub_start(&h);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "lamp-%d", i);
		hub_present(&h, hub_device(&h, name), true);
	}
	hub_queue(&h, hub_device(&h, "lamp-3"), 1);
	hub_link(&h, false);
	hub_queue(&h, hub_device(&h, "lamp-4"), 2); /* and after it stood in the other line */
	for (int i = 0; i < 2; i++) {
		hub_next(&h);
		CU_ASSERT(strcmp(h.text, "online lamp-3") == 0 || strcmp(h.text, "online lamp-4") == 0);
	}
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_STRING_NOT_EQUAL(hub_next(&h), "");
		CU_ASSERT_STRING_NOT_EQUAL(h.text, "online lamp-3");
		CU_ASSERT_STRING_NOT_EQUAL(h.text, "online lamp-4");
	}
	EXPECT(&h, "");
	hub_stop(&h);
}

static void lines_survive_any_mixture_of_events(void)
{
	struct hub h;
	char name[24];
	uint64_t seq = 0;

	srand(7);
	hub_start(&h);
	hub_link(&h, false);
	for (int i = 0; i < 20000; i++) {
		struct subdev *d;
		const struct outbox_entry *e;

		snprintf(name, sizeof name, "lamp-%d", rand() % 20);
		d = hub_device(&h, name);
		switch (rand() % 8) {
		case 0:
			hub_present(&h, d, rand() % 2);
			break;
		case 1:
			hub_queue(&h, d, ++seq);
			break;
		case 2:
			hub_next(&h);
			break;
		case 3:
			hub_answer(&h, rand() % 2 ? "online" : "offline", name, -(rand() % 3));
			break;
		case 4:
			hub_wait(&h, rand() % 5000);
			break;
		case 5:
			e = outbox_next(&d->outbox);
			if (e)
				outbox_end(&d->outbox, e->seq);
			gateway_touch(&h.g, d);
			break;
		case 6:
			gateway_subscribe(&h.g, d, "f", rand() % 2 ? 1 : 0);
			break;
		default:
			hub_suback(&h, rand() % 2 ? 1 : 0x80);
			if (rand() % 200 == 0) {
				hub_cut(&h);
				hub_link(&h, rand() % 2);
			}
		}
	}
	for (int i = 0; i < 200 && *hub_next(&h); i++)
		;
	EXPECT(&h, "");
	CU_ASSERT(h.g.urgent.count == 0 && h.g.normal.count == 0);
	hub_stop(&h);
}

static void leaving_takes_everything_offline_and_nothing_online(void)
{
	struct hub h;
	struct subdev *d = online(&h), *late = hub_device(&h, "late");

	hub_queue(&h, d, 1);
	hub_present(&h, late, true);
	EXPECT(&h, "online late");
	gateway_leave(&h.g, h.now_ms);
	hub_present(&h, hub_device(&h, "new"), true);
	EXPECT(&h, "offline lamp");
	EXPECT(&h, "");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_FALSE(gateway_left(&h.g)); /* the hub may be bringing "late" online */
	hub_answer(&h, "online", "late", 0);
	EXPECT(&h, "offline late");
	CU_ASSERT_FALSE(gateway_left(&h.g));
	hub_answer(&h, "offline", "late", 0);
	EXPECT(&h, "");
	CU_ASSERT_TRUE(gateway_left(&h.g));
	hub_stop(&h);
}

static void gateway_itself_is_there_with_the_link_and_never_asked_for(void)
{
	struct hub h;
	struct subdev *own;

	hub_start(&h);
	CU_ASSERT_EQUAL(gateway_set_own(&h.g, "SUBPROD001gw"), ST_OK);
	own = hub_device(&h, "gw");
	gateway_subscribe(&h.g, own, "$sys/operation/result/SUBPROD001/gw", 0);
	EXPECT(&h, "");
	hub_link(&h, false);
	EXPECT(&h, "subscribe $sys/operation/result/SUBPROD001/gw 0");
	EXPECT(&h, "");
	hub_answer(&h, "offline", "gw", 0);
	CU_ASSERT_EQUAL(h.g.online, 0);
	CU_ASSERT_EQUAL(own->hub.known.confirmed, SUBDEV_ONLINE);
	gateway_leave(&h.g, h.now_ms);
	EXPECT(&h, "");
	CU_ASSERT(gateway_left(&h.g));
	hub_stop(&h);
}

SUITE(gateway, TEST(gateway_itself_is_there_with_the_link_and_never_asked_for),
      TEST(online_is_the_first_thing_and_subscriptions_and_data_wait_for_it),
      TEST(nothing_is_sent_without_a_link),
      TEST(an_unbound_device_is_asked_for_again_every_minute_until_it_is_bound),
      TEST(a_busy_hub_is_asked_again_after_2_4_8_then_60_seconds),
      TEST(a_lost_reply_is_given_up_after_its_time_and_the_third_waits_a_minute),
      TEST(a_permanent_refusal_is_tried_again_only_every_minute),
      TEST(a_device_that_comes_back_does_not_wait_out_a_retry),
      TEST(offline_is_sent_only_for_what_the_hub_last_showed_online),
      TEST(a_flap_that_ends_before_anything_was_sent_sends_nothing),
      TEST(a_device_back_while_its_offline_is_under_way_is_brought_online_again),
      TEST(after_a_lost_offline_reply_a_returning_device_is_not_believed_online),
      TEST(a_lost_offline_reply_is_asked_for_again),
      TEST(queued_data_brings_an_absent_device_online_and_then_offline_again),
      TEST(devices_with_data_come_before_the_rest), TEST(lines_survive_any_mixture_of_events),
      TEST(leaving_takes_everything_offline_and_nothing_online))
