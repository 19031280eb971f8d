/* journal_impl.h - what the parts of the journal share:
 *   journal.c         open, append, counts             BROKER
 *   journal_open.c    what earlier runs left           BROKER, before the other rooms start
 *   journal_scan.c    from segments to items           UPLINK
 *   journal_reader.c  load, end, bounds, marks         UPLINK
 *   journal_acks.c    the file of ends and marks       UPLINK (and open)
 *   journal_disk.c    sync, delete, compact            DISK
 *   segment.c         one file of records              who holds it
 */
#ifndef HUBGATE_JOURNAL_IMPL_H
#define HUBGATE_JOURNAL_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/buf.h"
#include "core/record.h"
#include "core/table.h"
#include "shadowstore/journal_disk.h"
#include "shadowstore/journal_reader.h"
#include "shadowstore/segment.h"

enum {
	SEGMENT_BYTES_MIN = 256 << 10,
	SEGMENT_BYTES_MAX = 64 << 20,
	SEGMENT_BYTES_EARLY = 512 << 10, /* mostly dead, a tail is closed from here on */
	SEGMENT_FILE_MAX = 128 << 20,    /* of one that is read */
	SEGMENTS_IN_BOUND = 64,          /* a full store has about so many */
	ENDS_MAX = 256,                  /* in one batch */
	BLOCK_BYTES = 256 << 10,
	PATH_BYTES = 4096,
};

/* Sequences in a segment are first_seq and up to so much above it. */
#define SEGMENT_SEQS_MAX UINT32_MAX

struct run { /* of sequences, both ends included */
	uint64_t first, last;
};

struct runs {       /* sorted, apart from each other */
	struct run *at; /* owned */
	size_t count, size;
};

struct end { /* said, not yet in the ack file */
	uint64_t seq;
	uint32_t bytes;
	enum journal_end end;
};

struct block {        /* bytes of one file in memory */
	uint64_t file_id; /* 0: none */
	uint64_t at;
	size_t len, cap;
	unsigned char *data; /* owned */
};

struct acks {
	int fd;
	uint64_t size, renewed_size; /* bytes now, and when it was last written anew */
	struct end batch[ENDS_MAX];
	size_t batch_count;
	struct buf out;
	struct table marks; /* struct mark */
	bool failed;        /* logged that it cannot be written */
};

struct share { /* live messages of one device, for JOURNAL_REFUSE */
	struct table_node node;
	uint64_t messages, bytes;
	char device[];
};

struct journal {
	struct journal_limits lim;
	char dir[PATH_BYTES]; /* DIR/journal */
	uint8_t boot_id[RECORD_BOOT_BYTES];
	uint32_t segment_bytes;

	/* BROKER */
	struct segment *tail; /* NULL: the next append begins one */
	struct buf scratch;

	/* Under the lock; never held during a system call that may wait for the disk. */
	pthread_mutex_t lock;
	struct segment **segments; /* owned; by first_seq */
	size_t segment_count, segment_size;
	uint64_t next_seq, next_file_id;
	uint64_t ended[JOURNAL_ENDS];
	uint64_t live_bytes; /* queued, as far as it has been read */
	uint64_t free_bytes; /* wanted back since the disk was found full */
	bool disk_full;
	bool reader_idle;       /* it has caught up and wants to be woken */
	bool caught_up;         /* everything of earlier runs has been counted */
	uint64_t queued_before; /* so much earlier runs left, by their account */
	bool dir_dirty;
	struct table shares;

	/* UPLINK */
	const struct log *log;
	struct segment *scanning;
	struct runs ended_before;       /* by earlier runs; until the scan is through */
	uint64_t scanned_seq;           /* everything below has been handed out or skipped */
	uint64_t found_before;          /* live records of earlier runs, so far */
	uint64_t unread_seq, unread_at; /* segment and place that the disk does not give */
	int64_t unread_ms;              /* since when */
	struct block scan, load;
	char device[UINT16_MAX + 1], topic[UINT16_MAX + 1], load_topic[UINT16_MAX + 1];
	struct acks acks;

	/* DISK */
	atomic_bool work;
	void (*wake)(void *ctx);
	void *wake_ctx;
	bool sync_failed, compact_failed;
};

void journal_now(int64_t *boot_ms, int64_t *wall_ms);
void journal_work(struct journal *j); /* there is something for DISK */
/* Under the lock. */
enum status journal_add_segment(struct journal *j, struct segment *s);
struct segment *journal_segment_of(const struct journal *j, uint64_t seq); /* NULL: none */
struct share *journal_share_of(struct journal *j, const char *device);     /* NULL: no memory */
uint64_t journal_queued(const struct journal *j);
bool journal_over_share(const struct journal *j, uint64_t messages, uint64_t bytes);

/* What is on the disk becomes j; makes its directory. ST_OK; ST_IO (errno; logged); ST_NOMEM. */
enum status journal_recover(struct journal *j, const struct log *log);

void runs_free(struct runs *r);
enum status runs_add(struct runs *r, uint64_t first, uint64_t last); /* ST_OK; ST_NOMEM */
void runs_sort(struct runs *r);
/* The first run that ends at or behind seq; NULL: none. */
const struct run *runs_at(const struct runs *r, uint64_t seq);

/* Reads the file into counts, j->ended_before and the marks; *next_seq rises above all that it
 * names. Opens it for writing, makes it when missing. dir: the journal's. ST_OK; ST_IO (errno;
 * logged); ST_NOMEM. */
enum status acks_open(struct journal *j, int dir, const struct log *log, uint64_t *next_seq);
void acks_close(struct journal *j);

/* The bytes of file at offset as far as they are known and fit, at least want of them unless
 * file_size ends them. ST_OK; ST_IO (errno): fewer can be read; ST_NOMEM. */
enum status block_get(struct block *b, const struct segment_file *f, uint64_t offset,
                      uint64_t file_size, size_t want, const unsigned char **at, size_t *avail);

#endif
