#include "core/pace/permission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

enum {
	NOW_MS = 1000000
};

static const char product[] = "SUBPRODUC1";

static struct permissions *table_new(void)
{
	struct permissions *p = calloc(1, sizeof(*p));

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_EQUAL_FATAL(permission_init(p, 7), ST_OK);
	return p;
}

static void table_free(struct permissions *p)
{
	permission_fini(p);
	free(p);
}

static uint16_t take_of(struct permissions *p, const char *product_id, const char *topic)
{
	return permission_take(p, product_id, strlen(product_id), topic, strlen(topic));
}

static uint16_t take(struct permissions *p, const char *topic)
{
	return take_of(p, product, topic);
}

static uint16_t proven(struct permissions *p, const char *topic)
{
	uint16_t id = take(p, topic);

	CU_ASSERT_TRUE(permission_acked(p, id, 1, NOW_MS));
	return id;
}

/* A first try that was skipped. */
static uint16_t suspect(struct permissions *p, const char *topic)
{
	uint16_t id = take(p, topic);

	CU_ASSERT_TRUE(permission_accuse(p, id, false, NOW_MS));
	return id;
}

static void a_key_is_a_product_and_a_topic_whatever_the_device(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event");

	CU_ASSERT_NOT_EQUAL(id, PERMISSION_NONE);
	CU_ASSERT_EQUAL(take(p, "event"), id);
	CU_ASSERT_NOT_EQUAL(take(p, "even"), id);
	CU_ASSERT_NOT_EQUAL(take(p, "event/a"), id);
	CU_ASSERT_NOT_EQUAL(take_of(p, "SUBPRODUC2", "event"), id);
	CU_ASSERT_STRING_EQUAL(permission_key(p, id)->text, "SUBPRODUC1/event");
	CU_ASSERT_EQUAL(permission_key(p, id)->waiting, 2);
	table_free(p);
}

static void one_message_of_an_unproven_key_goes_and_all_of_a_proven_one(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event");

	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_GO);
	permission_try(p, id, false);
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_WAIT);
	CU_ASSERT_TRUE(permission_acked(p, id, 5, NOW_MS));
	permission_tried(p, id, false);
	CU_ASSERT_TRUE(permission_proven(p, id));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_GO);
	CU_ASSERT_FALSE(permission_acked(p, id, 6, NOW_MS));
	CU_ASSERT_EQUAL(permission_key(p, id)->acked_order, 6);
	CU_ASSERT_FALSE(permission_acked(p, PERMISSION_NONE, 6, NOW_MS)); /* QoS 0 */
	CU_ASSERT_EQUAL(permission_way(p, PERMISSION_NONE), PERMISSION_GO);
	table_free(p);
}

static void all_that_is_not_proven_has_two_places_together(void)
{
	struct permissions *p = table_new();
	uint16_t a = take(p, "a"), b = take(p, "b"), c = take(p, "c");

	permission_try(p, a, false);
	CU_ASSERT_EQUAL(permission_way(p, b), PERMISSION_GO);
	permission_try(p, b, false);
	CU_ASSERT_FALSE(permission_place(p));
	CU_ASSERT_EQUAL(permission_way(p, c), PERMISSION_WAIT);
	CU_ASSERT_EQUAL(permission_way(p, proven(p, "event")), PERMISSION_GO);
	permission_tried(p, a, false);
	CU_ASSERT_EQUAL(permission_way(p, c), PERMISSION_GO);
	CU_ASSERT_EQUAL(permission_way(p, b), PERMISSION_WAIT);
	table_free(p);
}

static void what_waits_of_a_doubted_key_is_put_aside_until_it_is_acknowledged(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event");

	CU_ASSERT_TRUE(permission_doubt(p, id));
	CU_ASSERT_FALSE(permission_doubt(p, id));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_ASIDE);
	CU_ASSERT_EQUAL(p->suspect, 0);
	CU_ASSERT_TRUE(permission_acked(p, id, 9, NOW_MS));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_GO);
	table_free(p);
}

static void a_lost_link_takes_a_doubt_back_and_no_suspicion(void)
{
	struct permissions *p = table_new();
	uint16_t doubted = take(p, "a"), bad = suspect(p, "b");

	permission_doubt(p, doubted);
	CU_ASSERT_TRUE(permission_undoubt(p, doubted));
	CU_ASSERT_FALSE(permission_undoubt(p, doubted));
	CU_ASSERT_FALSE(permission_undoubt(p, bad));
	CU_ASSERT_FALSE(permission_undoubt(p, PERMISSION_NONE));
	CU_ASSERT_EQUAL(permission_way(p, doubted), PERMISSION_GO);
	CU_ASSERT_EQUAL(permission_way(p, bad), PERMISSION_ASIDE);
	table_free(p);
}

static void a_suspect_key_is_said_once_until_it_is_proven(void)
{
	struct permissions *p = table_new();
	uint16_t id = suspect(p, "event");

	CU_ASSERT_EQUAL(p->suspect, 1);
	CU_ASSERT_FALSE(permission_accuse(p, id, true, NOW_MS));
	CU_ASSERT_FALSE(permission_isolate(p, id, NOW_MS));
	CU_ASSERT_TRUE(permission_acked(p, id, 3, NOW_MS));
	CU_ASSERT_EQUAL(p->suspect, 0);
	permission_accuse(p, id, false, NOW_MS);
	CU_ASSERT_TRUE(permission_accuse(p, id, true, NOW_MS));
	table_free(p);
}

/* When the next probe is due; as if it were sent then. */
static int64_t next_probe(struct permissions *p, uint16_t id, int64_t now_ms)
{
	int64_t at_ms = p->keys[id]->probe_ms;

	if (at_ms > now_ms)
		CU_ASSERT_EQUAL(permission_due(p, false, at_ms - 1), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, false, at_ms), id);
	permission_try(p, id, true);
	permission_probed(p, id, at_ms);
	CU_ASSERT_EQUAL(permission_due(p, false, at_ms), PERMISSION_NONE);
	permission_tried(p, id, true);
	return at_ms;
}

static void pauses_between_probes_grow_from_ten_seconds_to_ten_minutes(void)
{
	static const int64_t pauses_s[] = { 10, 20, 40, 80, 160, 320, 600, 600 };
	struct permissions *p = table_new();
	uint16_t id = suspect(p, "event");
	int64_t now_ms = NOW_MS;

	for (size_t i = 0; i < sizeof pauses_s / sizeof pauses_s[0]; i++) {
		int64_t at_ms = next_probe(p, id, now_ms);

		CU_ASSERT_EQUAL(at_ms - now_ms, pauses_s[i] * 1000);
		now_ms = at_ms;
		permission_accuse(p, id, true, now_ms);
	}
	permission_acked(p, id, 3, now_ms);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms + 10 * PERMISSION_PAUSE_MAX_MS),
	                PERMISSION_NONE);
	table_free(p);
}

static void messages_that_were_in_flight_together_count_as_one_miss(void)
{
	struct permissions *p = table_new();
	uint16_t id = suspect(p, "event");

	for (int i = 0; i < 20; i++)
		CU_ASSERT_FALSE(permission_accuse(p, id, false, NOW_MS + i));
	CU_ASSERT_EQUAL(next_probe(p, id, NOW_MS), NOW_MS + PERMISSION_PAUSE_MS);
	table_free(p);
}

static void a_probe_without_a_verdict_comes_again_after_the_same_pause(void)
{
	struct permissions *p = table_new();
	uint16_t id = suspect(p, "event");
	int64_t at_ms = next_probe(p, id, NOW_MS), second_ms = next_probe(p, id, at_ms);

	CU_ASSERT_EQUAL(next_probe(p, id, second_ms) - second_ms, second_ms - at_ms);
	table_free(p);
}

static void permission_that_was_taken_away_is_asked_for_at_once_and_said_after_that(void)
{
	struct permissions *p = table_new();
	uint16_t id = proven(p, "event");

	CU_ASSERT_FALSE(permission_accuse(p, id, false, NOW_MS));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_ASIDE);
	CU_ASSERT_TRUE(permission_other(p, id)); /* perhaps it is that message */
	CU_ASSERT_EQUAL(next_probe(p, id, NOW_MS), NOW_MS);
	CU_ASSERT_TRUE(permission_accuse(p, id, true, NOW_MS + 2000));
	CU_ASSERT_FALSE(permission_other(p, id));
	CU_ASSERT_EQUAL(p->keys[id]->probe_ms, NOW_MS + 2000 + PERMISSION_PAUSE_MS);
	table_free(p);
}

static void every_fourth_probe_of_a_new_topic_is_of_another_message(void)
{
	struct permissions *p = table_new();
	uint16_t id = suspect(p, "event");
	int others = 0;

	for (int i = 0; i < 8; i++) {
		others += permission_other(p, id);
		permission_accuse(p, id, true, NOW_MS);
	}
	CU_ASSERT_EQUAL(others, 2);
	table_free(p);
}

static void probes_leave_a_place_to_new_topics_and_new_topics_none_to_them(void)
{
	struct permissions *p = table_new();
	uint16_t bad = suspect(p, "bad"), worse = suspect(p, "worse"), a = take(p, "a"),
			 b = take(p, "b");
	int64_t now_ms = NOW_MS + PERMISSION_PAUSE_MS;

	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), bad);
	permission_try(p, bad, true);
	permission_probed(p, bad, now_ms);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_way(p, a), PERMISSION_GO);
	permission_try(p, a, false);
	CU_ASSERT_EQUAL(permission_way(p, b), PERMISSION_WAIT);
	permission_tried(p, bad, true);
	CU_ASSERT_EQUAL(permission_way(p, b), PERMISSION_GO);
	permission_try(p, b, false);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), PERMISSION_NONE);
	permission_tried(p, b, false);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), worse);
	table_free(p);
}

static void what_the_hub_closes_on_is_probed_alone(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event");
	int64_t now_ms = NOW_MS + PERMISSION_PAUSE_MS;

	CU_ASSERT_TRUE(permission_isolate(p, id, NOW_MS));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_ASIDE);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, true, now_ms - 1), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, true, now_ms), id);
	CU_ASSERT_FALSE(permission_isolate(p, id, now_ms));
	CU_ASSERT_EQUAL(permission_due(p, true, now_ms + PERMISSION_PAUSE_MAX_MS - 1), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, true, now_ms + PERMISSION_PAUSE_MAX_MS), id);
	CU_ASSERT_TRUE(permission_acked(p, id, 2, now_ms));
	permission_accuse(p, id, false, now_ms);
	CU_ASSERT_EQUAL(permission_due(p, false, now_ms), id);
	table_free(p);
}

static void single_messages_are_tried_one_after_the_other_and_prove_nothing(void)
{
	static const uint16_t ids[] = { PERMISSION_SINGLE, PERMISSION_LONE };
	struct permissions *p = table_new();

	for (size_t i = 0; i < 2; i++) {
		bool alone = ids[i] == PERMISSION_LONE;
		int64_t now_ms = NOW_MS;

		permission_hold(p, ids[i]);
		CU_ASSERT_EQUAL(permission_way(p, ids[i]), PERMISSION_ASIDE);
		CU_ASSERT_EQUAL(permission_due(p, alone, now_ms), PERMISSION_NONE);
		for (int n = 0; n < 5; n++) {
			CU_ASSERT_FALSE(permission_accuse(p, ids[i], n > 0, now_ms));
			now_ms += PERMISSION_PAUSE_MS;
			CU_ASSERT_EQUAL(permission_due(p, alone, now_ms), ids[i]);
		}
		CU_ASSERT_FALSE(permission_acked(p, ids[i], 1, now_ms));
		CU_ASSERT_EQUAL(permission_due(p, alone, now_ms), ids[i]);
		permission_probed(p, ids[i], now_ms);
		CU_ASSERT_EQUAL(permission_due(p, alone, now_ms), PERMISSION_NONE);
		permission_hurry(p, ids[i], now_ms);
		CU_ASSERT_EQUAL(permission_due(p, alone, now_ms), ids[i]);
		permission_probed(p, ids[i], now_ms);
		CU_ASSERT_EQUAL(permission_way(p, ids[i]), PERMISSION_ASIDE);
		permission_drop(p, ids[i]);
	}
	CU_ASSERT_EQUAL(p->suspect, 0);
	table_free(p);
}

static void what_the_hub_closes_on_is_the_message_once_and_then_the_key(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event");

	CU_ASSERT_FALSE(permission_excuse(p, id));
	permission_acked(p, id, 1, NOW_MS);
	CU_ASSERT_TRUE(permission_excuse(p, id));
	CU_ASSERT_FALSE(permission_excuse(p, id));
	permission_acked(p, id, 2, NOW_MS);
	CU_ASSERT_TRUE(permission_excuse(p, id));
	table_free(p);
}

static void a_message_was_passed_when_a_later_one_of_its_key_was_acknowledged(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "event"), other = take(p, "data");

	permission_acked(p, id, 5, NOW_MS);
	permission_acked(p, other, 9, NOW_MS);
	CU_ASSERT_TRUE(permission_passed(p, id, 4));
	CU_ASSERT_FALSE(permission_passed(p, id, 6));
	permission_acked(p, id, 3, NOW_MS);
	CU_ASSERT_TRUE(permission_passed(p, id, 4));
	table_free(p);
}

static uint16_t take_numbered(struct permissions *p, unsigned n)
{
	char topic[32];

	snprintf(topic, sizeof topic, "t%u", n);
	return take(p, topic);
}

static void keys_that_nobody_has_give_way_and_the_least_recently_used_first(void)
{
	struct permissions *p = table_new();
	uint16_t first = take_numbered(p, 0), second = take_numbered(p, 1);

	permission_acked(p, first, 1, NOW_MS);
	permission_acked(p, second, 1, NOW_MS);
	for (unsigned n = 2; n < PERMISSION_KEYS; n++)
		take_numbered(p, n);
	permission_drop(p, first);
	permission_drop(p, second);
	CU_ASSERT_EQUAL(take_numbered(p, 0), first); /* still known, and used again */
	CU_ASSERT_TRUE(permission_proven(p, first));
	permission_drop(p, first);
	CU_ASSERT_EQUAL(take_numbered(p, PERMISSION_KEYS), second);
	CU_ASSERT_FALSE(permission_proven(p, second));
	CU_ASSERT_EQUAL(take_numbered(p, 0), first);
	CU_ASSERT_TRUE(permission_proven(p, first));
	table_free(p);
}

static void beyond_the_bound_topics_share_a_key_that_is_never_proven(void)
{
	struct permissions *p = table_new();
	uint16_t id;

	for (unsigned n = 0; n < PERMISSION_KEYS; n++)
		CU_ASSERT_NOT_EQUAL(take_numbered(p, n), PERMISSION_OVERFLOW);
	id = take(p, "one more");
	CU_ASSERT_EQUAL(id, PERMISSION_OVERFLOW);
	CU_ASSERT_EQUAL(take(p, "another"), id);
	CU_ASSERT_TRUE(permission_acked(p, id, 5, NOW_MS));
	CU_ASSERT_FALSE(permission_proven(p, id));
	CU_ASSERT_FALSE(permission_passed(p, id, 1)); /* it may have been of another topic */
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_GO);
	permission_try(p, id, false);
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_WAIT);
	permission_tried(p, id, false);
	permission_accuse(p, id, false, NOW_MS);
	CU_ASSERT_EQUAL(permission_due(p, false, NOW_MS + PERMISSION_PAUSE_MS), id);
	permission_drop(p, id);
	permission_drop(p, id);
	CU_ASSERT_EQUAL(take(p, "a third"), id); /* it does not go away */
	table_free(p);
}

static void a_suspect_key_that_gives_way_is_not_counted_any_more(void)
{
	struct permissions *p = table_new();

	permission_drop(p, suspect(p, "bad"));
	CU_ASSERT_EQUAL(p->suspect, 1);
	for (unsigned n = 0; n < PERMISSION_KEYS; n++)
		CU_ASSERT_NOT_EQUAL(take_numbered(p, n), PERMISSION_OVERFLOW);
	CU_ASSERT_EQUAL(p->suspect, 0);
	CU_ASSERT_EQUAL(permission_due(p, false, NOW_MS + PERMISSION_PAUSE_MAX_MS), PERMISSION_NONE);
	table_free(p);
}

static void what_an_earlier_run_found_the_hub_to_close_on_is_probed_alone_and_late(void)
{
	struct permissions *p = table_new();
	uint16_t id = take(p, "bad");

	permission_remember(p, id, NOW_MS);
	permission_drop(p, id);
	CU_ASSERT_EQUAL(take(p, "bad"), id);
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_ASIDE);
	CU_ASSERT_EQUAL(permission_due(p, true, NOW_MS + PERMISSION_PAUSE_MAX_MS - 1), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, false, NOW_MS + PERMISSION_PAUSE_MAX_MS), PERMISSION_NONE);
	CU_ASSERT_EQUAL(permission_due(p, true, NOW_MS + PERMISSION_PAUSE_MAX_MS), id);
	CU_ASSERT_TRUE(permission_acked(p, id, 1, NOW_MS));
	CU_ASSERT_EQUAL(permission_way(p, id), PERMISSION_GO);
	permission_remember(p, PERMISSION_OVERFLOW, NOW_MS);
	CU_ASSERT_EQUAL(permission_way(p, PERMISSION_OVERFLOW), PERMISSION_GO);
	table_free(p);
}

SUITE(permission, TEST(what_an_earlier_run_found_the_hub_to_close_on_is_probed_alone_and_late),
      TEST(a_key_is_a_product_and_a_topic_whatever_the_device),
      TEST(one_message_of_an_unproven_key_goes_and_all_of_a_proven_one),
      TEST(all_that_is_not_proven_has_two_places_together),
      TEST(what_waits_of_a_doubted_key_is_put_aside_until_it_is_acknowledged),
      TEST(a_lost_link_takes_a_doubt_back_and_no_suspicion),
      TEST(a_suspect_key_is_said_once_until_it_is_proven),
      TEST(pauses_between_probes_grow_from_ten_seconds_to_ten_minutes),
      TEST(messages_that_were_in_flight_together_count_as_one_miss),
      TEST(a_probe_without_a_verdict_comes_again_after_the_same_pause),
      TEST(permission_that_was_taken_away_is_asked_for_at_once_and_said_after_that),
      TEST(every_fourth_probe_of_a_new_topic_is_of_another_message),
      TEST(probes_leave_a_place_to_new_topics_and_new_topics_none_to_them),
      TEST(what_the_hub_closes_on_is_probed_alone),
      TEST(what_the_hub_closes_on_is_the_message_once_and_then_the_key),
      TEST(a_message_was_passed_when_a_later_one_of_its_key_was_acknowledged),
      TEST(single_messages_are_tried_one_after_the_other_and_prove_nothing),
      TEST(keys_that_nobody_has_give_way_and_the_least_recently_used_first),
      TEST(beyond_the_bound_topics_share_a_key_that_is_never_proven),
      TEST(a_suspect_key_that_gives_way_is_not_counted_any_more))
