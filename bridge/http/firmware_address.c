#include "bridge/http/firmware_address.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/ota_url.h"

static bool bytes_of(const struct sockaddr *from, unsigned char out[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

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

static bool is_own(const unsigned char address[16])
{
	struct ifaddrs *all = NULL;
	unsigned char own[16];
	bool found = false;

	if (getifaddrs(&all) != 0)
		return true; /* nobody knows: refused */
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && bytes_of(i->ifa_addr, own) && memcmp(own, address, 16) == 0;
	freeifaddrs(all);
	return found;
}

bool firmware_address_allowed(const struct sockaddr *to)
{
	unsigned char address[16];

	IN_ROOM(ROOM_NET);
	return bytes_of(to, address) && ota_address_kind(address) == OTA_ADDRESS_FINE &&
	       !is_own(address);
}
