/* device_record.h - what the state store has of a device: bound or not, spoken for by a gateway
 * application, made by a rule of mappings[].
 * Room:  BROKER.
 * Keeps: nothing of a name before the hub called it bound, unless it is configured or registered
 *        (core/hub/standing.h).
 */
#ifndef HUBGATE_DEVICE_RECORD_H
#define HUBGATE_DEVICE_RECORD_H

#include "plugin/base/context.h"

enum { /* bits of the stored byte */
	DEVICE_RECORD_BOUND = 1,
	DEVICE_RECORD_BY_APP = 2,
	DEVICE_RECORD_MAPPED = 4,
	DEVICE_RECORD_PROVEN = 8,     /* bound at some time */
	DEVICE_RECORD_LOGGED_IN = 16, /* by itself, at some time */
};

/* What is known of d is remembered for the next start. */
void device_record_keep(struct hubgate *h, struct device *d);
void device_record_erase(struct hubgate *h, struct device *d);

#endif
