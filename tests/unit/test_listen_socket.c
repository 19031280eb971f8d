#include "bridge/http/listen_socket.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/runner.h"

static int listening(int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	CU_ASSERT_FATAL(fd >= 3 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
	if (type == SOCK_STREAM)
		CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	return fd;
}

/* As systemd passes fd, under this name, to process pid. */
static void pass(int fd, const char *name, long pid)
{
	char names[512] = "", number[24];

	for (int i = 3; i < fd; i++)
		strcat(names, "x:");
	strcat(names, name);
	snprintf(number, sizeof number, "%d", fd - 2);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof number, "%ld", pid);
	setenv("LISTEN_PID", number, 1);
}

static void socket_of_systemd_is_taken_by_its_name_and_its_variables_are_unset(void)
{
	char why[LISTEN_SOCKET_WHY_MAX];
	int fd = listening(SOCK_STREAM);

	pass(fd, LISTEN_SOCKET_NAME, (long)getpid());
	CU_ASSERT_EQUAL(listen_socket_open("systemd", why), fd);
	CU_ASSERT_PTR_NULL(getenv("LISTEN_PID"));
	CU_ASSERT_PTR_NULL(getenv("LISTEN_FDS"));
	CU_ASSERT_PTR_NULL(getenv("LISTEN_FDNAMES"));
	close(fd);
}

static void what_was_passed_to_others_or_is_no_listener_is_refused(void)
{
	char why[LISTEN_SOCKET_WHY_MAX];
	int fd = listening(SOCK_STREAM), datagrams = listening(SOCK_DGRAM);

	CU_ASSERT_EQUAL(listen_socket_open("systemd", why), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "hubgate-http.socket"));
	pass(fd, LISTEN_SOCKET_NAME, (long)getpid() + 1); /* our parent's, left in the environment */
	CU_ASSERT_EQUAL(listen_socket_open("systemd", why), -1);
	pass(fd, "other", (long)getpid());
	CU_ASSERT_EQUAL(listen_socket_open("systemd", why), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "FileDescriptorName"));
	pass(datagrams, LISTEN_SOCKET_NAME, (long)getpid());
	CU_ASSERT_EQUAL(listen_socket_open("systemd", why), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "ListenStream"));
	unsetenv("LISTEN_PID");
	close(fd);
	close(datagrams);
}

static void address_that_cannot_be_is_told_with_what_to_do(void)
{
	char why[LISTEN_SOCKET_WHY_MAX];

	CU_ASSERT_EQUAL(listen_socket_open("gateway.lan:80", why), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "0.0.0.0"));
	CU_ASSERT_EQUAL(listen_socket_open("192.0.2.1:8080", why), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "address of this machine"));
}

SUITE(listen_socket, TEST(socket_of_systemd_is_taken_by_its_name_and_its_variables_are_unset),
      TEST(what_was_passed_to_others_or_is_no_listener_is_refused),
      TEST(address_that_cannot_be_is_told_with_what_to_do))
