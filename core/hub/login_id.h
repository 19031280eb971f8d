/* login_id.h - which MQTT client id a device may log in with.
 * Room:  any. Pure.
 * Facts: docs/protocol/connection.md 4: documents ask for {pid}{dname}, seven public programs use
 *        another one (device name, chip id, time); the hub judges the signed user name.
 */
#ifndef HUBGATE_LOGIN_ID_H
#define HUBGATE_LOGIN_ID_H

#include <stdbool.h>

enum {
	LOGIN_ID_MAX = 256 /* bytes: one is kept for each device */
};

struct login_id_use {     /* what is known of an id */
	bool another_devices; /* {pid}{dname} of another device, the gateway included */
	bool held;            /* at this moment, by whoever is not this device */
};

/* Why a device may not log in with this id (static text). NULL: it may. id NULL: it gave none. */
const char *login_id_fault(const char *id, const struct login_id_use *use);

#endif
