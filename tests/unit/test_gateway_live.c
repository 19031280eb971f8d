#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/live_room.h"
#include "core/base/room.h"
#include "core/mqtt/mqtt_codec.h"
#include "tests/fakes/hub_steps.h"

#define EVENT    "SUBPROD001/lamp/event"
#define TIME     "$sys/operation/SUBPROD001/lamp"
#define TIME_IN  "$sys/operation/result/SUBPROD001/lamp"
#define ANSWER   "$rrpc/txd/SUBPROD001/lamp"
#define CONFIG   "$config/operation/SUBPROD001/lamp"
#define CONF_IN  "$config/operation/result/SUBPROD001/lamp"
#define REPORT   "$ota/report/SUBPROD001/lamp"
#define FIRMWARE "$ota/update/SUBPROD001/lamp"

static void add(struct hub *h, struct subdev *d, const char *topic, uint64_t after_seq)
{
	struct live_msg *m = calloc(1, sizeof(*m));

	CU_ASSERT_FATAL(m != NULL);
	m->topic = strdup(topic);
	m->after_seq = after_seq;
	gateway_add_live(&h->g, d, m);
}

/* The journal hands one out. */
static void kept(struct hub *h, struct subdev *d, uint64_t seq)
{
	d->taken_seq = seq;
	hub_queue(h, d, seq);
}

/* Sends what is next: its topic, "kept", or "" for nothing. Borrowed. */
static const char *next_with(struct hub *h, struct subdev *d, bool window_full)
{
	static char text[128];
	struct live_msg *m;

	text[0] = '\0';
	switch (gateway_live_next(&h->g, d, window_full, h->now_ms, &m)) {
	case SOURCE_REQUEST:
	case SOURCE_LIVE:
		strncat(text, m->topic, sizeof(text) - 1);
		gateway_live_end(d, m);
		break;
	case SOURCE_KEPT:
		strcpy(text, "kept");
		outbox_mark_sent(&d->outbox, outbox_next(&d->outbox), 5);
		break;
	case SOURCE_NONE:
		break;
	}
	gateway_touch(&h->g, d);
	return text;
}

static const char *next(struct hub *h, struct subdev *d)
{
	return next_with(h, d, false);
}

/* Devices that could send something with the window full. */
static size_t unkept(struct hub *h)
{
	data_waits(h); /* lines up */
	return h->g.unkept;
}

static void subscribe(struct hub *h, struct subdev *d, const char *filter)
{
	gateway_subscribe(&h->g, d, filter, 0);
}

static void a_message_that_is_not_kept_needs_the_device_online_too(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	add(&h, d, EVENT, 0);
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_TRUE(data_waits(&h));
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, "offline lamp");
	add(&h, d, EVENT, 0); /* left behind: freed with the gateway */
	add(&h, d, TIME, 0);
	hub_stop(&h);
}

static void telemetry_leaves_in_the_order_in_which_it_came_kept_or_not(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	add(&h, d, EVENT "/1", 0);
	kept(&h, d, 7);
	add(&h, d, EVENT "/3", 7);
	kept(&h, d, 9);
	kept(&h, d, 12);
	add(&h, d, EVENT "/6", 12);
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT "/1");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "kept");
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT "/3");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "kept");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "kept");
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT "/6");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	hub_stop(&h);
}

static void what_is_in_memory_waits_until_the_journal_has_handed_out_what_came_before(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	add(&h, d, EVENT, 7);
	CU_ASSERT_FALSE(data_waits(&h));
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	kept(&h, d, 7);
	CU_ASSERT_STRING_EQUAL(next(&h, d), "kept");
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	add(&h, d, EVENT, 8); /* which is damaged, and is never handed out */
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	h.g.read_seq = 8;
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	hub_stop(&h);
}

static void with_the_window_full_only_what_needs_no_acknowledgement_goes_and_in_order(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	add(&h, d, EVENT "/1", 0);
	kept(&h, d, 7);
	add(&h, d, EVENT "/3", 7);
	CU_ASSERT_EQUAL(unkept(&h), 1);
	CU_ASSERT_STRING_EQUAL(next_with(&h, d, true), EVENT "/1");
	CU_ASSERT_STRING_EQUAL(next_with(&h, d, true), "");
	CU_ASSERT_EQUAL(unkept(&h), 0);
	CU_ASSERT_TRUE(data_waits(&h));
	add(&h, d, TIME, 0);
	CU_ASSERT_EQUAL(unkept(&h), 1);
	CU_ASSERT_STRING_EQUAL(next_with(&h, d, true), TIME);
	CU_ASSERT_EQUAL(unkept(&h), 0);
	hub_stop(&h);
}

static void requests_and_telemetry_take_turns(void)
{
	struct hub h;
	struct subdev *d = online(&h);
	unsigned requests = 0;

	for (int i = 0; i < 4; i++) {
		add(&h, d, TIME, 0);
		add(&h, d, EVENT, 0);
	}
	for (int i = 0; i < 4; i++)
		requests += strcmp(next(&h, d), TIME) == 0;
	CU_ASSERT_EQUAL(requests, 2);
	hub_stop(&h);
}

static void a_request_waits_for_the_suback_of_the_filter_of_its_own_answer(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	subscribe(&h, d, TIME_IN);
	add(&h, d, TIME, 0);
	add(&h, d, CONFIG, 0); /* its answer is not subscribed: nothing to wait for */
	CU_ASSERT_STRING_EQUAL(next(&h, d), CONFIG);
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	CU_ASSERT_FALSE(data_waits(&h));
	EXPECT(&h, "subscribe " TIME_IN " 0");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	hub_suback(&h, 0);
	CU_ASSERT_TRUE(data_waits(&h));
	CU_ASSERT_STRING_EQUAL(next(&h, d), TIME);
	add(&h, d, TIME, 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), TIME);
	hub_stop(&h);
}

static void a_request_waits_a_second_at_most_and_later_ones_not_again(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	subscribe(&h, d, TIME_IN);
	add(&h, d, TIME, 0);
	EXPECT(&h, "subscribe " TIME_IN " 0");
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	hub_wait(&h, 999);
	CU_ASSERT_FALSE(data_waits(&h));
	hub_wait(&h, 1);
	CU_ASSERT_TRUE(data_waits(&h));
	CU_ASSERT_STRING_EQUAL(next(&h, d), TIME);
	add(&h, d, TIME, 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), TIME);
	hub_stop(&h);
}

static void nobody_waits_for_a_filter_that_the_hub_refused(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	subscribe(&h, d, TIME_IN);
	EXPECT(&h, "subscribe " TIME_IN " 0");
	hub_suback(&h, MQTT_SUBACK_FAILURE);
	add(&h, d, TIME, 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), TIME);
	hub_stop(&h);
}

static void a_version_report_waits_for_the_firmware_filter_and_keeps_its_place(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	subscribe(&h, d, FIRMWARE);
	subscribe(&h, d, CONF_IN);
	add(&h, d, REPORT, 0);
	add(&h, d, EVENT, 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	EXPECT(&h, "subscribe " CONF_IN " 0");
	hub_suback(&h, 0); /* another filter: it looks again, and waits on */
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	EXPECT(&h, "subscribe " FIRMWARE " 0");
	hub_suback(&h, 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), REPORT);
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	hub_stop(&h);
}

static void a_lost_link_ends_requests_and_keeps_telemetry(void)
{
	struct hub h;
	struct subdev *d = online(&h);

	add(&h, d, TIME, 0);
	add(&h, d, EVENT, 0);
	hub_cut(&h);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_DROPPED_LIVE), 1);
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	CU_ASSERT_STRING_EQUAL(next(&h, d), "");
	hub_stop(&h);
}

static void one_device_takes_a_quarter_of_the_memory_and_gives_it_back(void)
{
	static struct live_room room;
	struct hub h;
	struct subdev *d = online(&h);
	enum room from = room_enter(ROOM_BROKER);
	unsigned share, other, n = 0;

	while (live_room_take(&room, "SUBPROD001lamp", &share))
		n++;
	CU_ASSERT_EQUAL(n, LIVE_ROOM_SHARE);
	CU_ASSERT_TRUE(live_room_take(&room, "SUBPROD001fan", &other));
	room_enter(from);
	add(&h, d, EVENT, 0);
	d->live.first->room = &room;
	d->live.first->share = share;
	CU_ASSERT_STRING_EQUAL(next(&h, d), EVENT);
	room_enter(ROOM_BROKER);
	CU_ASSERT_TRUE(live_room_take(&room, "SUBPROD001lamp", &share));
	CU_ASSERT_FALSE(live_room_take(&room, "SUBPROD001lamp", &share));
	room_enter(from);
	hub_stop(&h);
}

/* Devices that have the answer to a call. */
static size_t answers(struct hub *h)
{
	data_waits(h); /* lines up */
	return h->g.calls.count;
}

static void the_answer_to_a_call_is_found_before_all_else_while_its_device_is_online(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	add(&h, d, EVENT, 0);
	add(&h, d, TIME, 0);
	CU_ASSERT_PTR_NULL(gateway_live_call(d));
	add(&h, d, ANSWER "/1", 0);
	add(&h, d, ANSWER "/2", 0);
	CU_ASSERT_EQUAL(answers(&h), 0); /* not online */
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(answers(&h), 1);
	CU_ASSERT_STRING_EQUAL(gateway_live_call(d)->topic, ANSWER "/1");
	gateway_live_end(d, gateway_live_call(d));
	gateway_touch(&h.g, d);
	CU_ASSERT_EQUAL(answers(&h), 1);
	CU_ASSERT_STRING_EQUAL(gateway_live_call(d)->topic, ANSWER "/2");
	gateway_live_end(d, gateway_live_call(d));
	gateway_touch(&h.g, d);
	CU_ASSERT_EQUAL(answers(&h), 0);
	CU_ASSERT_TRUE(data_waits(&h));
	add(&h, d, ANSWER "/3", 0);
	hub_cut(&h); /* worthless now */
	CU_ASSERT_EQUAL(answers(&h), 0);
	CU_ASSERT_PTR_NULL(gateway_live_call(d));
	hub_stop(&h);
}

SUITE(gateway_live, TEST(a_message_that_is_not_kept_needs_the_device_online_too),
      TEST(telemetry_leaves_in_the_order_in_which_it_came_kept_or_not),
      TEST(what_is_in_memory_waits_until_the_journal_has_handed_out_what_came_before),
      TEST(with_the_window_full_only_what_needs_no_acknowledgement_goes_and_in_order),
      TEST(requests_and_telemetry_take_turns),
      TEST(a_request_waits_for_the_suback_of_the_filter_of_its_own_answer),
      TEST(a_request_waits_a_second_at_most_and_later_ones_not_again),
      TEST(nobody_waits_for_a_filter_that_the_hub_refused),
      TEST(a_version_report_waits_for_the_firmware_filter_and_keeps_its_place),
      TEST(a_lost_link_ends_requests_and_keeps_telemetry),
      TEST(the_answer_to_a_call_is_found_before_all_else_while_its_device_is_online),
      TEST(one_device_takes_a_quarter_of_the_memory_and_gives_it_back))
