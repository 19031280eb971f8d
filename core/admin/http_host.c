#include "core/admin/http_host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	HOST_MAX = 256 /* a name has 253 characters */
};

/* Without port and brackets. False: too long, or no host with a port at all. */
static bool without_port(const char *text, char out[HOST_MAX])
{
	bool bracket = *text == '[';
	const char *end = bracket ? strchr(text, ']') : text + strcspn(text, ":");
	const char *port = end ? end + bracket : NULL;

	if (!port || (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1))) ||
	    end - text >= HOST_MAX)
		return false;
	snprintf(out, HOST_MAX, "%.*s", (int)(end - text - bracket), text + bracket);
	return true;
}

static bool is_address(const char *text, int family)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(family, text, bytes) == 1;
}

static bool is_listed(const char *name, const char *listed)
{
	size_t len = strlen(name);

	while (listed && *listed) {
		size_t this = strcspn(listed, " ");

		if (len > 0 && this == len && strncasecmp(listed, name, len) == 0)
			return true;
		listed += this + (listed[this] == ' ');
	}
	return false;
}

bool http_host_allowed(const char *host, const char *listed)
{
	char name[HOST_MAX];

	if (!host || !without_port(host, name))
		return false;
	return is_address(name, *host == '[' ? AF_INET6 : AF_INET) ||
	       strcasecmp(name, "localhost") == 0 || is_listed(name, listed);
}

bool http_host_is_loopback(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	struct in6_addr v6;
	struct in_addr v4;
	char host[HOST_MAX];

	if (!colon)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - listen), listen);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
