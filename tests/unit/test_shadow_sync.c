#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/shadow/shadow_impl.h"
#include "tests/runner.h"

static const int64_t wall = INT64_C(1600000000000);

struct side { /* one document, its clock, the last request */
	struct shadow_doc *doc;
	int64_t mono_ms;
	struct buf sent;
	struct shadow_effect effect;
};

static struct side opened(void)
{
	struct side s = { .doc = shadow_doc_new(), .mono_ms = 1000, .sent = BUF_MAX(1 << 20) };

	CU_ASSERT_FATAL(s.doc != NULL);
	shadow_sync_ready(s.doc, true);
	return s;
}

static void closed(struct side *s)
{
	shadow_doc_free(s->doc);
	buf_free(&s->sent);
}

static void reports(struct side *s, const char *state)
{
	struct buf text = BUF_MAX(1 << 16), reply = BUF_MAX(SHADOW_REPLY_MAX);

	buf_addf(&text, "{\"type\":\"update\",\"state\":%s}", state);
	CU_ASSERT_EQUAL(shadow_doc_request(s->doc, text.data, text.len, wall, &reply), SHADOW_CHANGED);
	shadow_doc_keep(s->doc);
	buf_free(&text);
	buf_free(&reply);
}

/* What is sent now, "" for nothing. */
static const char *sends(struct side *s)
{
	int64_t due_ms;
	enum shadow_want want = shadow_sync_wants(s->doc, s->mono_ms, &due_ms);

	buf_reset(&s->sent);
	if (want != SHADOW_WANT_NOTHING &&
	    shadow_sync_request(s->doc, want, s->mono_ms, &s->sent) == ST_OK)
		shadow_sync_sent(s->doc, s->mono_ms);
	return buf_text(&s->sent);
}

static void hears_delta(struct side *s, const char *state, int version)
{
	struct buf text = BUF_MAX(1 << 16);

	buf_addf(&text,
	         "{\"payload\":{\"state\":%s,\"timestamp\":1,\"version\":%d},\"type\":\"delta\"}",
	         state, version);
	shadow_sync_message(s->doc, text.data, text.len, wall, s->mono_ms, &s->effect);
	buf_free(&text);
}

/* The document as it comes back after a restart. */
static void restarts(struct side *s)
{
	struct buf stored = BUF_MAX(SHADOW_STORED_MAX);
	struct shadow_doc *back = NULL;

	CU_ASSERT_EQUAL_FATAL(shadow_doc_encode(s->doc, &stored), ST_OK);
	CU_ASSERT_EQUAL_FATAL(shadow_doc_decode(stored.data, stored.len, &back), ST_OK);
	shadow_doc_free(s->doc);
	s->doc = back;
	buf_free(&stored);
}

static void hears(struct side *s, int result, const char *state, int version)
{
	struct buf text = BUF_MAX(1 << 20);

	buf_addf(&text,
	         "{\"clientToken\":\"hubgate-%u\",\"payload\":{\"state\":%s,\"timestamp\":1,"
	         "\"version\":%d},\"result\":%d,\"timestamp\":1,\"type\":\"x\"}",
	         (unsigned)s->doc->token, state, version, result);
	shadow_sync_message(s->doc, text.data, text.len, wall, s->mono_ms, &s->effect);
	buf_free(&text);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void first_of_all_the_hubs_document_is_asked_for(void)
{
	struct side s = opened();

	reports(&s, "{\"reported\":{\"a\":1}}");
	CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	hears(&s, 0, "{\"reported\":{\"b\":2}}", 7);
	CU_ASSERT(s.effect.first && s.effect.changed && !s.effect.delta);
	CU_ASSERT(has(sends(&s), "\"reported\":{\"a\":1}"));
	CU_ASSERT_FALSE(has(buf_text(&s.sent), "null"));
	CU_ASSERT_FALSE(has(buf_text(&s.sent), "version"));
	hears(&s, 0, "{}", 8);
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void updates_of_one_document_keep_a_second_between_them(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", 1);
	for (int i = 0; i < 5; i++)
		reports(&s, "{\"reported\":{\"a\":1}}");
	CU_ASSERT(has(sends(&s), "\"a\":1"));
	hears(&s, 0, "{}", 2);
	reports(&s, "{\"reported\":{\"a\":2}}");
	reports(&s, "{\"reported\":{\"a\":3}}");
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	s.mono_ms += SHADOW_UPDATE_MS;
	CU_ASSERT(has(sends(&s), "\"a\":3"));
	closed(&s);
}

static void clear_names_the_version_and_a_conflict_shows_the_newer_value(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1,\"u\":1}}", 4);
	CU_ASSERT(s.effect.delta);
	reports(&s, "{\"desired\":{\"t\":null,\"u\":null}}");
	CU_ASSERT(has(sends(&s), "\"desired\":{\"t\":null,\"u\":null}},\"version\":4,"));
	/* Meanwhile the application set t anew. */
	hears(&s, 5005, "{\"reported\":{},\"desired\":{\"t\":2,\"u\":1}}", 5);
	CU_ASSERT(s.effect.delta);
	s.mono_ms += SHADOW_UPDATE_MS;
	CU_ASSERT(has(sends(&s), "\"desired\":{\"u\":null}},\"version\":5,"));
	hears(&s, 0, "{}", 6);
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void clear_waits_for_a_look_when_a_change_may_have_been_missed(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", 4);
	reports(&s, "{\"reported\":{\"a\":1}}");
	CU_ASSERT(has(sends(&s), "\"a\":1"));
	reports(&s, "{\"desired\":null}");
	hears(&s, 0, "{}", 6); /* 5 set t anew, and its delta was lost */
	s.mono_ms += SHADOW_UPDATE_MS;
	CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
	s.mono_ms += SHADOW_ANSWER_MS;
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	s.mono_ms += 2000;
	CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
	hears(&s, 0, "{\"reported\":{\"a\":1},\"desired\":{\"t\":2}}", 6);
	CU_ASSERT(s.effect.delta);
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void conflict_without_end_is_left_alone_for_a_minute(void)
{
	struct side s = opened();
	int version = 4;

	sends(&s);
	hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", version);
	reports(&s, "{\"desired\":null}");
	for (int i = 0; i < SHADOW_CONFLICTS_MAX; i++) {
		s.mono_ms += SHADOW_UPDATE_MS;
		CU_ASSERT(has(sends(&s), "version"));
		hears(&s, 5005, "{\"reported\":{},\"desired\":{\"t\":1}}", ++version);
	}
	s.mono_ms += SHADOW_RETRY_MAX_MS - 1;
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	s.mono_ms++;
	CU_ASSERT(has(sends(&s), "version"));
	closed(&s);
}

static void unanswered_update_is_followed_by_a_get_and_old_answers_count_for_nothing(void)
{
	static const char late[] =
		"{\"clientToken\":\"hubgate-2\",\"payload\":{\"state\":{},\"timestamp\":1,\"version\":2},"
		"\"result\":0,\"timestamp\":1,\"type\":\"update\"}";
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", 1);
	reports(&s, "{\"reported\":{\"a\":1}}");
	CU_ASSERT(has(sends(&s), "update"));
	s.mono_ms += SHADOW_ANSWER_MS;
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	s.mono_ms += 2000;
	CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
	shadow_sync_message(s.doc, late, strlen(late), wall, s.mono_ms, &s.effect);
	CU_ASSERT_FALSE(s.effect.changed);
	hears(&s, 0, "{\"reported\":{\"a\":1}}", 2);
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void delta_with_a_gap_or_a_missing_member_is_followed_by_a_get(void)
{
	static const struct {
		const char *state;
		int version;
		bool get;
	} cases[] = {
		{ "{\"t\":1,\"u\":2}", 5, false }, /* the next one, all there */
		{ "{\"t\":1,\"u\":2}", 6, true },  /* one was missed */
		{ "{\"u\":2}", 5, true },          /* t may have been removed */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side s = opened();

		sends(&s);
		hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", 4);
		sends(&s);
		hears_delta(&s, cases[i].state, cases[i].version);
		CU_ASSERT(s.effect.delta);
		CU_ASSERT_EQUAL(has(sends(&s), "get"), cases[i].get);
		/* The same again is old. */
		hears_delta(&s, cases[i].state, cases[i].version);
		CU_ASSERT_FALSE(s.effect.changed);
		closed(&s);
	}
}

static void update_over_the_hubs_limit_is_sent_in_parts(void)
{
	struct side s = opened();
	struct buf big = BUF_MAX(1 << 16);
	unsigned messages = 0;

	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", 1);
	buf_add_text(&big, "{\"reported\":{");
	for (int i = 0; i < 1000; i++)
		buf_addf(&big, "%s\"n%03d\":\"12345\"", i ? "," : "", i);
	buf_add_text(&big, "}}");
	CU_ASSERT(big.len < SHADOW_BYTES_MAX);
	reports(&s, buf_text(&big));
	buf_free(&big);
	/* A document that fits alone need not fit with the envelope around it. */
	for (int version = 2; *sends(&s) && messages < 9; version++) {
		CU_ASSERT(s.sent.len <= SHADOW_BYTES_MAX);
		hears(&s, 0, "{}", version);
		s.mono_ms += SHADOW_UPDATE_MS;
		messages++;
	}
	CU_ASSERT(messages >= 1);
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void hub_without_a_document_gets_ours(void)
{
	struct side s = opened();

	reports(&s, "{\"reported\":{\"a\":1}}");
	sends(&s);
	hears(&s, 5099, "{}", 0);
	CU_ASSERT_EQUAL(s.effect.refused, 5099);
	CU_ASSERT(shadow_doc_synced(s.doc));
	s.mono_ms += SHADOW_RETRY_MAX_MS;
	CU_ASSERT(has(sends(&s), "\"reported\":{\"a\":1}"));
	closed(&s);
}

static void restart_continues_with_what_was_sent_and_not_answered(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", 1);
	reports(&s, "{\"reported\":{\"x\":1}}");
	CU_ASSERT(has(sends(&s), "update")); /* the hub takes it, its answer is lost */
	restarts(&s);
	reports(&s, "{\"reported\":{\"x\":null}}");
	shadow_sync_ready(s.doc, true);
	CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
	hears(&s, 0, "{\"reported\":{\"x\":1}}", 2);
	CU_ASSERT(has(sends(&s), "\"reported\":{\"x\":null}"));
	closed(&s);
}

/* The hub writes doubles anew, with 17 digits. */
static void numbers_that_the_hub_spelled_anew_cost_no_update_and_no_delta(void)
{
	struct side s = opened();
	int version = 1;

	reports(&s, "{\"reported\":{\"f\":23.7,\"l\":[4.14,{\"x\":0.1}]}}");
	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", version);
	CU_ASSERT(has(sends(&s), "\"f\":23.7"));
	hears(&s, 0, "{}", ++version);
	for (int reconnect = 0; reconnect < 3; reconnect++) {
		shadow_sync_ready(s.doc, false);
		shadow_sync_ready(s.doc, true);
		CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
		hears(&s, 0,
		      "{\"desired\":{\"f\":23.699999999999999},\"reported\":{\"f\":23.699999999999999,"
		      "\"l\":[4.1399999999999997,{\"x\":0.10000000000000001}]}}",
		      version);
		CU_ASSERT_EQUAL(s.effect.delta, reconnect == 0); /* it is desired since */
		CU_ASSERT_FALSE(shadow_doc_delta(s.doc, &s.sent));
		CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
		s.mono_ms += SHADOW_UPDATE_MS;
		CU_ASSERT_STRING_EQUAL(sends(&s), "");
	}
	closed(&s);
}

static void integers_that_are_one_double_are_still_two(void)
{
	struct side s = opened();

	reports(&s, "{\"reported\":{\"n\":9007199254740993}}");
	sends(&s);
	hears(&s, 0, "{\"reported\":{\"n\":9007199254740992}}", 1);
	CU_ASSERT(has(sends(&s), "\"n\":9007199254740993"));
	closed(&s);
}

static void what_the_hub_repeats_or_adds_behind_its_text_is_taken(void)
{
	static const char text[] =
		"{\"payload\":{\"state\":{\"t\":1,\"t\":2},\"timestamp\":1,\"version\":0,"
		"\"version\":5},\"type\":\"delta\"}"; /* and its NUL */
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{}}", 4);
	shadow_sync_message(s.doc, text, sizeof text, wall, s.mono_ms, &s.effect);
	CU_ASSERT(s.effect.delta);
	CU_ASSERT(shadow_doc_delta(s.doc, &s.sent));
	CU_ASSERT(has(buf_text(&s.sent), "\"state\":{\"t\":2}"));
	CU_ASSERT_STRING_EQUAL(sends(&s), "");
	closed(&s);
}

static void first_write_at_the_hub_counts_whether_it_makes_version_0_or_1(void)
{
	for (int first = 0; first <= 1; first++) {
		for (int restarted = 0; restarted <= 1; restarted++) {
			struct side s = opened();

			sends(&s);
			hears(&s, 0, "{\"reported\":{}}", 0);
			if (restarted)
				restarts(&s);
			hears_delta(&s, "{\"t\":1}", first);
			CU_ASSERT(s.effect.delta);
			CU_ASSERT_STRING_EQUAL(sends(&s), "");
			if (restarted)
				restarts(&s);
			/* That version is known now, and the next one is the next one. */
			hears_delta(&s, "{\"t\":2}", first);
			CU_ASSERT_FALSE(s.effect.changed);
			hears_delta(&s, "{\"t\":3}", first + 1);
			CU_ASSERT(s.effect.delta);
			CU_ASSERT_STRING_EQUAL(sends(&s), "");
			closed(&s);
		}
	}
}

static void document_that_has_content_at_version_0_is_a_written_one(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", 0);
	CU_ASSERT(s.effect.delta);
	hears_delta(&s, "{\"t\":1}", 0);
	CU_ASSERT_FALSE(s.effect.changed);
	hears_delta(&s, "{\"t\":2}", 2); /* 1 was missed */
	CU_ASSERT(s.effect.delta);
	CU_ASSERT(has(sends(&s), "get"));
	closed(&s);
}

static void first_update_of_ours_may_make_version_0_too(void)
{
	for (int first = 0; first <= 1; first++) {
		struct side s = opened();

		reports(&s, "{\"reported\":{\"a\":1}}");
		sends(&s);
		hears(&s, 0, "{\"reported\":{}}", 0);
		CU_ASSERT(has(sends(&s), "\"a\":1"));
		hears(&s, 0, "{}", first);
		CU_ASSERT_STRING_EQUAL(sends(&s), "");
		hears_delta(&s, "{\"t\":1}", first + 1);
		CU_ASSERT(s.effect.delta);
		CU_ASSERT_STRING_EQUAL(sends(&s), "");
		closed(&s);
	}
}

/* Version 0 in a request asks for no check. */
static void clear_at_version_0_waits_for_a_version_that_guards_it(void)
{
	struct side s = opened();

	sends(&s);
	hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", 0);
	reports(&s, "{\"reported\":{\"t\":1},\"desired\":null}");
	CU_ASSERT(has(sends(&s), "\"state\":{\"reported\":{\"t\":1}}"));
	hears(&s, 0, "{}", 1);
	s.mono_ms += SHADOW_UPDATE_MS;
	CU_ASSERT(has(sends(&s), "\"state\":{\"desired\":{\"t\":null}},\"version\":1,"));
	hears(&s, 0, "{}", 2);
	CU_ASSERT_FALSE(shadow_sync_dirty(s.doc));
	closed(&s);
}

static void clear_alone_at_version_0_has_an_empty_update_before_it(void)
{
	for (int version = 0; version <= 1; version++) {
		struct side s = opened();

		sends(&s);
		hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", 0);
		reports(&s, "{\"desired\":null}");
		CU_ASSERT(has(sends(&s), "\"state\":{\"reported\":{}}"));
		hears(&s, 0, "{}", version);
		s.mono_ms += SHADOW_UPDATE_MS;
		if (version == 0) { /* a look at what was missed; it does not wait for ever */
			CU_ASSERT(has(sends(&s), "\"type\":\"get\""));
			hears(&s, 0, "{\"reported\":{},\"desired\":{\"t\":1}}", version);
		}
		CU_ASSERT(has(sends(&s), "\"state\":{\"desired\":{\"t\":null}},\"version\":"));
		closed(&s);
	}
}

static void documents_stored_before_there_was_the_mark_take_the_first_write(void)
{
	static const char stored[] =
		"{\"v\":1,\"version\":0,\"hub\":%d,\"time\":0,\"uncertain\":false,\"reported\":{},"
		"\"desired\":{},\"local\":{},\"clears\":{},\"acked\":{},\"sent\":{},\"base\":{},"
		"\"stamps\":[]}";

	for (int version = 0; version <= 5; version += 5) {
		struct side s = opened();
		struct buf text = BUF_MAX(1024);

		shadow_doc_free(s.doc);
		buf_addf(&text, stored, version);
		CU_ASSERT_EQUAL_FATAL(shadow_doc_decode(text.data, text.len, &s.doc), ST_OK);
		hears_delta(&s, "{\"t\":1}", version);
		CU_ASSERT_EQUAL(s.effect.delta, version == 0);
		buf_free(&text);
		closed(&s);
	}
}

SUITE(shadow_sync, TEST(first_of_all_the_hubs_document_is_asked_for),
      TEST(updates_of_one_document_keep_a_second_between_them),
      TEST(clear_names_the_version_and_a_conflict_shows_the_newer_value),
      TEST(clear_waits_for_a_look_when_a_change_may_have_been_missed),
      TEST(conflict_without_end_is_left_alone_for_a_minute),
      TEST(unanswered_update_is_followed_by_a_get_and_old_answers_count_for_nothing),
      TEST(delta_with_a_gap_or_a_missing_member_is_followed_by_a_get),
      TEST(update_over_the_hubs_limit_is_sent_in_parts), TEST(hub_without_a_document_gets_ours),
      TEST(restart_continues_with_what_was_sent_and_not_answered),
      TEST(numbers_that_the_hub_spelled_anew_cost_no_update_and_no_delta),
      TEST(integers_that_are_one_double_are_still_two),
      TEST(what_the_hub_repeats_or_adds_behind_its_text_is_taken),
      TEST(first_write_at_the_hub_counts_whether_it_makes_version_0_or_1),
      TEST(document_that_has_content_at_version_0_is_a_written_one),
      TEST(first_update_of_ours_may_make_version_0_too),
      TEST(clear_at_version_0_waits_for_a_version_that_guards_it),
      TEST(clear_alone_at_version_0_has_an_empty_update_before_it),
      TEST(documents_stored_before_there_was_the_mark_take_the_first_write))
