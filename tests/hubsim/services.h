/* services.h - what else the hub offers devices: calls, broadcast, remote configuration, log level,
 * file resources (docs/protocol/other.md 1-3, 5, 6). Main thread only. */
#ifndef HUBSIM_SERVICES_H
#define HUBSIM_SERVICES_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct services; /* opaque */

/* Borrows both for its life. NULL when out of memory. */
struct services *services_new(struct cloud *c, struct events *e);
void services_free(struct services *s); /* NULL is fine */

/* A message that was let through by the ACL; other topics are left. */
void services_message(struct services *s, const char *topic, const void *payload, size_t len);

/* The commands of these services, by name; `out` receives members of the answer. NULL, or why not;
 * *known is false for all other names. */
const char *services_command(struct services *s, const char *name, const cJSON *cmd, cJSON *out,
                             bool *known);

#endif
