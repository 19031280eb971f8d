/* identity.h - which LAN client is which device, and what it may touch.
 * Room:  BROKER. Judging neither allocates nor loops over devices: it runs on
 *        every delivery.
 * Facts: docs/architecture.md 5; docs/protocol/connection.md 3, 4, 9; docs/protocol/topics.md 6.
 */
#ifndef HUBGATE_IDENTITY_H
#define HUBGATE_IDENTITY_H

#include "plugin/base/context.h"

enum lan_login {
	LOGIN_OTHER, /* not ours: the broker decides */
	LOGIN_DEVICE,
	LOGIN_DOORBELL,
	LOGIN_CONTROL, /* the command `hubgate` */
	LOGIN_REFUSED,
};

struct lan_claim { /* of a client that connects; any text may be NULL */
	const char *client_id, *username, *password, *address;
	const struct device *proven; /* by its TLS handshake; NULL: nothing */
};

/* *device is set for LOGIN_DEVICE; *why (static text) for LOGIN_REFUSED. */
enum lan_login identity_login(struct hubgate *h, const struct lan_claim *c, struct device **device,
                              const char **why);

/* Why a device may not have this client id now (static text). NULL: it may. */
const char *identity_id_fault(const struct hubgate *h, const struct device *d,
                              const char *client_id);

/* The device that a user name of the hub's form names. NULL: no such form, or no such device; also
 * for username NULL. */
struct device *identity_named(const struct hubgate *h, const char *username);
/* The device whose kept session a client is that has no session of ours: it is away, or the broker
 * restored it. By its user name, which was checked when it logged in and which the broker keeps,
 * and by the client id of the device's newest login. Whoever came by a listener that never asked us
 * (use_identity_as_username) may have such an id; its user name, a CN, has no such form. */
struct device *identity_kept(const struct hubgate *h, const struct mosquitto *client);

/* The device whose {pid}{dname} a client has as its client id that has no session of ours and
 * another user name. NULL: no such device. */
struct device *identity_intruded(const struct hubgate *h, const struct mosquitto *client);

/* True when {pid} of this topic or filter is a product of ours, or the text is
 * in one of the hub's trees: closed to everybody but the device itself. */
bool identity_is_cloud_topic(const struct hubgate *h, const char *text);

#endif
