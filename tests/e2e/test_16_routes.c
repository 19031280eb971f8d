/* routes[]: what messages are worth, by topic. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT PRODUCT "/dev1/event"
#define DATA  PRODUCT "/dev1/data"
#define LAST  "{\"seq\":10}"

enum {
	RUN = 10
};

/* A scene with these routes[], dev1 online. */
static struct scene routed(const char *routes, struct dev **dev)
{
	char *more = text_fmt(",\"routes\":[%s]", routes);
	const struct scene_opts o = { .more = more };
	struct scene s = scene_start(&o);

	free(more);
	*dev = scene_online_device(&s, "dev1", NULL);
	return s;
}

static double metric(struct scene *s, const char *name)
{
	const char *const names[] = { name };
	double value = -1;

	CU_ASSERT(scene_metrics(s, names, &value, 1));
	return value;
}

static void route_that_drops_keeps_its_topics_on_the_lan_and_counts(void)
{
	struct dev *d;
	struct scene s = routed("{\"topic\":\"+/+/data\",\"policy\":\"drop\"}", &d);

	CU_ASSERT(scene_publish_run(d, DATA, 1, RUN, WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, 1, 1, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", DATA, NULL), 0);
	CU_ASSERT_EQUAL(metric(&s, "messages_route_dropped_total"), RUN);
	CU_ASSERT_EQUAL(metric(&s, "messages_accepted_total"), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void route_with_an_interval_lets_one_message_per_topic_through(void)
{
	struct dev *d;
	struct scene s = routed("{\"topic\":\"+/+/data\",\"min_interval_ms\":60000}", &d);

	CU_ASSERT(scene_publish_run(d, DATA, 1, RUN, WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, RUN + 1, RUN + 2, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 3, WAIT_MS));
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", DATA, NULL), 1);
	CU_ASSERT_EQUAL(metric(&s, "messages_thinned_total"), RUN - 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void newest_of_an_outage_arrives_alone_where_only_the_latest_matters(void)
{
	struct dev *d;
	struct scene s = routed("{\"topic\":\"+/+/data\",\"policy\":\"latest\"}", &d);
	const cJSON *ev;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, DATA, 1, RUN, WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	ev = scene_await_publish(&s, DATA, WAIT_MS);
	CU_ASSERT_FATAL(ev != NULL);
	CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItemCaseSensitive(ev, "payload")->valuestring, LAST);
	CU_ASSERT(scene_await_delivered(&s, 1));
	CU_ASSERT_EQUAL(metric(&s, "messages_superseded_total"), RUN - 1);
	CU_ASSERT_EQUAL(metric(&s, "messages_queued"), 0);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "publish", "topic", DATA, NULL), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void newest_waits_for_its_turn_where_an_interval_stands(void)
{
	struct dev *d;
	struct scene s =
		routed("{\"topic\":\"+/+/data\",\"policy\":\"latest\",\"min_interval_ms\":1500}", &d);
	const cJSON *first, *second;

	CU_ASSERT(scene_publish_run(d, DATA, 1, 1, WAIT_MS));
	first = scene_await_publish(&s, DATA, WAIT_MS);
	CU_ASSERT(scene_publish_run(d, DATA, 2, RUN, WAIT_MS));
	second = scene_await_publish(&s, DATA, WAIT_MS);
	CU_ASSERT_FATAL(first && second);
	CU_ASSERT_STRING_EQUAL(cJSON_GetObjectItemCaseSensitive(second, "payload")->valuestring, LAST);
	CU_ASSERT(scene_number(second, "t") - scene_number(first, "t") >= 1400);
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(routes, TEST(route_that_drops_keeps_its_topics_on_the_lan_and_counts),
      TEST(route_with_an_interval_lets_one_message_per_topic_through),
      TEST(newest_of_an_outage_arrives_alone_where_only_the_latest_matters),
      TEST(newest_waits_for_its_turn_where_an_interval_stands))
