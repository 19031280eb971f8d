#include "bridge/link/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Name service modules take large buffers from the stack. */
enum {
	STACK_BYTES = 256 * 1024
};

/* Shared by the look-up's thread and its owner; the last one out frees it. */
struct resolver {
	atomic_uint holders;
	atomic_bool done;
	int event_fd;
	uint16_t port;
	resolver_lookup lookup;
	int error;                     /* of lookup(); thread's until done */
	struct resolver_answer answer; /* thread's until done */
	char host[];
};

/* A limit of the process, so it belongs to no context: hanging threads outlive
 * every one of them. */
static atomic_uint threads;

static int ask(const char *host, uint16_t port, int flags, struct resolver_answer *answer)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[8];
	int error;

	snprintf(service, sizeof service, "%u", port);
	answer->count = 0;
	error = getaddrinfo(host, service, &hints, &list);
	if (error)
		return error;
	for (struct addrinfo *a = list; a && answer->count < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof answer->address[0])
			continue;
		memcpy(&answer->address[answer->count], a->ai_addr, a->ai_addrlen);
		answer->len[answer->count++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return answer->count ? 0 : EAI_NONAME;
}

int resolver_system(const char *host, uint16_t port, struct resolver_answer *answer)
{
	return ask(host, port, 0, answer);
}

enum status resolver_literal(const char *host, uint16_t port, struct resolver_answer *answer)
{
	return ask(host, port, AI_NUMERICHOST, answer) == 0 ? ST_OK : ST_NOTFOUND;
}

static void leave(struct resolver *r)
{
	if (atomic_fetch_sub_explicit(&r->holders, 1, memory_order_acq_rel) > 1)
		return;
	close(r->event_fd);
	free(r);
}

static void *run(void *arg)
{
	struct resolver *r = arg;
	uint64_t one = 1;

	r->error = r->lookup(r->host, r->port, &r->answer);
	atomic_store_explicit(&r->done, true, memory_order_release);
	if (write(r->event_fd, &one, sizeof one) < 0) {
		/* Cannot be full after one write; the owner's deadline covers the rest. */
	}
	leave(r);
	atomic_fetch_sub(&threads, 1);
	return NULL;
}

static bool claim_thread(void)
{
	if (atomic_fetch_add(&threads, 1) < RESOLVER_THREADS_MAX)
		return true;
	atomic_fetch_sub(&threads, 1);
	return false;
}

/* A detached thread that no signal of the broker ever reaches. */
static bool spawn(struct resolver *r)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	     pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
	     pthread_create(&thread, &attr, run, r) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

enum status resolver_start(const char *host, uint16_t port, resolver_lookup lookup,
                           struct resolver **out)
{
	size_t size = strlen(host) + 1;
	struct resolver *r = calloc(1, sizeof *r + size);

	if (!r)
		return ST_NOMEM;
	if (!claim_thread()) {
		free(r);
		return ST_FULL;
	}
	memcpy(r->host, host, size);
	r->port = port;
	r->lookup = lookup;
	atomic_init(&r->holders, 2);
	atomic_init(&r->done, false);
	r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->event_fd >= 0 && spawn(r)) {
		*out = r;
		return ST_OK;
	}
	if (r->event_fd >= 0)
		close(r->event_fd);
	free(r);
	atomic_fetch_sub(&threads, 1);
	return ST_IO;
}

int resolver_fd(const struct resolver *r)
{
	return r->event_fd;
}

enum status resolver_take(struct resolver *r, struct resolver_answer *answer, const char **why)
{
	if (!atomic_load_explicit(&r->done, memory_order_acquire))
		return ST_AGAIN;
	if (r->error) {
		*why = gai_strerror(r->error);
		return ST_NOTFOUND;
	}
	*answer = r->answer;
	return ST_OK;
}

void resolver_drop(struct resolver *r)
{
	if (r)
		leave(r);
}
