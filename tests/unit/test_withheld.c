#include "plugin/lan/withheld.h"

#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define DATA LAMP "/data"
#define DEVICE_CLIENT                                       \
	{                                                       \
		.id = LAMP_ID, .address = "10.0.0.9", .clean = true \
	}

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED
};

/* As the broker does: WRITE, then MESSAGE. The payload is one address from then on. */
static void publish(struct mosquitto *c, const char *topic, const char *payload, uint8_t qos)
{
	char text[128];
	struct mosquitto_evt_acl_check write = { .client = c,
		                                     .topic = topic,
		                                     .payload = payload,
		                                     .payloadlen = (uint32_t)strlen(payload),
		                                     .access = MOSQ_ACL_WRITE,
		                                     .qos = qos };
	struct mosquitto_evt_message ed = { .client = c, .qos = qos };

	strcpy(text, topic);
	ed.topic = text;
	ed.payload = (void *)(uintptr_t)payload;
	ed.payloadlen = (uint32_t)strlen(payload);
	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &write), YES);
	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_MESSAGE, &ed), YES);
}

static int reads(struct mosquitto *c, const char *topic, const char *payload)
{
	struct mosquitto_evt_acl_check ed = { .client = c,
		                                  .topic = topic,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .access = MOSQ_ACL_READ };

	return fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

/* The lamp is here, and subscribed this. */
static void enter(struct lan *l, struct mosquitto *c, const char *filter)
{
	CU_ASSERT_FATAL(lan_enter(l, c, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_SUBSCRIBE, filter), YES);
}

static const char here[] = "{\"a\":1}", there[] = "{\"a\":1}.";

static void own(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	for (uint8_t qos = 0; qos < 2; qos++) {
		publish(&c, DATA, here, qos);
		CU_ASSERT_EQUAL(reads(&c, DATA, there), YES); /* another message */
		CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
		CU_ASSERT_EQUAL(reads(&c, DATA, here), YES); /* one filter asked for it once */
	}
}

static void a_device_does_not_get_back_what_it_published(void)
{
	lan_each(own);
}

static void over(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	publish(&c, DATA, here, 1);
	lan_tick();
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES);
	publish(&c, DATA, here, 1);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, DATA), YES);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES);
}

static void what_is_read_after_another_callback_is_another_message(void)
{
	lan_each(over);
}

static void overlapping(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LAMP "/#"), YES);
	publish(&c, DATA, here, 1);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES);
}

static void each_filter_that_asks_for_it_is_denied_once(void)
{
	lan_each(overlapping);
}

static void others(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT, app = { .id = "app", .address = "10.0.0.8" };

	enter(l, &c, DATA);
	publish(&c, DATA, here, 1);
	/* Whoever else may read it: an application is judged by its rights alone. */
	CU_ASSERT_FALSE(withheld_is_own(
		&l->h, l->sibling,
		&(struct mosquitto_evt_acl_check){ .client = &app, .topic = DATA, .payload = here }));
	CU_ASSERT_FALSE(withheld_is_own(
		&l->h, NULL,
		&(struct mosquitto_evt_acl_check){ .client = &app, .topic = DATA, .payload = here }));
	CU_ASSERT_EQUAL(reads(&c, LAMP "/control", here), YES); /* the topic is another */
	CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
}

static void others_get_it(void)
{
	lan_each(others);
}

static void released(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	publish(&c, DATA, here, 2);
	lan_tick(); /* PUBREL comes, without a callback */
	lan_wait(10000);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES);
	publish(&c, DATA, here, 2);
	lan_wait(60000);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES); /* it never came: its memory is another's */
	CU_ASSERT_FALSE(withheld_any(&l->h));
}

static void at_qos_2_it_is_withheld_when_it_is_released(void)
{
	lan_each(released);
}

/* MESSAGE alone, which is what the two below are about: thousands fill no store. */
static void own_at_qos_2(struct lan *l, struct mosquitto *c, const char *payload)
{
	char topic[] = DATA;
	struct mosquitto_evt_message ed = { .client = c,
		                                .topic = topic,
		                                .payload = (void *)(uintptr_t)payload,
		                                .payloadlen = 1,
		                                .qos = 2 };

	withheld_own(&l->h, l->lamp, l->lamp, &ed);
}

static void many_releases(struct lan *l)
{
	enum {
		MANY = 2000
	};
	static const char bodies[MANY];
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	for (int i = 0; i < MANY; i++)
		own_at_qos_2(l, &c, &bodies[i]);
	for (int i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(reads(&c, DATA, &bodies[i]), NO);
	CU_ASSERT_FALSE(withheld_any(&l->h));
}

static void two_thousand_at_qos_2_at_once_are_all_withheld(void)
{
	lan_each(many_releases);
}

static void lost_releases(struct lan *l)
{
	enum {
		MANY = 2048,
		MORE = 10
	};
	static const char lost[MANY + MORE], bodies[MANY];
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	for (int i = 0; i < MANY + MORE; i++)
		own_at_qos_2(l, &c, &lost[i]);
	CU_ASSERT_EQUAL(reads(&c, DATA, &lost[0]), NO);
	CU_ASSERT_EQUAL(reads(&c, DATA, &lost[MANY]), YES);
	lan_wait(60000);
	for (int i = 0; i < MANY; i++)
		own_at_qos_2(l, &c, &bodies[i]);
	for (int i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(reads(&c, DATA, &bodies[i]), NO);
	CU_ASSERT_FALSE(withheld_any(&l->h));
}

static void those_that_never_come_make_room_for_others(void)
{
	lan_each(lost_releases);
}

static void earlier(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, LAMP "/#");
	enter(l, &c, DATA); /* anew */
	for (uint8_t qos = 0; qos <= 2; qos++) {
		publish(&c, DATA, here, qos);
		CU_ASSERT_EQUAL(reads(&c, DATA, here), NO);
		CU_ASSERT_EQUAL(reads(&c, DATA, here), YES); /* the hub's, in the same memory */
	}
}

static void a_filter_of_an_earlier_session_withholds_nothing(void)
{
	lan_each(earlier);
}

static void interrupted(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, DATA);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LAMP "/#"), YES);
	publish(&c, DATA, here, 2);
	CU_ASSERT_EQUAL(reads(&c, DATA, here), NO); /* PUBREL */
	lan_tick();
	CU_ASSERT_EQUAL(reads(&c, DATA, here), YES);
	CU_ASSERT_FALSE(withheld_any(&l->h));
}

static void what_was_released_is_over_with_the_next_callback(void)
{
	lan_each(interrupted);
}

static void nobody_asks(struct lan *l)
{
	struct mosquitto c = DEVICE_CLIENT;

	enter(l, &c, LAMP "/control");
	publish(&c, DATA, here, 1);
	CU_ASSERT_FALSE(withheld_any(&l->h));
	publish(&c, DATA, here, 2);
	CU_ASSERT_FALSE(withheld_any(&l->h));
}

static void nothing_is_kept_of_what_the_device_does_not_subscribe(void)
{
	lan_each(nobody_asks);
}

static void ring(struct lan *l)
{
	struct mosquitto bell;
	bool disconnects = !l->h.has_connect_event;

	CU_ASSERT_FATAL(lan_doorbell(l, &bell));
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, "$hubgate/wake"), NO);
	l->rights.conf.no_queue = true;
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, "$hubgate/wake"), disconnects ? YES : NO);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, DATA), NO);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_READ, "$hubgate/wake"), NO);
}

static void the_doorbell_is_not_denied_where_a_denial_disconnects(void)
{
	lan_each(ring);
}

SUITE(withheld, TEST(a_device_does_not_get_back_what_it_published),
      TEST(what_is_read_after_another_callback_is_another_message),
      TEST(each_filter_that_asks_for_it_is_denied_once), TEST(others_get_it),
      TEST(at_qos_2_it_is_withheld_when_it_is_released),
      TEST(two_thousand_at_qos_2_at_once_are_all_withheld),
      TEST(those_that_never_come_make_room_for_others),
      TEST(a_filter_of_an_earlier_session_withholds_nothing),
      TEST(what_was_released_is_over_with_the_next_callback),
      TEST(nothing_is_kept_of_what_the_device_does_not_subscribe),
      TEST(the_doorbell_is_not_denied_where_a_denial_disconnects))
