/* journal_reader.h - the other end of the journal: read, and say how it ended.
 * Room:  UPLINK.
 * Usage: journal_reader_next() hands out every live message once, in the order of
 *        sequence, those of earlier runs first; the caller keeps seq (and little more) per
 *        device, loads the content when it sends, and ends each seq exactly once.
 * Keeps: an end is on its way to the ack file when journal_reader_flush() returned; what
 *        kill -9 catches before that is handed out again after the restart.
 */
#ifndef HUBGATE_JOURNAL_READER_H
#define HUBGATE_JOURNAL_READER_H

#include "core/journal/record.h"
#include "shadowstore/journal/journal.h"

/* Where the reader writes what it has to say from now on (damaged records). Borrowed. */
void journal_reader_log(struct journal *j, const struct log *log);

struct journal_item {
	uint64_t seq;
	const char *device; /* borrowed until the next call, as topic; both NUL-terminated */
	const char *topic;
	uint32_t bytes; /* what it counts against the byte bound */
	uint8_t qos;
	bool latest;
};

/* ST_OK; ST_EMPTY: caught up, the next append says so (*was_idle); ST_NOMEM, ST_IO: there is
 * more, and no append will say so: ask again. Damaged records are skipped, ended and logged here.
 */
enum status journal_reader_next(struct journal *j, struct journal_item *out);

/* Everything up to this sequence has been handed out or skipped. */
uint64_t journal_reader_position(const struct journal *j);

struct journal_view { /* borrowed until the next load */
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos;
	int64_t age_ms; /* -1: cannot be known */
};

/* now: for age_ms; NULL: age_ms is -1. ST_OK; ST_NOTFOUND: ended already, or never handed out;
 * ST_MALFORMED: the disk does not give it back whole (end it as JOURNAL_DROP_DAMAGED); ST_NOMEM;
 * ST_IO: read error, perhaps it goes away. */
enum status journal_reader_load(struct journal *j, uint64_t seq, const struct record_now *now,
                                struct journal_view *out);
/* device and bytes as journal_reader_next() gave them. Unknown seq: no effect. */
void journal_reader_end(struct journal *j, uint64_t seq, const char *device, uint32_t bytes,
                        enum journal_end end);
/* Writes the ends since the last call; one write() however many. Cheap when there are none. */
void journal_reader_flush(struct journal *j);

/* How much is over the bounds, for a policy that drops: messages to drop from the whole, oldest
 * first. 0 within bounds, and until the first scan caught up. */
uint64_t journal_reader_excess(struct journal *j);
/* Under JOURNAL_REFUSE: how much is over seven eighths of the bounds. Before devices are refused,
 * messages are dropped that nobody has to wait for. 0 below, and under the other policy. */
uint64_t journal_reader_pressed(struct journal *j);
/* True when one device with this many messages and bytes is over its share. */
bool journal_reader_over_share(struct journal *j, uint64_t messages, uint64_t bytes);

enum {
	JOURNAL_MARK_MAX = 256 /* with NUL */
};

/* What is remembered for the next start: devices that the hub may show online, by client id, and
 * whatever else the reader marks. Written at once. */
enum status journal_reader_mark(struct journal *j, const char *client_id, bool online);
/* Calls fn for each mark. */
void journal_reader_marks(struct journal *j, void (*fn)(void *ctx, const char *client_id),
                          void *ctx);

/* The boot id and clocks of this machine now. */
void journal_reader_now(const struct journal *j, bool clock_trusted, struct record_now *out);

#endif
