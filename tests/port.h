/* port.h - a loopback port for a server that cannot take port 0 itself.
 * Below the range from which Linux takes the ports of outgoing connections (32768 on): one of
 * those could get a port between our look and the server's. And held by name, in the kernel's
 * table of abstract sockets, until PORT_HELD others were picked or the process ends: suites run
 * side by side, and another one's look may fall between ours and the server's, too.
 */
#ifndef HUBGATE_TESTS_PORT_H
#define HUBGATE_TESTS_PORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PORT_FIRST = 12000,
	PORT_COUNT = 20000,
	PORT_TRIES = 100,
	PORT_HELD = 128
};

/* Nobody else who asks here gets the port from now on. False: somebody has it. */
static inline bool port_hold(int port)
{
	static int held[PORT_HELD];
	static size_t next;
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "hubgate-test-port-%d", port);

	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&name,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)len) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (held[next] > 0)
		close(held[next]);
	held[next] = fd;
	next = (next + 1) % PORT_HELD;
	return true;
}

/* 0: none found. */
static inline int port_pick(void)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc = -1;
		uint32_t random = 0;

		if (getrandom(&random, sizeof random, 0) == (ssize_t)sizeof random && fd >= 0) {
			at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			at.sin_port = htons((uint16_t)(PORT_FIRST + random % PORT_COUNT));
			rc = bind(fd, (struct sockaddr *)&at, sizeof at);
		}
		if (fd >= 0)
			close(fd);
		if (rc == 0 && port_hold(ntohs(at.sin_port)))
			return ntohs(at.sin_port);
	}
	return 0;
}

#endif
