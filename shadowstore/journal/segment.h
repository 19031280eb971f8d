/* segment.h - one file of records, and where each live one stands in it.
 * Room:  owned by the journal; struct segment_file is shared by reference under its lock.
 */
#ifndef HUBGATE_SEGMENT_H
#define HUBGATE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/journal/record.h"

#define SEGMENT_SPARE "spare" /* room for the next one, reserved by DISK */

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
	bool own;            /* begun by this run: its records were counted by append */
	bool closed;         /* nothing is appended any more */
	bool through;        /* closed and scanned to the end */
	uint64_t synced_seq; /* messages below it are on the disk */
	bool suspect;        /* a sync failed: what is not on the disk is to be written again */
	bool busy;           /* DISK is writing it anew */
	bool trimmed;        /* room beyond its end was given back */
	bool damaged;        /* logged already */
};

void segment_name(uint64_t first_seq, char out[SEGMENT_NAME_MAX]);
/* false: no name of a segment. */
bool segment_name_parse(const char *name, uint64_t *first_seq);

/* A new file with its header; DIR/SEGMENT_SPARE becomes it when that is there. Caller owns *out.
 * ST_OK; ST_NOSPACE; ST_IO (errno; EEXIST: one of that name is there);
 * ST_NOMEM. On any but ST_OK there is no file. */
enum status segment_create(const char *dir, uint64_t first_seq, const uint8_t *boot_id,
                           struct segment **out);
/* One that exists, read-only, size as the file's. A damaged header is no error: *header_ok says it,
 * the name gives first_seq. ST_OK; ST_IO; ST_NOMEM. */
enum status segment_open(const char *dir, uint64_t first_seq, struct segment **out,
                         bool *header_ok);
void segment_free(struct segment *s); /* gives its file back; NULL is fine */
/* The same for one without a record, which is of no use; errno stays. */
void segment_discard(const char *dir, struct segment *s);

/* One write() at the end; cut back to the old size when it did not fit whole. ST_OK; ST_NOSPACE;
 * ST_IO. On the last two *broken says that it could not be cut back: nothing may be appended any
 * more. */
enum status segment_write(const struct segment *s, const void *bytes, size_t len, bool *broken);

enum status segment_add_slot(struct segment *s, uint64_t seq,
                             uint64_t offset);                    /* ST_OK; ST_NOMEM */
struct slot *segment_slot(const struct segment *s, uint64_t seq); /* NULL: none */
/* The index of the first slot at or behind seq; slot_count: none. */
size_t segment_slot_from(const struct segment *s, uint64_t seq);
void segment_trim(struct segment *s); /* gives unused memory of slots back */

void segment_file_unref(struct segment_file *f); /* closes with the last */
bool segment_no_room(int error);                 /* errno of a disk or a quota that is full */

/* The next valid record at or behind *at in bytes, with a sequence within [low, high]. false: none;
 * *at is then where the search has to go on when there are more bytes. */
bool segment_find_record(const unsigned char *bytes, size_t len, uint64_t low, uint64_t high,
                         size_t *at);

#endif
