/* one_client.h - a device is one client, as at the hub, whatever client ids it logs in with.
 * Room:  BROKER.
 * Keeps: the newest login counts. It ends the older one once it is known to live; until then it may
 *        fail, and the older one is the device's still.
 */
#ifndef HUBGATE_ONE_CLIENT_H
#define HUBGATE_ONE_CLIENT_H

#include "plugin/lan/lan_session.h"

enum status one_client_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void one_client_close(struct hubgate *h);

/* s was accepted. before, which was its device's, waits to be ended; NULL or s: there was none. */
void one_client_arrived(struct hubgate *h, struct lan_session *s, struct lan_session *before);
/* s ends. */
void one_client_left(struct hubgate *h, struct lan_session *s);
/* The newest login of d failed: the one that waited to be ended for it, which is d's again. NULL:
 * none. */
struct lan_session *one_client_before(struct hubgate *h, const struct device *d);
/* All logins under way have come to their end, and whoever is in the table of sessions lives: the
 * client ids of these logins are their devices' now, older sessions of them are ended. */
void one_client_settle(struct hubgate *h);
/* It waits for its end and gets nothing any more. */
bool one_client_is_replaced(const struct hubgate *h, const struct lan_session *s);
/* Somebody who never passed our check is connected with d's client id: the next turn ends that, and
 * leaves what is subscribed in the kept session that it took. */
void one_client_intruded(struct hubgate *h, struct device *d);

/* A turn: the logins before it have come to their end, and intruders are ended. */
void one_client_run(struct hubgate *h, int64_t now_ms);
int64_t one_client_due(const struct hubgate *h); /* INT64_MAX: nothing is to be ended */

#endif
