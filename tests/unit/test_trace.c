#include "plugin/base/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/base/hubgate.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define ASKER "asker-1"

static struct heard {
	struct trace_event events[TRACE_EVENTS_PER_S + 8];
	size_t count, ends;
} heard;

static void on_tell(void *ctx, const struct trace_event *e, int64_t begin_us)
{
	struct heard *t = ctx;

	CU_ASSERT(e->at_us >= begin_us);
	CU_ASSERT_FATAL(t->count < sizeof(t->events) / sizeof(t->events[0]));
	t->events[t->count++] = *e;
}

static void on_end(void *ctx)
{
	struct heard *t = ctx;

	t->ends++;
}

static enum status begin(struct lan *l, const struct device *d, const char *asker)
{
	const struct trace_reader reader = {
		.client_id = asker, .tell = on_tell, .end = on_end, .ctx = &heard
	};

	return trace_begin(&l->h, d, 10, &reader);
}

/* Steps heard since the last look, by their order: "lan_publish TOPIC, stored TOPIC". */
static bool steps_are(const char *expected)
{
	static const char *const names[] = {
#define X(step, name) [step] = name,
		TRACE_STEPS(X)
#undef X
	};
	char text[1024] = "";
	bool same;

	for (size_t i = 0; i < heard.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %s", i > 0 ? ", " : "",
		         names[heard.events[i].step], heard.events[i].topic);
	same = strcmp(text, expected) == 0;
	if (!same)
		fprintf(stderr, "expected \"%s\", heard \"%s\"\n", expected, text);
	heard.count = 0;
	return same;
}

static void skip_orders(struct lan *l)
{
	struct order o;

	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK)
		mail_free_order(&o);
}

static struct lan *start(void)
{
	struct lan *l = lan_open(BROKER_2_1);

	memset(&heard, 0, sizeof(heard));
	return l;
}

static void uplink_tells(struct lan *l, enum trace_step step, const struct trace_about *about)
{
	struct trace_event e;

	trace_event_make(&e, step, LAMP_ID, about);
	mail_put_trace(uplink_mail(l->h.uplink), &e);
}

static void message_is_told_from_its_publish_to_the_hubs_word(void)
{
	struct lan *l = start();
	struct mosquitto c = { .id = LAMP_ID, .clean = true }, other = { .id = "other" };
	uint64_t seq;

	CU_ASSERT(lan_enter(l, &c, l->lamp) && lan_enter(l, &other, l->sibling));
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "0", 1), 0);
	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "12345", 1), 0);
	CU_ASSERT_EQUAL(lan_publish(&other, SIBLING "/event", "1", 1), 0);
	CU_ASSERT_EQUAL_FATAL(heard.count, 2);
	CU_ASSERT_EQUAL(heard.events[0].bytes, 5);
	seq = heard.events[1].seq;
	CU_ASSERT(seq > 0);
	CU_ASSERT(heard.events[1].at_us >= heard.events[0].at_us);
	CU_ASSERT(steps_are("lan_publish " LAMP "/event, stored " LAMP "/event"));
	uplink_tells(l, TRACE_ACKNOWLEDGED, &(struct trace_about){ .seq = seq, .at_us = INT64_MAX });
	CU_ASSERT(trace_take(&l->h));
	CU_ASSERT_FALSE(trace_take(&l->h));
	CU_ASSERT_EQUAL(heard.events[0].bytes, 5);
	CU_ASSERT(steps_are("acknowledged " LAMP "/event"));
	lan_close(l);
	CU_ASSERT_EQUAL(heard.ends, 1);
}

static void what_does_not_go_up_is_told_with_its_reason(void)
{
	static char noise[] = LAMP "/noise";
	static struct config_route drop = { .topic = noise, .policy = ROUTE_POLICY_DROP };
	struct lan *l = start();
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	l->config.routes = &drop;
	l->config.route_count = 1;
	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	CU_ASSERT_NOT_EQUAL(lan_acl(&c, MOSQ_ACL_WRITE, SIBLING "/event"), 0);
	CU_ASSERT_STRING_EQUAL(heard.events[0].why, "the topic belongs to another device");
	CU_ASSERT(steps_are("refused " SIBLING "/event"));
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/noise", "1", 1), 0);
	CU_ASSERT_STRING_EQUAL(heard.events[1].why, "its route says drop");
	CU_ASSERT(steps_are("lan_publish " LAMP "/noise, dropped " LAMP "/noise"));
	CU_ASSERT_EQUAL(lan_publish(&c, "$shadow/operation/" LAMP, "{\"type\":\"get\"}", 1), 0);
	CU_ASSERT(
		steps_are("lan_publish $shadow/operation/" LAMP ", answered $shadow/operation/" LAMP));
	l->config.store.queue_qos0 = false;
	CU_ASSERT_EQUAL(lan_publish(&c, LAMP "/event", "1", 0), 0);
	CU_ASSERT(steps_are("lan_publish " LAMP "/event, dropped " LAMP "/event"));
	l->config.routes = NULL;
	l->config.route_count = 0;
	lan_close(l);
}

static void command_is_told_from_the_hub_to_its_device(void)
{
	struct lan *l = start();
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	lan_command(l, LAMP "/control", 1, 1);
	lan_tick();
	CU_ASSERT(steps_are("command " LAMP "/control, kept " LAMP "/control"));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), 0);
	lan_tick();
	CU_ASSERT(steps_are("delivered " LAMP "/control"));
	lan_close(l);
}

static void trace_ends_with_its_time_or_its_asker_and_the_uplink_hears_of_it(void)
{
	struct lan *l = start();
	struct mosquitto asker = { .id = ASKER, .clean = true };

	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	CU_ASSERT_EQUAL(begin(l, l->sibling, "asker-2"), ST_OK);
	CU_ASSERT(lan_ordered(l, ORDER_TRACE, LAMP_ID, NULL));
	CU_ASSERT(lan_ordered(l, ORDER_TRACE, SIBLING_ID, NULL));
	lan_gone(&asker);
	CU_ASSERT_EQUAL(heard.ends, 1);
	CU_ASSERT(lan_ordered(l, ORDER_UNTRACE, LAMP_ID, NULL));
	CU_ASSERT(steps_are(""));
	CU_ASSERT(trace_on(&l->h));
	lan_wait(10000);
	lan_tick();
	CU_ASSERT(steps_are("ended "));
	CU_ASSERT_EQUAL(heard.ends, 2);
	CU_ASSERT(lan_ordered(l, ORDER_UNTRACE, SIBLING_ID, NULL));
	CU_ASSERT_FALSE(trace_on(&l->h));
	CU_ASSERT_EQUAL(trace_due(&l->h), INT64_MAX);
	lan_close(l);
}

static void device_has_one_trace_and_all_have_four(void)
{
	struct lan *l = start();

	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	CU_ASSERT_EQUAL(begin(l, l->lamp, "asker-2"), ST_EXISTS);
	CU_ASSERT_EQUAL(begin(l, l->sibling, ASKER), ST_OK);
	CU_ASSERT_EQUAL(begin(l, l->cousin, ASKER), ST_OK);
	CU_ASSERT_EQUAL(begin(l, l->h.own, ASKER), ST_OK);
	{
		struct device *fifth = device_make(LAMP_PID, "lamp-05", &l->lamp->secret);

		CU_ASSERT_EQUAL(begin(l, fifth, ASKER), ST_FULL);
		device_discard(fifth);
	}
	CU_ASSERT_EQUAL(heard.ends, 0);
	lan_close(l);
	CU_ASSERT_EQUAL(heard.ends, 4);
}

static void events_that_find_no_room_are_counted_and_told(void)
{
	struct lan *l = start();
	const struct trace_about sent = { .topic = LAMP "/event", .at_us = INT64_MAX };

	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	for (int i = 0; i < MAIL_TRACES_MAX + 3; i++)
		uplink_tells(l, TRACE_SENT, &sent);
	while (trace_take(&l->h))
		;
	CU_ASSERT_EQUAL(heard.count, TRACE_EVENTS_PER_S + 1);
	CU_ASSERT_EQUAL(heard.events[0].step, TRACE_LOST);
	CU_ASSERT_EQUAL(heard.events[0].seq, 3);
	heard.count = 0;
	lan_wait(1000); /* more than may be told in a second was lost here */
	uplink_tells(l, TRACE_SENT, &sent);
	CU_ASSERT(trace_take(&l->h));
	CU_ASSERT_EQUAL(heard.events[0].seq, MAIL_TRACES_MAX - TRACE_EVENTS_PER_S);
	CU_ASSERT(steps_are("lost , sent " LAMP "/event"));
	lan_close(l);
}

static void what_an_earlier_trace_left_is_not_told_by_the_next(void)
{
	struct lan *l = start();
	struct mosquitto asker = { .id = ASKER, .clean = true };

	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	lan_gone(&asker);
	skip_orders(l);
	uplink_tells(l, TRACE_SENT, &(struct trace_about){ .topic = LAMP "/event", .at_us = 1 });
	CU_ASSERT_EQUAL(begin(l, l->lamp, ASKER), ST_OK);
	CU_ASSERT_FALSE(trace_take(&l->h));
	CU_ASSERT(steps_are(""));
	lan_close(l);
}

static void event_is_told_as_json(void)
{
	struct buf out = BUF_MAX(1024);
	struct trace_event e;

	trace_event_make(
		&e, TRACE_SENT, LAMP_ID,
		&(struct trace_about){
			.topic = "a/\"b\"", .bytes = 7, .seq = 9, .qos = 1, .why = "again", .at_us = 1500 });
	CU_ASSERT_EQUAL(trace_event_put(&out, &e, 1000), ST_OK);
	CU_ASSERT_STRING_EQUAL(buf_text(&out),
	                       "{\"event\":{\"at_us\":500,\"step\":\"sent\",\"topic\":\"a/\\\"b\\\"\","
	                       "\"bytes\":7,\"qos\":1,\"seq\":9,\"why\":\"again\"}}");
	buf_free(&out);
}

static void long_topic_is_cut_between_two_characters(void)
{
	char topic[TOPIC_LEN_MAX + 8];
	struct trace_event e;

	memset(topic, 'x', sizeof(topic));
	strcpy(topic + TOPIC_LEN_MAX - 1, "\xc3\xa9");
	trace_event_make(&e, TRACE_SENT, LAMP_ID, &(struct trace_about){ .topic = topic });
	CU_ASSERT_EQUAL(strlen(e.topic), TOPIC_LEN_MAX - 1);
}

SUITE(trace, TEST(message_is_told_from_its_publish_to_the_hubs_word),
      TEST(what_does_not_go_up_is_told_with_its_reason),
      TEST(command_is_told_from_the_hub_to_its_device),
      TEST(trace_ends_with_its_time_or_its_asker_and_the_uplink_hears_of_it),
      TEST(device_has_one_trace_and_all_have_four),
      TEST(events_that_find_no_room_are_counted_and_told),
      TEST(what_an_earlier_trace_left_is_not_told_by_the_next), TEST(event_is_told_as_json),
      TEST(long_topic_is_cut_between_two_characters))
