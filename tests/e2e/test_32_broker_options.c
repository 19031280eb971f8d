/* Options of mosquitto.conf that do not go with hubgate: handled, or the start is refused with
 * place and fix (docs/troubleshooting.md). */
#include "tests/e2e/broker_start.h"
#include "tests/runner.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCT "SUBPRODUC1"
#define EVENT   PRODUCT "/dev1/event"
#define CONTROL PRODUCT "/dev1/control"
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="

enum {
	AWAIT_MS = 10000
};

/* --- refused --- */

static void put_config(const struct broker *b)
{
	char *text = text_fmt("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                      "\"secret\":\"" SECRET "\"},\"store\":{\"dir\":\"%s/store\"},"
	                      "\"hub\":{\"host\":\"127.0.0.1\",\"port\":1,\"tls\":false}}",
	                      b->dir);

	free(broker_file(b, "hubgate.json", text, 0600));
	free(text);
}

/* The number of the line that begins with text, from line `from` on; 0: none. */
static int line_of(const char *all, const char *text, int from)
{
	int n = 1;

	for (const char *at = all; at && *at; n++) {
		if (n >= from && strncmp(at, text, strlen(text)) == 0)
			return n;
		at = strchr(at, '\n');
		at += at != NULL;
	}
	return 0;
}

/* The start ends with "not started: FILE:LINE: WHAT", LINE being that of option. */
static bool refused_at(struct broker *b, const char *conf, const char *option, int from,
                       const char *what)
{
	struct broker_opts opts = { .plugin = true, .conf = conf };
	char *path = text_fmt("%s/mosquitto.conf", b->dir), *text, *line;
	bool ok = broker_start(b, &opts) && broker_refused(b);

	text = file_read(path);
	line = text_fmt("not started: %s:%d: %s", path, line_of(text, option, from), what);
	ok = ok && broker_said(b, line);
	free(path);
	free(text);
	free(line);
	return ok;
}

static void options_that_change_who_a_client_is_are_refused_with_line_and_fix(void)
{
	static const struct {
		const char *line, *option, *what;
	} rows[] = {
		{ "mount_point guests/", "mount_point",
		  "mount_point: puts a prefix before the topics of its clients, so that those of devices "
		  "and of the doorbell are not the hub's any more; take it out" },
		{ "use_username_as_clientid true", "use_username_as_clientid",
		  "use_username_as_clientid: gives a device another client id at each login, since its "
		  "user name is another one each time; take it out" },
	};
	struct broker b;

	broker_init(&b);
	put_config(&b);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *conf =
			text_fmt("listener %d 127.0.0.1\nallow_anonymous true\n%s", b.port, rows[i].line);

		CU_ASSERT(refused_at(&b, conf, rows[i].option, 1, rows[i].what));
		free(conf);
	}
	broker_fini(&b);
}

static void a_plugin_that_is_loaded_twice_is_refused_with_both_lines(void)
{
	char *name = text_fmt("%s/mosquitto_hubgate.so", build_dir()), so[PATH_MAX] = "", *conf, *what,
		 *path, *text;
	struct broker b;
	int first;

	broker_init(&b);
	put_config(&b);
	CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(name, so));
	path = text_fmt("%s/mosquitto.conf", b.dir);
	conf = text_fmt("listener %d 127.0.0.1\nplugin %s\nplugin_opt_config_file %s/hubgate.json",
	                b.port, so, b.dir);
	/* Where the harness writes it is known once the file was written. */
	CU_ASSERT(broker_start(&b, &(struct broker_opts){ .plugin = true, .conf = conf }));
	CU_ASSERT(broker_refused(&b));
	text = file_read(path);
	first = line_of(text, "plugin ", 1);
	what = text_fmt("plugin: hubgate is loaded a second time, first at %s:%d; keep one of the two "
	                "lines",
	                path, first);
	CU_ASSERT(refused_at(&b, conf, "plugin ", first + 1, what));
	free(name);
	free(conf);
	free(what);
	free(path);
	free(text);
	broker_fini(&b);
}

static const char bound[] =
	"plugin_load: binds hubgate to the listeners that use it: elsewhere anybody with a device's client "
	"id would be that device; load it for all, with global_plugin instead";

/* "not started: FILE:LINE: bound" of a mosquitto.conf that says so. */
static bool refuses_to_be_bound(struct broker *b, const char *so)
{
	char *conf = text_fmt("plugin_load hub %s\nplugin_opt_config_file %s/hubgate.json\nlistener %d "
	                      "127.0.0.1\nplugin_use hub\nlistener %d 127.0.0.2",
	                      so, b->dir, b->port, b->port);
	char *path = text_fmt("%s/mosquitto.conf", b->dir), *text, *line;
	bool ok = broker_start(b, &(struct broker_opts){ .conf = conf }) && broker_refused(b);

	text = file_read(path);
	line = text_fmt("not started: %s:%d: %s", path, line_of(text, "plugin_load", 1), bound);
	ok = ok && broker_said(b, line);
	free(conf);
	free(path);
	free(text);
	free(line);
	return ok;
}

/* Only 2.1 can do either. */
static void a_plugin_bound_to_one_listener_of_two_is_refused_and_a_global_one_serves_both(void)
{
	char *name = text_fmt("%s/mosquitto_hubgate.so", build_dir()), *so = realpath(name, NULL),
		 *conf;
	struct broker b;

	broker_init(&b);
	put_config(&b);
	conf = text_fmt("global_plugin %s\nplugin_opt_config_file %s/hubgate.json\nlistener %d "
	                "127.0.0.1\nlistener %d 127.0.0.2\nallow_anonymous true",
	                so, b.dir, b.port, b.port);
	if (broker_is("2.1")) {
		CU_ASSERT(refuses_to_be_bound(&b, so));
		CU_ASSERT(broker_start(&b, &(struct broker_opts){ .conf = conf }));
		CU_ASSERT(broker_log_await(&b, "doorbell: works over"));
		CU_ASSERT(broker_stop(&b));
	}
	free(conf);
	free(name);
	free(so);
	broker_fini(&b);
}

/* --- handled --- */

static void client_id_prefixes_let_the_doorbell_in(void)
{
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = { .hub_port = sim ? sim_port(sim) : 0,
		                     .extra_conf = "clientid_prefixes " PRODUCT };
	struct lan *lan = lan_start(&opts);
	struct dev *d;

	CU_ASSERT_PTR_NOT_NULL_FATAL(lan);
	CU_ASSERT(lan_log_await(lan, "doorbell: works over", AWAIT_MS));
	d = dev_connect(lan, PRODUCT, "dev1", SECRET, NULL);
	CU_ASSERT(d && dev_code(d) == 0);
	dev_disconnect(d);
	lan_free(lan);
	sim_stop(sim);
}

static void a_crowded_listener_is_warned_about_and_a_unix_socket_helps(void)
{
	char *lines = text_fmt("listener %d 127.0.0.1\nmax_connections 1", port_free());
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = { .hub_port = sim ? sim_port(sim) : 0, .extra_conf = lines };
	static const char warning[] = ": max_connections 1 leaves no place for the doorbell";
	struct lan *lan = lan_start(&opts);

	CU_ASSERT(lan && lan_log_await(lan, warning, AWAIT_MS));
	lan_free(lan);
	opts.unix_socket = true;
	lan = lan_start(&opts);
	CU_ASSERT(lan && lan_log_await(lan, "doorbell: works over unix:", AWAIT_MS));
	CU_ASSERT(lan && !lan_log_has(lan, warning));
	lan_free(lan);
	sim_stop(sim);
	free(lines);
}

/* Sparkplug, SQLite and the HTTP interface, of 2.1. */
static void what_comes_with_the_broker_loads_beside_hubgate(void)
{
	char *dir = dir_make(), *spark = broker_plugin("sparkplug_aware"), *lines;
	char *sqlite = broker_plugin("persist_sqlite");
	struct sim *sim = sim_start(NULL);
	struct lan_opts opts = { .hub_port = sim ? sim_port(sim) : 0 };
	struct lan *lan;
	struct dev *d;

	opts.extra_conf = lines =
		spark && sqlite ? text_fmt("plugin %s\nplugin %s\nplugin_opt_db_file %s/broker.db\n"
	                               "listener %d 127.0.0.1\nprotocol http_api",
	                               spark, sqlite, dir, port_free())
						: NULL;
	lan = lan_start(&opts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lan);
	CU_ASSERT(lan_log_await(lan, "doorbell: works over", AWAIT_MS));
	for (int i = 0; i < 2; i++) {
		d = dev_connect(lan, PRODUCT, "dev1", SECRET, &(struct dev_opts){ .persistent = true });
		CU_ASSERT_FATAL(d && dev_code(d) == 0);
		CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
		CU_ASSERT(i > 0 ||
		          sim_await_event(sim, AWAIT_MS, "ev", "subscribe", "filter", CONTROL, NULL));
		CU_ASSERT(dev_publish_acked(d, EVENT, "{}", AWAIT_MS));
		CU_ASSERT_PTR_NOT_NULL(
			sim_await_event(sim, AWAIT_MS, "ev", "publish", "topic", EVENT, NULL));
		CU_ASSERT(sim_publish(sim, CONTROL, "{\"on\":1}", 1));
		CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, CONTROL, AWAIT_MS));
		dev_disconnect(d);
		CU_ASSERT(lan_restart(lan));
	}
	lan_free(lan);
	sim_stop(sim);
	dir_remove(dir);
	free(dir);
	free(spark);
	free(sqlite);
	free(lines);
}

/* --- native bridges --- */

struct plant {
	struct broker other; /* no plugin: what the bridge leads to */
	struct sim *sim;
	struct lan *lan;
	struct dev *there, *device;
};

static void plant_start(struct plant *p, const char *patch)
{
	char *listener, *bridge;
	struct dev_opts there = { .client_id = "there" };
	struct lan_opts opts = { .patch = patch };

	broker_init(&p->other);
	listener = text_fmt("listener %d 127.0.0.1\nallow_anonymous true", p->other.port);
	bridge = text_fmt("connection plant\naddress 127.0.0.1:%d\nlocal_username plant\n"
	                  "topic # both 1",
	                  p->other.port);
	CU_ASSERT_FATAL(broker_start(&p->other, &(struct broker_opts){ .conf = listener }));
	CU_ASSERT_FATAL(port_await(p->other.proc, p->other.port, NULL, AWAIT_MS));
	p->sim = sim_start(NULL);
	opts.hub_port = p->sim ? sim_port(p->sim) : 0;
	opts.extra_conf = bridge;
	p->lan = lan_start(&opts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p->lan);
	CU_ASSERT(lan_log_await(p->lan, "topic # of a bridge covers topics of the hub", AWAIT_MS));
	p->there = client_connect(p->other.port, &there);
	p->device = dev_connect(p->lan, PRODUCT, "dev1", SECRET, NULL);
	CU_ASSERT_FATAL(p->there && p->device && dev_code(p->device) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(p->there, "hall/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(p->device, CONTROL, 1), 1);
	free(listener);
	free(bridge);
}

static void plant_stop(struct plant *p)
{
	dev_disconnect(p->there);
	dev_disconnect(p->device);
	lan_free(p->lan);
	sim_stop(p->sim);
	broker_fini(&p->other);
}

/* The bridge is up: what a client of the LAN publishes comes out at its other end. */
static void plant_bridged(struct plant *p, struct dev *here)
{
	int64_t end = now_ms() + AWAIT_MS;

	while (now_ms() < end && !dev_await_message(p->there, "hall/lamp", 100))
		dev_publish(here, "hall/lamp", "on", 1);
}

static void what_a_bridge_brings_to_topics_of_the_hub_is_refused_and_all_else_passes(void)
{
	struct dev_opts any = { .client_id = "here" };
	struct plant p;
	struct dev *here;

	plant_start(&p, NULL);
	here = client_connect(lan_port(p.lan), &any);
	CU_ASSERT_PTR_NOT_NULL_FATAL(here);
	CU_ASSERT_EQUAL(dev_subscribe(here, "hall/#", 1), 1);
	plant_bridged(&p, here);
	CU_ASSERT(dev_publish_acked(p.there, EVENT, "{\"forged\":1}", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(p.there, CONTROL, "{\"forged\":2}", AWAIT_MS));
	CU_ASSERT(dev_publish_acked(p.there, "hall/door", "open", AWAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(here, "hall/door", AWAIT_MS)); /* came last */
	CU_ASSERT(lan_log_has(p.lan, ": refused " EVENT ": topics of the hub are for their devices"));
	CU_ASSERT_EQUAL(dev_count_messages(p.device, CONTROL), 0);
	CU_ASSERT(dev_publish_acked(p.device, EVENT, "{}", AWAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(p.sim, AWAIT_MS, "ev", "publish", "topic", EVENT, NULL));
	CU_ASSERT_EQUAL(sim_count_events(p.sim, "ev", "publish", "topic", EVENT, NULL), 1);
	dev_disconnect(here);
	plant_stop(&p);
}

static void a_bridge_brings_what_apps_grants_its_user_name(void)
{
	struct plant p;
	const struct dev_message *m;
	int64_t end = now_ms() + AWAIT_MS;

	plant_start(&p, "{\"apps\":[{\"username\":\"plant\",\"topic\":\"" CONTROL
	                "\",\"access\":\"write\"}]}");
	do {
		dev_publish(p.there, CONTROL, "{\"on\":1}", 1);
		m = dev_await_message(p.device, CONTROL, 100);
	} while (!m && now_ms() < end);
	CU_ASSERT((m && strcmp(m->payload, "{\"on\":1}") == 0) ||
	          harness_failed("nothing came over the bridge"));
	plant_stop(&p);
}

SUITE(broker_options, TEST(options_that_change_who_a_client_is_are_refused_with_line_and_fix),
      TEST(a_plugin_that_is_loaded_twice_is_refused_with_both_lines),
      TEST(a_plugin_bound_to_one_listener_of_two_is_refused_and_a_global_one_serves_both),
      TEST(client_id_prefixes_let_the_doorbell_in),
      TEST(what_comes_with_the_broker_loads_beside_hubgate),
      TEST(a_crowded_listener_is_warned_about_and_a_unix_socket_helps),
      TEST(what_a_bridge_brings_to_topics_of_the_hub_is_refused_and_all_else_passes),
      TEST(a_bridge_brings_what_apps_grants_its_user_name))
