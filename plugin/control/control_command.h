/* control_command.h - one command of $CONTROL/hubgate/v1: a row of the table in control.c.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CONTROL_COMMAND_H
#define HUBGATE_CONTROL_COMMAND_H

#include "core/json/json.h"
#include "plugin/base/asker.h"
#include "plugin/base/context.h"

struct control_command {
	const char *name;
	enum app_role role; /* that it needs; an operator's is a change, and a line of the log */
	const char *args;   /* its members, separated by spaces: what the log tells of a change */
	/* Takes a, and answers it now or later. */
	void (*run)(struct hubgate *h, const cJSON *command, struct asker *a);
};

#endif
