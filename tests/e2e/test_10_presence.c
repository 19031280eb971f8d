/* Who is on the LAN is online at the hub, nobody else, and nothing but coming and going tells. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENT   PRODUCT "/dev1/event"
#define CONTROL PRODUCT "/dev1/control"

#define NO_BIND ",\"gateway\":{\"bind\":false}" /* the console binds */

enum {
	GRACE_MS = 300,
	LONG_GRACE_MS = 800
};

/* dev2 leaves: everything that dev1 did before would have told the hub by the time it says so. */
static bool later_event_comes(struct scene *s, struct dev *dev2)
{
	dev_disconnect(dev2);
	return scene_await(s, "offline", "dev2") != NULL;
}

static void device_is_online_before_its_first_message_arrives(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = scene_device(&s, "dev1", NULL);
	const cJSON *first, *online;

	CU_ASSERT(dev_publish(d, EVENT, "{\"qos\":0}", 0));
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"qos\":1}", WAIT_MS));
	first = scene_await_publish(&s, EVENT, WAIT_MS);
	online = scene_await(&s, "online", "dev1");
	CU_ASSERT(scene_number(online, "n") > 0);
	CU_ASSERT(scene_number(online, "n") < scene_number(first, "n"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void device_that_leaves_is_offline_after_the_grace_time(void)
{
	const struct scene_opts o = { .grace_ms = GRACE_MS };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	int64_t left_ms = now_ms();
	const cJSON *offline;

	dev_disconnect(d);
	offline = scene_await(&s, "offline", "dev1");
	CU_ASSERT(scene_number(offline, "t") >= (double)(left_ms + GRACE_MS));
	CU_ASSERT(scene_number(offline, "t") < (double)(left_ms + GRACE_MS + 1000));
	CU_ASSERT_EQUAL(scene_number(offline, "result"), 0);
	scene_end(&s);
}

static void flap_inside_the_grace_time_sends_nothing(void)
{
	const struct scene_opts o = { .grace_ms = LONG_GRACE_MS };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);

	for (int i = 0; i < 3; i++) {
		dev_drop(d);
		d = scene_device(&s, "dev1", NULL);
	}
	CU_ASSERT(later_event_comes(&s, other));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev1"), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void take_over_by_the_same_client_id_keeps_the_device_online(void)
{
	struct scene s = scene_start(NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);
	struct dev *old = scene_online_device(&s, "dev1", NULL);
	struct dev *d = scene_device(&s, "dev1", NULL);

	CU_ASSERT(dev_await_disconnect(old, WAIT_MS));
	CU_ASSERT(later_event_comes(&s, other));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev1"), 1);
	CU_ASSERT(dev_publish_acked(d, EVENT, "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	dev_drop(old);
	dev_disconnect(d);
	scene_end(&s);
}

static void failed_login_with_a_live_devices_id_changes_nothing(void)
{
	struct scene s = scene_start(NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);
	const struct dev_opts wrong[] = {
		{ .password = "0000;hmacsha1" },
		{ .password = "" },
		{ .username = "" },
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct dev *thief =
			dev_connect(s.lan, PRODUCT, "dev1", "ZGV2aWNlLW9uZS1wc2stLQ==", &wrong[i]);

		CU_ASSERT_FATAL(thief != NULL);
		CU_ASSERT_EQUAL(dev_code(thief), 5);
		dev_drop(thief);
	}
	CU_ASSERT(later_event_comes(&s, other));
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev1"), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void kept_session_gets_commands_sent_while_away_and_stays_online_after_it_resumes(void)
{
	const struct dev_opts kept = { .persistent = true };
	struct scene s = scene_start(NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);
	struct dev *d = scene_online_device(&s, "dev1", &kept);
	const struct dev_message *m;

	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL, 1), 1);
	CU_ASSERT(scene_await_filter(&s, CONTROL));
	dev_drop(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"n\":1}", 1));
	CU_ASSERT(sim_publish(s.sim, CONTROL, "{\"n\":2}", 1));
	d = scene_online_device(&s, "dev1", &kept);
	m = dev_await_message(d, CONTROL, WAIT_MS);
	CU_ASSERT(m && strcmp(m->payload, "{\"n\":1}") == 0);
	m = dev_await_message(d, CONTROL, WAIT_MS);
	CU_ASSERT(m && strcmp(m->payload, "{\"n\":2}") == 0);
	CU_ASSERT(later_event_comes(&s, other));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 1);
	CU_ASSERT_EQUAL(dev_count_messages(d, CONTROL), 2);
	dev_disconnect(d);
	scene_end(&s);
}

/* Its signature is good for a moment only. */
static struct dev *device_with_short_signature(struct scene *s, time_t until)
{
	char *user = text_fmt(PRODUCT "dev1;12010126;abcde;%ld", (long)until);
	const struct dev_opts o = { .username = user };
	struct dev *d = scene_online_device(s, "dev1", &o);

	free(user);
	return d;
}

static void reload_disconnects_nobody_and_changes_no_presence(void)
{
	const struct dev_opts kept = { .persistent = true };
	struct scene s = scene_start(NULL);
	struct dev *away = scene_online_device(&s, "dev2", &kept);
	time_t until = time(NULL) + 1;
	struct dev *d = device_with_short_signature(&s, until);

	dev_drop(away); /* its session is kept, and asked about in the reload */
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	while (time(NULL) <= until)
		usleep(10000);
	lan_reload(s.lan);
	CU_ASSERT(lan_log_await(s.lan, "Reloading config.", WAIT_MS));
	CU_ASSERT(dev_publish_acked(d, EVENT, "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev1"), 1);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev2"), 1);
	dev_disconnect(d);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 1);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev2"), 1);
	scene_end(&s);
}

/* Connects, says `bytes` and leaves. */
static bool scan(int port, const void *bytes, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
	if (ok && len > 0)
		ok = send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
	if (fd >= 0)
		close(fd);
	return ok;
}

static void port_scans_and_garbage_change_nothing(void)
{
	static const char half[] = "\x10\x40\x00\x04MQTT\x04\x02\x00\x3c\x00\x0eSUBPRODUC1dev1";
	static const char whole[] = "\x10\x1a\x00\x04MQTT\x04\x02\x00\x3c\x00\x0eSUBPRODUC1dev1";
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: broker\r\n\r\n\xff\xff\xff\xff";
	struct scene s = scene_start(NULL);
	struct dev *other = scene_online_device(&s, "dev2", NULL);
	struct dev *d = scene_online_device(&s, "dev1", NULL);

	for (int i = 0; i < 10; i++) {
		CU_ASSERT(scan(lan_port(s.lan), NULL, 0));
		CU_ASSERT(scan(lan_port(s.lan), garbage, sizeof garbage - 1));
		CU_ASSERT(scan(lan_port(s.lan), half, sizeof half - 1));
		CU_ASSERT(scan(lan_port(s.lan), whole, sizeof whole - 1));
	}
	CU_ASSERT(dev_publish_acked(d, EVENT, "{}", WAIT_MS));
	CU_ASSERT(later_event_comes(&s, other));
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev1"), 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void end_of_the_broker_takes_all_devices_offline_in_two_seconds(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);
	int took_ms = lan_stop(s.lan);

	CU_ASSERT(took_ms >= 0 && took_ms <= scene_stop_max_ms());
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev2"));
	dev_drop(one);
	dev_drop(two);
	scene_end(&s);
}

static void devices_that_return_after_a_kill_of_the_broker_are_online_again(void)
{
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", NULL);
	struct dev *two = scene_online_device(&s, "dev2", NULL);

	lan_kill(s.lan);
	CU_ASSERT(dev_await_disconnect(one, WAIT_MS));
	CU_ASSERT_FATAL(lan_restart(s.lan));
	CU_ASSERT(dev_reconnect(one));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT(dev_publish_acked(one, EVENT, "{}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_EQUAL(scene_count(&s, "online", "dev2"), 1);
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	dev_disconnect(one);
	dev_drop(two);
	scene_end(&s);
}

static void unbound_device_comes_online_when_it_is_bound_and_the_notice_is_acknowledged(void)
{
	const struct scene_opts o = { .dev2_unbound = true, .more = NO_BIND };
	struct scene s = scene_start(&o);
	struct dev *d = scene_device(&s, "dev2", NULL);
	const cJSON *ev = scene_await(&s, "online", "dev2");

	CU_ASSERT_EQUAL(scene_number(ev, "result"), -1);
	CU_ASSERT(dev_connected(d));
	CU_ASSERT(sim_do(
		s.sim, "{\"cmd\":\"bind\",\"device\":\"SUBPRODUC1/dev2\",\"gateway\":\"GWPRODUCT1/gw1\"}"));
	CU_ASSERT_PTR_NOT_NULL(sim_await_event(s.sim, WAIT_MS, "ev", "change_ack", "gateway", GATEWAY,
	                                       "result", "0", NULL));
	ev = scene_await(&s, "online", "dev2");
	CU_ASSERT_EQUAL(scene_number(ev, "result"), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void unbound_device_is_asked_for_again_when_it_returns(void)
{
	const struct scene_opts o = { .dev2_unbound = true, .grace_ms = 1, .more = NO_BIND };
	struct scene s = scene_start(&o);
	struct dev *d = scene_device(&s, "dev2", NULL);
	struct dev *marker = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "online", "dev2"), "result"), -1);
	dev_disconnect(d);
	dev_disconnect(marker);
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	d = scene_device(&s, "dev2", NULL);
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "online", "dev2"), "result"), -1);
	dev_disconnect(d);
	scene_end(&s);
}

static void failure_and_silence_of_the_hub_are_retried(void)
{
	const struct scene_opts o = { .hub = ",\"request_timeout_s\":1" };
	struct scene s = scene_start(&o);
	struct dev *one, *two;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_result\",\"op\":\"online\","
	                        "\"device\":\"SUBPRODUC1/dev1\",\"result\":-2,\"count\":1}"));
	one = scene_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "online", "dev1"), "result"), -2);
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_silent\",\"op\":\"online\",\"count\":1}"));
	two = scene_device(&s, "dev2", NULL);
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "online", "dev1"), "result"), 0);
	CU_ASSERT_EQUAL(scene_number(scene_await(&s, "online", "dev2"), "result"), 0);
	CU_ASSERT_EQUAL(sim_stat(s.sim, "gateway.requests.online"), 4);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

/* Its commands go on to its connection, which may live; the first thing that it says counts. */
static void device_with_keep_alive_0_that_falls_silent_is_offline_until_its_next_message(void)
{
	const struct scene_opts o = { .more = ",\"presence\":{\"grace_ms\":200,\"silence_s\":1}" };
	const struct dev_opts unwatched = { .keepalive = -1 };
	struct scene s = scene_start(&o);
	struct dev *d = scene_online_device(&s, "dev1", &unwatched);
	struct dev *watched = scene_online_device(&s, "dev2", NULL);

	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT(dev_publish_acked(d, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "online", "dev1"));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	CU_ASSERT(dev_connected(d));
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev2"), 0);
	dev_disconnect(d);
	dev_disconnect(watched);
	scene_end(&s);
}

static void by_default_a_device_with_keep_alive_0_stays_online_and_the_log_says_so_once(void)
{
	const struct dev_opts unwatched = { .keepalive = -1 };
	struct scene s = scene_start(NULL);
	struct dev *one = scene_online_device(&s, "dev1", &unwatched);
	struct dev *two = scene_online_device(&s, "dev2", &unwatched);
	char *count = scene_sys(&s, "devices_unwatched");

	CU_ASSERT_EQUAL(scene_log_count(&s, "logged in with keep alive 0"), 1);
	CU_ASSERT_STRING_EQUAL(count ? count : "", "2");
	CU_ASSERT_EQUAL(scene_count(&s, "offline", "dev1"), 0);
	free(count);
	dev_disconnect(one);
	dev_disconnect(two);
	scene_end(&s);
}

SUITE(presence, TEST(device_is_online_before_its_first_message_arrives),
      TEST(device_that_leaves_is_offline_after_the_grace_time),
      TEST(flap_inside_the_grace_time_sends_nothing),
      TEST(take_over_by_the_same_client_id_keeps_the_device_online),
      TEST(failed_login_with_a_live_devices_id_changes_nothing),
      TEST(kept_session_gets_commands_sent_while_away_and_stays_online_after_it_resumes),
      TEST(reload_disconnects_nobody_and_changes_no_presence),
      TEST(port_scans_and_garbage_change_nothing),
      TEST(end_of_the_broker_takes_all_devices_offline_in_two_seconds),
      TEST(devices_that_return_after_a_kill_of_the_broker_are_online_again),
      TEST(unbound_device_comes_online_when_it_is_bound_and_the_notice_is_acknowledged),
      TEST(unbound_device_is_asked_for_again_when_it_returns),
      TEST(failure_and_silence_of_the_hub_are_retried),
      TEST(device_with_keep_alive_0_that_falls_silent_is_offline_until_its_next_message),
      TEST(by_default_a_device_with_keep_alive_0_stays_online_and_the_log_says_so_once))
