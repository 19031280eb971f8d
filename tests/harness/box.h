/* box.h - a lock with a condition on the monotonic clock, for what callbacks leave behind. */
#ifndef HUBGATE_TESTS_BOX_H
#define HUBGATE_TESTS_BOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct box {
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

void box_init(struct box *b);
void box_fini(struct box *b);
void box_lock(struct box *b);
void box_unlock(struct box *b);
/* Unlocks, and wakes who waits. */
void box_changed(struct box *b);
/* With the lock held: until a change or `end_ms` (now_ms() clock). False: time is up. */
bool box_wait(struct box *b, int64_t end_ms);

#endif
