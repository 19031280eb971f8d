/* What hubgate knows again after a restart without any device saying it. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define CONTROL PRODUCT "/dev1/control"

static void subscription_outlives_kill_9_of_the_broker(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	lan_kill(s.lan);
	dev_disconnect(d);
	CU_ASSERT(lan_restart(s.lan));
	/* The hub takes filters of online devices only. This one says nothing of its own. */
	d = scene_online_device(&s, "dev1", NULL);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT_EQUAL(scene_log_count(&s, "damaged"), 0);
	dev_disconnect(d);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	scene_end(&s);
}

SUITE(remember, TEST(subscription_outlives_kill_9_of_the_broker))
