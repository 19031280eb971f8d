/* outbox.h - what waits for the hub from one device, in order.
 * Room:  UPLINK. Pure: holds sequence numbers, the content stays in the journal.
 * Keeps: order of sequence; 16 bytes per message and at most a quarter of slack, given
 *        back when the queue has drained.
 * Aside: what stands aside is overtaken; bridge/gateway/aside.h decides when and for how long.
 */
#ifndef HUBGATE_OUTBOX_H
#define HUBGATE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

enum entry_state {
	ENTRY_WAITING,
	ENTRY_HELD,  /* of a route with min_interval_ms: not before its time */
	ENTRY_SENT,  /* at QoS 1, not acknowledged */
	ENTRY_ASIDE, /* its topic is suspect, or it is: nobody waits for it */
	ENTRY_ENDED, /* done; leaves when it is at the front */
};

struct outbox_entry {
	uint64_t seq;
	uint32_t bytes : 22;  /* of its record, RECORD_BYTES_MAX at most */
	uint32_t state : 3;   /* enum entry_state */
	uint32_t skips : 2;   /* times that the hub skipped it while it acknowledged others like it */
	uint32_t endings : 2; /* connections that ended while it was the oldest in flight */
	uint32_t latest : 1;  /* a newer one of its topic takes its place */
	uint16_t packet_id;   /* of its last transmission, 0: never sent */
	uint16_t key;         /* core/pace/permission.h */
};

struct outbox {
	struct outbox_entry *ring; /* owned */
	size_t size, head, count;
	size_t next;          /* entries before it, from the front, are not waiting */
	uint64_t live, bytes; /* entries not ended */
	uint64_t parked;      /* of these, aside or held: nobody goes online for them */
	uint64_t aside;       /* of these, aside */
	/* What the hub's silence says of the device (bridge/uplink/judge.c). */
	uint64_t acked_order; /* of its newest transmission that was acknowledged */
	bool trying;          /* its first message of a topic is in flight: the others wait for it */
	bool unheard;         /* others with its topics are acknowledged, it is not */
	bool wanted;          /* online, for a probe */
};

void outbox_init(struct outbox *o);
void outbox_fini(struct outbox *o);
/* seq above all before; bytes at most RECORD_BYTES_MAX. ST_OK; ST_NOMEM. */
enum status outbox_add(struct outbox *o, uint64_t seq, uint32_t bytes);
/* The sequence of the oldest that has not ended; 0: none. */
uint64_t outbox_oldest(const struct outbox *o);
/* The oldest waiting entry; NULL: none. Borrowed until the next change. */
struct outbox_entry *outbox_next(struct outbox *o);
/* e, which waits or stands aside, went out at QoS 1 under this packet id. */
void outbox_mark_sent(struct outbox *o, struct outbox_entry *e, uint16_t packet_id);
/* The entry just added waits for its time; its time has come. Anything else: no effect. */
void outbox_hold(struct outbox *o, uint64_t seq);
void outbox_release(struct outbox *o, uint64_t seq);
/* Any entry, by sequence; NULL when ended or unknown. */
struct outbox_entry *outbox_find(struct outbox *o, uint64_t seq);
/* Acknowledged or dropped: false when there is no such entry. */
bool outbox_end(struct outbox *o, uint64_t seq);
/* An entry that waits or was sent is overtaken from now on; anything else: no effect. */
void outbox_put_aside(struct outbox *o, struct outbox_entry *e);
/* The oldest that stands aside with this key, 0: any, from sequence seq on. NULL: none. */
struct outbox_entry *outbox_aside(struct outbox *o, uint16_t key, uint64_t seq);
/* e, which stands aside, waits again, in its place. */
void outbox_take_back(struct outbox *o, struct outbox_entry *e);
/* The connection is gone: what was sent waits again, oldest first. */
void outbox_rewind(struct outbox *o);
/* Calls fn for the packet id of every entry that was sent and has not ended. */
void outbox_each_id(const struct outbox *o, void (*fn)(void *ctx, uint16_t packet_id), void *ctx);
/* The hub forgot the session: old packet ids mean nothing any more. */
void outbox_forget_ids(struct outbox *o);

#endif
