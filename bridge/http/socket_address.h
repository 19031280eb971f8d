/* socket_address.h - addresses of sockets in one form, to be compared.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_SOCKET_ADDRESS_H
#define HUBGATE_SOCKET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum {
	SOCKET_ADDRESS_TEXT_MAX = 64,
};

/* IPv6, or IPv4 mapped into it. False: neither; out is all zeros then. */
bool socket_address_bytes(const struct sockaddr *from, unsigned char out[16]);

/* As text, without port; zeros behind. "?": NULL, or neither. */
void socket_address_text(const struct sockaddr *from, char out[SOCKET_ADDRESS_TEXT_MAX]);

#endif
