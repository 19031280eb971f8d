/* doorbell_login.h - how the doorbell, UPLINK's connection to our own broker, proves what it is.
 * Room:  BROKER.
 * Keeps: id and password are of this start alone and known to this process alone.
 */
#ifndef HUBGATE_DOORBELL_LOGIN_H
#define HUBGATE_DOORBELL_LOGIN_H

#include "plugin/base/context.h"

#define DOORBELL_TOPIC "$hubgate/wake"

enum {
	DOORBELL_PREFIX_MAX = 64,
	DOORBELL_TEXT_MAX = 48
};

struct doorbell_login {
	char id[DOORBELL_PREFIX_MAX + DOORBELL_TEXT_MAX]; /* its client id, and its user name */
	char password[DOORBELL_TEXT_MAX];
};

/* After broker_rights_open(). ST_OK; ST_IO; ST_NOMEM. */
enum status doorbell_login_open(struct hubgate *h);
void doorbell_login_close(struct hubgate *h); /* wipes */
/* The id is nobody else's. client_id NULL: no. */
bool doorbell_login_is(const struct hubgate *h, const char *client_id);
/* Who has the id is the doorbell: by its password, and from this machine. Both may be NULL. */
bool doorbell_login_ok(const struct hubgate *h, const char *password, const char *address);

#endif
