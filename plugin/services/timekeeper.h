/* timekeeper.h - keeps h->clock: looks at the clocks and asks the hub for the time; and tells
 * devices the time while the clock is trusted.
 * Room:  BROKER.
 * Keeps: from its opening on whoever asks clock_trusted(h->clock) gets an answer.
 */
#ifndef HUBGATE_TIMEKEEPER_H
#define HUBGATE_TIMEKEEPER_H

#include "plugin/base/context.h"

enum status timekeeper_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void timekeeper_close(struct hubgate *h);
/* The gateway's answer topic is subscribed. Once, after the uplink was made. */
void timekeeper_start(struct hubgate *h);
/* At most once per second does anything. Asks the hub while the clock is not trusted. */
void timekeeper_run(struct hubgate *h, int64_t now_ms);
/* When it is to look again. 2.1 stops ticking after a step back of the wall clock until that has
 * caught up (docs/broker-notes.md 7): there the doorbell is rung for a turn every second, which is
 * everybody's who waits for a tick (metrics, for instance). */
int64_t timekeeper_due(const struct hubgate *h);
/* The hub finds our time wrong: it is asked now. */
void timekeeper_doubt(struct hubgate *h);
/* true: it was the hub's answer, nothing more is to be done with it. */
bool timekeeper_take(struct hubgate *h, const struct uplink_down *down);
/* A device that asks this is answered from the clock here. */
bool timekeeper_answers(const struct hubgate *h, const void *payload, size_t len);
/* d asks on $sys/operation. True: answered from the clock here. False: the hub's to answer. */
bool timekeeper_request(struct hubgate *h, const struct device *d, const void *payload, size_t len);

#endif
