/* Devices of which the broker never notices that they are gone. */
#include "plugin/devices/silence.h"

#include "plugin/devices/presence.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	SILENCE_S = 60,
	SILENCE_MS = SILENCE_S * 1000,
};

#define EVENT LAMP "/event"
#define UNWATCHED                                                                 \
	{                                                                             \
		.id = LAMP_ID, .address = "10.0.0.9", .clean = true, .keepalive_0 = true, \
	}

static bool told_present(struct lan *l)
{
	return lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL);
}

static bool told_left(struct lan *l)
{
	return lan_ordered(l, ORDER_LEFT, LAMP_ID, NULL);
}

static uint64_t silent(const struct lan *l)
{
	return metric_get(&l->h.metrics, M_SILENT);
}

static uint64_t unwatched(const struct lan *l)
{
	return metric_get(&l->h.metrics, M_UNWATCHED);
}

/* It came with keep alive 0 and is silent. */
static void fall_silent(struct lan *l, struct mosquitto *c)
{
	l->config.presence.silence_s = SILENCE_S;
	CU_ASSERT(lan_enter(l, c, l->lamp));
	CU_ASSERT(told_present(l));
	lan_wait(SILENCE_MS);
	lan_tick();
	CU_ASSERT(told_left(l));
}

static void by_the_clock(struct lan *l)
{
	struct mosquitto c = UNWATCHED;

	l->config.presence.silence_s = SILENCE_S;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(unwatched(l), 1);
	lan_wait(SILENCE_MS - 1);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), hubgate_now_ms() + 1);
	lan_wait(1);
	lan_tick();
	CU_ASSERT(told_left(l) && lan_quiet(l));
	CU_ASSERT_EQUAL(silent(l), 1);
	CU_ASSERT(fake_logged("sent nothing for presence.silence_s 60 s"));
	lan_wait(10 * SILENCE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, EVENT), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(silent(l), 0);
	lan_gone(&c);
	CU_ASSERT_EQUAL(unwatched(l), 0);
}

static void device_with_keep_alive_0_is_offline_while_it_is_silent(void)
{
	lan_each(by_the_clock);
}

static void by_signs_of_life(struct lan *l)
{
	struct mosquitto c = UNWATCHED;

	l->config.presence.silence_s = SILENCE_S;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	for (int i = 0; i < 3; i++) {
		lan_wait(SILENCE_MS - 1);
		lan_acl(&c, i % 2 ? MOSQ_ACL_SUBSCRIBE : MOSQ_ACL_WRITE, i % 2 ? "nonsense" : EVENT);
		lan_tick();
	}
	CU_ASSERT(lan_quiet(l));
	lan_wait(SILENCE_MS - 1);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, LAMP "/control"), MOSQ_ERR_SUCCESS);
	lan_wait(1);
	lan_tick();
	CU_ASSERT(told_left(l)); /* what it is sent says nothing of it */
	lan_gone(&c);
}

static void what_it_sends_counts_and_what_it_is_sent_does_not(void)
{
	lan_each(by_signs_of_life);
}

static void with_keep_alive(struct lan *l)
{
	struct mosquitto c = UNWATCHED;

	c.keepalive_0 = false;
	l->config.presence.silence_s = SILENCE_S;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(unwatched(l), 0);
	lan_wait(10 * SILENCE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	lan_gone(&c);
}

static void device_with_a_keep_alive_may_be_silent_for_ever(void)
{
	lan_each(with_keep_alive);
}

static void by_default(struct lan *l)
{
	struct mosquitto c = UNWATCHED, again = UNWATCHED;
	size_t lines = fake_lines();

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	CU_ASSERT(fake_logged("keep alive 0"));
	lan_wait(100 * SILENCE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	lan_gone(&c);
	CU_ASSERT(lan_enter(l, &again, l->lamp));
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	CU_ASSERT_EQUAL(unwatched(l), 1);
	lan_gone(&again);
}

static void by_default_it_stays_online_and_the_log_says_so_once(void)
{
	lan_each(by_default);
}

static void connection_ends(struct lan *l)
{
	struct mosquitto c = UNWATCHED, again = UNWATCHED;

	fall_silent(l, &c);
	lan_gone(&c);
	lan_wait(2 * LAN_GRACE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l)); /* the hub knows it as offline */
	CU_ASSERT_EQUAL(silent(l), 0);
	CU_ASSERT(lan_enter(l, &again, l->lamp));
	CU_ASSERT(told_present(l));
	lan_gone(&again);
}

static void silent_device_whose_connection_ends_stays_offline_until_it_returns(void)
{
	lan_each(connection_ends);
}

static void logs_in_again(struct lan *l)
{
	struct mosquitto c = UNWATCHED, again = UNWATCHED;

	fall_silent(l, &c);
	CU_ASSERT_EQUAL(lan_auth(&again, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&c);
	lan_connected(&again);
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(silent(l), 0);
	CU_ASSERT_EQUAL(unwatched(l), 1);
	lan_gone(&again);
}

static void silent_device_that_logs_in_anew_is_online_at_once(void)
{
	lan_each(logs_in_again);
}

static void switched_off(struct lan *l)
{
	struct mosquitto c = UNWATCHED;

	fall_silent(l, &c);
	l->config.presence.silence_s = 0;
	lan_tick();
	CU_ASSERT(told_present(l));
	CU_ASSERT_EQUAL(silent(l), 0);
	lan_gone(&c);
}

static void who_is_silent_when_silence_counts_no_more_is_online_again(void)
{
	lan_each(switched_off);
}

SUITE(silence, TEST(device_with_keep_alive_0_is_offline_while_it_is_silent),
      TEST(what_it_sends_counts_and_what_it_is_sent_does_not),
      TEST(device_with_a_keep_alive_may_be_silent_for_ever),
      TEST(by_default_it_stays_online_and_the_log_says_so_once),
      TEST(silent_device_whose_connection_ends_stays_offline_until_it_returns),
      TEST(silent_device_that_logs_in_anew_is_online_at_once),
      TEST(who_is_silent_when_silence_counts_no_more_is_online_again))
