/* bind, unbind, online, offline, register: one request for one device, answered when the hub has.
 */
#include <stdio.h>

#include "cli/answer.h"
#include "cli/session.h"
#include "cli/text.h"

struct request {
	const char *command; /* of the plugin */
	const char *done;    /* what is so then */
};

static const struct request bind_it = { "bindDevice", "is bound to this gateway" },
							unbind_it = { "unbindDevice", "is not bound to this gateway any more" },
							online_it = { "onlineDevice", "is online at the hub" },
							offline_it = { "offlineDevice", "is offline at the hub" },
							register_it = { "register", "is registered" };

#define HELP(name, what, why)                                                                  \
	"Usage: hubgate " name " PID/DNAME [OPTION ...]\n"                                         \
	"\n" what "\n"                                                                             \
	"\n"                                                                                       \
	"Exit code 1 when the hub refused (its code, and what to do, are told), or it cannot be\n" \
	"asked. " why "\n"                                                                         \
	"\n"                                                                                       \
	"Example:\n"                                                                               \
	"  sudo hubgate " name " ABCDE12345/dev1\n"

/* What is so now, and what follows. */
static void show(const char *name, const struct request *r, const cJSON *data)
{
	static const char *const more[] = { "text", "says" };

	printf("%s %s\n", name, r->done);
	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
		if (!*answer_text(data, more[i]))
			continue;
		text_put_all(stdout, answer_text(data, more[i]));
		putchar('\n');
	}
}

static int ask(const struct cli_command *c, int argc, char **argv, const struct request *r)
{
	struct session s;
	cJSON *data = NULL;
	int code = session_begin(
		c, argc, argv, &(struct session_line){ .least = 1, .most = 1, .wants = "which: PID/DNAME" },
		&s);

	if (code != CLI_OK)
		return code;
	code = session_ask_device(&s, r->command, s.arguments.rest[0], &data);
	if (code == CLI_OK && s.arguments.json)
		code = answer_print_json(c, data);
	else if (code == CLI_OK)
		show(s.arguments.rest[0], r, data);
	cJSON_Delete(data);
	session_end(&s);
	return code;
}

static int run_bind(int argc, char **argv)
{
	return ask(&bind_command, argc, argv, &bind_it);
}

static int run_unbind(int argc, char **argv)
{
	return ask(&unbind_command, argc, argv, &unbind_it);
}

static int run_online(int argc, char **argv)
{
	return ask(&online_command, argc, argv, &online_it);
}

static int run_offline(int argc, char **argv)
{
	return ask(&offline_command, argc, argv, &offline_it);
}

static int run_register(int argc, char **argv)
{
	return ask(&register_command, argc, argv, &register_it);
}

const struct cli_command bind_command = {
	.name = "bind",
	.does = "bind a device to this gateway",
	.help = HELP("bind",
	             "Asks the hub to bind a device to this gateway, with the secret or certificate "
	             "that\nhubgate.json has for it.",
	             "The device's product must be linked to the\ngateway's in the console."),
	.asks = true,
	.run = run_bind,
};

const struct cli_command unbind_command = {
	.name = "unbind",
	.does = "end that: what waits for the device waits on",
	.help =
		HELP("unbind",
	         "Asks the hub to unbind a device from this gateway. It is not bound again by itself\n"
	         "before the next start of the broker.",
	         "What waits for the hub from this device\nwaits on, within its bounds."),
	.asks = true,
	.run = run_unbind,
};

const struct cli_command online_command = {
	.name = "online",
	.does = "show a device online at the hub",
	.help = HELP("online", "Asks the hub to show a device online.",
	             "Whether a device is here decides again\nwhen it comes or goes."),
	.asks = true,
	.run = run_online,
};

const struct cli_command offline_command = {
	.name = "offline",
	.does = "show a device offline at the hub",
	.help = HELP("offline", "Asks the hub to show a device offline.",
	             "Whether a device is here decides again\nwhen it comes or goes."),
	.asks = true,
	.run = run_offline,
};

const struct cli_command register_command = {
	.name = "register",
	.does = "get a device its secret by that of its product",
	.help = HELP("register",
	             "Registers a device at the hub with the product's secret (products[].register in\n"
	             "hubgate.json). The device's secret stays in store.dir; nobody is shown it.",
	             "The name must be allowed in the\nconsole's dynamic registration."),
	.asks = true,
	.run = run_register,
};
