/* However the broker ends, and whatever hangs then: no crash, devices go offline at the hub,
 * nothing acknowledged is lost, within 2 s. */
#include "tests/e2e/broker_start.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT PRODUCT "/dev1/event"
#define DEVICES                                                                            \
	"{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":\"ZGV2aWNlLW9uZS" \
	"1wc2stLQ==\"},{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\"}"
#define PRODUCTS                                                       \
	"{\"product_id\":\"" PRODUCT "\",\"product_secret\":\"hzvf5LF9S0i" \
	"svBhDSauWMaIk\",\"register\":true}"

enum {
	STARTS = 30,
	SIGNALS = 24,
	SIGNAL_STEP_US = 4000, /* between the moments at which the signals come */
	BATCH = 20,
	LATE_STATUS = 7,     /* of tests/tools/late_plugin.c */
	STATUS_MAX = 98,     /* above: signals and sanitizers */
	STOP_LEAST_MS = 1000 /* what a stop takes when something hangs: else nothing did */
};

/* A port that is taken; whoever connects is never answered. */
static int listen_silently(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 64), 0);
	return fd;
}

static bool somebody_came(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, WAIT_MS) == 1;
}

/* "plugin PATH" and its options, for mosquitto.conf; caller frees. */
static char *late_plugin(const char *option)
{
	char path[PATH_MAX] = "", *so = text_fmt("%s/late_plugin.so", build_dir());

	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(so, path));
	free(so);
	return text_fmt("plugin %s\nplugin_opt_how %s", path, option);
}

/* --- starts that fail --- */

struct failing { /* of a broker_start() */
	struct broker b;
	struct sim *sim;
	int http;      /* a free port */
	int taken, fd; /* a port, and who has it */
};

/* http: port of lan.http; more: members for the whole file. */
static void configure(const struct failing *f, int http, const char *more, bool good_store)
{
	char *text = text_fmt(
		"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
		"\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},\"hub\":{\"host\":\"127.0.0.1\",\"port\":%d,\"tls\":false,"
		"\"min_reconnect_s\":1,\"register_url\":\"http://127.0.0.1:%d/device/register\"},"
		"\"lan\":{\"acl\":\"allow\",\"http\":\"127.0.0.1:%d\"},\"store\":{\"dir\":\"%s/%s\"},"
		"\"products\":[" PRODUCTS "],\"devices\":[" DEVICES "]%s}",
		sim_port(f->sim), f->taken, http, f->b.dir, good_store ? "store" : "hubgate.json", more);

	free(broker_file(&f->b, "hubgate.json", text, 0640));
	free(text);
}

static bool ends(struct failing *f, const char *conf)
{
	struct broker_opts o = { .plugin = true, .conf = conf };

	return broker_start(&f->b, &o) && broker_refused(&f->b);
}

/* The same, when ours had begun well. */
static bool ends_later(struct failing *f, const char *conf)
{
	return ends(f, conf) &&
	       (file_await(f->b.log, "gateway GWPRODUCT1/gw1 with 2 devices", NULL, 0) ||
	        harness_failed("the start did not come as far as it should"));
}

static bool port_is_taken(struct failing *f)
{
	char *conf = text_fmt("listener %d 127.0.0.1", f->taken);
	bool ok;

	configure(f, f->http, "", true);
	ok = ends_later(f, conf);
	free(conf);
	return ok;
}

static bool later_plugin_fails(struct failing *f)
{
	char *late = late_plugin("fail"), *conf = text_fmt("listener %d\n%s", f->b.port, late);
	bool ok;

	configure(f, f->http, "", true);
	ok = ends_later(f, conf) &&
	     file_await(f->b.log, "Plugin returned 13 when initialising", NULL, 0);
	free(late);
	free(conf);
	return ok;
}

static bool lan_http_is_taken(struct failing *f)
{
	configure(f, f->taken, "", true);
	return ends(f, "") && file_await(f->b.log, "not started: lan.http", NULL, 0);
}

static bool key_is_unknown(struct failing *f)
{
	configure(f, f->http, ",\"colour\":1", true);
	return ends(f, "");
}

static bool store_is_a_file(struct failing *f)
{
	configure(f, f->http, "", false);
	return ends(f, "");
}

static void starts_that_fail_end_well_and_never_come_to_the_hub(void)
{
	static bool (*const ways[])(struct failing * f) = {
		port_is_taken, later_plugin_fails, lan_http_is_taken, key_is_unknown, store_is_a_file,
	};
	const struct sim_opts so = { .registers = true };
	struct failing f = { .sim = sim_start(&so), .taken = port_free(), .http = port_free() };
	struct pollfd nobody;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f.sim);
	f.fd = listen_silently(f.taken);
	broker_init(&f.b);
	for (int i = 0; i < STARTS; i++)
		CU_ASSERT(ways[i % (int)(sizeof ways / sizeof ways[0])](&f));
	CU_ASSERT_EQUAL(sim_count_events(f.sim, "ev", "connect", NULL), 0);
	nobody = (struct pollfd){ .fd = f.fd, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&nobody, 1, 0), 0); /* no registration was begun either */
	close(f.fd);
	broker_fini(&f.b);
	sim_stop(f.sim);
}

static void start_after_one_that_failed_finds_everything_free(void)
{
	struct failing f = { .sim = sim_start(NULL), .taken = port_free(), .http = port_free() };
	char *late = late_plugin("fail"), *conf;
	struct broker_opts o = { .plugin = true };

	CU_ASSERT_PTR_NOT_NULL_FATAL(f.sim);
	broker_init(&f.b);
	configure(&f, f.http, "", true);
	conf = text_fmt("listener %d 127.0.0.1\nallow_anonymous true\n%s", f.b.port, late);
	CU_ASSERT(ends_later(&f, conf));
	conf[strlen(conf) - strlen(late)] = '\0';
	o.conf = conf;
	CU_ASSERT(broker_start(&f.b, &o));
	CU_ASSERT(broker_log_await(&f.b, "connected to the hub"));
	CU_ASSERT(broker_stop(&f.b));
	free(conf);
	free(late);
	broker_fini(&f.b);
	sim_stop(f.sim);
}

static bool crashed(int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	return (sig != 0 && sig != SIGTERM && sig != SIGHUP && sig != SIGINT) ||
	       (WIFEXITED(status) && WEXITSTATUS(status) > STATUS_MAX);
}

/* Until the broker handles signals they end it, as they would without us. */
static void signals_at_any_moment_of_a_start_do_not_crash_it(void)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGINT };
	struct failing f = { .sim = sim_start(NULL), .taken = port_free(), .http = port_free() };
	char *conf;
	struct broker_opts o = { .plugin = true };

	CU_ASSERT_PTR_NOT_NULL_FATAL(f.sim);
	broker_init(&f.b);
	configure(&f, f.http, "", true);
	conf = text_fmt("listener %d 127.0.0.1\nallow_anonymous true", f.b.port);
	o.conf = conf;
	for (int i = 0; i < SIGNALS; i++) {
		int status = 0;

		CU_ASSERT_FATAL(broker_start(&f.b, &o));
		usleep((useconds_t)(i * SIGNAL_STEP_US));
		proc_signal(f.b.proc, signals[i % 3]);
		if (proc_wait(f.b.proc, signals[i % 3] == SIGHUP ? 100 : WAIT_MS, &status) < 0) {
			proc_signal(f.b.proc, SIGTERM); /* it handled SIGHUP */
			CU_ASSERT(proc_wait(f.b.proc, WAIT_MS, &status) >= 0);
		}
		CU_ASSERT_FALSE(crashed(status));
		proc_free(f.b.proc);
		f.b.proc = NULL;
	}
	free(conf);
	broker_fini(&f.b);
	sim_stop(f.sim);
}

/* --- ends of a broker that serves --- */

struct stage {
	struct scene s;
	struct dev *d;         /* dev1, online at the hub */
	int fd;                /* where registrations go, with silent */
	char *ca, *cert, *key; /* of the simulator */
};

/* The link is TLS. Hubgate asks for dev2's secret at once; silent: and is never answered. */
static struct stage stage_start(bool silent, const char *conf)
{
	char *ca = scene_cert("ca.pem"), *cert = scene_cert("server.pem"),
		 *key = scene_cert("server.key");
	const struct sim_opts so = {
		.registers = true,
		.tls_ca = ca,
		.tls_cert = cert,
		.tls_key = key,
		.config = "{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
				  "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"gateway\":true},"
				  "{\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\",\"secret\":"
				  "\"ZGV2aWNlLW9uZS1wc2stLQ==\"},{\"product_id\":\"" PRODUCT
				  "\",\"device_name\":\"dev2\",\"secret\":\"ZGV2aWNlLXR3by1wc2stLQ==\"}],"
				  "\"bound\":[{\"gateway\":\"" GATEWAY "\",\"product_id\":\"" PRODUCT
				  "\",\"device_name\":\"dev1\"}],\"product_secrets\":{\"" PRODUCT
				  "\":\"hzvf5LF9S0isvBhDSauWMaIk\"},\"limits\":{\"connect_s\":1,\"rate_up\":30}}",
	};
	struct stage t = { .s.sim = sim_start(&so), .fd = -1, .ca = ca, .cert = cert, .key = key };
	int port = silent ? port_free() : sim_register_port(t.s.sim);
	char *patch = text_fmt(
		"{\"hub\":{\"min_reconnect_s\":1,\"max_reconnect_s\":1,\"register_url\":"
		"\"http://127.0.0.1:%d/device/register\"},\"presence\":{\"grace_ms\":200},"
		"\"lan\":{\"acl\":\"allow\"},\"products\":[" PRODUCTS "],\"devices\":[" DEVICES "]}",
		port);
	const struct lan_opts lo = { .patch = patch,
		                         .hub_port = sim_tls_port(t.s.sim),
		                         .hub_tls = true,
		                         .hub_ca = ca,
		                         .extra_conf = conf };

	CU_ASSERT_PTR_NOT_NULL_FATAL(t.s.sim);
	if (silent)
		t.fd = listen_silently(port);
	t.s.lan = lan_start(&lo);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t.s.lan);
	t.d = scene_online_device(&t.s, "dev1", NULL);
	free(patch);
	return t;
}

static void stage_end(struct stage *t)
{
	dev_disconnect(t->d);
	scene_end(&t->s);
	free(t->ca);
	free(t->cert);
	free(t->key);
	if (t->fd >= 0)
		close(t->fd);
}

/* What was acknowledged before the end is at the hub after the next start. */
static void expect_all_after_restart(struct stage *t, int count)
{
	CU_ASSERT_FATAL(lan_restart(t->s.lan));
	CU_ASSERT(scene_await_distinct(&t->s, "dev1", count, WAIT_MS));
	CU_ASSERT_EQUAL(scene_tally(&t->s, "dev1", "missing"), 0);
	CU_ASSERT_EQUAL(scene_tally(&t->s, "dev1", "reordered"), 0);
}

static void expect_clean_stop(struct stage *t, int least_ms)
{
	int ms = lan_stop(t->s.lan);

	CU_ASSERT(ms >= least_ms && ms <= scene_stop_max_ms());
	if (ms < least_ms || ms > scene_stop_max_ms())
		fprintf(stderr, "the stop took %d ms\n", ms);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&t->s, "offline", "dev1"));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(t->s.sim, WAIT_MS, "ev", "disconnect", "client", GATEWAY, NULL));
}

static void registration_that_hangs_delays_no_stop(void)
{
	struct stage t = stage_start(true, NULL);

	CU_ASSERT(somebody_came(t.fd));
	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	expect_clean_stop(&t, 0);
	CU_ASSERT_FALSE(lan_log_has(t.s.lan, "left behind"));
	expect_all_after_restart(&t, BATCH);
	stage_end(&t);
}

/* The shim with this setting, for brokers started from now on; back: what was preloaded before. */
static char *disk_is_slow(const char *name, const char *value)
{
	const char *before = getenv("HUBGATE_PRELOAD");
	char *so = text_fmt("%s/slowsync.so", build_dir()), *path = realpath(so, NULL);
	char *back = strdup(before ? before : ""), *all;

	CU_ASSERT_PTR_NOT_NULL_FATAL(path);
	all = text_fmt("%s %s", back, path);
	setenv("HUBGATE_PRELOAD", all, 1);
	setenv(name, value, 1);
	free(so);
	free(path);
	free(all);
	return back;
}

static void disk_is_well(const char *name, char *back)
{
	unsetenv(name);
	setenv("HUBGATE_PRELOAD", back, 1);
	free(back);
}

/* What a disk that hangs keeps: the secret in NET's hands, the messages in DISK's. */
static void disk_that_hangs_costs_no_device_its_offline_and_no_message(void)
{
	char *back = disk_is_slow("HUBGATE_SLOWSYNC", "6000");
	struct stage t = stage_start(false, NULL);

	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(t.s.sim, WAIT_MS, "ev", "register", "outcome", "ok", NULL));
	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	expect_clean_stop(&t, STOP_LEAST_MS);
	CU_ASSERT(lan_log_has(t.s.lan, "the store hangs and is left behind"));
	CU_ASSERT(lan_log_has(t.s.lan, "registration hangs and is left behind"));
	disk_is_well("HUBGATE_SLOWSYNC", back);
	expect_all_after_restart(&t, BATCH);
	stage_end(&t);
}

static void uplink_that_hangs_leaves_the_store_closed(void)
{
	char *dir = dir_make(), *file = text_fmt("%s/hangs", dir);
	char *back = disk_is_slow("HUBGATE_SLOWWRITE", file);
	struct stage t = stage_start(true, NULL);
	int ms;

	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&t.s, "dev1", BATCH, WAIT_MS));
	CU_ASSERT(file_write(file, "", 0600));
	/* Their ends are written down, and that hangs. */
	CU_ASSERT(scene_publish_run(t.d, EVENT, BATCH + 1, 2 * BATCH, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&t.s, EVENT, WAIT_MS));
	ms = lan_stop(t.s.lan);
	CU_ASSERT(ms >= STOP_LEAST_MS && ms <= scene_stop_max_ms());
	CU_ASSERT(lan_log_has(t.s.lan, "the uplink hangs and is left behind"));
	CU_ASSERT_FALSE(lan_log_has(t.s.lan, "the store hangs"));
	disk_is_well("HUBGATE_SLOWWRITE", back);
	expect_all_after_restart(&t, 2 * BATCH);
	stage_end(&t);
	dir_remove(dir);
	free(dir);
	free(file);
}

/* The hub takes packets and says nothing: its acknowledgements are not waited for longer than the
 * others' shares allow. */
static void hub_that_falls_silent_delays_no_stop(void)
{
	struct stage t = stage_start(true, NULL);
	int ms;

	CU_ASSERT(somebody_came(t.fd));
	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"fault\",\"mode\":\"blackhole\"}"));
	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	ms = lan_stop(t.s.lan);
	CU_ASSERT(ms >= 0 && ms <= scene_stop_max_ms());
	CU_ASSERT_FALSE(lan_log_has(t.s.lan, "left behind"));
	CU_ASSERT(sim_do(t.s.sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	expect_all_after_restart(&t, BATCH);
	stage_end(&t);
}

/* Ends the broker from inside with a message of this topic; true: with the status given. */
static bool end_by(struct stage *t, const char *topic)
{
	struct dev *c = client_connect(lan_port(t->s.lan), NULL);
	int status;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT(dev_publish(c, topic, "now", 0));
	status = lan_await_end(t->s.lan);
	dev_disconnect(c);
	return (WIFEXITED(status) && WEXITSTATUS(status) == LATE_STATUS) ||
	       harness_failed("status 0x%x", (unsigned)status);
}

static void exit_from_inside_the_broker_is_a_clean_stop(void)
{
	char *conf = late_plugin("exit");
	struct stage t = stage_start(true, conf);

	CU_ASSERT(somebody_came(t.fd));
	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	CU_ASSERT(end_by(&t, "late/exit"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&t.s, "offline", "dev1"));
	expect_all_after_restart(&t, BATCH);
	stage_end(&t);
	free(conf);
}

static void exit_of_another_thread_crashes_nothing_and_loses_nothing(void)
{
	char *conf = late_plugin("exit");
	struct stage t = stage_start(true, conf);

	CU_ASSERT(scene_publish_run(t.d, EVENT, 1, BATCH, WAIT_MS));
	CU_ASSERT(end_by(&t, "late/thread"));
	expect_all_after_restart(&t, BATCH);
	stage_end(&t);
	free(conf);
}

SUITE(stop, TEST(starts_that_fail_end_well_and_never_come_to_the_hub),
      TEST(start_after_one_that_failed_finds_everything_free),
      TEST(signals_at_any_moment_of_a_start_do_not_crash_it),
      TEST(registration_that_hangs_delays_no_stop),
      TEST(disk_that_hangs_costs_no_device_its_offline_and_no_message),
      TEST(uplink_that_hangs_leaves_the_store_closed), TEST(hub_that_falls_silent_delays_no_stop),
      TEST(exit_from_inside_the_broker_is_a_clean_stop),
      TEST(exit_of_another_thread_crashes_nothing_and_loses_nothing))
