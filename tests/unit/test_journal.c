#include "shadowstore/journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/store_dir.h"
#include "tests/runner.h"

enum {
	MANY = 100000, /* in make soak */
	PLENTY = 1 << 30,
	OVERHEAD_MAX = 256, /* what a record may count beyond its bytes */
};

static struct journal *journal_with(uint64_t messages, uint64_t bytes, unsigned share,
                                    enum journal_policy policy)
{
	const struct journal_limits lim = {
		.max_messages = messages, .max_bytes = bytes, .device_share = share, .policy = policy
	};
	struct journal *j = NULL;

	CU_ASSERT_EQUAL(journal_open(store_dir_new(), &lim, NULL, &j), ST_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	return j;
}

static struct journal *roomy(void)
{
	return journal_with(10 * MANY, PLENTY, 100, JOURNAL_REFUSE);
}

/* What it counts against the bound; 0: cannot be loaded. */
static uint32_t bytes_of(struct journal *j, uint64_t seq, const char *device)
{
	struct journal_view v;

	if (journal_reader_load(j, seq, NULL, &v) != ST_OK)
		return 0;
	return (uint32_t)(RECORD_HEAD_BYTES + strlen(device) + strlen(v.topic) + v.len);
}

/* What the tests' readers know of every message. */
static void end(struct journal *j, uint64_t seq, const char *device, enum journal_end how)
{
	journal_reader_end(j, seq, device, bytes_of(j, seq, device), how);
}

static enum status put_sized(struct journal *j, const char *device, size_t len, uint64_t *seq)
{
	static const char payload[8192];
	const struct journal_msg msg = {
		.device = device,
		.topic = "SUBPROD001/lamp-01/event",
		.payload = payload,
		.len = len,
		.qos = 1,
	};

	return journal_append(j, &msg, seq, NULL);
}

static enum status put(struct journal *j, const char *device, uint64_t *seq)
{
	return put_sized(j, device, 16, seq);
}

static void expect_account(struct journal *j)
{
	struct journal_counts c;
	uint64_t ended = 0;

	journal_counts(j, &c);
	for (int i = 0; i < JOURNAL_ENDS; i++)
		ended += c.ended[i];
	CU_ASSERT_EQUAL(c.accepted, c.queued + ended);
	CU_ASSERT_EQUAL(c.queued == 0, c.queued_bytes == 0);
}

static uint64_t queued(struct journal *j)
{
	struct journal_counts c;

	journal_counts(j, &c);
	return c.queued;
}

static void read_all(struct journal *j)
{
	struct journal_item item;

	while (journal_reader_next(j, &item) == ST_OK)
		;
}

static void what_is_appended_comes_out_once_in_order_and_unchanged(void)
{
	struct journal *j = roomy();
	struct journal_item item;
	struct journal_view view;
	const struct journal_msg empty = { .device = "b", .topic = "t/b", .qos = 0 };
	const struct journal_msg full = {
		.device = "a", .topic = "t/a", .payload = "\0\x01x", .len = 3, .qos = 1
	};
	uint64_t a = 0, b = 0;

	CU_ASSERT_EQUAL(journal_append(j, &full, &a, NULL), ST_OK);
	CU_ASSERT_EQUAL(journal_append(j, &empty, &b, NULL), ST_OK);
	CU_ASSERT(b > a);
	CU_ASSERT_EQUAL(journal_reader_next(j, &item), ST_OK);
	CU_ASSERT_EQUAL(item.seq, a);
	CU_ASSERT_STRING_EQUAL(item.device, "a");
	CU_ASSERT_EQUAL(item.qos, 1);
	CU_ASSERT_EQUAL(journal_reader_load(j, a, NULL, &view), ST_OK);
	CU_ASSERT_STRING_EQUAL(view.topic, "t/a");
	CU_ASSERT_EQUAL(view.len, 3);
	CU_ASSERT_EQUAL(memcmp(view.payload, "\0\x01x", 3), 0);
	CU_ASSERT_EQUAL(view.qos, 1);
	CU_ASSERT_EQUAL(journal_reader_next(j, &item), ST_OK);
	CU_ASSERT_EQUAL(item.seq, b);
	CU_ASSERT_EQUAL(journal_reader_load(j, b, NULL, &view), ST_OK);
	CU_ASSERT_EQUAL(view.len, 0);
	CU_ASSERT_EQUAL(view.qos, 0);
	CU_ASSERT_EQUAL(journal_reader_next(j, &item), ST_EMPTY);
	expect_account(j);
	journal_close(j);
}

static void the_account_holds_after_every_step(void)
{
	struct journal *j = roomy();
	struct journal_counts c;
	struct journal_item item;

	for (int i = 0; i < 600; i++) {
		CU_ASSERT_EQUAL(put(j, i % 2 ? "odd" : "even", NULL), ST_OK);
		expect_account(j);
	}
	for (int i = 0; journal_reader_next(j, &item) == ST_OK; i++) {
		if (i % 4 == 3)
			continue;
		end(j, item.seq, item.device, (enum journal_end)(i % 4));
		expect_account(j);
	}
	journal_counts(j, &c);
	CU_ASSERT_EQUAL(c.accepted, 600);
	CU_ASSERT_EQUAL(c.queued, 150);
	CU_ASSERT_EQUAL(c.ended[JOURNAL_DELIVERED], 150);
	CU_ASSERT_EQUAL(c.ended[JOURNAL_SUPERSEDED], 150);
	CU_ASSERT_EQUAL(c.ended[JOURNAL_DROP_BOUND], 150);
	journal_close(j);
}

static void only_what_was_handed_out_can_be_loaded_and_ended_and_only_once(void)
{
	struct journal *j = roomy();
	struct journal_item item;
	struct journal_view view;
	uint64_t seq = 0;

	put(j, "a", &seq);
	CU_ASSERT_EQUAL(journal_reader_load(j, seq, NULL, &view), ST_NOTFOUND);
	end(j, seq, "a", JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(queued(j), 1);
	journal_reader_next(j, &item);
	end(j, seq, "a", JOURNAL_DELIVERED);
	end(j, seq, "a", JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(journal_reader_load(j, seq, NULL, &view), ST_NOTFOUND);
	CU_ASSERT_EQUAL(journal_reader_load(j, 0, NULL, &view), ST_NOTFOUND);
	CU_ASSERT_EQUAL(journal_reader_load(j, UINT64_MAX, NULL, &view), ST_NOTFOUND);
	CU_ASSERT_EQUAL(queued(j), 0);
	expect_account(j);
	journal_close(j);
}

static void the_reader_is_woken_only_when_it_had_caught_up(void)
{
	struct journal *j = roomy();
	const struct journal_msg msg = {
		.device = "a", .topic = "t", .payload = "x", .len = 1, .qos = 1
	};
	struct journal_item item;
	bool idle = false;

	journal_append(j, &msg, NULL, &idle);
	CU_ASSERT_TRUE(idle);
	journal_append(j, &msg, NULL, &idle);
	CU_ASSERT_FALSE(idle);
	journal_reader_next(j, &item);
	journal_append(j, &msg, NULL, &idle);
	CU_ASSERT_FALSE(idle);
	read_all(j);
	journal_append(j, &msg, NULL, &idle);
	CU_ASSERT_TRUE(idle);
	journal_close(j);
}

static void full_journal_refuses_then_recovers_after_an_end(void)
{
	struct journal *j = journal_with(2, PLENTY, 100, JOURNAL_REFUSE);
	uint64_t a = 0, b = 0, c = 0;

	CU_ASSERT_EQUAL(put(j, "a", &a), ST_OK);
	CU_ASSERT_EQUAL(put(j, "b", &b), ST_OK);
	CU_ASSERT_EQUAL(put(j, "a", &c), ST_FULL);
	expect_account(j);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	read_all(j);
	CU_ASSERT_EQUAL(put(j, "a", &c), ST_FULL);
	end(j, a, "a", JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(put(j, "a", &c), ST_OK);
	CU_ASSERT(c > b); /* sequence numbers never return */
	CU_ASSERT_EQUAL(queued(j), 2);
	journal_close(j);
}

static void the_byte_bound_refuses_too(void)
{
	struct journal *j = journal_with(1000, 5000, 100, JOURNAL_REFUSE);
	struct journal_counts c;

	CU_ASSERT_EQUAL(put_sized(j, "a", 4000, NULL), ST_OK);
	CU_ASSERT_EQUAL(put_sized(j, "a", 4000, NULL), ST_FULL);
	CU_ASSERT_EQUAL(put_sized(j, "a", 100, NULL), ST_OK);
	journal_counts(j, &c);
	CU_ASSERT(c.queued_bytes >= 4100 && c.queued_bytes <= 4100 + 2 * OVERHEAD_MAX);
	journal_close(j);
}

/* As the uplink does it: so many of the oldest leave. */
static void trim(struct journal *j, uint64_t *oldest)
{
	for (uint64_t n = journal_reader_excess(j); n > 0; n--)
		end(j, (*oldest)++, "a", JOURNAL_DROP_BOUND);
}

static void drop_oldest_always_takes_new_messages_once_the_reader_trims(void)
{
	struct journal *j = journal_with(100, PLENTY, 100, JOURNAL_DROP_OLDEST);
	uint64_t oldest = 0, refused = 0, seq;

	for (int i = 0; i < 1000; i++) {
		if (put(j, "a", &seq) != ST_OK)
			refused++;
		if (i == 0)
			oldest = seq;
		read_all(j);
		trim(j, &oldest);
		CU_ASSERT(queued(j) <= 100);
		expect_account(j);
	}
	CU_ASSERT_EQUAL(refused, 0);
	CU_ASSERT_EQUAL(queued(j), 100);
	journal_close(j);
}

static void drop_oldest_refuses_past_its_slack_while_the_reader_sleeps(void)
{
	struct journal *j = journal_with(100, PLENTY, 100, JOURNAL_DROP_OLDEST);
	uint64_t taken = 0, oldest = 1;

	while (taken < 5000 && put(j, "a", NULL) == ST_OK)
		taken++;
	CU_ASSERT(taken > 1100 && taken <= 1130);
	CU_ASSERT_EQUAL(journal_reader_excess(j), taken - 100);
	read_all(j);
	trim(j, &oldest);
	CU_ASSERT_EQUAL(queued(j), 100);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	journal_close(j);
}

static void a_store_of_few_large_messages_still_drops_the_oldest(void)
{
	struct journal *j = journal_with(1000, 10000, 100, JOURNAL_DROP_OLDEST);
	struct journal_counts c;
	uint64_t oldest = 0, seq = 0;

	for (int i = 0; i < 50; i++) {
		CU_ASSERT_EQUAL(put_sized(j, "a", 8000, &seq), ST_OK);
		if (i == 0)
			oldest = seq;
		read_all(j);
		trim(j, &oldest);
		journal_counts(j, &c);
		CU_ASSERT(c.queued_bytes <= 10000);
	}
	journal_close(j);
}

static void a_message_larger_than_the_store_is_refused_by_both_policies(void)
{
	for (int policy = JOURNAL_DROP_OLDEST; policy <= JOURNAL_REFUSE; policy++) {
		struct journal *j = journal_with(1000, 5000, 100, (enum journal_policy)policy);

		CU_ASSERT_EQUAL(put_sized(j, "a", 5000, NULL), ST_FULL);
		CU_ASSERT_EQUAL(queued(j), 0);
		CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
		journal_close(j);
	}
}

static void one_device_gets_its_share_and_no_more(void)
{
	struct journal *j = journal_with(100, PLENTY, 25, JOURNAL_REFUSE);
	uint64_t first = 0;

	put(j, "loud", &first);
	for (int i = 1; i < 25; i++)
		CU_ASSERT_EQUAL(put(j, "loud", NULL), ST_OK);
	CU_ASSERT_EQUAL(put(j, "loud", NULL), ST_FULL);
	CU_ASSERT_EQUAL(put(j, "quiet", NULL), ST_OK);
	read_all(j);
	end(j, first, "loud", JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(put(j, "loud", NULL), ST_OK);
	CU_ASSERT_FALSE(journal_reader_over_share(j, 1000, 1000)); /* refused at the door */
	journal_close(j);
}

static void a_dropping_reader_is_told_who_is_over_the_share(void)
{
	struct journal *j = journal_with(100, 10000, 25, JOURNAL_DROP_OLDEST);

	CU_ASSERT_FALSE(journal_reader_over_share(j, 25, 2500));
	CU_ASSERT_TRUE(journal_reader_over_share(j, 26, 100));
	CU_ASSERT_TRUE(journal_reader_over_share(j, 2, 2501));
	journal_close(j);
}

static void the_smallest_share_still_holds_one_message(void)
{
	struct journal *j = journal_with(10, 65536, 1, JOURNAL_REFUSE);

	CU_ASSERT_EQUAL(put_sized(j, "a", 8000, NULL), ST_OK);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_FULL);
	CU_ASSERT_EQUAL(put(j, "b", NULL), ST_OK);
	journal_close(j);
	j = journal_with(10, 65536, 1, JOURNAL_DROP_OLDEST);
	CU_ASSERT_FALSE(journal_reader_over_share(j, 1, 8000));
	CU_ASSERT_TRUE(journal_reader_over_share(j, 2, 200));
	journal_close(j);
}

static void an_old_message_that_stays_holds_up_nobody(void)
{
	struct journal *j = journal_with(3, PLENTY, 100, JOURNAL_REFUSE);
	struct journal_item item;
	struct journal_view view;
	uint64_t pinned = 0;
	int many = runner_rounds(MANY);

	put(j, "a", &pinned);
	journal_reader_next(j, &item);
	for (int i = 0; i < many; i++) {
		if (put(j, "b", NULL) != ST_OK || journal_reader_next(j, &item) != ST_OK)
			CU_FAIL_FATAL("the journal is stuck");
		end(j, item.seq, item.device, JOURNAL_DELIVERED);
	}
	CU_ASSERT_EQUAL(queued(j), 1);
	CU_ASSERT_EQUAL(journal_reader_load(j, pinned, NULL, &view), ST_OK);
	CU_ASSERT_STRING_EQUAL(view.topic, "SUBPROD001/lamp-01/event");
	CU_ASSERT_EQUAL(journal_reader_load(j, pinned + 1, NULL, &view), ST_NOTFOUND);
	end(j, pinned, "a", JOURNAL_DROP_POISON);
	CU_ASSERT_EQUAL(queued(j), 0);
	expect_account(j);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	journal_close(j);
}

static void many_messages_leave_in_order_from_either_side(void)
{
	struct journal *j = roomy();
	struct journal_item item;
	uint64_t last = 0;
	int many = runner_rounds(MANY);

	for (int i = 0; i < many; i++) {
		if (put(j, "a", NULL) != ST_OK)
			CU_FAIL_FATAL("refused");
	}
	for (int i = 0; i < many; i++) {
		if (journal_reader_next(j, &item) != ST_OK || item.seq <= last)
			CU_FAIL_FATAL("lost or out of order");
		last = item.seq;
	}
	for (uint64_t seq = last; seq > last - (uint64_t)many; seq--)
		end(j, seq, "a", JOURNAL_DELIVERED);
	CU_ASSERT_EQUAL(queued(j), 0);
	expect_account(j);
	journal_close(j);
}

static void what_is_left_is_freed_with_the_journal(void)
{
	struct journal *j = roomy();

	for (int i = 0; i < 1000; i++)
		put(j, i % 3 ? "a" : "b", NULL);
	journal_close(j); /* the leak checker judges */
	journal_close(NULL);
}

static void a_directory_that_cannot_be_used_is_named_by_errno(void)
{
	const struct journal_limits lim = {
		.max_messages = 10, .max_bytes = 10000, .device_share = 100, .policy = JOURNAL_REFUSE
	};
	struct journal *j = NULL;

	errno = 0;
	CU_ASSERT_EQUAL(journal_open("/nonexistent/journal", &lim, NULL, &j), ST_IO);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(journal_open("/dev/null", &lim, NULL, &j), ST_IO);
	CU_ASSERT_EQUAL(errno, ENOTDIR);
	CU_ASSERT_PTR_NULL(j);
}

static void *append_many(void *arg)
{
	int many = runner_rounds(MANY);

	for (int i = 0; i < many; i++) {
		while (put(arg, i % 2 ? "a" : "b", NULL) != ST_OK)
			sched_yield();
	}
	return NULL;
}

static void nothing_is_lost_between_an_appending_and_a_reading_thread(void)
{
	struct journal *j = journal_with(500, PLENTY, 100, JOURNAL_REFUSE);
	struct journal_counts c;
	struct journal_item item;
	struct journal_view view;
	pthread_t writer;
	uint64_t last = 0;
	int got = 0, wrong = 0, many = runner_rounds(MANY);

	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, append_many, j), 0);
	while (got < many) {
		if (journal_reader_next(j, &item) != ST_OK) {
			sched_yield();
			continue;
		}
		wrong += item.seq <= last || journal_reader_load(j, item.seq, NULL, &view) != ST_OK ||
		         view.len != 16;
		last = item.seq;
		end(j, item.seq, item.device, JOURNAL_DELIVERED);
		got++;
	}
	pthread_join(writer, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	journal_counts(j, &c);
	CU_ASSERT_EQUAL(c.accepted, (uint64_t)many);
	CU_ASSERT_EQUAL(c.ended[JOURNAL_DELIVERED], (uint64_t)many);
	CU_ASSERT_EQUAL(c.queued_bytes, 0);
	journal_close(j);
}

static void set(struct journal *j, uint64_t messages, unsigned share, enum journal_policy policy)
{
	const struct journal_limits lim = {
		.max_messages = messages, .max_bytes = PLENTY, .device_share = share, .policy = policy
	};

	journal_set_limits(j, &lim);
}

static void lowered_bound_makes_the_reader_drop_and_a_raised_one_takes_more(void)
{
	struct journal *j = journal_with(10, PLENTY, 100, JOURNAL_DROP_OLDEST);

	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	read_all(j);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	set(j, 4, 100, JOURNAL_DROP_OLDEST);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 6);
	set(j, 20, 100, JOURNAL_DROP_OLDEST);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	journal_close(j);
}

static void lowered_bound_of_a_refusing_journal_drops_nothing_and_takes_nothing(void)
{
	struct journal *j = journal_with(10, PLENTY, 100, JOURNAL_REFUSE);

	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	set(j, 1, 100, JOURNAL_REFUSE);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_FULL);
	CU_ASSERT_EQUAL(journal_reader_excess(j), 0);
	CU_ASSERT_EQUAL(queued(j), 2);
	set(j, 3, 100, JOURNAL_REFUSE);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	journal_close(j);
}

static void shares_are_known_when_the_policy_comes_to_refuse(void)
{
	struct journal *j = journal_with(100, PLENTY, 100, JOURNAL_DROP_OLDEST);

	for (int i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(put(j, "a", NULL), ST_OK);
	set(j, 100, 10, JOURNAL_REFUSE);
	CU_ASSERT_EQUAL(put(j, "a", NULL), ST_FULL);
	CU_ASSERT_EQUAL(put(j, "b", NULL), ST_OK);
	journal_close(j);
}

static void lowered_byte_bound_counts_at_once(void)
{
	struct journal *j = journal_with(100, PLENTY, 100, JOURNAL_DROP_OLDEST);
	struct journal_limits lim = { 100, 1 << 20, 100, JOURNAL_DROP_OLDEST, 0 };
	struct journal_counts c;

	journal_set_limits(j, &lim);
	journal_counts(j, &c);
	CU_ASSERT_EQUAL(c.bound_bytes, 1 << 20);
	journal_close(j);
}

static void those_who_wait_most_are_told_first(void)
{
	struct journal *j = roomy();
	struct journal_waiting most[3];
	struct journal_item item;
	uint64_t seq, first = 0;
	size_t count = 9;
	char name[16];

	journal_most(j, most, 3, &count);
	CU_ASSERT_EQUAL(count, 0);
	for (int d = 0; d < 6; d++) {
		for (int n = 0; n < (d * 5) % 7 + 1; n++) {
			snprintf(name, sizeof(name), "dev%d", d);
			CU_ASSERT_EQUAL(put(j, name, &seq), ST_OK);
			if (d == 4 && n == 0)
				first = seq;
		}
	}
	while (journal_reader_next(j, &item) == ST_OK)
		;
	CU_ASSERT(journal_most(j, most, 3, &count));
	CU_ASSERT_EQUAL(count, 3);
	CU_ASSERT_STRING_EQUAL(most[0].device, "dev4"); /* 7, 6, 5 of 1, 6, 4, 2, 7, 5 */
	CU_ASSERT_STRING_EQUAL(most[1].device, "dev1");
	CU_ASSERT_STRING_EQUAL(most[2].device, "dev5");
	CU_ASSERT(most[0].messages == 7 && most[1].messages == 6 && most[2].messages == 5);
	for (uint64_t at = first; at < first + 7; at++)
		end(j, at, "dev4", JOURNAL_DELIVERED);
	CU_ASSERT(journal_most(j, most, 3, &count));
	CU_ASSERT_STRING_EQUAL(most[0].device, "dev1");
	journal_close(j);
}

SUITE(journal, TEST(those_who_wait_most_are_told_first),
      TEST(what_is_appended_comes_out_once_in_order_and_unchanged),
      TEST(the_account_holds_after_every_step),
      TEST(only_what_was_handed_out_can_be_loaded_and_ended_and_only_once),
      TEST(the_reader_is_woken_only_when_it_had_caught_up),
      TEST(full_journal_refuses_then_recovers_after_an_end), TEST(the_byte_bound_refuses_too),
      TEST(drop_oldest_always_takes_new_messages_once_the_reader_trims),
      TEST(drop_oldest_refuses_past_its_slack_while_the_reader_sleeps),
      TEST(a_store_of_few_large_messages_still_drops_the_oldest),
      TEST(a_message_larger_than_the_store_is_refused_by_both_policies),
      TEST(one_device_gets_its_share_and_no_more),
      TEST(a_dropping_reader_is_told_who_is_over_the_share),
      TEST(the_smallest_share_still_holds_one_message),
      TEST(an_old_message_that_stays_holds_up_nobody),
      TEST(many_messages_leave_in_order_from_either_side),
      TEST(what_is_left_is_freed_with_the_journal),
      TEST(a_directory_that_cannot_be_used_is_named_by_errno),
      TEST(nothing_is_lost_between_an_appending_and_a_reading_thread),
      TEST(lowered_bound_makes_the_reader_drop_and_a_raised_one_takes_more),
      TEST(lowered_bound_of_a_refusing_journal_drops_nothing_and_takes_nothing),
      TEST(shares_are_known_when_the_policy_comes_to_refuse),
      TEST(lowered_byte_bound_counts_at_once))
