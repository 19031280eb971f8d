/* subscriptions.h - what each client has subscribed, while its session lives: the limit per device
 * of docs/protocol/limits.md. Main thread only. */
#ifndef HUBSIM_SUBSCRIPTIONS_H
#define HUBSIM_SUBSCRIPTIONS_H

#include "tests/hubsim/account.h"

/* A session begins; one that is clean, or follows a clean one, has nothing subscribed. */
void subscriptions_begin(struct account *a, bool clean);
/* True: it has filter now, or had it. False: it has `max` others (0: no limit). */
bool subscriptions_add(struct account *a, const char *filter, int max);
void subscriptions_remove(struct account *a, const char *filter);
void subscriptions_clear(struct account *a); /* frees them */

#endif
