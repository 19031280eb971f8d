/* One subdevice as a stated machine: its table, and what a notification voids. */
#include "core/hub/subdev_state.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

enum {
	ANSWER_MS = 10000,
	DOC_MAX = 16384,
};

/* A machine, its world, and what came of the last event. */
struct bench {
	struct subdev_state s;
	struct subdev_world w;
	struct subdev_effect fx;
	int64_t now_ms;
};

static void take(struct bench *b, struct subdev_event e)
{
	subdev_take(&b->s, &b->w, &e, b->now_ms, &b->fx);
}

static void happens(struct bench *b, enum subdev_input kind)
{
	take(b, (struct subdev_event){ .kind = kind });
}

static void asked(struct bench *b, enum gateway_op op)
{
	take(b, (struct subdev_event){ .kind = SUBDEV_IN_ASKED, .op = op });
}

static void sent(struct bench *b, enum gateway_op op)
{
	CU_ASSERT_EQUAL(subdev_next(&b->s, &b->w), op);
	CU_ASSERT(subdev_due(&b->s, &b->w) <= b->now_ms);
	take(b, (struct subdev_event){ .kind = SUBDEV_IN_SENT, .op = op });
	CU_ASSERT_EQUAL(subdev_next(&b->s, &b->w), GATEWAY_UNKNOWN);
	CU_ASSERT_EQUAL(subdev_due(&b->s, &b->w), b->now_ms + ANSWER_MS);
}

static void replied(struct bench *b, enum gateway_op op, int64_t code)
{
	take(b, (struct subdev_event){
				.kind = SUBDEV_IN_REPLY, .op = op, .has_code = true, .code = code });
}

static void linked(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->now_ms = 1000;
	b->w = (struct subdev_world){ .phase = PHASE_READY, .answer_ms = ANSWER_MS, .random = 7 };
	subdev_init(&b->s, false);
	happens(b, SUBDEV_IN_LINK_UP);
}

static void present(struct bench *b)
{
	linked(b);
	happens(b, SUBDEV_IN_PRESENT);
}

static void online(struct bench *b)
{
	present(b);
	sent(b, GATEWAY_ONLINE);
	replied(b, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(b->s.known.confirmed, SUBDEV_ONLINE);
}

/* --- the table --- */

static void exactly_the_moves_of_the_matrix_are_legal(void)
{
	/* from (row) to (column), in the order of SUBDEV_BINDINGS: unknown, bound, bound by us,
	 * unbound, bind may help, refused, barred; of a device that is shown and confirmed offline */
	static const char *const matrix[] = { "xxxxx.x", ".xxxx.x", ".xx..xx", ".xxxxxx",
		                                  ".xxxxxx", ".xxxxxx", ".xx...x" };

	for (size_t from = 0; from < strlen(matrix[0]); from++) {
		for (size_t to = 0; to < strlen(matrix[0]); to++) {
			struct subdev_known a = { .binding = (enum subdev_binding)from,
				                      .confirmed = SUBDEV_OFFLINE };
			struct subdev_known b = a;

			b.binding = (enum subdev_binding)to;
			CU_ASSERT_EQUAL(subdev_move_legal(a, b), matrix[from][to] == 'x');
		}
	}
}

static void nothing_comes_online_without_being_bound(void)
{
	for (int binding = BINDING_UNKNOWN; binding <= BINDING_BARRED; binding++) {
		struct subdev_known from = { .binding = (enum subdev_binding)binding };
		struct subdev_known to = { from.binding, SHOWN_ONLINE, SUBDEV_ONLINE };

		CU_ASSERT_EQUAL(subdev_move_legal(from, to), binding == BINDING_BOUND);
		to.binding = BINDING_BOUND;
		CU_ASSERT(subdev_move_legal(from, to));
	}
}

static void values_outside_the_table_are_never_legal(void)
{
	struct subdev_known good = { 0 }, bad = { .binding = (enum subdev_binding)99 };

	CU_ASSERT_FALSE(subdev_move_legal(good, bad));
	CU_ASSERT_FALSE(subdev_move_legal(bad, good));
	CU_ASSERT_FALSE(subdev_move_legal(bad, bad));
}

static void table_of_the_document_is_the_tables_own(void)
{
	struct buf text = BUF_MAX(DOC_MAX);
	static char doc[DOC_MAX];
	FILE *f = fopen("docs/subdevice.md", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	doc[fread(doc, 1, sizeof(doc) - 1, f)] = '\0';
	fclose(f);
	CU_ASSERT_EQUAL(subdev_moves_print(&text), ST_OK);
	CU_ASSERT_EQUAL(buf_add(&text, "", 1), ST_OK);
	if (!strstr(doc, (const char *)text.data)) {
		CU_FAIL("docs/subdevice.md does not have this table");
		printf("%s", (const char *)text.data);
	}
	buf_free(&text);
}

/* --- a notification voids what was asked before it --- */

static void online_under_way_when_the_unbind_was_told_does_not_make_it_online(void)
{
	struct bench b;

	present(&b);
	sent(&b, GATEWAY_ONLINE);
	happens(&b, SUBDEV_IN_UNBOUND);
	CU_ASSERT_EQUAL(b.s.request.op, GATEWAY_ONLINE); /* the wait goes on */
	replied(&b, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_OFFLINE);
	CU_ASSERT_EQUAL(b.s.known.shown, SHOWN_MAYBE); /* the next connection makes sure */
	CU_ASSERT_EQUAL(b.s.known.binding, BINDING_BARRED);
	CU_ASSERT_EQUAL(b.s.request.op, GATEWAY_UNKNOWN);
	CU_ASSERT_EQUAL(subdev_due(&b.s, &b.w), INT64_MAX);
}

static void refusal_under_way_when_the_bind_was_told_is_asked_again_at_once(void)
{
	struct bench b;

	present(&b);
	sent(&b, GATEWAY_ONLINE);
	happens(&b, SUBDEV_IN_BOUND);
	replied(&b, GATEWAY_ONLINE, -1);
	CU_ASSERT_EQUAL(b.s.known.binding, BINDING_BOUND);
	CU_ASSERT_EQUAL(b.fx.news, SUBDEV_NOTHING);
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_ONLINE);
}

static void late_reply_to_what_was_given_up_before_a_notification_counts_for_nothing(void)
{
	struct bench b;

	present(&b);
	sent(&b, GATEWAY_ONLINE);
	happens(&b, SUBDEV_IN_SILENCE);
	happens(&b, SUBDEV_IN_UNBOUND);
	replied(&b, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_OFFLINE);
	replied(&b, GATEWAY_ONLINE, 0); /* that was the one: another is believed */
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_ONLINE);
}

static void program_that_asked_online_gets_the_truth_after_the_notification(void)
{
	struct bench b;

	linked(&b);
	asked(&b, GATEWAY_ONLINE);
	sent(&b, GATEWAY_ONLINE);
	happens(&b, SUBDEV_IN_UNBOUND);
	replied(&b, GATEWAY_ONLINE, 0);
	CU_ASSERT_EQUAL(b.fx.answered, 0);
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, -1);
	CU_ASSERT_EQUAL(b.fx.answered, 1u << GATEWAY_ONLINE);
	CU_ASSERT_EQUAL(b.fx.answer, -1);
}

static void program_that_asks_while_unbound_is_heard(void)
{
	struct bench b;

	linked(&b);
	asked(&b, GATEWAY_ONLINE);
	happens(&b, SUBDEV_IN_UNBOUND); /* before its turn came */
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, -1);
	CU_ASSERT_EQUAL(b.fx.answer, -1);
}

static void notification_of_the_requests_own_effect_does_not_void_it(void)
{
	static const struct {
		enum gateway_op op;
		enum subdev_input told;
		enum subdev_binding binding;
	} rows[] = {
		{ GATEWAY_BIND, SUBDEV_IN_BOUND, BINDING_BOUND },
		{ GATEWAY_UNBIND, SUBDEV_IN_UNBOUND, BINDING_BARRED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench b;

		linked(&b);
		asked(&b, rows[i].op);
		sent(&b, rows[i].op);
		happens(&b, rows[i].told);
		replied(&b, rows[i].op, 0);
		CU_ASSERT_EQUAL(b.fx.answered, 1u << rows[i].op);
		CU_ASSERT_EQUAL(b.fx.answer, 0);
		CU_ASSERT_EQUAL(b.s.known.binding, rows[i].binding);
	}
}

static void programs_unbind_is_not_repeated_when_a_bind_was_told_and_online_says_what_is_true(void)
{
	struct bench b;

	online(&b);
	asked(&b, GATEWAY_UNBIND);
	sent(&b, GATEWAY_UNBIND);
	happens(&b, SUBDEV_IN_BOUND);
	replied(&b, GATEWAY_UNBIND, 0);
	CU_ASSERT_EQUAL(b.fx.answered, 1u << GATEWAY_UNBIND);
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_UNKNOWN);
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, -1);
	CU_ASSERT_EQUAL(b.s.known.confirmed, SUBDEV_OFFLINE);
}

/* --- what is under way --- */

static void reply_without_a_result_ends_the_wait_and_is_not_asked_again_before_its_time(void)
{
	struct bench b;

	present(&b);
	sent(&b, GATEWAY_ONLINE);
	take(&b, (struct subdev_event){ .kind = SUBDEV_IN_REPLY, .op = GATEWAY_ONLINE });
	CU_ASSERT_EQUAL(subdev_next(&b.s, &b.w), GATEWAY_ONLINE);
	CU_ASSERT_EQUAL(subdev_due(&b.s, &b.w), b.now_ms + ANSWER_MS);
}

/* A device that registers: it was refused before its secret came. */
static void key_that_comes_after_the_refusal_is_tried_at_once(void)
{
	struct bench b;

	for (int stranger = 0; stranger < 2; stranger++) {
		present(&b);
		b.w.binds = true;
		if (stranger)
			happens(&b, SUBDEV_IN_UNPROVEN);
		sent(&b, GATEWAY_ONLINE);
		replied(&b, GATEWAY_ONLINE, -1);
		CU_ASSERT(subdev_due(&b.s, &b.w) > b.now_ms);
		happens(&b, SUBDEV_IN_PROVEN);
		take(&b, (struct subdev_event){ .kind = SUBDEV_IN_KEYS, .keys = 1 });
		sent(&b, GATEWAY_BIND);
		replied(&b, GATEWAY_BIND, 0);
		sent(&b, GATEWAY_ONLINE);
	}
}

static void own_bind_is_not_taken_for_that_of_a_program_that_asked_meanwhile(void)
{
	struct bench b;

	present(&b);
	b.w.binds = true;
	take(&b, (struct subdev_event){ .kind = SUBDEV_IN_KEYS, .keys = 1 });
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, -1);
	sent(&b, GATEWAY_BIND);
	asked(&b, GATEWAY_BIND);
	replied(&b, GATEWAY_BIND, 0);
	CU_ASSERT_EQUAL(b.fx.answered, 0);
	CU_ASSERT_EQUAL(b.fx.news, SUBDEV_BOUND_IT);
	sent(&b, GATEWAY_BIND);
	replied(&b, GATEWAY_BIND, 809);
	CU_ASSERT_EQUAL(b.fx.answer, 809);
}

/* The pause after a refusal: so long, with up to half of it on top. */
static void refused_for(struct bench *b, int64_t least_ms)
{
	sent(b, GATEWAY_ONLINE);
	replied(b, GATEWAY_ONLINE, -1);
	CU_ASSERT(b->s.due_ms - b->now_ms >= least_ms);
	CU_ASSERT(b->s.due_ms - b->now_ms <= least_ms + least_ms / 2);
}

static void a_name_that_nobody_says_is_ours_is_asked_for_ever_more_seldom(void)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct bench b;

	linked(&b);
	happens(&b, SUBDEV_IN_UNPROVEN);
	happens(&b, SUBDEV_IN_PRESENT);
	for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
		refused_for(&b, minutes[i] * 60000);
		b.now_ms = b.s.due_ms;
	}
}

static void neither_a_link_nor_coming_back_shortens_what_a_refused_name_waits(void)
{
	struct bench b;
	int64_t due_ms;

	linked(&b);
	happens(&b, SUBDEV_IN_UNPROVEN);
	happens(&b, SUBDEV_IN_PRESENT);
	refused_for(&b, 60000);
	due_ms = b.s.due_ms;
	happens(&b, SUBDEV_IN_ABSENT);
	happens(&b, SUBDEV_IN_PRESENT);
	happens(&b, SUBDEV_IN_LINK_DOWN);
	happens(&b, SUBDEV_IN_LINK_UP);
	CU_ASSERT_EQUAL(b.s.due_ms, due_ms);
	happens(&b, SUBDEV_IN_LISTED);
	sent(&b, GATEWAY_ONLINE); /* the hub's word counts at once */
}

static void a_name_that_is_proven_is_asked_for_at_once(void)
{
	struct bench b;

	linked(&b);
	happens(&b, SUBDEV_IN_UNPROVEN);
	happens(&b, SUBDEV_IN_PRESENT);
	refused_for(&b, 60000);
	happens(&b, SUBDEV_IN_PROVEN);
	sent(&b, GATEWAY_ONLINE);
	replied(&b, GATEWAY_ONLINE, -1);
	happens(&b, SUBDEV_IN_LINK_DOWN);
	happens(&b, SUBDEV_IN_LINK_UP);
	sent(&b, GATEWAY_ONLINE);
}

SUITE(subdev_state, TEST(a_name_that_nobody_says_is_ours_is_asked_for_ever_more_seldom),
      TEST(neither_a_link_nor_coming_back_shortens_what_a_refused_name_waits),
      TEST(a_name_that_is_proven_is_asked_for_at_once),
      TEST(exactly_the_moves_of_the_matrix_are_legal),
      TEST(key_that_comes_after_the_refusal_is_tried_at_once),
      TEST(nothing_comes_online_without_being_bound),
      TEST(values_outside_the_table_are_never_legal), TEST(table_of_the_document_is_the_tables_own),
      TEST(online_under_way_when_the_unbind_was_told_does_not_make_it_online),
      TEST(refusal_under_way_when_the_bind_was_told_is_asked_again_at_once),
      TEST(late_reply_to_what_was_given_up_before_a_notification_counts_for_nothing),
      TEST(program_that_asked_online_gets_the_truth_after_the_notification),
      TEST(program_that_asks_while_unbound_is_heard),
      TEST(notification_of_the_requests_own_effect_does_not_void_it),
      TEST(programs_unbind_is_not_repeated_when_a_bind_was_told_and_online_says_what_is_true),
      TEST(reply_without_a_result_ends_the_wait_and_is_not_asked_again_before_its_time),
      TEST(own_bind_is_not_taken_for_that_of_a_program_that_asked_meanwhile))
