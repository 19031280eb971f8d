/* journal.h - messages promised to the hub, from acceptance to the hub's word.
 * Room:  BROKER appends. UPLINK reads and ends them (journal_reader.h). DISK syncs,
 *        deletes and compacts (journal_disk.h).
 * Keeps: a message lives from journal_append() == ST_OK until the reader ends it,
 *        across kill -9 and restart; a power cut loses at most what was appended in the
 *        last flush_ms and during two syncs of that disk. Order by sequence.
 *        accepted = queued + everything ended.
 * Files: DIR/journal/, format in core/journal/record.h and docs/store-format.md.
 */
#ifndef HUBGATE_JOURNAL_H
#define HUBGATE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"

struct journal; /* opaque */

enum journal_policy {    /* at a bound; a disk without room refuses under both */
	JOURNAL_DROP_OLDEST, /* the reader drops from the front */
	JOURNAL_REFUSE,      /* append says ST_FULL */
};

struct journal_limits {
	uint64_t max_messages, max_bytes; /* of live messages */
	unsigned device_share;            /* percent of either bound for one device, 1..100 */
	enum journal_policy policy;
	uint32_t flush_ms; /* 0: append syncs before it returns */
};

struct journal_msg {    /* borrowed views, copied by append */
	const char *device; /* client id */
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos;        /* towards the hub: 0 or 1 */
	bool gives_way;     /* under JOURNAL_REFUSE the last quarter of the bounds is not for it */
	bool latest;        /* supersedes an unsent one of the same topic */
	bool clock_trusted; /* the wall clock is right: its age may be judged by it */
};

/* Why a message left the journal. */
#define JOURNAL_ENDS_TABLE(X)                                                        \
	X(JOURNAL_DELIVERED, "delivered")                                                \
	X(JOURNAL_SUPERSEDED, "superseded")      /* a newer one of a latest topic */     \
	X(JOURNAL_DROP_BOUND, "bound")           /* oldest at a bound */                 \
	X(JOURNAL_DROP_AGE, "age")               /* older than store.max_age */          \
	X(JOURNAL_DROP_POISON, "unacknowledged") /* the hub never acknowledges it */     \
	X(JOURNAL_DROP_DAMAGED, "damaged")       /* its record could not be read back */ \
	X(JOURNAL_DROP_SUSPECT, "suspect")       /* at a bound, of a topic without permission */

enum journal_end {
#define X(name, text) name,
	JOURNAL_ENDS_TABLE(X)
#undef X
	JOURNAL_ENDS
};

struct journal_counts {
	uint64_t accepted, queued, queued_bytes; /* bytes: of what the reader has seen so far */
	uint64_t ended[JOURNAL_ENDS];
	uint64_t disk_bytes;  /* of all segment files */
	uint64_t bound_bytes; /* max_bytes, or what the disk has room for when that is less */
	bool disk_full;       /* the last append found no room on the disk */
	uint64_t syncs, sync_failures;
	uint64_t rewritten;                /* messages written again after a failed sync */
	uint32_t sync_ms, sync_longest_ms; /* the last sync; the longest one */
};

/* Caller owns *out. Makes DIR/journal when missing. Fast however much is queued: looks at
 * headers, the newest segment and the ack file only; the reader scans the rest. What had to be
 * repaired is logged (log is used in the caller's room, during the call only). Takes no lock:
 * one journal per DIR is the caller's business (shadowstore/store.h).
 * ST_OK; ST_IO (errno): something cannot be made, read or written there; one line of the log names
 * it, and everything is left as it was; ST_NOMEM. */
enum status journal_open(const char *dir, const struct journal_limits *lim, const struct log *log,
                         struct journal **out);
/* All rooms but the caller's have ended. Syncs. NULL is fine. */
void journal_close(struct journal *j);

/* Room BROKER. ST_OK: *seq (may be NULL) names it, and it survives kill -9. ST_FULL: at a bound,
 * nothing stored. ST_NOSPACE: no room on the disk, nothing stored. ST_IO: the disk refuses (errno),
 * nothing stored. ST_TOOBIG. ST_NOMEM. *was_idle (may be NULL): the reader had caught up, so it
 * wants to be woken. */
enum status journal_append(struct journal *j, const struct journal_msg *msg, uint64_t *seq,
                           bool *was_idle);

/* Room BROKER. What of device has not ended, and while there is any the sequence of the newest
 * that this process appended, 0: none (last_seq may be NULL). false: what earlier runs left has not
 * all been read, so neither is known. */
bool journal_device_waits(struct journal *j, const char *device, uint64_t *messages,
                          uint64_t *last_seq);

enum {
	JOURNAL_DEVICE_MAX = 64, /* of a device's name, with NUL; a longer one is cut */
};

struct journal_waiting {
	char device[JOURNAL_DEVICE_MAX]; /* client id */
	uint64_t messages;
};

/* Room BROKER. The devices of which most waits, at most max, most first; *count says how many.
 * false: what earlier runs left has not all been read, so there may be more. */
bool journal_most(struct journal *j, struct journal_waiting *out, size_t max, size_t *count);

/* Room BROKER. The bounds change while everything runs: the reader drops what is over them
 * (JOURNAL_DROP_OLDEST) at its next look, DISK looks at its room at once. flush_ms stays. */
void journal_set_limits(struct journal *j, const struct journal_limits *lim);

void journal_counts(struct journal *j, struct journal_counts *out); /* any room */
const char *journal_end_text(enum journal_end end);                 /* static */

#endif
