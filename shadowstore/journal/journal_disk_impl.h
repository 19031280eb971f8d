/* journal_disk_impl.h - what DISK alone has of the journal.
 * Room:  DISK. Before it starts and after it ended, who opens and closes the journal.
 * For:   journal_sync.c, of the thread that syncs; journal_disk.c and journal_space.c, of the other
 *        one; journal_rewrite.c, of either.
 */
#ifndef HUBGATE_JOURNAL_DISK_IMPL_H
#define HUBGATE_JOURNAL_DISK_IMPL_H

#include "shadowstore/journal/journal_impl.h"

struct journal_syncing {        /* of the thread that syncs */
	uint64_t settled_seq;       /* everything below is on the disk, or has ended */
	uint64_t mending;           /* messages rewritten since the sync that failed */
	int64_t retry_ms, pause_ms; /* CLOCK_BOOTTIME; 0: nothing failed */
	int64_t slow_ms;            /* when a sync took too long for the last time */
	bool slow, failed;          /* logged */
};

struct journal_tidying { /* of the other thread */
	int64_t look_ms;     /* next look at how much room the disk has, CLOCK_BOOTTIME */
	bool told_full;      /* logged */
	uint64_t told_refused;
	bool compact_failed; /* logged */
};

struct journal_disk {
	struct journal_syncing sync;
	struct journal_tidying tidy;
};

void journal_sync_open(struct journal *j);
/* ST_OK; ST_IO (errno; logged): an old spare cannot be removed. */
enum status journal_space_open(struct journal *j, const struct log *log);
/* Now and then: how much the disk has room for becomes the bound, and the spare is made. */
void journal_space_run(struct journal *j, const struct log *log);
/* Either thread. Gives the spare's room back; false: there was none. */
bool journal_space_release(struct journal *j);

/* Either thread. The live records of s, which is closed and read to its end, go into a new file
 * that takes its place, on the disk with its name. ST_OK: *count records; ST_NOSPACE, ST_IO
 * (errno), ST_NOMEM: as before. The caller has set s->busy, so that nobody else takes it; it is
 * cleared. */
enum status journal_rewrite(struct journal *j, struct segment *s, uint64_t *count);

#endif
