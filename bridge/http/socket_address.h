/* socket_address.h - addresses of sockets in one form, to be compared.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_SOCKET_ADDRESS_H
#define HUBGATE_SOCKET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* IPv6, or IPv4 mapped into it. False: neither; out is all zeros then. */
bool socket_address_bytes(const struct sockaddr *from, unsigned char out[16]);

#endif
