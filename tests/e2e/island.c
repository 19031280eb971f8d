#include "tests/e2e/island.h"

#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/harness/harness.h"

enum {
	QUESTION_AT = 12, /* behind the header of a DNS message */
	TYPE_A = 1,
	MESSAGE_MAX = 512,
};

static struct island {
	int net, mount, cwd; /* where the test came from */
	int names_fd, stop_fd;
	char *dir;
	struct island_name *names;
	size_t count;
	pthread_t thread;
} here;

/* --- names --- */

/* The name in a question, and how long the question is; 0: none. */
static size_t read_question(const unsigned char *m, size_t len, char name[256], unsigned *type)
{
	size_t at = QUESTION_AT, to = 0;

	while (at < len && m[at] != 0) {
		size_t label = m[at];

		if (label > 63 || at + label + 1 >= len || to + label + 1 >= 255)
			return 0;
		memcpy(name + to, m + at + 1, label);
		to += label;
		name[to++] = '.';
		at += label + 1;
	}
	if (to == 0 || at + 5 > len)
		return 0;
	name[to - 1] = '\0';
	*type = (unsigned)m[at + 1] << 8 | m[at + 2];
	return at + 5 - QUESTION_AT;
}

static struct island_name *find(const char *name)
{
	for (size_t i = 0; i < here.count; i++) {
		if (strcasecmp(here.names[i].name, name) == 0)
			return &here.names[i];
	}
	return NULL;
}

/* Of this lookup. */
static const char *next_answer(struct island_name *n)
{
	int i = atomic_fetch_add(&n->asked, 1);

	i = i < 2 ? i : 2;
	while (i > 0 && !n->answers[i])
		i--;
	return n->answers[i];
}

/* Returns how many bytes it added. */
static size_t add_addresses(unsigned char *to, const char *addresses, unsigned *count)
{
	static const unsigned char head[] = { 0xc0, QUESTION_AT, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4 };
	char *copy = strdup(addresses), *rest = copy, *one;
	size_t len = 0;

	while ((one = strsep(&rest, " "))) {
		memcpy(to + len, head, sizeof head);
		inet_pton(AF_INET, one, to + len + sizeof head);
		len += sizeof head + 4;
		++*count;
	}
	free(copy);
	return len;
}

static void answer(int fd)
{
	unsigned char m[MESSAGE_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t got = recvfrom(fd, m, sizeof m, 0, (struct sockaddr *)&from, &from_len);
	unsigned type = 0, count = 0;
	struct island_name *n;
	char name[256];
	size_t len;

	if (got < QUESTION_AT || (len = read_question(m, (size_t)got, name, &type)) == 0)
		return;
	len += QUESTION_AT;
	n = find(name);
	if (n && type == TYPE_A)
		len += add_addresses(m + len, next_answer(n), &count);
	m[2] = 0x81;
	m[3] = n ? 0x80 : 0x83; /* there is no such name */
	memset(m + 4, 0, 8);
	m[5] = 1;
	m[7] = (unsigned char)count;
	sendto(fd, m, len, 0, (struct sockaddr *)&from, from_len);
}

static void *answer_all(void *arg)
{
	struct pollfd fds[2] = { { .fd = here.names_fd, .events = POLLIN },
		                     { .fd = here.stop_fd, .events = POLLIN } };

	(void)arg;
	while ((poll(fds, 2, -1) > 0 || errno == EINTR) && fds[1].revents == 0) {
		if (fds[0].revents & POLLIN)
			answer(here.names_fd);
	}
	return NULL;
}

static bool start_names(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                      .sin_port = htons(53),
		                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	here.stop_fd = eventfd(0, EFD_CLOEXEC);
	here.names_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(here.names_fd, (struct sockaddr *)&at, sizeof at) == 0 &&
	       pthread_create(&here.thread, NULL, answer_all, NULL) == 0;
}

/* --- the network --- */

/* In place of a file of the machine's, for who lives here. */
static bool put_over(const char *path, const char *text)
{
	char *own = text_fmt("%s%s", here.dir, strrchr(path, '/'));
	bool ok = file_write(own, text, 0644) && mount(own, path, NULL, MS_BIND, NULL) == 0;

	free(own);
	return ok;
}

static bool settle(void)
{
	return mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       put_over("/etc/resolv.conf", "nameserver 127.0.0.1\n") &&
	       put_over("/etc/nsswitch.conf", "hosts: files dns\n") &&
	       system("ip link set lo up && ip addr add " ISLAND_OWN "/32 dev lo &&"
	              " ip route add local 203.0.113.0/24 dev lo &&"
	              " ip route add local 169.254.0.0/16 dev lo") == 0 &&
	       start_names();
}

static void go_back(void)
{
	CU_ASSERT_EQUAL_FATAL(setns(here.net, CLONE_NEWNET), 0);
	CU_ASSERT_EQUAL_FATAL(setns(here.mount, CLONE_NEWNS), 0);
	CU_ASSERT_EQUAL_FATAL(fchdir(here.cwd), 0);
	close(here.net);
	close(here.mount);
	close(here.cwd);
	dir_remove(here.dir);
	free(here.dir);
}

bool island_enter(struct island_name *names, size_t count)
{
	here = (struct island){ .net = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC),
		                    .mount = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC),
		                    .cwd = open(".", O_RDONLY | O_CLOEXEC),
		                    .dir = dir_make(),
		                    .names = names,
		                    .count = count };
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0) {
		if (settle())
			return true;
		go_back();
	}
	fprintf(stderr, "skipped: no network of its own can be made here: %s\n", strerror(errno));
	return false;
}

void island_leave(void)
{
	CU_ASSERT_EQUAL(eventfd_write(here.stop_fd, 1), 0);
	pthread_join(here.thread, NULL);
	close(here.names_fd);
	close(here.stop_fd);
	go_back();
}
