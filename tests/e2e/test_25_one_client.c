/* A device is one client, whatever client ids it logs in with (docs/architecture.md 5). */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND PRODUCT "/dev1/control"
#define EVENT   PRODUCT "/dev1/event"

static struct dev *enters(struct scene *s, const char *id, bool persistent)
{
	const struct dev_opts o = { .client_id = id, .persistent = persistent, .keepalive = 5 };

	return scene_device(s, "dev1", &o);
}

static bool gets(struct scene *s, struct dev *d, const char *payload)
{
	const struct dev_message *m;

	CU_ASSERT(sim_publish(s->sim, COMMAND, payload, 1));
	m = dev_await_message(d, COMMAND, WAIT_MS);
	return m && strcmp(m->payload, payload) == 0;
}

static void two_clones_of_one_secret_throw_each_other_out_as_at_the_hub(void)
{
	struct scene s = scene_start(NULL);
	struct dev *a = enters(&s, "clone-a", false), *b;

	CU_ASSERT_EQUAL(dev_subscribe(a, COMMAND, 1), 1);
	CU_ASSERT(scene_await_filter(&s, COMMAND));
	for (int i = 0; i < 3; i++) {
		b = enters(&s, i % 2 ? "clone-a" : "clone-b", false);
		CU_ASSERT(dev_await_disconnect(a, WAIT_MS));
		dev_disconnect(a);
		CU_ASSERT_EQUAL(dev_subscribe(b, COMMAND, 1), 1);
		CU_ASSERT(gets(&s, b, i % 2 ? "odd" : "even"));
		a = b;
	}
	CU_ASSERT(dev_publish_acked(a, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", PRODUCT "/dev1"), 0);
	dev_disconnect(a);
	scene_end(&s);
}

/* What was sent while it was away comes to the session of its newest login. */
static void
kept_session_with_another_id_gets_what_came_meanwhile(struct scene *s,
                                                      void (*meanwhile)(struct scene *s))
{
	struct dev *old = enters(s, "chip-1", true), *d;

	CU_ASSERT_EQUAL(dev_subscribe(old, COMMAND, 1), 1);
	CU_ASSERT(scene_await_filter(s, COMMAND));
	CU_ASSERT(dev_leave(old));
	d = enters(s, "chip-2", true);
	CU_ASSERT_EQUAL(dev_subscribe(d, COMMAND, 1), 1);
	CU_ASSERT(gets(s, d, "first"));
	CU_ASSERT(dev_leave(d));
	meanwhile(s);
	CU_ASSERT(sim_publish(s->sim, COMMAND, "second", 1));
	CU_ASSERT(dev_reconnect(d));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, COMMAND, WAIT_MS));
	CU_ASSERT_EQUAL(dev_count_messages(d, COMMAND), 2);
	/* It lived a keepalive with it: else the next session would get it again. */
	CU_ASSERT(scene_await_metric(s, "commands_waiting", 0));
	CU_ASSERT(dev_reconnect(old)); /* nothing was queued for it, and now it is the newest */
	CU_ASSERT(dev_await_disconnect(d, WAIT_MS));
	CU_ASSERT(gets(s, old, "third"));
	CU_ASSERT_EQUAL(dev_count_messages(old, COMMAND), 1);
	dev_disconnect(d);
	dev_disconnect(old);
}

static void nothing(struct scene *s)
{
	(void)s;
}

static void reloads(struct scene *s)
{
	lan_reload(s->lan);
	CU_ASSERT(lan_log_await(s->lan, "read again", WAIT_MS));
}

static void kept_session_of_the_newest_login_gets_what_came_meanwhile_and_no_older_one(void)
{
	struct scene s = scene_start(NULL);

	kept_session_with_another_id_gets_what_came_meanwhile(&s, nothing);
	scene_end(&s);
}

static void sighup_changes_nothing_of_that(void)
{
	struct scene s = scene_start(NULL);

	kept_session_with_another_id_gets_what_came_meanwhile(&s, reloads);
	scene_end(&s);
}

static void restarts(struct scene *s)
{
	CU_ASSERT(lan_restart(s->lan));
}

static void restart_of_the_broker_changes_nothing_of_that(void)
{
	char *dir = dir_make(), *patch = scene_patch(&(struct scene_opts){ .hub = NULL });
	char *conf = text_fmt("persistence true\npersistence_location %s/\n", dir);
	struct scene s = scene_start(NULL);
	const struct lan_opts opts = { .hub_port = sim_port(s.sim),
		                           .patch = patch,
		                           .extra_conf = conf };

	lan_free(s.lan);
	s.lan = lan_start(&opts);
	CU_ASSERT_FATAL(s.lan != NULL);
	kept_session_with_another_id_gets_what_came_meanwhile(&s, restarts);
	scene_end(&s);
	dir_remove(dir);
	free(dir);
	free(patch);
	free(conf);
}

SUITE(one_client, TEST(two_clones_of_one_secret_throw_each_other_out_as_at_the_hub),
      TEST(kept_session_of_the_newest_login_gets_what_came_meanwhile_and_no_older_one),
      TEST(sighup_changes_nothing_of_that), TEST(restart_of_the_broker_changes_nothing_of_that))
