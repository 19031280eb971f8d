/* journal_reader.h - the other end of the journal: read, and say how it ended.
 * Room:  UPLINK.
 * Usage: journal_reader_next() hands out every message once, in the order of
 *        acceptance; the caller keeps seq (and little more) per device, loads
 *        the content when it sends, and ends each seq exactly once.
 */
#ifndef HUBGATE_JOURNAL_READER_H
#define HUBGATE_JOURNAL_READER_H

#include "shadowstore/journal.h"

struct journal_item {
	uint64_t seq;
	const char *device; /* borrowed until the next call */
	uint32_t bytes;     /* what it counts against the byte bound */
	uint8_t qos;
};

/* ST_OK; ST_EMPTY: caught up. */
enum status journal_reader_next(struct journal *j, struct journal_item *out);

struct journal_view { /* borrowed until the seq is ended */
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos;
};

/* ST_OK; ST_NOTFOUND: ended already, or never handed out. */
enum status journal_reader_load(struct journal *j, uint64_t seq, struct journal_view *out);
/* Unknown seq: no effect. */
void journal_reader_end(struct journal *j, uint64_t seq, enum journal_end end);

/* How much is over the bounds, for a policy that drops: messages to drop from
 * the whole, oldest first. 0 within bounds. */
uint64_t journal_reader_excess(struct journal *j);
/* True when one device with this many messages and bytes is over its share. */
bool journal_reader_over_share(const struct journal *j, uint64_t messages, uint64_t bytes);

#endif
