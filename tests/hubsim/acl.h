/* acl.h - which topics a device may use (docs/protocol/topics.md 1, 2, 3 and 5). */
#ifndef HUBSIM_ACL_H
#define HUBSIM_ACL_H

#include "tests/hubsim/account.h"

enum use {
	USE_PUBLISH,
	USE_SUBSCRIBE, /* a filter */
	USE_READ       /* a message about to be delivered */
};

/* NULL: allowed; else a short reason, static. Publishing and subscribing in the name of a subdevice
 * need it bound to `who` and online; delivery needs it bound only, because subscriptions outlive
 * an offline (docs/protocol/topics.md 5, point 5). */
const char *acl_refusal(const struct cloud *c, const struct account *who, const char *topic,
                        enum use use);

/* The account in whose name a topic is, or NULL. */
struct account *acl_subject(const struct cloud *c, const char *topic);

#endif
