/* config_changes.h - what a newly read configuration changes, and how the running one takes it, by
 * core/config/config.tbl.
 * Room:  any. Pure.
 */
#ifndef HUBGATE_CONFIG_CHANGES_H
#define HUBGATE_CONFIG_CHANGES_H

#include "core/config/config.h"

enum {
	CONFIG_CHANGE_VALUE_MAX = 32
};

struct config_change {
	const char *path; /* "hub.window", or "routes" for a list as a whole */
	bool live;        /* config_take_live() carries it over; else it waits for a restart */
	/* Numbers, flags and words. "": not shown; a secret never is. */
	char before[CONFIG_CHANGE_VALUE_MAX], after[CONFIG_CHANGE_VALUE_MAX];
};

/* Calls each for every key of next that differs from now, in the table's order; once for a list
 * with any difference, in number, order or a key of one element. */
void config_changes(const struct config *now, const struct config *next,
                    void (*each)(void *ctx, const struct config_change *c), void *ctx);

/* Two elements of devices[] are the same in every key, and in what their files held. */
bool config_device_same(const struct config_device *a, const struct config_device *b);

/* What is live changes places: now has the new values and lists, next the old ones, for
 * config_free(). Allocates nothing. */
void config_take_live(struct config *now, struct config *next);

#endif
