/* Rules of mappings[]: where topics go, and which rules are refused. */
#include "core/mapping/mapping.h"

#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define PID "SUBPRODUC1"

static struct config_mapping rule(char *device, char *up, char *down, char *presence)
{
	static char to[] = "event", from[] = "control", online[] = "online";
	struct config_mapping m = { .device = device,
		                        .up = up,
		                        .to = to,
		                        .down = down,
		                        .from = from,
		                        .presence = presence,
		                        .online = online };

	strcpy(m.product_id, PID);
	return m;
}

/* String literals are not writable, and the configuration's texts are. */
#define TEXT(literal) ((char[]){ literal })

static const struct mapping_client nobody;

static void topics_go_up_by_their_captures(void)
{
	static const struct {
		const char *device, *up, *topic, *expected;
	} rows[] = {
		{ "{name}", "zigbee2mqtt/{name}", "zigbee2mqtt/lamp", PID "/lamp/event" },
		{ "{name}", "zigbee2mqtt/{name}", "zigbee2mqtt/lamp/set", NULL },
		{ "{name}", "zigbee2mqtt/{name}", "zigbee2mqtt", NULL },
		{ "{name}", "zigbee2mqtt/{name}", "zigbee2mqtt/", NULL },
		{ "shelly-{id}", "shellyplus1-{id}/events/rpc", "shellyplus1-a4e57c/events/rpc",
		  PID "/shelly-a4e57c/event" },
		{ "shelly-{id}", "shellyplus1-{id}/events/rpc", "shellyplus1-/events/rpc", NULL },
		{ "{b}", "{a}/x/{b}", "one/x/two", PID "/two/event" },
		{ "meter", "+/power", "anything/power", PID "/meter/event" },
		{ "meter", "+/power", "any/thing/power", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char device[64], up[64];
		struct config_mapping m = rule(device, up, NULL, NULL);
		const struct mapping_rules r = { &m, 1 };
		struct mapping_hit hit;
		enum status st;

		strcpy(device, rows[i].device);
		strcpy(up, rows[i].up);
		st = mapping_up(&r, &nobody, rows[i].topic, &hit);
		CU_ASSERT_EQUAL(st, rows[i].expected ? ST_OK : ST_NOTFOUND);
		if (st == ST_OK && rows[i].expected)
			CU_ASSERT_STRING_EQUAL(hit.topic, rows[i].expected);
	}
}

static void names_that_the_hub_does_not_have_are_told(void)
{
	struct config_mapping m = rule(TEXT("{name}"), TEXT("z/{name}"), NULL, NULL);
	const struct mapping_rules r = { &m, 1 };
	struct mapping_hit hit;
	char why[256];

	CU_ASSERT_EQUAL(mapping_up(&r, &nobody, "z/Living Room", &hit), ST_INVALID);
	CU_ASSERT_EQUAL(
		mapping_up(&r, &nobody, "z/0123456789012345678901234567890123456789012345678", &hit),
		ST_INVALID);
	mapping_explain(&r, &nobody, "z/Living Room", why, sizeof why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no device name"));
	mapping_explain(&r, &nobody, "z/lamp", why, sizeof why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "mappings[0].up takes it: it goes to the hub as " PID));
	mapping_explain(&r, &nobody, "elsewhere", why, sizeof why);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no rule"));
}

static void rule_with_a_client_is_for_that_client_and_says_how_it_knows_it(void)
{
	struct config_mapping m = rule(TEXT("{n}"), TEXT("z/{n}"), NULL, NULL);
	const struct mapping_rules r = { &m, 1 };
	static const struct {
		const char *wanted, *wanted_id, *client_id, *username;
		bool checked;
		enum mapping_speaker expected;
	} rows[] = {
		{ NULL, NULL, "x", NULL, false, MAPPING_ANYBODY },
		{ "bridge", NULL, "x", "bridge", true, MAPPING_BY_USERNAME },
		{ "bridge", NULL, "x", "bridge", false, MAPPING_BY_CLAIM },
		{ "bridge", NULL, "bridge", NULL, true, MAPPING_BY_CLAIM },
		{ "bridge", NULL, "bridge2", "bridge2", true, MAPPING_NOT_ITS_CLIENT },
		{ "bridge", NULL, NULL, NULL, false, MAPPING_NOT_ITS_CLIENT },
		{ "bri*", NULL, "x", "bridge2", true, MAPPING_BY_USERNAME },
		{ "bri*", NULL, "br", "xbri", true, MAPPING_NOT_ITS_CLIENT },
		{ NULL, "b1", "b1", NULL, true, MAPPING_BY_ID },
		{ NULL, "b1", "b2", "b1", true, MAPPING_NOT_ITS_CLIENT },
		{ NULL, "b*", "b2", NULL, false, MAPPING_BY_ID },
		{ "bridge", "b1", "b1", "bridge", true, MAPPING_BY_USERNAME },
		{ "bridge", "b1", "b2", "bridge", true, MAPPING_NOT_ITS_CLIENT },
		{ "bridge", "bridge", "bridge", NULL, true, MAPPING_NOT_ITS_CLIENT },
		{ "bridge", "b1", "b1", "bridge", false, MAPPING_NOT_ITS_CLIENT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mapping_client who = { rows[i].client_id, rows[i].username, rows[i].checked };
		struct mapping_hit hit;
		char client[16], id[16];

		m.client = rows[i].wanted ? strcpy(client, rows[i].wanted) : NULL;
		m.client_id = rows[i].wanted_id ? strcpy(id, rows[i].wanted_id) : NULL;
		CU_ASSERT_EQUAL(mapping_speaker_of(&m, &who), rows[i].expected);
		CU_ASSERT_EQUAL(mapping_up(&r, &who, "z/a", &hit),
		                rows[i].expected == MAPPING_NOT_ITS_CLIENT ? ST_NOTFOUND : ST_OK);
	}
}

/* What came up as a device goes down to the same local device. */
static void commands_return_to_where_the_messages_came_from(void)
{
	struct config_mapping m = rule(TEXT("shelly-{id}"), TEXT("shellyplus1-{id}/events/rpc"),
	                               TEXT("shellyplus1-{id}/rpc"), NULL);
	const struct mapping_rules r = { &m, 1 };

	for (int i = 0; i < 1000; i++) {
		char topic[64], expected[64], local[MAPPING_TOPIC_MAX];
		struct mapping_hit hit;

		snprintf(topic, sizeof topic, "shellyplus1-%x-%d/events/rpc", i * 7919, i);
		snprintf(expected, sizeof expected, "shellyplus1-%x-%d/rpc", i * 7919, i);
		CU_ASSERT_EQUAL_FATAL(mapping_up(&r, &nobody, topic, &hit), ST_OK);
		CU_ASSERT_EQUAL(mapping_down(&r, PID, hit.device_name, "control", local), ST_OK);
		CU_ASSERT_STRING_EQUAL(local, expected);
		CU_ASSERT_PTR_EQUAL(mapping_of(&r, PID, hit.device_name), &m);
		CU_ASSERT_EQUAL(mapping_down(&r, PID, hit.device_name, "other", local), ST_NOTFOUND);
		CU_ASSERT_EQUAL(mapping_down(&r, "SUBPRODUC2", hit.device_name, "control", local),
		                ST_NOTFOUND);
	}
}

static void presence_is_the_word_or_the_state_of_an_object(void)
{
	struct config_mapping m = rule(TEXT("{n}"), TEXT("z/{n}"), NULL, TEXT("z/{n}/availability"));
	const struct mapping_rules r = { &m, 1 };
	static const struct {
		const char *payload;
		bool online;
	} rows[] = {
		{ "online", true },
		{ "offline", false },
		{ "{\"state\":\"online\"}", true },
		{ "{\"state\":\"offline\"}", false },
		{ "", false },
		{ "online ", false },
		{ "{\"state\":1}", false },
		{ "{", false },
	};
	struct mapping_hit hit;
	char filter[MAPPING_TOPIC_MAX];
	bool online;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(mapping_presence(&r, NULL, "z/lamp/availability", rows[i].payload,
		                                 strlen(rows[i].payload), &hit, &online),
		                ST_OK);
		CU_ASSERT_EQUAL(online, rows[i].online);
		CU_ASSERT_STRING_EQUAL(hit.device_name, "lamp");
	}
	CU_ASSERT_EQUAL(mapping_presence(&r, NULL, "z/lamp", "online", 6, &hit, &online), ST_NOTFOUND);
	mapping_filter(m.presence, filter);
	CU_ASSERT_STRING_EQUAL(filter, "z/+/availability");
}

static void payloads_are_wrapped_as_what_they_are(void)
{
	static const struct {
		const char *payload, *expected;
		size_t len;
	} rows[] = {
		{ "21.50", "{\"v\":21.50}", 5 },
		{ "{\"a\":0.0}", "{\"v\":{\"a\":0.0}}", 9 },
		{ "ON", "{\"v\":\"ON\"}", 2 },
		{ "", "{\"v\":\"\"}", 0 },
		{ "a\"b", "{\"v\":\"a\\\"b\"}", 3 },
		{ "\xff\xfe", NULL, 2 },
		{ "a\0b", NULL, 3 },
		{ "{\"a\":1}\0", "{\"v\":{\"a\":1}}", 8 },
		{ "21.5\x1A", "{\"v\":21.5}", 5 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = BUF_MAX(256);
		enum status st = mapping_wrap(&out, "v", rows[i].payload, rows[i].len);

		CU_ASSERT_EQUAL(st, rows[i].expected ? ST_OK : ST_INVALID);
		if (st == ST_OK && rows[i].expected)
			CU_ASSERT_STRING_EQUAL(buf_text(&out), rows[i].expected);
		buf_free(&out);
	}
}

static void rules_that_cannot_work_are_refused_with_the_key_and_the_fix(void)
{
	static const struct {
		const char *device, *up, *down, *presence; /* of the second rule; the first is below */
		const char *key, *why;
	} rows[] = {
		{ "{y}", "b/{x}", NULL, NULL, "device", "uses {y}, which up does not have" },
		{ "{x}", "b/{x}", "b/{z}/set", NULL, "down", "uses {z}, which device does not have" },
		{ "{x}", "b/{x}", NULL, "b/state", "device", "presence does not have" },
		{ "{x}", NULL, NULL, NULL, "up", "is missing" },
		{ "{x}", "b/#", NULL, NULL, "up", "is no pattern" },
		{ "{x}", "b/{x", NULL, NULL, "up", "is no pattern" },
		{ "{x}", "b/{x}{y}", NULL, NULL, "up", "is no pattern" },
		{ "{x}-{y}", "b/{x}/{y}", NULL, NULL, "device", "is no pattern" },
		{ "{x}", "b/{}", NULL, NULL, "up", "is no pattern" },
		{ "{x}", "b/a+/{x}", NULL, NULL, "up", "is no pattern" },
		{ "{x}", "b/{x}", "b/+/set", NULL, "down", "is no pattern" },
		{ "{x}", PID "/{x}/event", NULL, NULL, "up", "lies in the hub's topics" },
		{ "{x}", "$shadow/operation/{x}", NULL, NULL, "up", "lies in the hub's topics" },
		{ "{x}", "a/{x}", NULL, NULL, "up", "overlaps mappings[0].up" },
		{ "{x}", "+/{x}", NULL, NULL, "up", "overlaps mappings[0].up" },
		{ "{x}", "a/{x}/set", NULL, NULL, "up", "takes what mappings[0].down publishes" },
		{ "{x}", "b/{x}", "b/{x}", NULL, "up", "takes what mappings[1].down publishes" },
		{ "{x}", "b/{x}", "a/{x}", NULL, "down", "is taken by mappings[0].up" },
		{ "{x}", "b/{x}", "b/{x}/set", "b/{x}/online", NULL, NULL },
		{ "lamp", "c/lamp/+", "c/lamp/do", NULL, "up", "takes what mappings[1].down publishes" },
		{ "lamp", "c/lamp", "c/lamp/do", NULL, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char texts[4][64], why[MAPPING_WHY_MAX] = "";
		const char *given[4] = { rows[i].device, rows[i].up, rows[i].down, rows[i].presence };
		char *second[4];
		struct config_mapping m[2];
		const struct mapping_rules r = { m, 2 };
		const char *key;

		for (int k = 0; k < 4; k++) {
			second[k] = given[k] ? strcpy(texts[k], given[k]) : NULL;
		}
		m[0] = rule(TEXT("{n}"), TEXT("a/{n}"), TEXT("a/{n}/set"), NULL);
		m[1] = rule(second[0], second[1], second[2], second[3]);
		key = mapping_check(&r, 1, why);
		CU_ASSERT_EQUAL(key == NULL, rows[i].key == NULL);
		if (key && rows[i].key) {
			CU_ASSERT_STRING_EQUAL(key, rows[i].key);
			if (!strstr(why, rows[i].why))
				CU_FAIL(rows[i].why);
		}
	}
}

static void a_client_serves_several_devices_when_its_rules_may_make_several(void)
{
	static const struct {
		const char *client, *device;
		bool several;
	} rows[] = {
		{ "bridge", "{n}", true },     { NULL, "{n}", true },         { "meters", "gas", true },
		{ "meters", "water", true },   { "heater", "boiler", false }, { NULL, "door", false },
		{ "heater", "boiler", false },
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	char clients[ROWS][16], devices[ROWS][16];
	struct config_mapping m[ROWS];
	const struct mapping_rules r = { m, ROWS };

	for (size_t i = 0; i < ROWS; i++) {
		m[i] = rule(strcpy(devices[i], rows[i].device), NULL, NULL, NULL);
		m[i].client = rows[i].client ? strcpy(clients[i], rows[i].client) : NULL;
	}
	m[1].client = strcpy(clients[1], "other");
	for (size_t i = 0; i < ROWS; i++)
		CU_ASSERT_EQUAL(mapping_serves_several(&r, &m[i]), rows[i].several);
}

SUITE(mapping_rules, TEST(a_client_serves_several_devices_when_its_rules_may_make_several),
      TEST(topics_go_up_by_their_captures), TEST(names_that_the_hub_does_not_have_are_told),
      TEST(rule_with_a_client_is_for_that_client_and_says_how_it_knows_it),
      TEST(commands_return_to_where_the_messages_came_from),
      TEST(presence_is_the_word_or_the_state_of_an_object),
      TEST(payloads_are_wrapped_as_what_they_are),
      TEST(rules_that_cannot_work_are_refused_with_the_key_and_the_fix))
