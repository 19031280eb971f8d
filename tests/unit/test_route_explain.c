#include "core/hub/route_explain.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define PID   "SUBPROD001"
#define EVENT PID "/lamp/event"

static char text[4096];

static struct route_facts facts(void)
{
	return (struct route_facts){ .product_id = PID,
		                         .device_name = "lamp",
		                         .ours = true,
		                         .ready = true,
		                         .keeps_qos0 = true,
		                         .room = ST_OK };
}

/* What it comes to; the steps are in text. */
static enum route_end explain(struct route_facts *f, const char *topic, size_t len, uint8_t qos)
{
	const struct route route = route_decide(PID, "lamp", topic, len, qos);
	struct buf out = BUF_MAX(sizeof(text) - 1);
	struct json_writer w = JSON_WRITER(&out);
	enum route_end end;

	if (route.action == ROUTE_FORWARD || route.action == ROUTE_LIVE)
		f->plan = route_plan(&route, f->rules ? route_plan_rule(&route, f->rules, topic) : NULL,
		                     false, INT64_MAX);
	json_open(&w, NULL, '[');
	end = route_explain(f, &route, len, &w);
	json_close(&w, ']');
	CU_ASSERT_EQUAL(w.st, ST_OK);
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	buf_free(&out);
	return end;
}

static bool says(const char *part)
{
	if (strstr(text, part))
		return true;
	fprintf(stderr, "expected %s in %s\n", part, text);
	return false;
}

static void own_topic_goes_up_and_anothers_is_refused_with_the_reason(void)
{
	struct route_facts f = facts();

	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 1), ROUTE_END_FORWARDED);
	CU_ASSERT(says("\"what\":\"acl\"") && says("it is a topic of its own, and 5 bytes"));
	CU_ASSERT(says("no rule of routes[] is for it") && says("stored before the broker's PUBACK"));
	CU_ASSERT_EQUAL(explain(&f, PID "/other/event", 5, 1), ROUTE_END_REFUSED);
	CU_ASSERT(says("may not publish it: the topic belongs to another device"));
	CU_ASSERT_EQUAL(explain(&f, EVENT, ROUTE_PAYLOAD_MAX + 1, 1), ROUTE_END_REFUSED);
	CU_ASSERT(says("payload over 16384 bytes"));
	CU_ASSERT_EQUAL(explain(&f, "living/room", 5, 1), ROUTE_END_REFUSED);
}

static void service_that_has_it_or_refuses_it_ends_its_way(void)
{
	struct route_facts f = facts();

	f.served = "the shadow answers";
	CU_ASSERT_EQUAL(explain(&f, "$shadow/operation/" PID "/lamp", 5, 1), ROUTE_END_ANSWERED);
	CU_ASSERT(says("\"what\":\"service\",\"says\":\"the shadow answers\""));
	f.fault = "no report";
	CU_ASSERT_EQUAL(explain(&f, "$ota/report/" PID "/lamp", 5, 1), ROUTE_END_REFUSED);
	CU_ASSERT(says("no report"));
}

static void rule_of_routes_is_named(void)
{
	static char filter[] = "#";
	struct config_route rule = { filter, ROUTE_POLICY_DROP, 0 };
	const struct route_rules rules = { &rule, 1 };
	struct route_facts f = facts();

	f.rules = &rules;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 1), ROUTE_END_DROPPED);
	CU_ASSERT(says("routes[0] is for it: policy drop"));
	rule.policy = ROUTE_POLICY_LATEST;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 1), ROUTE_END_FORWARDED);
	CU_ASSERT(says("an unsent older one of its topic gives way to it"));
}

static void what_the_hub_and_the_store_allow_decides_at_the_end(void)
{
	struct route_facts f = facts();

	f.ready = false;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 1), ROUTE_END_FORWARDED);
	CU_ASSERT(says("when the hub is there again"));
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 0), ROUTE_END_FORWARDED);
	CU_ASSERT_EQUAL(explain(&f, "$log/operation/" PID "/lamp", 5, 0), ROUTE_END_DROPPED);
	f.keeps_qos0 = false;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 0), ROUTE_END_DROPPED);
	f.room = ST_FULL;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 1), ROUTE_END_REFUSED);
	CU_ASSERT(says("the store is full"));
	f.ready = true;
	CU_ASSERT_EQUAL(explain(&f, EVENT, 5, 0), ROUTE_END_FORWARDED);
	CU_ASSERT(says("from memory"));
}

static void sentence_that_is_too_long_ends_with_a_whole_character(void)
{
	struct buf out = BUF_MAX(sizeof(text) - 1);
	struct json_writer w = JSON_WRITER(&out);
	char topic[2048 + 8];

	memset(topic, 'x', sizeof(topic));
	strcpy(topic + 2046, "\xc3\xa9");
	route_explain_step(&w, "client", "%s", topic);
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	CU_ASSERT(says("x\"}"));
	buf_free(&out);
}

SUITE(route_explain, TEST(own_topic_goes_up_and_anothers_is_refused_with_the_reason),
      TEST(service_that_has_it_or_refuses_it_ends_its_way), TEST(rule_of_routes_is_named),
      TEST(what_the_hub_and_the_store_allow_decides_at_the_end),
      TEST(sentence_that_is_too_long_ends_with_a_whole_character))
