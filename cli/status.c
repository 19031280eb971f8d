/* status: how the gateway is, at a glance. */
#include "cli/status.h"

#include <stdio.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"

enum {
	LISTED = 5 /* names, topics, lines: the first few */
};

static const char status_help[] =
	"Usage: hubgate status [OPTION ...]\n"
	"\n"
	"Prints how the gateway is: the link to the hub with the reason when it is down, what waits\n"
	"and how long that will take, what was dropped and why, devices, topics that the hub does\n"
	"not acknowledge, and the last errors.\n"
	"\n"
	"Exit code 1 when it cannot be asked, or is not logged in at the hub.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate status\n"
	"  sudo hubgate status --json | jq .queue\n"
	"  hubgate status -h 192.168.1.10 -u admin -o ~/.hubgate-login\n";

/* --- lines --- */

static void label(const char *name)
{
	printf("%-10s ", name);
}

static void show_head(const cJSON *s)
{
	char up[TEXT_SHOWN_MAX];

	text_duration(answer_count(s, "uptime_s"), up);
	fputs("hubgate ", stdout);
	text_put_all(stdout, answer_text(s, "version"));
	fputs(" in Mosquitto ", stdout);
	text_put_all(stdout, answer_text(s, "broker"));
	printf(", process %.0f, up %s\n", answer_count(s, "pid"), up);
	label("gateway");
	text_put_all(stdout, answer_text(s, "gateway.product_id"));
	putchar('/');
	text_put_all(stdout, answer_text(s, "gateway.device_name"));
	putchar('\n');
}

/* The text of a member on a line of its own; nothing when there is none. */
static void show_text(const char *name, const cJSON *s, const char *path)
{
	const char *text = answer_text(s, path);

	if (!*text)
		return;
	label(name);
	text_put_all(stdout, text);
	putchar('\n');
}

static void show_hub(const cJSON *s)
{
	char since[TEXT_SHOWN_MAX], trip[ANSWER_NUMBER_MAX];
	double number;

	answer_number_text(s, "hub.round_trip_ms", "", trip);
	label("hub");
	text_put_all(stdout, answer_text(s, "hub.state"));
	if (answer_number(s, "hub.since_s", &number)) {
		text_duration(number, since);
		printf(" for %s", since);
	}
	fputs(", ", stdout);
	text_put_all(stdout, answer_text(s, "hub.host"));
	printf(":%.0f%s%s%s%s\n", answer_count(s, "hub.port"), answer_is(s, "hub.tls") ? ", TLS" : "",
	       *trip ? ", round trip " : "", trip, *trip ? " ms" : "");
	if (!status_is_ready(s)) {
		show_text("  because", s, "hub.reason");
		show_text("  mend it", s, "hub.fix");
	}
}

static void show_queue(const cJSON *s)
{
	char bytes[TEXT_SHOWN_MAX], bound[TEXT_SHOWN_MAX], span[TEXT_SHOWN_MAX];
	double number;

	text_bytes(answer_count(s, "queue.bytes"), bytes);
	text_bytes(answer_count(s, "queue.bound_bytes"), bound);
	label("queue");
	printf("%.0f messages, %s of %s", answer_count(s, "queue.messages"), bytes, bound);
	if (answer_number(s, "queue.oldest_age_s", &number)) {
		text_duration(number, span);
		printf(", the oldest %s old", span);
	}
	printf("; %.0f came in the last minute", answer_count(s, "queue.inflow_per_minute"));
	if (answer_count(s, "queue.messages") > 0 && answer_number(s, "queue.drain_s", &number)) {
		text_duration(number, span);
		printf("; empty in %s", span);
	}
	putchar('\n');
}

/* Those that are not 0. */
static void show_drops(const cJSON *s)
{
	const cJSON *one, *drops = answer_at(s, "drops");
	bool any = false;

	label("dropped");
	cJSON_ArrayForEach(one, drops)
	{
		if (answer_count(drops, one->string) == 0)
			continue;
		fputs(any ? ", " : "", stdout);
		text_put_all(stdout, one->string);
		printf(" %.0f", answer_count(drops, one->string));
		any = true;
	}
	puts(any ? "" : "nothing");
}

static void show_devices(const cJSON *s)
{
	static const char *const kinds[] = { "known", "present", "online", "unbound" };

	label("devices");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		printf("%s%.0f %s", i > 0 ? ", " : "", answer_count(answer_at(s, "devices"), kinds[i]),
		       kinds[i]);
	if (answer_count(s, "devices.unknown_names") > 0)
		printf(", %.0f names that the hub does not know", answer_count(s, "devices.unknown_names"));
	putchar('\n');
}

static void show_list(const char *name, const cJSON *s, const char *path)
{
	const cJSON *list = answer_at(s, path), *one;
	int shown = 0, count = cJSON_GetArraySize(list);

	if (count == 0)
		return;
	label(name);
	cJSON_ArrayForEach(one, list)
	{
		if (shown == LISTED)
			break;
		fputs(shown++ > 0 ? ", " : "", stdout);
		text_put_all(stdout, cJSON_IsString(one) ? one->valuestring : answer_text(one, "name"));
		if (cJSON_IsObject(one))
			printf(" %.0f/min", answer_count(one, "per_minute"));
	}
	if (count > shown)
		printf(" and %d more", count - shown);
	putchar('\n');
}

/* The newest of them. */
static void show_errors(const cJSON *s)
{
	const cJSON *list = answer_at(s, "errors"), *one;
	int skip = cJSON_GetArraySize(list) - LISTED;

	cJSON_ArrayForEach(one, list)
	{
		if (skip-- > 0)
			continue;
		label(answer_text(one, "level"));
		text_put_all(stdout, answer_text(one, "time"));
		putchar(' ');
		text_put_all(stdout, answer_text(one, "line"));
		putchar('\n');
	}
}

bool status_is_ready(const cJSON *s)
{
	return strcmp(answer_text(s, "hub.state"), "ready") == 0;
}

void status_show(const cJSON *s)
{
	show_head(s);
	show_hub(s);
	show_queue(s);
	show_drops(s);
	show_devices(s);
	show_list("suspect", s, "suspect_topics");
	show_list("unknown", s, "unknown_names");
	show_list("talkers", s, "talkers");
	show_errors(s);
}

/* --- status --- */

static int run(int argc, char **argv)
{
	struct session s;
	cJSON *data = NULL;
	bool ready;
	int code = session_begin(&status_command, argc, argv, NULL, &s);

	if (code != CLI_OK)
		return code;
	code = session_ask(&s, "status", NULL, &data);
	ready = code == CLI_OK && status_is_ready(data);
	code = session_show(&s, code, data, status_show);
	session_end(&s);
	return code == CLI_OK && !ready ? CLI_FAILED : code;
}

const struct cli_command status_command = {
	.name = "status",
	.does = "how the gateway is: link, queue, devices, what is wrong",
	.help = status_help,
	.asks = true,
	.run = run,
};
