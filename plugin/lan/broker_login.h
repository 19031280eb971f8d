/* broker_login.h - devices with a username of this broker, not of the hub (devices[].login).
 * Room:  BROKER.
 * Facts: docs/architecture.md 5. The broker itself checks name and password (password_file or
 *        another plugin, after us) and does not tell how that ended: a client that is still there
 *        at its first ACL check, at CONNECT (2.1) or at the next tick (2.0) was let in.
 */
#ifndef HUBGATE_BROKER_LOGIN_H
#define HUBGATE_BROKER_LOGIN_H

#include "plugin/lan/lan_session.h"

/* ST_OK; ST_NOMEM; ST_INVALID (logged): as broker_login_check(). */
enum status broker_login_open(struct hubgate *h);
void broker_login_close(struct hubgate *h);
/* Any room. ST_OK; ST_INVALID: c has a login, at its device *first, but this broker checks no
 * names, so anybody could be that device. */
enum status broker_login_check(const struct hubgate *h, const struct config *c, size_t *first);
/* The devices of h->config are others now. */
void broker_login_configured(struct hubgate *h);

/* The device with this login; NULL: none. */
struct device *broker_login_device(const struct hubgate *h, const char *username);
/* The broker is asked next. false: no memory. */
bool broker_login_claim(struct hubgate *h, const struct mosquitto *client, struct device *d);
/* The broker let it in: s becomes a session of its device. The caller says that it arrived. */
void broker_login_accept(struct hubgate *h, struct lan_session *s);
/* The tick of 2.0: who still waits was let in, and arrived() hears of it. */
void broker_login_run(struct hubgate *h, void (*arrived)(struct hubgate *h, struct lan_session *s));

#endif
