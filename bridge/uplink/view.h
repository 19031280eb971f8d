/* view.h - what UPLINK shows of itself to whoever tells people of it: since when the link is as it
 * is and why, the suspect topics by name, the age of what waits longest.
 * Room:  UPLINK, except where a function says otherwise. A lock is inside, held for a copy.
 */
#ifndef HUBGATE_VIEW_H
#define HUBGATE_VIEW_H

#include <pthread.h>

#include "bridge/uplink/uplink.h"

struct uplink;

struct view {             /* embedded; zeroed before */
	pthread_mutex_t lock; /* of shown */
	struct uplink_view shown;
	/* UPLINK's alone */
	bool due;         /* something has changed since the last look */
	int64_t look_ms;  /* the next look not before */
	uint64_t seq;     /* of the oldest message at the last look; 0: none */
	uint32_t suspect; /* topics at the last look */
};

void view_init(struct view *v);
void view_fini(struct view *v);
void view_get(struct view *v, struct uplink_view *out); /* any room */

/* The link is up, or is not any more, since now. */
void view_moved(struct view *v, int64_t now_ms);
/* Why it is not up, and what to do, which may be "". reason "": it is up. */
void view_reason(struct view *v, const char *reason, const char *fix);
/* Once a turn: what is looked up at most once a second. */
void view_run(struct uplink *u, int64_t now_ms);
int64_t view_due_ms(const struct view *v); /* INT64_MAX: nothing has changed */

#endif
