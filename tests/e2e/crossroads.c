#include "tests/e2e/crossroads.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FOUND_MAX = 256,
	HEAD_MAX = 4096,
};

struct crossroads {
	int fd, stop_fd, port, through;
	pthread_t thread;
	pthread_mutex_t lock; /* of what was found */
	char found[FOUND_MAX][INET6_ADDRSTRLEN];
	int count;
};

/* False: the test is over. */
static bool await(struct crossroads *c, int fd)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
		                     { .fd = c->stop_fd, .events = POLLIN } };

	return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static bool read_head(struct crossroads *c, int fd, char head[HEAD_MAX])
{
	size_t len = 0;

	head[0] = '\0';
	while (!strstr(head, "\r\n\r\n") && len < HEAD_MAX - 1 && await(c, fd)) {
		ssize_t n = recv(fd, head + len, HEAD_MAX - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		head[len] = '\0';
	}
	return strstr(head, "\r\n\r\n") != NULL;
}

static void send_on(int fd, const char *location, size_t len)
{
	char reply[HEAD_MAX];
	int n = snprintf(reply, sizeof reply,
	                 "HTTP/1.1 302 Found\r\nLocation: %.*s\r\nContent-Length: 0\r\n"
	                 "Connection: close\r\n\r\n",
	                 (int)len, location);

	send(fd, reply, (size_t)n, MSG_NOSIGNAL);
}

/* The reply goes on until one side closes. */
static void hand_through(struct crossroads *c, int fd, const char *head)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                      .sin_port = htons((uint16_t)c->through),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char piece[16384];
	ssize_t n = connect(up, (struct sockaddr *)&to, sizeof to) == 0
	                ? send(up, head, strlen(head), MSG_NOSIGNAL)
	                : -1;

	while (n > 0 && await(c, up)) {
		n = recv(up, piece, sizeof piece, 0);
		if (n > 0)
			n = send(fd, piece, (size_t)n, MSG_NOSIGNAL);
	}
	close(up);
}

static void serve(struct crossroads *c, int fd)
{
	static const char go[] = "GET /go?", round[] = "GET /round ";
	char head[HEAD_MAX];

	if (!read_head(c, fd, head))
		return;
	if (strncmp(head, go, sizeof go - 1) == 0)
		send_on(fd, head + sizeof go - 1, strcspn(head + sizeof go - 1, " \r"));
	else if (strncmp(head, round, sizeof round - 1) == 0)
		send_on(fd, "/round", 6);
	else
		hand_through(c, fd, head);
}

/* Both families come by one socket: v4-mapped addresses lose what marks them. */
static void note(struct crossroads *c, int fd)
{
	struct sockaddr_in6 at;
	socklen_t len = sizeof at;
	char text[INET6_ADDRSTRLEN] = "?";

	getsockname(fd, (struct sockaddr *)&at, &len);
	inet_ntop(AF_INET6, &at.sin6_addr, text, sizeof text);
	pthread_mutex_lock(&c->lock);
	if (c->count < FOUND_MAX)
		strcpy(c->found[c->count++], strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text);
	pthread_mutex_unlock(&c->lock);
}

static void *run(void *arg)
{
	struct crossroads *c = arg;

	while (await(c, c->fd)) {
		int fd = accept(c->fd, NULL, NULL);

		if (fd < 0)
			continue;
		note(c, fd);
		serve(c, fd);
		close(fd);
	}
	return NULL;
}

struct crossroads *crossroads_start(int through)
{
	struct crossroads *c = calloc(1, sizeof *c);
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	socklen_t len = sizeof at;

	CU_ASSERT_FATAL(c != NULL);
	c->through = through;
	pthread_mutex_init(&c->lock, NULL);
	c->stop_fd = eventfd(0, EFD_CLOEXEC);
	c->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(c->fd, (struct sockaddr *)&at, sizeof at), 0);
	CU_ASSERT_EQUAL_FATAL(listen(c->fd, 16), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(c->fd, (struct sockaddr *)&at, &len), 0);
	c->port = ntohs(at.sin6_port);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&c->thread, NULL, run, c), 0);
	return c;
}

void crossroads_stop(struct crossroads *c)
{
	CU_ASSERT_EQUAL(eventfd_write(c->stop_fd, 1), 0);
	pthread_join(c->thread, NULL);
	close(c->fd);
	close(c->stop_fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int crossroads_port(const struct crossroads *c)
{
	return c->port;
}

int crossroads_found(struct crossroads *c, const char *at)
{
	int count = 0;

	pthread_mutex_lock(&c->lock);
	for (int i = 0; i < c->count; i++)
		count += strncmp(c->found[i], at, strlen(at)) == 0;
	pthread_mutex_unlock(&c->lock);
	return count;
}
