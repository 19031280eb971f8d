/* store_owner.h - is a broker at work on store.dir, and may the hub be logged in at from here?
 * Nothing of the store is made or changed but the time of last-connect.
 * Room:  none; the command's one thread.
 * Facts: docs/store-format.md (lock, last-connect); docs/protocol/limits.md "Connection": two
 *        connects of one device are 5 s apart.
 */
#ifndef HUBGATE_CLI_STORE_OWNER_H
#define HUBGATE_CLI_STORE_OWNER_H

#include <signal.h>
#include <stdint.h>

#include "core/base/status.h"

enum {
	STORE_OWNER_MAX = 160,
	STORE_OWNER_GAP_MS = 5000
};

/* ST_OK: nobody has the lock; ST_EXISTS: somebody has, and owner says who ("pid 7 on host h since
 * ..."); ST_DENIED: it cannot be told, owner says why. */
enum status store_owner_find(const char *dir, char owner[STORE_OWNER_MAX]);

/* Waits until the gateway may connect to the hub again, at most until then (CLOCK_MONOTONIC), and
 * writes that it does now. Before there is a store, where that cannot be written, it waits the
 * whole pause, which keeps calls in a row apart. *stop (NULL: none) ends the wait. ST_OK;
 * ST_TIMEOUT: not yet; ST_STATE: stopped; ST_IO: last-connect cannot be written, why says it. */
enum status store_owner_take_turn(const char *dir, int64_t until_ms,
                                  const volatile sig_atomic_t *stop, char why[STORE_OWNER_MAX]);
/* Once the hub had the CONNECT, which may be a while after our turn: the pause counts from here. */
void store_owner_connected(const char *dir);

#endif
