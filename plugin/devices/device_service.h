/* device_service.h - a service that has something of its own for each device and hears what becomes
 * of it: the shadow. Devices call it through this table, because services stand above devices.
 * Room:  BROKER.
 */
#ifndef HUBGATE_DEVICE_SERVICE_H
#define HUBGATE_DEVICE_SERVICE_H

#include "plugin/base/context.h"

struct device_service {
	/* Its answers come by this filter: not the device, the service subscribes it at the hub. */
	bool (*answers_on)(const char *filter);
	enum status (*follow)(struct hubgate *h, struct device *d); /* ST_OK, also again; ST_NOMEM */
	/* The uplink hears all of d again. ST_OK; ST_FULL, ST_NOMEM: say it later. */
	enum status (*tell)(struct hubgate *h, const struct device *d);
	void (*retire)(struct hubgate *h, struct device *d);
	void (*back)(struct hubgate *h, struct device *d); /* known again */
	void (*keep)(struct hubgate *h, struct device *d); /* it is ours now: it may be stored */
	/* d ends; stored: what stands in the state store too. */
	void (*forget)(struct hubgate *h, struct device *d, bool stored);
};

#endif
