/* journal.h - messages promised to the hub, from acceptance to the hub's word.
 * Room:  BROKER appends. UPLINK reads and ends them through journal_reader.h.
 * Keeps: a message lives from journal_append() == ST_OK until the reader ends
 *        it; order by sequence; accepted = delivered + queued + dropped.
 * Now:   the backend is bounded memory: what is queued survives outages of the
 *        WAN, not of the broker (README "What survives what"). The interface is
 *        the one the segment files will stand behind.
 */
#ifndef HUBGATE_JOURNAL_H
#define HUBGATE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

struct journal; /* opaque */

enum journal_policy {
	JOURNAL_DROP_OLDEST, /* at a bound the reader drops from the front */
	JOURNAL_REFUSE,      /* at a bound append says ST_FULL */
};

struct journal_limits {
	uint64_t max_messages, max_bytes;
	unsigned device_share; /* percent of either bound for one device, 1..100 */
	enum journal_policy policy;
};

struct journal_msg {    /* borrowed views, copied by append */
	const char *device; /* client id */
	const char *topic;
	const void *payload;
	size_t len;
	uint8_t qos; /* towards the hub: 0 or 1 */
};

/* Why a message left the journal. */
enum journal_end {
	JOURNAL_DELIVERED,
	JOURNAL_DROP_BOUND,  /* oldest at a bound */
	JOURNAL_DROP_POISON, /* the hub never acknowledges it */
	JOURNAL_ENDS
};

struct journal_counts {
	uint64_t accepted, queued, queued_bytes;
	uint64_t ended[JOURNAL_ENDS];
};

/* Caller owns *out. dir must exist and be writable: what the segment files need
 * is checked from the first version on. ST_OK; ST_IO (errno is set); ST_NOMEM. */
enum status journal_open(const char *dir, const struct journal_limits *lim, struct journal **out);
void journal_close(struct journal *j); /* NULL is fine */

/* Room BROKER. ST_OK: *seq (may be NULL) names it. ST_FULL: at a bound, nothing
 * stored. ST_NOMEM: nothing stored. *was_idle (may be NULL): the reader had
 * caught up, so it wants to be woken. */
enum status journal_append(struct journal *j, const struct journal_msg *msg, uint64_t *seq,
                           bool *was_idle);

void journal_counts(struct journal *j, struct journal_counts *out); /* any room */

#endif
