/* trace: the steps of a message, from the PUBLISH of the device to the hub's PUBACK. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"

enum {
	SECONDS = 60,
	SECONDS_MAX = 300 /* of the plugin */
};

static const char help[] =
	"Usage: hubgate trace PID/DNAME [--for SECONDS] [--all] [OPTION ...]\n"
	"\n"
	"Waits for the next message of a device, or for it, and prints each step with the time since\n"
	"the one before: the PUBLISH on the LAN, stored, sent, the hub's PUBACK; a command, and its\n"
	"delivery. Ends when that message has ended.\n"
	"\n"
	"  --for SECONDS         wait so long (60, at most 300)\n"
	"  --all                 all messages in that time\n"
	"\n"
	"Exit code 1 when no message ended in that time, or it cannot be asked.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate trace ABCDE12345/dev1\n"
	"  sudo hubgate trace ABCDE12345/dev1 --for 300 --all --json\n";

static const struct step {
	const char *name, *says;
	bool ends; /* this message, as far as it can be followed */
} steps[] = {
	{ "lan_publish", "published on the LAN", false },
	{ "answered", "answered here", true },
	{ "stored", "stored on the disk", false },
	{ "in_memory", "kept in memory", false },
	{ "sent", "sent to the hub", false },
	{ "acknowledged", "acknowledged by the hub", true },
	{ "cut", "cut off: goes again", false },
	{ "aside", "stands aside", false },
	{ "refused", "refused", true },
	{ "dropped", "dropped", true },
	{ "command", "command from the hub", false },
	{ "kept", "kept for the device", true },
	{ "delivered", "delivered to the device", true },
	{ "lost", "events are missing here", false },
	{ "ended", "the trace is over", false },
};

static const struct step *find(const char *name)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (strcmp(steps[i].name, name) == 0)
			return &steps[i];
	}
	return NULL;
}

struct trace {
	double before_us; /* of the event before */
	bool begun;
	bool ended; /* a message */
	bool over;  /* the plugin tells no more */
};

/* "topic (34 bytes, number 12): why"; what is not known is left out. */
static void show_facts(const cJSON *event)
{
	static const struct {
		const char *name, *before, *after;
	} facts[] = { { "bytes", "", " bytes" }, { "count", "", "" }, { "seq", "number ", "" } };
	const char *why = answer_text(event, "why"), *topic = answer_text(event, "topic");
	const char *between = *topic ? " (" : "(";
	bool any = false;
	double number;

	text_put_all(stdout, topic);
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		if (!answer_number(event, facts[i].name, &number))
			continue;
		printf("%s%s%.0f%s", between, facts[i].before, number, facts[i].after);
		between = ", ";
		any = true;
	}
	fputs(any ? ")" : "", stdout);
	fputs(*why && (any || *topic) ? ": " : "", stdout);
	text_put_all(stdout, why);
	putchar('\n');
}

/* "+0.412 ms  sent to the hub  ..." */
static void show(struct trace *t, const cJSON *event, const struct step *step)
{
	double at_us = answer_count(event, "at_us");

	printf("%+12.3f ms  ", t->begun ? (at_us - t->before_us) / 1000 : 0.0);
	if (step)
		printf("%-24s ", step->says);
	else
		text_put(stdout, answer_text(event, "step"), 24);
	show_facts(event);
	fflush(stdout);
	t->before_us = at_us;
	t->begun = true;
}

/* Without QoS the hub acknowledges nothing. */
static bool ends(const cJSON *event, const struct step *step)
{
	double qos;

	return step && (step->ends || (strcmp(step->name, "sent") == 0 &&
	                               answer_number(event, "qos", &qos) && qos == 0));
}

static int take(struct session *s, struct trace *t, const cJSON *data)
{
	const cJSON *event = answer_at(data, "event");
	const struct step *step = find(answer_text(event, "step"));

	if (!event)
		return CLI_OK;
	t->ended |= ends(event, step);
	t->over |= strcmp(answer_text(event, "step"), "ended") == 0;
	if (s->arguments.json)
		return answer_print_json(s->command, event);
	show(t, event, step);
	return CLI_OK;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int listen_for(struct session *s, long seconds, bool all)
{
	double end = now_s() + (double)seconds;
	struct trace t = { .begun = false };
	int code = CLI_OK;

	while (code == CLI_OK && (all || !t.ended) && !t.over && now_s() < end) {
		cJSON *data = NULL;

		code = control_call_event(s->call, (long)((end - now_s()) * 1000), &data);
		if (code == CLI_OK && data)
			code = take(s, &t, data);
		cJSON_Delete(data);
	}
	if (code == CLI_OK && !t.ended)
		code = cli_failed(s->command, "no message of or for %s ended in %ld s",
		                  s->arguments.rest[0], seconds);
	return code;
}

static int begin(struct session *s, long seconds)
{
	struct cli_name name;
	cJSON *members, *data = NULL;
	int code = cli_take_name(s->command, s->arguments.rest[0], &name);

	if (code != CLI_OK)
		return code;
	members = control_call_device(&name);
	if (cJSON_AddNumberToObject(members, "seconds", (double)seconds)) {
		code = session_ask(s, "trace", members, &data);
	} else {
		cJSON_Delete(members);
		code = cli_failed(s->command, "no memory");
	}
	cJSON_Delete(data);
	return code;
}

static int run(int argc, char **argv)
{
	long seconds = SECONDS;
	bool all = false;
	const struct argument own[] = {
		{ "for", 0, ARGUMENT_NUMBER, &seconds, 1, SECONDS_MAX },
		{ "all", 0, ARGUMENT_FLAG, &all, 0, 0 },
	};
	struct session s;
	int code = session_begin(
		&trace_command, argc, argv,
		&(struct session_line){
			.own = own, .count = 2, .least = 1, .most = 1, .wants = "which: PID/DNAME" },
		&s);

	if (code != CLI_OK)
		return code;
	code = begin(&s, seconds);
	if (code == CLI_OK)
		code = listen_for(&s, seconds, all);
	session_end(&s);
	return code;
}

const struct cli_command trace_command = {
	.name = "trace",
	.does = "follow a message of PID/DNAME to the hub, with times",
	.help = help,
	.asks = true,
	.run = run,
};
