/* control_shadow.h - the commands getShadow and setShadow, by the way of local applications
 * (plugin/services/shadow).
 * Room:  BROKER.
 */
#ifndef HUBGATE_CONTROL_SHADOW_H
#define HUBGATE_CONTROL_SHADOW_H

#include "plugin/control/control_command.h"

/* Each takes a; it is answered at once, or after the hub's document came, if that is the first. */
void control_shadow_get(struct hubgate *h, const cJSON *command, struct asker *a);
void control_shadow_set(struct hubgate *h, const cJSON *command, struct asker *a);

#endif
