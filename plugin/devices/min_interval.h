/* min_interval.h - min_interval_ms of routes with policy all: which messages come too soon.
 * Room:  BROKER.
 * Keeps: the last MIN_INTERVAL_TOPICS topics of a device; older ones count as new.
 */
#ifndef HUBGATE_MIN_INTERVAL_H
#define HUBGATE_MIN_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/base/device_table.h"

enum {
	MIN_INTERVAL_TOPICS = 64
};

/* Since the last message on this topic was noted; INT64_MAX: none is remembered. */
int64_t min_interval_since_ms(const struct device *d, const char *topic, int64_t now_ms);
/* One goes up now. Without memory it is not remembered: rather too many than too few. */
void min_interval_note(struct device *d, const char *topic, int64_t now_ms);
void min_interval_free(struct device *d);

#endif
