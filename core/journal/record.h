/* record.h - what stands in the files of the store, byte by byte (docs/store-format.md).
 * Room:  any. Pure.
 *
 * All numbers little-endian. A file is a header and records behind it.
 *
 * File header, RECORD_FILE_BYTES:
 *    0  8  magic "HGATE" and three letters of the kind of file
 *    8  4  version, RECORD_VERSION
 *   12  4  0
 *   16 16  boot id of the machine when the file was begun
 *   32  8  first sequence number that may stand in it
 *   40 20  0
 *   60  4  checksum (core/base/checksum.h) of bytes 0..59
 * Record, RECORD_HEAD_BYTES and then key, topic, payload:
 *    0  4  length of the whole record
 *    4  4  checksum of everything from byte 8 on
 *    8  1  type, enum record_type
 *    9  1  flags, RECORD_*
 *   10  2  length of key         (message: client id of the device)
 *   12  2  length of topic       (message: topic; state: empty)
 *   14  2  kind                  (state: what it is about; message: 0)
 *   16  8  sequence number
 *   24  8  milliseconds of CLOCK_BOOTTIME
 *   32  8  milliseconds since 1970, worth what RECORD_CLOCK_TRUSTED says
 *
 * Magic, version and checksum of a file header stay where they are in all versions to come, so that
 * every program can tell that a file is newer than itself. Version 1 had other checksums
 * (core/journal/record_v1.h).
 *
 * Numbers are checked when they are read: a sequence (of a record, or the first of a file) is at
 * most RECORD_SEQ_MAX, a time 0..RECORD_MS_MAX. What is beyond is damage, whatever its checksum
 * says: arithmetic behind these functions does not overflow.
 */
#ifndef HUBGATE_RECORD_H
#define HUBGATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/status.h"

enum {
	RECORD_VERSION = 2,
	RECORD_FILE_BYTES = 64,
	RECORD_HEAD_BYTES = 40,
	RECORD_SEQ_AT = 16,
	RECORD_BOOT_BYTES = 16,
	RECORD_BYTES_MAX = 2 << 20, /* of one record */
};

#define RECORD_SEQ_MAX (UINT64_C(1) << 62)
#define RECORD_MS_MAX  (INT64_C(1) << 53)

enum record_type {
	RECORD_MESSAGE = 1, /* for the hub */
	RECORD_STATE = 2,   /* key and kind have this value now; no payload: deleted */
	RECORD_END = 3,     /* messages seq..kind-specific ended, see acks */
	RECORD_MARK = 4,    /* the hub may show the device online, see acks */
};

enum {
	RECORD_QOS1 = 0x01,
	RECORD_LATEST = 0x02,        /* supersedes an unsent one of the same topic */
	RECORD_CLOCK_TRUSTED = 0x04, /* the wall clock was right when it was written */
	RECORD_DELETED = 0x08,       /* state: the key has no value any more */
};

struct record {
	enum record_type type;
	uint8_t flags;
	uint16_t kind;
	uint64_t seq;
	int64_t boot_ms, wall_ms;
	const char *key, *topic; /* borrowed, not NUL-terminated after decoding */
	size_t key_len, topic_len;
	const void *payload;
	size_t payload_len;
};

struct record_file {
	char kind[4]; /* "SEG", "STA", "ACK"; NUL-terminated */
	uint8_t boot_id[RECORD_BOOT_BYTES];
	uint64_t first_seq;
};

/* Bytes that the record takes in a file. */
size_t record_size(const struct record *r);
/* Appends to out. ST_OK; ST_TOOBIG (a length over its field or over the maximum, or over
 * out's ceiling; a number out of its bounds); ST_NOMEM. */
enum status record_encode(struct buf *out, const struct record *r);
/* Looks at the front of bytes. ST_OK: *size bytes are the record, views point into bytes.
 * ST_AGAIN: the beginning of a record perhaps, *size bytes are needed. ST_MALFORMED: no
 * record starts here. */
enum status record_decode(const void *bytes, size_t len, struct record *out, size_t *size);
/* The same with another checksum than this version's. */
typedef uint32_t record_sum_fn(uint32_t from, const void *bytes, size_t len);
enum status record_decode_by(record_sum_fn *sum, const void *bytes, size_t len, struct record *out,
                             size_t *size);
/* Writes the checksum of a record whose size bytes are there. */
void record_seal(void *record, size_t size);

void record_put_file(const struct record_file *f, uint8_t out[RECORD_FILE_BYTES]);
/* kind: the expected one. ST_OK; ST_AGAIN: too short; ST_MALFORMED; ST_INVALID: another
 * kind or version. */
enum status record_get_file(const void *bytes, size_t len, const char *kind,
                            struct record_file *out);
/* Of RECORD_FILE_BYTES: the version, of whatever kind of file; 0: no header by this checksum. */
uint32_t record_file_version(const void *header, record_sum_fn *sum);
/* Writes this version and the checksum into a header that is there. */
void record_seal_file(void *header);

/* How old a record is. */
struct record_now {
	const uint8_t *boot_id; /* of the machine now */
	int64_t boot_ms, wall_ms;
	bool clock_trusted;
};
/* Milliseconds; -1: cannot be known. In the same boot by CLOCK_BOOTTIME, else by the wall
 * clock if it was trusted then and is now (docs/architecture.md 4 "Clock"). */
int64_t record_age_ms(const struct record *r, const uint8_t *boot_id, const struct record_now *now);

#endif
