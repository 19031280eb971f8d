/* rrpc.h - calls of the cloud that wait for their device. A stock SDK remembers the last call alone
 * and gives its id to whatever it answers, so each device has one call at a time.
 * Room:  any; one owner. Pure: times come in, in ms of a clock that nobody sets.
 * Keeps: a call lives RRPC_LIFE_MS from its arrival, however long it waited for its turn; at most
 *        RRPC_CALLS_MAX at once, each with a message of the hub. Of a device without any nothing is
 *        kept.
 * Facts: docs/protocol/other.md 1.
 */
#ifndef HUBGATE_RRPC_H
#define HUBGATE_RRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	RRPC_LIFE_MS = 3500,
	RRPC_CALLS_MAX = 256
};

struct rrpc; /* opaque */

struct rrpc_call { /* as it came from the hub; borrowed */
	const char *topic;
	const void *payload;
	size_t len;
};

struct rrpc_owner { /* asked by rrpc_run() */
	/* Who gets the calls of this device now: the number of a connection, which no other has. 0:
	 * nobody is there. */
	uint64_t (*reader)(void *ctx, const char *client_id);
	void (*give)(void *ctx, const struct rrpc_call *call);
	void *ctx;
};

struct rrpc *rrpc_new(void); /* NULL: no memory */
void rrpc_free(struct rrpc *r);

/* Its turn comes in rrpc_run(). Copied. ST_OK; ST_FULL; ST_NOMEM. */
enum status rrpc_add(struct rrpc *r, const char *client_id, const struct rrpc_call *call,
                     int64_t now_ms);
/* Such an answer would be in time. */
bool rrpc_expects(const struct rrpc *r, const char *client_id, const char *id, int64_t now_ms);
/* The device answers the call that ends its topic with id. True: it has that one now, in time, and
 * the call is over; rrpc_run() gives it the next. False: late, or nobody asked. */
bool rrpc_answered(struct rrpc *r, const char *client_id, const char *id, int64_t now_ms);
/* Ends calls whose time is over, or whose reader is gone, and gives out those whose turn it is. */
void rrpc_run(struct rrpc *r, const struct rrpc_owner *owner, int64_t now_ms);
int64_t rrpc_due(const struct rrpc *r);         /* when to run again by itself; INT64_MAX: not */
uint64_t rrpc_unanswered(const struct rrpc *r); /* calls that ended without an answer */

#endif
