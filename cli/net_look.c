#include "cli/net_look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clocks.h"

/* Milliseconds for poll(): 0 when the time is over. */
static int left_ms(int64_t until_ms)
{
	int64_t left = until_ms - clocks_monotonic_ms();

	return left > 0 ? (int)left : 0;
}

/* --- names --- */

static enum status await_answer(struct resolver *r, int64_t until_ms, struct resolver_answer *out,
                                char why[NET_LOOK_WHY_MAX])
{
	struct pollfd p = { .fd = resolver_fd(r), .events = POLLIN };
	const char *reason = "";
	enum status st;

	while ((st = resolver_take(r, out, &reason)) == ST_AGAIN && left_ms(until_ms) > 0)
		poll(&p, 1, left_ms(until_ms));
	if (st == ST_AGAIN) {
		snprintf(why, NET_LOOK_WHY_MAX, "no name server answers in time");
		return ST_TIMEOUT;
	}
	snprintf(why, NET_LOOK_WHY_MAX, "%s", reason);
	return st;
}

enum status net_look_name(const char *host, uint16_t port, int64_t until_ms,
                          struct resolver_answer *out, char why[NET_LOOK_WHY_MAX])
{
	struct resolver *r = NULL;
	enum status st;

	why[0] = '\0';
	if (resolver_literal(host, port, out) == ST_OK)
		return ST_OK;
	st = resolver_start(host, port, resolver_system, &r);
	if (st != ST_OK) {
		snprintf(why, NET_LOOK_WHY_MAX, "%s", status_text(st));
		return ST_IO;
	}
	st = await_answer(r, until_ms, out, why);
	resolver_drop(r);
	return st;
}

/* --- addresses --- */

static const void *bytes_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return &((const struct sockaddr_in6 *)a)->sin6_addr;
	return &((const struct sockaddr_in *)a)->sin_addr;
}

static size_t size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct in6_addr) : sizeof(struct in_addr);
}

const char *net_look_text(const struct sockaddr_storage *a, char out[NET_LOOK_ADDRESS_MAX])
{
	if (!inet_ntop(a->ss_family, bytes_of(a), out, NET_LOOK_ADDRESS_MAX))
		out[0] = '\0';
	return out;
}

bool net_look_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return a->ss_family == b->ss_family && memcmp(bytes_of(a), bytes_of(b), size_of(a)) == 0;
}

struct range {
	const char *base;
	unsigned bits;
};

static bool is_in(const struct sockaddr_storage *a, const struct range *r, int family)
{
	unsigned char base[sizeof(struct in6_addr)];
	const unsigned char *at = bytes_of(a);
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	if (a->ss_family != family || inet_pton(family, r->base, base) != 1)
		return false;
	if (memcmp(at, base, whole) != 0)
		return false;
	return rest == 0 || (at[whole] ^ base[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const struct sockaddr_storage *a, const struct range *v4, size_t v4_count,
                      const struct range *v6, size_t v6_count)
{
	for (size_t i = 0; i < v4_count; i++) {
		if (is_in(a, &v4[i], AF_INET))
			return true;
	}
	for (size_t i = 0; i < v6_count; i++) {
		if (is_in(a, &v6[i], AF_INET6))
			return true;
	}
	return false;
}

bool net_look_is_private(const struct sockaddr_storage *a)
{
	static const struct range v4[] = { { "10.0.0.0", 8 },
		                               { "172.16.0.0", 12 },
		                               { "192.168.0.0", 16 },
		                               { "100.64.0.0", 10 },
		                               { "169.254.0.0", 16 } };
	static const struct range v6[] = { { "fc00::", 7 }, { "fe80::", 10 } };

	return is_in_any(a, v4, sizeof v4 / sizeof v4[0], v6, sizeof v6 / sizeof v6[0]);
}

static bool is_of_an_interface(const struct sockaddr_storage *a)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		struct sockaddr_storage own = { .ss_family = AF_UNSPEC };

		if (!i->ifa_addr ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&own, i->ifa_addr,
		       i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
		                                         : sizeof(struct sockaddr_in6));
		found = net_look_same(a, &own);
	}
	freeifaddrs(all);
	return found;
}

bool net_look_is_here(const struct sockaddr_storage *a)
{
	static const struct range v4[] = { { "127.0.0.0", 8 }, { "0.0.0.0", 8 } };
	static const struct range v6[] = { { "::1", 128 }, { "::", 128 } };

	return is_in_any(a, v4, sizeof v4 / sizeof v4[0], v6, sizeof v6 / sizeof v6[0]) ||
	       is_of_an_interface(a);
}

/* --- TCP --- */

/* 0, or what errno says. */
static int await_connect(int fd, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0, n;
	socklen_t len = sizeof error;

	do {
		n = poll(&p, 1, left_ms(until_ms));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static int connect_one(const struct resolver_answer *a, size_t i, int64_t until_ms, int *error)
{
	int fd = socket(a->address[i].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*error = errno;
		return -1;
	}
	*error = connect(fd, (const struct sockaddr *)&a->address[i], a->len[i]) == 0 ? 0 : errno;
	if (*error == EINPROGRESS)
		*error = await_connect(fd, until_ms);
	if (*error == 0)
		return fd;
	close(fd);
	return -1;
}

int net_look_connect(const struct resolver_answer *a, int64_t until_ms, char why[NET_LOOK_WHY_MAX])
{
	char address[NET_LOOK_ADDRESS_MAX];
	size_t used = 0;

	why[0] = '\0';
	for (size_t i = 0; i < a->count; i++) {
		/* One that says nothing leaves the others their share of the time. */
		int64_t share = left_ms(until_ms) / (int64_t)(a->count - i);
		int error, n, fd = connect_one(a, i, clocks_monotonic_ms() + share, &error);

		if (fd >= 0)
			return fd;
		n = snprintf(why + used, NET_LOOK_WHY_MAX - used, "%s%s: %s", used ? "; " : "",
		             net_look_text(&a->address[i], address),
		             error == ETIMEDOUT ? "no answer in time" : strerror(error));
		used += n > 0 && (size_t)n < NET_LOOK_WHY_MAX - used ? (size_t)n : 0;
	}
	return -1;
}
