/* snapshot.h - how the gateway was at one moment, for who looks at it: made by BROKER, handed to
 * ADMIN, which owns it from then on.
 * Room:  any, one owner.
 */
#ifndef HUBGATE_SNAPSHOT_H
#define HUBGATE_SNAPSHOT_H

#include "core/admin/history.h"
#include "core/base/metrics.h"

enum {
	SNAPSHOT_STATUS_MAX = 512 * 1024,
};

#define SNAPSHOT_UNKNOWN (-1)

struct snapshot {         /* one block, but for the text */
	bool ready;           /* the link to the hub */
	const char *state;    /* of it, static text */
	int64_t oldest_age_s; /* SNAPSHOT_UNKNOWN: nothing waits, or not known */
	struct metrics metrics;
	struct history history;
	struct buf status; /* a JSON object */
};

/* Zeroed, with room for the text. Caller owns it. NULL: no memory. */
struct snapshot *snapshot_new(void);
void snapshot_free(struct snapshot *s); /* NULL is fine */

#endif
