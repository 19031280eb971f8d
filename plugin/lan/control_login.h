/* control_login.h - how the command `hubgate` logs in without any rights of the broker's: with the
 * token that stands in store.dir (shadowstore/control_token.h).
 * Room:  BROKER.
 * Keeps: the token is of this start alone, counts from this machine alone, and gives the commands
 * of $CONTROL/hubgate/v1 with the role operator, nothing else of the broker.
 */
#ifndef HUBGATE_CONTROL_LOGIN_H
#define HUBGATE_CONTROL_LOGIN_H

#include "plugin/base/context.h"

/* The store is open. ST_OK, also when the file cannot be written, which is logged: nobody logs in
 * so. ST_IO: no random bytes; ST_NOMEM. */
enum status control_login_open(struct hubgate *h);
bool control_login_stop(struct hubgate *h, uint32_t wait_ms); /* the file goes. True */
void control_login_close(struct hubgate *h);                  /* wipes */
/* The user name is the command's, and nobody else's. NULL: no. */
bool control_login_is(const char *username);
/* Why who has that user name is refused (static text). NULL: it is the command. Each may be NULL;
 * an address that is NULL, empty or a path is a unix socket's. */
const char *control_login_fault(const struct hubgate *h, const char *password, const char *address);

#endif
