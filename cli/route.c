/* route: what would happen to a message, without sending it. */
#include <stdio.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"

static const char help[] =
	"Usage: hubgate route TOPIC [--client C] [--payload TEXT] [--qos N] [OPTION ...]\n"
	"\n"
	"Tells what would happen to a message that a client here publishes: whether it may, which\n"
	"rule of mappings[] takes it and what becomes of topic and payload, which rule of routes[]\n"
	"counts, and whether the hub takes it. Nothing is sent.\n"
	"\n"
	"  --client C            who publishes: PID/DNAME, a user name or a client id (the device\n"
	"                        whose topic it is, or anybody)\n"
	"  --payload TEXT        what; rules of mappings[] may look into it (nothing)\n"
	"  --qos N               0, 1 or 2 (1)\n"
	"\n"
	"Exit code 1 when it cannot be asked. What happens to the message is in the output.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate route ABCDE12345/dev1/event\n"
	"  sudo hubgate route zigbee2mqtt/kitchen --client z2m --payload '{\"temperature\":21}'\n";

static void show(const cJSON *data)
{
	const cJSON *list = answer_at(data, "steps"), *one;

	cJSON_ArrayForEach(one, list)
	{
		size_t used = text_put(stdout, answer_text(one, "what"), 12);

		printf("%*s", (int)(14 - used), "");
		text_put_all(stdout, answer_text(one, "says"));
		putchar('\n');
	}
	fputs("result        ", stdout);
	text_put_all(stdout, answer_text(data, "result"));
	putchar('\n');
}

static bool fill(cJSON *members, const char *topic, const char *client, const char *payload,
                 long qos)
{
	return cJSON_AddStringToObject(members, "topic", topic) &&
	       (qos < 0 || cJSON_AddNumberToObject(members, "qos", (double)qos)) &&
	       (!client || cJSON_AddStringToObject(members, "client", client)) &&
	       (!payload || cJSON_AddStringToObject(members, "payload", payload));
}

static int run(int argc, char **argv)
{
	const char *client = NULL, *payload = NULL;
	long qos = -1; /* not given */
	const struct argument own[] = {
		{ "client", 0, ARGUMENT_TEXT, &client, 0, 0 },
		{ "payload", 0, ARGUMENT_TEXT, &payload, 0, 0 },
		{ "qos", 0, ARGUMENT_NUMBER, &qos, 0, 2 },
	};
	struct session s;
	cJSON *members, *data = NULL;
	int code = session_begin(
		&route_command, argc, argv,
		&(struct session_line){ .own = own, .count = 3, .least = 1, .most = 1, .wants = "a TOPIC" },
		&s);

	if (code != CLI_OK)
		return code;
	members = cJSON_CreateObject();
	if (fill(members, s.arguments.rest[0], client, payload, qos)) {
		code = session_ask(&s, "route", members, &data);
	} else {
		cJSON_Delete(members);
		code = cli_failed(&route_command, "no memory");
	}
	code = session_show(&s, code, data, show);
	session_end(&s);
	return code;
}

const struct cli_command route_command = {
	.name = "route",
	.does = "what would happen to a message on a TOPIC",
	.help = help,
	.asks = true,
	.run = run,
};
