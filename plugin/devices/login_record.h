/* login_record.h - which client id the newest login of a device had, across restarts.
 * Room:  BROKER.
 * Keeps: one session of a device may read: that of its newest login. Sessions that the broker keeps
 *        of earlier logins, with other client ids, are not queued for. In the state store it stands
 *        only where it is not {pid}{dname}; without a store (h->state NULL) nothing is kept.
 */
#ifndef HUBGATE_LOGIN_RECORD_H
#define HUBGATE_LOGIN_RECORD_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

/* A stored one. False: of no device that is known. */
bool login_record_load(struct hubgate *h, const struct state_entry *e);
/* d is logged in with this id now. A failure is logged: it then holds until the next start, or,
 * without memory, not at all. */
void login_record_keep(struct hubgate *h, struct device *d, const char *id);

#endif
