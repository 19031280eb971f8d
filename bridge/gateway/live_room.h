/* live_room.h - how many messages may be in memory on their way to the hub, over all devices and
 * of one.
 * Room:  BROKER takes, whoever frees the message gives back. Lock-free.
 * Keeps: a device that floods leaves three quarters to the others. Devices share a count by the
 *        hash of their ids: who meets a flooder there has less room, never more.
 */
#ifndef HUBGATE_LIVE_ROOM_H
#define HUBGATE_LIVE_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>

enum {
	LIVE_ROOM_MAX = 1000,
	LIVE_ROOM_SHARE = LIVE_ROOM_MAX / 4, /* of one device */
	LIVE_ROOM_SHARES = 256,
};

struct live_room { /* zeroed before first use */
	_Atomic unsigned taken, shares[LIVE_ROOM_SHARES];
};

/* Room BROKER. True: one message more of client_id, to be given back with *share. */
bool live_room_take(struct live_room *r, const char *client_id, unsigned *share);
void live_room_give(struct live_room *r, unsigned share); /* any room */

#endif
