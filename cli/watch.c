/* watch: the status once a second. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"
#include "cli/status.h"
#include "cli/text.h"
#include "cli/way_in.h"

static const char watch_help[] =
	"Usage: hubgate watch [--count N] [OPTION ...]\n"
	"\n"
	"The status once a second, until Ctrl-C. Where the output is no terminal, a line each. A\n"
	"broker that goes away is waited for.\n"
	"\n"
	"  --count N             end after so many looks\n"
	"\n"
	"Exit code 1 when the first look fails.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate watch\n"
	"  sudo hubgate watch --json >>status.jsonl\n";

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
	(void)signal;
	ended = 1;
}

static void show_line(const cJSON *s)
{
	char bytes[TEXT_SHOWN_MAX], at[32];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &utc);
	text_bytes(answer_count(s, "queue.bytes"), bytes);
	printf("%s ", at);
	text_put_all(stdout, answer_text(s, "hub.state"));
	printf(" queue %.0f (%s) in %.0f/min devices %.0f online %.0f unbound %.0f\n",
	       answer_count(s, "queue.messages"), bytes, answer_count(s, "queue.inflow_per_minute"),
	       answer_count(s, "devices.present"), answer_count(s, "devices.online"),
	       answer_count(s, "devices.unbound"));
}

static void show_look(const struct arguments *a, const cJSON *s)
{
	if (a->json) {
		answer_print_json(&watch_command, s);
	} else if (columns_of_terminal() > 0) {
		fputs("\033[H\033[J", stdout);
		status_show(s);
	} else {
		show_line(s);
	}
	fflush(stdout);
}

struct watch {
	const struct arguments *arguments;
	struct control_call *call; /* NULL: not connected */
	char why[WAY_IN_WHY_MAX], told[WAY_IN_WHY_MAX];
	bool seen;
};

/* Once for each cause. */
static int tell(struct watch *w)
{
	control_call_close(w->call);
	w->call = NULL;
	if (strcmp(w->why, w->told) != 0)
		cli_failed(&watch_command, "%s", w->why);
	memcpy(w->told, w->why, sizeof w->told);
	return w->seen ? CLI_OK : CLI_FAILED;
}

static int look(struct watch *w)
{
	cJSON *s = NULL;

	if (!w->call &&
	    control_call_open(&watch_command, &w->arguments->link, w->why, &w->call) != CLI_OK)
		return tell(w);
	if (control_call_ask(w->call, "status", NULL, &s) != CLI_OK)
		return tell(w);
	show_look(w->arguments, s);
	cJSON_Delete(s);
	w->told[0] = '\0';
	w->seen = true;
	return ferror(stdout) ? CLI_FAILED : CLI_OK;
}

static int watch(const struct arguments *a, long count)
{
	struct sigaction quit = { .sa_handler = on_signal };
	struct watch w = { .arguments = a };
	int code = CLI_OK;

	sigaction(SIGINT, &quit, NULL);
	sigaction(SIGTERM, &quit, NULL);
	for (long i = 0; code == CLI_OK && !ended && (count == 0 || i < count); i++) {
		if (i > 0)
			sleep(1); /* a signal ends it */
		if (!ended)
			code = look(&w);
	}
	control_call_close(w.call);
	return code;
}

static int run(int argc, char **argv)
{
	long count = 0;
	const struct argument own[] = { { "count", 'n', ARGUMENT_NUMBER, &count, 1, 1000000000 } };
	struct session s;
	int code = session_begin(&watch_command, argc, argv,
	                         &(struct session_line){ .own = own, .count = 1, .wants = "" }, &s);

	if (code != CLI_OK)
		return code;
	code = watch(&s.arguments, count);
	session_end(&s);
	return code;
}

const struct cli_command watch_command = {
	.name = "watch",
	.does = "the same once a second",
	.help = watch_help,
	.asks = true,
	.run = run,
};
