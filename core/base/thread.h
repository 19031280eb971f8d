/* thread.h - one thread of a room, which may be left behind when it hangs in the kernel.
 * Room:  start and join: the one that owns it. No signal of the process ever reaches the thread.
 */
#ifndef HUBGATE_THREAD_H
#define HUBGATE_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/status.h"

struct thread {   /* embedded, zeroed; stays where it is until the thread was joined */
	bool started; /* and not joined */
	bool left;    /* behind: what it uses must stay until the process ends */
	pthread_t id;
	sem_t over;
	void (*run)(void *arg);
	void *arg;
};

/* ST_OK; ST_IO: no thread. */
enum status thread_start(struct thread *t, void (*run)(void *arg), void *arg);
/* After it was told to end. False: wait_ms of CLOCK_MONOTONIC passed, it is left behind for good.
 * One that never started, or was joined before, is true at once. */
bool thread_join(struct thread *t, uint32_t wait_ms);

#endif
