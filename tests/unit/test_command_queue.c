#include "core/hub/command_queue.h"

#include <stdlib.h>

#include "tests/runner.h"

enum {
	NOW_MS = 1000000,
	LIVE_MS = 30000,
};

static char lamp[] = "lamp", sibling[] = "sibling";

static struct command *put(struct command_queue *q, char *device, bool kept)
{
	struct command *c = calloc(1, sizeof(*c));

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	c->device = device;
	c->kept = kept;
	command_queue_put(q, c);
	return c;
}

static void take_out(struct command_queue *q, struct command *c)
{
	command_queue_remove(q, c);
	free(c);
}

static void empty(struct command_queue *q)
{
	while (q->line.first)
		take_out(q, q->line.first);
	CU_ASSERT(q->count == 0 && q->unkept == 0 && !q->line.last);
}

static void commands_stand_in_the_order_of_their_numbers_however_they_are_loaded(void)
{
	static const uint64_t loaded[] = { 7, 3, 9, 1, 8 };
	struct command_queue q = { .count = 0 };
	uint64_t before = 0;

	for (size_t i = 0; i < sizeof(loaded) / sizeof(loaded[0]); i++) {
		struct command *c = calloc(1, sizeof(*c));

		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		c->seq = loaded[i];
		command_queue_put(&q, c);
	}
	CU_ASSERT_EQUAL(put(&q, lamp, true)->seq, 10); /* numbers never return */
	for (const struct command *c = q.line.first; c; c = c->next) {
		CU_ASSERT(c->seq > before);
		before = c->seq;
	}
	CU_ASSERT_EQUAL(before, 10);
	empty(&q);
}

static void one_device_keeps_32_and_loses_its_own_oldest(void)
{
	struct command_queue q = { .count = 0 };
	struct command *other = put(&q, sibling, true), *first = put(&q, lamp, true);
	enum command_drop why;

	for (int i = 1; i < COMMAND_DEVICE_MAX; i++)
		put(&q, lamp, true);
	CU_ASSERT_PTR_NULL(command_queue_excess(&q, lamp, &why));
	put(&q, lamp, true);
	CU_ASSERT_PTR_EQUAL(command_queue_excess(&q, lamp, &why), first);
	CU_ASSERT_EQUAL(why, COMMAND_DROP_DEVICE);
	take_out(&q, first);
	CU_ASSERT_PTR_NULL(command_queue_excess(&q, lamp, &why));
	CU_ASSERT_PTR_EQUAL(q.line.first, other);
	empty(&q);
}

static void all_devices_together_keep_1000(void)
{
	static char devices[COMMAND_MAX + 1];
	struct command_queue q = { .count = 0 };
	enum command_drop why;

	for (int i = 0; i < COMMAND_MAX; i++)
		put(&q, &devices[i], true);
	CU_ASSERT_PTR_NULL(command_queue_excess(&q, &devices[0], &why));
	put(&q, &devices[COMMAND_MAX], true);
	CU_ASSERT_PTR_EQUAL(command_queue_excess(&q, &devices[COMMAND_MAX], &why), q.line.first);
	CU_ASSERT_EQUAL(why, COMMAND_DROP_ALL);
	empty(&q);
}

static void at_most_10_wait_without_an_acknowledgement(void)
{
	struct command_queue q = { .count = 0 };
	struct command *first;
	enum command_drop why;

	put(&q, lamp, true);
	first = put(&q, lamp, false);
	for (int i = 1; i < COMMAND_UNKEPT_MAX; i++)
		put(&q, sibling, false);
	CU_ASSERT_PTR_NULL(command_queue_excess(&q, lamp, &why));
	put(&q, sibling, false);
	CU_ASSERT_PTR_EQUAL(command_queue_excess(&q, sibling, &why), first);
	CU_ASSERT_EQUAL(why, COMMAND_DROP_DISK);
	command_queue_kept(&q, first);
	CU_ASSERT_PTR_NULL(command_queue_excess(&q, sibling, &why));
	empty(&q);
}

static enum command_step step(const struct command *c, uint64_t session, bool sure, bool subscribes)
{
	const struct command_listener l = { session, session, sure, subscribes, 0, LIVE_MS };

	return command_next(c, &l, NOW_MS);
}

static void command_goes_only_to_a_live_session_that_subscribes_it(void)
{
	const struct command c = { .kept = true };

	CU_ASSERT_EQUAL(step(&c, 0, true, true), COMMAND_STAYS);
	CU_ASSERT_EQUAL(step(&c, 5, true, false), COMMAND_STAYS);
	CU_ASSERT_EQUAL(step(&c, 5, true, true), COMMAND_GOES);
	CU_ASSERT_EQUAL(step(&c, 5, false, true), COMMAND_GOES);
}

static void kept_session_is_tried_once_on_each_connection(void)
{
	const struct command_listener again = { 5, 6, false, false, 0, LIVE_MS };
	struct command c = { .kept = true };

	CU_ASSERT_EQUAL(step(&c, 5, false, false), COMMAND_TRIED);
	c.session = c.connection = 5;
	c.at_ms = NOW_MS - COMMAND_AGAIN_MS;
	CU_ASSERT_EQUAL(step(&c, 5, false, false), COMMAND_STAYS);
	CU_ASSERT_EQUAL(step(&c, 5, false, true), COMMAND_GOES); /* it subscribed since */
	c.at_ms = NOW_MS - COMMAND_AGAIN_MS + 1;                 /* the broker may still find it */
	CU_ASSERT_EQUAL(step(&c, 5, false, true), COMMAND_SOON);
	CU_ASSERT_EQUAL(step(&c, 6, false, false), COMMAND_TRIED); /* another session */
	/* It came back, and may have subscribed before it left. */
	CU_ASSERT_EQUAL(command_next(&c, &again, NOW_MS), COMMAND_TRIED);
}

static void command_ends_when_the_session_that_has_it_lived_long_enough(void)
{
	struct command c = { .kept = true, .session = 5, .taken = true, .at_ms = NOW_MS - LIVE_MS };

	CU_ASSERT_EQUAL(step(&c, 5, true, true), COMMAND_HEARD);
	CU_ASSERT_EQUAL(step(&c, 5, true, false), COMMAND_HEARD); /* it unsubscribed since */
	c.at_ms++;
	CU_ASSERT_EQUAL(step(&c, 5, true, true), COMMAND_STAYS);
}

static void kept_session_that_is_resumed_has_to_live_as_long_again(void)
{
	const struct command c = { .session = 5, .taken = true, .at_ms = NOW_MS - 10 * LIVE_MS };
	struct command_listener l = { 5, 6, true, true, NOW_MS - LIVE_MS + 1, LIVE_MS };

	CU_ASSERT_EQUAL(command_next(&c, &l, NOW_MS), COMMAND_STAYS);
	CU_ASSERT_EQUAL(command_heard_ms(&c, &l), NOW_MS + 1);
	l.since_ms--;
	CU_ASSERT_EQUAL(command_next(&c, &l, NOW_MS), COMMAND_HEARD);
}

static void session_that_died_before_has_not_heard_and_the_next_one_gets_it(void)
{
	const struct command c = { .session = 5, .taken = true, .at_ms = NOW_MS - 10 * LIVE_MS };

	CU_ASSERT_EQUAL(step(&c, 0, true, true), COMMAND_STAYS);
	CU_ASSERT_EQUAL(step(&c, 6, true, false), COMMAND_STAYS);
	CU_ASSERT_EQUAL(step(&c, 6, true, true), COMMAND_GOES);
}

static void nothing_overtakes_what_waits_of_its_device(void)
{
	struct command_queue q = { .count = 0 };
	struct command *c;

	put(&q, sibling, true);
	CU_ASSERT(command_queue_is_clear(&q, lamp, 5));
	c = put(&q, lamp, true);
	CU_ASSERT_FALSE(command_queue_is_clear(&q, lamp, 5));
	c->session = 5;
	CU_ASSERT_FALSE(
		command_queue_is_clear(&q, lamp, 5)); /* tried, and nobody is known to have it */
	c->taken = true;
	CU_ASSERT(command_queue_is_clear(&q, lamp, 5));
	CU_ASSERT_FALSE(command_queue_is_clear(&q, lamp, 6));
	CU_ASSERT_FALSE(command_queue_is_clear(&q, lamp, 0));
	empty(&q);
}

static void what_is_over_is_in_nobodys_way(void)
{
	struct command_queue q = { .count = 0 };
	struct command *c = put(&q, lamp, true);

	command_queue_end(&q, c);
	CU_ASSERT_EQUAL(q.count, 0);
	CU_ASSERT(command_queue_is_clear(&q, lamp, 5));
	CU_ASSERT_EQUAL(command_queue_count(&q, lamp), 0);
	CU_ASSERT_EQUAL(step(c, 5, true, true), COMMAND_STAYS);
	empty(&q);
}

static void answers_and_calls_are_no_commands_to_keep(void)
{
	static const struct {
		enum topic_kind kind;
		bool kept;
	} rows[] = {
		{ TOPIC_CUSTOM, true },        { TOPIC_BROADCAST, true },   { TOPIC_CONFIG_UPDATE, true },
		{ TOPIC_RESOURCE_DOWN, true }, { TOPIC_RRPC_RXD, false },   { TOPIC_SHADOW_RESULT, false },
		{ TOPIC_SYS_RESULT, false },   { TOPIC_LOG_RESULT, false }, { TOPIC_CONFIG_RESULT, true },
		{ TOPIC_OTA_UPDATE, false },   { TOPIC_NONE, false },       { TOPIC_GATEWAY_RESULT, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(command_is_kept(rows[i].kind), rows[i].kept);
}

static void age_goes_by_the_wall_clock_only_when_it_is_trusted_then_and_now(void)
{
	struct command c = { .wall_ms = 5000, .since_ms = 100 };

	CU_ASSERT_EQUAL(command_age_ms(&c, 300, 0), 200);
	CU_ASSERT_EQUAL(command_age_ms(&c, 300, 9000), 4000); /* it was loaded at 100 */
	CU_ASSERT_EQUAL(command_age_ms(&c, 300, 4000), 200);  /* set back */
	c.wall_ms = 0;
	CU_ASSERT_EQUAL(command_age_ms(&c, 300, 9000), 200);
}

static void session_lives_one_keepalive_at_most_a_minute(void)
{
	CU_ASSERT_EQUAL(command_live_ms(1), 1000);
	CU_ASSERT_EQUAL(command_live_ms(59), 59000);
	CU_ASSERT_EQUAL(command_live_ms(60), COMMAND_LIVE_MS);
	CU_ASSERT_EQUAL(command_live_ms(65535), COMMAND_LIVE_MS);
	CU_ASSERT_EQUAL(command_live_ms(0), COMMAND_LIVE_MS);
	CU_ASSERT_EQUAL(command_live_ms(-1), COMMAND_LIVE_MS);
}

SUITE(command_queue, TEST(commands_stand_in_the_order_of_their_numbers_however_they_are_loaded),
      TEST(one_device_keeps_32_and_loses_its_own_oldest), TEST(all_devices_together_keep_1000),
      TEST(at_most_10_wait_without_an_acknowledgement),
      TEST(command_goes_only_to_a_live_session_that_subscribes_it),
      TEST(kept_session_is_tried_once_on_each_connection),
      TEST(command_ends_when_the_session_that_has_it_lived_long_enough),
      TEST(kept_session_that_is_resumed_has_to_live_as_long_again),
      TEST(session_that_died_before_has_not_heard_and_the_next_one_gets_it),
      TEST(nothing_overtakes_what_waits_of_its_device), TEST(what_is_over_is_in_nobodys_way),
      TEST(answers_and_calls_are_no_commands_to_keep),
      TEST(age_goes_by_the_wall_clock_only_when_it_is_trusted_then_and_now),
      TEST(session_lives_one_keepalive_at_most_a_minute))
