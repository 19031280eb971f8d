/* control_trace.h - the command trace: what becomes of a device's messages, told while it happens.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CONTROL_TRACE_H
#define HUBGATE_CONTROL_TRACE_H

#include "plugin/control/control_command.h"

/* Takes a: it is answered at once, and then told of each step until the trace is over or its client
 * is gone. */
void control_trace(struct hubgate *h, const cJSON *command, struct asker *a);

#endif
