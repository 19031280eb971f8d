/* mailbox.h - a bounded queue between rooms, by value.
 * Room:  any on either end; a lock is inside, held for a copy of one element
 *        (docs/rooms.md "Locks").
 * Keeps: order. Pointers inside an element change owner with it.
 */
#ifndef HUBGATE_MAILBOX_H
#define HUBGATE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/status.h"

struct mailbox; /* opaque */

/* Caller owns *out. ST_OK; ST_NOMEM. */
enum status mailbox_new(size_t item_size, size_t capacity, struct mailbox **out);
/* Elements still inside are handed to drop (may be NULL) first. m NULL is fine. */
void mailbox_free(struct mailbox *m, void (*drop)(void *item));
/* ST_OK (*was_empty, may be NULL, tells whether to ring); ST_FULL, ST_CLOSED: not taken. */
enum status mailbox_put(struct mailbox *m, const void *item, bool *was_empty);
void mailbox_close(struct mailbox *m); /* from here on nothing is put; what is in it stays */
/* ST_OK; ST_EMPTY. */
enum status mailbox_take(struct mailbox *m, void *item);
size_t mailbox_count(struct mailbox *m);
size_t mailbox_space(struct mailbox *m);

#endif
