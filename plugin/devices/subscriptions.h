/* subscriptions.h - what devices subscribed, across restarts.
 * Room:  BROKER.
 * Keeps: a subscription mirrored at the hub is in the state store until its device ends it. Without
 *        a store (h->state NULL) nothing is kept, nor of a name that is not known to be ours.
 */
#ifndef HUBGATE_SUBSCRIPTIONS_H
#define HUBGATE_SUBSCRIPTIONS_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

/* A stored one: its device has it again. False: of no device that is known. */
bool subscriptions_load(struct hubgate *h, const struct state_entry *e);
/* A failure is logged: the subscription then holds until the next start. */
void subscriptions_keep(struct hubgate *h, const struct device *d, const char *filter, uint8_t qos);
void subscriptions_forget(struct hubgate *h, const struct device *d, const char *filter);

#endif
