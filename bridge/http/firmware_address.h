/* firmware_address.h - which addresses firmware may come from.
 * Room:  NET.
 * Facts: docs/firmware.md "From where"; core/hub/ota_url.h.
 */
#ifndef HUBGATE_FIRMWARE_ADDRESS_H
#define HUBGATE_FIRMWARE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* Not an address of this machine or its link, on whatever interface; IPv4 or IPv6. */
bool firmware_address_allowed(const struct sockaddr *to);

#endif
