/* journal_impl.h - what the parts of the journal share:
 *   journal.c           open, append, counts                  BROKER
 *   journal_recover.c   what earlier runs left                BROKER, before the other rooms start
 *   journal_scan.c      from segments to items                UPLINK
 *   journal_reader.c    load, end, bounds, marks              UPLINK
 *   journal_acks.c      the file of ends and marks            UPLINK (and open)
 *   journal_sync.c      what must be on the disk by when      DISK
 *   journal_disk.c      delete, compact                       DISK
 *   journal_rewrite.c   a segment's live records, anew        DISK
 *   journal_space.c     room: the bound, the spare            DISK (and open)
 *   journal_bounds.c    counts, shares, bounds                whoever holds the lock
 *   journal_segments.c  the list of segments                  whoever holds the lock
 *   segment.c           one file of records                   who holds it
 *   block.c             bytes of such a file in memory        who holds it
 *   runs.c              sequences that follow each other      who holds them
 */
#ifndef HUBGATE_JOURNAL_IMPL_H
#define HUBGATE_JOURNAL_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/table.h"
#include "core/journal/record.h"
#include "shadowstore/journal/journal_disk.h"
#include "shadowstore/journal/journal_reader.h"
#include "shadowstore/journal/segment.h"

enum {
	TIME_MARKS = 64,
	PATH_BYTES = 4096,
};

/* Sequences in a segment are first_seq and up to so much above it. */
#define SEGMENT_SEQS_MAX UINT32_MAX

struct time_mark { /* the message seq, and all behind it, were appended at_ms or later */
	uint64_t seq;
	int64_t at_ms; /* CLOCK_BOOTTIME */
};

struct journal_syncs { /* so far */
	uint64_t done, failures, rewritten;
	uint32_t last_ms, longest_ms;
};

struct journal_space {
	uint64_t target;    /* bytes of messages that the disk allows, at most max_bytes */
	bool squeezed;      /* that is less than what waits: nothing is taken, nothing dropped */
	uint64_t refused;   /* messages, for lack of room */
	int64_t refused_ms; /* the last one, CLOCK_BOOTTIME */
	bool wants_spare;   /* it was used */
	bool wants_look;    /* the bound was changed */
};

struct share { /* live messages of one device, for JOURNAL_REFUSE; counted under both policies, as
	            * the policy may change */
	struct table_node node;
	uint64_t messages, bytes;
	uint64_t last_seq; /* appended by this process */
	char device[];
};

struct journal {
	/* Set before the rooms start, and only read while they run. */
	char dir[PATH_BYTES]; /* DIR/journal */
	uint8_t boot_id[RECORD_BOOT_BYTES];
	uint32_t segment_bytes;
	uint32_t flush_ms;
	uint64_t queued_before; /* so much earlier runs left, by their account */
	struct journal_wakes wakes;

	/* What one room alone has; owned. Only the room's files know what is in it. */
	struct journal_writer *writer; /* BROKER's: journal.c */
	struct journal_reader *reader; /* UPLINK's: journal_reader_impl.h */
	struct journal_disk *disk;     /* DISK's: journal_disk_impl.h */

	/* All that follows is shared, under the lock; never held during a system call that may wait for
	 * the disk. Who alone changes a member may read it without. */
	pthread_mutex_t lock;
	struct journal_limits lim;
	struct segment *tail;      /* NULL: the next append begins one */
	bool appending;            /* BROKER writes to the tail just now: it may not be closed */
	struct segment **segments; /* owned; by first_seq */
	size_t segment_count, segment_size;
	uint64_t next_seq; /* BROKER alone changes it */
	uint64_t next_file_id;
	uint64_t scanned_seq; /* UPLINK alone changes it: everything below was handed out or skipped */
	uint64_t ended[JOURNAL_ENDS];
	uint64_t live_bytes; /* queued, as far as it has been read */
	struct table shares;
	struct time_mark marks[TIME_MARKS]; /* a ring; of what is not on the disk and has not ended */
	size_t mark_first, mark_count;
	bool reader_idle; /* it has caught up and wants to be woken */
	bool caught_up;   /* everything of earlier runs has been counted */
	bool disk_full;
	bool dir_dirty;
	bool trim;  /* a segment was closed: room beyond its end is to be given back */
	bool spare; /* a file for the next segment is there, its room reserved */
	struct journal_syncs syncs;
	struct journal_space space;
	_Atomic uint64_t bound_bytes; /* max_bytes, or less when the disk is smaller */
};

/* Something was appended. */
static inline void journal_sync_soon(struct journal *j)
{
	if (j->wakes.sync)
		j->wakes.sync(j->wakes.ctx);
}

/* Something ended, closed, or found no room. */
static inline void journal_tidy(struct journal *j)
{
	if (j->wakes.tidy)
		j->wakes.tidy(j->wakes.ctx);
}

/* Under the lock, and not while BROKER appends. */
void journal_close_tail(struct journal *j);
/* Under the lock. */
enum status journal_add_segment(struct journal *j, struct segment *s);
/* The index of the first segment that begins behind seq. */
size_t journal_segment_behind(const struct journal *j, uint64_t seq);
struct segment *journal_segment_of(const struct journal *j, uint64_t seq);     /* NULL: none */
struct share *journal_share_of(struct journal *j, const char *device);         /* NULL: no memory */
struct share *journal_find_share(const struct journal *j, const char *device); /* NULL: none */
/* Freed when nothing of its device waits: of names that come once there is no end. */
void journal_leave_share(struct journal *j, struct share *s);
uint64_t journal_queued(const struct journal *j);
/* One more message of device. ST_OK; ST_FULL; ST_NOSPACE: of the disk; ST_NOMEM. */
enum status journal_room_for(struct journal *j, const struct journal_msg *msg, uint64_t bytes);
bool journal_over_share(const struct journal *j, uint64_t messages, uint64_t bytes);

enum status journal_sync_dir(const struct journal *j); /* the names in it. ST_OK; ST_IO */

/* What is on the disk becomes j; makes its directory. ST_OK; ST_IO (errno; logged); ST_NOMEM. */
enum status journal_recover(struct journal *j, const struct log *log);

/* Reads the file into counts, the reader's runs and marks; *next_seq rises above all that it names.
 * Opens it for writing, makes it when missing. dir: the journal's. ST_OK; ST_IO (errno; logged);
 * ST_NOMEM. */
enum status journal_acks_open(struct journal *j, int dir, const struct log *log,
                              uint64_t *next_seq);
struct journal_reader *journal_reader_new(void); /* NULL: no memory */
void journal_reader_free(struct journal_reader *r);

/* Behind journal_recover(). Gives j what DISK has of it. ST_OK; ST_IO (errno; logged); ST_NOMEM. */
enum status journal_disk_open(struct journal *j, const struct log *log);
void journal_disk_close(struct journal *j);

#endif
