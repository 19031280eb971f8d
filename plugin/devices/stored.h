/* stored.h - what is stored of devices that nobody knows yet: it waits until they become known, by
 * their secret, a rule, a gateway application, or a new configuration.
 * Room:  BROKER.
 * Keeps: nothing is erased because something else was not read yet: here lie copies, what stands in
 *        the state store stays there. Nobody else writes what is stored of a device that is not
 *        known, so the copies stay true.
 */
#ifndef HUBGATE_STORED_H
#define HUBGATE_STORED_H

#include "plugin/base/context.h"
#include "shadowstore/state/state.h"

enum {
	STORED_BYTES_MAX = 64 << 20
};

/* True: the device of e is known, and has it. */
typedef bool stored_hand_out(struct hubgate *h, const struct state_entry *e);

enum status stored_open(struct hubgate *h, stored_hand_out *hand_out); /* ST_OK; ST_NOMEM */
void stored_close(struct hubgate *h);

/* A copy of e, whose device has the first id_len bytes of its key as client id. Beyond
 * STORED_BYTES_MAX, or without memory, it is left out until the next start, which is logged once;
 * shadows then do not begin at version 0. */
void stored_keep(struct hubgate *h, const struct state_entry *e, size_t id_len);
/* d is known now: hand_out() gets all that waits for it. */
void stored_claim(struct hubgate *h, const struct device *d);
size_t stored_bytes(const struct hubgate *h); /* of memory, in what waits */
/* Some shadow is not among them for want of memory. */
bool stored_left_out_document(const struct hubgate *h);

#endif
