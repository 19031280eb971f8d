/* shadow get, shadow set: a device's shadow as it is kept here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"
#include "core/base/buf.h"
#include "core/json/json.h"

enum {
	DESIRED_MAX = 16 * 1024 /* a whole document has at most 8 KiB */
};

static const char help[] =
	"Usage: hubgate shadow get PID/DNAME [OPTION ...]\n"
	"       hubgate shadow set PID/DNAME JSON|- [OPTION ...]\n"
	"\n"
	"get prints the shadow of a device as it is kept here, equal with the hub's as soon as the\n"
	"hub can be reached. set changes members of its desired state, as a local application does:\n"
	"the device gets the difference, also without the hub. A member that is null goes away. - reads\n"
	"the JSON from standard input.\n"
	"\n"
	"Exit code 1 when it cannot be asked, the device is not known, or the change was refused.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate shadow get ABCDE12345/dev1\n"
	"  sudo hubgate shadow set ABCDE12345/dev1 '{\"brightness\":40}'\n";

/* --- get --- */

static void show_document(const cJSON *data)
{
	const cJSON *document = answer_at(data, "document");
	char *text = cJSON_Print(document ? document : data);

	text_put_json(stdout, text ? text : "");
	putchar('\n');
	free(text);
}

static int get(struct session *s)
{
	cJSON *data = NULL;
	int code = CLI_OK;

	if (s->arguments.rest_count > 2)
		code = cli_usage(s->command, "'%s' is more than it takes", s->arguments.rest[2]);
	else
		code = session_ask_device(s, "getShadow", s->arguments.rest[1], &data);
	return session_show(s, code, data, show_document);
}

/* --- set --- */

static void show_version(const cJSON *data)
{
	printf("version %.0f\n", answer_count(data, "version"));
}

static int read_input(const struct session *s, struct buf *out)
{
	char chunk[4096];
	enum status st = ST_OK;
	size_t n;

	while (st == ST_OK && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		st = buf_add(out, chunk, n);
	return st == ST_OK ? CLI_OK : cli_failed(s->command, "standard input: %s", status_text(st));
}

static int parse_desired(const struct session *s, const char *text, size_t len, cJSON **out)
{
	static const struct json_limits limits = { .bytes = DESIRED_MAX, .depth = 32, .values = 10000 };
	struct json_error error = { .what = "" };
	enum status st = json_parse(text, len, &limits, out, &error, NULL, NULL);

	if (st == ST_OK && cJSON_IsObject(*out))
		return CLI_OK;
	cJSON_Delete(*out);
	*out = NULL;
	if (st == ST_OK)
		return cli_usage(s->command, "the desired state is a JSON object: {\"name\":value}");
	if (st == ST_MALFORMED)
		return cli_usage(s->command, "no JSON, line %u column %u: %s", error.line, error.column,
		                 error.what);
	return cli_usage(s->command, "the desired state: %s", status_text(st));
}

static int take_desired(const struct session *s, const char *text, cJSON **out)
{
	struct buf input = BUF_MAX(DESIRED_MAX);
	int code;

	if (strcmp(text, "-") != 0)
		return parse_desired(s, text, strlen(text), out);
	code = read_input(s, &input);
	if (code == CLI_OK)
		code = parse_desired(s, (const char *)input.data, input.len, out);
	buf_free(&input);
	return code;
}

static int set(struct session *s)
{
	cJSON *desired = NULL, *members, *data = NULL;
	struct cli_name name;
	int code = cli_take_name(s->command, s->arguments.rest[1], &name);

	if (code == CLI_OK && s->arguments.rest_count < 3)
		code = cli_usage(s->command, "say to what: JSON, or - for standard input");
	if (code == CLI_OK)
		code = take_desired(s, s->arguments.rest[2], &desired);
	if (code != CLI_OK)
		return code;
	members = control_call_device(&name);
	if (cJSON_AddItemToObject(members, "desired", desired))
		code = session_ask(s, "setShadow", members, &data);
	else
		code = cli_failed(s->command, "no memory");
	return session_show(s, code, data, show_version);
}

static int run(int argc, char **argv)
{
	struct session s;
	int code = session_begin(
		&shadow_command, argc, argv,
		&(struct session_line){ .least = 2, .most = 3, .wants = "what: get PID/DNAME, or set" },
		&s);

	if (code != CLI_OK)
		return code;
	if (strcmp(s.arguments.rest[0], "get") == 0)
		code = get(&s);
	else if (strcmp(s.arguments.rest[0], "set") == 0)
		code = set(&s);
	else
		code = cli_usage(&shadow_command, "'%s': get or set", s.arguments.rest[0]);
	session_end(&s);
	return code;
}

const struct cli_command shadow_command = {
	.name = "shadow",
	.does = "get or set PID/DNAME: a device's shadow",
	.help = help,
	.asks = true,
	.run = run,
};
