/* reload.h - SIGHUP: a new hubgate.json, as far as it can change while the gateway runs.
 * Room:  BROKER. Reads files, as the broker itself does then.
 * Keeps: a file with a fault changes nothing. What needs a restart is named.
 */
#ifndef HUBGATE_RELOAD_H
#define HUBGATE_RELOAD_H

#include "plugin/context.h"

/* devices[] that are new or have another secret or login, mappings[], apps[]. */
void reload_config(struct hubgate *h);

#endif
