/* outbox.h - what waits for the hub from one device, in order.
 * Room:  UPLINK. Pure: holds sequence numbers, the content stays in the journal.
 * Keeps: order of sequence; 16 bytes per message.
 */
#ifndef HUBGATE_OUTBOX_H
#define HUBGATE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

enum entry_state {
	ENTRY_WAITING,
	ENTRY_SENT,   /* at QoS 1, not acknowledged */
	ENTRY_PARKED, /* suspect: the next connection tries it again, nobody waits for it */
	ENTRY_ENDED,  /* done; leaves when it is at the front */
};

struct outbox_entry {
	uint64_t seq;
	uint32_t bytes;
	uint16_t packet_id; /* of its last transmission, 0: never sent */
	uint8_t state;      /* enum entry_state */
	uint8_t suspicions; /* connections on which the hub skipped it */
};

struct outbox {
	struct outbox_entry *ring; /* owned; size a power of two */
	size_t size, head, count;
	size_t next;          /* entries before it, from the front, are not waiting */
	uint64_t live, bytes; /* entries not ended */
	uint64_t parked;      /* of these */
};

void outbox_init(struct outbox *o);
void outbox_fini(struct outbox *o);
/* seq above all before. ST_OK; ST_NOMEM. */
enum status outbox_add(struct outbox *o, uint64_t seq, uint32_t bytes);
/* The oldest waiting entry; NULL: none. Borrowed until the next change. */
struct outbox_entry *outbox_next(struct outbox *o);
/* The entry outbox_next() gave went out at QoS 1 under this packet id. */
void outbox_mark_sent(struct outbox *o, uint16_t packet_id);
/* Any entry, by sequence; NULL when ended or unknown. */
struct outbox_entry *outbox_find(struct outbox *o, uint64_t seq);
/* Acknowledged or dropped: false when there is no such entry. */
bool outbox_end(struct outbox *o, uint64_t seq);
/* A sent entry that the hub skipped; anything else: no effect. */
void outbox_park(struct outbox *o, struct outbox_entry *e);
/* The connection is gone: what was sent or parked waits again, oldest first. */
void outbox_rewind(struct outbox *o);
/* The hub forgot the session: old packet ids mean nothing any more. */
void outbox_forget_ids(struct outbox *o);

#endif
