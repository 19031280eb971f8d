/* publish.h - messages of the plugin to clients of the LAN.
 * Room:  BROKER.
 */
#ifndef HUBGATE_PUBLISH_H
#define HUBGATE_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

/* Hands a message to the broker's own routing. ST_OK; ST_NOMEM. */
enum status publish_on_lan(const char *topic, const void *payload, size_t len, int qos,
                           bool retain);

#endif
