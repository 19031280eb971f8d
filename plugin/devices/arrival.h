/* arrival.h - a device's own client is there: presence, and that the device speaks for itself.
 * Room:  BROKER.
 */
#ifndef HUBGATE_ARRIVAL_H
#define HUBGATE_ARRIVAL_H

#include "plugin/lan/lan_session.h"

/* s, of kind SESSION_DEVICE, was let in. A login proves that its device has a client of its own:
 * nobody speaks for it from now on (device_logged_in()). */
void arrival_take(struct hubgate *h, struct lan_session *s);

#endif
