/* What an earlier run left online at the hub, and what this one leaves to the next. */
#include <stdio.h>
#include <string.h>

#include "tests/fakes/hub_steps.h"

enum {
	SETTLE_MS = 5000
};

struct marks {
	char text[64];
};

static void note(void *ctx, const struct subdev *d, bool online)
{
	struct marks *m = ctx;

	snprintf(m->text, sizeof m->text, "%c%s", online ? '+' : '-', d->device_name);
}

static void watch(struct hub *h, struct marks *m)
{
	m->text[0] = '\0';
	h->g.mark = note;
	h->g.mark_ctx = m;
}

static void device_that_does_not_come_back_is_taken_offline_after_the_settling_time(void)
{
	struct hub h;
	struct marks m;
	struct subdev *d;

	hub_start(&h);
	watch(&h, &m);
	d = hub_device(&h, "lamp");
	gateway_remember_online(&h.g, d);
	gateway_settle(&h.g, h.now_ms + SETTLE_MS);
	hub_link(&h, true);
	EXPECT(&h, "");
	hub_wait(&h, SETTLE_MS - 1);
	EXPECT(&h, "");
	hub_wait(&h, 1);
	EXPECT(&h, "offline lamp");
	CU_ASSERT_STRING_EQUAL(m.text, "");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(m.text, "-lamp");
	hub_stop(&h);
}

static void device_that_comes_back_while_settling_is_never_taken_offline(void)
{
	struct hub h;
	struct subdev *d;

	hub_start(&h);
	d = hub_device(&h, "lamp");
	gateway_remember_online(&h.g, d);
	gateway_settle(&h.g, h.now_ms + SETTLE_MS);
	hub_link(&h, true);
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	hub_wait(&h, 2 * SETTLE_MS);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void link_that_comes_after_the_settling_time_needs_no_more_waiting(void)
{
	struct hub h;

	hub_start(&h);
	gateway_remember_online(&h.g, hub_device(&h, "lamp"));
	gateway_settle(&h.g, h.now_ms + SETTLE_MS);
	hub_wait(&h, 2 * SETTLE_MS);
	hub_link(&h, false);
	hub_wait_until_wanted(&h, 1000);
	EXPECT(&h, "offline lamp");
	hub_stop(&h);
}

static void mark_is_set_before_the_request_leaves_and_kept_until_offline_is_confirmed(void)
{
	struct hub h;
	struct marks m;
	struct subdev *d = linked(&h);

	watch(&h, &m);
	hub_present(&h, d, true);
	CU_ASSERT_STRING_EQUAL(m.text, "");
	EXPECT(&h, "online lamp");
	CU_ASSERT_STRING_EQUAL(m.text, "+lamp");
	m.text[0] = '\0';
	hub_cut(&h); /* no answer: the hub may show it */
	hub_present(&h, d, false);
	hub_link(&h, true);
	EXPECT(&h, "offline lamp");
	CU_ASSERT_STRING_EQUAL(m.text, "");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_STRING_EQUAL(m.text, "-lamp");
	hub_stop(&h);
}

static void stop_while_settling_takes_offline_at_once(void)
{
	struct hub h;

	hub_start(&h);
	gateway_remember_online(&h.g, hub_device(&h, "lamp"));
	gateway_settle(&h.g, h.now_ms + SETTLE_MS);
	hub_link(&h, true);
	gateway_leave(&h.g, h.now_ms);
	EXPECT(&h, "offline lamp");
	CU_ASSERT_FALSE(gateway_left(&h.g));
	hub_stop(&h);
}

SUITE(gateway_marks, TEST(device_that_does_not_come_back_is_taken_offline_after_the_settling_time),
      TEST(device_that_comes_back_while_settling_is_never_taken_offline),
      TEST(link_that_comes_after_the_settling_time_needs_no_more_waiting),
      TEST(mark_is_set_before_the_request_leaves_and_kept_until_offline_is_confirmed),
      TEST(stop_while_settling_takes_offline_at_once))
