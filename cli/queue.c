/* queue: what waits for the hub, of whom, and how long that takes. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"
#include "cli/text.h"

enum {
	BAR = 40,
	DEVICES = 20 /* shown */
};

static const char help[] =
	"Usage: hubgate queue [--follow] [--count N] [OPTION ...]\n"
	"\n"
	"What waits for the hub, whose it is, and when it will be through. With --follow a bar, once\n"
	"a second, until nothing waits any more (a line a second where the output is no terminal).\n"
	"\n"
	"  -f, --follow          until the queue is empty\n"
	"  -n, --count N         of --follow: end after so many looks\n"
	"\n"
	"Exit code 1 when it cannot be asked, or --count ended before the queue was empty.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate queue\n"
	"  sudo hubgate queue --follow\n";

/* --- one look --- */

static const struct column columns[] = {
	{ .title = "DEVICE", .gives = true },
	{ .title = "MESSAGES", .right = true },
};

static void show_names(const cJSON *list)
{
	struct columns *t = columns_new(columns, 2);
	const cJSON *one;
	bool whole = t != NULL;

	cJSON_ArrayForEach(one, list)
	{
		char count[ANSWER_NUMBER_MAX];
		const char *cells[] = { answer_text(one, "name"), count };

		answer_number_text(one, "messages", "", count);
		whole = whole && columns_add(t, cells);
	}
	if (whole && cJSON_GetArraySize(list) > 0)
		columns_print(t, stdout, columns_of_terminal());
	columns_free(t);
}

static void show(const cJSON *data)
{
	char bytes[TEXT_SHOWN_MAX], span[TEXT_SHOWN_MAX];
	double number;

	text_bytes(answer_count(data, "bytes"), bytes);
	printf("%.0f messages, %s", answer_count(data, "messages"), bytes);
	if (answer_number(data, "oldest_age_s", &number)) {
		text_duration(number, span);
		printf(", the oldest %s old", span);
	}
	if (answer_number(data, "drain_s", &number)) {
		text_duration(number, span);
		printf("; empty in %s", span);
	} else if (answer_count(data, "messages") > 0) {
		printf("; no end in sight: more comes in than goes out, or the hub is away");
	}
	putchar('\n');
	if (cJSON_IsFalse(answer_at(data, "complete")))
		puts("the store is still being read: there are more");
	show_names(answer_at(data, "devices"));
}

/* The time until it is empty is the status'. */
static int look(struct session *s, cJSON **data)
{
	cJSON *members = cJSON_CreateObject(), *status = NULL, *drain;
	int code;

	cJSON_AddNumberToObject(members, "count", DEVICES);
	code = session_ask(s, "listQueue", members, data);
	if (code == CLI_OK)
		code = session_ask(s, "status", NULL, &status);
	drain = cJSON_DetachItemFromObjectCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(status, "queue"), "drain_s");
	if (drain)
		cJSON_AddItemToObject(*data, "drain_s", drain);
	cJSON_Delete(status);
	return code;
}

/* --- following it --- */

struct drain {
	double most, before; /* messages: since the start; at the look before */
	bool terminal, begun;
};

static void show_bar(struct drain *d, const cJSON *data)
{
	double left = answer_count(data, "messages"), seconds;
	char span[TEXT_SHOWN_MAX] = "no end in sight";
	int done;

	if (left > d->most)
		d->most = left; /* more came than went */
	done = d->most > 0 ? (int)((d->most - left) / d->most * BAR) : BAR;
	if (left == 0)
		snprintf(span, sizeof span, "empty");
	else if (answer_number(data, "drain_s", &seconds))
		text_duration(seconds, span);
	fputs(d->terminal ? "\r\033[K[" : "[", stdout);
	for (int i = 0; i < BAR; i++)
		putchar(i < done ? '#' : '.');
	printf("] %.0f of %.0f left", left, d->most);
	if (d->begun)
		printf(", %+.0f/s", left - d->before);
	printf(", %s%s", span, d->terminal ? "" : "\n");
	fflush(stdout);
	d->before = left;
	d->begun = true;
}

static int follow(struct session *s, long count)
{
	struct drain d = { .terminal = columns_of_terminal() > 0 };
	int code = CLI_OK;
	bool empty = false;

	for (long i = 0; code == CLI_OK && !empty && (count == 0 || i < count); i++) {
		cJSON *data = NULL;

		if (i > 0)
			sleep(1);
		code = look(s, &data);
		empty = code == CLI_OK && answer_count(data, "messages") == 0;
		if (code == CLI_OK && s->arguments.json)
			code = answer_print_json(s->command, data);
		else if (code == CLI_OK)
			show_bar(&d, data);
		cJSON_Delete(data);
	}
	if (d.terminal && d.begun)
		putchar('\n');
	return code == CLI_OK && !empty ? CLI_FAILED : code;
}

static int run(int argc, char **argv)
{
	bool wanted = false;
	long count = 0;
	const struct argument own[] = {
		{ "follow", 'f', ARGUMENT_FLAG, &wanted, 0, 0 },
		{ "count", 'n', ARGUMENT_NUMBER, &count, 1, 1000000000 },
	};
	struct session s;
	cJSON *data = NULL;
	int code = session_begin(&queue_command, argc, argv,
	                         &(struct session_line){ .own = own, .count = 2, .wants = "" }, &s);

	if (code != CLI_OK)
		return code;
	if (wanted) {
		code = follow(&s, count);
	} else {
		code = look(&s, &data);
		code = session_show(&s, code, data, show);
	}
	session_end(&s);
	return code;
}

const struct cli_command queue_command = {
	.name = "queue",
	.does = "what waits for the hub, and how long that takes; --follow shows it drain",
	.help = help,
	.asks = true,
	.run = run,
};
