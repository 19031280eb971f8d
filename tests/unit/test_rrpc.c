#include "core/hub/rrpc.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define LAMP "SUBPROD001lamp-01"
#define FAN  "SUBPROD001fan-01"

/* A device at the other end, with a connection that tests change. */
static struct {
	struct rrpc *r;
	uint64_t connection;
	char given[256]; /* ids, in order */
} t;

static uint64_t reader(void *ctx, const char *client_id)
{
	(void)ctx;
	(void)client_id;
	return t.connection;
}

static void give(void *ctx, const struct rrpc_call *call)
{
	size_t used = strlen(t.given);

	(void)ctx;
	CU_ASSERT_EQUAL(call->len, 2);
	CU_ASSERT_EQUAL(memcmp(call->payload, "go", 2), 0);
	snprintf(t.given + used, sizeof(t.given) - used, "%s ", strrchr(call->topic, '/') + 1);
}

static void run(int64_t now_ms)
{
	const struct rrpc_owner owner = { reader, give, NULL };

	rrpc_run(t.r, &owner, now_ms);
}

static void begin(void)
{
	t.r = rrpc_new();
	t.connection = 1;
	t.given[0] = '\0';
	CU_ASSERT_FATAL(t.r != NULL);
}

static void end(void)
{
	rrpc_free(t.r);
}

static enum status call(const char *client_id, const char *id, int64_t now_ms)
{
	char topic[128];
	const struct rrpc_call c = { topic, "go", 2 };

	snprintf(topic, sizeof(topic), "$rrpc/rxd/SUBPROD001/%s/%s", client_id + 10, id);
	return rrpc_add(t.r, client_id, &c, now_ms);
}

static void calls_of_one_device_come_one_by_one_in_the_order_of_their_arrival(void)
{
	begin();
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "2", 10), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "3", 20), ST_OK);
	run(20);
	CU_ASSERT_STRING_EQUAL(t.given, "1 ");
	CU_ASSERT(rrpc_answered(t.r, LAMP, "1", 100));
	run(100);
	run(101);
	CU_ASSERT_STRING_EQUAL(t.given, "1 2 ");
	CU_ASSERT(rrpc_answered(t.r, LAMP, "2", 110));
	run(110);
	CU_ASSERT_STRING_EQUAL(t.given, "1 2 3 ");
	end();
}

static void device_that_is_silent_holds_up_nobody_else(void)
{
	begin();
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "2", 0), ST_OK);
	CU_ASSERT_EQUAL(call(FAN, "7", 0), ST_OK);
	run(0);
	CU_ASSERT(strstr(t.given, "7 ") != NULL);
	CU_ASSERT(strstr(t.given, "1 ") != NULL);
	CU_ASSERT_PTR_NULL(strstr(t.given, "2 "));
	CU_ASSERT(rrpc_answered(t.r, FAN, "7", 1));
	end();
}

static void call_lives_3500_ms_from_its_arrival_also_while_it_waits_for_its_turn(void)
{
	begin();
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "2", 0), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "3", 1000), ST_OK);
	run(1000);
	CU_ASSERT_EQUAL(rrpc_due(t.r), 3500);
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "1", 3500)); /* late */
	run(3500);
	CU_ASSERT_STRING_EQUAL(t.given, "1 3 "); /* 2 has waited too long */
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 2);
	CU_ASSERT_EQUAL(rrpc_due(t.r), 4500);
	CU_ASSERT(rrpc_answered(t.r, LAMP, "3", 4499));
	run(4499);
	CU_ASSERT_EQUAL(rrpc_due(t.r), INT64_MAX);
	end();
}

static void answer_counts_once_and_only_for_the_call_that_the_device_has(void)
{
	begin();
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "1", 0));
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "1", 0)); /* it cannot have it yet */
	run(0);
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "2", 1));
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "", 1));
	CU_ASSERT_FALSE(rrpc_answered(t.r, FAN, "1", 1));
	CU_ASSERT(rrpc_answered(t.r, LAMP, "1", 1));
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "1", 2));
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 0);
	end();
}

static void device_that_came_back_does_not_wait_for_the_call_of_its_earlier_connection(void)
{
	begin();
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	run(0);
	CU_ASSERT_EQUAL(call(LAMP, "2", 500), ST_OK);
	t.connection = 2;
	run(500);
	CU_ASSERT_STRING_EQUAL(t.given, "1 2 ");
	CU_ASSERT_FALSE(rrpc_answered(t.r, LAMP, "1", 600));
	CU_ASSERT(rrpc_answered(t.r, LAMP, "2", 600));
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 1);
	end();
}

static void calls_for_a_device_that_is_away_are_not_kept(void)
{
	begin();
	t.connection = 0;
	CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_EQUAL(call(LAMP, "2", 0), ST_OK);
	run(0);
	t.connection = 1;
	run(1);
	CU_ASSERT_STRING_EQUAL(t.given, "");
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 2);
	CU_ASSERT_EQUAL(rrpc_due(t.r), INT64_MAX);
	end();
}

static void calls_are_at_most_256_and_room_comes_back(void)
{
	begin();
	for (int i = 0; i < RRPC_CALLS_MAX; i++)
		CU_ASSERT_EQUAL(call(LAMP, "1", 0), ST_OK);
	CU_ASSERT_EQUAL(call(FAN, "2", 0), ST_FULL);
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 1);
	run(RRPC_LIFE_MS);
	CU_ASSERT_EQUAL(rrpc_unanswered(t.r), 1 + RRPC_CALLS_MAX);
	CU_ASSERT_EQUAL(call(FAN, "3", RRPC_LIFE_MS), ST_OK);
	end();
}

SUITE(rrpc, TEST(calls_of_one_device_come_one_by_one_in_the_order_of_their_arrival),
      TEST(device_that_is_silent_holds_up_nobody_else),
      TEST(call_lives_3500_ms_from_its_arrival_also_while_it_waits_for_its_turn),
      TEST(answer_counts_once_and_only_for_the_call_that_the_device_has),
      TEST(device_that_came_back_does_not_wait_for_the_call_of_its_earlier_connection),
      TEST(calls_for_a_device_that_is_away_are_not_kept),
      TEST(calls_are_at_most_256_and_room_comes_back))
