/* segment.h - one file of records, and where each live one stands in it.
 * Room:  owned by the journal; struct segment_file is shared by reference under its lock.
 */
#ifndef HUBGATE_SEGMENT_H
#define HUBGATE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record.h"
#include "core/status.h"

enum {
	SEGMENT_NAME_MAX = 32
};

struct segment_file {
	int fd;
	unsigned refs; /* closed with the last */
	uint64_t id;   /* never used twice */
};

struct slot {            /* a record that was handed out: 8 bytes per queued message */
	uint32_t delta;      /* sequence - first_seq */
	uint32_t place : 31; /* offset in the file */
	uint32_t ended : 1;
};

struct segment {
	struct segment_file *file;
	uint64_t first_seq;
	uint8_t boot_id[RECORD_BOOT_BYTES];
	uint64_t size;      /* bytes of whole records and the header */
	uint64_t scanned;   /* bytes that the reader has gone through */
	struct slot *slots; /* owned; sequences rise */
	size_t slot_count, slot_size;
	uint64_t live, live_bytes;
	bool own;     /* begun by this run: its records were counted by append */
	bool closed;  /* nothing is appended any more */
	bool through; /* closed and scanned to the end */
	bool dirty;   /* has bytes that were not synced */
	bool damaged; /* logged already */
};

void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_MAX]);
/* false: no name of a segment. */
bool segment_name_parse(const char *name, uint64_t *first_seq);

/* A new file with its header, never one that exists. Caller owns *out. ST_OK; ST_IO (errno,
 * EEXIST); ST_FULL: no room on the disk; ST_NOMEM. On any but ST_OK there is no file. */
enum status segment_create(const char *dir, uint64_t first_seq, const uint8_t *boot_id,
                           struct segment **out);
/* One that exists, read-only, size as the file's. A damaged header is no error: *header_ok says it,
 * the name gives first_seq. ST_OK; ST_IO; ST_NOMEM. */
enum status segment_open(const char *dir, uint64_t first_seq, struct segment **out,
                         bool *header_ok);
void segment_free(struct segment *s); /* gives its file back; NULL is fine */

/* One write() at the end; cut back to the old size when it did not fit whole. ST_OK; ST_FULL: no
 * room on the disk; ST_IO. On ST_FULL and ST_IO *broken says that it could not be cut back: nothing
 * may be appended any more. */
enum status segment_write(const struct segment *s, const void *bytes, size_t len, bool *broken);

enum status segment_add_slot(struct segment *s, uint64_t seq,
                             uint64_t offset);                    /* ST_OK; ST_NOMEM */
struct slot *segment_slot(const struct segment *s, uint64_t seq); /* NULL: none */
void segment_trim(struct segment *s); /* gives unused memory of slots back */

void segment_file_unref(struct segment_file *f); /* closes with the last */

/* The next valid record at or behind *at in bytes, with a sequence within [low, high]. false: none;
 * *at is then where the search has to go on when there are more bytes. */
bool segment_find_record(const unsigned char *bytes, size_t len, uint64_t low, uint64_t high,
                         size_t *at);

#endif
