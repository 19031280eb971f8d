#include "bridge/uplink/flight.h"

#include "tests/runner.h"

enum {
	WINDOW = 4,
	START_MS = 1000000
};

static int lamp, door;

static struct flight flight_of(uint16_t sent)
{
	struct flight f;

	CU_ASSERT_EQUAL_FATAL(flight_init(&f, WINDOW), ST_OK);
	for (uint16_t id = 1; id <= sent; id++)
		CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &lamp, id * 10u, id, START_MS + id));
	return f;
}

/* As the hub's PUBACK. */
static bool ack(struct flight *f, uint16_t id, int64_t now_ms)
{
	struct flight_entry *e = flight_find(f, id);

	if (!e)
		return false;
	flight_acked(f, e, now_ms);
	flight_remove(f, e);
	return true;
}

static void the_window_fills_and_opens_with_every_acknowledgement(void)
{
	struct flight f = flight_of(WINDOW);

	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_PTR_NULL(flight_add(&f, &lamp, 99, 99, START_MS));
	CU_ASSERT_EQUAL(flight_find(&f, 2)->seq, 20);
	CU_ASSERT_PTR_EQUAL(flight_find(&f, 2)->owner, &lamp);
	CU_ASSERT_TRUE(ack(&f, 2, START_MS + 9));
	CU_ASSERT_FALSE(flight_full(&f));
	CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &door, 99, 99, START_MS));
	CU_ASSERT_TRUE(flight_full(&f));
	flight_fini(&f);
}

static void an_acknowledgement_counts_once_and_an_unknown_one_never(void)
{
	struct flight f = flight_of(2);

	CU_ASSERT_TRUE(ack(&f, 1, START_MS));
	CU_ASSERT_FALSE(ack(&f, 1, START_MS));
	CU_ASSERT_FALSE(ack(&f, 77, START_MS));
	CU_ASSERT_FALSE(ack(&f, 0, START_MS));
	CU_ASSERT_EQUAL(f.count, 1);
	flight_fini(&f);
}

static void what_is_late_leaves_the_window_and_can_still_be_acknowledged(void)
{
	struct flight f = flight_of(WINDOW);

	flight_set_late(&f, flight_find(&f, 1));
	flight_set_late(&f, flight_find(&f, 1));
	CU_ASSERT_FALSE(flight_full(&f));
	CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &door, 50, 5, START_MS + 5));
	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_TRUE(ack(&f, 1, START_MS + 9000));
	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_EQUAL(f.late, 0);
	flight_fini(&f);
}

static void late_is_after_two_seconds_or_four_rounds_whichever_is_more(void)
{
	struct flight f = flight_of(0);

	CU_ASSERT_EQUAL(flight_late_ms(&f), FLIGHT_LATE_MS);
	for (int i = 0; i < 100; i++) {
		flight_add(&f, &lamp, 1, 1, START_MS);
		ack(&f, 1, START_MS + 20);
	}
	CU_ASSERT_EQUAL(flight_late_ms(&f), FLIGHT_LATE_MS);
	for (int i = 0; i < 100; i++) {
		flight_add(&f, &lamp, 1, 1, START_MS);
		ack(&f, 1, START_MS + 5000);
	}
	CU_ASSERT(flight_late_ms(&f) > 19900 && flight_late_ms(&f) <= 20000);
	flight_fini(&f);
}

static void the_time_of_the_next_that_becomes_late_is_known(void)
{
	struct flight f = flight_of(2);

	CU_ASSERT_EQUAL(flight_late_due_ms(&f, START_MS), START_MS + 1 + FLIGHT_LATE_MS);
	CU_ASSERT_EQUAL(flight_late_due_ms(&f, START_MS + 1 + FLIGHT_LATE_MS),
	                START_MS + 2 + FLIGHT_LATE_MS);
	CU_ASSERT_EQUAL(flight_late_due_ms(&f, START_MS + 2 + FLIGHT_LATE_MS), INT64_MAX);
	flight_set_late(&f, flight_find(&f, 1));
	CU_ASSERT_EQUAL(flight_late_due_ms(&f, START_MS), START_MS + 2 + FLIGHT_LATE_MS);
	flight_fini(&f);
}

static void the_newest_that_was_judged_are_remembered_and_the_window_keeps_its_room(void)
{
	struct flight f = flight_of(0);
	uint16_t id = 1;

	for (; id <= 200; id++) {
		struct flight_entry *old = flight_surplus(&f), *e;

		if (old)
			flight_remove(&f, old);
		e = flight_add(&f, &lamp, id, id, START_MS);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		flight_set_judged(&f, e);
	}
	CU_ASSERT_PTR_NOT_NULL(flight_find(&f, 200));
	CU_ASSERT_PTR_NOT_NULL(flight_find(&f, 190));
	CU_ASSERT_PTR_NULL(flight_find(&f, 1));
	CU_ASSERT_FALSE(flight_full(&f));
	for (int i = 0; i < WINDOW; i++)
		CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &lamp, id, (uint16_t)(id + i), START_MS));
	CU_ASSERT_TRUE(flight_full(&f));
	flight_fini(&f);
}

static void the_oldest_that_waits_is_not_one_that_was_judged(void)
{
	struct flight f = flight_of(3);

	CU_ASSERT_EQUAL(flight_oldest(&f)->packet_id, 1);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), START_MS + 1);
	flight_set_late(&f, flight_find(&f, 1));
	CU_ASSERT_EQUAL(flight_oldest(&f)->packet_id, 2);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), START_MS + 1); /* the link may be dead */
	flight_set_judged(&f, flight_find(&f, 1));
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), START_MS + 2);
	ack(&f, 2, START_MS);
	ack(&f, 3, START_MS);
	CU_ASSERT_PTR_NULL(flight_oldest(&f));
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), INT64_MAX);
	flight_fini(&f);
}

static void a_new_connection_starts_with_an_empty_window(void)
{
	struct flight f = flight_of(WINDOW);

	ack(&f, 4, START_MS);
	flight_set_judged(&f, flight_find(&f, 1));
	flight_clear(&f);
	CU_ASSERT_EQUAL(f.count, 0);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), INT64_MAX);
	CU_ASSERT_FALSE(ack(&f, 1, START_MS));
	CU_ASSERT(flight_add(&f, &lamp, 10, 1, START_MS)->order > f.acked_order);
	CU_ASSERT_PTR_NULL(flight_next(&f, flight_find(&f, 1)));
	flight_fini(&f);
}

static void a_smaller_window_loses_nothing_and_fills_no_further(void)
{
	struct flight f = flight_of(WINDOW);

	CU_ASSERT_EQUAL(flight_set_window(&f, 2), ST_OK);
	CU_ASSERT_TRUE(flight_full(&f));
	for (uint16_t id = 1; id <= 3; id++) {
		CU_ASSERT_PTR_NULL(flight_add(&f, &door, 99, 99, START_MS));
		CU_ASSERT_EQUAL(flight_find(&f, id)->seq, id * 10u);
		CU_ASSERT_TRUE(ack(&f, id, START_MS));
	}
	CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &door, 99, 99, START_MS));
	CU_ASSERT_TRUE(flight_full(&f));
	flight_fini(&f);
}

static void a_larger_window_has_room_at_once(void)
{
	struct flight f = flight_of(WINDOW);

	CU_ASSERT_EQUAL(flight_set_window(&f, WINDOW + 1), ST_OK);
	CU_ASSERT_PTR_NOT_NULL(flight_add(&f, &door, 99, 99, START_MS));
	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_EQUAL(flight_find(&f, 1)->seq, 10);
	flight_fini(&f);
}

SUITE(flight, TEST(the_window_fills_and_opens_with_every_acknowledgement),
      TEST(an_acknowledgement_counts_once_and_an_unknown_one_never),
      TEST(what_is_late_leaves_the_window_and_can_still_be_acknowledged),
      TEST(late_is_after_two_seconds_or_four_rounds_whichever_is_more),
      TEST(the_time_of_the_next_that_becomes_late_is_known),
      TEST(the_newest_that_was_judged_are_remembered_and_the_window_keeps_its_room),
      TEST(the_oldest_that_waits_is_not_one_that_was_judged),
      TEST(a_new_connection_starts_with_an_empty_window),
      TEST(a_smaller_window_loses_nothing_and_fills_no_further),
      TEST(a_larger_window_has_room_at_once))
