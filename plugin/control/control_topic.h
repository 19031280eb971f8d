/* control_topic.h - the topics of commands to the gateway.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CONTROL_TOPIC_H
#define HUBGATE_CONTROL_TOPIC_H

#include <stdbool.h>

#define CONTROL_TOPIC "$CONTROL/hubgate/v1"

/* One of ours: $CONTROL/hubgate/... */
bool control_topic_is(const char *topic);

#endif
