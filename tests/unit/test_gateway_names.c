/* Who of the devices goes first: those that just arrived, and last the names that may be nobody's;
 * and a name's end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/hub_steps.h"

enum {
	CROWD = 500,
};

static struct subdev *named(struct hub *h, const char *name, enum standing standing)
{
	struct subdev *d = hub_device(h, name);

	gateway_set_standing(&h->g, d, standing, h->now_ms);
	return d;
}

/* A connected hub, and a name that may be nobody's. */
static struct subdev *linked_name(struct hub *h, enum standing standing)
{
	hub_start(h);
	hub_link(h, false);
	return named(h, "lamp", standing);
}

/* ... that has a message, for which the hub was asked about it. */
static struct subdev *asked_name(struct hub *h)
{
	struct subdev *d = linked_name(h, STANDING_STRANGER);

	hub_queue(h, d, 1);
	EXPECT(h, "online lamp");
	return d;
}

/* Everybody was online, the link was cut, and is back. */
static void cut_off_crowd(struct hub *h)
{
	hub_start(h);
	hub_link(h, false);
	hub_cut(h);
	for (int i = 0; i < CROWD; i++) {
		struct subdev *d;
		char name[16];

		snprintf(name, sizeof(name), "crowd-%d", i);
		d = hub_device(h, name);
		gateway_remember_online(&h->g, d);
		hub_present(h, d, true);
	}
}

static void reconnected_crowd(struct hub *h)
{
	cut_off_crowd(h);
	hub_link(h, false);
}

static void who_arrived_while_the_link_was_away_for_the_first_time_goes_before_the_others(void)
{
	struct hub h;

	cut_off_crowd(&h);
	hub_present(&h, hub_device(&h, "new"), true);
	hub_link(&h, false);
	EXPECT(&h, "online new");
	EXPECT(&h, "online crowd-0");
	hub_stop(&h);
}

static void who_arrives_after_a_reconnect_takes_turns_with_those_that_are_announced_again(void)
{
	struct hub h;

	reconnected_crowd(&h);
	EXPECT(&h, "online crowd-0");
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "new-%d", i);
		hub_present(&h, hub_device(&h, name), true);
	}
	EXPECT(&h, "online new-2"); /* the newest first */
	EXPECT(&h, "online crowd-1");
	EXPECT(&h, "online new-1");
	EXPECT(&h, "online crowd-2");
	EXPECT(&h, "online new-0");
	EXPECT(&h, "online crowd-3");
	EXPECT(&h, "online crowd-4");
	hub_stop(&h);
}

static void who_arrived_long_ago_waits_like_the_others(void)
{
	struct hub h;
	struct subdev *d;

	reconnected_crowd(&h);
	EXPECT(&h, "online crowd-0");
	d = hub_device(&h, "new");
	hub_present(&h, d, true);
	hub_wait(&h, GATEWAY_FRESH_MS);
	CU_ASSERT(d->line == &h.g.normal);
	hub_stop(&h);
}

static void who_comes_back_while_the_hub_shows_it_has_not_just_arrived(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	hub_answer(&h, "online", "lamp", 0);
	hub_cut(&h);
	hub_present(&h, d, false);
	hub_link(&h, false);
	hub_present(&h, d, true);
	CU_ASSERT(d->line == &h.g.normal);
	hub_stop(&h);
}

static void names_that_may_be_nobodys_are_asked_after_everybody_else_and_seldom(void)
{
	struct hub h;
	struct subdev *d = linked(&h);

	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x-%d", i);
		hub_queue(&h, named(&h, name, STANDING_UNASKED), 1);
	}
	hub_queue(&h, named(&h, "y", STANDING_STRANGER), 1);
	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	EXPECT(&h, "online x-0");
	EXPECT(&h, "online y");
	EXPECT(&h, "");
	hub_wait(&h, GATEWAY_UNASKED_MS - 1);
	EXPECT(&h, "");
	CU_ASSERT_EQUAL(gateway_names_due(&h.g, h.now_ms), h.now_ms + 1);
	hub_wait(&h, 1);
	CU_ASSERT_TRUE(gateway_has_control(&h.g, h.now_ms));
	EXPECT(&h, "online x-1");
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_program_that_asks_for_such_a_name_does_not_wait(void)
{
	struct hub h;
	struct subdev *a, *b;

	hub_start(&h);
	hub_link(&h, false);
	a = named(&h, "a", STANDING_UNASKED);
	b = named(&h, "b", STANDING_UNASKED);
	hub_queue(&h, a, 1);
	gateway_ask(&h.g, b, GATEWAY_ONLINE, NULL, h.now_ms);
	gateway_line_up(&h.g, h.now_ms);
	EXPECT(&h, "online b");
	EXPECT(&h, "online a");
	hub_stop(&h);
}

static void the_hubs_word_makes_a_name_ours_at_once(void)
{
	struct hub h;
	struct subdev *d = asked_name(&h);

	hub_answer(&h, "online", "lamp", -1);
	CU_ASSERT_EQUAL(h.log_lines, 0); /* there may be many */
	EXPECT(&h, "");
	hub_says(&h, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":["
	             "{\"product_id\":\"SUBPROD001\",\"device_name\":\"lamp\"}]}}");
	CU_ASSERT_EQUAL(d->standing, STANDING_OWN);
	EXPECT(&h, "online lamp");
	gateway_set_standing(&h.g, d, STANDING_STRANGER, h.now_ms); /* crossed it */
	CU_ASSERT_EQUAL(d->standing, STANDING_OWN);
	hub_stop(&h);
}

/* --- their end --- */

static size_t devices_after_sweep(struct hub *h)
{
	gateway_line_up(&h->g, h->now_ms);
	gateway_sweep(&h->g);
	return h->g.devices.count;
}

static void a_forgotten_name_is_freed_once_its_answer_came(void)
{
	struct hub h;
	struct subdev *d = asked_name(&h);

	gateway_forget(&h.g, d, h.now_ms);
	outbox_end(&d->outbox, 1);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 1); /* a request is under way */
	hub_answer(&h, "online", "lamp", -1);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 0);
	CU_ASSERT_PTR_NULL(h.g.forgotten);
	CU_ASSERT_EQUAL(metric_get(&h.metrics, M_UNBOUND), 0);
	EXPECT(&h, "");
	hub_stop(&h);
}

static void a_forgotten_name_that_is_heard_again_stays(void)
{
	struct hub h;
	struct subdev *d = linked_name(&h, STANDING_STRANGER);

	gateway_forget(&h.g, d, h.now_ms);
	CU_ASSERT_PTR_EQUAL(hub_device(&h, "lamp"), d);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 1);
	gateway_forget(&h.g, d, h.now_ms);
	gateway_forget(&h.g, d, h.now_ms);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 0);
	hub_stop(&h);
}

static void a_forgotten_name_with_an_online_that_came_true_is_taken_offline_first(void)
{
	struct hub h;
	struct subdev *d = linked_name(&h, STANDING_UNASKED);

	hub_present(&h, d, true);
	EXPECT(&h, "online lamp");
	gateway_forget(&h.g, d, h.now_ms);
	hub_answer(&h, "online", "lamp", 0);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 1);
	EXPECT(&h, "offline lamp");
	hub_answer(&h, "offline", "lamp", 0);
	CU_ASSERT_EQUAL(devices_after_sweep(&h), 0);
	hub_stop(&h);
}

static void thousands_of_names_leave_nothing_behind(void)
{
	struct hub h;

	hub_start(&h);
	hub_link(&h, false);
	for (int i = 0; i < 5000; i++) {
		char name[16];
		struct subdev *d;

		snprintf(name, sizeof(name), "x-%d", i);
		d = named(&h, name, STANDING_UNASKED);
		hub_present(&h, d, true);
		gateway_subscribe(&h.g, d, "SUBPROD001/x/control", 1);
		hub_queue(&h, d, 1);
		outbox_end(&d->outbox, 1);
		gateway_forget(&h.g, d, h.now_ms);
		CU_ASSERT_EQUAL(devices_after_sweep(&h), 0);
	}
	CU_ASSERT(h.g.names[STANDING_UNASKED].count == 0 && h.g.data.count == 0);
	hub_stop(&h);
}

SUITE(gateway_names,
      TEST(who_arrived_while_the_link_was_away_for_the_first_time_goes_before_the_others),
      TEST(who_arrives_after_a_reconnect_takes_turns_with_those_that_are_announced_again),
      TEST(who_arrived_long_ago_waits_like_the_others),
      TEST(who_comes_back_while_the_hub_shows_it_has_not_just_arrived),
      TEST(names_that_may_be_nobodys_are_asked_after_everybody_else_and_seldom),
      TEST(a_program_that_asks_for_such_a_name_does_not_wait),
      TEST(the_hubs_word_makes_a_name_ours_at_once),
      TEST(a_forgotten_name_is_freed_once_its_answer_came),
      TEST(a_forgotten_name_that_is_heard_again_stays),
      TEST(a_forgotten_name_with_an_online_that_came_true_is_taken_offline_first),
      TEST(thousands_of_names_leave_nothing_behind))
