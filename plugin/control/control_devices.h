/* control_devices.h - the commands about many devices or one: listDevices, getDevice.
 * Room:  BROKER.
 * Keeps: a list is made in slices, in the order in which they were asked for; at most
 *        CONTROL_LISTS_MAX wait.
 */
#ifndef HUBGATE_CONTROL_DEVICES_H
#define HUBGATE_CONTROL_DEVICES_H

#include "core/json/json.h"
#include "plugin/base/asker.h"
#include "plugin/base/context.h"

enum {
	CONTROL_LISTS_MAX = 32,
};

struct control_lists; /* opaque */

struct control_lists *control_devices_new(void);    /* NULL: no memory */
void control_devices_free(struct control_lists *l); /* NULL is fine */
/* A slice of the oldest. */
void control_devices_run(struct hubgate *h, struct control_lists *l);
bool control_devices_wait(const struct control_lists *l); /* there are some */

/* Each takes a. */
void control_devices_list(struct hubgate *h, struct control_lists *l, const cJSON *command,
                          struct asker *a);
void control_devices_get(struct hubgate *h, const cJSON *command, struct asker *a);

/* The device that the command names. NULL: none, or no such; a is answered then. */
struct device *control_devices_named(struct hubgate *h, const cJSON *command, struct asker *a);
/* How many the command asks for: "count", 1 to max, or max. 0: it is no such number, and a is
 * answered. */
unsigned control_devices_count(const cJSON *command, unsigned max, struct asker *a);

#endif
