/* silence.h - devices of which the broker cannot notice that they are gone: they logged in with
 * keep alive 0, so a device whose power went stays connected for ever.
 * Room:  BROKER.
 * Keeps: such a device is silent when it has sent no PUBLISH, SUBSCRIBE or UNSUBSCRIBE for
 *        presence.silence_s, and is not any more with the next one. Of others nothing is kept: the
 *        broker watches them, and their PINGREQ, which a plugin never sees, shows that they live.
 * Facts: docs/broker-notes.md 1.3.
 */
#ifndef HUBGATE_SILENCE_H
#define HUBGATE_SILENCE_H

#include "plugin/base/context.h"

struct quiet {                 /* one per device, in its presence; zeroed: watched by the broker */
	struct quiet *prev, *next; /* in one of the two lines */
	struct device *device;     /* NULL: in none */
	int64_t heard_ms;
	bool silent;
};

enum status silence_open(struct hubgate *h); /* ST_OK; ST_NOMEM */
void silence_close(struct hubgate *h);

/* d is there with keep alive 0, just heard. That devices do so is said once, when nothing comes of
 * it; how many are there is a metric. */
void silence_watch(struct hubgate *h, struct quiet *q, struct device *d);
void silence_unwatch(struct hubgate *h, struct quiet *q); /* also one that is in no line */
/* It sent something. True: it was silent, and is not any more. */
bool silence_broken(struct hubgate *h, struct quiet *q);

/* One that is silent from now on, or, when presence.silence_s is 0 now, is not any more. NULL:
 * none. */
struct quiet *silence_next(struct hubgate *h, int64_t now_ms);
int64_t silence_due(const struct hubgate *h); /* INT64_MAX: nobody */

#endif
