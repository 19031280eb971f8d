/* register.h - the hub's HTTP endpoint for dynamic registration (docs/protocol/dynreg.md), both
 * forms. A thread of libmicrohttpd's: reads of the cloud only what never changes after it was
 * loaded. */
#ifndef HUBSIM_REGISTER_H
#define HUBSIM_REGISTER_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct registrar; /* opaque */

/* On loopback. NULL: cannot listen. */
struct registrar *registrar_open(int port, const struct cloud *c, struct events *e);
void registrar_close(struct registrar *r); /* NULL is fine */
/* The next `count` requests (-1: all) fail as `kind` says: "500", "internal", "limit", "denied",
 * "cut" (no answer), "none". */
void registrar_fault(struct registrar *r, const char *kind, int count);

#endif
