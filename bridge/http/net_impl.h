/* net_impl.h - what runs in NET beside the requests of net_post(): transfers with callbacks of
 * their own, and guests that have a turn in its loop (firmware_fetch, firmware_hook).
 * Room:  NET, except where a function says otherwise.
 */
#ifndef HUBGATE_NET_IMPL_H
#define HUBGATE_NET_IMPL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/http/net.h"

struct net_transfer {                /* embedded; made and freed by its owner */
	struct net_transfer *next, **at; /* among those under way */
	CURL *easy;
	/* It is over and not under way any more. stopped: NET ends. */
	void (*finished)(struct net_transfer *t, CURLcode code, bool stopped);
};

/* It runs from now on; finished() is called once, later. ST_OK; ST_IO: it does not. */
enum status net_begin(struct net *n, struct net_transfer *t);
void net_abandon(struct net *n, struct net_transfer *t); /* finished() is not called */

struct net_guest { /* embedded, borrowed by net */
	struct net_guest *next;
	/* In every turn of the loop. Returns when it wants another at the latest; INT64_MAX: whenever.
	 */
	int64_t (*turn)(struct net_guest *g, int64_t now_ms);
	void (*quit)(struct net_guest *g); /* NET ends; no transfer is under way any more */
	int fd;                            /* a turn comes when it can be read; -1: none */
};

/* Before net_start(). */
void net_add_guest(struct net *n, struct net_guest *g);
void net_wake(struct net *n); /* any room: another turn now */

#endif
