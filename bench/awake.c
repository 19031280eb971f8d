#include "bench/awake.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

enum {
	SPINNERS_MAX = 64
};

static pthread_t spinners[SPINNERS_MAX];
static int started;
static atomic_bool ending;

static void *spin(void *arg)
{
	const struct sched_param lowest = { .sched_priority = 0 };

	(void)arg;
	pthread_setschedparam(pthread_self(), SCHED_IDLE, &lowest);
	while (!atomic_load(&ending))
		;
	return NULL;
}

void awake_begin(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	atomic_store(&ending, false);
	while (started < cpus && started < SPINNERS_MAX &&
	       pthread_create(&spinners[started], NULL, spin, NULL) == 0)
		started++;
}

void awake_end(void)
{
	atomic_store(&ending, true);
	while (started > 0)
		pthread_join(spinners[--started], NULL);
}
