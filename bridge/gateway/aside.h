/* aside.h - messages that others overtake, because their topic is not proven
 * (core/pace/permission.h): which go, which wait, and which stand aside in their outboxes.
 * Room:  UPLINK. Pure.
 * Keeps: a message is put aside when its turn comes, once; a record for each device and key finds
 *        what stands aside of a key without a look at all devices. Within an outbox what stands
 *        aside keeps its place, so that it goes in order when the key is proven.
 */
#ifndef HUBGATE_ASIDE_H
#define HUBGATE_ASIDE_H

#include "bridge/gateway/gateway.h"
#include "core/pace/permission.h"

struct asides; /* opaque */

/* p is borrowed. Caller owns *out. ST_OK; ST_NOMEM. */
enum status aside_new(struct permissions *p, uint64_t seed, struct asides **out);
void aside_free(struct asides *a); /* NULL is fine, also below: then nothing stands aside */

/* The oldest message of d that may go now; what is overtaken is put aside on the way. NULL: none,
 * and *waits says whether one does, for the answer to a first try or a place for it. */
struct outbox_entry *aside_next(struct asides *a, struct subdev *d, bool *waits);

/* e, of d, waits or was sent, and is overtaken from now on. ST_OK; ST_NOMEM: nothing changed. */
enum status aside_put(struct asides *a, struct subdev *d, struct outbox_entry *e);
/* e, of d, is about to be sent or to end (outbox_mark_sent(), outbox_end()): if it stands aside,
 * its record forgets it. */
void aside_forget(struct asides *a, struct subdev *d, const struct outbox_entry *e);
/* All of one device that stands aside with this key waits again: that device; NULL: no more. */
struct subdev *aside_release(struct asides *a, uint16_t key);

/* A message for a probe of this key: the oldest of the devices that are online, or of another
 * device or behind the last one picked. NULL: no device that is online has one. */
struct outbox_entry *aside_pick(struct asides *a, uint16_t key, bool other, struct subdev **dev);
/* A device that is to come online for a probe, another one each time, and is marked so
 * (outbox.wanted); NULL: none has a message. *before: the last one, which is not any more; NULL. */
struct subdev *aside_wish(struct asides *a, uint16_t key, struct subdev **before);

uint64_t aside_count(const struct asides *a);
uint64_t aside_count_of(const struct asides *a, uint16_t key);
/* The device that has most standing aside with one key, and its oldest of that; NULL: none. */
struct outbox_entry *aside_most(struct asides *a, struct subdev **dev);

#endif
