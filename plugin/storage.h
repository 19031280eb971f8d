/* storage.h - the state store of this gateway (subscriptions, shadows, what is known of devices),
 * and DISK, which writes it.
 * Room:  BROKER.
 * Keeps: a start erases nothing: what is stored of a device that is not known (yet) waits in
 *        plugin/devices/stored.
 */
#ifndef HUBGATE_STORAGE_H
#define HUBGATE_STORAGE_H

#include "plugin/base/context.h"

/* Opens h->state in store.dir, hands out what is in it to the devices that are known and attached,
 * makes h->disk. Devices that become known later get theirs then. ST_OK; ST_IO (errno); ST_NOMEM.
 */
enum status storage_open(struct hubgate *h);
enum status storage_start(struct hubgate *h); /* DISK begins. ST_OK; ST_IO: no thread */
/* Ends DISK, at most wait_ms, with everything synced. False: it hangs in the kernel with journal
 * and state in its hands: neither may be closed. */
bool storage_stop(struct hubgate *h, uint32_t wait_ms);
/* Stopped, or never started; before the journal is closed. */
void storage_close(struct hubgate *h);
void storage_drain(struct hubgate *h); /* log lines of DISK */

#endif
