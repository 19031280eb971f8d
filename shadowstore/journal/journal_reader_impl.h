/* journal_reader_impl.h - what UPLINK alone has of the journal.
 * Room:  UPLINK. Before it starts and after it ended, who opens and closes the journal.
 * For:   journal_scan.c, journal_reader.c, journal_acks.c.
 */
#ifndef HUBGATE_JOURNAL_READER_IMPL_H
#define HUBGATE_JOURNAL_READER_IMPL_H

#include "core/base/buf.h"
#include "core/base/table.h"
#include "shadowstore/journal/block.h"
#include "shadowstore/journal/journal_impl.h"
#include "shadowstore/journal/runs.h"

enum {
	ENDS_MAX = 256, /* in one batch */
};

struct end { /* said, not yet in the ack file */
	uint64_t seq;
	uint32_t bytes;
	enum journal_end end;
};

struct acks {
	int fd;
	uint64_t size, renewed_size; /* bytes now, and when it was last written anew */
	uint64_t reserved;           /* of the disk, from the file's start */
	struct end batch[ENDS_MAX];
	size_t batch_count;
	struct buf out;
	struct table marks; /* struct mark */
	bool failed;        /* logged that it cannot be written */
};

struct journal_reader {
	const struct log *log; /* borrowed */

	/* The scan; its place, journal.scanned_seq, is shared. */
	struct runs ended_before;       /* by earlier runs; until the scan is through */
	uint64_t found_before;          /* live records of earlier runs, so far */
	uint64_t unread_seq, unread_at; /* segment and place that the disk does not give */
	int64_t unread_ms;              /* since when */
	struct block scan;
	char device[UINT16_MAX + 1], topic[UINT16_MAX + 1]; /* of the last item */

	/* The last message that was loaded. */
	struct block load;
	char load_topic[UINT16_MAX + 1];

	struct acks acks;
};

void journal_acks_close(struct acks *a);

#endif
