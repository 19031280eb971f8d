/* served_by.h - which service of the gateway has a message of a device, so that it does not go up as
 * it came.
 * Room:  BROKER.
 */
#ifndef HUBGATE_SERVED_BY_H
#define HUBGATE_SERVED_BY_H

#include "core/hub/topic.h"
#include "plugin/base/context.h"

enum service {
	SERVED_BY_NONE,
	SERVED_BY_SHADOW, /* answered from the document */
	SERVED_BY_CLOCK,  /* the time is told */
	SERVED_BY_CONFIG, /* the hub is asked now, or what is remembered answers */
	SERVED_BY_CALLS,  /* nobody waits for this answer: it is dropped */
};

/* Of d, on a topic of this kind, which route_decide() lets go. */
enum service served_by(const struct hubgate *h, const struct device *d, enum topic_kind kind,
                       const char *topic, const void *payload, size_t len);

#endif
