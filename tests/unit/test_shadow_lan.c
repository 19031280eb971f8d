/* Shadow requests at the broker's side: when they are answered, and what the uplink is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/shadow/shadow_sync.h"
#include "plugin/services/shadow_impl.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define UP   "$shadow/operation/" LAMP
#define DOWN "$shadow/operation/result/" LAMP
#define GET  "{\"type\":\"get\",\"clientToken\":\"t\"}"

enum {
	COLD_MS = 1500
};

static struct mosquitto lamp = {
	.id = LAMP_ID, .username = NULL, .address = "10.0.0.9", .clean = true
};

/* The device is there, everything about that was ordered, and the hub is ready or not. */
static struct lan *entered(bool hub)
{
	struct lan *l = lan_open(BROKER_2_0);

	l->config.shadow.cold_wait_ms = COLD_MS;
	lan_hub(l, hub);
	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_SUBSCRIBE, DOWN), MOSQ_ERR_SUCCESS);
	fake_forget_published();
	return l;
}

static void ask(const char *text)
{
	CU_ASSERT_EQUAL(lan_publish(&lamp, UP, text, 0), MOSQ_ERR_SUCCESS);
}

/* The nth message since the last look went to the device and holds part. */
static bool told(size_t nth, const char *part)
{
	const struct fake_publish *p = fake_publish_at(nth);

	return p && strcmp(p->topic, DOWN) == 0 &&
	       memmem(p->payload, (size_t)p->len, part, strlen(part));
}

static void news(struct lan *l, enum uplink_news kind)
{
	struct uplink_down n = { .kind = kind, .topic = strdup(LAMP_ID) };

	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &n), ST_OK);
	lan_tick();
}

/* The text of the next shadow request to the hub, others are thrown away; "" for none. */
static const char *requested(struct lan *l)
{
	static char text[512];
	struct order o;

	text[0] = '\0';
	while (!*text && mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK) {
		if (o.kind == ORDER_SHADOW_SEND)
			snprintf(text, sizeof text, "%.*s", (int)o.len, (const char *)o.payload);
		mail_free_order(&o);
	}
	return text;
}

static void hub_says(struct lan *l, const char *text)
{
	struct uplink_down m = { .topic = strdup(DOWN), .payload = strdup(text), .len = strlen(text) };

	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &m), ST_OK);
	lan_tick();
}

#define HUB_DOCUMENT                                                                             \
	"{\"clientToken\":\"hubgate-1\",\"payload\":{\"state\":{\"reported\":{\"a\":1},\"desired\":" \
	"{\"t\":25}},\"timestamp\":1514967076000,\"version\":3},\"result\":0,\"timestamp\":1,"       \
	"\"type\":\"get\"}"

static void leave(struct lan *l)
{
	lan_gone(&lamp);
	lan_close(l);
}

static void request_is_answered_at_once_while_the_hub_is_away(void)
{
	struct lan *l = entered(false);

	ask(GET);
	CU_ASSERT(told(0, "\"state\":{\"reported\":{}}"));
	leave(l);
}

static void first_request_waits_for_the_hubs_document_and_order_is_kept(void)
{
	struct lan *l = entered(true);

	ask(GET);
	ask("{\"type\":\"update\",\"state\":{\"reported\":{\"b\":2}},\"clientToken\":\"u\"}");
	CU_ASSERT_EQUAL(fake_published(), 0);
	news(l, UPLINK_SHADOW_READY);
	CU_ASSERT_PTR_NOT_NULL(strstr(requested(l), "\"type\":\"get\""));
	news(l, UPLINK_SHADOW_SENT);
	hub_says(l, HUB_DOCUMENT);
	CU_ASSERT(told(0, "\"delta\":{\"t\":25},\"desired\":{\"t\":25},\"reported\":{\"a\":1}"));
	CU_ASSERT(told(1, "\"clientToken\":\"u\""));
	CU_ASSERT_EQUAL(fake_published(), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(requested(l), "\"reported\":{\"b\":2}"));
	leave(l);
}

static void wait_for_the_hub_ends_after_cold_wait_ms(void)
{
	struct lan *l = entered(true);

	ask(GET);
	lan_wait(COLD_MS - 1);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 0);
	lan_wait(1);
	lan_tick();
	CU_ASSERT(told(0, "\"version\":0"));
	ask(GET);
	CU_ASSERT(told(1, "\"version\":0"));
	news(l, UPLINK_SHADOW_READY);
	news(l, UPLINK_SHADOW_SENT);
	hub_says(l, HUB_DOCUMENT);
	CU_ASSERT(told(2, "\"type\":\"delta\""));
	leave(l);
}

static void update_that_cannot_be_stored_is_refused_and_never_was(void)
{
	struct lan *l = entered(false);
	char dir[] = "/tmp/hubgate-shadow-XXXXXX";
	const struct state_conf conf = { .dir = mkdtemp(dir), .log = &l->h.log };
	char path[128];

	CU_ASSERT_EQUAL_FATAL(state_open(&conf, NULL, NULL, &l->h.state), ST_OK);
	ask("{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1}},\"clientToken\":\"t\"}");
	CU_ASSERT(told(0, "\"result\":0"));
	/* Too large for one record of the store is the failure at hand. */
	l->h.shadows->stored.max = 8;
	buf_free(&l->h.shadows->stored);
	ask("{\"type\":\"update\",\"state\":{\"reported\":{\"a\":2}},\"clientToken\":\"t\"}");
	CU_ASSERT(told(1, "\"result\":5006"));
	ask(GET);
	CU_ASSERT(told(2, "\"reported\":{\"a\":1}"));
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_SHADOW_FAILED), 1);
	state_close(l->h.state);
	l->h.state = NULL;
	snprintf(path, sizeof path, "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(path), 0);
	leave(l);
}

static void hub_is_asked_again_when_it_does_not_answer(void)
{
	struct lan *l = entered(true);

	news(l, UPLINK_SHADOW_READY);
	CU_ASSERT_PTR_NOT_NULL(strstr(requested(l), "hubgate-1"));
	news(l, UPLINK_SHADOW_SENT);
	lan_wait(SHADOW_ANSWER_MS);
	lan_tick();
	CU_ASSERT_STRING_EQUAL(requested(l), "");
	lan_wait(2000);
	lan_tick();
	CU_ASSERT_PTR_NOT_NULL(strstr(requested(l), "hubgate-2"));
	leave(l);
}

static void no_more_than_a_few_requests_wait_for_the_hub_at_a_time(void)
{
	struct lan *l = entered(true);

	l->h.shadows->asked = SHADOW_ASKED_MAX;
	news(l, UPLINK_SHADOW_READY);
	CU_ASSERT_STRING_EQUAL(requested(l), "");
	l->h.shadows->asked = 0;
	news(l, UPLINK_SHADOW_READY);
	CU_ASSERT_PTR_NOT_NULL(strstr(requested(l), "\"type\":\"get\""));
	leave(l);
}

SUITE(shadow_lan, TEST(request_is_answered_at_once_while_the_hub_is_away),
      TEST(first_request_waits_for_the_hubs_document_and_order_is_kept),
      TEST(wait_for_the_hub_ends_after_cold_wait_ms),
      TEST(update_that_cannot_be_stored_is_refused_and_never_was),
      TEST(hub_is_asked_again_when_it_does_not_answer),
      TEST(no_more_than_a_few_requests_wait_for_the_hub_at_a_time))
