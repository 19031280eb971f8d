#include "core/base/thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/runner.h"

enum {
	WAIT_MS = 10000,
	SHORT_MS = 20,
};

static void add_one(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void await_fd(void *arg)
{
	struct pollfd fd = { .fd = *(const int *)arg, .events = POLLIN };

	while (poll(&fd, 1, -1) < 0 && errno == EINTR)
		;
}

static void keep_mask(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
}

static void thread_runs_once_and_is_joined_once(void)
{
	struct thread t = { .started = false };
	atomic_int runs = 0;

	CU_ASSERT_TRUE(thread_join(&t, 0)); /* none there */
	for (int i = 1; i <= 2; i++) {
		CU_ASSERT_EQUAL(thread_start(&t, add_one, &runs), ST_OK);
		CU_ASSERT_TRUE(thread_join(&t, WAIT_MS));
		CU_ASSERT_EQUAL(atomic_load(&runs), i);
		CU_ASSERT_FALSE(t.started);
		CU_ASSERT_TRUE(thread_join(&t, 0));
	}
}

static void no_signal_reaches_it_and_the_caller_keeps_its_own(void)
{
	struct thread t = { .started = false };
	sigset_t seen, mine;

	CU_ASSERT_EQUAL(thread_start(&t, keep_mask, &seen), ST_OK);
	CU_ASSERT_TRUE(thread_join(&t, WAIT_MS));
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	CU_ASSERT_EQUAL(sigismember(&seen, SIGTERM), 1);
	CU_ASSERT_EQUAL(sigismember(&seen, SIGHUP), 1);
	CU_ASSERT_EQUAL(sigismember(&mine, SIGTERM), 0);
}

/* It may come back to life later: nothing is freed, and no later join says otherwise. */
static void thread_that_hangs_is_left_behind_for_good(void)
{
	static struct thread t;
	static int fd;
	uint64_t one = 1;

	fd = eventfd(0, EFD_CLOEXEC);
	CU_ASSERT_EQUAL(thread_start(&t, await_fd, &fd), ST_OK);
	CU_ASSERT_FALSE(thread_join(&t, SHORT_MS));
	CU_ASSERT_TRUE(t.started);
	CU_ASSERT_EQUAL(write(fd, &one, sizeof one), (ssize_t)sizeof one);
	CU_ASSERT_EQUAL(sem_wait(&t.over), 0); /* it has come to its end */
	CU_ASSERT_FALSE(thread_join(&t, SHORT_MS));
	close(fd);
}

SUITE(thread, TEST(thread_runs_once_and_is_joined_once),
      TEST(no_signal_reaches_it_and_the_caller_keeps_its_own),
      TEST(thread_that_hangs_is_left_behind_for_good))
