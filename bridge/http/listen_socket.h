/* listen_socket.h - the socket of lan.http: made here, or handed over by systemd.
 * Room:  BROKER at start.
 */
#ifndef HUBGATE_LISTEN_SOCKET_H
#define HUBGATE_LISTEN_SOCKET_H

#include <stdbool.h>

#define LISTEN_SOCKET_NAME "hubgate-http" /* FileDescriptorName= in the unit */

enum {
	LISTEN_SOCKET_WHY_MAX = 160
};

/* listen: "address:port", or "systemd": the socket with that name among those that systemd passed
 * to this very process (LISTEN_PID); its variables are unset, so that no child takes them for its
 * own. Listens, non-blocking. Caller closes. -1: why says what to do. */
int listen_socket_open(const char *listen, char why[LISTEN_SOCKET_WHY_MAX]);

#endif
