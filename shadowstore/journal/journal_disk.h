/* journal_disk.h - what the journal needs done where a disk may be slow.
 * Room:  DISK. Of its two threads one runs journal_sync_*(), one journal_disk_*().
 */
#ifndef HUBGATE_JOURNAL_DISK_H
#define HUBGATE_JOURNAL_DISK_H

#include "shadowstore/journal/journal.h"

struct journal_wakes {       /* called in BROKER and UPLINK; cheap, and any number of times */
	void (*sync)(void *ctx); /* journal_sync_wait_ms() is not -1 any more */
	void (*tidy)(void *ctx); /* journal_disk_run() has something to do */
	void *ctx;
};

/* Any room, before any other starts; NULL: none any more. */
void journal_disk_wake(struct journal *j, const struct journal_wakes *wakes);

/* In how many ms journal_sync_run() wants to run: flush_ms after the oldest message that waits and
 * is not on the disk was appended. -1: all that waits is there. */
int64_t journal_sync_wait_ms(struct journal *j);
/* Syncs what waits, when it is due; what ended in time needs none. It waits for no other work of
 * DISK: it has a thread of its own. After a failed sync what waits is written again to new files.
 * Logged once per change of state, tried again with growing pauses. */
void journal_sync_run(struct journal *j, const struct log *log);
void journal_sync_all(struct journal *j); /* at the end: whatever its age */

/* Deletes segments without live messages, compacts those that are mostly dead, looks how much the
 * disk has room for, reserves room for the next segment. Takes no lock that an append waits for
 * while it does any of it. Returns ST_OK; ST_IO: logged once per change of state. */
enum status journal_disk_run(struct journal *j, const struct log *log);
int64_t journal_disk_wait_ms(struct journal *j); /* until it wants to run even if nobody wakes it */

#endif
