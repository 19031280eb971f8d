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
		CU_ASSERT_EQUAL(flight_add(&f, &lamp, id * 10u, id, START_MS + id), ST_OK);
	return f;
}

static void the_window_fills_and_opens_with_every_acknowledgement(void)
{
	struct flight f = flight_of(WINDOW);
	struct flight_entry e;

	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_EQUAL(flight_add(&f, &lamp, 99, 99, START_MS), ST_FULL);
	CU_ASSERT_TRUE(flight_ack(&f, 2, &e));
	CU_ASSERT_EQUAL(e.seq, 20);
	CU_ASSERT_PTR_EQUAL(e.owner, &lamp);
	CU_ASSERT_FALSE(flight_full(&f));
	CU_ASSERT_EQUAL(flight_add(&f, &door, 99, 99, START_MS), ST_OK);
	CU_ASSERT_TRUE(flight_full(&f));
	flight_fini(&f);
}

static void an_acknowledgement_counts_once_and_an_unknown_one_never(void)
{
	struct flight f = flight_of(2);
	struct flight_entry e;

	CU_ASSERT_TRUE(flight_ack(&f, 1, &e));
	CU_ASSERT_FALSE(flight_ack(&f, 1, &e));
	CU_ASSERT_FALSE(flight_ack(&f, 77, &e));
	CU_ASSERT_FALSE(flight_ack(&f, 0, &e));
	CU_ASSERT_EQUAL(f.count, 1);
	flight_fini(&f);
}

static void silence_about_everything_makes_nothing_suspect(void)
{
	struct flight f = flight_of(3);
	struct flight_entry e;

	CU_ASSERT_FALSE(flight_suspect(&f, START_MS + 100 * FLIGHT_SUSPECT_MS, &e));
	CU_ASSERT_TRUE(flight_ack(&f, 1, &e)); /* an earlier one accuses nobody */
	CU_ASSERT_FALSE(flight_suspect(&f, START_MS + 100 * FLIGHT_SUSPECT_MS, &e));
	flight_fini(&f);
}

static void a_publish_is_suspect_after_ten_seconds_when_a_later_one_is_acknowledged(void)
{
	struct flight f = flight_of(3);
	struct flight_entry e;

	CU_ASSERT_TRUE(flight_ack(&f, 2, &e));
	CU_ASSERT_FALSE(flight_suspect(&f, START_MS + 1 + FLIGHT_SUSPECT_MS - 1, &e));
	CU_ASSERT_TRUE(flight_suspect(&f, START_MS + 1 + FLIGHT_SUSPECT_MS, &e));
	CU_ASSERT_EQUAL(e.packet_id, 1);
	CU_ASSERT_EQUAL(e.seq, 10);
	CU_ASSERT_EQUAL(f.count, 1); /* it left the window */
	CU_ASSERT_FALSE(flight_suspect(&f, START_MS + 100 * FLIGHT_SUSPECT_MS, &e));
	CU_ASSERT_FALSE(flight_ack(&f, 1, &e));
	flight_fini(&f);
}

static void the_oldest_transmission_is_known_and_none_is_infinity(void)
{
	struct flight f = flight_of(0);
	struct flight_entry e;

	CU_ASSERT_EQUAL(flight_oldest_ms(&f), INT64_MAX);
	flight_add(&f, &lamp, 1, 1, 500);
	flight_add(&f, &lamp, 2, 2, 400);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), 400);
	flight_ack(&f, 2, &e);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), 500);
	flight_fini(&f);
}

static void a_new_connection_starts_with_an_empty_window_and_no_suspicion(void)
{
	struct flight f = flight_of(WINDOW);
	struct flight_entry e;

	flight_ack(&f, 4, &e);
	flight_clear(&f);
	CU_ASSERT_EQUAL(f.count, 0);
	CU_ASSERT_EQUAL(flight_oldest_ms(&f), INT64_MAX);
	CU_ASSERT_FALSE(flight_ack(&f, 1, &e));
	flight_add(&f, &lamp, 10, 1, START_MS);
	CU_ASSERT_FALSE(flight_suspect(&f, START_MS + 2 * FLIGHT_SUSPECT_MS, &e));
	flight_fini(&f);
}

static void a_message_sent_again_under_its_id_takes_one_place(void)
{
	struct flight f = flight_of(WINDOW);
	struct flight_entry e;

	CU_ASSERT_EQUAL(flight_add(&f, &lamp, 10, 1, START_MS + 5000), ST_OK);
	CU_ASSERT_EQUAL(f.count, WINDOW);
	CU_ASSERT_TRUE(flight_ack(&f, 4, &e)); /* older than the second transmission */
	while (flight_suspect(&f, START_MS + 100 * FLIGHT_SUSPECT_MS, &e))
		CU_ASSERT_NOT_EQUAL(e.packet_id, 1);
	CU_ASSERT_TRUE(flight_ack(&f, 1, &e));
	CU_ASSERT_EQUAL(e.sent_ms, START_MS + 5000);
	CU_ASSERT_FALSE(flight_ack(&f, 1, &e));
	CU_ASSERT_EQUAL(f.count, 0);
	flight_fini(&f);
}

static void a_smaller_window_loses_nothing_and_fills_no_further(void)
{
	struct flight f = flight_of(WINDOW);
	struct flight_entry e;

	CU_ASSERT_EQUAL(flight_set_window(&f, 2), ST_OK);
	CU_ASSERT_TRUE(flight_full(&f));
	for (uint16_t id = 1; id <= 3; id++) {
		CU_ASSERT_EQUAL(flight_add(&f, &door, 99, 99, START_MS), ST_FULL);
		CU_ASSERT_TRUE(flight_ack(&f, id, &e));
		CU_ASSERT_EQUAL(e.seq, id * 10u);
	}
	CU_ASSERT_EQUAL(flight_add(&f, &door, 99, 99, START_MS), ST_OK);
	CU_ASSERT_TRUE(flight_full(&f));
	flight_fini(&f);
}

static void a_larger_window_has_room_at_once(void)
{
	struct flight f = flight_of(WINDOW);
	struct flight_entry e;

	CU_ASSERT_EQUAL(flight_set_window(&f, WINDOW + 1), ST_OK);
	CU_ASSERT_EQUAL(flight_add(&f, &door, 99, 99, START_MS), ST_OK);
	CU_ASSERT_TRUE(flight_full(&f));
	CU_ASSERT_TRUE(flight_ack(&f, 1, &e));
	CU_ASSERT_EQUAL(e.seq, 10);
	flight_fini(&f);
}

SUITE(flight, TEST(the_window_fills_and_opens_with_every_acknowledgement),
      TEST(an_acknowledgement_counts_once_and_an_unknown_one_never),
      TEST(silence_about_everything_makes_nothing_suspect),
      TEST(a_publish_is_suspect_after_ten_seconds_when_a_later_one_is_acknowledged),
      TEST(the_oldest_transmission_is_known_and_none_is_infinity),
      TEST(a_new_connection_starts_with_an_empty_window_and_no_suspicion),
      TEST(a_message_sent_again_under_its_id_takes_one_place),
      TEST(a_smaller_window_loses_nothing_and_fills_no_further),
      TEST(a_larger_window_has_room_at_once))
