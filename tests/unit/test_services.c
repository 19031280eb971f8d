/* Calls, the time, and remote configuration of devices, as BROKER serves them. */
#include <string.h>

#include "core/hub/rrpc.h"
#include "core/hub/sys_time.h"
#include "plugin/services/remote_config.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define CLIENT(name)                                     \
	{                                                    \
		.id = name, .address = "10.0.0.9", .clean = true \
	}
#define CALL     "$rrpc/rxd/" LAMP "/"
#define ANSWER   "$rrpc/txd/" LAMP "/"
#define ASK      "$config/operation/" LAMP
#define TOLD     "$config/operation/result/" LAMP
#define ASK_OLD  "$config/report/" LAMP
#define TOLD_OLD "$config/update/" LAMP
#define GET      "{\"type\":\"get\"}"
#define PUSH     "{\"type\":\"push\",\"payload\":{\"rate\":1.0}}"
#define KEPT     "{\"type\":\"reply\",\"result\":0,\"payload\":{\"rate\":1.0}}"

static uint64_t metric(const struct lan *l, enum metric id)
{
	return metric_get(&l->h.metrics, id);
}

static bool drain_orders(struct lan *l)
{
	while (!lan_quiet(l))
		;
	return true;
}

static void enter(struct lan *l, struct mosquitto *c, const struct device *d)
{
	CU_ASSERT_FATAL(lan_enter(l, c, d));
	drain_orders(l);
	fake_forget_published();
}

/* The newest publish of the plugin is this one. */
static bool told(const char *topic, const char *payload)
{
	size_t n = fake_published();
	const struct fake_publish *p = n > 0 ? fake_publish_at(n - 1) : NULL;

	return p && strcmp(p->topic, topic) == 0 &&
	       (!payload || ((size_t)p->len == strlen(payload) &&
	                     memcmp(p->payload, payload, (size_t)p->len) == 0));
}

static void from_hub(struct lan *l, const char *topic, const char *payload)
{
	struct uplink_down down = { .topic = strdup(topic),
		                        .payload = strdup(payload),
		                        .len = strlen(payload),
		                        .qos = 1,
		                        .packet_id = 9,
		                        .epoch = 7 };

	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &down), ST_OK);
	lan_tick();
}

/* --- calls --- */

static void calls(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	lan_hub(l, true);
	from_hub(l, CALL "1", "go");
	from_hub(l, CALL "2", "go");
	CU_ASSERT(told(CALL "1", "go"));
	CU_ASSERT_EQUAL(fake_published(), 1);
	drain_orders(l);
	CU_ASSERT_EQUAL(lan_publish(&c, ANSWER "2", "{}", 0), MOSQ_ERR_SUCCESS); /* not its turn */
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(lan_publish(&c, ANSWER "1", "{}", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, ANSWER "1"));
	CU_ASSERT(told(CALL "2", "go"));
	lan_wait(RRPC_LIFE_MS);
	CU_ASSERT_EQUAL(lan_publish(&c, ANSWER "2", "{}", 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_quiet(l));
	lan_tick();
	CU_ASSERT_EQUAL(metric(l, M_RRPC), 2);
	CU_ASSERT_EQUAL(metric(l, M_RRPC_UNANSWERED), 1);
	CU_ASSERT_EQUAL(metric(l, M_RRPC_LATE), 2);
	CU_ASSERT_EQUAL(lan_kept(l), 0);
}

static void device_is_called_once_at_a_time_and_late_answers_do_not_go_up(void)
{
	lan_each(calls);
}

static void call_of_absent(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	lan_offline(&c);
	from_hub(l, CALL "1", "go"); /* in its grace time */
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	from_hub(l, CALL "2", "go");
	CU_ASSERT(told(CALL "2", "go"));
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT_EQUAL(metric(l, M_RRPC_UNANSWERED), 1);
	CU_ASSERT_EQUAL(metric(l, M_DOWN_HELD), 0);
}

static void call_for_a_device_that_is_away_is_not_held_and_delays_no_later_one(void)
{
	lan_each(call_of_absent);
}

static void call_after_reconnect(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID), again = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	from_hub(l, CALL "1", "go");
	from_hub(l, CALL "2", "go");
	lan_offline(&c);
	CU_ASSERT(lan_enter(l, &again, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&again, MOSQ_ACL_SUBSCRIBE, CALL "+"), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told(CALL "2", "go"));
}

static void device_that_connects_anew_gets_the_next_call_as_soon_as_it_subscribes(void)
{
	lan_each(call_after_reconnect);
}

/* --- the time --- */

static void time_here(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);
	int64_t ms = 0;

	enter(l, &c, l->lamp);
	for (int ready = 0; ready <= 1; ready++) {
		lan_hub(l, ready);
		fake_forget_published();
		CU_ASSERT_EQUAL(lan_publish(&c, "$sys/operation/" LAMP, SYS_TIME_REQUEST, 0),
		                MOSQ_ERR_SUCCESS);
		CU_ASSERT_FATAL(told("$sys/operation/result/" LAMP, NULL));
		CU_ASSERT_EQUAL(
			sys_time_parse(fake_publish_at(0)->payload, (size_t)fake_publish_at(0)->len, &ms),
			ST_OK);
		CU_ASSERT(lan_quiet(l));
	}
	CU_ASSERT_EQUAL(metric(l, M_TIME_ANSWERED), 2);
}

static void time_is_told_here_while_the_clock_is_trusted(void)
{
	lan_each(time_here);
}

static void time_at_hub(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	lan_hub(l, true);
	CU_ASSERT_EQUAL(
		lan_publish(&c, "$sys/operation/" LAMP, "{\"type\": \"ssh\", \"switch\": 1}", 0),
		MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, "$sys/operation/" LAMP));
	l->clock = (struct clock_trust){ .started = false };
	CU_ASSERT_EQUAL(lan_publish(&c, "$sys/operation/" LAMP, SYS_TIME_REQUEST, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, "$sys/operation/" LAMP));
	CU_ASSERT_EQUAL(fake_published(), 0);
}

static void time_is_asked_at_the_hub_without_a_trusted_clock_as_is_all_else_on_sys(void)
{
	lan_each(time_at_hub);
}

/* --- remote configuration --- */

static void asked_at_hub(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	lan_hub(l, true);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, TOLD_OLD), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, TOLD));
	CU_ASSERT_EQUAL(lan_publish(&c, ASK_OLD, GET, 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, ASK));
	CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, LAMP_ID, ASK));
	CU_ASSERT_EQUAL(fake_published(), 0);
	from_hub(l, TOLD, PUSH);
	CU_ASSERT(told(TOLD_OLD, PUSH)); /* byte for byte */
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, TOLD), MOSQ_ERR_SUCCESS);
	from_hub(l, TOLD, PUSH);
	CU_ASSERT_EQUAL(fake_published(), 3); /* who subscribes both names gets both */
}

static void older_topics_of_remote_configuration_are_those_of_today_at_the_hub(void)
{
	lan_each(asked_at_hub);
}

static void asked_here(struct lan *l)
{
	struct mosquitto c = CLIENT(SIBLING_ID), other = CLIENT(COUSIN_ID);

	enter(l, &c, l->sibling);
	enter(l, &other, l->cousin);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "$config/operation/result/" SIBLING),
	                MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, "$config/operation/" SIBLING, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(fake_published(), 0); /* never heard of any */
	from_hub(l, TOLD, PUSH);
	fake_forget_published();
	CU_ASSERT_EQUAL(lan_publish(&c, "$config/operation/" SIBLING, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told("$config/operation/result/" SIBLING, KEPT));
	from_hub(l, TOLD, "{\"type\":\"reply\",\"result\":1002}");
	CU_ASSERT_EQUAL(lan_publish(&c, "$config/operation/" SIBLING, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told("$config/operation/result/" SIBLING, "{\"type\":\"reply\",\"result\":1002}"));
	fake_forget_published();
	CU_ASSERT_EQUAL(lan_acl(&other, MOSQ_ACL_SUBSCRIBE, "$config/operation/result/" COUSIN),
	                MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&other, "$config/operation/" COUSIN, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(fake_published(), 0); /* of another product */
	CU_ASSERT_EQUAL(metric(l, M_CONFIG_ANSWERED), 2);
}

static void last_configuration_of_the_product_answers_while_the_hub_is_away(void)
{
	lan_each(asked_here);
}

static void silent_hub(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	lan_hub(l, true);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, TOLD), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	lan_wait(2000);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0); /* nothing to say */
	from_hub(l, TOLD, PUSH);
	fake_forget_published();
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	lan_wait(1999);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0);
	lan_wait(1);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 2);
	CU_ASSERT(told(TOLD, KEPT));
	CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	from_hub(l, TOLD, PUSH);
	lan_wait(2000);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 3); /* the hub's own */
}

static void get_that_the_hub_does_not_answer_in_two_seconds_is_answered_here(void)
{
	lan_each(silent_hub);
}

static void unreadable(struct lan *l)
{
	struct mosquitto c = CLIENT(LAMP_ID);

	enter(l, &c, l->lamp);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, TOLD), MOSQ_ERR_SUCCESS);
	from_hub(l, TOLD, PUSH);
	from_hub(l, TOLD, "{\"type\":\"push\",\"payload\":[1,2");
	CU_ASSERT(told(TOLD, "{\"type\":\"push\",\"payload\":[1,2"));
	CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told(TOLD, KEPT));
}

static void configuration_that_cannot_be_read_is_passed_on_and_not_remembered(void)
{
	lan_each(unreadable);
}

static void configuration_is_known_after_a_restart(void)
{
	struct mosquitto c = CLIENT(LAMP_ID);
	struct lan *l = lan_open(BROKER_2_0);
	char dir[256];

	strcpy(dir, l->dir);
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	enter(l, &c, l->lamp);
	from_hub(l, TOLD, PUSH);
	CU_ASSERT_EQUAL(state_put(l->h.state, STATE_CONFIG, COUSIN, "later", 5), ST_OK);
	CU_ASSERT_EQUAL(state_put(l->h.state, STATE_CONFIG, "SUBPROD002", "no JSON", 7), ST_OK);
	storage_close(&l->h);
	remote_config_close(&l->h);
	CU_ASSERT_EQUAL_FATAL(remote_config_open(&l->h), ST_OK);
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	CU_ASSERT(fake_logged("product SUBPROD002: its stored remote configuration cannot be read"));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, TOLD), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&c, ASK, GET, 0), MOSQ_ERR_SUCCESS);
	CU_ASSERT(told(TOLD, KEPT));
	lan_close(l);
}

SUITE(services, TEST(device_is_called_once_at_a_time_and_late_answers_do_not_go_up),
      TEST(call_for_a_device_that_is_away_is_not_held_and_delays_no_later_one),
      TEST(device_that_connects_anew_gets_the_next_call_as_soon_as_it_subscribes),
      TEST(time_is_told_here_while_the_clock_is_trusted),
      TEST(time_is_asked_at_the_hub_without_a_trusted_clock_as_is_all_else_on_sys),
      TEST(older_topics_of_remote_configuration_are_those_of_today_at_the_hub),
      TEST(last_configuration_of_the_product_answers_while_the_hub_is_away),
      TEST(get_that_the_hub_does_not_answer_in_two_seconds_is_answered_here),
      TEST(configuration_that_cannot_be_read_is_passed_on_and_not_remembered),
      TEST(configuration_is_known_after_a_restart))
