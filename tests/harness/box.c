#include "tests/harness/box.h"

#include <time.h>

void box_init(struct box *b)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->changed, &attr);
	pthread_condattr_destroy(&attr);
}

void box_fini(struct box *b)
{
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
}

void box_lock(struct box *b)
{
	pthread_mutex_lock(&b->lock);
}

void box_unlock(struct box *b)
{
	pthread_mutex_unlock(&b->lock);
}

void box_changed(struct box *b)
{
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

bool box_wait(struct box *b, int64_t end_ms)
{
	struct timespec end = { .tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(&b->changed, &b->lock, &end) == 0;
}
