/* The command `hubgate`, as a user calls it. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *member(const cJSON *object, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);

	return text_fmt("%s", cJSON_IsString(value) ? value->valuestring : "");
}

/* What it prints for a device of a broker's file lets this device in. */
static void lets_in(struct scene *s, const char *arguments)
{
	char *line =
		text_fmt("credentials --json --config %s/hubgate.json %s", lan_dir(s->lan), arguments);
	struct command_call c = command_call(line);
	cJSON *printed = cJSON_Parse(c.out);
	char *id = member(printed, "client_id"), *name = member(printed, "username");
	char *password = member(printed, "password");
	struct dev *d = client_connect(
		lan_port(s->lan),
		&(struct dev_opts){ .client_id = id, .username = name, .password = password });

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT(strncmp(id, PRODUCT "dev1", sizeof PRODUCT "dev1") == 0);
	CU_ASSERT_FATAL(d != NULL);
	CU_ASSERT_EQUAL(dev_code(d), 0);
	CU_ASSERT(dev_publish_acked(d, PRODUCT "/dev1/event", "{\"seq\":1}", WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(s, PRODUCT "/dev1/event", WAIT_MS));
	dev_disconnect(d);
	cJSON_Delete(printed);
	command_call_free(&c);
	free(line);
	free(id);
	free(name);
	free(password);
}

static void credentials_of_a_device_let_it_in(void)
{
	struct scene s = scene_start(NULL);

	lets_in(&s, PRODUCT "/dev1");
	lets_in(&s, PRODUCT "/dev1 --hash sha256");
	scene_end(&s);
}

static const struct wrong {
	const char *arguments;
	int code;
	const char *says;
} wrongs[] = {
	{ "", 2, "Usage: hubgate COMMAND" },
	{ "nonsense", 2, "no command is called 'nonsense'" },
	{ "credentials nonsense", 2, "is not PID/DNAME" },
	{ "credentials ABCDE1234/dev1", 2, "is not PID/DNAME" },
	{ "credentials 'ABCDE12345/a b'", 2, "is not PID/DNAME" },
	{ "credentials ABCDE12345/dev1 more", 2, "not also 'more'" },
	{ "credentials --secret MDEyMzQ1Njc4OWFiY2RlZg==", 2, "whose is it" },
	{ "credentials ABCDE12345/dev1 --secret not-base64", 1, "no Base64" },
	{ "credentials ABCDE12345/dev1 --secret - </dev/null", 1, "holds no secret" },
	{ "credentials ABCDE12345/dev1 --hash md5", 2, "sha1 or sha256" },
	{ "credentials ABCDE12345/dev1 --expiry tomorrow", 2, "seconds since 1970" },
	{ "credentials ABCDE12345/dev1 --port 0", 2, "1..65535" },
	{ "credentials ABCDE12345/dev1 --host \"a'b\"", 2, "a name or an address" },
	{ "credentials --config /nonexistent", 1, "/nonexistent" },
	{ "credentials --nonsense", 2, "nonsense" },
};

static void what_cannot_be_done_is_said_with_the_stated_code(void)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
		struct command_call c = command_call(wrongs[i].arguments);

		CU_ASSERT_EQUAL(c.code, wrongs[i].code);
		CU_ASSERT_STRING_EQUAL(c.out ? c.out : "", "");
		if (!c.err || !strstr(c.err, wrongs[i].says) || c.code != wrongs[i].code) {
			CU_FAIL("says something else");
			fprintf(stderr, "hubgate %s (%d): %s\n", wrongs[i].arguments, c.code, c.err);
		}
		command_call_free(&c);
	}
}

static void device_that_the_file_does_not_name_is_asked_for(void)
{
	struct scene s = scene_start(NULL);
	char *line = text_fmt("credentials --config %s/hubgate.json", lan_dir(s.lan));
	char *other = text_fmt("%s %s/nobody", line, PRODUCT);
	struct command_call c = command_call(line), o = command_call(other);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, PRODUCT "/dev1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, PRODUCT "/dev2\n"));
	CU_ASSERT_EQUAL(o.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "knows no " PRODUCT "/nobody"));
	command_call_free(&c);
	command_call_free(&o);
	free(line);
	free(other);
	scene_end(&s);
}

/* Vector of docs/protocol/connection.md 4: the connection id is drawn, the rest is known. */
static void secret_is_taken_from_standard_input_and_is_not_printed(void)
{
	struct command_call c =
		command_call("credentials ABCDE12345/gateway01 --secret - --expiry 1700000000 "
	                 "<<END\nMDEyMzQ1Njc4OWFiY2RlZg==\nEND");

	CU_ASSERT_EQUAL(c.code, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.out);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "ABCDE12345gateway01;21010406;"));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, ";1700000000'"));
	CU_ASSERT_PTR_NULL(strstr(c.out, "MDEyMzQ1Njc4OWFiY2RlZg"));
	command_call_free(&c);
}

static void output_that_is_lost_is_no_success(void)
{
	struct command_call c = command_call("version >/dev/full");

	CU_ASSERT_EQUAL(c.code, 1);
	command_call_free(&c);
}

SUITE(command, TEST(credentials_of_a_device_let_it_in),
      TEST(what_cannot_be_done_is_said_with_the_stated_code),
      TEST(device_that_the_file_does_not_name_is_asked_for),
      TEST(secret_is_taken_from_standard_input_and_is_not_printed),
      TEST(output_that_is_lost_is_no_success))
