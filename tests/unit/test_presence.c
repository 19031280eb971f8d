#include "plugin/devices/presence.h"

#include <string.h>

#include "plugin/base/hubgate.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

/* Clients in these tests: two sockets of one device. */
#define DEVICE_CLIENT(is_clean)                                 \
	{                                                           \
		.id = LAMP_ID, .address = "10.0.0.9", .clean = is_clean \
	}

static uint64_t present(const struct lan *l)
{
	return metric_get(&l->h.metrics, M_PRESENT);
}

static bool told_present(struct lan *l)
{
	return lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL);
}

static bool told_left(struct lan *l)
{
	return lan_ordered(l, ORDER_LEFT, LAMP_ID, NULL);
}

/* Long after all that happened nobody was reported gone. */
static bool stays(struct lan *l)
{
	lan_wait(10 * LAN_GRACE_MS);
	lan_tick();
	return lan_quiet(l) && present(l) == 1;
}

static void comes_and_goes(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(present(l), 1);
	lan_gone(&c);
	CU_ASSERT_EQUAL(present(l), 0);
	lan_wait(LAN_GRACE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	lan_wait(1);
	lan_tick();
	CU_ASSERT(told_left(l));
	lan_wait(10 * LAN_GRACE_MS);
	lan_tick();
	lan_gone(&c);
	CU_ASSERT(lan_quiet(l));
}

static void device_is_gone_once_and_only_after_its_grace_time(void)
{
	lan_each(comes_and_goes);
}

static void flaps(struct lan *l)
{
	struct mosquitto c[2] = { DEVICE_CLIENT(true), DEVICE_CLIENT(true) };

	CU_ASSERT(lan_enter(l, &c[0], l->lamp));
	CU_ASSERT(told_present(l));
	for (int i = 0; i < 20; i++) {
		lan_gone(&c[i % 2]);
		lan_wait(LAN_GRACE_MS - 1);
		lan_tick();
		CU_ASSERT(lan_enter(l, &c[(i + 1) % 2], l->lamp));
		lan_tick();
	}
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT(stays(l));
}

static void flaps_inside_the_grace_time_are_not_told(void)
{
	lan_each(flaps);
}

static void taken_over(struct lan *l)
{
	struct mosquitto old = DEVICE_CLIENT(true), new = DEVICE_CLIENT(true);

	CU_ASSERT(lan_enter(l, &old, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&old);
	lan_connected(&new);
	CU_ASSERT(stays(l));
	lan_gone(&new);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	CU_ASSERT(told_left(l));
	CU_ASSERT_EQUAL(present(l), 0);
}

static void take_over_keeps_the_device_present(void)
{
	lan_each(taken_over);
}

static void failed_login(struct lan *l)
{
	struct mosquitto live = DEVICE_CLIENT(true), bad = DEVICE_CLIENT(true);

	CU_ASSERT(lan_enter(l, &live, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(lan_auth(&bad, l->username, "wrong"), MOSQ_ERR_AUTH);
	if (fake_broker_version() == BROKER_2_0)
		bad.id = NULL; /* docs/broker-notes.md 1.6: 2.1 keeps it */
	lan_gone(&bad);
	CU_ASSERT(stays(l));
	CU_ASSERT_EQUAL(lan_acl(&live, MOSQ_ACL_WRITE, LAMP "/event"), MOSQ_ERR_SUCCESS);
}

static void failed_login_with_the_id_of_a_live_device_changes_nothing(void)
{
	lan_each(failed_login);
}

static void given_up(struct lan *l)
{
	struct mosquitto live = DEVICE_CLIENT(true), full = DEVICE_CLIENT(true);

	if (!l->h.has_connect_event)
		return;
	/* 2.1 may refuse after BASIC_AUTH (global_max_clients): no CONNECT comes. */
	CU_ASSERT(lan_enter(l, &live, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(lan_auth(&full, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&full);
	CU_ASSERT(stays(l));
}

static void accepted_login_without_a_connection_is_no_presence(void)
{
	lan_each(given_up);
}

static void never_logged_in(struct lan *l)
{
	struct mosquitto scan = { .address = "10.0.0.66" }, live = DEVICE_CLIENT(true);

	lan_gone(&scan);
	lan_gone(NULL);
	lan_connected(&scan);
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT(lan_enter(l, &live, l->lamp));
	CU_ASSERT(told_present(l));
	lan_gone(&scan);
	lan_gone(NULL);
	CU_ASSERT(stays(l));
}

static void sockets_that_never_logged_in_change_nothing(void)
{
	lan_each(never_logged_in);
}

static void kept_session(struct lan *l)
{
	struct mosquitto old = DEVICE_CLIENT(false), new = DEVICE_CLIENT(false);

	CU_ASSERT(lan_enter(l, &old, l->lamp));
	CU_ASSERT(told_present(l));
	lan_offline(&old);
	CU_ASSERT_EQUAL(present(l), 0);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	CU_ASSERT(told_left(l));
	/* It resumes: the broker ends the old object a second time. */
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&old);
	lan_connected(&new);
	CU_ASSERT(told_present(l));
	CU_ASSERT(stays(l));
}

static void kept_session_is_offline_once_and_its_second_end_means_nothing(void)
{
	lan_each(kept_session);
}

static void ordered_line(struct lan *l)
{
	struct mosquitto a = { .id = LAMP_ID, .clean = true }, b = { .id = SIBLING_ID, .clean = true };
	struct mosquitto c = { .id = COUSIN_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &a, l->lamp) && lan_enter(l, &b, l->sibling));
	CU_ASSERT(lan_enter(l, &c, l->cousin));
	while (lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL) || !lan_quiet(l))
		continue;
	lan_gone(&a);
	lan_wait(1000);
	lan_gone(&b);
	lan_wait(1000);
	lan_gone(&c);
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), hubgate_now_ms() + LAN_GRACE_MS - 1999);
	CU_ASSERT(lan_enter(l, &b, l->sibling));
	lan_wait(LAN_GRACE_MS - 1999);
	lan_tick();
	CU_ASSERT(told_left(l) && lan_quiet(l));
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), hubgate_now_ms() + 2000);
	lan_wait(2000);
	lan_tick();
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, COUSIN_ID, NULL) && lan_quiet(l));
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), INT64_MAX);
}

static void each_device_has_its_own_grace_and_the_uplink_knows_the_next(void)
{
	lan_each(ordered_line);
}

static void no_grace(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	l->config.presence.grace_ms = 0;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	lan_gone(&c);
	lan_wait(1);
	lan_tick();
	CU_ASSERT(told_left(l));
}

static void without_grace_time_a_leave_is_told_at_the_next_turn(void)
{
	lan_each(no_grace);
}

/* --- the uplink's mailbox is full --- */

static void fill_orders(struct lan *l)
{
	while (uplink_device_present(l->h.uplink, "filler", true) == ST_OK)
		continue;
}

static void drop_orders(struct lan *l)
{
	while (lan_ordered(l, ORDER_PRESENT, "filler", NULL))
		continue;
}

static void full_mailbox(struct lan *l)
{
	struct mosquitto a = DEVICE_CLIENT(true), b = { .id = SIBLING_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &b, l->sibling));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, SIBLING_ID, NULL));
	fill_orders(l);
	CU_ASSERT(lan_enter(l, &a, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&a, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), MOSQ_ERR_SUCCESS);
	lan_tick();
	lan_gone(&b);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	drop_orders(l); /* takes one more: what was full has room again */
	while (!lan_quiet(l))
		drop_orders(l);
	lan_tick();
	if (l->lamp->presence->unsaid || l->sibling->presence->unsaid)
		CU_FAIL("still unsent");
	/* The lamp's secret, subscription and presence; the sibling left. */
	CU_ASSERT_EQUAL(mail_order_count(uplink_mail(l->h.uplink)), 4);
	for (int i = 0; i < 4; i++) {
		struct order o;

		CU_ASSERT_EQUAL_FATAL(mail_take_order(uplink_mail(l->h.uplink), &o), ST_OK);
		if (strcmp(o.client_id, SIBLING_ID) == 0)
			CU_ASSERT_EQUAL(o.kind, ORDER_LEFT);
		if (o.kind == ORDER_SUBSCRIBE)
			CU_ASSERT_STRING_EQUAL(o.topic, LAMP "/control");
		mail_free_order(&o);
	}
	lan_tick();
	CU_ASSERT(lan_quiet(l));
}

static void what_did_not_fit_into_the_mailbox_is_told_later(void)
{
	lan_each(full_mailbox);
}

static void application_comes_and_goes(struct lan *l)
{
	struct mosquitto c = { .address = "10.0.0.9", .clean = true };

	c.id = l->h.own->client_id;
	CU_ASSERT(lan_enter(l, &c, l->h.own));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, l->h.own->client_id, NULL));
	CU_ASSERT_EQUAL(present(l), 0); /* it is no device */
	lan_gone(&c);
	lan_wait(LAN_GRACE_MS + 1);
	lan_tick();
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, l->h.own->client_id, NULL));
	CU_ASSERT(lan_quiet(l));
}

static void uplink_hears_of_a_gateway_application_that_wants_the_hubs_own_text(void)
{
	lan_each(application_comes_and_goes);
}

/* Every order about one of the crowd, taken. */
static unsigned told_of_crowd(struct lan *l)
{
	unsigned n = 0;
	struct order o;

	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK) {
		n += o.kind != ORDER_STANDING; /* goes along with the first word about a device */
		mail_free_order(&o);
	}
	return n;
}

static void crowd(struct lan *l)
{
	enum {
		CROWD = 150,
		SLICE = 64
	};
	static const struct secret none;
	unsigned turns = 0, told = 0;

	for (int i = 0; i < CROWD; i++) {
		struct device *d;
		char name[16];

		snprintf(name, sizeof name, "crowd-%d", i);
		CU_ASSERT_EQUAL_FATAL(device_table_add(l->h.devices, LAMP_PID, name, &none, &d), ST_OK);
		CU_ASSERT_EQUAL_FATAL(presence_attach(d), ST_OK);
		presence_say_again(&l->h, d);
	}
	for (; told < CROWD && turns < CROWD; turns++) {
		unsigned now;

		if (turns > 0)
			CU_ASSERT(mail_timer(uplink_mail(l->h.uplink)) <= hubgate_now_ms());
		lan_tick();
		now = told_of_crowd(l);
		CU_ASSERT(now > 0 && now <= SLICE);
		told += now;
	}
	CU_ASSERT_EQUAL(told, CROWD);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), INT64_MAX);
}

static void what_is_to_be_told_of_many_devices_is_told_in_slices(void)
{
	lan_each(crowd);
}

SUITE(presence, TEST(what_is_to_be_told_of_many_devices_is_told_in_slices),
      TEST(device_is_gone_once_and_only_after_its_grace_time),
      TEST(flaps_inside_the_grace_time_are_not_told), TEST(take_over_keeps_the_device_present),
      TEST(failed_login_with_the_id_of_a_live_device_changes_nothing),
      TEST(accepted_login_without_a_connection_is_no_presence),
      TEST(sockets_that_never_logged_in_change_nothing),
      TEST(kept_session_is_offline_once_and_its_second_end_means_nothing),
      TEST(each_device_has_its_own_grace_and_the_uplink_knows_the_next),
      TEST(without_grace_time_a_leave_is_told_at_the_next_turn),
      TEST(what_did_not_fit_into_the_mailbox_is_told_later),
      TEST(uplink_hears_of_a_gateway_application_that_wants_the_hubs_own_text))
