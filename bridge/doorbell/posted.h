/* posted.h - a short text that one room shows to all others without a lock.
 * Room:  posted_set() by the one owner; posted_get() anywhere, never waits.
 */
#ifndef HUBGATE_POSTED_H
#define HUBGATE_POSTED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	POSTED_WORDS = 48,
	POSTED_MAX = POSTED_WORDS * 8
}; /* bytes with NUL */

struct posted {
	atomic_uint version; /* odd while it changes */
	atomic_ullong words[POSTED_WORDS];
};

void posted_init(struct posted *p);                  /* "" */
void posted_set(struct posted *p, const char *text); /* longer text is cut */
/* False, and out "": it changed at this very moment. */
bool posted_get(const struct posted *p, char *out, size_t size);

#endif
