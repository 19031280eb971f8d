/* One device among noisy neighbours: whatever wakes the uplink, and however often, what a quiet one
 * publishes is not left lying. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define EVENT        PRODUCT "/dev1/event"
#define SECRET       "ZGV2aWNlLW9uZS1wc2stLQ=="
#define NAMED(who)   "\"product_id\":\"" PRODUCT "\",\"device_name\":\"" who "\""
#define ACCOUNT(who) "{" NAMED(who) ",\"secret\":\"" SECRET "\"}"
#define BOUND(who)   "{\"gateway\":\"" GATEWAY "\"," NAMED(who) "}"
#define ALL(form)    form("dev1") "," form("loop1") "," form("loop2") "," form("loop3")

enum {
	RESTLESS = 3,
	MESSAGES = 11,
	/* So many of them while the others come and go. The rest in the silence after, in which nothing
	 * else wakes the uplink; it is as long as a deaf one needs to notice that it is. */
	CHURNED = 6,
	AWAY_MS = 1, /* longer than the grace time, so that the hub is to be told each time */
	PAUSE_MS = 500,
	LATE_MS = 2000,
};

struct restless { /* a client that logs in and out until it is told to stop */
	struct lan *lan;
	char name[8];
	atomic_bool stop;
	unsigned logins;
	pthread_t thread;
};

static void *come_and_go(void *arg)
{
	struct restless *r = arg;

	while (!atomic_load(&r->stop)) {
		struct dev *d = dev_connect(r->lan, PRODUCT, r->name, SECRET, NULL);

		if (!d)
			break;
		r->logins += dev_code(d) == 0;
		dev_disconnect(d);
		poll(NULL, 0, AWAY_MS);
	}
	return NULL;
}

static void let_loose(struct restless all[RESTLESS], struct lan *lan)
{
	for (int i = 0; i < RESTLESS; i++) {
		all[i] = (struct restless){ .lan = lan };
		snprintf(all[i].name, sizeof all[i].name, "loop%d", i + 1);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&all[i].thread, NULL, come_and_go, &all[i]), 0);
	}
}

static void calm(struct restless all[RESTLESS])
{
	for (int i = 0; i < RESTLESS; i++)
		atomic_store(&all[i].stop, true);
	for (int i = 0; i < RESTLESS; i++) {
		pthread_join(all[i].thread, NULL);
		CU_ASSERT(all[i].logins > 1);
	}
}

static struct scene scene_of_four(void)
{
	static const char config[] =
		"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
		"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true}," ALL(
			ACCOUNT) "],"
					 "\"bound\":[" ALL(BOUND) "],\"limits\":{\"connect_s\":1,\"rate_up\":30}}";
	struct sim_opts so = { .config = config };
	struct lan_opts lo = { .patch = "{\"presence\":{\"grace_ms\":0},\"hub\":{\"keepalive\":900},"
		                            "\"devices\":[" ALL(ACCOUNT) "]}" };
	struct scene s = { .sim = sim_start(&so) };

	CU_ASSERT_FATAL(s.sim != NULL);
	lo.hub_port = sim_port(s.sim);
	s.lan = lan_start(&lo);
	CU_ASSERT_FATAL(s.lan && lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	return s;
}

static void quiet_device_is_heard_within_two_seconds_while_others_log_in_and_out(void)
{
	struct scene s = scene_of_four();
	struct dev *quiet = scene_online_device(&s, "dev1", NULL);
	struct restless others[RESTLESS];
	int64_t sent_ms[MESSAGES];

	let_loose(others, s.lan);
	for (int i = 0; i < MESSAGES; i++) {
		char text[32];

		if (i == CHURNED)
			calm(others);
		snprintf(text, sizeof text, "{\"seq\":%d}", i + 1);
		sent_ms[i] = now_ms();
		CU_ASSERT(dev_publish_acked(quiet, EVENT, text, WAIT_MS));
		poll(NULL, 0, PAUSE_MS); /* the pace is what is tested */
	}
	for (int i = 0; i < MESSAGES; i++) {
		const cJSON *got = scene_await_publish(&s, EVENT, LATE_MS);

		CU_ASSERT_FATAL(got != NULL);
		CU_ASSERT(scene_number(got, "t") < (double)(sent_ms[i] + LATE_MS));
	}
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(quiet);
	scene_end(&s);
}

SUITE(e14_quiet, TEST(quiet_device_is_heard_within_two_seconds_while_others_log_in_and_out))
