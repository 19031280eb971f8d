/* command.h - messages of the hub for devices: handed to the broker, or held while their device is
 * in its grace time.
 * Room:  BROKER.
 * Keeps: the hub gets its acknowledgement when the broker has the message. Without memory for that
 *        there is none, and the hub sends it again.
 */
#ifndef HUBGATE_COMMAND_H
#define HUBGATE_COMMAND_H

#include "plugin/base/context.h"

enum {
	HELD_MAX = 32 /* for one device in its grace time */
};

struct held { /* owned by its line */
	struct held *next;
	struct uplink_down down;
};

struct held_line { /* oldest first */
	struct held *first, **last;
	size_t count;
};

void command_init(struct held_line *l);
void command_fini(struct held_line *l); /* frees what is held */

/* To the broker's own routing. Takes down. */
void command_hand_over(struct hubgate *h, struct uplink_down *down);
/* Takes down. false: no room or memory, not taken. */
bool command_hold(struct held_line *l, const struct uplink_down *down);
/* All that is held goes to the broker now. */
void command_release(struct hubgate *h, struct held_line *l);
/* The device subscribed filter: those that wait for it go out. */
void command_release_for(struct hubgate *h, struct held_line *l, const char *filter);

#endif
