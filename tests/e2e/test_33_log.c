/* What stands in the log: once per change of a state, and nothing that nobody needs. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define EVENT   PRODUCT "/dev1/event"
#define CONTROL PRODUCT "/dev1/control"
#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="
#define KEY_HEX "6465766963652d6f6e652d70736b2d2d" /* the same, decoded */

enum {
	TRIES = 300,
	LOGINS = 100,
	LOG_MAX = 1024 * 1024,
};

/* --- who is wrong for ever --- */

/* Lines of hubgate that say so. */
static int lines_with(struct scene *s, const char *text)
{
	char *line = text_fmt("hubgate: %s", text);
	int n = scene_log_count(s, line);

	free(line);
	return n;
}

static void device_that_is_wrong_for_ever_costs_one_line(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	for (int i = 0; i < TRIES; i++) {
		CU_ASSERT(dev_publish(d, PRODUCT "/dev2/event", "{}", 0));
		CU_ASSERT(dev_publish_acked(d, "nonsense", "{}", WAIT_MS));
	}
	for (int i = 0; i < LOGINS; i++)
		CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev2/control", 1), 0x80);
	CU_ASSERT_EQUAL(lines_with(&s, PRODUCT "dev1: refused " PRODUCT "/dev2/event: "), 1);
	CU_ASSERT_EQUAL(lines_with(&s, PRODUCT "dev1: refused nonsense: "), 1);
	CU_ASSERT_EQUAL(lines_with(&s, PRODUCT "dev1: refused " PRODUCT "/dev2/control: "), 1);
	CU_ASSERT_EQUAL(scene_log_count(&s, "refused"), 3);
	dev_disconnect(d);
	scene_end(&s);
}

/* -1: no CONNACK. */
static int try_login(struct scene *s, const char *name, const char *secret, const char *client_id)
{
	const struct dev_opts o = { .client_id = client_id };
	struct dev *d = dev_connect(s->lan, PRODUCT, name, secret, &o);
	int code = d ? dev_code(d) : -1;

	dev_disconnect(d);
	return code;
}

/* The client ids of the second are ever new ones, as libraries make them. */
static void wrong_secret_and_unknown_name_cost_one_line_each_however_often_they_try(void)
{
	struct scene s = scene_start(NULL);
	char id[16];

	for (int i = 0; i < LOGINS; i++) {
		snprintf(id, sizeof id, "auto-%d", i);
		CU_ASSERT_EQUAL(try_login(&s, "dev1", "d3JvbmctZGV2aWNlLXBzaw==", NULL), 5);
		CU_ASSERT_EQUAL(try_login(&s, "dev1", "d3JvbmctZGV2aWNlLXBzaw==", id), 5);
		CU_ASSERT_EQUAL(try_login(&s, "nobody", SECRET, NULL), 5);
	}
	CU_ASSERT_EQUAL(lines_with(&s, "login of " PRODUCT "dev1 from "), 1);
	CU_ASSERT_EQUAL(lines_with(&s, "login of " PRODUCT "nobody from "), 1);
	CU_ASSERT_EQUAL(scene_log_count(&s, "refused"), 2);
	CU_ASSERT_EQUAL(try_login(&s, "dev1", SECRET, NULL), 0);
	CU_ASSERT_EQUAL(try_login(&s, "dev1", "d3JvbmctZGV2aWNlLXBzaw==", NULL), 5);
	CU_ASSERT_EQUAL(lines_with(&s, "login of " PRODUCT "dev1 from "), 2); /* it had been mended */
	scene_end(&s);
}

static void client_that_is_no_device_costs_one_line_for_a_topic_of_the_hub(void)
{
	struct scene s = scene_start(NULL);
	char id[16];

	for (int i = 0; i < LOGINS; i++) {
		const struct dev_opts o = { .client_id = id };
		struct dev *d;

		snprintf(id, sizeof id, "guest-%d", i);
		d = client_connect(lan_port(s.lan), &o);
		CU_ASSERT(d && dev_publish_acked(d, EVENT, "{}", WAIT_MS));
		CU_ASSERT(d && dev_publish_acked(d, "home/lamp", "{}", WAIT_MS));
		dev_disconnect(d);
	}
	CU_ASSERT_EQUAL(lines_with(&s, "guest-0: refused " EVENT ": topics of the hub"), 1);
	CU_ASSERT_EQUAL(scene_log_count(&s, "refused"), 1);
	scene_end(&s);
}

/* --- a day without trouble --- */

/* Parts of lines of the broker and of hubgate; the time before them is not looked at. */
static const char *const expected[] = {
	"mosquitto version ",
	"Config loaded from ",
	"Loading plugin: ",
	"Opening ipv4 listen socket",
	"Opening ipv6 listen socket",
	"Opening unix listen socket",
	"New connection from ",
	"New client connected from ",
	"Client ",
	"Saving in-memory database",
	"Restored ",
	"Starting in local only mode",
	"Create a configuration file",
	"running",
	"terminating",
	"hubgate: 0.",
	"hubgate: this broker lets usernames in without checking",
	"hubgate: doorbell: works over ",
	"hubgate: connected to the hub ",
	"hubgate: " PRODUCT "/dev1 is online at the hub",
	"hubgate: " PRODUCT "/dev1 was bound to this gateway",
	"hubgate: " PRODUCT "/dev1 is offline at the hub",
	/* what log_type all adds */
	"Mosquitto should not be run as root",
	"No will message specified",
	"Sending ",
	"Received ",
	"Denied PUBLISH from hubgate-",
	" (QoS ",
	PRODUCT "dev1 1 " PRODUCT,
	" 0 $SYS/broker/version", /* the doorbell subscribes it */
	/* Whether the port of TLS is open the harness asks by a connection that says nothing. */
	"unexpected eof while reading",
};

static bool is_expected(const char *line)
{
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		if (strstr(line, expected[i]))
			return true;
	}
	return line[0] == '\0';
}

static void log_is_as_expected(const struct lan *lan)
{
	static char log[LOG_MAX];
	char *path = text_fmt("%s/mosquitto.log", lan_dir(lan)), *rest = log;
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(log, 1, sizeof log - 1, f) : 0;

	log[len] = '\0';
	CU_ASSERT(len > 0);
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (!is_expected(line))
			printf("unexpected: %s\n", line);
		CU_ASSERT(is_expected(line));
	}
	if (f)
		fclose(f);
	free(path);
}

/* A device comes, sends, hears, and stays to the end. A port of 0: that of the TLS listener. */
static void a_day(struct lan_opts opts, struct dev_opts dev_opts)
{
	struct sim *sim = sim_start(NULL);
	char *username = cred_username(PRODUCT, "dev1");
	struct lan *lan;
	struct dev *d;

	opts.hub_port = sim ? sim_port(sim) : 0;
	lan = lan_start(&opts);
	CU_ASSERT_FATAL(lan != NULL);
	CU_ASSERT(lan_log_await(lan, "doorbell: works over ", WAIT_MS));
	if (dev_opts.tls_ca)
		dev_opts.port = lan_tls_port(lan);
	dev_opts.username = username;
	d = dev_opts.psk ? client_connect(dev_opts.port, &dev_opts)
	                 : dev_connect(lan, PRODUCT, "dev1", SECRET, &dev_opts);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(sim, WAIT_MS, "ev", "subscribe", "filter", CONTROL, NULL));
	CU_ASSERT(sim_publish(sim, CONTROL, "{\"on\":1}", 1));
	CU_ASSERT_PTR_NOT_NULL(dev_await_message(d, CONTROL, WAIT_MS));
	CU_ASSERT(lan_stop(lan) >= 0);
	log_is_as_expected(lan);
	dev_drop(d);
	lan_free(lan);
	sim_stop(sim);
	free(username);
}

static void start_run_and_stop_over_a_plain_listener_say_what_is_expected_and_no_more(void)
{
	a_day((struct lan_opts){ 0 }, (struct dev_opts){ 0 });
}

static void start_run_and_stop_over_tls_say_what_is_expected_and_no_more(void)
{
	char *dir = dir_make();
	char *cert = text_fmt("%s/server.pem", dir), *key = text_fmt("%s/server.key", dir);
	char *ca = text_fmt("%s/ca.pem", dir);

	CU_ASSERT_TRUE(certs_make(dir, "client"));
	a_day((struct lan_opts){ .no_plain = true, .tls_cert = cert, .tls_key = key },
	      (struct dev_opts){ .tls_ca = ca });
	dir_remove(dir);
	free(dir);
	free(cert);
	free(key);
	free(ca);
}

static void start_run_and_stop_beside_a_psk_listener_say_what_is_expected_and_no_more(void)
{
	int port = port_free();
	char *lines = text_fmt("listener %d 127.0.0.1\npsk_hint hubgate\ntls_version tlsv1.2\n", port);

	a_day((struct lan_opts){ .extra_conf = lines },
	      (struct dev_opts){ .port = port,
	                         .client_id = PRODUCT "dev1",
	                         .psk = KEY_HEX,
	                         .psk_identity = PRODUCT "dev1" });
	free(lines);
}

SUITE(log, TEST(device_that_is_wrong_for_ever_costs_one_line),
      TEST(wrong_secret_and_unknown_name_cost_one_line_each_however_often_they_try),
      TEST(client_that_is_no_device_costs_one_line_for_a_topic_of_the_hub),
      TEST(start_run_and_stop_over_a_plain_listener_say_what_is_expected_and_no_more),
      TEST(start_run_and_stop_over_tls_say_what_is_expected_and_no_more),
      TEST(start_run_and_stop_beside_a_psk_listener_say_what_is_expected_and_no_more))
