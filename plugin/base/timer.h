/* timer.h - when BROKER's next turn is due: UPLINK rings the doorbell then.
 * Room:  BROKER.
 * Keeps: a turn comes no later than the earliest time that was asked for. It may come earlier, for
 *        what is not due any more; the turn then sets the next time.
 */
#ifndef HUBGATE_TIMER_H
#define HUBGATE_TIMER_H

#include "plugin/base/context.h"

enum {
	TIMER_AT_ONCE_MS = 1 /* long ago by any clock, and not 0 */
};

/* Something is due at due_ms: the turn comes by then. */
void timer_ring_by(struct hubgate *h, int64_t due_ms);
/* Of the turn alone, which knows of all that is due. INT64_MAX: nothing is. */
void timer_set(struct hubgate *h, int64_t due_ms);

#endif
