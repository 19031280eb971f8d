#include "bridge/gateway/outbox.h"

#include "core/journal/record.h"
#include "tests/runner.h"

static struct outbox outbox_of(uint64_t count)
{
	struct outbox o;

	outbox_init(&o);
	for (uint64_t seq = 1; seq <= count; seq++)
		CU_ASSERT_EQUAL(outbox_add(&o, seq * 10, 100), ST_OK);
	return o;
}

static uint64_t next_seq(struct outbox *o)
{
	const struct outbox_entry *e = outbox_next(o);

	return e ? e->seq : 0;
}

static void send(struct outbox *o, uint64_t seq, uint16_t id)
{
	CU_ASSERT_EQUAL(next_seq(o), seq);
	outbox_mark_sent(o, outbox_next(o), id);
}

static void entries_go_out_in_the_order_of_their_sequence(void)
{
	struct outbox o = outbox_of(100);

	for (uint64_t seq = 1; seq <= 100; seq++)
		send(&o, seq * 10, (uint16_t)seq);
	CU_ASSERT_PTR_NULL(outbox_next(&o));
	CU_ASSERT_EQUAL(o.live, 100);
	CU_ASSERT_EQUAL(o.bytes, 10000);
	outbox_fini(&o);
}

static void looking_at_the_next_entry_does_not_take_it(void)
{
	struct outbox o = outbox_of(2);

	CU_ASSERT_EQUAL(next_seq(&o), 10);
	CU_ASSERT_EQUAL(next_seq(&o), 10);
	outbox_fini(&o);
}

static void acknowledgements_may_come_in_any_order(void)
{
	struct outbox o = outbox_of(4);

	for (uint16_t i = 1; i <= 4; i++)
		send(&o, i * 10u, i);
	CU_ASSERT_TRUE(outbox_end(&o, 30));
	CU_ASSERT_TRUE(outbox_end(&o, 10));
	CU_ASSERT_TRUE(outbox_end(&o, 40));
	CU_ASSERT_EQUAL(o.live, 1);
	CU_ASSERT_EQUAL(o.bytes, 100);
	CU_ASSERT_PTR_NULL(outbox_find(&o, 30));
	CU_ASSERT_PTR_NOT_NULL(outbox_find(&o, 20));
	CU_ASSERT_TRUE(outbox_end(&o, 20));
	CU_ASSERT_EQUAL(o.live, 0);
	CU_ASSERT_EQUAL(o.count, 0);
	CU_ASSERT_EQUAL(o.bytes, 0);
	outbox_fini(&o);
}

static void an_entry_ends_once_and_unknown_ones_never(void)
{
	struct outbox o = outbox_of(2);

	CU_ASSERT_TRUE(outbox_end(&o, 20));
	CU_ASSERT_FALSE(outbox_end(&o, 20));
	CU_ASSERT_FALSE(outbox_end(&o, 15));
	CU_ASSERT_FALSE(outbox_end(&o, 5));
	CU_ASSERT_FALSE(outbox_end(&o, 99));
	CU_ASSERT_EQUAL(o.live, 1);
	outbox_fini(&o);
	outbox_init(&o);
	CU_ASSERT_FALSE(outbox_end(&o, 1));
	CU_ASSERT_PTR_NULL(outbox_next(&o));
	outbox_fini(&o);
}

static void after_a_rewind_what_was_sent_goes_again_in_order_under_its_packet_id(void)
{
	struct outbox o = outbox_of(5);

	send(&o, 10, 71);
	send(&o, 20, 72);
	send(&o, 30, 73);
	outbox_end(&o, 20);
	outbox_rewind(&o);
	CU_ASSERT_EQUAL(next_seq(&o), 10);
	CU_ASSERT_EQUAL(outbox_next(&o)->packet_id, 71);
	outbox_mark_sent(&o, outbox_next(&o), 71);
	CU_ASSERT_EQUAL(next_seq(&o), 30);
	CU_ASSERT_EQUAL(outbox_next(&o)->packet_id, 73);
	outbox_mark_sent(&o, outbox_next(&o), 73);
	CU_ASSERT_EQUAL(next_seq(&o), 40);
	CU_ASSERT_EQUAL(outbox_next(&o)->packet_id, 0);
	outbox_fini(&o);
}

static void a_forgotten_session_forgets_the_packet_ids(void)
{
	struct outbox o = outbox_of(2);

	send(&o, 10, 71);
	outbox_rewind(&o);
	outbox_forget_ids(&o);
	CU_ASSERT_EQUAL(next_seq(&o), 10);
	CU_ASSERT_EQUAL(outbox_next(&o)->packet_id, 0);
	outbox_fini(&o);
}

static void dropping_a_waiting_entry_makes_the_following_one_next(void)
{
	struct outbox o = outbox_of(3);

	send(&o, 10, 1);
	CU_ASSERT_TRUE(outbox_end(&o, 20));
	CU_ASSERT_EQUAL(next_seq(&o), 30);
	outbox_rewind(&o);
	CU_ASSERT_EQUAL(next_seq(&o), 10);
	CU_ASSERT_TRUE(outbox_end(&o, 10));
	CU_ASSERT_EQUAL(next_seq(&o), 30);
	outbox_fini(&o);
}

static void the_ring_grows_in_the_middle_of_its_life(void)
{
	struct outbox o = outbox_of(6);

	for (uint64_t seq = 10; seq <= 40; seq += 10)
		outbox_end(&o, seq);
	for (uint64_t seq = 7; seq <= 40; seq++)
		CU_ASSERT_EQUAL(outbox_add(&o, seq * 10, 1), ST_OK);
	for (uint64_t seq = 5; seq <= 40; seq++)
		send(&o, seq * 10, (uint16_t)seq);
	CU_ASSERT_EQUAL(o.live, 36);
	outbox_fini(&o);
}

static void an_entry_that_stays_does_not_make_the_ring_grow(void)
{
	struct outbox o = outbox_of(1);

	send(&o, 10, 9);
	for (uint64_t seq = 11; seq < 20000; seq++) {
		outbox_add(&o, seq, 1);
		send(&o, seq, 1);
		if (seq > 12)
			outbox_end(&o, seq - 1);
	}
	CU_ASSERT_EQUAL(o.live, 3);
	CU_ASSERT(o.size <= 16);
	outbox_rewind(&o);
	send(&o, 10, 9);
	send(&o, 11, 1);
	send(&o, 19999, 1);
	CU_ASSERT_PTR_NULL(outbox_next(&o));
	outbox_fini(&o);
}

static void what_stands_aside_holds_nobody_also_over_a_reconnect(void)
{
	struct outbox o = outbox_of(3);

	send(&o, 10, 7);
	outbox_put_aside(&o, outbox_find(&o, 10));
	outbox_put_aside(&o, outbox_find(&o, 20)); /* never sent */
	outbox_put_aside(&o, outbox_find(&o, 20)); /* again: no effect */
	CU_ASSERT_EQUAL(o.parked, 2);
	CU_ASSERT_EQUAL(o.aside, 2);
	send(&o, 30, 8);
	outbox_rewind(&o);
	send(&o, 30, 8);
	CU_ASSERT(outbox_end(&o, 30));
	CU_ASSERT_EQUAL(o.live, 2);
	CU_ASSERT_PTR_NULL(outbox_next(&o));
	CU_ASSERT(outbox_end(&o, 20));
	CU_ASSERT_EQUAL(o.parked, 1);
	CU_ASSERT_EQUAL(outbox_find(&o, 10)->packet_id, 7);
	outbox_mark_sent(&o, outbox_find(&o, 10), 7); /* a probe */
	CU_ASSERT_EQUAL(o.parked, 0);
	CU_ASSERT_EQUAL(o.aside, 0);
	CU_ASSERT(outbox_end(&o, 10));
	CU_ASSERT_EQUAL(o.live, 0);
	outbox_fini(&o);
}

static void what_stands_aside_is_found_by_its_key_and_goes_on_in_its_place(void)
{
	struct outbox o = outbox_of(5);

	for (uint64_t seq = 10; seq <= 40; seq += 10) {
		outbox_find(&o, seq)->key = seq % 20 ? 3 : 4;
		outbox_put_aside(&o, outbox_find(&o, seq));
	}
	CU_ASSERT_EQUAL(outbox_aside(&o, 3, 0)->seq, 10);
	CU_ASSERT_EQUAL(outbox_aside(&o, 3, 11)->seq, 30);
	CU_ASSERT_EQUAL(outbox_aside(&o, 0, 11)->seq, 20);
	CU_ASSERT_PTR_NULL(outbox_aside(&o, 3, 31));
	CU_ASSERT_PTR_NULL(outbox_aside(&o, 5, 0));
	send(&o, 50, 1);
	outbox_take_back(&o, outbox_find(&o, 30));
	outbox_take_back(&o, outbox_find(&o, 10));
	CU_ASSERT_EQUAL(o.aside, 2);
	send(&o, 10, 2);
	send(&o, 30, 3);
	CU_ASSERT_PTR_NULL(outbox_next(&o));
	outbox_fini(&o);
}

static void an_entry_takes_sixteen_bytes_and_the_largest_record_fits(void)
{
	struct outbox o = outbox_of(0);

	CU_ASSERT_EQUAL(sizeof(struct outbox_entry), 16);
	CU_ASSERT_EQUAL(outbox_add(&o, 1, RECORD_BYTES_MAX), ST_OK);
	CU_ASSERT_EQUAL(o.bytes, RECORD_BYTES_MAX);
	CU_ASSERT(outbox_end(&o, 1));
	CU_ASSERT_EQUAL(o.bytes, 0);
	outbox_fini(&o);
}

static void a_held_entry_lets_others_pass_until_it_is_released(void)
{
	struct outbox o = outbox_of(3);

	outbox_hold(&o, 10);
	CU_ASSERT_EQUAL(o.parked, 1);
	send(&o, 20, 1);
	outbox_rewind(&o); /* a lost connection does not release it */
	send(&o, 20, 1);
	outbox_release(&o, 10);
	outbox_release(&o, 10);
	CU_ASSERT_EQUAL(o.parked, 0);
	send(&o, 10, 2);
	send(&o, 30, 3);
	outbox_hold(&o, 30); /* it is on its way: no effect */
	CU_ASSERT_EQUAL(o.parked, 0);
	outbox_fini(&o);
}

static void slack_is_a_quarter_and_a_drained_backlog_gives_its_memory_back(void)
{
	struct outbox o = outbox_of(100000);

	CU_ASSERT(o.size <= 126000);
	for (uint64_t seq = 1; seq <= 100000; seq++)
		CU_ASSERT(outbox_end(&o, seq * 10));
	CU_ASSERT(o.size <= 128);
	CU_ASSERT_EQUAL(outbox_add(&o, 2000000, 1), ST_OK);
	CU_ASSERT_EQUAL(next_seq(&o), 2000000);
	outbox_fini(&o);
}

static void count_id(void *ctx, uint16_t packet_id)
{
	*(unsigned *)ctx += packet_id;
}

static void ids_of_what_was_sent_and_has_not_ended_are_listed(void)
{
	struct outbox o = outbox_of(4);
	unsigned sum = 0;

	send(&o, 10, 100);
	send(&o, 20, 10);
	send(&o, 30, 1);
	CU_ASSERT(outbox_end(&o, 20));
	outbox_each_id(&o, count_id, &sum);
	CU_ASSERT_EQUAL(sum, 101);
	outbox_fini(&o);
}

SUITE(outbox, TEST(a_held_entry_lets_others_pass_until_it_is_released),
      TEST(slack_is_a_quarter_and_a_drained_backlog_gives_its_memory_back),
      TEST(ids_of_what_was_sent_and_has_not_ended_are_listed),
      TEST(what_stands_aside_holds_nobody_also_over_a_reconnect),
      TEST(what_stands_aside_is_found_by_its_key_and_goes_on_in_its_place),
      TEST(an_entry_takes_sixteen_bytes_and_the_largest_record_fits),
      TEST(entries_go_out_in_the_order_of_their_sequence),
      TEST(looking_at_the_next_entry_does_not_take_it),
      TEST(acknowledgements_may_come_in_any_order), TEST(an_entry_ends_once_and_unknown_ones_never),
      TEST(after_a_rewind_what_was_sent_goes_again_in_order_under_its_packet_id),
      TEST(a_forgotten_session_forgets_the_packet_ids),
      TEST(dropping_a_waiting_entry_makes_the_following_one_next),
      TEST(the_ring_grows_in_the_middle_of_its_life),
      TEST(an_entry_that_stays_does_not_make_the_ring_grow))
