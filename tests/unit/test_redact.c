#include "cli/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_table.h"
#include "tests/runner.h"

enum {
	OUT_MAX = 1 << 20
};

static struct redact *r;
static struct buf out = BUF_MAX(OUT_MAX);

/* Files and variables called "there..." exist, and hold CANARY-held. */
static bool holder(void *ctx, struct redact *into, const char *name, bool environment)
{
	(void)ctx;
	(void)environment;
	return strncmp(name, "there", 5) == 0 && redact_learn(into, "CANARY-held", 11);
}

static void leave(void)
{
	redact_free(r);
	r = NULL;
	buf_free(&out);
}

static const char *config(const char *text)
{
	enum status st;

	leave();
	r = redact_new();
	st = redact_config(r, text, strlen(text), holder, NULL, &out);
	return st == ST_OK ? buf_text(&out) : status_text(st);
}

static const char *mosquitto(const char *text)
{
	leave();
	r = redact_new();
	CU_ASSERT_EQUAL(redact_mosquitto(r, text, strlen(text), &out), ST_OK);
	return buf_text(&out);
}

/* What the secrets learned so far make of a text. */
static const char *also(const char *text)
{
	buf_reset(&out);
	CU_ASSERT_EQUAL(redact_text(r, text, strlen(text), &out), ST_OK);
	return buf_text(&out);
}

static bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	fprintf(stderr, "'%s' is not in '%s'\n", part, text);
	return false;
}

static void secrets_of_hubgate_json_are_replaced_and_the_rest_stays(void)
{
	const char *text =
		config("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"secret\":\"CANARY-1\"},"
	           "\"hub\":{\"keepalive\":240,\"address\":null},"
	           "\"products\":[{\"product_secret\":\"CANARY-2\"}],"
	           "\"devices\":[{\"device_name\":\"dev1\",\"secret\":\"CANARY-3\"}]}");

	CU_ASSERT(has(text, "GWPRODUCT1"));
	CU_ASSERT(has(text, "\"keepalive\":\t240"));
	CU_ASSERT(has(text, "\"secret\":\t\"(secret)\""));
	CU_ASSERT(has(text, "\"product_secret\":\t\"(secret)\""));
	CU_ASSERT(has(text, "dev1"));
	CU_ASSERT_PTR_NULL(strstr(text, "CANARY"));
	CU_ASSERT_STRING_EQUAL(also("x CANARY-3CANARY-1\nCANARY-2"), "x (secret)(secret)\n(secret)");
	leave();
}

/* Each key of the table that may hold one, in its section. */
static void every_key_that_holds_a_secret_is_replaced(void)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		const struct config_section *section = &config_sections[key->section];
		char text[256];

		if (section->part ||
		    (key->kind != KIND_SECRET && key->kind != KIND_PRODUCT_SECRET && key->kind != KIND_ENV))
			continue;
		snprintf(text, sizeof text,
		         section->list ? "{\"%s\":[{\"%s\":\"CANARY-0\"}]}"
		                       : "{\"%s\":{\"%s\":\"CANARY-0\"}}",
		         section->name, key->name);
		CU_ASSERT_PTR_NULL(strstr(config(text), "CANARY"));
		CU_ASSERT_STRING_EQUAL(also("CANARY-0"), "(secret)");
	}
	leave();
}

static void a_file_of_a_secret_is_named_only_where_there_is_one(void)
{
	const char *text =
		config("{\"gateway\":{\"secret_file\":\"CANARY-path\",\"cert_file\":\"c.pem\"},"
	           "\"devices\":[{\"secret_file\":\"there.key\"},"
	           "{\"secret_env\":\"thereENV\"}]}");

	CU_ASSERT_PTR_NULL(strstr(text, "CANARY"));
	CU_ASSERT(has(text, "there.key"));
	CU_ASSERT(has(text, "c.pem"));
	CU_ASSERT(has(text, "(name of a variable)"));
	CU_ASSERT_STRING_EQUAL(also("CANARY-held"), "(secret)");
	leave();
}

static void what_the_table_does_not_know_is_hidden(void)
{
	static const char *const odd[] = {
		"{\"gateway\":{\"secrets\":\"CANARY-odd\"}}",
		"{\"gateway\":{\"secret\":[\"CANARY-odd\"]}}",
		"{\"gateway\":{\"secret\":{\"a\":{\"b\":\"CANARY-odd\"}}}}",
		"{\"gateway\":[\"CANARY-odd\"]}",
		"{\"gateway\":\"CANARY-odd\"}",
		"{\"gatway\":{\"secret\":\"CANARY-odd\"}}",
		"{\"devices\":{\"secret\":\"CANARY-odd\"}}",
		"{\"devices\":[\"CANARY-odd\"]}",
		"{\"mappings\":[{\"commands\":[{\"pw\":\"CANARY-odd\"}]}]}",
		"{\"hub\":{\"register_url\":\"https://me:CANARY-odd@hub/\"}}",
	};

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		CU_ASSERT_PTR_NULL(strstr(config(odd[i]), "CANARY"));
	leave();
}

/* Broken files are what people ask for help with. */
static void texts_of_a_file_that_is_no_json_count_as_secrets(void)
{
	CU_ASSERT_STRING_EQUAL(config("{\"gateway\":{\"secret\":\"CANARY-broken\",}"), "malformed");
	CU_ASSERT_STRING_EQUAL(also("has CANARY-broken in it"), "has (secret) in it");
	CU_ASSERT_STRING_EQUAL(config("[\"CANARY-list\"]"), "malformed");
	CU_ASSERT_STRING_EQUAL(also("CANARY-list"), "(secret)");
	leave();
}

static void passwords_and_comments_of_mosquitto_conf_are_left_out(void)
{
	const char *text = mosquitto("# remote_password CANARY-old\n  listener 1883\r\n"
	                             "remote_password CANARY-1\nbridge_psk\tCANARY-2\n"
	                             "password_file /etc/pw\nplugin_opt_config_file /etc/h.json\n"
	                             "plugin_opt_db_pass CANARY-3\nauth_opt_pg CANARY-4\n\n");

	CU_ASSERT_STRING_EQUAL(text, "listener 1883\nremote_password (secret)\nbridge_psk (secret)\n"
	                             "password_file /etc/pw\nplugin_opt_config_file /etc/h.json\n"
	                             "plugin_opt_db_pass (secret)\nauth_opt_pg (secret)\n");
	CU_ASSERT_STRING_EQUAL(also("CANARY-4"), "(secret)");
	leave();
}

static void a_secret_that_stands_in_a_longer_one_hides_both(void)
{
	leave();
	r = redact_new();
	CU_ASSERT(redact_learn(r, "secret-1", 8));
	CU_ASSERT(redact_learn(r, "secret-12345", 12));
	CU_ASSERT(redact_learn(r, "abc", 3)); /* too short to be looked for */
	CU_ASSERT_STRING_EQUAL(also("secret-12345 secret-1 abc"), "(secret) (secret) abc");
	leave();
}

SUITE(redact, TEST(secrets_of_hubgate_json_are_replaced_and_the_rest_stays),
      TEST(every_key_that_holds_a_secret_is_replaced),
      TEST(a_file_of_a_secret_is_named_only_where_there_is_one),
      TEST(what_the_table_does_not_know_is_hidden),
      TEST(texts_of_a_file_that_is_no_json_count_as_secrets),
      TEST(passwords_and_comments_of_mosquitto_conf_are_left_out),
      TEST(a_secret_that_stands_in_a_longer_one_hides_both))
