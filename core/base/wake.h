/* wake.h - one room wakes another out of its poll(): an eventfd, and a flag, so that however often
 * it is rung, that is one system call until it was heard.
 * Room:  wake_ring(): any. All others: the room that hears, or who makes it before that runs.
 *
 * The rule, for this and for every pair like it (docs/rooms.md lists them):
 *
 *     who rings   puts the mail, then sets the flag, then writes if the flag was clear;
 *     who hears   reads the descriptor, then clears the flag, then takes the mail.
 *
 * Why this order: who finds the flag set relies on a hearing that is still to come, so everything
 * that belongs to a hearing comes after the read and the mail after the clearing. If the flag was
 * cleared before the read, a ring between the two would set it and write, and the read would eat
 * what it wrote: the flag set, the descriptor silent, so nobody writes any more and the room is
 * deaf for good. If the mail was taken before the clearing, what is put between the two would lie
 * until the next ring. In the right order a ring too many is the worst that happens.
 *
 * Watched: the room says in every turn whether it found mail (wake_look()). Mail that nobody had
 * rung for, or a flag that is set while the descriptor is silent, and no wake within two seconds of
 * turns: that is a fault of ours. It is counted (wakes_missed_total), said in one line that begins
 * with "internal:", and the flag is cleared, so that the room hears again.
 */
#ifndef HUBGATE_WAKE_H
#define HUBGATE_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/status.h"

struct wake_watch {          /* who is told of a wake that was missed; all borrowed */
	const char *room;        /* that hears, as the log names it */
	const struct log *log;   /* NULL: not logged */
	struct metrics *metrics; /* NULL: not counted */
};

struct wake { /* embedded; members are core/base/wake.c's */
	int fd;
	atomic_bool rung; /* somebody rang since the last hearing */
	struct wake_watch watch;
	bool heard;      /* since the last look */
	bool found;      /* what is suspected: mail without a ring; else a flag without a wake */
	unsigned looks;  /* left until it is certain; 0: nothing is suspected */
	int64_t look_ms; /* the next one that counts */
	int64_t tell_ms; /* no log line before */
};

/* watch is copied; NULL: nobody is told. ST_OK; ST_IO: no descriptor, only wake_fini() may follow.
 */
enum status wake_init(struct wake *w, const struct wake_watch *watch);
void wake_fini(struct wake *w); /* nobody rings any more */

/* Any room, after the mail was put. Never blocks. */
void wake_ring(struct wake *w);

int wake_fd(const struct wake *w); /* to poll for POLLIN */
/* The descriptor is readable: call this, and only then take the mail. */
void wake_hear(struct wake *w);
/* Once in every turn, after the mail was taken and before the room sleeps. found: there was mail
 * that somebody must have rung for; not what the room left itself in an earlier turn, and not what
 * was there before it ran. Returns when to look again at the latest (milliseconds, as now_ms;
 * INT64_MAX: only after the next wake); now_ms: a wake was missed, turn once more at once. */
int64_t wake_look(struct wake *w, bool found, int64_t now_ms);

#endif
