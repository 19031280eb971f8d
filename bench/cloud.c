#include "bench/cloud.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/cloud_child.h"

enum {
	COMMAND_MS = 5000
};

struct cloud {
	struct cloud_shared *shared;
	pid_t pid;
	int wake, port;
};

static int listen_loopback(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0 &&
	    getsockname(fd, (struct sockaddr *)&at, &len) == 0) {
		*port = ntohs(at.sin_port);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void become_child(const struct cloud *c, const struct cloud_opts *opts, int listener,
                         pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (getppid() == parent)
		cloud_child_run(c->shared, opts, listener, c->wake);
	_exit(1);
}

struct cloud *cloud_start(const struct cloud_opts *opts)
{
	struct cloud *c = calloc(1, sizeof(*c));
	pid_t parent = getpid();
	int listener;

	if (!c)
		return NULL;
	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	c->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	listener = listen_loopback(&c->port);
	if (c->shared != MAP_FAILED && c->wake >= 0 && listener >= 0)
		c->pid = fork();
	if (c->pid == 0 && listener >= 0 && c->shared != MAP_FAILED && c->wake >= 0)
		become_child(c, opts, listener, parent);
	if (listener >= 0)
		close(listener);
	if (c->pid > 0 && cloud_new_run(c) > 0)
		return c;
	fputs("the benchmark's cloud cannot start\n", stderr);
	cloud_stop(c);
	return NULL;
}

void cloud_stop(struct cloud *c)
{
	if (!c)
		return;
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->wake >= 0)
		close(c->wake);
	if (c->shared != MAP_FAILED)
		munmap(c->shared, sizeof(*c->shared));
	free(c);
}

int cloud_port(const struct cloud *c)
{
	return c->port;
}

static bool command(struct cloud *c)
{
	uint32_t asked = atomic_fetch_add(&c->shared->asked, 1) + 1;
	int64_t end_ns = cloud_clock_ns() + COMMAND_MS * INT64_C(1000000);
	uint64_t one = 1;

	if (write(c->wake, &one, sizeof(one)) != sizeof(one))
		return false;
	while (atomic_load(&c->shared->done) != asked) {
		if (cloud_clock_ns() > end_ns)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

bool cloud_set(struct cloud *c, enum cloud_mode mode)
{
	atomic_store(&c->shared->mode, mode);
	return command(c);
}

bool cloud_tell(struct cloud *c, enum cloud_news news, uint32_t count)
{
	atomic_store(&c->shared->news, (uint32_t)news);
	atomic_store(&c->shared->tell, count);
	return command(c);
}

uint32_t cloud_new_run(struct cloud *c)
{
	uint32_t run = atomic_fetch_add(&c->shared->run, 1) + 1;

	return command(c) ? run : 0;
}

const struct cloud_counts *cloud_counts(const struct cloud *c)
{
	return &c->shared->counts;
}

bool cloud_await(const struct cloud *c, uint64_t distinct, int quiet_ms)
{
	const struct cloud_counts *n = &c->shared->counts;
	uint64_t before = UINT64_MAX;
	int64_t end_ns = 0;

	for (;;) {
		uint64_t now = atomic_load(&n->distinct);

		if (now >= distinct)
			return true;
		if (now != before)
			end_ns = cloud_clock_ns() + quiet_ms * INT64_C(1000000);
		else if (cloud_clock_ns() > end_ns)
			return false;
		before = now;
		poll(NULL, 0, 1);
	}
}

bool cloud_await_online(const struct cloud *c, uint32_t devices, int timeout_ms)
{
	int64_t end_ns = cloud_clock_ns() + timeout_ms * INT64_C(1000000);

	while (atomic_load(&c->shared->counts.online) < devices) {
		if (cloud_clock_ns() > end_ns)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

uint32_t cloud_missing(const struct cloud *c, uint32_t device, uint32_t upto)
{
	uint32_t missing = 0;

	for (uint32_t seq = 1; seq <= upto && seq < CLOUD_SEQS; seq++) {
		if (!(c->shared->seen[device][seq / 64] >> (seq % 64) & 1))
			missing++;
	}
	return missing;
}
