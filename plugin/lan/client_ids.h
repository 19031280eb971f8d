/* client_ids.h - who holds a client id that others must not take at this moment: devices that
 * logged in with another one than {pid}{dname}, applications, and clients that mappings[] name.
 * Room:  BROKER.
 * Why:   a login with an id ends the session that has it, whoever that is. {pid}{dname} of a device
 * is closed to all others without this.
 */
#ifndef HUBGATE_CLIENT_IDS_H
#define HUBGATE_CLIENT_IDS_H

#include "plugin/base/context.h"

enum status client_ids_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void client_ids_close(struct hubgate *h);

/* client logs in with this id, as d, or (NULL) as somebody else. What it held before is released.
 * ST_OK; ST_NOMEM. */
enum status client_ids_hold(struct hubgate *h, const struct mosquitto *client, const char *id,
                            struct device *d);
void client_ids_release(struct hubgate *h, const struct mosquitto *client); /* it is gone */
/* The id that a client of d logged in with. */
const char *client_ids_of(const struct hubgate *h, const struct mosquitto *client,
                          const struct device *d);
/* Somebody else than d holds it; d NULL: a device holds it. id NULL: nobody does. */
bool client_ids_held(const struct hubgate *h, const char *id, const struct device *d);

#endif
