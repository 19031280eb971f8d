/* The hub goes away, in all the ways it can: the LAN does not notice, nothing is lost. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT PRODUCT "/dev1/event"

enum {
	BATCH = 20,
	FEW = 3,               /* too few to be probed for: the slow case */
	FULL_SPEED = 2000,     /* messages of a device in an outage */
	FULL_SPEED_MS = 15000, /* on a machine whose host takes most of the time away */
	STOLEN_MS = 20,        /* by the host: then the last round is judged by p99 */
	ROUNDS = 4,            /* of them, when the machine is busy with something else */
	CALLBACK_MAX_US = 1024 /* the bound of the histogram's class that ends at 1 ms */
};

/* The numbers in the hub's publish events of dev1, in the order of arrival, start with 1, 2, ... */
static bool arrived_in_order(struct scene *s, int count)
{
	for (int i = 1; i <= count; i++) {
		char text[32];
		const cJSON *ev;

		snprintf(text, sizeof text, "{\"seq\":%d}", i);
		ev = scene_await_publish(s, EVENT, WAIT_MS);
		if (!ev || strcmp(cJSON_GetObjectItemCaseSensitive(ev, "payload")->valuestring, text) != 0)
			return harness_failed("expected message %d", i);
	}
	return true;
}

static void hub_that_dies_and_returns_gets_everything_and_only_the_devices_that_are_there(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	struct dev *leaves = scene_online_device(&s, "dev2", NULL);

	CU_ASSERT(scene_publish_run(d, EVENT, 1, BATCH, WAIT_MS));
	CU_ASSERT(arrived_in_order(&s, BATCH));
	CU_ASSERT(scene_await_delivered(&s, BATCH)); /* else some would come again, rightly */
	sim_kill(s.sim);
	CU_ASSERT(lan_log_await(s.lan, "the hub closed the connection", WAIT_MS));
	dev_disconnect(leaves);
	CU_ASSERT(scene_publish_run(d, EVENT, BATCH + 1, 2 * BATCH, WAIT_MS));
	sim_skip_events(s.sim);
	CU_ASSERT_FATAL(sim_restart(s.sim));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(scene_publish_run(d, EVENT, 2 * BATCH + 1, 3 * BATCH, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 2 * BATCH, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "first"), BATCH + 1);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "reordered"), 0);
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev2"), 1);
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void connection_reset_in_traffic_loses_nothing_and_no_device_notices(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT(scene_publish_run(d, EVENT, 1, BATCH, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"reset\"}"));
	CU_ASSERT(scene_publish_run(d, EVENT, BATCH + 1, 2 * BATCH, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 2 * BATCH, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

/* Silence is suspect after 10 s, then a ping has hub.request_timeout_s: 10 + 10 = 20 s by default,
 * 10 + 1 here, and the promise is 30. Slow: the 10 s cannot be configured. */
static void dead_link_is_noticed_within_thirty_seconds(void)
{
	const struct scene_opts o = { .hub = ",\"request_timeout_s\":1,\"keepalive\":900" };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	int64_t start_ms;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"blackhole\"}"));
	start_ms = now_ms();
	CU_ASSERT(scene_publish_run(d, EVENT, 1, FEW, WAIT_MS));
	CU_ASSERT(lan_log_await(s.lan, "the link is dead", 15000));
	CU_ASSERT(now_ms() - start_ms < 15000);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT(scene_await_distinct(&s, "dev1", FEW, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&s, "dev1", "missing"), 0);
	CU_ASSERT(dev_connected(d));
	dev_disconnect(d);
	scene_end(&s);
}

/* --- states in which the hub cannot be reached --- */

struct unreachable {
	const char *hub;     /* as scene_opts.hub */
	const char *fault;   /* of the simulator, NULL: none */
	const char *says[2]; /* the log's one line names this; or these, a line for each */
	bool tls;
};

/* Milliseconds that the host of this machine gave to others. */
static long stolen_ms(void)
{
	char *text = file_read("/proc/stat");
	unsigned long long ticks = 0;

	if (text && sscanf(text, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		ticks = 0;
	free(text);
	return (long)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* p99.9 within 1 ms; p99 where the processor was taken away meanwhile: one callback in a thousand
 * is then in the middle of such a gap. */
static bool callbacks_are_short(struct scene *s, bool disturbed)
{
	char *text = scene_sys(s, disturbed ? "callback_us/all/p99" : "callback_us/all/p999");
	double us = text ? atof(text) : -1;
	bool ok = us >= 0 && us <= CALLBACK_MAX_US;

	if (!ok)
		fprintf(stderr, "callbacks: %s\n", text ? text : "nothing published");
	free(text);
	return ok;
}

static bool full_speed(struct scene *s, struct dev *d)
{
	long before_ms = stolen_ms();
	bool ok = false;

	for (int i = 0; i < ROUNDS && !ok; i++) {
		if (!scene_publish_run(d, EVENT, i * FULL_SPEED + 1, (i + 1) * FULL_SPEED, FULL_SPEED_MS))
			return false;
		ok = callbacks_are_short(
			s, i + 1 == ROUNDS && (stolen_ms() - before_ms >= STOLEN_MS || machine_is_crowded()));
	}
	return ok;
}

static bool attempted(struct scene *s, double count)
{
	static const char *const name[] = { "uplink_connects_total" };
	int64_t end_ms = now_ms() + WAIT_MS;
	double n = 0;

	while (n < count && now_ms() < end_ms && scene_metrics(s, name, &n, 1))
		;
	return n >= count;
}

static int one_line_at_most(struct scene *s, const char *reason)
{
	int lines = scene_log_count(s, reason);

	CU_ASSERT(lines <= 1);
	return lines;
}

static void lan_goes_on(struct scene *s, const struct unreachable *u)
{
	struct dev *d = scene_device(s, "dev1", NULL);
	int took_ms, lines = 0;

	CU_ASSERT(full_speed(s, d));
	CU_ASSERT(attempted(s, 3)); /* two have failed */
	CU_ASSERT(dev_connected(d));
	for (int i = 0; i < 2 && u->says[i]; i++)
		lines += one_line_at_most(s, u->says[i]);
	CU_ASSERT(lines > 0);
	CU_ASSERT_EQUAL(scene_log_count(s, "messages wait"), lines);
	took_ms = lan_stop(s->lan);
	CU_ASSERT(took_ms >= 0 && took_ms <= scene_stop_max_ms());
	dev_drop(d);
}

/* A broker whose hub is in that state from the start. */
static void start_unreachable(const struct unreachable *u)
{
	const struct scene_opts o = { .hub = u->hub, .hub_unreached = true };
	char *patch = scene_patch(&o), *config = scene_sim_config(&o);
	char *cert = u->tls ? scene_cert("server.pem") : NULL;
	char *key = u->tls ? scene_cert("server.key") : NULL;
	struct sim_opts so = { .config = config, .tls_cert = cert, .tls_key = key };
	struct scene s = { .sim = sim_start(&so) };

	CU_ASSERT_FATAL(s.sim != NULL);
	if (u->fault) {
		char *command = text_fmt("{\"cmd\":\"fault\",\"mode\":\"%s\"}", u->fault);

		CU_ASSERT(sim_do(s.sim, command));
		free(command);
	}
	s.lan = lan_start(&(struct lan_opts){
		.hub_port = u->tls ? sim_tls_port(s.sim) : sim_port(s.sim),
		.hub_tls = u->tls,
		.patch = patch,
	});
	CU_ASSERT_FATAL(s.lan != NULL);
	lan_goes_on(&s, u);
	scene_end(&s);
	free(cert);
	free(key);
	free(config);
	free(patch);
}

static void hub_that_resets_connections_does_not_slow_the_lan(void)
{
	start_unreachable(&(struct unreachable){
		.fault = "refuse",
		.says = { "Connection reset by peer", "the hub closed the connection" } });
}

static void hub_whose_port_is_closed_does_not_slow_the_lan(void)
{
	char *hub = text_fmt(",\"port\":%d", port_free());

	start_unreachable(&(struct unreachable){ .hub = hub, .says = { "Connection refused" } });
	free(hub);
}

static void hub_that_accepts_and_never_answers_does_not_slow_the_lan(void)
{
	start_unreachable(&(struct unreachable){
		.hub = ",\"request_timeout_s\":1",
		.fault = "blackhole",
		.says = { "accepts connections but does not answer the login" },
	});
}

static void hub_whose_name_does_not_resolve_does_not_slow_the_lan(void)
{
	start_unreachable(&(struct unreachable){
		.hub = ",\"host\":\"hub.invalid\",\"connect_timeout_s\":1",
		.says = { "name does not resolve" },
	});
}

static void hub_whose_certificate_is_not_trusted_does_not_slow_the_lan(void)
{
	start_unreachable(&(struct unreachable){ .tls = true, .says = { "certificate refused" } });
}

static void hub_that_stalls_after_login_does_not_slow_the_lan(void)
{
	const struct scene_opts o = { .hub = ",\"request_timeout_s\":1", .hub_unreached = true };
	struct scene s = scene_start(&o);
	struct dev *d = scene_device(&s, "dev1", NULL);
	int took_ms;

	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"stall\"}"));
	CU_ASSERT(full_speed(&s, d));
	CU_ASSERT(dev_connected(d));
	took_ms = lan_stop(s.lan);
	CU_ASSERT(took_ms >= 0 && took_ms <= scene_stop_max_ms());
	dev_drop(d);
	scene_end(&s);
}

/* What a LAN does whose DNS sends the hub's name to the gateway, for devices. */
static void hub_whose_name_leads_back_to_this_broker_is_told_with_the_fix(void)
{
	struct lan_opts opts = { .hub_port = 1 };
	struct lan *lan = lan_start(&opts);
	char *patch, *line;

	CU_ASSERT_PTR_NOT_NULL_FATAL(lan);
	patch = text_fmt("{\"hub\":{\"port\":%d}}", lan_port(lan));
	line = text_fmt("hub 127.0.0.1:%d: its name leads back to this very broker; set hub.address",
	                lan_port(lan));
	CU_ASSERT(lan_configure(lan, patch) && lan_restart(lan));
	CU_ASSERT(lan_log_await(lan, line, WAIT_MS));
	CU_ASSERT_FALSE(lan_log_has(lan, "connected to the hub"));
	CU_ASSERT_FALSE(lan_log_has(lan, "check gateway.secret"));
	lan_free(lan);
	free(patch);
	free(line);
}

SUITE(outage, TEST(hub_that_dies_and_returns_gets_everything_and_only_the_devices_that_are_there),
      TEST(connection_reset_in_traffic_loses_nothing_and_no_device_notices),
      TEST(dead_link_is_noticed_within_thirty_seconds),
      TEST(hub_that_resets_connections_does_not_slow_the_lan),
      TEST(hub_whose_port_is_closed_does_not_slow_the_lan),
      TEST(hub_that_accepts_and_never_answers_does_not_slow_the_lan),
      TEST(hub_whose_name_does_not_resolve_does_not_slow_the_lan),
      TEST(hub_whose_certificate_is_not_trusted_does_not_slow_the_lan),
      TEST(hub_that_stalls_after_login_does_not_slow_the_lan),
      TEST(hub_whose_name_leads_back_to_this_broker_is_told_with_the_fix))
