#include "bridge/http/socket_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
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

void socket_address_text(const struct sockaddr *from, char out[SOCKET_ADDRESS_TEXT_MAX])
{
	memset(out, 0, SOCKET_ADDRESS_TEXT_MAX);
	if (!from || getnameinfo(from, sizeof(struct sockaddr_storage), out, SOCKET_ADDRESS_TEXT_MAX,
	                         NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, SOCKET_ADDRESS_TEXT_MAX, "?");
}
