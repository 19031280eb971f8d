/* The wall clock of a running broker jumps ten years: nothing is lost, nobody is locked out. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT    PRODUCT "/dev1/event"
#define YEARS_10 "315360000"

enum {
	BATCH = 10
};

struct shifted {
	struct scene s;
	char *file, *preload_before;
};

static void preload(const char *before, const char *more)
{
	char *all =
		text_fmt("%s%s%s", before ? before : "", before && more ? " " : "", more ? more : "");

	if (all[0])
		setenv("HUBGATE_PRELOAD", all, 1);
	else
		unsetenv("HUBGATE_PRELOAD");
	free(all);
}

/* The simulator keeps the right time. */
static struct shifted shifted_start(void)
{
	const struct scene_opts o = { .hub_unreached = true, .store = "\"max_age_s\":3600" };
	const char *before = getenv("HUBGATE_PRELOAD");
	struct shifted t = { .preload_before = before ? strdup(before) : NULL };
	char *so = text_fmt("%s/clockshift.so", build_dir());
	char *absolute = realpath(so, NULL), *dir = dir_make();

	CU_ASSERT_FATAL(absolute != NULL);
	t.file = text_fmt("%s/shift", dir);
	CU_ASSERT_FATAL(file_write(t.file, "0", 0600));
	setenv("HUBGATE_CLOCKSHIFT", t.file, 1);
	t.s = scene_start(&o);
	lan_stop(t.s.lan);
	preload(t.preload_before, absolute);
	CU_ASSERT_FATAL(lan_restart(t.s.lan));
	CU_ASSERT(lan_log_await(t.s.lan, "connected to the hub", WAIT_MS));
	free(so);
	free(absolute);
	free(dir);
	return t;
}

static void shifted_end(struct shifted *t)
{
	char *dir = strdup(t->file);

	scene_end(&t->s);
	preload(t->preload_before, NULL);
	unsetenv("HUBGATE_CLOCKSHIFT");
	*strrchr(dir, '/') = '\0';
	dir_remove(dir);
	free(dir);
	free(t->file);
	free(t->preload_before);
}

static void jump(struct shifted *t, const char *seconds)
{
	CU_ASSERT(file_write(t->file, seconds, 0600));
	CU_ASSERT(lan_log_await(t->s.lan, "the wall clock jumped", WAIT_MS));
}

static void clock_that_jumps_ten_years_loses_no_message_and_locks_nobody_out(void)
{
	struct shifted t = shifted_start();
	struct scene *s = &t.s;
	struct dev *d = scene_online_device(s, "dev1", NULL);

	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"reset\",\"client\":\"" GATEWAY "\"}"));
	CU_ASSERT(lan_log_await(s->lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, 1, BATCH, WAIT_MS));
	jump(&t, YEARS_10);
	/* It measures keep alives by the wall clock (docs/broker-notes.md 7). */
	CU_ASSERT(!broker_is("2.0.21") || (dev_await_disconnect(d, WAIT_MS) && dev_reconnect(d)));
	CU_ASSERT(scene_publish_run(d, EVENT, BATCH + 1, 2 * BATCH, WAIT_MS));
	jump(&t, "-" YEARS_10);
	CU_ASSERT(scene_publish_run(d, EVENT, 2 * BATCH + 1, 3 * BATCH, WAIT_MS));
	lan_kill(s->lan);
	CU_ASSERT(file_write(t.file, YEARS_10, 0600)); /* and another one between two runs */
	CU_ASSERT_FATAL(lan_restart(s->lan));
	CU_ASSERT(dev_reconnect(d));
	CU_ASSERT(scene_publish_run(d, EVENT, 3 * BATCH + 1, 4 * BATCH, WAIT_MS));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(s, "dev1", 4 * BATCH, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_violations(s), 0);
	dev_disconnect(d);
	shifted_end(&t);
}

/* From such a step on 2.1 gives no tick until the clock has caught up (docs/broker-notes.md 7). */
static void after_a_step_back_and_a_reload_logins_are_judged_as_ever(void)
{
	const struct dev_opts wrong = { .password = "0000;hmacsha1", .may_fail = true };
	struct shifted t = shifted_start();
	struct scene *s = &t.s;
	struct dev *there = scene_online_device(s, "dev1", NULL), *d;

	CU_ASSERT(file_write(t.file, "-86400", 0600));
	lan_reload(s->lan);
	CU_ASSERT(lan_log_await(s->lan, "read again", WAIT_MS));
	for (int i = 0; i < 2; i++) {
		d = dev_connect(s->lan, PRODUCT, "dev2", "ZGV2aWNlLXR3by1wc2stLQ==", &wrong);
		CU_ASSERT(d && dev_code(d) == 5);
		dev_disconnect(d);
	}
	CU_ASSERT(dev_connected(there));
	d = scene_online_device(s, "dev2", NULL);
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev2/event", "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(s, PRODUCT "/dev2/event", WAIT_MS));
	CU_ASSERT_EQUAL(dev_subscribe(there, PRODUCT "/dev2/event", 0), 0x80);
	dev_disconnect(d);
	dev_disconnect(there);
	shifted_end(&t);
}

SUITE(clock, TEST(clock_that_jumps_ten_years_loses_no_message_and_locks_nobody_out),
      TEST(after_a_step_back_and_a_reload_logins_are_judged_as_ever))
