/* turn.h - BROKER's turn: all that is due, in its order.
 * Room:  BROKER.
 */
#ifndef HUBGATE_TURN_H
#define HUBGATE_TURN_H

#include "plugin/base/context.h"

/* Everything other rooms have for BROKER: messages from the hub, log lines,
 * timers that are due. For every ring of the doorbell and every tick. */
void turn_run(struct hubgate *h);

#endif
