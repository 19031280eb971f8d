/* device_report.h - what is known of one device, as JSON: for listDevices and getDevice, and for
 * whoever else shows devices.
 * Room:  BROKER.
 */
#ifndef HUBGATE_DEVICE_REPORT_H
#define HUBGATE_DEVICE_REPORT_H

#include "core/json/json_writer.h"
#include "plugin/base/context.h"

enum {
	DEVICE_REPORT_MAX = 2048, /* bytes of one of device_report_put() */
};

/* The hub confirmed it online, and the link stands. */
bool device_report_online(const struct hubgate *h, const struct device *d);
/* An object; members as docs/control.md "listDevices" says. Allocates nothing but out. */
void device_report_put(struct json_writer *w, struct hubgate *h, const struct device *d);
/* The same with all of getDevice. */
void device_report_put_all(struct json_writer *w, struct hubgate *h, const struct device *d);

#endif
