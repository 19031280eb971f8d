#include "bridge/http/net.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/port.h"
#include "tests/runner.h"

enum {
	POSTS = 300000, /* as many as STRESS_MS allows */
	TOGETHER = 3,
	STRESS_MS = 700,
	LOST_MS = 900, /* NET looks around every second anyway */
	STOP_MS = 2000,
	TURNS = 3,
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count(void *ctx, const struct net_result *result)
{
	atomic_fetch_add((atomic_int *)ctx, result->status == ST_IO); /* nobody listens there */
}

/* In NET. */
static void count_turn(void *ctx)
{
	atomic_fetch_add((atomic_int *)ctx, 1);
}

static bool await(const atomic_int *done, int n)
{
	int64_t end = now_ms() + LOST_MS;

	while (atomic_load(done) < n && now_ms() < end)
		sched_yield();
	return atomic_load(done) >= n;
}

/* Some come while NET sleeps, some while it works on the others. */
static void no_request_is_left_lying_however_they_come(void)
{
	char url[64];
	const struct net_request request = {
		.url = url, .body = "", .reply_max = 100, .timeout_ms = 5000
	};
	int64_t end = now_ms() + STRESS_MS;
	atomic_int done = 0;
	struct net *net = NULL;
	bool ok = true;
	int n = 0;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port_pick());
	CU_ASSERT_EQUAL_FATAL(net_new(&net), ST_OK);
	CU_ASSERT_EQUAL_FATAL(net_start(net), ST_OK);
	while (ok && n < POSTS && now_ms() < end) {
		CU_ASSERT_EQUAL(net_post(net, &request, count, &done), ST_OK);
		if (++n % TOGETHER == 0)
			ok = await(&done, n);
	}
	CU_ASSERT_TRUE(await(&done, n));
	CU_ASSERT(n > TOGETHER);
	CU_ASSERT_TRUE(net_stop(net, STOP_MS));
	net_free(net);
}

static void turn_comes_at_least_every_second_when_there_is_nothing_to_do(void)
{
	struct net *net = NULL;
	atomic_int turns = 0;
	int64_t began_ms;

	CU_ASSERT_EQUAL_FATAL(net_new(&net), ST_OK);
	net_each_turn(net, count_turn, &turns);
	began_ms = now_ms();
	CU_ASSERT_EQUAL_FATAL(net_start(net), ST_OK);
	for (int i = 0; i < TURNS && atomic_load(&turns) < TURNS; i++)
		await(&turns, TURNS);
	CU_ASSERT_EQUAL(atomic_load(&turns), TURNS);
	CU_ASSERT(now_ms() - began_ms >= (TURNS - 1) * NET_TURN_MS - 100); /* and does not spin */
	CU_ASSERT_TRUE(net_stop(net, STOP_MS));
	net_free(net);
}

SUITE(net, TEST(turn_comes_at_least_every_second_when_there_is_nothing_to_do),
      TEST(no_request_is_left_lying_however_they_come))
