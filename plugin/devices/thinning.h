/* thinning.h - min_interval_ms of routes with policy all: which messages come too soon.
 * Room:  BROKER.
 * Keeps: the last THINNING_TOPICS topics of a device; older ones count as new.
 */
#ifndef HUBGATE_THINNING_H
#define HUBGATE_THINNING_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/base/registry.h"

enum {
	THINNING_TOPICS = 64
};

/* false: the last one of this topic that was let through is less than interval_ms ago. */
bool thinning_passes(struct device *d, const char *topic, uint32_t interval_ms, int64_t now_ms);
void thinning_free(struct device *d);

#endif
