#include "bridge/http/socket_address.h"

#include <netinet/in.h>
#include <string.h>

bool socket_address_bytes(const struct sockaddr *from, unsigned char out[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(out, 0, 16);
	if (from->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
		return true;
	}
	if (from->sa_family != AF_INET)
		return false;
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	return true;
}
