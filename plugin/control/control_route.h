/* control_route.h - the command route: what would happen to a message, and why, step by step.
 * Room:  BROKER.
 * Keeps: nothing happens: no device is made, no interval begins. Each step is asked of the function
 *        that decides for real messages (plugin/on_acl.c, plugin/on_message.c).
 */
#ifndef HUBGATE_CONTROL_ROUTE_H
#define HUBGATE_CONTROL_ROUTE_H

#include "plugin/control/control_command.h"

/* Takes a. */
void control_route(struct hubgate *h, const cJSON *command, struct asker *a);

#endif
