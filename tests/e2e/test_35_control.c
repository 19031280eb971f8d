/* Commands to the gateway, on the real broker: who may, and whether what is told is true. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/e2e/control_client.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define EVENT PRODUCT "/dev1/event"
#define DEV1  "\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\""
#define ROLES                                                                                 \
	",\"apps\":[{\"username\":\"watch\",\"role\":\"viewer\"},{\"username\":\"ops\",\"role\":" \
	"\"operator\"}]"

enum {
	BAR_US = 1024, /* histogram bounds are powers of two */
	LOADED_US = 32 * BAR_US,
	STREET = 1500,
	ROUNDS = 40,
};

/* --- who may --- */

static void the_token_lets_the_command_in_until_the_broker_ends(void)
{
	struct scene s = scene_start(NULL);
	char *token = control_token(s.lan), *path = text_fmt("%s/store/control.token", lan_dir(s.lan));
	struct dev *d = control_connect(s.lan);
	struct stat info;
	cJSON *a = control_ask(d, "status", NULL);

	CU_ASSERT(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
	CU_ASSERT_STRING_EQUAL(control_text(a, "hub.state"), "ready");
	cJSON_Delete(a);
	CU_ASSERT_EQUAL(dev_subscribe(d, "#", 1), 0x80);
	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/#", 1), 0x80);
	dev_disconnect(d);
	CU_ASSERT(lan_stop(s.lan) >= 0);
	CU_ASSERT(stat(path, &info) != 0);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	d = control_login(s.lan, token);
	CU_ASSERT(d && dev_code(d) != 0);
	dev_disconnect(d);
	d = control_connect(s.lan);
	lan_kill(s.lan);
	dev_disconnect(d);
	CU_ASSERT_FATAL(stat(path, &info) == 0); /* nobody was there to remove it */
	CU_ASSERT_FATAL(lan_restart(s.lan));
	dev_disconnect(control_connect(s.lan));
	CU_ASSERT_FALSE(lan_log_has(s.lan, token));
	free(path);
	free(token);
	scene_end(&s);
}

static void without_the_token_nobody_is_the_command(void)
{
	struct scene s = scene_start(NULL); /* allow_anonymous */
	const struct dev_opts bare = { .client_id = "x", .username = "$hubgate-control" };
	const struct dev_opts guest = { .client_id = "g", .username = "guest", .password = "x" };
	struct dev *d =
		control_login(s.lan, "0000000000000000000000000000000000000000000000000000000000000000");
	struct dev *device = scene_device(&s, "dev1", NULL);

	CU_ASSERT(d && dev_code(d) != 0);
	dev_disconnect(d);
	d = client_connect(lan_port(s.lan), &bare);
	CU_ASSERT(d && dev_code(d) != 0);
	dev_disconnect(d);
	CU_ASSERT(lan_log_has(s.lan, "wrong token"));
	CU_ASSERT_EQUAL(dev_subscribe(device, CONTROL_RESPONSE, 1), 0x80);
	d = client_connect(lan_port(s.lan), &guest);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 0x80);
	dev_disconnect(d);
	dev_disconnect(device);
	scene_end(&s);
}

static struct dev *enter(struct scene *s, const char *user)
{
	const struct dev_opts o = { .client_id = user, .username = user, .password = "right" };
	struct dev *d = client_connect(lan_port(s->lan), &o);

	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	return d;
}

static void a_viewer_reads_and_changes_nothing(void)
{
	const struct scene_opts o = { .user = "watch", .more = ROLES };
	struct scene s = scene_start(&o);
	struct dev *d = enter(&s, "watch");
	cJSON *a;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 1);
	a = control_ask(d, "getDevice", DEV1);
	CU_ASSERT_STRING_EQUAL(control_text(a, "origin"), "configured");
	cJSON_Delete(a);
	CU_ASSERT_PTR_NOT_NULL(strstr(control_error(d, "register", DEV1), "needs the role operator"));
	CU_ASSERT_FALSE(lan_log_has(s.lan, "control: "));
	dev_disconnect(d);
	scene_end(&s);
}

static void an_operator_changes_and_every_change_is_a_line(void)
{
	const struct scene_opts o = { .user = "ops", .more = ROLES };
	struct scene s = scene_start(&o);
	struct dev *d = enter(&s, "ops");

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 1);
	CU_ASSERT_STRING_EQUAL(control_error(d, "firmwareResume", "\"version\":\"9\""),
	                       "no such version is stopped");
	CU_ASSERT(lan_log_await(s.lan, "control: ops (ops) did firmwareResume version=9", WAIT_MS));
	dev_disconnect(d);
	scene_end(&s);
}

static void a_role_is_void_where_the_broker_checks_no_usernames(void)
{
	const struct scene_opts o = { .more = ROLES };
	struct scene s = scene_start(&o);
	struct dev *d = enter(&s, "ops");

	CU_ASSERT(lan_log_has(s.lan, "apps[1]: the role of ops is void"));
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 0x80);
	dev_disconnect(d);
	scene_end(&s);
}

/* --- what is told --- */

static bool await_device(struct dev *asker, const char *path, double value)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	double is;

	do {
		cJSON *a = control_ask(asker, "getDevice", DEV1);

		is = control_number(a, path);
		cJSON_Delete(a);
	} while (is != value && now_ms() < end_ms);
	return is == value;
}

static void a_device_is_told_as_its_client_and_the_hub_saw_it(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan), *d;
	cJSON *a;

	CU_ASSERT(await_device(asker, "present", 0));
	CU_ASSERT(await_device(asker, "online", 0));
	CU_ASSERT(await_device(asker, "bound", 1)); /* on the hub's list */
	d = scene_online_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT(await_device(asker, "online", 1));
	CU_ASSERT(scene_publish_run(d, EVENT, 1, 3, WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "dev1", 3, WAIT_MS));
	CU_ASSERT(await_device(asker, "queued", 0));
	a = control_ask(asker, "getDevice", DEV1);
	CU_ASSERT_EQUAL(control_number(a, "present"), 1);
	CU_ASSERT_EQUAL(control_number(a, "keepalive_s"), 60);
	CU_ASSERT_STRING_EQUAL(control_text(a, "protocol"), "MQTT 3.1.1");
	CU_ASSERT_STRING_EQUAL(control_text(a, "address"), "127.0.0.1");
	CU_ASSERT_STRING_EQUAL(control_text(a, "client_id"), PRODUCT "dev1");
	CU_ASSERT_STRING_EQUAL(control_text(a, "subscriptions.0"), PRODUCT "/dev1/control");
	CU_ASSERT(control_number(a, "last_heard_s") >= 0);
	cJSON_Delete(a);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"unbind\",\"gateway\":\"" GATEWAY "\",\"device\":\"" PRODUCT
	                        "/dev1\"}"));
	CU_ASSERT(await_device(asker, "bound", 0));
	CU_ASSERT(await_device(asker, "online", 0));
	CU_ASSERT(scene_publish_run(d, EVENT, 4, 5, WAIT_MS));
	CU_ASSERT(await_device(asker, "queued", 2));
	dev_disconnect(d);
	CU_ASSERT(await_device(asker, "present", 0));
	dev_disconnect(asker);
	scene_end(&s);
}

#define DEV2    "\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev2\""
#define CONTROL PRODUCT "/dev1/control"

/* Until a member of a device is this text. */
static bool await_text(struct dev *asker, const char *device, const char *path, const char *part)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	bool found;

	do {
		cJSON *a = control_ask(asker, "getDevice", device);

		found = strstr(control_text(a, path), part) != NULL;
		cJSON_Delete(a);
	} while (!found && now_ms() < end_ms);
	return found;
}

static double shadow_at_hub(struct scene *s)
{
	cJSON *answer = sim_command(s->sim, "{\"cmd\":\"shadow\",\"device\":\"" PRODUCT "/dev1\"}");
	double version = scene_number(answer, "version");

	cJSON_Delete(answer);
	return version;
}

static void refusals_commands_and_shadows_are_told_as_they_are_at_the_hub(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan), *d = scene_online_device(&s, "dev1", NULL), *d2;
	int64_t end_ms = now_ms() + WAIT_MS;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	CU_ASSERT_EQUAL(dev_subscribe(d, "$shadow/operation/result/" PRODUCT "/dev1", 0), 0);
	CU_ASSERT(dev_publish(d, "$shadow/operation/" PRODUCT "/dev1",
	                      "{\"type\":\"update\",\"state\":{\"reported\":{\"power\":\"on\"}},"
	                      "\"version\":0,\"clientToken\":\"1\"}",
	                      0));
	CU_ASSERT_PTR_NOT_NULL(
		dev_await_message(d, "$shadow/operation/result/" PRODUCT "/dev1", WAIT_MS));
	CU_ASSERT(await_device(asker, "shadow.dirty", 0));
	while (shadow_at_hub(&s) < 1 && now_ms() < end_ms)
		sim_look_for_event(s.sim, 100, "ev", "none", NULL);
	CU_ASSERT(await_device(asker, "shadow_version", shadow_at_hub(&s)));
	dev_drop(d);
	CU_ASSERT(scene_await_metric(&s, "devices_present", 0));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{}", 1));
	CU_ASSERT(await_device(asker, "commands", 2));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_result\",\"op\":\"online\",\"device\":\"" PRODUCT
	                        "/dev2\",\"result\":806,\"count\":1}"));
	d2 = scene_device(&s, "dev2", NULL);
	CU_ASSERT(await_text(asker, DEV2, "refusal.fix", "unbind it there first"));
	CU_ASSERT(await_text(asker, DEV2, "refusal.text", "bound to another gateway"));
	CU_ASSERT(await_text(asker, DEV2, "refusal.op", "online"));
	dev_disconnect(d2);
	dev_disconnect(asker);
	scene_end(&s);
}

static void devices_that_are_spoken_for_are_told_with_who_makes_them(void)
{
	const struct scene_opts o = {
		.user = "z2m",
		.street = 1,
		.more =
			",\"mappings\":[{\"product_id\":\"" PRODUCT "\",\"device\":\"none\",\"up\":\"x/y\"},"
			"{\"client\":\"z2m\",\"product_id\":\"" PRODUCT
			"\",\"up\":\"z/{name}\",\"device\":\"{name}\",\"known_only\":true}]",
	};
	struct scene s = scene_start(&o);
	struct dev *asker = control_connect(s.lan), *z = enter(&s, "z2m");
	cJSON *a;

	CU_ASSERT(dev_publish_acked(z, "z/s1", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(scene_await_distinct(&s, "s1", 1, WAIT_MS));
	a = control_ask(asker, "getDevice", "\"product_id\":\"" PRODUCT "\",\"device_name\":\"s1\"");
	CU_ASSERT_STRING_EQUAL(control_text(a, "origin"), "mapped");
	CU_ASSERT_EQUAL(control_number(a, "mapping"), 1);
	CU_ASSERT_STRING_EQUAL(control_text(a, "address"), "");
	cJSON_Delete(a);
	dev_disconnect(z);
	dev_disconnect(asker);
	scene_end(&s);
}

static void the_status_tells_what_clients_and_the_hub_counted(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan), *d = scene_online_device(&s, "dev1", NULL);
	cJSON *a;

	CU_ASSERT(scene_publish_run(d, EVENT, 1, 20, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 20));
	a = control_ask(asker, "status", NULL);
	CU_ASSERT_EQUAL(control_number(a, "metrics.messages_accepted_total"), 20);
	CU_ASSERT_EQUAL(control_number(a, "metrics.messages_delivered_total"), 20);
	CU_ASSERT_EQUAL(control_number(a, "queue.messages"), 0);
	CU_ASSERT_EQUAL(control_number(a, "devices.known"), 2);
	CU_ASSERT_EQUAL(control_number(a, "devices.present"), 1);
	CU_ASSERT_EQUAL(control_number(a, "devices.online"), 1);
	CU_ASSERT_EQUAL(control_number(a, "pid"), lan_pid(s.lan));
	CU_ASSERT(strlen(control_text(a, "broker")) >= 3 && broker_is(control_text(a, "broker")));
	CU_ASSERT_STRING_EQUAL(control_text(a, "gateway.device_name"), "gw1");
	CU_ASSERT_EQUAL(control_number(a, "hub.port"), sim_port(s.sim));
	cJSON_Delete(a);
	dev_disconnect(d);
	dev_disconnect(asker);
	scene_end(&s);
}

/* Until the status has this text there. */
static bool await_status(struct dev *asker, const char *path, const char *part)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	bool found;

	do {
		cJSON *a = control_ask(asker, "status", NULL);

		found = strstr(control_text(a, path), part) != NULL;
		cJSON_Delete(a);
	} while (!found && now_ms() < end_ms);
	return found;
}

static void a_refused_login_says_why_and_what_to_do(void)
{
	const struct scene_opts o = { .hub_unreached = true,
		                          .more =
		                              ",\"gateway\":{\"secret\":\"d3JvbmctZ2F0ZXdheS1wc2s=\"}" };
	struct scene s = scene_start(&o);
	struct dev *asker = control_connect(s.lan);
	cJSON *a;

	CU_ASSERT(await_status(asker, "hub.reason", "login refused with code "));
	a = control_ask(asker, "status", NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(control_text(a, "hub.fix"), "check gateway.secret"));
	CU_ASSERT(control_number(a, "hub.since_s") >= 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(control_text(a, "errors.0.line"), "login refused"));
	CU_ASSERT_STRING_EQUAL(control_text(a, "errors.0.level"), "warn");
	cJSON_Delete(a);
	dev_disconnect(asker);
	scene_end(&s);
}

static void a_topic_that_is_not_declared_is_named_and_its_age_told(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan), *d = scene_online_device(&s, "dev1", NULL);
	cJSON *a;

	CU_ASSERT(scene_publish_run(d, EVENT, 1, 3, WAIT_MS));
	CU_ASSERT(scene_await_delivered(&s, 3));
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev1/odd", "{}", WAIT_MS));
	CU_ASSERT(scene_publish_run(d, EVENT, 4, 6, WAIT_MS));
	CU_ASSERT(await_status(asker, "suspect_topics.0", PRODUCT "/odd"));
	a = control_ask(asker, "status", NULL);
	CU_ASSERT(control_number(a, "queue.messages") >= 1);
	CU_ASSERT(control_number(a, "queue.oldest_age_s") >= 1);
	CU_ASSERT(control_number(a, "hub.round_trip_ms") >= 1);
	cJSON_Delete(a);
	dev_disconnect(d);
	dev_disconnect(asker);
	scene_end(&s);
}

static void what_waits_is_told_by_device_as_it_was_acknowledged(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan);
	struct dev *d1 = scene_online_device(&s, "dev1", NULL), *d2 = scene_device(&s, "dev2", NULL);
	cJSON *a;

	sim_kill(s.sim);
	CU_ASSERT(lan_log_await(s.lan, "messages wait", WAIT_MS));
	CU_ASSERT(scene_publish_run(d1, EVENT, 1, 3, WAIT_MS));
	CU_ASSERT(scene_publish_run(d2, PRODUCT "/dev2/event", 1, 5, WAIT_MS));
	a = control_ask(asker, "listQueue", NULL);
	CU_ASSERT_EQUAL(control_number(a, "messages"), 8);
	CU_ASSERT_EQUAL(control_number(a, "complete"), 1);
	CU_ASSERT_STRING_EQUAL(control_text(a, "devices.0.name"), PRODUCT "/dev2");
	CU_ASSERT_EQUAL(control_number(a, "devices.0.messages"), 5);
	CU_ASSERT_EQUAL(control_number(a, "devices.1.messages"), 3);
	cJSON_Delete(a);
	a = control_ask(asker, "getHub", NULL);
	CU_ASSERT_STRING_EQUAL(control_text(a, "doorbell"), "connected");
	CU_ASSERT_STRING_EQUAL(control_text(a, "http.state"), "off");
	CU_ASSERT(control_text(a, "reason")[0] != '\0');
	cJSON_Delete(a);
	CU_ASSERT_FATAL(sim_restart(s.sim));
	CU_ASSERT(scene_await_distinct(&s, "dev2", 5, WAIT_MS));
	CU_ASSERT(await_device(asker, "queued", 0));
	dev_disconnect(d1);
	dev_disconnect(d2);
	dev_disconnect(asker);
	scene_end(&s);
}

static void a_reload_by_command_is_answered_with_what_came_of_it(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan);
	cJSON *a;

	CU_ASSERT(lan_configure(s.lan, "{\"hub\":{\"window\":0},\"presence\":{\"grace_ms\":-1}}"));
	CU_ASSERT_PTR_NOT_NULL(strstr(control_error(asker, "reload", NULL), "hub.window"));
	CU_ASSERT_PTR_NOT_NULL(strstr(control_error(asker, "reload", NULL), "presence.grace_ms"));
	CU_ASSERT(lan_configure(s.lan, "{\"hub\":{\"window\":7,\"keepalive\":100}}"));
	a = control_ask(asker, "reload", NULL);
	CU_ASSERT_PTR_NOT_NULL(cJSON_GetObjectItem(a, "data"));
	CU_ASSERT_PTR_NOT_NULL(cJSON_GetObjectItem(cJSON_GetObjectItem(a, "data"), "said"));
	cJSON_Delete(a);
	CU_ASSERT(
		lan_log_await(s.lan, "control: hubgate-1-test ($hubgate-control) did reload", WAIT_MS));
	dev_disconnect(asker);
	scene_end(&s);
}

static void dead_letters_reach_the_hub_when_they_are_sent_again(void)
{
	struct scene s = scene_start(NULL);
	struct dev *asker = control_connect(s.lan), *d = scene_online_device(&s, "dev1", NULL);
	char *path = text_fmt("%s/store/dead-letter.jsonl", lan_dir(s.lan));
	cJSON *a;

	CU_ASSERT_FATAL(file_write(path,
	                           "{\"time\":\"2026-11-24T02:30:00Z\",\"product_id\":\"" PRODUCT
	                           "\",\"device_name\":\"dev1\",\"topic\":\"" EVENT
	                           "\",\"reason\":\"r\",\"qos\":1,\"payload\":\"{\\\"seq\\\":7}\"}\n",
	                           0600));
	a = control_ask(asker, "listDeadLetters", NULL);
	CU_ASSERT_EQUAL(control_number(a, "total"), 1);
	CU_ASSERT_STRING_EQUAL(control_text(a, "letters.0.topic"), EVENT);
	CU_ASSERT_EQUAL(control_number(a, "letters.0.bytes"), 9);
	cJSON_Delete(a);
	a = control_ask(asker, "resendDeadLetters", NULL);
	CU_ASSERT_EQUAL(control_number(a, "count"), 1);
	cJSON_Delete(a);
	CU_ASSERT(scene_await_distinct(&s, "dev1", 1, WAIT_MS));
	a = control_ask(asker, "listDeadLetters", NULL);
	CU_ASSERT_EQUAL(control_number(a, "total"), 0);
	cJSON_Delete(a);
	free(path);
	dev_disconnect(d);
	dev_disconnect(asker);
	scene_end(&s);
}

/* --- many --- */

/* Members for hubgate.json; caller frees. */
static char *street(int count)
{
	size_t size = 128 + 128 * (size_t)count, used;
	char *text = malloc(size);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	used = (size_t)snprintf(text, size, ",\"devices\":[");
	for (int i = 1; i <= count; i++)
		used += (size_t)snprintf(text + used, size - used,
		                         "%s{\"product_id\":\"" PRODUCT
		                         "\",\"device_name\":\"s%d\",\"plain\":true}",
		                         i > 1 ? "," : "", i);
	snprintf(text + used, size - used, "]");
	return text;
}

/* Pages until the end; how many devices they had. */
static int list_all(struct dev *asker, const char *members, int *pages)
{
	char *next = strdup("");
	int count = 0;

	*pages = 0;
	do {
		char *more = text_fmt("%s%s%s%s%s", members, *members && *next ? "," : "",
		                      *next ? "\"from\":\"" : "", next, *next ? "\"" : "");
		cJSON *a = control_ask(asker, "listDevices", more);

		count += cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetObjectItem(a, "data"), "devices"));
		free(more);
		free(next);
		next = strdup(control_text(a, "next"));
		cJSON_Delete(a);
	} while (*next && ++*pages < STREET);
	++*pages;
	free(next);
	return count;
}

static void six_hundred_devices_come_in_pages_of_at_most_64_kib(void)
{
	char *more = street(600);
	const struct scene_opts o = { .more = more };
	struct scene s = scene_start(&o);
	struct dev *asker = control_connect(s.lan);
	int pages;

	CU_ASSERT_EQUAL(list_all(asker, "", &pages), 600);
	CU_ASSERT(pages >= 3);
	CU_ASSERT_EQUAL(list_all(asker, "\"count\":50", &pages), 600);
	CU_ASSERT_EQUAL(pages, 12);
	dev_disconnect(asker);
	scene_end(&s);
	free(more);
}

/* A quantile of the histogram of all callbacks; -1: none. */
static long callbacks_us(struct scene *s, const char *quantile)
{
	char *topic = text_fmt("callback_us/all/%s", quantile), *text = scene_sys(s, topic);
	long us = text ? atol(text) : -1;

	free(text);
	free(topic);
	return us;
}

static void fifteen_hundred_devices_are_told_without_a_long_turn(void)
{
	char *more = street(STREET);
	const struct scene_opts o = { .more = more, .hub_rate = 1000 };
	struct scene s = scene_start(&o);
	struct dev *asker = control_connect(s.lan);
	long us;
	int pages;

	for (int round = 0; round < ROUNDS; round++)
		CU_ASSERT_EQUAL(list_all(asker, "", &pages), STREET);
	/* In a crowd the processor is taken away in the middle of one callback or another. */
	us = callbacks_us(&s, machine_is_crowded() ? "p99" : "p999");
	fprintf(stderr, "%d lists of %d devices: callbacks at most %ld us (bar %d)\n", ROUNDS, STREET,
	        us, BAR_US);
	CU_ASSERT(us > 0 && us <= (machine_is_crowded() ? LOADED_US : BAR_US));
	dev_disconnect(asker);
	scene_end(&s);
	free(more);
}

SUITE(control, TEST(the_token_lets_the_command_in_until_the_broker_ends),
      TEST(without_the_token_nobody_is_the_command), TEST(a_viewer_reads_and_changes_nothing),
      TEST(an_operator_changes_and_every_change_is_a_line),
      TEST(a_role_is_void_where_the_broker_checks_no_usernames),
      TEST(a_device_is_told_as_its_client_and_the_hub_saw_it),
      TEST(refusals_commands_and_shadows_are_told_as_they_are_at_the_hub),
      TEST(devices_that_are_spoken_for_are_told_with_who_makes_them),
      TEST(the_status_tells_what_clients_and_the_hub_counted),
      TEST(a_refused_login_says_why_and_what_to_do),
      TEST(a_topic_that_is_not_declared_is_named_and_its_age_told),
      TEST(what_waits_is_told_by_device_as_it_was_acknowledged),
      TEST(a_reload_by_command_is_answered_with_what_came_of_it),
      TEST(dead_letters_reach_the_hub_when_they_are_sent_again),
      TEST(six_hundred_devices_come_in_pages_of_at_most_64_kib),
      TEST(fifteen_hundred_devices_are_told_without_a_long_turn))
