#include "bridge/admin/admin.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clocks.h"
#include "core/base/room.h"
#include "core/hub/uplink_state.h"
#include "tests/port.h"
#include "tests/runner.h"

#define TOKEN  "0123456789abcdef"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"

enum {
	WAIT_MS = 10000,
	SLOW = 256,
	REPLY_MAX = 4 << 20,
};

static struct admin *a;
static struct admin_conf conf;
static char listen_text[32];
static int port;
static atomic_int rings;
static char reply[REPLY_MAX];

/* --- the log --- */

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[16384];

static void note(void *ctx, enum log_level level, const char *line)
{
	size_t len;

	(void)ctx;
	(void)level;
	pthread_mutex_lock(&said_lock);
	len = strlen(said);
	snprintf(said + len, sizeof(said) - len, "%s\n", line);
	pthread_mutex_unlock(&said_lock);
}

static const struct log test_log = { note, NULL };

static int said_count(const char *text)
{
	int n = 0;

	pthread_mutex_lock(&said_lock);
	for (const char *at = said; (at = strstr(at, text)); at++)
		n++;
	pthread_mutex_unlock(&said_lock);
	return n;
}

/* --- life --- */

static void ring(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&rings, 1);
}

static void begin(const char *token)
{
	char why[LISTEN_SOCKET_WHY_MAX];

	room_enter(ROOM_BROKER);
	said[0] = '\0';
	port = port_pick();
	snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%d", port);
	conf = (struct admin_conf){ .listen = listen_text,
		                        .token = token,
		                        .hosts = "gw.lan",
		                        .version = "1.2.3",
		                        .log = &test_log,
		                        .ring = ring };
	CU_ASSERT_EQUAL_FATAL(admin_open(&conf, why, &a), ST_OK);
	CU_ASSERT_EQUAL_FATAL(admin_start(a), ST_OK);
}

static void end(void)
{
	CU_ASSERT(admin_stop(a, WAIT_MS));
	admin_close(a);
	room_enter(ROOM_NONE);
}

static void tell(const char *status, bool ready)
{
	struct snapshot *s = snapshot_new();

	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT_EQUAL_FATAL(buf_add_text(&s->status, status), ST_OK);
	s->ready = ready;
	s->state = ready ? "ready" : "waiting";
	s->oldest_age_s = SNAPSHOT_UNKNOWN;
	metric_set(&s->metrics, M_ACCEPTED, 17);
	admin_tell(a, s);
}

static void tell_devices(int count)
{
	struct device_rows *l = device_rows_new((size_t)count);

	for (int i = 0; i < count; i++) {
		struct device_row row = { .present = true,
			                      .bound = DEVICE_ROWS_UNKNOWN,
			                      .shadow_version = DEVICE_ROWS_UNKNOWN,
			                      .queued = i };
		char json[64];
		int len = snprintf(json, sizeof(json), "{\"device_name\":\"d%d\"}", i);

		snprintf(row.name, sizeof(row.name), "SUBPRODUC1/d%d", i);
		CU_ASSERT_EQUAL(device_rows_add(l, &row, json, (size_t)len), ST_OK);
	}
	admin_tell_devices(a, l);
}

/* --- a client --- */

static int dial(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)port),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_FATAL(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

static void say(int fd, const char *text)
{
	CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads behind what is in reply, until text is there or the other side closed. */
static bool hear(int fd, const char *text)
{
	int64_t end_ms = clocks_monotonic_ms() + WAIT_MS;
	size_t len = strlen(reply);

	while (!text || !strstr(reply, text)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, 100) == 0 && clocks_monotonic_ms() < end_ms)
			continue;
		n = recv(fd, reply + len, sizeof(reply) - 1 - len, 0);
		if (n <= 0)
			return !text && n == 0;
		len += (size_t)n;
		reply[len] = '\0';
	}
	return true;
}

static int ask_of(const char *method, const char *path, const char *host, const char *headers)
{
	char request[1024];
	int fd = dial(), status = -1;

	snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n%s%s%sConnection: close\r\n%s\r\n",
	         method, path, host ? "Host: " : "", host ? host : "", host ? "\r\n" : "", headers);
	say(fd, request);
	reply[0] = '\0';
	CU_ASSERT(hear(fd, NULL));
	close(fd);
	sscanf(reply, "HTTP/1.1 %d", &status);
	return status;
}

static int ask(const char *path, const char *headers)
{
	return ask_of("GET", path, "127.0.0.1:8188", headers);
}

static bool replied(const char *text)
{
	bool there = strstr(reply, text) != NULL;

	if (!there)
		fprintf(stderr, "not there: %s in %.600s\n", text, reply);
	return there;
}

/* --- tests --- */

static void await_ready(int status)
{
	int64_t end_ms = clocks_monotonic_ms() + WAIT_MS;

	while (ask("/readyz", "") != status && clocks_monotonic_ms() < end_ms)
		;
	CU_ASSERT_EQUAL(ask("/readyz", ""), status);
}

static void health_is_the_brokers_and_readiness_the_links_and_neither_needs_the_token(void)
{
	begin(TOKEN);
	CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
	CU_ASSERT_EQUAL(ask("/readyz", ""), 503);
	tell("{}", false);
	await_ready(503);
	CU_ASSERT(replied("the link to the hub: waiting"));
	tell("{}", true);
	await_ready(200);
	admin_turn(a, clocks_monotonic_ms() - ADMIN_DEAF_MS);
	CU_ASSERT_EQUAL(ask("/healthz", ""), 503);
	admin_turn(a, clocks_monotonic_ms());
	CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
	end();
}

static void everything_else_needs_the_token_which_no_url_carries(void)
{
	static const char *const paths[] = {
		"/",     "/metrics",       "/metrics?devices=1",          "/events",
		"/none", "/?token=" TOKEN, "/metrics?access_token=" TOKEN
	};

	begin(TOKEN);
	tell("{}", true);
	await_ready(200);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		CU_ASSERT_EQUAL(ask(paths[i], ""), 401);
		CU_ASSERT(replied("WWW-Authenticate: Basic realm=\"hubgate\""));
		CU_ASSERT_EQUAL(ask(paths[i], "Authorization: Bearer 0123456789abcdeg\r\n"), 401);
	}
	CU_ASSERT_EQUAL(ask("/", BEARER), 200);
	CU_ASSERT_EQUAL(ask("/", "Authorization: Basic eDowMTIzNDU2Nzg5YWJjZGVm\r\n"), 200);
	CU_ASSERT_EQUAL(ask("/metrics", BEARER), 200);
	CU_ASSERT_EQUAL(ask("/none", BEARER), 404);
	CU_ASSERT_EQUAL(said_count("shows a wrong token"), 1);
	CU_ASSERT_EQUAL(said_count(TOKEN), 0);
	end();
}

static void without_a_token_nobody_is_asked_for_one(void)
{
	begin("");
	CU_ASSERT_EQUAL(ask("/", ""), 200);
	CU_ASSERT(!strstr(reply, "WWW-Authenticate"));
	end();
}

static void request_under_another_name_gets_421_whatever_it_asks(void)
{
	static const char *const paths[] = {
		"/", "/healthz", "/readyz", "/metrics", "/events", "/none"
	};

	begin(TOKEN);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		CU_ASSERT_EQUAL(ask_of("GET", paths[i], "evil.example", BEARER), 421);
		CU_ASSERT_EQUAL(ask_of("GET", paths[i], "gw.lan.evil.example", BEARER), 421);
	}
	CU_ASSERT_EQUAL(ask_of("GET", "/", "gw.lan:8188", BEARER), 200);
	CU_ASSERT_EQUAL(ask_of("GET", "/", "localhost", BEARER), 200);
	CU_ASSERT_EQUAL(ask_of("GET", "/", "[::1]:8188", BEARER), 200);
	CU_ASSERT_EQUAL(
		said_count("under the name \"evil.example\"; if it is this machine's, add it to "
	               "admin.hosts"),
		1);
	end();
}

static void nothing_can_be_changed(void)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS", "PATCH" };

	begin("");
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		CU_ASSERT_EQUAL(ask_of(methods[i], "/", "127.0.0.1", "Content-Length: 0\r\n"), 405);
	CU_ASSERT_EQUAL(ask_of("HEAD", "/", "127.0.0.1", ""), 200);
	CU_ASSERT_PTR_NULL(strstr(reply, "<html"));
	CU_ASSERT_EQUAL(ask_of("GET", "/", "127.0.0.1", "Content-Length: 3\r\n\r\nabc"), 200);
	end();
}

static void every_reply_forbids_scripts_of_others_frames_and_caches_and_sets_no_cookie(void)
{
	static const char *const paths[] = { "/", "/healthz", "/metrics", "/none" };

	begin("");
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		ask(paths[i], "");
		CU_ASSERT(replied("Content-Security-Policy: default-src 'none'; script-src 'sha256-"));
		CU_ASSERT(replied("connect-src 'self'"));
		CU_ASSERT(replied("frame-ancestors 'none'"));
		CU_ASSERT(replied("X-Content-Type-Options: nosniff"));
		CU_ASSERT(replied("Cache-Control: no-store"));
		CU_ASSERT(replied("Referrer-Policy: no-referrer"));
		CU_ASSERT_PTR_NULL(strstr(reply, "Set-Cookie"));
		CU_ASSERT_PTR_NULL(strstr(reply, "Access-Control"));
	}
	end();
}

static void page_names_no_other_host_and_writes_no_markup(void)
{
	begin("");
	CU_ASSERT_EQUAL(ask("/", ""), 200);
	CU_ASSERT(replied("<!DOCTYPE html>"));
	CU_ASSERT(replied("</script></body></html>"));
	CU_ASSERT_PTR_NULL(strstr(reply, "https://"));
	CU_ASSERT_PTR_NULL(
		strstr(strstr(reply, "http://") ? strstr(reply, "http://") + 1 : "", "http://"));
	CU_ASSERT(!strstr(reply, "http://") || strstr(reply, "http://www.w3.org/2000/svg"));
	CU_ASSERT_PTR_NULL(strstr(reply, "innerHTML"));
	CU_ASSERT_PTR_NULL(strstr(reply, "insertAdjacent"));
	CU_ASSERT_PTR_NULL(strstr(reply, "document.write"));
	end();
}

static void page_has_words_for_every_state_of_the_link_in_both_languages(void)
{
	begin("");
	CU_ASSERT_EQUAL(ask("/", ""), 200);
	for (int i = 0; i <= UPLINK_LEAVING; i++) {
		char quoted[64], bare[64];
		int n = 0;

		snprintf(quoted, sizeof(quoted), "'%s': '", uplink_state_text((enum uplink_state)i));
		snprintf(bare, sizeof(bare), " %s: '", uplink_state_text((enum uplink_state)i));
		for (const char *at = reply; (at = strstr(at, quoted)); at++)
			n++;
		for (const char *at = reply; (at = strstr(at, bare)); at++)
			n++;
		CU_ASSERT_EQUAL(n, 2);
	}
	end();
}

static void metrics_are_those_of_the_last_snapshot(void)
{
	begin("");
	CU_ASSERT_EQUAL(ask("/metrics", ""), 503);
	tell("{}", true);
	await_ready(200);
	CU_ASSERT_EQUAL(ask("/metrics", ""), 200);
	CU_ASSERT(replied("Content-Type: text/plain; version=0.0.4"));
	CU_ASSERT(replied("\nhubgate_messages_accepted_total 17\n"));
	CU_ASSERT(replied("\nhubgate_info{version=\"1.2.3\"} 1\n"));
	CU_ASSERT(replied("\nhubgate_oldest_message_age_seconds 0\n"));
	CU_ASSERT_PTR_NULL(strstr(reply, "hubgate_device_"));
	end();
}

static void devices_are_asked_for_and_waited_for_when_nobody_had_looked(void)
{
	int fd, before;

	begin("");
	tell("{}", true);
	await_ready(200);
	CU_ASSERT_FALSE(admin_wants_devices(a, clocks_monotonic_ms()));
	before = atomic_load(&rings);
	fd = dial();
	say(fd, "GET /metrics?devices=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
	for (int64_t end_ms = clocks_monotonic_ms() + WAIT_MS;
	     atomic_load(&rings) == before && clocks_monotonic_ms() < end_ms;)
		CU_ASSERT_EQUAL(ask("/healthz", ""), 200); /* nobody else waits */
	CU_ASSERT(admin_wants_devices(a, clocks_monotonic_ms()));
	tell_devices(3);
	reply[0] = '\0';
	CU_ASSERT(hear(fd, NULL));
	close(fd);
	CU_ASSERT(
		replied("\nhubgate_device_present{product_id=\"SUBPRODUC1\",device_name=\"d2\"} 1\n"));
	CU_ASSERT(replied(
		"\nhubgate_device_messages_queued{product_id=\"SUBPRODUC1\",device_name=\"d2\"} 2\n"));
	CU_ASSERT_PTR_NULL(strstr(reply, "device_bound{")); /* not known */
	end();
}

static void who_waits_for_devices_that_never_come_is_told_so(void)
{
	begin("");
	tell("{}", true);
	await_ready(200);
	CU_ASSERT_EQUAL(ask("/metrics?devices=1", ""), 503);
	CU_ASSERT_EQUAL(ask("/metrics", ""), 200);
	end();
}

static int open_stream(const char *query)
{
	char request[256];
	int fd = dial();

	snprintf(request, sizeof(request), "GET /events%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", query);
	say(fd, request);
	reply[0] = '\0';
	return fd;
}

static void stream_tells_status_history_and_its_page_of_devices_as_they_change(void)
{
	int fd;

	begin("");
	tell("{\"n\":1}", true);
	await_ready(200);
	fd = open_stream("?only=all&find=D1");
	CU_ASSERT(hear(fd, "event: status\ndata: {\"n\":1}\n\n"));
	CU_ASSERT(hear(fd, "event: history\ndata: {\"step_s\":10,"));
	CU_ASSERT(replied("Content-Type: text/event-stream"));
	tell_devices(2);
	CU_ASSERT(hear(fd, "event: devices\ndata: {\"total\":2,\"matching\":1,\"from\":0,\"devices\":"
	                   "[{\"device_name\":\"d1\"}]}\n\n"));
	reply[0] = '\0';
	tell_devices(2); /* the same: nothing to tell */
	tell("{\"n\":2}", true);
	CU_ASSERT(hear(fd, "event: status\ndata: {\"n\":2}\n\n"));
	tell("{\"n\":3}", true);
	CU_ASSERT(hear(fd, "event: status\ndata: {\"n\":3}\n\n"));
	CU_ASSERT_PTR_NULL(strstr(reply, "event: devices"));
	CU_ASSERT_PTR_NULL(strstr(reply, "event: history"));
	close(fd);
	end();
}

static void sixteen_pages_are_open_at_once_and_one_that_closes_makes_room(void)
{
	int fd[ADMIN_STREAMS], more;
	int64_t end_ms;

	begin("");
	tell("{}", true);
	await_ready(200);
	for (int i = 0; i < ADMIN_STREAMS; i++) {
		fd[i] = open_stream("");
		CU_ASSERT(hear(fd[i], "event: status"));
	}
	CU_ASSERT_EQUAL(ask("/events", ""), 503);
	CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
	close(fd[0]);
	end_ms = clocks_monotonic_ms() + WAIT_MS;
	do { /* nothing is told meanwhile: that it closed is heard */
		more = open_stream("");
		CU_ASSERT(hear(more, "\r\n\r\n"));
		if (strstr(reply, "200 OK"))
			break;
		close(more);
	} while (clocks_monotonic_ms() < end_ms);
	CU_ASSERT(replied("200 OK"));
	close(more);
	for (int i = 1; i < ADMIN_STREAMS; i++)
		close(fd[i]);
	end();
}

static void page_that_takes_nothing_is_closed_and_costs_no_memory_meanwhile(void)
{
	static char large[SNAPSHOT_STATUS_MAX / 2];
	int fd;
	int64_t end_ms = clocks_monotonic_ms() + ADMIN_DRAIN_MS + 1000;

	begin("");
	memset(large, ' ', sizeof(large) - 1);
	large[0] = '{';
	large[sizeof(large) - 2] = '}';
	tell("{}", true);
	await_ready(200);
	fd = open_stream("");
	do
		tell(large, true);
	while (poll(NULL, 0, 100) == 0 && clocks_monotonic_ms() < end_ms);
	CU_ASSERT(hear(fd, NULL)); /* what was on its way, and the end */
	CU_ASSERT(strlen(reply) < 8 * sizeof(large));
	admin_turn(a, clocks_monotonic_ms());
	CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
	close(fd);
	end();
}

static void slow_connections_do_not_keep_a_health_check_away(void)
{
	int slow[SLOW], kept = 0;

	begin("");
	for (int i = 0; i < SLOW; i++) {
		slow[i] = dial();
		send(slow[i], "GET / HTTP/1.1\r\nHost: 127", 24, MSG_NOSIGNAL);
	}
	for (int i = 0; i < 20; i++) {
		int64_t began_ms = clocks_monotonic_ms();

		CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
		CU_ASSERT(clocks_monotonic_ms() - began_ms < 1000);
	}
	for (int i = 0; i < SLOW; i++) {
		struct pollfd p = { .fd = slow[i], .events = POLLRDHUP };

		kept += poll(&p, 1, 0) == 0;
	}
	CU_ASSERT(kept <= 64);
	CU_ASSERT_EQUAL(said_count("admin.http: more than 64 connections at once"), 1);
	for (int i = 0; i < SLOW; i++)
		close(slow[i]);
	end();
}

static void address_in_use_is_refused_with_what_to_do(void)
{
	struct admin *second = NULL;
	char why[LISTEN_SOCKET_WHY_MAX];

	begin("");
	CU_ASSERT_EQUAL(admin_open(&conf, why, &second), ST_IO);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "a free port"));
	end();
}

static void it_ends_with_pages_open_and_requests_waiting(void)
{
	int stream, waits;

	begin("");
	tell("{}", true);
	await_ready(200);
	stream = open_stream("");
	CU_ASSERT(hear(stream, "event: status"));
	waits = dial();
	say(waits, "GET /metrics?devices=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	CU_ASSERT_EQUAL(ask("/healthz", ""), 200);
	end();
	close(stream);
	close(waits);
}

SUITE(admin, TEST(health_is_the_brokers_and_readiness_the_links_and_neither_needs_the_token),
      TEST(everything_else_needs_the_token_which_no_url_carries),
      TEST(without_a_token_nobody_is_asked_for_one),
      TEST(request_under_another_name_gets_421_whatever_it_asks), TEST(nothing_can_be_changed),
      TEST(every_reply_forbids_scripts_of_others_frames_and_caches_and_sets_no_cookie),
      TEST(page_names_no_other_host_and_writes_no_markup),
      TEST(page_has_words_for_every_state_of_the_link_in_both_languages),
      TEST(metrics_are_those_of_the_last_snapshot),
      TEST(devices_are_asked_for_and_waited_for_when_nobody_had_looked),
      TEST(who_waits_for_devices_that_never_come_is_told_so),
      TEST(stream_tells_status_history_and_its_page_of_devices_as_they_change),
      TEST(sixteen_pages_are_open_at_once_and_one_that_closes_makes_room),
      TEST(page_that_takes_nothing_is_closed_and_costs_no_memory_meanwhile),
      TEST(slow_connections_do_not_keep_a_health_check_away),
      TEST(address_in_use_is_refused_with_what_to_do),
      TEST(it_ends_with_pages_open_and_requests_waiting))
