/* The gateway's own firmware: downloaded, and handed to firmware.hook. */
#include "tests/e2e/firmware_stage.h"
#include "tests/runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT "$ota/report/" GATEWAY

struct own {
	struct scene s;
	char *dir, *hook;
};

static char *patch_of(const struct own *o, const char *version)
{
	return text_fmt("{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1},"
	                "\"gateway\":{\"version\":\"%s\"},"
	                "\"firmware\":{\"allow_local\":true,\"hook\":\"%s\",\"hook_s\":2}}",
	                version, o->hook);
}

/* script: what the hook does; $DIR is a directory of the test. */
static struct own start(const char *script)
{
	struct own o = { .dir = dir_make() };
	char *cert = scene_cert("server.pem"), *key = scene_cert("server.key"),
		 *ca = scene_cert("ca.pem"), *text, *patch;
	const struct sim_opts so = { .firmware = true, .tls_cert = cert, .tls_key = key };
	struct lan_opts lo = { .hub_tls = true, .hub_ca = ca };

	o.hook = text_fmt("%s/hook", o.dir);
	text = text_fmt("#!/bin/sh\nDIR=%s\necho \"$#\" \"$2\" >$DIR/args\ncp \"$1\" $DIR/image\n"
	                "ls -l /proc/self/fd | grep -c socket >$DIR/sockets\n"
	                "grep SigBlk /proc/self/status >$DIR/signals\nenv >$DIR/env\n%s\n",
	                o.dir, script);
	CU_ASSERT(file_write(o.hook, text, 0700));
	free(text);
	o.s.sim = sim_start(&so);
	CU_ASSERT_FATAL(o.s.sim != NULL);
	patch = patch_of(&o, "1.0");
	lo.patch = patch;
	lo.hub_port = sim_tls_port(o.s.sim);
	o.s.lan = lan_start(&lo);
	CU_ASSERT_FATAL(o.s.lan != NULL);
	CU_ASSERT(lan_log_await(o.s.lan, "connected to the hub", WAIT_MS));
	free(patch);
	free(cert);
	free(key);
	free(ca);
	return o;
}

static void end(struct own *o)
{
	scene_end(&o->s);
	dir_remove(o->dir);
	free(o->dir);
	free(o->hook);
}

/* The hub gets a report with both texts. */
static bool reported(struct own *o, const char *what, const char *also)
{
	const cJSON *ev;

	while ((ev = sim_await_event(o->s.sim, WAIT_MS, "ev", "publish", "topic", REPORT, NULL))) {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(ev, "payload"));

		if (text && strstr(text, what) && strstr(text, also))
			return true;
	}
	return false;
}

static void order(struct own *o, const char *version)
{
	char *task = text_fmt("{\"cmd\":\"ota_task\",\"device\":\"" GATEWAY
	                      "\",\"version\":\"%s\",\"name\":\"image\"}",
	                      version);

	CU_ASSERT(reported(o, "report_version", "1.0"));
	CU_ASSERT(sim_do(o->s.sim, "{\"cmd\":\"firmware\",\"name\":\"image\",\"size\":50000}"));
	CU_ASSERT(sim_do(o->s.sim, task));
	free(task);
}

static bool file_says(struct own *o, const char *name, const char *text)
{
	char *path = text_fmt("%s/%s", o->dir, name), *is = file_read(path);
	bool same = is && strcmp(is, text) == 0;

	free(is);
	free(path);
	return same;
}

static void hook_gets_a_checked_file_and_nothing_of_the_broker(void)
{
	struct own o = start("exit 0");
	struct stat st;
	char *path = text_fmt("%s/image", o.dir), *env;

	order(&o, "2.0");
	CU_ASSERT(reported(&o, "burning", "2.0"));
	CU_ASSERT(reported(&o, "done", "2.0"));
	CU_ASSERT(file_says(&o, "args", "2 2.0\n"));
	CU_ASSERT(stat(path, &st) == 0 && st.st_size == 50000);
	CU_ASSERT(file_says(&o, "sockets", "0\n"));
	CU_ASSERT(file_says(&o, "signals", "SigBlk:\t0000000000000000\n"));
	free(path);
	path = text_fmt("%s/env", o.dir);
	env = file_read(path);
	CU_ASSERT(env && !strstr(env, "HUBGATE") && strstr(env, "PATH="));
	free(env);
	free(path);
	end(&o);
}

static void hook_that_fails_or_hangs_is_reported(void)
{
	struct own o = start("[ $2 = 2.0 ] && exit 3; sleep 100 & wait");

	order(&o, "2.0");
	CU_ASSERT(reported(&o, "\"-5\"", "the hook ended with code 3"));
	CU_ASSERT(sim_do(o.s.sim, "{\"cmd\":\"ota_task\",\"device\":\"" GATEWAY
	                          "\",\"version\":\"2.1\",\"name\":\"image\"}"));
	CU_ASSERT(reported(&o, "\"-5\"", "could not be run to its end"));
	end(&o);
}

static void result_that_comes_later_is_told_at_the_next_start(void)
{
	struct own o = start("exit 75");
	char *patch = patch_of(&o, "2.0");

	order(&o, "2.0");
	CU_ASSERT(lan_log_await(o.s.lan, "the result shows at the next start", WAIT_MS));
	CU_ASSERT(lan_configure(o.s.lan, patch)); /* it is installed */
	CU_ASSERT_FATAL(lan_restart(o.s.lan));
	CU_ASSERT(reported(&o, "done", "2.0"));
	free(patch);
	sim_skip_events(o.s.sim);
	CU_ASSERT(sim_do(o.s.sim, "{\"cmd\":\"ota_task\",\"device\":\"" GATEWAY
	                          "\",\"version\":\"3.0\",\"name\":\"image\"}"));
	CU_ASSERT(lan_log_await(o.s.lan, "the result shows at the next start", WAIT_MS));
	CU_ASSERT_FATAL(lan_restart(o.s.lan)); /* still 2.0 */
	CU_ASSERT(reported(&o, "\"-5\"", "another after the start"));
	end(&o);
}

SUITE(firmware_own, TEST(hook_gets_a_checked_file_and_nothing_of_the_broker),
      TEST(hook_that_fails_or_hangs_is_reported),
      TEST(result_that_comes_later_is_told_at_the_next_start))
