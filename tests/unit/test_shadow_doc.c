#include <stdlib.h>
#include <string.h>

#include "core/shadow/shadow_doc.h"
#include "core/shadow/shadow_impl.h"
#include "tests/runner.h"

static const int64_t now = INT64_C(1626771521739);

struct shadow {
	struct shadow_doc *doc;
	struct buf reply;
};

static struct shadow opened(void)
{
	struct shadow s = { .doc = shadow_doc_new(), .reply = BUF_MAX(SHADOW_REPLY_MAX) };

	CU_ASSERT_FATAL(s.doc != NULL);
	return s;
}

static void closed(struct shadow *s)
{
	shadow_doc_free(s->doc);
	buf_free(&s->reply);
}

/* The answer to a request, "" for none. Changes are kept. */
static const char *ask_at(struct shadow *s, const char *text, int64_t now_ms)
{
	buf_reset(&s->reply);
	if (shadow_doc_request(s->doc, text, strlen(text), now_ms, &s->reply) == SHADOW_SILENT)
		CU_ASSERT_EQUAL(s->reply.len, 0);
	shadow_doc_keep(s->doc);
	return buf_text(&s->reply);
}

static const char *ask(struct shadow *s, const char *text)
{
	return ask_at(s, text, now);
}

static const char *app(struct shadow *s, const char *text)
{
	buf_reset(&s->reply);
	shadow_doc_app_request(s->doc, text, strlen(text), now, &s->reply);
	shadow_doc_keep(s->doc);
	return buf_text(&s->reply);
}

static const char *delta(struct shadow *s)
{
	buf_reset(&s->reply);
	shadow_doc_delta(s->doc, &s->reply);
	return buf_text(&s->reply);
}

#define SAYS(text, expected) CU_ASSERT_STRING_EQUAL(text, expected)
#define HAS(text, part)      CU_ASSERT_PTR_NOT_NULL(strstr(text, part))

/* The document as a hub with version `version` gives it. */
static void sync(struct shadow *s, const char *state, int version)
{
	struct shadow_effect effect;
	struct buf text = BUF_MAX(SHADOW_REPLY_MAX);

	shadow_sync_ready(s->doc, true);
	CU_ASSERT_EQUAL_FATAL(shadow_sync_request(s->doc, SHADOW_WANT_GET, 0, &text), ST_OK);
	buf_reset(&text);
	buf_addf(&text,
	         "{\"clientToken\":\"hubgate-%u\",\"payload\":{\"state\":%s,\"timestamp\":%lld,"
	         "\"version\":%d},\"result\":0,\"timestamp\":1514967076,\"type\":\"get\"}\n",
	         (unsigned)s->doc->token, state, 1514967076000LL, version);
	shadow_sync_message(s->doc, text.data, text.len, INT64_C(1514967076000), 0, &effect);
	CU_ASSERT(effect.changed);
	buf_free(&text);
}

/* --- get: the examples of docs/protocol/shadow.md 3 --- */

static void empty_document_is_answered_as_the_hub_does(void)
{
	struct shadow s = opened();

	SAYS(ask_at(&s, "{\"type\":\"get\",\"clientToken\":\"S3EUVBRJLB-0\"}", INT64_C(1568695800123)),
	     "{\"clientToken\":\"S3EUVBRJLB-0\",\"payload\":{\"state\":{\"reported\":{}},\"timestamp\":"
	     "1568695800,\"version\":0},\"result\":0,\"timestamp\":1568695800,\"type\":\"get\"}");
	closed(&s);
}

static void reported_alone_shows_neither_desired_nor_delta(void)
{
	struct shadow s = opened();

	for (int i = 1; i <= 5; i++)
		ask_at(&s,
		       i < 5 ? "{\"type\":\"update\",\"state\":{\"reported\":{\"updateCount\":1}}}"
		             : "{\"type\":\"update\",\"state\":{\"reported\":{\"updateCount\":5}}}",
		       INT64_C(1568696289949));
	SAYS(ask_at(&s, "{\"type\":\"get\",\"clientToken\":\"S3EUVBRJLB-0\"}", INT64_C(1568696341000)),
	     "{\"clientToken\":\"S3EUVBRJLB-0\",\"payload\":{\"state\":{\"reported\":{\"updateCount\":"
	     "5}},\"timestamp\":1568696289949,\"version\":5},\"result\":0,\"timestamp\":1568696341,"
	     "\"type\":\"get\"}");
	closed(&s);
}

static void get_with_desired_and_metadata_is_the_published_one(void)
{
	struct shadow s = opened();

	ask_at(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"energyConsumption\":0.0}}}",
	       INT64_C(1515674881485));
	sync(&s, "{\"reported\":{\"energyConsumption\":0.0}}", 3);
	CU_ASSERT_EQUAL(shadow_doc_version(s.doc), 3);
	app(&s, "{\"type\":\"update\",\"state\":{\"desired\":{\"temperatureDesire\":10}}}");
	s.doc->now.version = 5;
	s.doc->now.timestamp_ms = INT64_C(1515675847609);
	cJSON_GetObjectItem(s.doc->now.tree[SHADOW_TREE_local], "temperatureDesire")->valuedouble =
		1515675847609.0;
	SAYS(ask_at(&s, "{\"type\":\"get\",\"metadata\":true,\"clientToken\":\"EJSKHKIS1M-0\"}",
	            INT64_C(1515675871000)),
	     "{\"clientToken\":\"EJSKHKIS1M-0\",\"payload\":{\"metadata\":{\"delta\":{"
	     "\"temperatureDesire\":{\"timestamp\":1515675847609}},\"desired\":{\"temperatureDesire\":{"
	     "\"timestamp\":1515675847609}},\"reported\":{\"energyConsumption\":{\"timestamp\":"
	     "1515674881485}}},\"state\":{\"delta\":{\"temperatureDesire\":10},\"desired\":{"
	     "\"temperatureDesire\":10},\"reported\":{\"energyConsumption\":0.0}},\"timestamp\":"
	     "1515675847609,\"version\":5},\"result\":0,\"timestamp\":1515675871,\"type\":\"get\"}");
	closed(&s);
}

static void delta_holds_what_differs_by_value_and_nothing_else(void)
{
	struct shadow s = opened();

	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1.0,\"o\":{\"x\":1,\"y\":2},\"l\":"
	        "[1,2]}}}");
	sync(&s, "{\"reported\":{},\"desired\":{\"a\":1,\"o\":{\"x\":1,\"y\":3},\"l\":[1,2],\"n\":0}}",
	     9);
	HAS(delta(&s), "\"state\":{\"o\":{\"y\":3},\"n\":0}");
	HAS(ask(&s, "{\"type\":\"get\",\"clientToken\":\"t\"}"),
	    "\"state\":{\"delta\":{\"o\":{\"y\":3},"
	    "\"n\":0},\"desired\":{\"a\":1,");
	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"o\":{\"y\":3},\"n\":0.0}}}");
	SAYS(delta(&s), "");
	HAS(ask(&s, "{\"type\":\"get\",\"clientToken\":\"t\"}"), "\"state\":{\"desired\":{");
	closed(&s);
}

/* --- update --- */

static void update_replies_with_what_changed_only_and_always_counts(void)
{
	struct shadow s = opened();

	ask(&s,
	    "{\"type\":\"update\",\"state\":{\"reported\":{\"updateCount\":0,\"updateCount12\":4}}}");
	s.doc->now.version = 20;
	SAYS(
		ask(&s, "{\"type\":\"update\", \"state\":{\"reported\":{\"updateCount\":1,"
	            "\"updateCount12\":4}}, \"clientToken\":\"XXXXXXXXXX-0\"}"),
		"{\"clientToken\":\"XXXXXXXXXX-0\",\"payload\":{\"state\":{\"reported\":{\"updateCount\":1}},"
		"\"timestamp\":1626771521739,\"version\":21},\"result\":0,\"timestamp\":1626771521739,"
		"\"type\":\"update\"}");
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"updateCount\":1}}}"),
	    "\"state\":{\"reported\":{}},\"timestamp\":1626771521739,\"version\":22");
	closed(&s);
}

static void null_deletes_an_attribute_and_the_reply_says_so(void)
{
	struct shadow s = opened();

	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1,\"o\":{\"x\":1,\"y\":2}}}}");
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":null,\"o\":{\"x\":null},"
	            "\"gone\":null}}}"),
	    "\"reported\":{\"a\":null,\"o\":{\"x\":null}}}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"state\":{\"reported\":{\"o\":{\"y\":2}}}");
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":null}}"), "\"reported\":null}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"state\":{\"reported\":{}}");
	closed(&s);
}

static void overwrite_replaces_the_whole_section(void)
{
	struct shadow s = opened();

	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1,\"b\":2}}}");
	HAS(ask(&s, "{\"type\":\"update\",\"overwriteUpdate\":true,\"state\":{\"reported\":{\"b\":2,"
	            "\"c\":3}}}"),
	    "\"state\":{\"reported\":{\"c\":3,\"a\":null}}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"state\":{\"reported\":{\"b\":2,\"c\":3}}");
	closed(&s);
}

static void desired_is_cleared_by_null_by_member_and_by_the_empty_text(void)
{
	static const char *const clears[] = {
		"{\"type\":\"update\",\"state\":{\"desired\":null},\"clientToken\":\"x-2\"}",
		"{\"type\":\"update\",\"state\":{\"desired\":\"\"},\"clientToken\":\"x-2\"}",
	};
	struct shadow s;

	for (size_t i = 0; i < 2; i++) {
		s = opened();
		sync(&s, "{\"reported\":{},\"desired\":{\"t\":25,\"u\":1}}", 2);
		HAS(ask(&s, clears[i]), "\"payload\":{\"state\":{\"desired\":null},");
		HAS(ask(&s, "{\"type\":\"get\"}"), "\"state\":{\"reported\":{}}");
		closed(&s);
	}
	s = opened();
	sync(&s, "{\"reported\":{},\"desired\":{\"t\":25,\"u\":1}}", 2);
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":null}}}"),
	    "\"state\":{\"desired\":{\"t\":null}}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"delta\":{\"u\":1},\"desired\":{\"u\":1}");
	closed(&s);
}

static void another_version_is_refused_with_the_whole_document(void)
{
	struct shadow s = opened();

	ask_at(&s,
	       "{\"type\":\"update\",\"state\":{\"reported\":{\"mode\":\"cool\",\"temperature\":27}}}",
	       INT64_C(1514967066000));
	s.doc->now.version = 2;
	SAYS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"temperature\":1}},\"version\":1,"
	             "\"clientToken\":\"x-1\"}"),
	     "{\"clientToken\":\"x-1\",\"payload\":{\"state\":{\"reported\":{\"mode\":\"cool\","
	     "\"temperature\":27}},\"timestamp\":1514967066000,\"version\":2},\"result\":5005,"
	     "\"timestamp\":1514967066000,\"type\":\"update\"}");
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1}},\"version\":2}"),
	    "\"version\":3},\"result\":0");
	HAS(ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1}},\"version\":0}"),
	    "\"version\":4},\"result\":0");
	closed(&s);
}

static void delta_message_is_the_published_one(void)
{
	struct shadow s = opened();

	sync(&s, "{\"reported\":{},\"desired\":{\"temperature\":25}}", 2);
	CU_ASSERT_EQUAL(shadow_doc_version(s.doc), 3);
	SAYS(delta(&s), "{\"payload\":{\"state\":{\"temperature\":25},\"timestamp\":1514967076000,"
	                "\"version\":3},\"timestamp\":1514967076000,\"type\":\"delta\"}");
	closed(&s);
}

static void numbers_keep_their_spelling(void)
{
	struct shadow s = opened();
	static const char update[] = "{\"type\":\"update\",\"state\":{\"reported\":{\"f\":0.0,\"i\":"
								 "9007199254740993,\"e\":1E+2,\"n\":-0}}}";

	HAS(ask(&s, update), "{\"f\":0.0,\"i\":9007199254740993,\"e\":1E+2,\"n\":-0}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "{\"f\":0.0,\"i\":9007199254740993,\"e\":1E+2,\"n\":-0}");
	closed(&s);
}

/* --- refusals --- */

static void faults_have_their_codes_and_change_nothing(void)
{
	static const struct {
		const char *request, *part;
	} cases[] = {
		{ "{\"clientToken\":\"t\"}", "\"result\":5001" },
		{ "{\"type\":\"delete\",\"clientToken\":\"t\"}", "\"result\":5001" },
		{ "{\"type\":\"update\",\"clientToken\":\"t\"}", "\"result\":5001" },
		{ "{\"type\":\"update\",\"state\":{},\"clientToken\":\"t\"}", "\"result\":5001" },
		{ "{\"type\":\"update\",\"state\":{\"reported\":5}}", "\"result\":5002" },
		{ "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":[1,null]}}}", "\"result\":5002" },
		{ "{\"type\":\"update\",\"state\":{\"reported\":{\"\":1}}}", "\"result\":5002" },
		{ "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":1}}"
		  "}}}}}}",
		  "\"result\":5003" },
	};
	struct shadow s = opened();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *reply = ask(&s, cases[i].request);

		HAS(reply, cases[i].part);
		HAS(reply, "\"payload\":{\"state\":{\"reported\":{}},");
		HAS(reply, "\"version\":0}");
	}
	HAS(ask(&s,
	        "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}"
	        "}}}}}"),
	    "\"result\":0");
	closed(&s);
}

static void document_over_16384_bytes_is_refused(void)
{
	struct shadow s = opened();
	char *text = malloc(20000), *value = malloc(9000);

	memset(value, 'x', 8500);
	value[8500] = '\0';
	snprintf(text, 20000, "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":\"%s\"}}}", value);
	HAS(ask(&s, text), "\"result\":0");
	snprintf(text, 20000, "{\"type\":\"update\",\"state\":{\"reported\":{\"b\":\"%s\"}}}", value);
	HAS(ask(&s, text), "\"result\":5004");
	CU_ASSERT_EQUAL(shadow_doc_version(s.doc), 1);
	HAS(ask(&s, "{\"type\":\"get\"}"), "{\"a\":\"xxx");
	free(text);
	free(value);
	closed(&s);
}

static void what_is_no_json_object_gets_no_answer(void)
{
	static const char *const texts[] = {
		"", "x", "5", "[]", "{\"type\":\"get\"", "{\"a\":\"b\"c\"}"
	};
	struct shadow s = opened();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		SAYS(ask(&s, texts[i]), "");
	closed(&s);
}

static void repeated_names_and_a_stray_byte_behind_are_taken(void)
{
	static const char update[] =
		"{\"type\":\"get\",\"type\":\"update\",\"state\":{\"reported\":{\"a\":1,"
		"\"b\":1,\"a\":{\"c\":1,\"c\":2}}}}";
	static const char strays[] = { '\0', '\r', '\n', 0x1A };

	for (size_t i = 0; i < sizeof strays; i++) {
		struct shadow s = opened();
		char text[sizeof update];

		memcpy(text, update, sizeof update);
		text[sizeof update - 1] = strays[i];
		CU_ASSERT_EQUAL(shadow_doc_request(s.doc, text, sizeof text, now, &s.reply),
		                SHADOW_CHANGED);
		shadow_doc_keep(s.doc);
		HAS(ask(&s, "{\"type\":\"get\"}"), "\"reported\":{\"b\":1,\"a\":{\"c\":2}}}");
		closed(&s);
	}
}

/* Many attributes in changing orders, against a plain list of what they must be. */
static void thousand_attributes_are_merged_in_any_order(void)
{
	enum {
		ATTRIBUTES = 600,
		ROUNDS = 12
	};
	struct shadow s = opened();
	int value[ATTRIBUTES] = { 0 };
	struct buf text = BUF_MAX(1 << 16);
	uint32_t random = 7;

	for (int round = 1; round <= ROUNDS; round++) {
		buf_reset(&text);
		buf_add_text(&text, "{\"type\":\"update\",\"state\":{\"reported\":{");
		for (int i = 0, first = 1; i < ATTRIBUTES; i++) {
			int k = (i * 7 * round + round) % ATTRIBUTES;

			random = random * 1103515245 + 12345;
			if (value[k] < 0) /* was named in this round */
				continue;
			value[k] = random >> 16 & 3 ? round : 0;
			buf_addf(&text, value[k] ? "%s\"n%d\":%d" : "%s\"n%d\":null", first ? "" : ",", k,
			         round);
			value[k] = -value[k] - 1;
			first = 0;
		}
		for (int k = 0; k < ATTRIBUTES; k++)
			value[k] = value[k] < 0 ? -value[k] - 1 : value[k];
		buf_add_text(&text, "}}}");
		HAS(ask(&s, buf_text(&text)), "\"result\":0");
		for (int k = 0; k < ATTRIBUTES; k++) {
			char name[16];
			const cJSON *m;

			snprintf(name, sizeof name, "n%d", k);
			m = cJSON_GetObjectItemCaseSensitive(s.doc->now.tree[SHADOW_TREE_reported], name);
			if (value[k] ? !m || atoi(m->valuestring) != value[k] : m != NULL)
				CU_FAIL(name);
		}
	}
	buf_free(&text);
	closed(&s);
}

static void add_attributes(struct buf *text, const char *name, int count)
{
	buf_addf(text, "\"%s\":{", name);
	for (int i = 0; i < count; i++)
		buf_addf(text, "%s\"%04x\":%d", i ? "," : "", i, i % 10);
	buf_add_text(text, "}");
}

static size_t times(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static void metadata_of_1600_attributes_is_answered(void)
{
	struct shadow s = opened();
	struct buf text = BUF_MAX(1 << 16);

	buf_add_text(&text, "{\"type\":\"update\",\"metadata\":true,\"state\":{");
	add_attributes(&text, "reported", 1600);
	buf_add_text(&text, "}}");
	CU_ASSERT(text.len < SHADOW_BYTES_MAX);
	CU_ASSERT_EQUAL(times(ask(&s, buf_text(&text)), "{\"timestamp\":1626771521739}"), 1600);
	HAS(ask(&s, "{\"type\":\"get\",\"metadata\":true}"), "\"063f\":9}},\"timestamp\":");
	CU_ASSERT_EQUAL(times(buf_text(&s.reply), "{\"timestamp\":1626771521739}"), 1600);
	buf_free(&text);
	closed(&s);
}

/* Documents as full as they can be, at the hub even fuller, with everything shown twice. */
static void metadata_of_the_fullest_document_is_answered(void)
{
	struct shadow s = opened();
	struct buf text = BUF_MAX(1 << 17);

	buf_add_text(&text, "{");
	add_attributes(&text, "desired", 7200);
	buf_add_text(&text, ",\"reported\":{}}");
	CU_ASSERT(text.len > 64000);
	sync(&s, buf_text(&text), 2);
	HAS(ask(&s, "{\"type\":\"get\",\"metadata\":true}"), "\"result\":0");
	CU_ASSERT_EQUAL(times(buf_text(&s.reply), "{\"timestamp\":1514967076000}"), 14400);
	buf_free(&text);
	closed(&s);
}

/* --- trial --- */

static void change_that_is_undone_was_never_there(void)
{
	struct shadow s = opened();
	static const char update[] =
		"{\"type\":\"update\",\"clientToken\":\"t\",\"state\":{\"reported\":{"
		"\"a\":2},\"desired\":null}}";

	sync(&s, "{\"reported\":{\"a\":1},\"desired\":{\"a\":7}}", 4);
	buf_reset(&s.reply);
	CU_ASSERT_EQUAL(shadow_doc_request(s.doc, update, strlen(update), now, &s.reply),
	                SHADOW_CHANGED);
	shadow_doc_undo(s.doc);
	HAS(ask(&s, "{\"type\":\"get\"}"),
	    "\"state\":{\"delta\":{\"a\":7},\"desired\":{\"a\":7},\"reported\":{\"a\":1}}");
	buf_reset(&s.reply);
	CU_ASSERT(shadow_doc_failed(s.doc, update, strlen(update), now, &s.reply));
	HAS(buf_text(&s.reply), "\"clientToken\":\"t\"");
	HAS(buf_text(&s.reply), "\"result\":5006");
	closed(&s);
}

/* --- local applications --- */

static void local_desired_stands_over_the_hubs_until_the_device_clears_it(void)
{
	struct shadow s = opened();

	sync(&s, "{\"reported\":{},\"desired\":{\"t\":25,\"u\":1}}", 2);
	HAS(app(&s, "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":30}},\"clientToken\":\"a\"}"),
	    "\"state\":{\"desired\":{\"t\":30}}");
	HAS(delta(&s), "\"state\":{\"t\":30,\"u\":1}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"desired\":{\"t\":30,\"u\":1}");
	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"t\":30},\"desired\":{\"t\":null}}}");
	HAS(ask(&s, "{\"type\":\"get\"}"), "\"desired\":{\"u\":1},\"reported\":{\"t\":30}");
	closed(&s);
}

static void local_application_cannot_report(void)
{
	struct shadow s = opened();

	HAS(app(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"t\":30}}}"), "\"result\":5002");
	HAS(app(&s, "{\"type\":\"get\"}"), "\"version\":0");
	closed(&s);
}

/* --- stored form --- */

static void document_comes_back_from_its_stored_form(void)
{
	struct shadow s = opened();
	struct shadow_doc *back;
	struct buf a = BUF_MAX(SHADOW_STORED_MAX), b = BUF_MAX(SHADOW_STORED_MAX);

	sync(&s, "{\"reported\":{\"h\":1},\"desired\":{\"t\":25,\"o\":{\"x\":1,\"y\":2}}}", 2);
	ask(&s, "{\"type\":\"update\",\"state\":{\"reported\":{\"f\":0.0,\"e\":{},\"l\":[1,{\"z\":2}]},"
	        "\"desired\":{\"o\":{\"x\":null}}}}");
	app(&s, "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":30}}}");
	CU_ASSERT_EQUAL_FATAL(shadow_doc_encode(s.doc, &a), ST_OK);
	CU_ASSERT_EQUAL_FATAL(shadow_doc_decode(a.data, a.len, &back), ST_OK);
	CU_ASSERT_EQUAL_FATAL(shadow_doc_encode(back, &b), ST_OK);
	CU_ASSERT(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	shadow_doc_free(s.doc);
	s.doc = back;
	HAS(ask(&s, "{\"type\":\"get\",\"metadata\":true}"), "\"e\":{\"timestamp\":1626771521739}");
	buf_free(&a);
	buf_free(&b);
	closed(&s);
}

static void damaged_stored_form_is_refused_or_harmless(void)
{
	struct shadow s = opened();
	struct buf a = BUF_MAX(SHADOW_STORED_MAX);

	sync(&s, "{\"reported\":{\"h\":1},\"desired\":{\"t\":25}}", 2);
	CU_ASSERT_EQUAL_FATAL(shadow_doc_encode(s.doc, &a), ST_OK);
	for (size_t len = 0; len < a.len; len++) {
		struct shadow_doc *back;

		CU_ASSERT_EQUAL(shadow_doc_decode(a.data, len, &back), ST_MALFORMED);
		CU_ASSERT_PTR_NULL(back);
	}
	for (size_t bit = 0; bit < a.len * 8; bit++) {
		struct shadow_doc *back;

		a.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (shadow_doc_decode(a.data, a.len, &back) == ST_OK)
			shadow_doc_free(back);
		a.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	buf_free(&a);
	closed(&s);
}

SUITE(shadow_doc, TEST(empty_document_is_answered_as_the_hub_does),
      TEST(reported_alone_shows_neither_desired_nor_delta),
      TEST(get_with_desired_and_metadata_is_the_published_one),
      TEST(delta_holds_what_differs_by_value_and_nothing_else),
      TEST(update_replies_with_what_changed_only_and_always_counts),
      TEST(null_deletes_an_attribute_and_the_reply_says_so),
      TEST(overwrite_replaces_the_whole_section),
      TEST(desired_is_cleared_by_null_by_member_and_by_the_empty_text),
      TEST(another_version_is_refused_with_the_whole_document),
      TEST(delta_message_is_the_published_one), TEST(numbers_keep_their_spelling),
      TEST(faults_have_their_codes_and_change_nothing), TEST(document_over_16384_bytes_is_refused),
      TEST(what_is_no_json_object_gets_no_answer),
      TEST(repeated_names_and_a_stray_byte_behind_are_taken),
      TEST(thousand_attributes_are_merged_in_any_order),
      TEST(metadata_of_1600_attributes_is_answered),
      TEST(metadata_of_the_fullest_document_is_answered),
      TEST(change_that_is_undone_was_never_there),
      TEST(local_desired_stands_over_the_hubs_until_the_device_clears_it),
      TEST(local_application_cannot_report), TEST(document_comes_back_from_its_stored_form),
      TEST(damaged_stored_form_is_refused_or_harmless))
