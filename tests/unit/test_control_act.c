/* Commands that act on one device: the hub is asked, a shadow is set, a trace runs. */
#include "plugin/control/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/base/trace.h"
#include "plugin/control/control_subdevice.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define OF_LAMP "\"product_id\":\"" LAMP_PID "\",\"device_name\":\"" LAMP_NAME "\""

static char operator_name[] = "ops";
static struct config_app rules[] = { { .username = operator_name, .role = APP_ROLE_OPERATOR } };
static struct mosquitto asker = { .id = "o-1", .username = "ops", .clean = true };

static struct lan *world(bool hub)
{
	struct lan *l = lan_open(BROKER_2_1);

	l->config.apps = rules;
	l->config.app_count = 1;
	l->config.hub.request_timeout_s = 10;
	l->rights.known = l->rights.conf.password_file = true;
	lan_hub(l, hub);
	lan_tick();
	return l;
}

static void leave(struct lan *l)
{
	l->config.apps = NULL;
	l->config.app_count = 0;
	l->rights.known = false;
	lan_close(l);
}

static void ask(const char *command)
{
	char request[512];

	fake_forget_published();
	snprintf(request, sizeof(request), "{\"commands\":[{%s}]}", command);
	lan_control(&asker, request);
}

/* The nth answer since ask() says this; the asker alone got it. */
static bool said(size_t nth, const char *part)
{
	const struct fake_publish *p = fake_publish_at(nth);
	bool has = p && p->client_id && strcmp(p->client_id, asker.id) == 0 &&
	           memmem(p->payload, (size_t)p->len, part, strlen(part));

	if (!has)
		fprintf(stderr, "expected %s, was told %.*s\n", part, p ? p->len : 7,
		        p ? (const char *)p->payload : "nothing");
	return has;
}

static void hub_answers(struct lan *l, enum gateway_op op, int64_t code)
{
	const struct uplink_down news = {
		.kind = UPLINK_ANSWER, .topic = strdup(LAMP_ID), .op = op, .code = code
	};

	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &news), ST_OK);
	lan_tick();
}

static void forget_orders(struct lan *l)
{
	struct order o;

	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK)
		mail_free_order(&o);
}

/* --- the hub is asked --- */

static const struct {
	const char *command;
	enum gateway_op op;
} ops[] = {
	{ "\"command\":\"onlineDevice\"," OF_LAMP, GATEWAY_ONLINE },
	{ "\"command\":\"offlineDevice\"," OF_LAMP, GATEWAY_OFFLINE },
	{ "\"command\":\"bindDevice\"," OF_LAMP, GATEWAY_BIND },
	{ "\"command\":\"unbindDevice\"," OF_LAMP, GATEWAY_UNBIND },
};

static void what_the_hub_says_is_the_answer(void)
{
	struct lan *l = world(true);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		forget_orders(l);
		ask(ops[i].command);
		CU_ASSERT(lan_ordered(l, ORDER_ASK, LAMP_ID, NULL));
		CU_ASSERT_EQUAL(fake_published(), 0);
		hub_answers(l, ops[i].op, 0);
		CU_ASSERT(said(0, "\"data\":{\"code\":0"));
		CU_ASSERT_EQUAL(l->lamp->bound, ops[i].op == GATEWAY_UNBIND ? BOUND_NO
		                                : ops[i].op == GATEWAY_BIND ? BOUND_YES
		                                                            : BOUND_UNKNOWN);
	}
	leave(l);
}

static void refusal_is_told_with_its_code_meaning_and_fix(void)
{
	struct lan *l = world(true);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		char expected[64];

		ask(ops[i].command);
		hub_answers(l, ops[i].op, 806);
		snprintf(expected, sizeof(expected),
		         "\"error\":\"the hub refused %s with 806: ", gateway_op_name(ops[i].op));
		CU_ASSERT(said(0, expected));
		CU_ASSERT(said(0, "unbind it there first"));
	}
	CU_ASSERT_EQUAL(l->lamp->bound, BOUND_UNKNOWN);
	leave(l);
}

static void hub_that_is_away_is_not_asked(void)
{
	struct lan *l = world(false);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		ask(ops[i].command);
		CU_ASSERT(said(0, "\"error\":\"the hub is away"));
	}
	leave(l);
}

static void hub_that_is_silent_is_told_and_so_is_a_link_that_ends(void)
{
	struct lan *l = world(true);

	ask(ops[0].command);
	lan_wait(34000);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0);
	lan_wait(2000);
	lan_tick();
	CU_ASSERT(said(0, "the hub did not answer online within hub.request_timeout_s (10 s)"));
	ask(ops[3].command);
	lan_hub(l, false);
	hub_answers(l, GATEWAY_UNBIND, -2);
	CU_ASSERT(said(0, "the link to the hub ended before it answered unbind"));
	leave(l);
}

static void who_is_no_device_here_is_not_asked_for(void)
{
	struct lan *l = world(true);

	ask("\"command\":\"onlineDevice\",\"product_id\":\"" LAMP_PID "\",\"device_name\":\"ghost\"");
	CU_ASSERT(said(0, "\"error\":\"" LAMP_PID "/ghost is no device that this gateway knows"));
	ask("\"command\":\"onlineDevice\",\"product_id\":\"" LAMP_PID "\"");
	CU_ASSERT(said(0, "product_id or device_name is missing"));
	ask("\"command\":\"bindDevice\",\"product_id\":\"GATEWAY001\",\"device_name\":\"gw-1\"");
	CU_ASSERT(said(0, "it is the gateway itself"));
	/* Whoever is bound to this gateway can be unbound, known here or not. */
	forget_orders(l);
	ask("\"command\":\"unbindDevice\",\"product_id\":\"" LAMP_PID "\",\"device_name\":\"ghost\"");
	CU_ASSERT(lan_ordered(l, ORDER_ASK, LAMP_PID "ghost", NULL));
	ask("\"command\":\"unbindDevice\",\"product_id\":\"" LAMP_PID "\",\"device_name\":\"a b\"");
	CU_ASSERT(said(0, "is no device that this gateway knows"));
	leave(l);
}

static void bind_is_signed_in_another_way_when_the_hub_wants_that(void)
{
	struct lan *l = world(true);

	ask(ops[2].command);
	forget_orders(l);
	hub_answers(l, GATEWAY_BIND, 804);
	CU_ASSERT_EQUAL(fake_published(), 0);
	CU_ASSERT(lan_ordered(l, ORDER_ASK, LAMP_ID, NULL));
	hub_answers(l, GATEWAY_BIND, 804);
	CU_ASSERT(said(0, "the hub refused bind with 804"));
	secret_wipe(&l->lamp->secret);
	ask(ops[2].command);
	CU_ASSERT(said(0, "no secret of it is known here"));
	leave(l);
}

static void what_is_true_on_the_lan_counts_again_after_the_answer(void)
{
	struct lan *l = world(true);

	ask(ops[0].command);
	forget_orders(l);
	hub_answers(l, GATEWAY_ONLINE, 0);
	CU_ASSERT(said(0, "it is not on the LAN, so it is taken offline again"));
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, LAMP_ID, NULL));
	leave(l);
}

static void no_more_wait_for_the_hub_than_there_is_room_for(void)
{
	struct lan *l = world(true);

	for (int i = 0; i < CONTROL_ASKS_MAX; i++)
		ask(ops[0].command);
	CU_ASSERT_EQUAL(fake_published(), 0);
	ask(ops[0].command);
	CU_ASSERT(said(0, "too many commands wait for the hub"));
	fake_forget_published();
	hub_answers(l, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(fake_published(), CONTROL_ASKS_MAX);
	ask(ops[0].command); /* who waits at the end gets no answer */
	leave(l);
}

/* --- shadows --- */

static void shadow_is_set_and_read(void)
{
	struct lan *l = world(false);

	ask("\"command\":\"setShadow\"," OF_LAMP ",\"desired\":{\"level\":12345678901234567890}");
	CU_ASSERT(said(0, "\"data\":{\"version\":"));
	ask("\"command\":\"getShadow\"," OF_LAMP);
	CU_ASSERT(said(0, "\"data\":{\"document\":{\"state\":{"));
	CU_ASSERT(said(0, "\"desired\":{\"level\":12345678901234567890}"));
	ask("\"command\":\"setShadow\"," OF_LAMP ",\"desired\":{\"level\":null}");
	CU_ASSERT(said(0, "\"data\":{\"version\":"));
	ask("\"command\":\"getShadow\"," OF_LAMP);
	CU_ASSERT_FALSE(
		memmem(fake_publish_at(0)->payload, (size_t)fake_publish_at(0)->len, "level", 5) != NULL);
	leave(l);
}

static void shadow_that_refuses_says_why(void)
{
	struct lan *l = world(false);

	ask("\"command\":\"setShadow\"," OF_LAMP ",\"desired\":7");
	CU_ASSERT(said(0, "\"error\":\"desired is missing or no object"));
	ask("\"command\":\"setShadow\"," OF_LAMP ",\"desired\":{\"a\":[null]}");
	CU_ASSERT(said(0, "\"error\":\"the shadow refused it with 5002: a member's name is empty"));
	ask("\"command\":\"getShadow\",\"product_id\":\"x\",\"device_name\":\"y\"");
	CU_ASSERT(said(0, "x/y is no device that this gateway knows"));
	leave(l);
}

static void first_document_is_waited_for(void)
{
	struct lan *l = world(true);

	l->config.shadow.cold_wait_ms = 1500;
	ask("\"command\":\"getShadow\"," OF_LAMP);
	CU_ASSERT_EQUAL(fake_published(), 0);
	lan_wait(1500);
	lan_tick();
	CU_ASSERT(said(0, "\"data\":{\"document\":{"));
	leave(l);
}

/* --- traces --- */

static void trace_is_answered_at_once_and_then_tells(void)
{
	struct lan *l = world(false);
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	ask("\"command\":\"trace\",\"correlationData\":\"t\",\"seconds\":5," OF_LAMP);
	CU_ASSERT(said(0, "{\"command\":\"trace\",\"correlationData\":\"t\",\"data\":{}}"));
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 1), 0);
	CU_ASSERT(said(1, "{\"command\":\"trace\",\"correlationData\":\"t\",\"data\":{\"event\":{"));
	CU_ASSERT(said(1, "\"step\":\"lan_publish\",\"topic\":\"" LAMP "/event\",\"bytes\":1"));
	CU_ASSERT(said(2, "\"step\":\"stored\""));
	ask("\"command\":\"trace\"," OF_LAMP);
	CU_ASSERT(said(0, "a trace of this device runs already"));
	lan_wait(5000);
	lan_tick();
	CU_ASSERT(said(1, "\"step\":\"ended\",\"why\":\"its time is over\""));
	ask("\"command\":\"trace\",\"seconds\":301," OF_LAMP);
	CU_ASSERT(said(0, "use a whole number from 1 to 300"));
	leave(l);
}

static void trace_ends_with_its_asker(void)
{
	struct lan *l = world(false);

	ask("\"command\":\"trace\"," OF_LAMP);
	CU_ASSERT(trace_on(&l->h));
	lan_gone(&asker);
	CU_ASSERT_FALSE(trace_on(&l->h));
	ask("\"command\":\"trace\"," OF_LAMP); /* one runs at the end */
	leave(l);
}

SUITE(control_act, TEST(what_the_hub_says_is_the_answer),
      TEST(refusal_is_told_with_its_code_meaning_and_fix), TEST(hub_that_is_away_is_not_asked),
      TEST(hub_that_is_silent_is_told_and_so_is_a_link_that_ends),
      TEST(who_is_no_device_here_is_not_asked_for),
      TEST(bind_is_signed_in_another_way_when_the_hub_wants_that),
      TEST(what_is_true_on_the_lan_counts_again_after_the_answer),
      TEST(no_more_wait_for_the_hub_than_there_is_room_for), TEST(shadow_is_set_and_read),
      TEST(shadow_that_refuses_says_why), TEST(first_document_is_waited_for),
      TEST(trace_is_answered_at_once_and_then_tells), TEST(trace_ends_with_its_asker))
