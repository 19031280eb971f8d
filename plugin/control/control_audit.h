/* control_audit.h - one line of the log for every change that somebody commands.
 * Room:  BROKER.
 * Keeps: names and values are cut, and hold no control characters: nobody writes lines of his own.
 */
#ifndef HUBGATE_CONTROL_AUDIT_H
#define HUBGATE_CONTROL_AUDIT_H

#include "plugin/control/control_command.h"

/* client did this; of its members only those that row->args names. */
void control_audit(struct hubgate *h, const struct mosquitto *client,
                   const struct control_command *row, const cJSON *command);

#endif
