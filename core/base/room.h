/* room.h - which thread runs this line (docs/rooms.md).
 * A thread enters its room once; IN_ROOM() checks it in debug builds (make
 * DEBUG=1, and every sanitizer build). It checks our own code, never input.
 */
#ifndef HUBGATE_ROOM_H
#define HUBGATE_ROOM_H

enum room {
	ROOM_NONE,
	ROOM_BROKER,
	ROOM_UPLINK,
	ROOM_DISK,
	ROOM_NET,
	ROOM_HTTP,
	ROOM_ADMIN
};

/* Returns the room before. While the thread of a room does not run, all of it is its owner's, who
 * enters it for what it checks, and goes back. */
enum room room_enter(enum room room);
enum room room_now(void);

#ifdef HUBGATE_DEBUG
#include <assert.h>
#define IN_ROOM(room) assert(room_now() == (room) || room_now() == ROOM_NONE)
#else
#define IN_ROOM(room) ((void)0)
#endif

#endif
