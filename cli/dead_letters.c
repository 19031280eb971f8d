/* dead-letters: messages that were given up, to look at, send again or drop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"

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

static int add_id(const struct session *s, cJSON *ids, const char *text)
{
	char *end;
	unsigned long long id;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno != 0 || id > 1ULL << 53)
		return cli_usage(s->command, "'%s' is no id: the list has them", text);
	return cJSON_AddItemToArray(ids, cJSON_CreateNumber((double)id))
	           ? CLI_OK
	           : cli_failed(s->command, "no memory");
}

static int add_ids(const struct session *s, cJSON *members)
{
	cJSON *ids = cJSON_AddArrayToObject(members, "ids");
	int code = CLI_OK;

	for (int i = 0; i < s->arguments.rest_count && code == CLI_OK; i++)
		code = add_id(s, ids, s->arguments.rest[i]);
	return code;
}

static void show_count(const cJSON *data)
{
	printf("%.0f dead letters\n", answer_count(data, "count"));
}

/* All of them only when somebody says so. */
static int end_letters(struct session *s, const char *command, bool all)
{
	cJSON *members = cJSON_CreateObject(), *data = NULL;
	int code = CLI_OK;

	if (all == (s->arguments.rest_count > 0))
		code = cli_usage(s->command, "which ones: ids, or --all");
	else if (!all)
		code = add_ids(s, members);
	if (code == CLI_OK)
		code = session_ask(s, command, members, &data);
	else
		cJSON_Delete(members);
	return session_show(s, code, data, show_count);
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
