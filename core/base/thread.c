#include "core/base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static void *begin(void *arg)
{
	struct thread *t = arg;

	t->run(t->arg);
	sem_post(&t->over);
	return NULL;
}

enum status thread_start(struct thread *t, void (*run)(void *arg), void *arg)
{
	sigset_t all, before;
	int rc;

	if (sem_init(&t->over, 0, 0) != 0)
		return ST_IO;
	t->run = run;
	t->arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&t->id, NULL, begin, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->started = rc == 0;
	if (rc != 0)
		sem_destroy(&t->over);
	return rc == 0 ? ST_OK : ST_IO;
}

static struct timespec in_ms(uint32_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Not pthread_timedjoin_np(): its clock is the wall's, which may be set meanwhile. */
bool thread_join(struct thread *t, uint32_t wait_ms)
{
	struct timespec until = in_ms(wait_ms);
	int rc;

	if (!t->started)
		return true;
	if (t->left)
		return false;
	do
		rc = sem_clockwait(&t->over, CLOCK_MONOTONIC, &until);
	while (rc != 0 && errno == EINTR);
	t->left = rc != 0;
	if (t->left) {
		pthread_detach(t->id);
		return false;
	}
	pthread_join(t->id, NULL);
	sem_destroy(&t->over);
	t->started = false;
	return true;
}
