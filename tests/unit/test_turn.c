#include "plugin/turn.h"

#include <string.h>

#include "plugin/base/timer.h"
#include "plugin/lan/doorbell_login.h"
#include "plugin/services/gateway_service.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define DEVICE_CLIENT(is_clean)                                 \
	{                                                           \
		.id = LAMP_ID, .address = "10.0.0.9", .clean = is_clean \
	}
#define CONTROL LAMP "/control"

static uint64_t metric(const struct lan *l, enum metric id)
{
	return metric_get(&l->h.metrics, id);
}

/* A logged-in lamp, its orders taken. */
static void enter(struct lan *l, struct mosquitto *c)
{
	CU_ASSERT_FATAL(lan_enter(l, c, l->lamp));
	lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL);
	CU_ASSERT(lan_quiet(l));
}

/* --- up --- */

static void kept_up(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	enter(l, &c);
	for (int ready = 0; ready <= 1; ready++) {
		lan_hub(l, ready);
		CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 1), MOSQ_ERR_SUCCESS);
		CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", NULL, 2), MOSQ_ERR_SUCCESS);
	}
	CU_ASSERT_EQUAL(lan_kept(l), 4);
	CU_ASSERT(lan_quiet(l));
}

static void qos_1_and_2_are_kept_whether_or_not_the_hub_is_there(void)
{
	lan_each(kept_up);
}

static void live_up(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	enter(l, &c);
	lan_hub(l, true);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, LAMP "/event"));
	CU_ASSERT_EQUAL(lan_publish(&c, "$log/operation/" LAMP, "ok", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, "$log/operation/" LAMP));
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	lan_hub(l, false);
	CU_ASSERT_EQUAL(lan_publish(&c, "$log/operation/" LAMP, "ok", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	CU_ASSERT_EQUAL(metric(l, M_DROPPED_LIVE), 1);
	CU_ASSERT(lan_quiet(l));
}

static void qos_0_and_answers_go_live_and_late_answers_are_dropped(void)
{
	lan_each(live_up);
}

static void qos0_away(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	enter(l, &c);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	CU_ASSERT_EQUAL(metric(l, M_DROPPED_LIVE), 0);
	l->config.store.queue_qos0 = false;
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "2", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	CU_ASSERT_EQUAL(metric(l, M_DROPPED_LIVE), 1);
	CU_ASSERT(lan_quiet(l));
}

static void while_the_hub_is_away_qos_0_is_kept_or_dropped_as_configured(void)
{
	lan_each(qos0_away);
}

static void full_store(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	lan_store(l, JOURNAL_REFUSE, 2);
	enter(l, &c);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "2", 1), MOSQ_ERR_SUCCESS);
	/* ACL_DENIED would be acknowledged, QUOTA_EXCEEDED on 2.1 too. */
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "3", 1), MOSQ_ERR_NOMEM);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "4", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	CU_ASSERT_EQUAL(metric(l, M_REFUSED_FULL), 1);
	CU_ASSERT_EQUAL(metric(l, M_DROPPED_LIVE), 1);
	CU_ASSERT(fake_logged("the store is full"));
}

static void full_store_refuses_qos_1_without_acknowledgement_and_drops_qos_0(void)
{
	lan_each(full_store);
}

static void untouched(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true), console = { .id = "console" }, nobody = { 0 }, bell;

	enter(l, &c);
	CU_ASSERT(lan_doorbell(l, &bell));
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT(!lan_retain_left());
	CU_ASSERT_EQUAL(lan_publish(&c, "$ota/report/" LAMP,
	                            "{\"type\":\"report_version\",\"report\":{\"version\":\"1\"}}", 0),
	                MOSQ_ERR_SUCCESS);
	CU_ASSERT(!lan_retain_left());
	CU_ASSERT_EQUAL(lan_publish(&console, "livingroom/lamp", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_retain_left());
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	CU_ASSERT_EQUAL(lan_publish(&nobody, LAMP "/event", "1", 1), MOSQ_ERR_ACL_DENIED);
	CU_ASSERT_EQUAL(lan_publish(NULL, LAMP "/event", "1", 1), MOSQ_ERR_ACL_DENIED);
	CU_ASSERT_EQUAL(lan_publish(&bell, DOORBELL_TOPIC, "1", 0), MOSQ_ERR_SUCCESS);
	/* Should another plugin have let these pass, they stay on the LAN. */
	CU_ASSERT_EQUAL(lan_publish(&c, SIBLING "/event", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, "livingroom/lamp", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	CU_ASSERT(lan_quiet(l));
}

static void only_own_messages_of_devices_go_up_and_none_is_retained(void)
{
	lan_each(untouched);
}

/* --- down --- */

static void enter_subscribed(struct lan *l, struct mosquitto *c)
{
	enter(l, c);
	lan_tick();
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_SUBSCRIBE, CONTROL), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, CONTROL));
}

static void handed_on(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true), bell;
	const struct fake_publish *p;

	enter_subscribed(l, &c);
	CU_ASSERT(lan_doorbell(l, &bell));
	lan_command(l, CONTROL, 1, 11);
	lan_command(l, "$ota/update/" LAMP, 0, 0);
	lan_command(l, "$rrpc/rxd/" LAMP "/7", 1, 12);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, DOORBELL_TOPIC), MOSQ_ERR_ACL_DENIED);
	CU_ASSERT_EQUAL_FATAL(fake_published(), 3);
	p = fake_publish_at(0);
	CU_ASSERT_STRING_EQUAL(p->topic, CONTROL);
	CU_ASSERT(p->len == 2 && memcmp(p->payload, "go", 2) == 0);
	CU_ASSERT(p->qos == 1 && !p->retain);
	CU_ASSERT_EQUAL(fake_publish_at(1)->qos, 0);
	CU_ASSERT(lan_done(l, 11) && lan_done(l, 12) && lan_quiet(l));
	CU_ASSERT_EQUAL(metric(l, M_DOWN), 3);
}

static void ring_hands_on_all_commands_and_acknowledges_qos_1(void)
{
	lan_each(handed_on);
}

static void without_memory(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT(true);

	enter_subscribed(l, &c);
	fake_refuse_publish(true);
	lan_command(l, CONTROL, 1, 11);
	lan_tick();
	fake_refuse_publish(false);
	fake_refuse_memory(true);
	lan_command(l, CONTROL, 1, 12);
	lan_tick();
	fake_refuse_memory(false);
	CU_ASSERT_EQUAL(fake_published(), 0);
	CU_ASSERT_EQUAL(metric(l, M_DOWN), 0);
	CU_ASSERT(lan_quiet(l));
}

static void command_that_the_broker_could_not_take_is_not_acknowledged(void)
{
	lan_each(without_memory);
}

static void strays(struct lan *l)
{
	lan_command(l, LAMP_PID "/lamp-99/control", 1, 11);
	lan_command(l, "livingroom/lamp", 1, 12);
	lan_command(l, "$shadow/nonsense", 1, 13);
	lan_command(l, "", 1, 14);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0);
	CU_ASSERT_EQUAL(metric(l, M_DOWN_STRAY), 4);
	for (uint16_t id = 11; id <= 14; id++)
		CU_ASSERT(lan_done(l, id));
}

static void messages_for_nobody_known_are_counted_and_acknowledged(void)
{
	lan_each(strays);
}

/* --- the turn --- */

static void lines_of_uplink(struct lan *l)
{
	log_line(uplink_log(l->h.uplink), LOG_WARN, "the link is %s", "down");
	CU_ASSERT_EQUAL(fake_lines(), 0);
	lan_tick();
	CU_ASSERT(fake_logged("hubgate: the link is down"));
}

static void lines_of_the_uplink_reach_the_brokers_log(void)
{
	lan_each(lines_of_uplink);
}

static void metrics_out(struct lan *l)
{
	size_t once;
	bool present_seen = false;

	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0);
	l->config.metrics.sys_interval_s = 10;
	lan_tick();
	once = fake_published();
	CU_ASSERT(once > METRIC_COUNT);
	for (size_t i = 0; i < once; i++) {
		const struct fake_publish *p = fake_publish_at(i);

		CU_ASSERT(p->retain && strncmp(p->topic, "$SYS/broker/hubgate/", 20) == 0);
		present_seen |= strcmp(p->topic, "$SYS/broker/hubgate/devices_present") == 0;
	}
	CU_ASSERT(present_seen);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), once);
	lan_wait(10000);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 2 * once);
}

static void metrics_are_published_retained_at_their_interval(void)
{
	lan_each(metrics_out);
}

static void earliest(struct lan *l)
{
	int64_t now_ms = hubgate_now_ms();

	timer_ring_by(&l->h, now_ms + 500);
	timer_ring_by(&l->h, now_ms + 900);
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), now_ms + 500);
	timer_ring_by(&l->h, now_ms + 400);
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), now_ms + 400);
	turn_run(&l->h);
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), INT64_MAX);
}

static void turn_comes_by_the_earliest_time_asked_for_and_sets_the_next(void)
{
	lan_each(earliest);
}

static void silent_hub(struct lan *l)
{
	static const char ask[] = "{\"type\":\"describe_sub_devices\"}";
	int64_t due_ms;

	lan_hub(l, true);
	gateway_service_request(&l->h, ask, sizeof(ask) - 1);
	due_ms = mail_timer(uplink_mail(l->h.uplink));
	CU_ASSERT_FATAL(due_ms > hubgate_now_ms() && due_ms < hubgate_now_ms() + 60000);
	CU_ASSERT_EQUAL(fake_published(), 0);
	lan_wait(due_ms - hubgate_now_ms());
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT_EQUAL(mail_timer(uplink_mail(l->h.uplink)), INT64_MAX);
}

static void list_that_the_hub_does_not_send_is_answered_from_here_and_rung_for(void)
{
	lan_each(silent_hub);
}

static void flood(struct lan *l)
{
	enum {
		FLOOD = 500
	};
	size_t before = 0;
	unsigned turns = 0;

	for (int i = 0; i < FLOOD; i++)
		lan_command(l, CONTROL, 0, 0);
	for (; fake_published() < FLOOD && turns < FLOOD; turns++) {
		bool rung = atomic_exchange(&uplink_mail(l->h.uplink)->ring_wanted, false);

		if (turns > 0)
			CU_ASSERT(rung);
		lan_tick();
		CU_ASSERT(fake_published() > before && fake_published() <= before + 64);
		before = fake_published();
	}
	CU_ASSERT_EQUAL(fake_published(), FLOOD);
	CU_ASSERT(turns > 1);
	lan_tick();
	CU_ASSERT_FALSE(atomic_load(&uplink_mail(l->h.uplink)->ring_wanted));
}

static void a_flood_is_taken_in_slices_and_the_doorbell_rings_for_the_next(void)
{
	lan_each(flood);
}

SUITE(turn, TEST(a_flood_is_taken_in_slices_and_the_doorbell_rings_for_the_next),
      TEST(qos_1_and_2_are_kept_whether_or_not_the_hub_is_there),
      TEST(qos_0_and_answers_go_live_and_late_answers_are_dropped),
      TEST(while_the_hub_is_away_qos_0_is_kept_or_dropped_as_configured),
      TEST(full_store_refuses_qos_1_without_acknowledgement_and_drops_qos_0),
      TEST(only_own_messages_of_devices_go_up_and_none_is_retained),
      TEST(ring_hands_on_all_commands_and_acknowledges_qos_1),
      TEST(command_that_the_broker_could_not_take_is_not_acknowledged),
      TEST(messages_for_nobody_known_are_counted_and_acknowledged),
      TEST(lines_of_the_uplink_reach_the_brokers_log),
      TEST(metrics_are_published_retained_at_their_interval),
      TEST(turn_comes_by_the_earliest_time_asked_for_and_sets_the_next),
      TEST(list_that_the_hub_does_not_send_is_answered_from_here_and_rung_for))
