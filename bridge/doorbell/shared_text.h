/* shared_text.h - a short text that one room shows to all others.
 * Room:  any on either end; a lock is inside, held for a copy.
 */
#ifndef HUBGATE_SHARED_TEXT_H
#define HUBGATE_SHARED_TEXT_H

#include <pthread.h>
#include <stddef.h>

enum {
	SHARED_TEXT_MAX = 384 /* bytes with NUL */
};

struct shared_text {
	pthread_mutex_t lock; /* of text */
	char text[SHARED_TEXT_MAX];
};

void shared_text_init(struct shared_text *t); /* "" */
void shared_text_fini(struct shared_text *t);
void shared_text_set(struct shared_text *t, const char *text);       /* longer text is cut */
void shared_text_get(struct shared_text *t, char *out, size_t size); /* the same */

#endif
