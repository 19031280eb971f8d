/* port_owner.h - who on this machine listens at a TCP port, by /proc.
 * Room:  none; the command's one thread. Only root sees the processes of others.
 */
#ifndef HUBGATE_CLI_PORT_OWNER_H
#define HUBGATE_CLI_PORT_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct port_owner {
	pid_t pid;     /* 0: not to be told */
	char name[32]; /* of the process, cleaned; "" with pid 0 */
};

/* address: NULL or a wildcard for any; else a listener on another address does not count. False:
 * nobody listens there. */
bool port_owner_find(const char *address, uint16_t port, struct port_owner *out);
/* "nginx (pid 7)", or that it cannot be told. Returns out. */
const char *port_owner_text(const struct port_owner *o, char out[96]);

#endif
