/* outbox.h - what waits for the hub from one device, in order.
 * Room:  UPLINK. Pure: holds sequence numbers, the content stays in the journal.
 * Keeps: order of sequence; 16 bytes per message and at most a quarter of slack, given
 *        back when the queue has drained.
 */
#ifndef HUBGATE_OUTBOX_H
#define HUBGATE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum entry_state {
	ENTRY_WAITING,
	ENTRY_HELD,   /* of a route with min_interval_ms: not before its time */
	ENTRY_SENT,   /* at QoS 1, not acknowledged */
	ENTRY_PARKED, /* suspect: the next connection tries it again, nobody waits for it */
	ENTRY_ENDED,  /* done; leaves when it is at the front */
};

struct outbox_entry {
	uint64_t seq;
	uint32_t bytes;
	uint16_t packet_id;     /* of its last transmission, 0: never sent */
	uint8_t state;          /* enum entry_state */
	uint8_t suspicions : 7; /* connections on which the hub skipped it */
	bool latest : 1;        /* a newer one of its topic takes its place */
};

struct outbox {
	struct outbox_entry *ring; /* owned */
	size_t size, head, count;
	size_t next;          /* entries before it, from the front, are not waiting */
	uint64_t live, bytes; /* entries not ended */
	uint64_t parked;      /* of these, parked or held: nobody goes online for them */
};

void outbox_init(struct outbox *o);
void outbox_fini(struct outbox *o);
/* seq above all before. ST_OK; ST_NOMEM. */
enum status outbox_add(struct outbox *o, uint64_t seq, uint32_t bytes);
/* The oldest waiting entry; NULL: none. Borrowed until the next change. */
struct outbox_entry *outbox_next(struct outbox *o);
/* The entry outbox_next() gave went out at QoS 1 under this packet id. */
void outbox_mark_sent(struct outbox *o, uint16_t packet_id);
/* The entry just added waits for its time; its time has come. Anything else: no effect. */
void outbox_hold(struct outbox *o, uint64_t seq);
void outbox_release(struct outbox *o, uint64_t seq);
/* Any entry, by sequence; NULL when ended or unknown. */
struct outbox_entry *outbox_find(struct outbox *o, uint64_t seq);
/* Acknowledged or dropped: false when there is no such entry. */
bool outbox_end(struct outbox *o, uint64_t seq);
/* A sent entry that the hub skipped; anything else: no effect. */
void outbox_park(struct outbox *o, struct outbox_entry *e);
/* The connection is gone: what was sent or parked waits again, oldest first. */
void outbox_rewind(struct outbox *o);
/* Calls fn for the packet id of every entry that was sent and has not ended. */
void outbox_each_id(const struct outbox *o, void (*fn)(void *ctx, uint16_t packet_id), void *ctx);
/* The hub forgot the session: old packet ids mean nothing any more. */
void outbox_forget_ids(struct outbox *o);

#endif
