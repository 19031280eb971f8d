/* mapping_register.h - names that a rule with `register` heard and that are to be registered at the
 * hub: in a line, one a second, each again after 5 s, 10 s ... an hour when it is heard again.
 * Room:  BROKER.
 */
#ifndef HUBGATE_MAPPING_REGISTER_H
#define HUBGATE_MAPPING_REGISTER_H

#include "plugin/base/context.h"

enum status mapping_register_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void mapping_register_close(struct hubgate *h);
/* d was heard. Nothing happens when it is ours, has a secret, stands in the line, or was asked for
 * not long ago. */
void mapping_register_wanted(struct hubgate *h, struct device *d);
void mapping_register_leave(struct hubgate *h, struct mapped *m); /* m ends */
void mapping_register_run(struct hubgate *h, int64_t now_ms);
int64_t mapping_register_due(const struct hubgate *h); /* INT64_MAX: nobody waits */

#endif
