/* mapping_command.h - commands for plain devices: on their own topics, and as they want them.
 * Room:  BROKER.
 * Rules: core/mapping/mapping.h.
 */
#ifndef HUBGATE_MAPPING_COMMAND_H
#define HUBGATE_MAPPING_COMMAND_H

#include "plugin/base/context.h"

/* A command for d, which rules make, gets the topic and the payload of its rule, so that it can be
 * handed over or held like any other. ST_OK: it has them; or no rule has a topic for it, and it
 * stays as it is. ST_INVALID (logged): a rule has, but not for this one, and nobody gets it.
 * ST_NOMEM: as it was. */
enum status mapping_command_translate(struct hubgate *h, const struct device *d,
                                      struct uplink_down *down);

#endif
