/* rrpc_service.h - calls of the cloud to devices, one at a time for each (core/hub/rrpc.h).
 * Room:  BROKER.
 * Facts: docs/protocol/other.md 1.
 */
#ifndef HUBGATE_RRPC_SERVICE_H
#define HUBGATE_RRPC_SERVICE_H

#include "core/hub/topic.h"
#include "plugin/base/context.h"

enum status rrpc_service_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void rrpc_service_close(struct hubgate *h);

/* The hub calls d: on $rrpc/rxd. */
void rrpc_service_call(struct hubgate *h, const struct device *d, const struct uplink_down *down);
/* An answer of d on this topic would be in time. */
bool rrpc_service_expects(const struct hubgate *h, const struct device *d, const char *topic);
/* d answers, on $rrpc/txd. True: in time, it goes up. */
bool rrpc_service_answer(struct hubgate *h, const struct device *d, const char *topic);
/* A device subscribed its calls, perhaps on a new connection: one that its last connection had is
 * waited for no longer. */
void rrpc_service_subscribed(struct hubgate *h);
void rrpc_service_run(struct hubgate *h, int64_t now_ms);
int64_t rrpc_service_due(const struct hubgate *h); /* INT64_MAX: no call is under way */

#endif
