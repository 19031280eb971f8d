/* net.h - the NET room: HTTP requests to the hub, by libcurl, all in one thread.
 * Room:  NET is started here; new, start, stop, free: BROKER (or a program). net_post(): any room.
 * Keeps: no request blocks another, and none blocks the end: a name lookup that hangs is left to
 *        itself (CURLOPT_QUICK_EXIT).
 */
#ifndef HUBGATE_NET_H
#define HUBGATE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	NET_TURN_MS = 1000, /* the longest time between two turns, but for what a turn itself takes */
};

struct net; /* opaque */

struct net_request { /* copied by net_post() */
	const char *url;
	const char *address; /* connect to it instead of the URL's host; NULL: resolve */
	const char *ca_file; /* NULL: the system's */
	bool verify;
	const char *const *headers; /* "Name: value", ended by NULL */
	const void *body;
	size_t len, reply_max; /* bytes; a longer reply is ST_TOOBIG */
	uint32_t timeout_ms;   /* for the whole */
};

struct net_result {
	enum status status; /* ST_OK: a reply; ST_TIMEOUT; ST_IO; ST_TOOBIG; ST_CLOSED: stopped */
	long http_status;
	const void *body; /* borrowed during the call */
	size_t len;
	const char *error; /* what libcurl says; "" with ST_OK */
};

/* Room NET; must not wait. */
typedef void net_done_fn(void *ctx, const struct net_result *result);

enum status net_new(struct net **out); /* caller owns *out. ST_OK; ST_NOMEM */

/* Any room, before net_start(), once. turn is called in NET, in every turn; it must not wait. */
void net_each_turn(struct net *n, void (*turn)(void *ctx), void *ctx);

/* Room BROKER. */
enum status net_start(struct net *n); /* all signals masked. ST_OK; ST_IO: no thread */

/* Any room. done is called once, later, in NET; at the latest by net_stop(). ST_OK; ST_FULL: too
 * many under way; ST_NOMEM; ST_STATE: stopping. Else done is not called. */
enum status net_post(struct net *n, const struct net_request *r, net_done_fn *done, void *ctx);

/* Room BROKER. No request from now on; those under way end. Does not wait; net_stop() does. NULL is
 * fine. */
void net_quit(struct net *n);
/* False: the thread hangs and is left behind with all it uses. n NULL is fine. */
bool net_stop(struct net *n, uint32_t wait_ms);
void net_free(struct net *n); /* stopped; NULL is fine */

#endif
