/* How many subscriptions the hub allows: kept with one filter for many, and told. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAINLAND ",\"region\":\"mainland\",\"rate_up\":null"
#define RPC      "$rrpc/rxd/" PRODUCT
#define SECRET   "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	STREET = 34,
	RATE_MAINLAND = 20,
	EACH = 3,        /* messages of each device */
	LONG_MS = 60000, /* for hundreds of messages at 18 per second */
	NARROW = 6,      /* custom filters that are exchanged */
	COMMANDS_MAX = 5000,
	LIMIT = 10,
};

static char *name_of(int i)
{
	return text_fmt("s%d", i);
}

/* For scene_opts.more; caller frees. */
static char *street_of_devices(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CU_ASSERT_FATAL(f != NULL);
	fprintf(f, ",\"devices\":[");
	for (int i = 1; i <= STREET; i++)
		fprintf(f,
		        "%s{\"product_id\":\"" PRODUCT "\",\"device_name\":\"s%d\",\"secret\":\"" SECRET
		        "\"}",
		        i > 1 ? "," : "", i);
	fprintf(f, "]");
	fclose(f);
	return text;
}

static bool hears(struct dev *d, const char *topic, int timeout_ms)
{
	return dev_await_message(d, topic, timeout_ms) != NULL;
}

static void declare(struct scene *s, const char *name)
{
	char *cmd = text_fmt("{\"cmd\":\"declare\",\"name\":\"%s\"}", name);

	CU_ASSERT(sim_do(s->sim, cmd));
	free(cmd);
}

static void subscribe_one(struct dev *d, const char *before, const char *name, const char *behind)
{
	char *filter = text_fmt("%s/%s/%s", before, name, behind);

	CU_ASSERT_NOT_EQUAL(dev_subscribe(d, filter, 1), 0x80);
	free(filter);
}

/* control, data, calls, and of the product's topics a, b, ... those in more. */
static void subscribe(struct dev *d, const char *name, const char *more)
{
	subscribe_one(d, PRODUCT, name, "control");
	subscribe_one(d, PRODUCT, name, "data");
	subscribe_one(d, RPC, name, "+");
	for (; *more; more++) {
		const char one[] = { *more, '\0' };

		subscribe_one(d, PRODUCT, name, one);
	}
}

static bool metric_is(struct scene *s, const char *name, double expected)
{
	const char *const names[] = { name };
	double value = -1;

	for (int64_t until_ms = now_ms() + LONG_MS; now_ms() < until_ms;) {
		if (scene_metrics(s, names, &value, 1) && value == expected)
			return true;
	}
	return harness_failed("%s is %g, not %g", name, value, expected);
}

static void street_talks(struct scene *s, struct dev *d[STREET])
{
	for (int i = 0; i < STREET; i++) {
		char *name = name_of(i + 1), *event = text_fmt(PRODUCT "/%s/event", name);

		CU_ASSERT(scene_publish_run(d[i], event, 1, EACH, WAIT_MS));
		free(name);
		free(event);
	}
	for (int i = 0; i < STREET; i++) {
		char *name = name_of(i + 1);

		CU_ASSERT(scene_await_distinct(s, name, EACH, LONG_MS));
		CU_ASSERT_EQUAL(scene_tally(s, name, "missing"), 0);
		free(name);
	}
}

static void street_listens(struct scene *s, struct dev *d[STREET])
{
	for (int i = 0; i < STREET; i++) {
		char *name = name_of(i + 1), *control = text_fmt(PRODUCT "/%s/control", name);

		CU_ASSERT(sim_publish(s->sim, control, "{}", 1));
		CU_ASSERT(hears(d[i], control, WAIT_MS));
		free(name);
		free(control);
	}
}

/* 34 devices with four filters each want 137 subscriptions. */
static void many_devices_keep_every_limit_of_the_mainland_and_lose_nothing(void)
{
	char *devices = street_of_devices();
	const struct scene_opts o = { .hub = MAINLAND ",\"max_subscriptions\":100",
		                          .more = devices,
		                          .limits = ",\"set\":\"mainland\"",
		                          .hub_rate = RATE_MAINLAND,
		                          .street = STREET };
	struct scene s = scene_start(&o);
	struct dev *d[STREET];

	free(devices);
	declare(&s, "a");
	for (int i = 0; i < STREET; i++) {
		char *name = name_of(i + 1);

		d[i] = dev_connect(s.lan, PRODUCT, name, SECRET, NULL);
		CU_ASSERT_FATAL(d[i] && dev_code(d[i]) == 0);
		subscribe(d[i], name, "a");
		free(name);
	}
	/* The gateway's own two, 34 requests, and 3 n + (34 - n) <= 99 - 36 for custom topics. */
	CU_ASSERT(metric_is(&s, "hub_subscriptions", 98) && metric_is(&s, "devices_online", STREET));
	CU_ASSERT(metric_is(&s, "hub_subscriptions_waiting", 0));
	street_listens(&s, d);
	street_talks(&s, d);
	CU_ASSERT(sim_stat(s.sim, "most_subscriptions") <= 100);
	CU_ASSERT(sim_stat(s.sim, "max_rate") <= RATE_MAINLAND);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	CU_ASSERT_EQUAL(sim_stat(s.sim, "connects"), 1);
	for (int i = 0; i < STREET; i++)
		dev_disconnect(d[i]);
	scene_end(&s);
}

static struct scene narrow_scene(void)
{
	const struct scene_opts o = { .hub = ",\"max_subscriptions\":10",
		                          .limits = ",\"subscriptions\":10" };
	struct scene s = scene_start(&o);

	for (const char *name = "a\0b\0c\0d\0e\0"; *name; name += 2)
		declare(&s, name);
	return s;
}

static void command(struct scene *s, struct dev *d, const char *topic, int n)
{
	char text[32];
	const struct dev_message *m;

	snprintf(text, sizeof text, "{\"n\":%d}", n);
	CU_ASSERT(sim_publish(s->sim, topic, text, 1));
	do
		m = dev_await_message(d, topic, WAIT_MS);
	while (m && strcmp(m->payload, text) != 0); /* it may come twice */
	CU_ASSERT(m != NULL);
}

static void no_command_is_lost_while_one_filter_takes_the_place_of_many(void)
{
	struct scene s = narrow_scene();
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);
	int n = 0;

	subscribe(one, "dev1", "abcd");
	CU_ASSERT(metric_is(&s, "hub_subscriptions", 9));
	CU_ASSERT_EQUAL(dev_subscribe(two, PRODUCT "/dev2/control", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(two, PRODUCT "/dev2/data", 1), 1);
	for (; sim_count_events(s.sim, "ev", "unsubscribe", NULL) < NARROW && n < COMMANDS_MAX; n++)
		command(&s, one, n % 2 ? PRODUCT "/dev1/control" : PRODUCT "/dev1/d", n);
	CU_ASSERT(metric_is(&s, "hub_subscriptions_wide", 1));
	CU_ASSERT(metric_is(&s, "hub_subscriptions", 6));
	command(&s, one, PRODUCT "/dev1/control", n);
	CU_ASSERT(n > NARROW);
	CU_ASSERT(sim_stat(s.sim, "most_subscriptions") <= LIMIT);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

/* dev1 has six custom topics, which are too many with dev2's. */
static void the_lan_hears_no_more_than_it_asked_for(void)
{
	struct scene s = narrow_scene();
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);

	subscribe(two, "dev2", "");
	subscribe(one, "dev1", "abcd");
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev1/#"));
	CU_ASSERT(metric_is(&s, "hub_subscriptions_wide", 1));
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev1/e", "{}", 1));
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev1/d", "{}", 1));
	CU_ASSERT(hears(one, PRODUCT "/dev1/d", WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(one, PRODUCT "/dev1/e"), 0);
	CU_ASSERT(metric_is(&s, "commands_unasked_total", 1));
	CU_ASSERT(metric_is(&s, "commands_total", 1));
	CU_ASSERT_EQUAL(dev_subscribe(one, PRODUCT "/dev1/e", 1), 1);
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev1/e", "{}", 1));
	CU_ASSERT(hears(one, PRODUCT "/dev1/e", WAIT_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

static void bound_holds_over_a_restart_in_the_session_that_the_hub_kept(void)
{
	struct scene s = narrow_scene();
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);

	subscribe(two, "dev2", "");
	subscribe(one, "dev1", "abcd");
	CU_ASSERT(metric_is(&s, "hub_subscriptions_wide", 1));
	CU_ASSERT(metric_is(&s, "hub_subscriptions", 7));
	dev_disconnect(one);
	dev_disconnect(two);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "(resumed session)", WAIT_MS));
	one = scene_online_device(&s, "dev1", NULL);
	two = scene_online_device(&s, "dev2", NULL);
	subscribe(one, "dev1", "abcd");
	subscribe(two, "dev2", "");
	CU_ASSERT(metric_is(&s, "hub_subscriptions", 7));
	command(&s, one, PRODUCT "/dev1/d", 1);
	command(&s, two, PRODUCT "/dev2/control", 2);
	CU_ASSERT(sim_stat(s.sim, "most_subscriptions") <= LIMIT);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

/* The gateway's own two and one more; dev2 asks for the next. */
static struct scene full_scene(const char *limits, struct dev *d[2])
{
	const struct scene_opts o = { .limits = limits };
	struct scene s = scene_start(&o);

	d[0] = scene_online_device(&s, "dev1", NULL);
	d[1] = scene_online_device(&s, "dev2", NULL);
	CU_ASSERT(scene_await_filter(&s, "$sys/operation/result/" GATEWAY));
	CU_ASSERT_EQUAL(dev_subscribe(d[0], PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev1/control"));
	CU_ASSERT_EQUAL(dev_subscribe(d[1], PRODUCT "/dev2/control", 1), 1);
	return s;
}

static void full_scene_end(struct scene *s, struct dev *d[2])
{
	dev_disconnect(d[0]);
	dev_disconnect(d[1]);
	scene_end(s);
}

static void refusal_by_the_limit_is_said_with_its_fix(void)
{
	struct dev *d[2];
	struct scene s = full_scene(",\"subscriptions\":3", d);

	CU_ASSERT(lan_log_await(s.lan, "refuses the subscription " PRODUCT "/dev2/control", WAIT_MS));
	CU_ASSERT_EQUAL(scene_log_count(&s, "set hub.max_subscriptions to 3"), 1);
	full_scene_end(&s, d);
}

static void hub_that_closes_on_one_too_many_is_left_in_peace_and_the_rest_goes_on(void)
{
	struct dev *d[2];
	struct scene s = full_scene(",\"subscriptions\":3,\"closes_over\":true", d);

	CU_ASSERT(lan_log_await(s.lan, "closes the connection on the subscription", WAIT_MS));
	for (int i = 0; i < 2; i++)
		CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	CU_ASSERT(metric_is(&s, "devices_online", 2));
	CU_ASSERT(metric_is(&s, "hub_subscriptions_waiting", 1));
	CU_ASSERT(scene_publish_run(d[1], PRODUCT "/dev2/event", 1, EACH, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev2", EACH, WAIT_MS));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "violations.subscriptions"), 2);
	CU_ASSERT_EQUAL(scene_log_count(&s, "set hub.max_subscriptions to 3"), 1);
	full_scene_end(&s, d);
}

#define DEEP PRODUCT "/dev1/a/b/c/d/e/f"

static void report_attributes(struct dev *d, int count)
{
	char text[1024] = "{\"type\":\"update\",\"state\":{\"reported\":{";

	for (int i = 0; i < count; i++)
		sprintf(text + strlen(text), "%s\"a%d\":%d", i > 0 ? "," : "", i, i);
	strcat(text, "}},\"clientToken\":\"t\"}");
	CU_ASSERT(dev_publish(d, "$shadow/operation/" PRODUCT "/dev1", text, 0));
}

static void what_only_the_mainland_bounds_is_taken_here_and_its_refusal_names_the_number(void)
{
	const struct scene_opts o = { .hub = MAINLAND,
		                          .limits = ",\"set\":\"mainland\"",
		                          .hub_rate = RATE_MAINLAND };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;

	declare(&s, "a/b/c/d/e/f");
	CU_ASSERT_EQUAL(dev_subscribe(d, "$shadow/operation/result/" PRODUCT "/dev1", 0), 0);
	report_attributes(d, 21);
	m = dev_await_message(d, "$shadow/operation/result/" PRODUCT "/dev1", WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"result\":0"));
	CU_ASSERT(lan_log_await(s.lan, "takes 20 attributes of a shadow", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, DEEP, "{}", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, PRODUCT "/dev1/event", 1, EACH, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", EACH, WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "takes 6 slashes in a topic", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(subscriptions, TEST(many_devices_keep_every_limit_of_the_mainland_and_lose_nothing),
      TEST(no_command_is_lost_while_one_filter_takes_the_place_of_many),
      TEST(the_lan_hears_no_more_than_it_asked_for),
      TEST(bound_holds_over_a_restart_in_the_session_that_the_hub_kept),
      TEST(what_only_the_mainland_bounds_is_taken_here_and_its_refusal_names_the_number),
      TEST(refusal_by_the_limit_is_said_with_its_fix),
      TEST(hub_that_closes_on_one_too_many_is_left_in_peace_and_the_rest_goes_on))
