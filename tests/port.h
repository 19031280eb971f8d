/* port.h - a loopback port for a server that cannot take port 0 itself.
 * Below the range from which Linux takes the ports of outgoing connections (32768 on): one of
 * those could get a port between our look and the server's.
 */
#ifndef HUBGATE_TESTS_PORT_H
#define HUBGATE_TESTS_PORT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT_FIRST = 12000,
	PORT_COUNT = 20000,
	PORT_TRIES = 100
};

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
		if (rc == 0)
			return ntohs(at.sin_port);
	}
	return 0;
}

#endif
