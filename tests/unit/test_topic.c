#include "core/hub/topic.h"

#include <string.h>

#include "tests/runner.h"

#define PID        "SUBPROD001"
#define DEV        "lamp-01"
#define OWN        PID "/" DEV
#define NAME_48    "a23456789_123456789_123456789_123456789_12345678"
#define TEN_LEVELS "/b/c/d/e/f/g/h/i/j/k" /* ten slashes */

enum {
	NOBODY,
	MINE,
	OTHERS
};

/* One row: text, result, kind, what a device may, whose it is, what follows. */
struct row {
	const char *text;
	enum status st;
	enum topic_kind kind;
	unsigned may;
	int owner;
	const char *rest;
};

static bool row_holds(const struct row *r, bool filter)
{
	struct topic t;
	enum status st = filter ? topic_parse_filter(r->text, strlen(r->text), &t, NULL)
	                        : topic_parse(r->text, strlen(r->text), &t);
	const char *rest = r->rest ? r->rest : "";

	if (st != r->st || t.kind != r->kind || t.may != r->may)
		return false;
	if (t.rest.len != strlen(rest) || (t.rest.len && memcmp(t.rest.at, rest, t.rest.len) != 0))
		return false;
	return topic_is_device(&t, PID, DEV) == (r->owner == MINE);
}

static void check_rows(const struct row *rows, size_t count, bool filter)
{
	for (size_t i = 0; i < count; i++) {
		if (!row_holds(&rows[i], filter))
			CU_FAIL_FATAL(rows[i].text);
	}
}

#define CHECK_TOPICS(rows)  check_rows(rows, sizeof rows / sizeof rows[0], false)
#define CHECK_FILTERS(rows) check_rows(rows, sizeof rows / sizeof rows[0], true)

/* docs/protocol/topics.md 1, row by row; each must also hold as a filter. */
static const struct row system_topics[] = {
	{ "$gateway/operation/" OWN, ST_OK, TOPIC_GATEWAY, TOPIC_PUB, MINE, "" },
	{ "$gateway/operation/result/" OWN, ST_OK, TOPIC_GATEWAY_RESULT, TOPIC_SUB, MINE, "" },
	{ "$shadow/operation/" OWN, ST_OK, TOPIC_SHADOW, TOPIC_PUB, MINE, "" },
	{ "$shadow/operation/result/" OWN, ST_OK, TOPIC_SHADOW_RESULT, TOPIC_SUB, MINE, "" },
	{ "$ota/report/" OWN, ST_OK, TOPIC_OTA_REPORT, TOPIC_PUB, MINE, "" },
	{ "$ota/update/" OWN, ST_OK, TOPIC_OTA_UPDATE, TOPIC_SUB, MINE, "" },
	{ "$rrpc/rxd/" OWN "/117", ST_OK, TOPIC_RRPC_RXD, TOPIC_SUB, MINE, "117" },
	{ "$rrpc/txd/" OWN "/117", ST_OK, TOPIC_RRPC_TXD, TOPIC_PUB, MINE, "117" },
	{ "$broadcast/rxd/" OWN, ST_OK, TOPIC_BROADCAST, TOPIC_SUB, MINE, "" },
	{ "$config/operation/" OWN, ST_OK, TOPIC_CONFIG, TOPIC_PUB, MINE, "" },
	{ "$config/operation/result/" OWN, ST_OK, TOPIC_CONFIG_RESULT, TOPIC_SUB, MINE, "" },
	{ "$config/report/" OWN, ST_OK, TOPIC_CONFIG_REPORT, TOPIC_PUB, MINE, "" },
	{ "$config/update/" OWN, ST_OK, TOPIC_CONFIG_UPDATE, TOPIC_SUB, MINE, "" },
	{ "$sys/operation/" OWN, ST_OK, TOPIC_SYS, TOPIC_PUB, MINE, "" },
	{ "$sys/operation/result/" OWN, ST_OK, TOPIC_SYS_RESULT, TOPIC_SUB, MINE, "" },
	{ "$log/operation/" OWN, ST_OK, TOPIC_LOG, TOPIC_PUB, MINE, "" },
	{ "$log/operation/result/" OWN, ST_OK, TOPIC_LOG_RESULT, TOPIC_SUB, MINE, "" },
	{ "$resource/up/service/" OWN, ST_OK, TOPIC_RESOURCE_UP, TOPIC_PUB, MINE, "" },
	{ "$resource/down/service/" OWN, ST_OK, TOPIC_RESOURCE_DOWN, TOPIC_SUB, MINE, "" },
	{ "$template/operation/" OWN, ST_OK, TOPIC_TEMPLATE, TOPIC_PUB, MINE, "" },
	{ "$template/operation/result/" OWN, ST_OK, TOPIC_TEMPLATE_RESULT, TOPIC_SUB, MINE, "" },
	{ "$thing/up/property/" OWN, ST_OK, TOPIC_THING_UP_PROPERTY, TOPIC_PUB, MINE, "" },
	{ "$thing/up/event/" OWN, ST_OK, TOPIC_THING_UP_EVENT, TOPIC_PUB, MINE, "" },
	{ "$thing/up/action/" OWN, ST_OK, TOPIC_THING_UP_ACTION, TOPIC_PUB, MINE, "" },
	{ "$thing/up/raw/" OWN, ST_OK, TOPIC_THING_UP_RAW, TOPIC_PUB, MINE, "" },
	{ "$thing/up/service/" OWN, ST_OK, TOPIC_THING_UP_SERVICE, TOPIC_PUB, MINE, "" },
	{ "$thing/down/property/" OWN, ST_OK, TOPIC_THING_DOWN_PROPERTY, TOPIC_SUB, MINE, "" },
	{ "$thing/down/event/" OWN, ST_OK, TOPIC_THING_DOWN_EVENT, TOPIC_SUB, MINE, "" },
	{ "$thing/down/action/" OWN, ST_OK, TOPIC_THING_DOWN_ACTION, TOPIC_SUB, MINE, "" },
	{ "$thing/down/raw/" OWN, ST_OK, TOPIC_THING_DOWN_RAW, TOPIC_SUB, MINE, "" },
	{ "$thing/down/service/" OWN, ST_OK, TOPIC_THING_DOWN_SERVICE, TOPIC_SUB, MINE, "" },
};

static void every_system_topic_is_known_with_its_direction(void)
{
	CHECK_TOPICS(system_topics);
	CHECK_FILTERS(system_topics);
	CU_ASSERT_EQUAL(sizeof system_topics / sizeof system_topics[0], TOPIC_CUSTOM - 1);
}

static void custom_topics_may_be_published_and_subscribed(void)
{
	static const struct row rows[] = {
		{ OWN "/control", ST_OK, TOPIC_CUSTOM, TOPIC_PUB | TOPIC_SUB, MINE, "control" },
		{ OWN "/event", ST_OK, TOPIC_CUSTOM, TOPIC_PUB | TOPIC_SUB, MINE, "event" },
		{ OWN "/data", ST_OK, TOPIC_CUSTOM, TOPIC_PUB | TOPIC_SUB, MINE, "data" },
		{ OWN "/a/b/c", ST_OK, TOPIC_CUSTOM, TOPIC_PUB | TOPIC_SUB, MINE, "a/b/c" },
	};

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
}

static void topics_of_others_parse_but_are_not_mine(void)
{
	static const struct row rows[] = {
		{ PID "/lamp-02/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ PID "/lamp-0/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ PID "/lamp-011/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ "SUBPROD002/lamp-01/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ "subprod001/lamp-01/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ "$shadow/operation/" PID "/lamp-02", ST_OK, TOPIC_SHADOW, TOPIC_PUB, OTHERS, "" },
		{ "livingroom/lamp/state", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "state" },
	};

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
}

static void device_names_take_a_colon_and_48_characters_at_most(void)
{
	static const struct row rows[] = {
		{ PID "/a4:c1:38/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ PID "/" NAME_48 "/event", ST_OK, TOPIC_CUSTOM, 3, OTHERS, "event" },
		{ PID "/" NAME_48 "9/event", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$ota/report/" PID "/a4:c1", ST_OK, TOPIC_OTA_REPORT, TOPIC_PUB, OTHERS, "" },
		{ "$ota/report/" PID "/" NAME_48 "9", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/lamp 1/event", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/l\xc3\xa4mp/event", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
}

static void hub_tree_with_a_tail_of_no_rule_is_invalid(void)
{
	static const struct row rows[] = {
		{ "$shadow", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/" PID, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/" OWN "/", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/" OWN "/x", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/result/result/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/other/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/SHORT/" DEV, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/SUBPROD0011/" DEV, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" OWN "/", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/txd/" OWN "/1/2", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$thing/up/other/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$hubgate/wake", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
}

static void topics_of_the_lan_are_none_of_the_hubs(void)
{
	static const struct row rows[] = {
		{ "", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "/", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "home/lamp/state", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "livingroom", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "livingroom/lamp", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "livingroom/lamp/", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "livingroom//state", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "living-rm1/lamp/state", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$SYS/broker/uptime", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$Shadow/operation/" OWN, ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadows/operation/" OWN, ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$sha/operation/" OWN, ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "shadow/operation/" OWN, ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "a" TEN_LEVELS "/l", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
}

static void concrete_topics_take_no_wildcard_anywhere(void)
{
	static const struct row rows[] = {
		{ OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/event/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/e+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" OWN "/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_TOPICS(rows);
}

/* docs/protocol/topics.md 3 */
static void filters_take_wildcards_where_the_hub_does(void)
{
	static const struct row rows[] = {
		{ OWN "/#", ST_OK, TOPIC_CUSTOM, 3, MINE, "#" },
		{ OWN "/+", ST_OK, TOPIC_CUSTOM, 3, MINE, "+" },
		{ OWN "/event/+", ST_OK, TOPIC_CUSTOM, 3, MINE, "event/+" },
		{ OWN "/+/a/+/#", ST_OK, TOPIC_CUSTOM, 3, MINE, "+/a/+/#" },
		{ "$rrpc/rxd/" OWN "/+", ST_OK, TOPIC_RRPC_RXD, TOPIC_SUB, MINE, "+" },
		{ "$rrpc/rxd/" PID "/lamp-02/+", ST_OK, TOPIC_RRPC_RXD, TOPIC_SUB, OTHERS, "+" },
		{ "#", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "+/x", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "+/+/event", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "home/+/state", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$SYS/#", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_FILTERS(rows);
}

static void filters_with_wildcards_in_other_places_are_invalid(void)
{
	static const struct row rows[] = {
		{ OWN "/e#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/e+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/+e/x", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/#/x", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ OWN "/##", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/+/event", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ PID "/lamp+/event", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "SUBPROD00+/" DEV "/event", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/result/" PID "/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/result/+/" DEV, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/operation/result/" OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shadow/+/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$ota/+/" OWN, ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$sys/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" PID "/+/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/rxd/" OWN "/+/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$rrpc/txd/" OWN "/+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$hubgate/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "home/l+", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "#/x", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "livingroom/+/state", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
	};

	CHECK_FILTERS(rows);
}

static void shared_filters_are_judged_without_their_share(void)
{
	static const struct row rows[] = {
		{ "$share/g/" OWN "/#", ST_OK, TOPIC_CUSTOM, 3, MINE, "#" },
		{ "$share/g/$shadow/operation/result/" OWN, ST_OK, TOPIC_SHADOW_RESULT, TOPIC_SUB, MINE,
		  "" },
		{ "$share/g/$shadow/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/g/#", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/g/" PID "/+/event", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/g", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/g/", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share//" OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/+/" OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$share/g/$share/h/" OWN "/#", ST_INVALID, TOPIC_NONE, 0, NOBODY, "" },
		{ "$shared/g/x", ST_OK, TOPIC_NONE, 0, NOBODY, "" },
	};
	struct topic t;
	bool shared = false;

	CHECK_FILTERS(rows);
	topic_parse_filter("$share/g/x", 10, &t, &shared);
	CU_ASSERT_TRUE(shared);
	topic_parse_filter("x", 1, &t, &shared);
	CU_ASSERT_FALSE(shared);
}

/* docs/protocol/topics.md 4 */
static void hub_topics_end_at_255_bytes_and_10_slashes(void)
{
	static const struct row rows[] = {
		{ OWN "/b/c/d/e/f/g/h/i/j", ST_OK, TOPIC_CUSTOM, 3, MINE, "b/c/d/e/f/g/h/i/j" },
		{ OWN TEN_LEVELS, ST_TOOBIG, TOPIC_NONE, 0, NOBODY, "" },
		{ "$ota" TEN_LEVELS "/l", ST_TOOBIG, TOPIC_NONE, 0, NOBODY, "" },
	};
	char text[TOPIC_LEN_MAX + 2];
	struct topic t;
	bool shared;

	CHECK_TOPICS(rows);
	CHECK_FILTERS(rows);
	memset(text, 'x', sizeof text);
	memcpy(text, OWN "/", strlen(OWN "/"));
	CU_ASSERT_EQUAL(topic_parse(text, TOPIC_LEN_MAX, &t), ST_OK);
	CU_ASSERT_EQUAL(t.kind, TOPIC_CUSTOM);
	CU_ASSERT_EQUAL(topic_parse(text, TOPIC_LEN_MAX + 1, &t), ST_TOOBIG);
	CU_ASSERT_EQUAL(topic_parse_filter(text, TOPIC_LEN_MAX + 1, &t, &shared), ST_TOOBIG);
	memset(text, 'x', strlen(OWN "/"));
	CU_ASSERT_EQUAL(topic_parse(text, sizeof text, &t), ST_OK);
	CU_ASSERT_EQUAL(t.kind, TOPIC_NONE);
}

static void hub_trees_are_recognised_case_sensitively(void)
{
	static const struct {
		const char *text;
		bool in;
	} rows[] = {
		{ "$shadow/operation/x", true },
		{ "$shadow", true },
		{ "$shadow/#", true },
		{ "$ota/#", true },
		{ "$rrpc/#", true },
		{ "$broadcast/x", true },
		{ "$config/x", true },
		{ "$sys/x", true },
		{ "$log/x", true },
		{ "$resource/x", true },
		{ "$gateway/x", true },
		{ "$template/x", true },
		{ "$thing/x", true },
		{ "$hubgate/x", true },
		{ "$hubgate", true },
		{ "$share/g/$shadow/#", true },
		{ "$share/g/x", false },
		{ "$share/g", false },
		{ "$SYS/x", false },
		{ "$SHADOW/x", false },
		{ "$shadowx/x", false },
		{ "$hubgates/x", false },
		{ "$CONTROL/x", false },
		{ "shadow/x", false },
		{ "#", false },
		{ "", false },
		{ "$", false },
		{ "$/x", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (topic_in_hub_tree(rows[i].text, strlen(rows[i].text)) != rows[i].in)
			CU_FAIL(rows[i].text);
	}
}

static void product_is_a_first_level_of_ten_letters_and_digits(void)
{
	static const struct {
		const char *text, *product;
	} rows[] = {
		{ OWN "/event", PID },
		{ PID "/+/x", PID },
		{ PID "/#", PID },
		{ PID, PID },
		{ "$share/g/" PID "/#", PID },
		{ "livingroom/x", "livingroom" },
		{ "livingroo/x", "" },
		{ "livingroomx/x", "" },
		{ "living-rom/x", "" },
		{ "+/" DEV, "" },
		{ "$shadow/operation/" OWN, "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mqtt_text p = topic_product(rows[i].text, strlen(rows[i].text));

		if (p.len != strlen(rows[i].product) || strncmp(p.at, rows[i].product, p.len) != 0)
			CU_FAIL(rows[i].text);
	}
}

static void filters_match_as_mqtt_says(void)
{
	static const struct {
		const char *filter, *topic;
		bool matches;
	} rows[] = {
		{ "a/b", "a/b", true },
		{ "a/b", "a/c", false },
		{ "a/b", "a", false },
		{ "a", "a/b", false },
		{ "a/+", "a/b", true },
		{ "a/+", "a/b/c", false },
		{ "a/+", "a/", true },
		{ "a/+", "a", false },
		{ "+/b", "a/b", true },
		{ "+/+", "/x", true },
		{ "/+", "/x", true },
		{ "+", "/x", false },
		{ "a/#", "a", true },
		{ "a/#", "a/b/c", true },
		{ "a/#", "ab", false },
		{ "a/b/#", "a", false },
		{ "#", "a/b", true },
		{ "#", "$SYS/x", false },
		{ "+/x", "$SYS/x", false },
		{ "$SYS/#", "$SYS/x", true },
		{ "$SYS/+", "$SYS/x", true },
		{ "a/+/c", "a/b/c", true },
		{ "a/+/c/#", "a/b/c", true },
		{ "A/b", "a/b", false },
		{ "a/", "a", false },
		{ "a", "a/", false },
		{ "#", "", true },
		{ OWN "/#", OWN "/event", true },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (topic_matches(rows[i].filter, rows[i].topic) != rows[i].matches)
			CU_FAIL(rows[i].filter);
	}
}

static void the_filter_of_an_answer_stands_beside_its_request(void)
{
	static const struct {
		const char *topic, *filter; /* NULL: nothing answers */
	} rows[] = {
		{ "$shadow/operation/" OWN, "$shadow/operation/result/" OWN },
		{ "$sys/operation/" OWN, "$sys/operation/result/" OWN },
		{ "$config/operation/" OWN, "$config/operation/result/" OWN },
		{ "$config/report/" OWN, "$config/operation/result/" OWN },
		{ "$log/operation/" OWN, "$log/operation/result/" OWN },
		{ "$ota/report/" OWN, "$ota/update/" OWN },
		{ "$resource/up/service/" OWN, "$resource/down/service/" OWN },
		{ "$template/operation/" OWN, "$template/operation/result/" OWN },
		{ "$thing/up/property/" OWN, "$thing/down/property/" OWN },
		{ "$thing/up/event/" OWN, "$thing/down/event/" OWN },
		{ "$thing/up/service/" OWN, "$thing/down/service/" OWN },
		{ "$thing/up/action/" OWN, NULL },
		{ "$rrpc/txd/" OWN "/7", NULL },
		{ OWN "/event", NULL },
		{ "$sys/operation/" OWN "/more", NULL },
		{ "", NULL },
	};
	char filter[TOPIC_LEN_MAX + 1];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum status st = topic_answer_filter(rows[i].topic, filter);

		if (!rows[i].filter ? st != ST_NOTFOUND
		                    : st != ST_OK || strcmp(filter, rows[i].filter) != 0)
			CU_FAIL(rows[i].topic);
	}
}

static void older_names_of_remote_configuration_are_those_of_today_at_the_hub(void)
{
	static const struct {
		const char *name, *at_hub;
	} rows[] = {
		{ "$config/report/" OWN, "$config/operation/" OWN },
		{ "$config/update/" OWN, "$config/operation/result/" OWN },
		{ "$config/operation/" OWN, "$config/operation/" OWN },
		{ "$config/operation/result/" OWN, "$config/operation/result/" OWN },
		{ OWN "/event", OWN "/event" },
		{ OWN "/#", OWN "/#" },
		{ "$rrpc/rxd/" OWN "/+", "$rrpc/rxd/" OWN "/+" },
	};
	char out[TOPIC_LEN_MAX + 1];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT_STRING_EQUAL(topic_at_hub(rows[i].name, out), rows[i].at_hub);
}

SUITE(topic, TEST(older_names_of_remote_configuration_are_those_of_today_at_the_hub),
      TEST(the_filter_of_an_answer_stands_beside_its_request),
      TEST(every_system_topic_is_known_with_its_direction),
      TEST(custom_topics_may_be_published_and_subscribed),
      TEST(topics_of_others_parse_but_are_not_mine),
      TEST(device_names_take_a_colon_and_48_characters_at_most),
      TEST(hub_tree_with_a_tail_of_no_rule_is_invalid),
      TEST(topics_of_the_lan_are_none_of_the_hubs), TEST(concrete_topics_take_no_wildcard_anywhere),
      TEST(filters_take_wildcards_where_the_hub_does),
      TEST(filters_with_wildcards_in_other_places_are_invalid),
      TEST(shared_filters_are_judged_without_their_share),
      TEST(hub_topics_end_at_255_bytes_and_10_slashes),
      TEST(hub_trees_are_recognised_case_sensitively),
      TEST(product_is_a_first_level_of_ten_letters_and_digits), TEST(filters_match_as_mqtt_says))
