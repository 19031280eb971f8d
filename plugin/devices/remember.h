/* remember.h - what devices subscribed, across restarts; and the room that writes it.
 * Room:  BROKER.
 * Keeps: a subscription mirrored at the hub is in the state store until its device ends it. A
 *        start erases nothing: what is stored of a device that is not known (yet) waits in
 *        plugin/devices/stored. Without a store (h->state NULL) everything here does nothing.
 */
#ifndef HUBGATE_REMEMBER_H
#define HUBGATE_REMEMBER_H

#include "plugin/base/context.h"

/* Opens h->state in store.dir, hands out what is in it to the devices that are known and attached,
 * makes h->disk. Devices that become known later get theirs then. ST_OK; ST_IO (errno); ST_NOMEM.
 */
enum status remember_open(struct hubgate *h);
enum status remember_start(struct hubgate *h); /* DISK begins. ST_OK; ST_IO: no thread */
/* Ends DISK, at most wait_ms, with everything synced. False: it hangs in the kernel with journal
 * and state in its hands: neither may be closed. */
bool remember_stop(struct hubgate *h, uint32_t wait_ms);
void remember_close(
	struct hubgate *h); /* stopped, or never started; before the journal is closed */

/* A failure is logged: the subscription then holds until the next start. */
void remember_subscribed(struct hubgate *h, const struct device *d, const char *filter,
                         uint8_t qos);
void remember_unsubscribed(struct hubgate *h, const struct device *d, const char *filter);
void remember_drain(struct hubgate *h); /* log lines of DISK */

#endif
