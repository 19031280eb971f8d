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

/* false: the last one of this topic that was let through is less than interval_ms ago. */
bool min_interval_passes(struct device *d, const char *topic, uint32_t interval_ms, int64_t now_ms);
void min_interval_free(struct device *d);

#endif
