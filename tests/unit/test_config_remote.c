/* What the hub may add to hubgate.json, and what never. */
#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_table.h"
#include "tests/runner.h"

#define GATEWAY(more)                                                     \
	"\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\"," \
	"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"" more "}"
#define ON    ",\"remote_config\":true"
#define STORE "\"store\":{\"dir\":\"/var/lib/mosquitto/hubgate\"}"
#define PRODUCTS                                                                            \
	"\"products\":[{\"product_id\":\"SUBPRODUC1\",\"product_secret\":\"0123456789abcdef\"," \
	"\"register\":true},{\"product_id\":\"SUBPRODUC2\"}]"
#define DEV1 "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"}"
#define FILE_TEXT                                                     \
	"{" GATEWAY(ON) "," STORE "," PRODUCTS ",\"devices\":[" DEV1 "]," \
					"\"hub\":{\"window\":7},\"routes\":[{\"topic\":\"a/#\",\"policy\":\"drop\"}]}"

static struct config cfg;
static struct config_report rep;

static enum status load(const char *text, const char *remote)
{
	struct config_source src = { .name = "/etc/x/hubgate.json",
		                         .text = text,
		                         .len = strlen(text),
		                         .remote = remote,
		                         .remote_len = remote ? strlen(remote) : 0 };

	config_free(&cfg);
	return config_parse(&src, &cfg, &rep);
}

/* One error about the remote configuration that has this in it. */
static bool refused(const char *remote, const char *part)
{
	enum status st = load(FILE_TEXT, remote);
	bool ok = st != ST_OK && rep.error_count >= 1 &&
	          strncmp(rep.errors[0], "remote configuration:", 21) == 0 &&
	          strstr(rep.errors[0], part) != NULL;

	if (!ok)
		fprintf(stderr, "%s: %d: %s\n", remote, st, rep.error_count ? rep.errors[0] : "no error");
	config_free(&cfg);
	return ok;
}

static void entries_are_added_behind_those_of_the_file(void)
{
	CU_ASSERT_EQUAL_FATAL(
		load(FILE_TEXT,
	         "{\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"far1\"}],"
	         "\"mappings\":[{\"client\":\"z2m\",\"product_id\":\"SUBPRODUC2\",\"device\":\"{n}\","
	         "\"up\":\"z/{n}\"}],"
	         "\"routes\":[{\"topic\":\"b/#\",\"policy\":\"latest\",\"min_interval_ms\":5}],"
	         "\"hub\":{\"rate_up\":9},\"presence\":{\"grace_ms\":77}}"),
		ST_OK);
	CU_ASSERT_EQUAL_FATAL(cfg.device_count, 2);
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].device_name, "dev1");
	CU_ASSERT_STRING_EQUAL(cfg.devices[1].device_name, "far1");
	CU_ASSERT_EQUAL_FATAL(cfg.route_count, 2);
	CU_ASSERT_STRING_EQUAL(cfg.routes[0].topic, "a/#");
	CU_ASSERT_EQUAL(cfg.mapping_count, 1);
	CU_ASSERT_EQUAL(cfg.hub.rate_up, 9);
	CU_ASSERT_EQUAL(cfg.hub.window, 7);
	CU_ASSERT_EQUAL(cfg.presence.grace_ms, 77);
	config_free(&cfg);
}

static void what_the_file_says_wins(void)
{
	CU_ASSERT_EQUAL_FATAL(load(FILE_TEXT, "{\"devices\":[" DEV1 "],\"hub\":{\"window\":99}}"),
	                      ST_OK);
	CU_ASSERT_EQUAL(cfg.device_count, 1);
	CU_ASSERT_EQUAL(cfg.hub.window, 7);
	config_free(&cfg);
}

static void a_missing_section_means_none_from_afar(void)
{
	static const char *const texts[] = { "{}", "{\"devices\":[]}", "{\"hub\":{}}" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		CU_ASSERT_EQUAL_FATAL(load(FILE_TEXT, texts[i]), ST_OK);
		CU_ASSERT_EQUAL(cfg.device_count, 1);
		CU_ASSERT_EQUAL(cfg.mapping_count, 0);
		CU_ASSERT_EQUAL(cfg.route_count, 1);
		config_free(&cfg);
	}
}

/* --- never --- */

/* The path as JSON: "hub.host" -> {"hub":{"host":1}}. */
static void as_json(const char *path, char out[256])
{
	size_t section = strcspn(path, "[.");
	bool list = path[section] == '[';
	const char *key = path[section] ? strchr(path, '.') + 1 : NULL;

	if (!key)
		snprintf(out, 256, "{\"%s\":{}}", path);
	else
		snprintf(out, 256, "{\"%.*s\":%s{\"%s\":\"x\"}%s}", (int)section, path, list ? "[" : "",
		         key, list ? "]" : "");
}

static void every_row_of_what_may_never_be_said_is_refused_with_its_reason(void)
{
	static const struct {
		const char *path, *why;
	} rows[] = {
#define NEVER(path, why) { path, why },
#include "core/config/config_never.tbl"
	};
	char text[256];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		as_json(rows[i].path, text);
		CU_ASSERT(refused(text, rows[i].why));
		CU_ASSERT(refused(text, "is never taken from afar"));
	}
}

static bool may_be_said(const char *section, const char *key)
{
	static const char *const all[] = {
		"devices.product_id",   "devices.device_name", "mappings.client",
		"mappings.client_id",   "mappings.product_id", "mappings.device",
		"mappings.device_from", "mappings.names",      "mappings.sanitize",
		"mappings.allow",       "mappings.deny",       "mappings.known_only",
		"mappings.up",          "mappings.to",         "mappings.wrap",
		"mappings.ts",          "mappings.down",       "mappings.from",
		"mappings.template",    "mappings.commands",   "mappings.presence",
		"mappings.online",      "mappings.conditions", "mappings.silence_s",
		"routes.topic",         "routes.policy",       "routes.min_interval_ms",
		"hub.rate_up",          "hub.window",          "presence.grace_ms"
	};
	char path[128];

	snprintf(path, sizeof path, "%s.%s", section, key);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (strcmp(all[i], path) == 0)
			return true;
	}
	return false;
}

/* Also of keys that somebody adds to config.tbl later. */
static void every_key_that_is_not_on_the_list_is_refused(void)
{
	char text[256];

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_section *s = &config_sections[config_keys[i].section];

		if (may_be_said(s->name, config_keys[i].name))
			continue;
		snprintf(text, sizeof text, "{\"%s\":%s{\"%s\":null}%s}", s->name, s->list ? "[" : "",
		         config_keys[i].name, s->list ? "]" : "");
		CU_ASSERT(refused(text, "is never taken from afar"));
	}
	CU_ASSERT(refused("{\"tomorrow\":1}", "tomorrow: is never taken from afar"));
	CU_ASSERT(refused("{\"$schema\":\"x\"}", "is never taken from afar"));
}

#define RULE(more)                                                                         \
	"{\"mappings\":[{\"client\":\"z2m\",\"product_id\":\"SUBPRODUC2\",\"device\":\"{n}\"," \
	"\"up\":\"z/{n}\"," more "}]}"

static void all_of_a_mapping_that_says_no_more_than_which_device_speaks_how_is_taken(void)
{
	CU_ASSERT_EQUAL_FATAL(
		load(FILE_TEXT,
	         RULE("\"client_id\":\"z\",\"names\":{\"a b\":\"ab\"},\"sanitize\":true,\"allow\":"
	              "[\"x*\"],\"deny\":\"xx\",\"known_only\":true,\"wrap\":\"v\",\"ts\":true,"
	              "\"down\":\"z/{n}/set\",\"template\":\"{.}\",\"commands\":[{\"from\":\"data\","
	              "\"down\":\"z/{n}/get\",\"template\":\"{a}\"}],\"conditions\":[{\"topic\":"
	              "\"z/{n}/there\",\"member\":\"on\",\"online\":[true]},{\"connected\":true},"
	              "{\"topic\":\"b/{n}\",\"death\":\"d/{n}\"}],\"silence_s\":60")),
		ST_OK);
	CU_ASSERT_EQUAL_FATAL(cfg.mapping_count, 1);
	CU_ASSERT_EQUAL(cfg.mappings[0].conditions.count, 3);
	CU_ASSERT_EQUAL(cfg.mappings[0].commands.count, 1);
	CU_ASSERT_FALSE(cfg.mappings[0].may_register);
	config_free(&cfg);
}

static void what_stands_inside_a_mapping_is_on_a_list_too(void)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ RULE("\"register\":true"), "mappings[].register: is never taken from afar" },
		{ RULE("\"conditions\":[{\"connected\":true,\"tomorrow\":1}]"),
		  "mappings[].conditions[].tomorrow: is never taken from afar" },
		{ RULE("\"commands\":[{\"down\":\"a\",\"register\":1}]"),
		  "mappings[].commands[].register: is never taken from afar" },
		{ RULE("\"conditions\":[{\"topic\":\"$SYS/x\"}]"),
		  "mappings[].conditions[].topic: begins with $" },
		{ RULE("\"conditions\":[{\"topic\":\"a\",\"death\":\"$SYS/x\"}]"),
		  "mappings[].conditions[].death: begins with $" },
		{ RULE("\"commands\":[{\"down\":\"$CONTROL/x\"}]"),
		  "mappings[].commands[].down: begins with $" },
		{ RULE("\"commands\":[1]"), "mappings[0].commands" },
		{ RULE("\"commands\":[[1]]"), "mappings[].commands[]" },
		{ RULE("\"conditions\":{}"), "mappings[0].conditions" },
		{ "{\"conditions\":[{\"topic\":\"a\"}]}", "conditions: is never taken from afar" },
		{ "{\"mappings\":[{\"product_id\":\"SUBPRODUC2\",\"device\":\"{n}\",\"up\":\"z/{n}\"}]}",
		  "mappings[].client: is missing" },
		{ "{\"mappings\":[{\"client\":null,\"client_id\":\"z\",\"product_id\":\"SUBPRODUC2\","
		  "\"device\":\"{n}\",\"up\":\"z/{n}\"}]}",
		  "mappings[].client: is missing" },
		{ "{\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"far1\",\"plain\":true}]}",
		  "devices[].plain: is never taken from afar" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT(refused(rows[i].text, rows[i].part));
}

static void one_key_that_is_refused_refuses_all_of_it(void)
{
	CU_ASSERT(refused("{\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"far1\"},\n"
	                  "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"far2\",\"login\":\"x\"}]}",
	                  "remote configuration:2: devices[].login: is never taken"));
	CU_ASSERT_EQUAL(cfg.device_count, 0);
}

/* --- values --- */

static void values_are_checked_as_those_of_the_file_with_their_own_line_and_place(void)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "{\"devices\":[{\"product_id\":\"SUBPRODUC2\",\"device_name\":\"far1\"}]}",
		  "devices[].product_id: is no product that registers" },
		{ "{\"devices\":[{\"product_id\":\"SUBPRODUC9\",\"device_name\":\"far1\"}]}",
		  "is no product that registers" },
		{ "{\"devices\":[{\"device_name\":\"far1\"}]}", "is no product that registers" },
		{ "{\"devices\":[{\"product_id\":\"SUBPRODUC1\",\n\"device_name\":\"far/1\"}]}",
		  "remote configuration:2: devices[0].device_name: \"far/1\" has a character" },
		{ "{\"devices\":[{\"product_id\":\"SUBPRODUC1\"}]}", "devices[0].device_name: is missing" },
		{ "{\"devices\":[1]}", "devices[0]: must be an object" },
		{ "{\"devices\":{}}", "devices: must be a list" },
		{ "{\"hub\":[]}", "hub: must be an object" },
		{ "{\"routes\":[{\"topic\":\"a/#/b\"}]}", "routes[0].topic: \"a/#/b\" is not possible" },
		{ "{\"routes\":[{\"topic\":\"c\",\"policy\":\"never\"}]}", "routes[0].policy:" },
		{ "{\"mappings\":[{\"product_id\":\"SUBPRODUC2\",\"device\":\"x\",\"up\":\"$SYS/{x}\"}]}",
		  "mappings[].up: begins with $" },
		{ "{\"mappings\":[{\"product_id\":\"SUBPRODUC2\",\"device\":\"x\",\"down\":\"$CONTROL/x\"}]}",
		  "mappings[].down: begins with $" },
		{ "{\"mappings\":[{\"product_id\":\"SUBPRODUC2\",\"device\":\"x\",\"presence\":\"$SYS/x\"}]}",
		  "mappings[].presence: begins with $" },
		{ "{\"mappings\":[{\"client\":\"z2m\",\"product_id\":\"SUBPRODUC1\",\"device\":\"x\"}]}",
		  "mappings[0]" },
		{ "{\"hub\":{\"rate_up\":0}}", "hub.rate_up: is not within what the hub takes" },
		{ "{\"hub\":{\"rate_up\":21}}", "hub.rate_up: is not within what the hub takes" },
		{ "{\"hub\":{\"rate_up\":\"9\"}}", "hub.rate_up: is a text" },
		{ "{\"presence\":{\"grace_ms\":600001}}", "presence.grace_ms: 600001 is not in range" },
		{ "{\"devices\":[", "remote configuration:1:" },
		{ "[]", "must be an object" },
		{ "", "remote configuration:1:" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT(refused(rows[i].text, rows[i].part));
}

static void mapping_that_takes_what_a_rule_of_the_file_takes_is_refused(void)
{
	static const char file[] = "{" GATEWAY(
		ON) "," STORE
			",\"mappings\":[{\"product_id\":\"SUBPRODUC1\",\"device\":\"{n}\",\"up\":\"z/{n}\"}]}";

	CU_ASSERT_EQUAL(load(file, NULL), ST_OK);
	CU_ASSERT_NOT_EQUAL(load(file,
	                         "{\"mappings\":[{\"client\":\"z2m\",\"product_id\":\"SUBPRODUC2\","
	                         "\"device\":\"{n}\",\"up\":\"z/{n}\"}]}"),
	                    ST_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(rep.errors[0], "remote configuration:1: mappings[0]"));
}

static void lists_are_bounded(void)
{
	struct buf text = BUF_MAX(CONFIG_REMOTE_BYTES_MAX);

	buf_add_text(&text, "{\"routes\":[");
	for (int i = 0; i < 201; i++)
		buf_addf(&text, "%s{\"topic\":\"r/%d\"}", i ? "," : "", i);
	buf_add_text(&text, "]}");
	CU_ASSERT(refused(buf_text(&text), "routes: has more than 200 elements"));
	buf_free(&text);
}

/* --- whether at all --- */

static void it_needs_a_hub_that_proves_who_it_is(void)
{
	static const char *const hubs[] = { "{\"tls\":false}", "{\"verify\":false}",
		                                "{\"verify_host\":false}" };
	char text[512];

	for (size_t i = 0; i < sizeof hubs / sizeof hubs[0]; i++) {
		snprintf(text, sizeof text, "{" GATEWAY(ON) "," STORE ",\"hub\":%s}", hubs[i]);
		CU_ASSERT_NOT_EQUAL(load(text, NULL), ST_OK);
		CU_ASSERT_EQUAL(rep.error_count, 1);
		CU_ASSERT_PTR_NOT_NULL(
			strstr(rep.errors[0], "gateway.remote_config: needs a hub that proves who it is"));
	}
	CU_ASSERT_EQUAL(load("{" GATEWAY("") "," STORE "}", NULL), ST_OK);
	CU_ASSERT_FALSE(cfg.gateway.remote_config); /* not by default */
	CU_ASSERT_STRING_EQUAL(cfg.gateway.report_topic, "event");
	config_free(&cfg);
}

static void report_topic_is_one_that_the_gateway_can_publish_on(void)
{
	static const char *const wrong[] = { "+", "a/#", "a//b/c/d/e/f/g/h/i/j/k", "" };
	char text[512];

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(text, sizeof text,
		         "{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
		         "\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"report_topic\":\"%s\"}," STORE "}",
		         wrong[i]);
		CU_ASSERT_NOT_EQUAL(load(text, NULL), ST_OK);
		CU_ASSERT_PTR_NOT_NULL(strstr(rep.errors[0], "gateway.report_topic"));
	}
}

SUITE(config_remote, TEST(entries_are_added_behind_those_of_the_file),
      TEST(what_the_file_says_wins), TEST(a_missing_section_means_none_from_afar),
      TEST(every_row_of_what_may_never_be_said_is_refused_with_its_reason),
      TEST(every_key_that_is_not_on_the_list_is_refused),
      TEST(all_of_a_mapping_that_says_no_more_than_which_device_speaks_how_is_taken),
      TEST(what_stands_inside_a_mapping_is_on_a_list_too),
      TEST(one_key_that_is_refused_refuses_all_of_it),
      TEST(values_are_checked_as_those_of_the_file_with_their_own_line_and_place),
      TEST(mapping_that_takes_what_a_rule_of_the_file_takes_is_refused), TEST(lists_are_bounded),
      TEST(it_needs_a_hub_that_proves_who_it_is),
      TEST(report_topic_is_one_that_the_gateway_can_publish_on))
