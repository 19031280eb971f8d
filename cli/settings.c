/* reload and log-level: what is changed while the broker runs. */
#include <stdio.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"

static const char reload_help[] =
	"Usage: hubgate reload [OPTION ...]\n"
	"\n"
	"Has hubgate.json read again, as SIGHUP does, and waits for the result: either all of it\n"
	"counts, and its warnings and what waits for a restart are told; or its errors are, a line\n"
	"each, and what counted before goes on.\n"
	"\n"
	"Exit code 1 when the file has errors, or it cannot be asked.\n"
	"\n"
	"Example:\n"
	"  sudo hubgate check && sudo hubgate reload\n";

static const char log_level_help[] =
	"Usage: hubgate log-level error|warn|note|fine [--for SECONDS] [OPTION ...]\n"
	"\n"
	"Sets what hubgate writes to the broker's log: note is the usual level, warn and error are\n"
	"less, fine is all there is. Changes by command are written at every level.\n"
	"\n"
	"  --for SECONDS         go back by itself after so many seconds\n"
	"\n"
	"Exit code 1 when it cannot be asked.\n"
	"\n"
	"Example:\n"
	"  sudo hubgate log-level warn --for 3600\n";

static void show_reloaded(const cJSON *data)
{
	const cJSON *line;

	puts("hubgate.json was read again and counts");
	cJSON_ArrayForEach(line, answer_at(data, "said"))
	{
		text_put_all(stdout, cJSON_IsString(line) ? line->valuestring : "");
		putchar('\n');
	}
}

static int run_reload(int argc, char **argv)
{
	struct session s;
	cJSON *data = NULL;
	int code = session_begin(&reload_command, argc, argv, NULL, &s);

	if (code != CLI_OK)
		return code;
	code = session_ask(&s, "reload", NULL, &data);
	code = session_show(&s, code, data, show_reloaded);
	session_end(&s);
	return code;
}

static void show_level(const cJSON *data)
{
	fputs("before it was ", stdout);
	text_put_all(stdout, answer_text(data, "was"));
	putchar('\n');
}

static int set_level(struct session *s, long seconds)
{
	cJSON *members = cJSON_CreateObject(), *data = NULL;
	int code;

	if (cJSON_AddStringToObject(members, "level", s->arguments.rest[0]) &&
	    (seconds == 0 || cJSON_AddNumberToObject(members, "seconds", (double)seconds))) {
		code = session_ask(s, "setLogLevel", members, &data);
	} else {
		cJSON_Delete(members);
		code = cli_failed(s->command, "no memory");
	}
	return session_show(s, code, data, show_level);
}

static int run_log_level(int argc, char **argv)
{
	long seconds = 0;
	const struct argument own[] = { { "for", 0, ARGUMENT_NUMBER, &seconds, 1, 86400 } };
	struct session s;
	int code = session_begin(&log_level_command, argc, argv,
	                         &(struct session_line){ .own = own,
	                                                 .count = 1,
	                                                 .least = 1,
	                                                 .most = 1,
	                                                 .wants = "which: error, warn, note, fine" },
	                         &s);

	if (code != CLI_OK)
		return code;
	code = set_level(&s, seconds);
	session_end(&s);
	return code;
}

const struct cli_command reload_command = {
	.name = "reload",
	.does = "have hubgate.json read again",
	.help = reload_help,
	.asks = true,
	.run = run_reload,
};

const struct cli_command log_level_command = {
	.name = "log-level",
	.does = "what hubgate writes to the broker's log, for a while or for good",
	.help = log_level_help,
	.asks = true,
	.run = run_log_level,
};
