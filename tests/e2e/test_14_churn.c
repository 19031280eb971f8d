/* Years of coming and going, in a thousand logins. Under the address sanitizer the
 * broker's exit also tells of leaks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define SECRET "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	WARM_UP = 200,
	CYCLES = 1000,
	GROWTH_KB_MAX = 1024,
	HUB_RATE = 100000 /* what a hub drops above its rate would be asked for again seconds later */
};

static long resident_kb(pid_t pid)
{
	char *path = text_fmt("/proc/%d/status", (int)pid), line[256];
	FILE *f = fopen(path, "r");
	long kb = -1;

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	}
	if (f)
		fclose(f);
	free(path);
	return kb;
}

/* One device that comes, subscribes, publishes and goes; every third just drops. */
static bool one_cycle(struct lan *lan, int n)
{
	struct dev_opts opts = { .sha256 = n % 2, .mqtt31 = n % 5 == 0 };
	struct dev *dev = dev_connect(lan, PRODUCT, "dev1", SECRET, &opts);
	bool ok = dev && dev_code(dev) == 0;

	ok = ok && dev_subscribe(dev, PRODUCT "/dev1/control", 1) == 1;
	ok = ok && (n % 10 != 0 || dev_publish_acked(dev, PRODUCT "/dev1/event", "{\"n\":1}", 5000));
	if (n % 3 == 0)
		dev_drop(dev);
	else
		dev_disconnect(dev);
	return ok;
}

static void a_thousand_logins_leak_nothing(void)
{
	const struct scene_opts hub = { .hub_rate = HUB_RATE };
	char *config = scene_sim_config(&hub);
	const struct sim_opts so = { .config = config };
	struct sim *sim = sim_start(&so);
	struct lan_opts opts = {
		.hub_port = sim ? sim_port(sim) : 0,
		.patch = "{\"hub\":{\"rate_up\":0},\"presence\":{\"grace_ms\":1}}",
	};
	struct lan *lan = lan_start(&opts);
	long before_kb = 0, after_kb;
	struct dev *last;
	bool ok = lan && lan_log_await(lan, "connected to the hub", 10000);

	for (int n = 0; ok && n < WARM_UP + CYCLES; n++) {
		if (n == WARM_UP)
			before_kb = resident_kb(lan_pid(lan));
		ok = one_cycle(lan, n);
	}
	CU_ASSERT_TRUE(ok);
	free(config);
	/* Most come and go before the hub could hear of them; this one stays until it did. */
	last = lan ? dev_connect(lan, PRODUCT, "dev1", SECRET, NULL) : NULL;
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "online", "device", PRODUCT "/dev1", NULL));
	dev_disconnect(last);
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "offline", "device", PRODUCT "/dev1", NULL));
	after_kb = lan ? resident_kb(lan_pid(lan)) : 0;
	/* The sanitizer keeps freed memory back: there the report at exit decides. */
	if (!getenv("HUBGATE_PRELOAD"))
		CU_ASSERT(after_kb - before_kb < GROWTH_KB_MAX);
	CU_ASSERT(lan && lan_stop(lan) >= 0);
	CU_ASSERT_FALSE(lan && lan_log_has(lan, "Sanitizer"));
	lan_free(lan);
	sim_stop(sim);
}

SUITE(e14_churn, TEST(a_thousand_logins_leak_nothing))
