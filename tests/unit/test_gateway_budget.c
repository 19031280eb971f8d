/* hub.max_subscriptions: one wide filter takes the place of many, and nothing is lost on the way.
 */
#include <string.h>

#include "tests/fakes/hub_steps.h"

#define LAMP "SUBPROD001/lamp/"
#define FAN  "SUBPROD001/fan/"

enum {
	MAX = 10
};

static struct subdev *come_online(struct hub *h, const char *name)
{
	struct subdev *d = hub_device(h, name);

	hub_present(h, d, true);
	CU_ASSERT_EQUAL(strncmp(hub_next(h), "online ", 7), 0);
	hub_answer(h, "online", name, 0);
	return d;
}

static void subscribe_many(struct hub *h, struct subdev *d, const char *under, int count)
{
	char filter[64];

	for (int i = 0; i < count; i++) {
		snprintf(filter, sizeof filter, "%s%c", under, 'a' + i);
		gateway_subscribe(&h->g, d, filter, 1);
	}
}

/* All that it has to send, granted; never more at the hub than allowed. How many requests. */
static int settle(struct hub *h)
{
	int n = 0;

	for (const char *text = hub_next(h); *text; text = hub_next(h), n++) {
		bool exchange = strncmp(text, "exchange ", 9) == 0;

		CU_ASSERT(gateway_subscriptions(&h->g) <= MAX);
		if (exchange)
			gateway_suback(&h->g, (uint16_t)(h->last_id - 1), 0, h->now_ms);
		hub_suback(h, exchange || strncmp(text, "subscribe ", 10) == 0 ? 1 : 0);
	}
	return n;
}

static struct subdev *bounded(struct hub *h)
{
	struct subdev *d = online(h);

	h->g.limits.max_subscriptions = MAX;
	return d;
}

static bool at_hub(const struct subdev *d, const char *text)
{
	for (const struct filter *f = d->filters; f; f = f->next) {
		if (strcmp(f->text, text) == 0)
			return f->state == FILTER_SUBSCRIBED;
	}
	return false;
}

static void below_the_bound_every_filter_is_subscribed_as_it_is(void)
{
	struct hub h;
	struct subdev *d = bounded(&h);

	subscribe_many(&h, d, LAMP, 8);
	CU_ASSERT_EQUAL(settle(&h), 8);
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 9);
	CU_ASSERT_FALSE(d->is_wide);
	hub_stop(&h);
}

static void the_wide_filter_is_there_before_the_first_of_the_others_goes(void)
{
	struct hub h;
	struct subdev *lamp = bounded(&h), *fan = come_online(&h, "fan");

	subscribe_many(&h, lamp, LAMP, 3);
	CU_ASSERT_EQUAL(settle(&h), 3);
	subscribe_many(&h, fan, FAN, 2);
	CU_ASSERT_EQUAL(settle(&h), 2);
	subscribe_many(&h, lamp, LAMP, 8);
	EXPECT(&h, "subscribe " LAMP "# 1");
	EXPECT(&h, ""); /* nothing else of the lamp */
	CU_ASSERT_TRUE(at_hub(lamp, LAMP "a"));
	hub_suback(&h, 1);
	CU_ASSERT_EQUAL(strncmp(hub_next(&h), "exchange " LAMP, 9 + strlen(LAMP)), 0);
	hub_stop(&h);
}

static void exchange_leaves_one_filter_and_the_device_hears_all_that_it_asked_for(void)
{
	struct hub h;
	struct subdev *lamp = bounded(&h);

	subscribe_many(&h, lamp, LAMP, 6);
	gateway_subscribe(&h.g, lamp, "$rrpc/rxd/SUBPROD001/lamp/+", 0);
	settle(&h);
	subscribe_many(&h, lamp, LAMP, 9);
	settle(&h);
	CU_ASSERT_TRUE(lamp->is_wide);
	CU_ASSERT_TRUE(at_hub(lamp, LAMP "#"));
	CU_ASSERT_TRUE(at_hub(lamp, "$rrpc/rxd/SUBPROD001/lamp/+"));
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 3);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_SUBSCRIPTIONS_WIDE), 1);
	CU_ASSERT_FALSE(gateway_is_unasked(&h.g, LAMP "i"));
	CU_ASSERT_TRUE(gateway_is_unasked(&h.g, LAMP "z"));
	hub_wait(&h, LONG_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void who_has_most_custom_topics_gives_way_first(void)
{
	struct hub h;
	struct subdev *lamp = bounded(&h), *fan = come_online(&h, "fan");

	subscribe_many(&h, lamp, LAMP, 3);
	subscribe_many(&h, fan, FAN, 5);
	settle(&h);
	subscribe_many(&h, lamp, LAMP, 4);
	settle(&h);
	CU_ASSERT_TRUE(fan->is_wide);
	CU_ASSERT_FALSE(lamp->is_wide);
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 6);
	hub_stop(&h);
}

static void what_finds_no_place_waits_until_one_is_free_and_is_said_once(void)
{
	struct hub h;
	struct subdev *d[12];
	char name[8], filter[64];
	unsigned lines;

	online(&h);
	h.g.limits.max_subscriptions = MAX;
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "d%d", i);
		d[i] = come_online(&h, name);
	}
	lines = h.log_lines;
	for (int i = 0; i < 12; i++) {
		snprintf(filter, sizeof filter, "SUBPROD001/d%d/control", i);
		gateway_subscribe(&h.g, d[i], filter, 1);
	}
	settle(&h);
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 9);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_SUBSCRIPTIONS_WAITING), 4);
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(h.last_line, "hub.max_subscriptions"));
	for (int i = 0; i < 12; i++) {
		snprintf(filter, sizeof filter, "SUBPROD001/d%d/control", i);
		if (at_hub(d[i], filter)) {
			gateway_unsubscribe(&h.g, d[i], filter);
			break;
		}
	}
	CU_ASSERT_EQUAL(settle(&h), 2);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_SUBSCRIPTIONS_WAITING), 3);
	CU_ASSERT_EQUAL(h.log_lines, lines + 1);
	hub_stop(&h);
}

static struct subdev *made_wide(struct hub *h)
{
	struct subdev *d = bounded(h);

	subscribe_many(h, d, LAMP, 12);
	settle(h);
	CU_ASSERT_TRUE_FATAL(d->is_wide);
	return d;
}

static void a_new_device_with_many_topics_starts_with_the_wide_filter(void)
{
	struct hub h;
	struct subdev *d = bounded(&h);

	subscribe_many(&h, d, LAMP, 12);
	EXPECT(&h, "subscribe " LAMP "# 1");
	hub_suback(&h, 1);
	EXPECT(&h, "");
	CU_ASSERT_TRUE(at_hub(d, LAMP "#"));
	hub_stop(&h);
}

static void a_new_session_begins_with_the_wide_filter_at_once(void)
{
	struct hub h;

	made_wide(&h);
	hub_cut(&h);
	hub_link(&h, false);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "subscribe " LAMP "# 1");
	hub_suback(&h, 1);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_refused_wide_filter_brings_the_others_back_for_this_connection(void)
{
	struct hub h;
	struct subdev *d = bounded(&h);

	subscribe_many(&h, d, LAMP, 12);
	EXPECT(&h, "subscribe " LAMP "# 1");
	hub_suback(&h, 0x80);
	CU_ASSERT_EQUAL(settle(&h), 8);
	CU_ASSERT_FALSE(d->is_wide);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_SUBSCRIPTIONS_WAITING), 4);
	hub_stop(&h);
}

static void the_wide_filter_goes_with_the_last_topic_that_it_stands_for(void)
{
	struct hub h;
	struct subdev *d = made_wide(&h);
	char filter[64];

	for (int i = 0; i < 12; i++) {
		snprintf(filter, sizeof filter, LAMP "%c", 'a' + i);
		gateway_unsubscribe(&h.g, d, filter);
	}
	EXPECT(&h, "unsubscribe " LAMP "#");
	hub_suback(&h, 0);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 1);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_SUBSCRIPTIONS_WIDE), 0);
	gateway_subscribe(&h.g, d, LAMP "a", 1);
	EXPECT(&h, "subscribe " LAMP "a 1");
	hub_stop(&h);
}

static void a_wildcard_of_the_devices_own_stays_and_what_comes_by_it_was_asked_for(void)
{
	struct hub h;
	struct subdev *d = bounded(&h);

	gateway_subscribe(&h.g, d, LAMP "#", 0);
	subscribe_many(&h, d, LAMP, 12);
	settle(&h);
	CU_ASSERT_TRUE(at_hub(d, LAMP "#"));
	CU_ASSERT_EQUAL(d->wide->asked_qos, 1); /* the highest of those that it stands for */
	CU_ASSERT_FALSE(gateway_is_unasked(&h.g, LAMP "z"));
	hub_stop(&h);
}

static void a_lost_link_in_the_middle_of_an_exchange_ends_it_in_the_next_connection(void)
{
	struct hub h;
	struct subdev *d = bounded(&h);

	subscribe_many(&h, d, LAMP, 6);
	settle(&h);
	subscribe_many(&h, d, LAMP, 12);
	EXPECT(&h, "subscribe " LAMP "# 1");
	hub_suback(&h, 1);
	CU_ASSERT_EQUAL(strncmp(hub_next(&h), "exchange ", 9), 0);
	EXPECT(&h, ""); /* one after the other */
	hub_cut(&h);
	hub_link(&h, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	settle(&h);
	CU_ASSERT_TRUE(at_hub(d, LAMP "#"));
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 2);
	hub_stop(&h);
}

static void a_session_of_an_earlier_run_counts_as_holding_what_is_wanted(void)
{
	struct hub h;
	struct subdev *lamp, *fan;

	hub_start(&h);
	h.g.limits.max_subscriptions = MAX;
	lamp = hub_device(&h, "lamp");
	fan = hub_device(&h, "fan");
	subscribe_many(&h, lamp, LAMP, 8);
	subscribe_many(&h, fan, FAN, 2);
	hub_link(&h, true);
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 4);
	CU_ASSERT_TRUE(lamp->is_wide);
	hub_present(&h, lamp, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	EXPECT(&h, "subscribe " LAMP "# 1");
	hub_suback(&h, 1);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(gateway_subscriptions(&h.g), 4);
	hub_stop(&h);
}

SUITE(gateway_budget, TEST(a_session_of_an_earlier_run_counts_as_holding_what_is_wanted),
      TEST(below_the_bound_every_filter_is_subscribed_as_it_is),
      TEST(the_wide_filter_is_there_before_the_first_of_the_others_goes),
      TEST(exchange_leaves_one_filter_and_the_device_hears_all_that_it_asked_for),
      TEST(who_has_most_custom_topics_gives_way_first),
      TEST(what_finds_no_place_waits_until_one_is_free_and_is_said_once),
      TEST(a_new_device_with_many_topics_starts_with_the_wide_filter),
      TEST(a_new_session_begins_with_the_wide_filter_at_once),
      TEST(a_refused_wide_filter_brings_the_others_back_for_this_connection),
      TEST(the_wide_filter_goes_with_the_last_topic_that_it_stands_for),
      TEST(a_wildcard_of_the_devices_own_stays_and_what_comes_by_it_was_asked_for),
      TEST(a_lost_link_in_the_middle_of_an_exchange_ends_it_in_the_next_connection))
