/* http_host.h - under which names admin.http may be asked for.
 * Room:  any. Pure.
 * Keeps: a page from elsewhere whose own name was made to lead to this machine (DNS rebinding) gets
 *        nothing: its requests carry that name.
 */
#ifndef HUBGATE_HTTP_HOST_H
#define HUBGATE_HTTP_HOST_H

#include <stdbool.h>

/* host: the header Host of a request, with or without a port; NULL: it has none. True: an address,
 * localhost, or one of listed, which are separated by spaces (NULL: none), in upper or lower case.
 */
bool http_host_allowed(const char *host, const char *listed);

/* listen: "address:port". True: only this machine reaches it. */
bool http_host_is_loopback(const char *listen);

#endif
