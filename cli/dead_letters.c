/* dead-letters: messages that were given up, to look at, send again or drop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"

enum {
	IDS_AT_ONCE = 64 /* of a command of the plugin */
};

static const char help[] =
	"Usage: hubgate dead-letters [OPTION ...]\n"
	"       hubgate dead-letters --resend|--drop ID ... | --all [OPTION ...]\n"
	"\n"
	"Lists the messages that were given up because the hub never acknowledged them, with the\n"
	"reason. Mend that first (mostly a topic that the console does not declare); then --resend\n"
	"puts them into the queue again, --drop deletes them.\n"
	"\n"
	"  --resend              send these again\n"
	"  --drop                delete these\n"
	"  --all                 all of them, instead of ids\n"
	"\n"
	"Exit code 1 when it cannot be asked, or could not be done.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate dead-letters\n"
	"  sudo hubgate dead-letters --resend 12 13\n"
	"  sudo hubgate dead-letters --drop --all\n";

/* --- the list --- */

static const struct column columns[] = {
	{ .title = "ID", .right = true },     { .title = "TIME" },
	{ .title = "DEVICE", .gives = true }, { .title = "TOPIC", .gives = true },
	{ .title = "BYTES", .right = true },  { .title = "REASON", .gives = true },
};

enum {
	CELLS = sizeof columns / sizeof columns[0]
};

static bool add(struct columns *t, const cJSON *letter)
{
	char id[ANSWER_NUMBER_MAX], bytes[ANSWER_NUMBER_MAX], name[ANSWER_NAME_MAX];
	const char *cells[CELLS] = { id,    answer_text(letter, "time"),
		                         name,  answer_text(letter, "topic"),
		                         bytes, answer_text(letter, "reason") };

	answer_number_text(letter, "id", "?", id);
	answer_number_text(letter, "bytes", "", bytes);
	answer_name(letter, name);
	return columns_add(t, cells);
}

static void show(const cJSON *data)
{
	const cJSON *list = answer_at(data, "letters"), *one;
	struct columns *t = columns_new(columns, CELLS);
	bool whole = t != NULL;

	cJSON_ArrayForEach(one, list) whole = whole && add(t, one);
	if (whole && cJSON_GetArraySize(list) > 0)
		columns_print(t, stdout, columns_of_terminal());
	columns_free(t);
	printf("%.0f dead letters\n", answer_count(data, "total"));
}

/* --- ending them --- */

static int take_id(const struct session *s, const char *text, double *id)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	*id = (double)number;
	if (*text < '0' || *text > '9' || *end || errno != 0 || number > 1ULL << 53)
		return cli_usage(s->command, "'%s' is no id: the list has them", text);
	return CLI_OK;
}

/* Before anything is ended. */
static int check_ids(const struct session *s)
{
	double id;
	int code = CLI_OK;

	for (int i = 0; i < s->arguments.rest_count && code == CLI_OK; i++)
		code = take_id(s, s->arguments.rest[i], &id);
	return code;
}

static int end_some(struct session *s, const char *command, int from, double *ended)
{
	cJSON *members = cJSON_CreateObject(), *data = NULL;
	cJSON *ids = cJSON_AddArrayToObject(members, "ids");
	int code = CLI_OK;
	double id;

	for (int i = from; i < s->arguments.rest_count && i < from + IDS_AT_ONCE && code == CLI_OK;
	     i++) {
		code = take_id(s, s->arguments.rest[i], &id);
		cJSON_AddItemToArray(ids, cJSON_CreateNumber(id));
	}
	if (code == CLI_OK)
		code = session_ask(s, command, members, &data);
	else
		cJSON_Delete(members);
	*ended += answer_count(data, "count");
	cJSON_Delete(data);
	return code;
}

static int end_all(struct session *s, const char *command, double *ended)
{
	cJSON *data = NULL;
	int code = session_ask(s, command, NULL, &data);

	*ended = answer_count(data, "count");
	cJSON_Delete(data);
	return code;
}

/* {"count":N} of all that was asked for. */
static int show_ended(struct session *s, int code, double ended)
{
	cJSON *data = cJSON_CreateObject();

	cJSON_AddNumberToObject(data, "count", ended);
	if (code == CLI_OK && s->arguments.json)
		code = answer_print_json(s->command, data);
	else if (code == CLI_OK)
		printf("%.0f dead letters\n", ended);
	cJSON_Delete(data);
	return code;
}

/* All of them only when somebody says so. */
static int end_letters(struct session *s, const char *command, bool all)
{
	double ended = 0;
	int code = CLI_OK;

	if (all == (s->arguments.rest_count > 0))
		code = cli_usage(s->command, "which ones: ids, or --all");
	else if (all)
		code = end_all(s, command, &ended);
	else
		code = check_ids(s);
	for (int i = 0; !all && i < s->arguments.rest_count && code == CLI_OK; i += IDS_AT_ONCE)
		code = end_some(s, command, i, &ended);
	return show_ended(s, code, ended);
}

static int list(struct session *s)
{
	cJSON *data = NULL;
	int code;

	if (s->arguments.rest_count > 0)
		return cli_usage(s->command, "'%s': --resend or --drop?", s->arguments.rest[0]);
	code = session_pages(s, "listDeadLetters", NULL, "letters", &data);
	return session_show(s, code, data, show);
}

static int run(int argc, char **argv)
{
	bool resend = false, drop = false, all = false;
	const struct argument own[] = {
		{ "resend", 0, ARGUMENT_FLAG, &resend, 0, 0 },
		{ "drop", 0, ARGUMENT_FLAG, &drop, 0, 0 },
		{ "all", 0, ARGUMENT_FLAG, &all, 0, 0 },
	};
	struct session s;
	int code = session_begin(
		&dead_letters_command, argc, argv,
		&(struct session_line){ .own = own, .count = 3, .most = 10000, .wants = "ids" }, &s);

	if (code != CLI_OK)
		return code;
	if (resend && drop)
		code = cli_usage(&dead_letters_command, "--resend or --drop, not both");
	else if (resend || drop)
		code = end_letters(&s, resend ? "resendDeadLetters" : "dropDeadLetters", all);
	else
		code = list(&s);
	session_end(&s);
	return code;
}

const struct cli_command dead_letters_command = {
	.name = "dead-letters",
	.does = "messages that were given up; --resend or --drop them",
	.help = help,
	.asks = true,
	.run = run,
};
