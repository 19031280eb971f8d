#include "bridge/doorbell/listeners.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/base/room.h"

static void name_host(struct listener *l, bool bracketed)
{
	snprintf(l->text, sizeof l->text, bracketed ? "[%s]:%u" : "%s:%u", l->host, l->port);
}

static bool from_unix(const struct sockaddr_storage *address, socklen_t len, struct listener *out)
{
	struct sockaddr_un un = { 0 };

	if (len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof un)
		return false;
	memcpy(&un, address, len);
	if (un.sun_path[0] == '\0')
		return false;
	out->kind = LISTENER_UNIX;
	snprintf(out->host, sizeof out->host, "%.*s", (int)sizeof un.sun_path, un.sun_path);
	snprintf(out->text, sizeof out->text, "unix:%.250s", out->host);
	return true;
}

static bool from_inet(const struct sockaddr_storage *address, struct listener *out)
{
	struct sockaddr_in in;
	uint32_t host;

	memcpy(&in, address, sizeof in);
	host = ntohl(in.sin_addr.s_addr);
	if (host == INADDR_ANY)
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	out->kind =
		host == INADDR_ANY || host >> 24 == IN_LOOPBACKNET ? LISTENER_LOOPBACK : LISTENER_LAN;
	out->port = ntohs(in.sin_port);
	if (!inet_ntop(AF_INET, &in.sin_addr, out->host, sizeof out->host))
		return false;
	name_host(out, false);
	return true;
}

static bool from_inet6(const struct sockaddr_storage *address, struct listener *out)
{
	struct sockaddr_in6 in6;
	bool any;

	memcpy(&in6, address, sizeof in6);
	any = IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
	if (any)
		in6.sin6_addr = in6addr_loopback;
	out->kind = any || IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ? LISTENER_LOOPBACK : LISTENER_LAN;
	out->port = ntohs(in6.sin6_port);
	/* With the scope that a link-local address needs. */
	if (getnameinfo((struct sockaddr *)&in6, sizeof in6, out->host, sizeof out->host, NULL, 0,
	                NI_NUMERICHOST) != 0)
		return false;
	name_host(out, true);
	return true;
}

static bool is_listening_stream(int fd)
{
	int accepting = 0, type = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &len) != 0 || !accepting)
		return false;
	len = sizeof(int);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

/* The descriptor is another thread's: it may be closed or be something else by
 * now, which only makes a wrong candidate. */
static bool from_fd(int fd, struct listener *out)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof address;

	memset(out, 0, sizeof *out);
	if (!is_listening_stream(fd) || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return false;
	switch (address.ss_family) {
	case AF_UNIX:
		return from_unix(&address, len, out);
	case AF_INET:
		return from_inet(&address, out);
	case AF_INET6:
		return from_inet6(&address, out);
	default:
		return false;
	}
}

static bool is_before(const struct listener *a, const struct listener *b)
{
	bool a6 = a->text[0] == '[', b6 = b->text[0] == '[';

	if (a->kind != b->kind)
		return a->kind < b->kind;
	if (a6 != b6)
		return b6;
	return a->port < b->port;
}

/* Sorted insertion; the least preferred falls out when there is no room. */
static size_t insert(struct listener *list, size_t count, size_t max, const struct listener *l)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].text, l->text) == 0)
			return count;
	}
	while (at < count && !is_before(l, &list[at]))
		at++;
	if (at == max)
		return count;
	if (count == max)
		count--;
	memmove(&list[at + 1], &list[at], (count - at) * sizeof *list);
	list[at] = *l;
	return count + 1;
}

size_t listeners_find(struct listener *out, size_t max)
{
	IN_ROOM(ROOM_UPLINK);
	DIR *dir = opendir("/proc/self/fd");
	struct listener found;
	struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && from_fd(atoi(entry->d_name), &found))
			count = insert(out, count, max, &found);
	}
	closedir(dir);
	return count;
}

static bool read_port(const char *text, uint16_t *out)
{
	unsigned long port = 0;

	if (*text == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return false;
	port = strtoul(text, NULL, 10);
	*out = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

static enum status parse_host(const char *text, struct listener *l)
{
	const char *colon = strrchr(text, ':'), *host = text;
	bool bracketed = text[0] == '[';
	size_t len;

	if (!colon || !read_port(colon + 1, &l->port))
		return ST_INVALID;
	len = (size_t)(colon - text);
	if (bracketed && (len < 3 || text[len - 1] != ']'))
		return ST_INVALID;
	if (bracketed) {
		host++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof l->host || (!bracketed && memchr(host, ':', len)))
		return ST_INVALID;
	l->kind = LISTENER_LAN;
	memcpy(l->host, host, len);
	name_host(l, bracketed);
	return ST_OK;
}

enum status listener_parse(const char *text, struct listener *out)
{
	static const char prefix[] = "unix:";
	struct listener l = { 0 };
	struct sockaddr_un un;
	enum status st;

	if (strncmp(text, prefix, sizeof prefix - 1) == 0) {
		text += sizeof prefix - 1;
		if (text[0] != '/' || strlen(text) >= sizeof un.sun_path)
			return ST_INVALID;
		l.kind = LISTENER_UNIX;
		snprintf(l.host, sizeof l.host, "%s", text);
		snprintf(l.text, sizeof l.text, "%s%.250s", prefix, text);
		st = ST_OK;
	} else {
		st = parse_host(text, &l);
	}
	if (st == ST_OK)
		*out = l;
	return st;
}
