/* journal_disk.h - what the journal needs done where a disk may be slow.
 * Room:  DISK.
 */
#ifndef HUBGATE_JOURNAL_DISK_H
#define HUBGATE_JOURNAL_DISK_H

#include "shadowstore/journal.h"

/* wake(ctx) is called in BROKER and UPLINK when there is work after there was none. Set before
 * any other room starts. */
void journal_disk_wake(struct journal *j, void (*wake)(void *ctx), void *ctx);

/* Syncs what was appended, deletes segments without live messages, compacts those that are mostly
 * dead, renews the ack file when it is long. Takes no lock that an append waits for while it does
 * any of it. Returns ST_OK; ST_IO: logged once per change of state. */
enum status journal_disk_run(struct journal *j, const struct log *log);

#endif
