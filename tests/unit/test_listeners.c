#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/doorbell/listeners.h"
#include "tests/fakes/certs.h"
#include "tests/runner.h"

static struct listener found[LISTENERS_MAX];
static size_t count;

static void scan(void)
{
	count = listeners_find(found, LISTENERS_MAX);
}

/* Position in the last scan, or -1. */
static int place_of(const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(found[i].text, text) == 0)
			return (int)i;
	}
	return -1;
}

static int open_inet(const char *address, bool listening, char *text, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &in.sin_addr);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	CU_ASSERT_EQUAL_FATAL(listening ? listen(fd, 1) : 0, 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	snprintf(text, size, "127.0.0.1:%u", ntohs(in.sin_port));
	return fd;
}

static int open_inet6(char *text, size_t size)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof in6;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof in6) != 0) {
		close(fd);
		return -1; /* a machine without IPv6 */
	}
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&in6, &len);
	snprintf(text, size, "[::1]:%u", ntohs(in6.sin6_port));
	return fd;
}

static int open_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	return fd;
}

static void own_listeners_are_found_unix_first_then_ipv4(void)
{
	char inet[64], inet6[64] = "", path[300];
	char *dir = certs_dir();
	const char *at = certs_path(dir, "broker", "sock");
	int fds[] = { open_inet("127.0.0.1", true, inet, sizeof inet), open_inet6(inet6, sizeof inet6),
		          open_unix(at) };

	snprintf(path, sizeof path, "unix:%s", at);
	scan();
	CU_ASSERT(place_of(path) >= 0);
	CU_ASSERT(place_of(inet) > place_of(path));
	if (inet6[0])
		CU_ASSERT(place_of(inet6) > place_of(inet));
	CU_ASSERT_EQUAL(found[place_of(path)].kind, LISTENER_UNIX);
	CU_ASSERT_STRING_EQUAL(found[place_of(path)].host, at);
	CU_ASSERT_EQUAL(found[place_of(inet)].kind, LISTENER_LOOPBACK);
	CU_ASSERT_STRING_EQUAL(found[place_of(inet)].host, "127.0.0.1");
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	scan();
	CU_ASSERT_EQUAL(place_of(inet), -1);
	certs_remove(dir);
}

static void sockets_that_do_not_listen_are_left_out(void)
{
	char text[64];
	int bound = open_inet("127.0.0.1", false, text, sizeof text);
	int pair[2] = { -1, -1 };

	CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	scan();
	CU_ASSERT_EQUAL(place_of(text), -1);
	close(bound);
	close(pair[0]);
	close(pair[1]);
}

static void only_as_many_as_asked_for_and_the_best_of_them(void)
{
	char text[3][64];
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = open_inet("127.0.0.1", true, text[i], sizeof text[i]);
	scan();
	CU_ASSERT(count >= 3);
	if (count >= 3) {
		struct listener best = found[0];
		struct listener two[2];

		CU_ASSERT_EQUAL(listeners_find(two, 2), 2);
		CU_ASSERT_STRING_EQUAL(two[0].text, best.text);
		CU_ASSERT_STRING_EQUAL(two[1].text, found[1].text);
	}
	CU_ASSERT_EQUAL(listeners_find(found, 0), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void configured_listeners_are_read(void)
{
	static const struct {
		const char *text, *host;
		enum listener_kind kind;
		uint16_t port;
	} good[] = {
		{ "unix:/run/b.sock", "/run/b.sock", LISTENER_UNIX, 0 },
		{ "localhost:1883", "localhost", LISTENER_LAN, 1883 },
		{ "10.0.0.1:65535", "10.0.0.1", LISTENER_LAN, 65535 },
		{ "[::1]:1", "::1", LISTENER_LAN, 1 },
	};
	struct listener l;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		CU_ASSERT_EQUAL(listener_parse(good[i].text, &l), ST_OK);
		CU_ASSERT_EQUAL(l.kind, good[i].kind);
		CU_ASSERT_EQUAL(l.port, good[i].port);
		CU_ASSERT_STRING_EQUAL(l.host, good[i].host);
		CU_ASSERT_STRING_EQUAL(l.text, good[i].text);
	}
}

static void wrong_listener_texts_are_invalid(void)
{
	static const char *const bad[] = { "",           "host",    ":1883",    "host:",   "host:0",
		                               "host:65536", "host:1x", "::1:1883", "[::1]",   "[]:1",
		                               "[::1:1883",  "unix:",   "unix:rel", "host:-1", "]:1x" };
	char long_path[200];
	struct listener l;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_EQUAL(listener_parse(bad[i], &l), ST_INVALID);
	memset(long_path, 'x', sizeof long_path);
	memcpy(long_path, "unix:/", 6);
	long_path[sizeof long_path - 1] = '\0';
	CU_ASSERT_EQUAL(listener_parse(long_path, &l), ST_INVALID);
}

SUITE(listeners, TEST(own_listeners_are_found_unix_first_then_ipv4),
      TEST(sockets_that_do_not_listen_are_left_out),
      TEST(only_as_many_as_asked_for_and_the_best_of_them), TEST(configured_listeners_are_read),
      TEST(wrong_listener_texts_are_invalid))
