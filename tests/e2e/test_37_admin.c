/* The status page, /metrics and the health checks of a running gateway: what they say is what its
 * devices and the hub saw. */
#include "tests/e2e/broker_start.h"
#include "tests/e2e/http_call.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEV1 "{product_id=\"" PRODUCT "\",device_name=\"dev1\"}"
#define DEV2 "{product_id=\"" PRODUCT "\",device_name=\"dev2\"}"

struct stage {
	struct scene s;
	int port;
};

static struct stage stage_start_with(const struct scene_opts *opts, const char *members)
{
	struct scene_opts o = opts ? *opts : (struct scene_opts){ .hub = NULL };
	struct stage t = { .port = port_free() };
	char *more = text_fmt("%s,\"admin\":{\"http\":\"127.0.0.1:%d\"%s}", o.more ? o.more : "",
	                      t.port, members);

	o.more = more;
	t.s = scene_start(&o);
	free(more);
	return t;
}

static struct stage stage_start(const struct scene_opts *opts)
{
	return stage_start_with(opts, "");
}

/* /metrics with the series of devices, from after this call. */
static char *numbers(const struct stage *t)
{
	char *event = http_call_event(t->port, "/events", "status", "{", WAIT_MS);
	struct http_reply r;

	free(event);
	free(http_call_event(t->port, "/events", "devices", "{", WAIT_MS));
	r = http_call(t->port, "/metrics?devices=1", NULL);
	CU_ASSERT_EQUAL(r.status, 200);
	return r.body;
}

/* Waits until a series of /metrics has this value. */
static bool await_number(const struct stage *t, const char *series, double value)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	double now;

	do {
		char *body = numbers(t);

		now = http_call_metric(body, series);
		free(body);
	} while (now != value && now_ms() < end_ms);
	return now == value || harness_failed("%s is %g, not %g", series, now, value);
}

/* --- who may look --- */

static void page_metrics_and_health_are_where_the_log_says(void)
{
	struct stage t = stage_start(NULL);
	char *line = text_fmt("status page at http://127.0.0.1:%d/", t.port);
	static const char *const paths[] = { "/", "/metrics", "/healthz", "/readyz" };

	CU_ASSERT(lan_log_has(t.s.lan, line));
	CU_ASSERT(await_number(&t, "hubgate_uplink_state", 5));
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct http_reply r = http_call(t.port, paths[i], NULL);

		CU_ASSERT_EQUAL(r.status, 200);
		http_reply_free(&r);
	}
	free(line);
	scene_end(&t.s);
}

static void token_of_the_file_opens_the_page_and_stays_out_of_the_log(void)
{
	char *dir = dir_make(), *path = text_fmt("%s/token", dir);
	char *members = text_fmt(",\"token_file\":\"%s\"", path);
	struct http_reply r;
	struct stage t;

	CU_ASSERT(file_write(path, "a-token-that-opens-the-page\n", 0640));
	t = stage_start_with(NULL, members);
	r = http_call(t.port, "/metrics", NULL);
	CU_ASSERT_EQUAL(r.status, 401);
	http_reply_free(&r);
	r = http_call(t.port, "/", "a-token-that-opens-the-page");
	CU_ASSERT_EQUAL(r.status, 200);
	http_reply_free(&r);
	r = http_call(t.port, "/healthz", NULL);
	CU_ASSERT_EQUAL(r.status, 200);
	http_reply_free(&r);
	CU_ASSERT(lan_log_has(t.s.lan, "with the token of admin.token_file"));
	CU_ASSERT_FALSE(lan_log_has(t.s.lan, "a-token-that"));
	scene_end(&t.s);
	dir_remove(dir);
	free(members);
	free(path);
	free(dir);
}

static void readiness_follows_the_link_and_health_does_not(void)
{
	struct stage t = stage_start(NULL);
	struct http_reply r;
	int64_t end_ms = now_ms() + WAIT_MS;

	sim_kill(t.s.sim);
	do {
		r = http_call(t.port, "/readyz", NULL);
		http_reply_free(&r);
	} while (r.status == 200 && now_ms() < end_ms);
	CU_ASSERT_EQUAL(r.status, 503);
	r = http_call(t.port, "/healthz", NULL);
	CU_ASSERT_EQUAL(r.status, 200);
	http_reply_free(&r);
	CU_ASSERT(sim_restart(t.s.sim));
	end_ms = now_ms() + 2 * WAIT_MS;
	do {
		r = http_call(t.port, "/readyz", NULL);
		http_reply_free(&r);
	} while (r.status != 200 && now_ms() < end_ms);
	CU_ASSERT_EQUAL(r.status, 200);
	scene_end(&t.s);
}

/* --- for Prometheus --- */

/* By its own checker, where that is (make prom-check brings it). */
static void metrics_please_promtool(void)
{
	struct stage t = stage_start(NULL);
	char *body = numbers(&t), *path = text_fmt("%s/metrics", lan_dir(t.s.lan));
	char *check = text_fmt("p=build/promtool; [ -x $p ] || p=$(command -v promtool) || exit 0; "
	                       "$p check metrics <%s",
	                       path);

	CU_ASSERT(file_write(path, body, 0600));
	CU_ASSERT_EQUAL(system(check), 0);
	free(check);
	free(path);
	free(body);
	scene_end(&t.s);
}

SUITE(admin_page, TEST(page_metrics_and_health_are_where_the_log_says),
      TEST(token_of_the_file_opens_the_page_and_stays_out_of_the_log),
      TEST(readiness_follows_the_link_and_health_does_not), TEST(metrics_please_promtool))
