/* firmware: updates of devices that are under way, and a stopped version let go on. */
#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"
#include "cli/text.h"

static const char help[] =
	"Usage: hubgate firmware [OPTION ...]\n"
	"       hubgate firmware resume VERSION [OPTION ...]\n"
	"\n"
	"Lists the updates of devices that are not over: how far each is, and why it failed. resume\n"
	"lets a version go on that was stopped because too many devices failed with it.\n"
	"\n"
	"Exit code 1 when it cannot be asked, or no such version is stopped.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate firmware\n"
	"  sudo hubgate firmware resume 2.1.0\n";

static const struct column columns[] = {
	{ .title = "DEVICE", .gives = true },
	{ .title = "VERSION" },
	{ .title = "STATE" },
	{ .title = "%", .right = true },
	{ .title = "ERROR", .gives = true },
};

enum {
	CELLS = sizeof columns / sizeof columns[0]
};

static bool add(struct columns *t, const cJSON *task)
{
	char name[ANSWER_NAME_MAX], percent[ANSWER_NUMBER_MAX];
	const char *cells[CELLS] = { name, answer_text(task, "version"), answer_text(task, "state"),
		                         percent, answer_text(task, "error") };

	answer_name(task, name);
	answer_number_text(task, "percent", "", percent);
	return columns_add(t, cells);
}

static void show(const cJSON *data)
{
	const cJSON *list = answer_at(data, "tasks"), *one;
	struct columns *t = columns_new(columns, CELLS);
	char cache[TEXT_SHOWN_MAX];
	bool whole = t != NULL;

	cJSON_ArrayForEach(one, list) whole = whole && add(t, one);
	if (whole && cJSON_GetArraySize(list) > 0)
		columns_print(t, stdout, columns_of_terminal());
	columns_free(t);
	text_bytes(answer_count(data, "cache_bytes"), cache);
	printf("%d updates; %s of firmware kept here\n", cJSON_GetArraySize(list), cache);
}

static void show_resumed(const cJSON *data)
{
	(void)data;
	puts("devices are told of it again");
}

static int resume(struct session *s)
{
	cJSON *members = cJSON_CreateObject(), *data = NULL;
	int code;

	if (cJSON_AddStringToObject(members, "version", s->arguments.rest[1])) {
		code = session_ask(s, "firmwareResume", members, &data);
	} else {
		cJSON_Delete(members);
		code = cli_failed(s->command, "no memory");
	}
	return session_show(s, code, data, show_resumed);
}

static int run(int argc, char **argv)
{
	struct session s;
	cJSON *data = NULL;
	int code = session_begin(&firmware_command, argc, argv,
	                         &(struct session_line){ .most = 2, .wants = "" }, &s);

	if (code != CLI_OK)
		return code;
	if (s.arguments.rest_count == 0) {
		code = session_pages(&s, "listFirmware", NULL, "tasks", &data);
		code = session_show(&s, code, data, show);
	} else if (s.arguments.rest_count == 2 && strcmp(s.arguments.rest[0], "resume") == 0) {
		code = resume(&s);
	} else {
		code =
			cli_usage(&firmware_command, "'%s': nothing, or resume VERSION", s.arguments.rest[0]);
	}
	session_end(&s);
	return code;
}

const struct cli_command firmware_command = {
	.name = "firmware",
	.does = "updates of devices that are under way; resume VERSION",
	.help = help,
	.asks = true,
	.run = run,
};
