/* Rules of mappings[]: who, which device, where messages and commands go, and which are refused. */
#include "core/mapping/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json/json.h"
#include "tests/fakes/rules.h"
#include "tests/runner.h"

#define PID    "SUBPRODUC1"
#define RULE   "{'product_id':'" PID "','known_only':true,"
#define NAMED  RULE "'device':'{name}',"
#define LAMPS  "客厅灯"
#define MILLIS INT64_C(1764284400123)

static const struct mapping_client nobody;

static enum status up(const struct config *c, const char *topic, const char *payload,
                      struct mapping_hit *hit)
{
	const struct mapping_rules r = mapping_rules_of(c);

	return mapping_up(&r, &nobody, topic, payload, strlen(payload), hit);
}

static void goes(const char *rule, const char *topic, const char *payload, const char *expected)
{
	struct config c = rules_of(rule);
	struct mapping_hit hit;
	enum status st = up(&c, topic, payload, &hit);

	CU_ASSERT_EQUAL(st == ST_OK, expected != NULL);
	if (st == ST_OK && expected) {
		CU_ASSERT_STRING_EQUAL(hit.topic, expected);
		if (strcmp(hit.topic, expected) != 0)
			fprintf(stderr, "%s: %s\n", topic, hit.topic);
	}
	config_free(&c);
}

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
		{ "{model}-{id}", "rtl_433/host/devices/{model}/{ch}/{id}",
		  "rtl_433/host/devices/Acurite-Tower/A/1234", PID "/Acurite-Tower-1234/event" },
		{ "{model}:{id}", "{model}-{id}/x", "a-b-c/x", PID "/a:b-c/event" },
		{ "{a}_{b}", "{a}--{b}--z/x", "1--2--z/x", PID "/1_2/event" },
		{ "{a}_{b}", "{a}--{b}--z/x", "1----z/x", NULL },
		{ "{id}", "a/{all...}/b/{id}", "a/1/2/3/b/x", PID "/x/event" },
		{ "{id}", "a/{all...}/b/{id}", "a/b/x", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char rule[256];

		snprintf(rule, sizeof(rule), RULE "'device':'%s','up':'%s'}", rows[i].device, rows[i].up);
		goes(rule, rows[i].topic, "1", rows[i].expected);
	}
}

static void names_become_names_of_the_hub(void)
{
	static const char rule[] = NAMED "'up':'z/{name...}','sanitize':true,'names':{'kitchen/floor "
									 "light':'kitchen-light','" LAMPS "':'living:lamp'}}";
	static const struct {
		const char *original, *device_name;
	} rows[] = {
		{ "kitchen/floor light", "kitchen-light" },
		{ LAMPS, "living:lamp" },
		{ "lamp_1", "lamp_1" },
		/* printf %s NAME | sha256sum */
		{ "卧室灯", "----ad438e51" },
		{ "Living Room", "Living-Room-e4a3c880" },
		{ "a/b", "a-b-c14cddc0" },
		{ "0123456789012345678901234567890123456789012345678",
		  "012345678901234567890123456789012345678-66576f00" },
	};
	struct config c = rules_of(rule);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char topic[128];
		struct mapping_hit hit;

		snprintf(topic, sizeof(topic), "z/%s", rows[i].original);
		CU_ASSERT_EQUAL_FATAL(up(&c, topic, "", &hit), ST_OK);
		CU_ASSERT_STRING_EQUAL(hit.original, rows[i].original);
		CU_ASSERT_STRING_EQUAL(hit.device_name, rows[i].device_name);
		if (strcmp(hit.device_name, rows[i].device_name) != 0)
			fprintf(stderr, "%s: %s\n", hit.original, hit.device_name);
	}
	config_free(&c);
	goes(NAMED "'up':'z/{name}'}", "z/Living Room", "", NULL);
}

static void two_names_that_look_alike_stay_two(void)
{
	struct config c = rules_of(NAMED "'up':'z/{name}','sanitize':true}");
	struct mapping_hit a, b;

	CU_ASSERT_EQUAL(up(&c, "z/客厅灯", "", &a), ST_OK);
	CU_ASSERT_EQUAL(up(&c, "z/卧室灯", "", &b), ST_OK);
	CU_ASSERT_STRING_NOT_EQUAL(a.device_name, b.device_name);
	CU_ASSERT_EQUAL(up(&c, "z/a b", "", &a), ST_OK);
	CU_ASSERT_EQUAL(up(&c, "z/a+b", "", &b), ST_OK);
	CU_ASSERT_STRING_NOT_EQUAL(a.device_name, b.device_name);
	config_free(&c);
}

static void device_is_named_by_a_member_of_the_payload(void)
{
	goes(RULE "'device_from':'dev_eui','up':'lora/up'}", "lora/up", "{\"dev_eui\":\"a8-40\"}",
	     PID "/a8-40/event");
	goes(RULE "'device_from':'deviceInfo.devEui','device':'eui-{devEui}','up':'lora/up'}",
	     "lora/up", "{\"deviceInfo\":{\"devEui\":\"70b3\"}}", PID "/eui-70b3/event");
	goes(RULE "'device_from':'id','device':'{model}-{id}','up':'rtl/{model}'}", "rtl/Acurite",
	     "{\"id\":12}", PID "/Acurite-12/event");
	goes(RULE "'device_from':'id','device':'{model}-{id}','up':'rtl/events'}", "rtl/events",
	     "{\"model\":\"Acurite\",\"id\":12}", PID "/Acurite-12/event");
	goes(RULE "'device_from':'id','device':'{model}-{id}','up':'rtl/events'}", "rtl/events",
	     "{\"id\":12}", NULL);
	goes(RULE "'device_from':'id','up':'lora/up'}", "lora/up", "{\"other\":1}", NULL);
	goes(RULE "'device_from':'id','up':'lora/up'}", "lora/up", "{\"id\":{}}", NULL);
	goes(RULE "'device_from':'id','up':'lora/up'}", "lora/up", "no json", NULL);
	goes(RULE "'device_from':'id','up':'lora/up'}", "lora/up", "{\"id\":\"a b\"}", NULL);
}

static void lists_choose_the_names_and_the_rule(void)
{
	static const char rules[] =
		NAMED "'up':'z/{name...}','deny':['bridge*','*/secret'],'to':'event'}," NAMED
			  "'up':'z/{name}','allow':'bridge','to':'bridge'}," NAMED
			  "'up':'a/{name}','allow':['lamp*','*-01']}";

	goes(rules, "z/lamp", "", PID "/lamp/event");
	goes(rules, "z/bridge", "", PID "/bridge/bridge");
	goes(rules, "z/bridge/state", "", NULL);
	goes(rules, "a/lamp7", "", PID "/lamp7/event");
	goes(rules, "a/x-01", "", PID "/x-01/event");
	goes(rules, "a/other", "", NULL);
}

static void rule_with_a_client_is_for_that_client_and_says_how_it_knows_it(void)
{
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
	struct config c = rules_of(NAMED "'up':'z/{name}'}");
	const struct mapping_rules r = mapping_rules_of(&c);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mapping_client who = { rows[i].client_id, rows[i].username, rows[i].checked };
		char client[16], id[16];
		struct mapping_hit hit;

		c.mappings[0].client = rows[i].wanted ? strcpy(client, rows[i].wanted) : NULL;
		c.mappings[0].client_id = rows[i].wanted_id ? strcpy(id, rows[i].wanted_id) : NULL;
		CU_ASSERT_EQUAL(mapping_speaker_of(&c.mappings[0], &who), rows[i].expected);
		CU_ASSERT_EQUAL(mapping_up(&r, &who, "z/a", "", 0, &hit),
		                rows[i].expected == MAPPING_NOT_ITS_CLIENT ? ST_NOTFOUND : ST_OK);
	}
	c.mappings[0].client = c.mappings[0].client_id = NULL;
	config_free(&c);
}

/* --- commands --- */

/* *payload is the one that comes out; caller frees. */
static enum status down(const struct config *c, const char *name, const char *rest,
                        const struct mapping_known *known, const char *command,
                        struct mapping_down *out, char **payload)
{
	const struct mapping_known nothing = { NULL, NULL, NULL };
	const struct mapping_rules r = mapping_rules_of(c);
	struct buf b = BUF_MAX(1024);
	enum status st = mapping_down(&r, PID, name, rest, known ? known : &nothing, command,
	                              strlen(command), out, &b);

	*payload = strdup(st == ST_OK && out->rewritten ? buf_text(&b) : command);
	buf_free(&b);
	return st;
}

static void commands_return_to_where_the_messages_came_from(void)
{
	struct config c = rules_of(
		RULE
		"'device':'shelly-{id}','up':'shellyplus1-{id}/events/rpc','down':'shellyplus1-{id}/rpc'}");

	for (int i = 0; i < 1000; i++) {
		char topic[64], expected[64], *payload;
		struct mapping_down to;
		struct mapping_hit hit;

		snprintf(topic, sizeof topic, "shellyplus1-%x-%d/events/rpc", i * 7919, i);
		snprintf(expected, sizeof expected, "shellyplus1-%x-%d/rpc", i * 7919, i);
		CU_ASSERT_EQUAL_FATAL(up(&c, topic, "", &hit), ST_OK);
		CU_ASSERT_EQUAL(down(&c, hit.device_name, "control", NULL, "x", &to, &payload), ST_OK);
		CU_ASSERT_STRING_EQUAL(to.topic, expected);
		free(payload);
		CU_ASSERT_EQUAL(down(&c, hit.device_name, "other", NULL, "x", &to, &payload), ST_NOTFOUND);
		free(payload);
	}
	config_free(&c);
}

static void commands_use_what_was_captured_of_the_last_message(void)
{
	struct config c =
		rules_of(RULE "'device_from':'deviceInfo.devEui','up':'application/{app}/device/"
	                  "{dev}/event/up','down':'application/{app}/device/{dev}/command/down',"
	                  "'sanitize':true}");
	struct mapping_hit hit;
	struct mapping_values kept;
	struct mapping_known known = { hit.original, "application/{app}/device/{dev}/event/up", &kept };
	struct mapping_down to;
	char *payload;

	CU_ASSERT_EQUAL_FATAL(up(&c, "application/17/device/70b3/event/up",
	                         "{\"deviceInfo\":{\"devEui\":\"70 b3\"}}", &hit),
	                      ST_OK);
	mapping_values_kept(hit.rule, &hit.values, &kept);
	CU_ASSERT_EQUAL(down(&c, hit.device_name, "control", &known, "x", &to, &payload), ST_OK);
	CU_ASSERT_STRING_EQUAL(to.topic, "application/17/device/70b3/command/down");
	free(payload);
	known.up = "another/rule";
	CU_ASSERT_EQUAL(down(&c, hit.device_name, "control", &known, "x", &to, &payload), ST_NOTFOUND);
	free(payload);
	config_free(&c);
}

static void a_rule_may_have_only_commands_and_several_of_them(void)
{
	static const char rule[] =
		NAMED "'names':{'tv set':'tv'},'down':'cmnd/{name}/Backlog','from':'raw','commands':["
			  "{'down':'cmnd/{name}/Power1','template':'{relay1}'},"
			  "{'down':'cmnd/{name}/Power2','template':'{relay2.state}'},"
			  "{'down':'rpc/{name}','template':'{{\\\"on\\\":{on},\\\"to\\\":\\\"{name}\\\"}}'},"
			  "{'down':'all/{name}','from':'data','template':'x {.}'}]}";
	static const struct {
		const char *name, *rest, *command, *topic, *payload;
	} rows[] = {
		{ "lamp", "raw", "Power1 ON", "cmnd/lamp/Backlog", "Power1 ON" },
		{ "tv", "raw", "", "cmnd/tv set/Backlog", "" },
		{ "lamp", "control", "{\"relay1\":\"ON\"}", "cmnd/lamp/Power1", "ON" },
		{ "lamp", "control", "{\"relay2\":{\"state\":false}}", "cmnd/lamp/Power2", "false" },
		{ "lamp", "control", "{\"on\":1.50}", "rpc/lamp", "{\"on\":1.50,\"to\":\"lamp\"}" },
		{ "lamp", "control", "{\"other\":1}", NULL, NULL },
		{ "lamp", "control", "no json", NULL, NULL },
		{ "lamp", "data", "no json", "all/lamp", "x no json" },
	};
	struct config c = rules_of(rule);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mapping_down to;
		char *payload;
		enum status st = down(&c, rows[i].name, rows[i].rest, NULL, rows[i].command, &to, &payload);

		CU_ASSERT_EQUAL(st, rows[i].topic ? ST_OK : ST_INVALID);
		if (st == ST_OK && rows[i].topic) {
			CU_ASSERT_STRING_EQUAL(to.topic, rows[i].topic);
			CU_ASSERT_STRING_EQUAL(payload, rows[i].payload);
		}
		free(payload);
	}
	config_free(&c);
}

static void commands_reach_no_tree_of_the_broker(void)
{
	struct config c = rules_of(NAMED "'names':{'$SYS':'sys','a+b':'plus'},'down':'{name}/set'}");
	struct mapping_down to;
	char *payload;

	CU_ASSERT_EQUAL(down(&c, "sys", "control", NULL, "x", &to, &payload), ST_INVALID);
	free(payload);
	CU_ASSERT_EQUAL(down(&c, "plus", "control", NULL, "x", &to, &payload), ST_INVALID);
	free(payload);
	config_free(&c);
}

/* --- presence --- */

static void presence_is_a_word_a_member_or_a_topic_of_its_own(void)
{
	static const char rule[] = NAMED "'up':'z/{name}','presence':'z/{name}/there','conditions':["
									 "{'topic':'z/bridge/state'},"
									 "{'topic':'z/value','member':'value','online':[true,'1']},"
									 "{'topic':'b/{name}','death':'d/{name}'},{'connected':true}]}";
	static const struct {
		size_t condition;
		const char *topic, *payload;
		enum mapping_told told;
	} rows[] = {
		{ 0, "z/lamp/there", "online", MAPPING_TOLD_THERE },
		{ 0, "z/lamp/there", "offline", MAPPING_TOLD_GONE },
		{ 0, "z/lamp/there", "{\"state\":\"online\"}", MAPPING_TOLD_THERE },
		{ 0, "z/lamp/there", "{\"state\":\"offline\"}", MAPPING_TOLD_GONE },
		{ 0, "z/lamp/there", "", MAPPING_TOLD_GONE },
		{ 0, "z/lamp/there", "online ", MAPPING_TOLD_GONE },
		{ 0, "z/lamp/there", "{\"state\":1}", MAPPING_TOLD_GONE },
		{ 0, "z/lamp/there", "{", MAPPING_TOLD_GONE },
		{ 0, "z/lamp", "online", MAPPING_TOLD_NOTHING },
		{ 1, "z/bridge/state", "{\"state\":\"online\"}", MAPPING_TOLD_THERE },
		{ 2, "z/value", "{\"value\":true}", MAPPING_TOLD_THERE },
		{ 2, "z/value", "{\"value\":1}", MAPPING_TOLD_THERE },
		{ 2, "z/value", "{\"value\":false}", MAPPING_TOLD_GONE },
		{ 2, "z/value", "true", MAPPING_TOLD_GONE },
		{ 3, "b/lamp", "\xff\x01", MAPPING_TOLD_THERE },
		{ 3, "d/lamp", "", MAPPING_TOLD_GONE },
		{ 3, "b/lamp", "", MAPPING_TOLD_NOTHING },
		{ 4, "z/lamp/there", "online", MAPPING_TOLD_NOTHING },
	};
	struct config c = rules_of(rule);
	char filter[MAPPING_TOPIC_MAX];

	CU_ASSERT_EQUAL(mapping_condition_count(c.mappings), 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mapping_condition at = mapping_condition(c.mappings, rows[i].condition);
		struct mapping_values values;

		CU_ASSERT_EQUAL(mapping_condition_told(&at, rows[i].topic, rows[i].payload,
		                                       strlen(rows[i].payload), &values),
		                rows[i].told);
	}
	mapping_filter(c.mappings[0].presence, filter);
	CU_ASSERT_STRING_EQUAL(filter, "z/+/there");
	mapping_filter("z/{name...}/there", filter);
	CU_ASSERT_STRING_EQUAL(filter, "z/#");
	mapping_filter("a-{x}/+/b", filter);
	CU_ASSERT_STRING_EQUAL(filter, "+/+/b");
	config_free(&c);
}

/* --- payloads --- */

static void wraps(const char *keys, const char *topic, const char *payload, size_t len,
                  const char *expected)
{
	char rule[256];
	struct buf out = BUF_MAX(20000);
	const char *why = NULL;
	struct mapping_hit hit;
	struct config c;
	enum status st;

	snprintf(rule, sizeof(rule), RULE "'device':'x','up':'z/{sensor}',%s}", keys);
	c = rules_of(rule);
	CU_ASSERT_EQUAL_FATAL(up(&c, topic, "", &hit), ST_OK);
	st = mapping_wrap(&out, c.mappings, &hit.values, payload, len, MILLIS, &why);
	CU_ASSERT_EQUAL(st, expected ? ST_OK : ST_INVALID);
	if (st == ST_OK && expected)
		CU_ASSERT_STRING_EQUAL(buf_text(&out), expected);
	if (!expected)
		CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(why, "neither JSON nor text"));
	buf_free(&out);
	config_free(&c);
}

static void payloads_are_wrapped_as_what_they_are(void)
{
	wraps("'wrap':'v'", "z/t", "21.50", 5, "{\"v\":21.50}");
	wraps("'wrap':'v'", "z/t", "{\"a\":0.0}", 9, "{\"v\":{\"a\":0.0}}");
	wraps("'wrap':'v'", "z/t", "ON", 2, "{\"v\":\"ON\"}");
	wraps("'wrap':'v'", "z/t", "", 0, "{\"v\":\"\"}");
	wraps("'wrap':'v'", "z/t", "a\"b", 3, "{\"v\":\"a\\\"b\"}");
	wraps("'wrap':'v'", "z/t", "\xff\xfe", 2, NULL);
	wraps("'wrap':'v'", "z/t", "a\0b", 3, NULL);
	wraps("'wrap':'v'", "z/t", "{\"a\":1}\0", 8, "{\"v\":{\"a\":1}}");
	wraps("'wrap':'v'", "z/t", "21.5\x1A", 5, "{\"v\":21.5}");
	wraps("'wrap':'{sensor}'", "z/air \"t\"", "1", 1, "{\"air \\\"t\\\"\":1}");
	wraps("'wrap':'sensors.{sensor}'", "z/a.b", "1", 1, "{\"sensors\":{\"a.b\":1}}");
	wraps("'wrap':'a.b.c','ts':true", "z/t", "1", 1,
	      "{\"a\":{\"b\":{\"c\":1}},\"ts\":1764284400123}");
}

static void json_is_taken_however_deep_long_and_large_it_is(void)
{
	enum {
		LEN = 16000
	};
	static char deep[LEN + 1], many[LEN + 1], text[LEN + 1];
	struct buf out = BUF_MAX(20000);
	struct config c = rules_of(RULE "'device':'x','up':'z','wrap':'v'}");
	const struct mapping_values none = { .len = 0 };
	const char *why;

	memset(deep, '[', LEN / 2);
	memset(deep + LEN / 2, ']', LEN / 2);
	for (size_t i = 0; i < LEN; i++)
		many[i] = i == 0 ? '[' : i == LEN - 1 ? ']' : i % 2 ? '1' : ',';
	many[LEN - 2] = '1';
	memset(text, 'x', LEN);
	CU_ASSERT_EQUAL(mapping_wrap(&out, c.mappings, &none, deep, LEN, 0, &why), ST_OK);
	CU_ASSERT(strncmp(buf_text(&out), "{\"v\":[[[", 8) == 0);
	buf_reset(&out);
	CU_ASSERT_EQUAL(mapping_wrap(&out, c.mappings, &none, many, LEN, 0, &why), ST_OK);
	CU_ASSERT(strncmp(buf_text(&out), "{\"v\":[1,1", 9) == 0);
	buf_reset(&out);
	CU_ASSERT_EQUAL(mapping_wrap(&out, c.mappings, &none, text, LEN, 0, &why), ST_OK);
	CU_ASSERT(strncmp(buf_text(&out), "{\"v\":\"xxx", 9) == 0);
	CU_ASSERT_EQUAL(out.len, LEN + 8);
	buf_free(&out);
	config_free(&c);
}

static void what_is_json_is_said_by_the_grammar_alone(void)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{ "{}", true },
		{ " [ ] ", true },
		{ "-0.5e+3", true },
		{ "01", false },
		{ "1.", false },
		{ "+1", false },
		{ "nul", false },
		{ "\"a\\u00e4\"", true },
		{ "\"\\u00g0\"", false },
		{ "\"\\x\"", false },
		{ "\"\t\"", false },
		{ "{\"a\":1,}", false },
		{ "[1,]", false },
		{ "{\"a\"}", false },
		{ "{\"a\":[{}]}", true },
		{ "[}", false },
		{ "{\"a\":1]", false },
		{ "1 2", false },
		{ "", false },
		{ "[1", false },
		{ "{\"a\":1,\"a\":2}", true },
		{ "true", true },
		{ "[true,false,null]", true },
		{ "\"\xff\"", false },
		{ "{,}", false },
		{ "[,1]", false },
		{ "{\"a\":1}\n", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(json_valid(rows[i].text, strlen(rows[i].text)), rows[i].valid);
		if (json_valid(rows[i].text, strlen(rows[i].text)) != rows[i].valid)
			fprintf(stderr, "%s\n", rows[i].text);
	}
}

/* --- what is refused --- */

static void rules_that_cannot_work_are_refused_with_the_key_and_the_fix(void)
{
	static const char first[] = NAMED "'up':'a/{name}','down':'a/{name}/set'},";
	static const struct {
		const char *keys, *fault; /* of the second rule; NULL: fine */
	} rows[] = {
		{ "'device':'{y}','up':'b/{x}'", "device: uses {y}, which up does not have" },
		{ "'device':'{x}','up':'b/{x}','down':'b/{z}/set'",
		  "down: uses {z}, which up or device does not have" },
		{ "'device':'{x}','presence':'b/state'", "device: uses {x}, which presence does not have" },
		{ "'device':'{x}'", "up: is missing" },
		{ "'up':'b/{x}'", "device: is missing; say which device it is, or device_from" },
		{ "'device':'{x}','up':'b/#'", "up: is no pattern" },
		{ "'device':'{x}','up':'b/{x'", "up: is no pattern" },
		{ "'device':'{x}','up':'b/{x}{y}'", "up: is no pattern" },
		{ "'device':'{x}','up':'b/{}'", "up: is no pattern" },
		{ "'device':'{x}','up':'b/a+/{x}'", "up: is no pattern" },
		{ "'device':'{x}','up':'b/a{x...}'", "up: is no pattern" },
		{ "'device':'{x}','up':'{x...}/{y...}'", "up: is no pattern" },
		{ "'device':'{x}{y}','up':'b/{x}/{y}'", "device: is no pattern" },
		{ "'device':'{x}','up':'b/{x}','down':'b/+/set'", "down: is no pattern" },
		{ "'device':'{x}','up':'" PID "/{x}/event'", "up: lies in the hub's topics" },
		{ "'device':'{x}','up':'$shadow/operation/{x}'", "up: lies in the hub's topics" },
		{ "'device':'{x}','up':'b/{x}','down':'$CONTROL/{x}'", "down: lies in a $ tree" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'down':'$SYS/{x}'}]",
		  "commands[0].down: lies in a $ tree" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'from':'c'}]", "commands[0].down: is missing" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'down':'c','template':'{'}]",
		  "commands[0].template: has a brace without its partner" },
		{ "'device':'{x}','up':'b/{x}','commands':{}", "commands: must be a list of objects" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'to':'c','down':'c'}]", "commands[0].to: " },
		{ "'device':'{x}','up':'b/{x}','template':'{state}'", "template: means nothing without" },
		{ "'device':'{x}','up':'b/{x}','down':'c','template':'a}'", "template: has a brace" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{}]", "conditions[0].topic: is missing" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c','connected':true}]",
		  "conditions[0].topic: stands beside connected" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c/#'}]",
		  "conditions[0].topic: is no pattern" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c/{x}','death':'d'}]",
		  "conditions[0].death: lacks {x}" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'connected':true,'death':'d'}]",
		  "conditions[0].death: needs a topic" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c','online':7}]",
		  "conditions[0].online: is a number; use a text or a list of texts" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c','online':[7]}]",
		  "conditions[0].online: has a value that is not possible here" },
		{ "'device':'{x}','up':'b/{x}','register':'y'", "register: is a text; use true or false" },
		{ "'device':'{x}','up':'b/{x}','template':1", "template: is a number; use a text" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':1}]",
		  "conditions[0].topic: is a number; use a text" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c','member':''}]",
		  "conditions[0].member: \"\" is not possible" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'topic':'c','death':1}]",
		  "conditions[0].death: is a number" },
		{ "'device':'{x}','up':'b/{x}','conditions':[{'connected':1}]",
		  "conditions[0].connected: is a number; use true or false" },
		{ "'device':'{x}','up':'b/{x}','conditions':[7]", "conditions[0]: must be an object" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'down':1}]", "commands[0].down: is a number" },
		{ "'device':'{x}','up':'b/{x}','commands':[{'down':'c','from':1}]",
		  "commands[0].from: is a number" },
		{ "'device':'{x}','up':'b/{x}','names':{'a b':'c d'}", "names: has \"c d\"" },
		{ "'device':'{x}','up':'b/{x}','names':['a']", "names: is a list; use an object of texts" },
		{ "'device':'{x}','up':'b/{x}','allow':{}", "allow: is an object; use a text or a list" },
		{ "'device':'{x}','up':'b/{x}','deny':['']", "deny: has a value that is not possible" },
		{ "'device':'{x}','up':'b/{x}','sanitize':1", "sanitize: is a number; use true or false" },
		{ "'device':'{x}','up':'b/{x}','silence_s':-1", "silence_s: -1 is not in range" },
		{ "'device':'{x}','up':'b/{x}','ts':true", "ts: means nothing without wrap" },
		{ "'device':'{x}','up':'b/{x}','wrap':'{y}'", "wrap: uses {y}, which up does not have" },
		{ "'device':'{x}','up':'b/{x}','wrap':'{'", "wrap: has a brace" },
		{ "'device':'{x}','up':'b/{x}','register':true", "register: needs the product" },
		{ "'device_from':'x','down':'b/c'", "device_from: needs up" },
		{ "'device':'{x}','up':'b/{x}','device_from':''", "device_from: \"\" is not possible" },
		{ "'device':'{x}','up':'b/{x}','client_id':''", "client_id: \"\" is not possible" },
		{ "'device':'{x}','up':'a/{x}'", "up: overlaps mappings[0].up" },
		{ "'device':'{x}','up':'+/{x}'", "up: overlaps mappings[0].up" },
		{ "'device':'{x}','up':'{x...}'", "up: overlaps mappings[0].up" },
		{ "'device':'{x}','up':'a/{x}','deny':'y'", NULL },
		{ "'device':'{x}','up':'a/{x}/set'", NULL }, /* what a command publishes raises no event */
		{ "'device':'{x}','up':'b/{x}','down':'b/{x}'", NULL },
		{ "'device':'{x}','up':'b/{x}','down':'a/{x}'", NULL },
		{ "'device':'{x}-{y}','up':'b/{x}/{y}','down':'c/{y}'", NULL },
		{ "'device':'{x}','down':'b/{x}'", NULL },
		{ "'device':'{x}','up':'b/{x}','presence':'b/{x}/online'", NULL },
		{ "'device':'{x}','up':'b/{x}','presence':'gateway/state'", NULL },
		{ "'device':'{x}','up':'b/{x}','conditions':[]", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char rules[512], expected[256];
		const char *fault;

		snprintf(rules, sizeof(rules), "%s" RULE "%s}", first, rows[i].keys);
		fault = rules_fault(rules, "");
		snprintf(expected, sizeof(expected), "mappings[1].%s", rows[i].fault ? rows[i].fault : "");
		CU_ASSERT_EQUAL(*fault == '\0', rows[i].fault == NULL);
		CU_ASSERT(!rows[i].fault || strncmp(fault, expected, strlen(expected)) == 0);
		if (rows[i].fault ? strncmp(fault, expected, strlen(expected)) != 0 : *fault != '\0')
			fprintf(stderr, "%s: %s\n", rows[i].keys, fault);
	}
	CU_ASSERT_STRING_EQUAL(
		rules_fault("{'product_id':'" PID "','device':'x','up':'b','known_only':1}", ""),
		"mappings[0].known_only: is a number; use true or false, without quotes");
}

static void a_client_serves_several_devices_when_its_rules_may_make_several(void)
{
	static const struct {
		const char *client, *device;
		bool several;
	} rows[] = {
		{ "'other'", "{n}", true },      { "null", "{n}", true },
		{ "'meters'", "gas", true },     { "'meters'", "water", true },
		{ "'heater'", "boiler", false }, { "null", "door", false },
		{ "'heater'", "boiler", false },
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	char rules[2048] = "";
	struct config c;
	struct mapping_rules r;

	for (size_t i = 0; i < ROWS; i++)
		snprintf(rules + strlen(rules), sizeof(rules) - strlen(rules),
		         "%s" RULE "'client':%s,'device':'%s','up':'%zu/{n}'}", i ? "," : "",
		         rows[i].client, rows[i].device, i);
	c = rules_of(rules);
	/* The one without a client and with captures would be beside all others. */
	r = mapping_rules_of(&c);
	for (size_t i = 0; i < ROWS; i++) {
		if (strcmp(rows[i].device, "door") != 0)
			CU_ASSERT_EQUAL(mapping_serves_several(&r, &r.at[i]), rows[i].several);
	}
	config_free(&c);
}

static void explains(const struct config *c, const char *topic, const char *payload,
                     const char *expected)
{
	const struct mapping_client who = { .client_id = "x", .username = "bridge", .checked = true };
	const struct mapping_rules r = mapping_rules_of(c);
	char words[512];

	mapping_explain(&r, &who, topic, payload, strlen(payload), words, sizeof(words));
	CU_ASSERT_STRING_EQUAL(words, expected);
	if (strcmp(words, expected) != 0)
		fprintf(stderr, "%s: %s\n", topic, words);
}

static void what_becomes_of_a_topic_is_explained(void)
{
	struct config c = rules_of(
		NAMED "'client':'bridge','up':'z/{name...}','presence':'z/{name...}/there','sanitize':true,"
			  "'deny':'gate*'}," NAMED "'client':'other','up':'o/{name}','wrap':'v'}," RULE
			  "'device_from':'id','up':'lora/up'}," NAMED "'up':'n/{name}'}");

	explains(&c, "z/lamp", "1",
	         "mappings[0].up takes it: it goes to the hub as " PID "/lamp/event, device " PID
	         "/lamp");
	explains(&c, "z/a b", "1",
	         "mappings[0].up takes it: it goes to the hub as " PID
	         "/a-b-c8687a08/event, device " PID "/a-b-c8687a08; the device calls itself \"a b\"");
	explains(&c, "z/lamp/there", "online",
	         "mappings[0].presence takes it: it tells whether a device is there");
	explains(&c, "z/gate/x", "1",
	         "mappings[0].up fits, but for the name \"gate/x\": deny keeps this name out");
	explains(&c, "o/lamp", "1", "mappings[1].up fits, but is for the client other alone");
	explains(&c, "lora/up", "{}",
	         "mappings[2].up fits, but for the name \"\": its payload has no such member as "
	         "device_from names; it stays on the LAN");
	explains(
		&c, "n/a b", "1",
		"mappings[3].up fits, but for the name \"a b\": it is no device name of the hub (1-48 "
		"of A-Z a-z 0-9 : _ -); give it another in names, or set sanitize; it stays on the LAN");
	explains(&c, "elsewhere", "1", "no rule of mappings[] fits: it stays on the LAN");
	config_free(&c);
}

SUITE(mapping_rules, TEST(a_client_serves_several_devices_when_its_rules_may_make_several),
      TEST(topics_go_up_by_their_captures), TEST(names_become_names_of_the_hub),
      TEST(two_names_that_look_alike_stay_two), TEST(device_is_named_by_a_member_of_the_payload),
      TEST(lists_choose_the_names_and_the_rule),
      TEST(rule_with_a_client_is_for_that_client_and_says_how_it_knows_it),
      TEST(commands_return_to_where_the_messages_came_from),
      TEST(commands_use_what_was_captured_of_the_last_message),
      TEST(a_rule_may_have_only_commands_and_several_of_them),
      TEST(commands_reach_no_tree_of_the_broker),
      TEST(presence_is_a_word_a_member_or_a_topic_of_its_own),
      TEST(payloads_are_wrapped_as_what_they_are),
      TEST(json_is_taken_however_deep_long_and_large_it_is),
      TEST(what_is_json_is_said_by_the_grammar_alone),
      TEST(rules_that_cannot_work_are_refused_with_the_key_and_the_fix),
      TEST(what_becomes_of_a_topic_is_explained))
