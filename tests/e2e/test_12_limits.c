/* The hub's limits hold, whatever the link and the broker do. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <poll.h>
#include <string.h>

#define EVENT   PRODUCT "/dev1/event"
#define EVENT_2 PRODUCT "/dev2/event"

enum {
	RATE = 25,       /* hub.rate_up of the scene */
	HEALED_RATE = 30 /* the hub's own limit */
};

static void rate_is_kept_with_two_busy_devices(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);

	for (int i = 0; i < 10; i++)
		CU_ASSERT(dev_publish(two, EVENT_2, "{}", 0));
	CU_ASSERT(scene_publish_run(one, EVENT, 1, 20, WAIT_MS));
	CU_ASSERT(scene_publish_run(two, EVENT_2, 1, 20, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 20, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev2", 20, WAIT_MS));
	CU_ASSERT(sim_stat(s.sim, "max_rate") <= RATE + 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

static void rate_is_kept_when_a_stalled_link_heals(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(scene_publish_run(d, EVENT, 1, 60, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 15, WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"blackhole\"}"));
	poll(NULL, 0, 3000); /* the length of the stall is what is tested */
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 60, WAIT_MS));
	CU_ASSERT(sim_stat(s.sim, "max_rate") <= HEALED_RATE);
	CU_ASSERT_EQUAL(sim_stat(s.sim, "connects"), 1);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "duplicates"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* The simulator counts a violation when two come closer than connect_s. */
static void connects_keep_their_distance_over_cuts_restarts_and_kills_of_the_broker(void)
{
	struct scene s = scene_start(NULL);

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	lan_kill(s.lan);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "connects"), 4);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

static struct dev *rival_of(struct scene *s)
{
	struct dev *d =
		dev_connect_port(sim_port(s->sim), "GWPRODUCT1", "gw1", "Z2F0ZXdheS1vbmUtcHNrIQ==", NULL);

	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL_FATAL(dev_code(d), 0);
	return d;
}

/* Each kicks the other out, as the hub does with two clients of one identity. */
static void second_client_with_the_gateways_identity_makes_it_back_off_and_say_so(void)
{
	static const char said[] = "dropped 3 connections in a row right after login";
	const struct scene_opts o = { .hub = ",\"max_reconnect_s\":3,\"rate_up\":0" };
	struct scene s = scene_start(&o);
	struct dev *rival = NULL, *lan_device = scene_online_device(&s, "dev1", NULL);

	for (int i = 0; i < 3; i++) {
		if (rival)
			CU_ASSERT(dev_await_disconnect(rival, 20000) &&
			          lan_log_await(s.lan, "connected to the hub", WAIT_MS));
		dev_disconnect(rival);
		rival = rival_of(&s);
	}
	CU_ASSERT(lan_log_await(s.lan, said, WAIT_MS));
	/* Without backing off the gateway would be back after 1 s. */
	CU_ASSERT_FALSE(dev_await_disconnect(rival, 1500));
	CU_ASSERT_EQUAL(scene_log_count(&s, said), 1);
	CU_ASSERT(dev_connected(lan_device));
	dev_disconnect(rival);
	dev_disconnect(lan_device);
	scene_end(&s);
}

SUITE(limits, TEST(rate_is_kept_with_two_busy_devices),
      TEST(rate_is_kept_when_a_stalled_link_heals),
      TEST(connects_keep_their_distance_over_cuts_restarts_and_kills_of_the_broker),
      TEST(second_client_with_the_gateways_identity_makes_it_back_off_and_say_so))
