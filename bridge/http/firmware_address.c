#include "bridge/http/firmware_address.h"

#include <ifaddrs.h>
#include <string.h>

#include "bridge/http/socket_address.h"
#include "core/base/room.h"
#include "core/hub/ota_url.h"

static bool is_own(const unsigned char address[16])
{
	struct ifaddrs *all = NULL;
	unsigned char own[16];
	bool found = false;

	if (getifaddrs(&all) != 0)
		return true; /* nobody knows: refused */
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found =
			i->ifa_addr && socket_address_bytes(i->ifa_addr, own) && memcmp(own, address, 16) == 0;
	freeifaddrs(all);
	return found;
}

bool firmware_address_allowed(const struct sockaddr *to)
{
	unsigned char address[16];

	IN_ROOM(ROOM_NET);
	return socket_address_bytes(to, address) && ota_address_kind(address) == OTA_ADDRESS_FINE &&
	       !is_own(address);
}
