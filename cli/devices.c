/* devices: all of them in a table; device show: all that is known of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/columns.h"
#include "cli/session.h"
#include "cli/text.h"

enum {
	CELL_MAX = 512
};

static const char devices_help[] =
	"Usage: hubgate devices [--present | --online | --unbound | --queued] [OPTION ...]\n"
	"\n"
	"Lists the devices: whether they are here, online at the hub and bound to this gateway, what\n"
	"waits for them in both directions, shadow, firmware, and what the hub refused last.\n"
	"\n"
	"  --present             only those that are logged in here\n"
	"  --online              only those that the hub shows online\n"
	"  --unbound             only those that the hub does not know as ours\n"
	"  --queued              only those with messages that wait for the hub\n"
	"\n"
	"Exit code 1 when it cannot be asked.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate devices\n"
	"  sudo hubgate devices --unbound --json | jq -r '.devices[].device_name'\n";

static const char device_help[] =
	"Usage: hubgate device show PID/DNAME [OPTION ...]\n"
	"\n"
	"Tells all that is known of one device: where it is connected, what it subscribed, when it\n"
	"was heard, and what the hub refused last, with what to do.\n"
	"\n"
	"Exit code 1 when it cannot be asked, or no such device is known.\n"
	"\n"
	"Example:\n"
	"  sudo hubgate device show ABCDE12345/dev1\n";

/* --- a table --- */

enum {
	C_NAME,
	C_HERE,
	C_HUB,
	C_BOUND,
	C_QUEUED,
	C_COMMANDS,
	C_SHADOW,
	C_FIRMWARE,
	C_REFUSAL,
	CELLS
};

static const struct column columns[CELLS] = {
	[C_NAME] = { .title = "DEVICE", .gives = true },
	[C_HERE] = { .title = "HERE" },
	[C_HUB] = { .title = "HUB" },
	[C_BOUND] = { .title = "BOUND" },
	[C_QUEUED] = { .title = "QUEUED", .right = true },
	[C_COMMANDS] = { .title = "COMMANDS", .right = true },
	[C_SHADOW] = { .title = "SHADOW", .right = true },
	[C_FIRMWARE] = { .title = "FIRMWARE", .gives = true },
	[C_REFUSAL] = { .title = "REFUSED", .gives = true },
};

static const char *bound_text(const cJSON *d)
{
	const cJSON *bound = answer_at(d, "bound");

	if (!cJSON_IsBool(bound))
		return "?";
	return cJSON_IsTrue(bound) ? "yes" : "no";
}

/* "online 812: text; fix"; "" when nothing was. */
static void refusal_text(const cJSON *d, char out[CELL_MAX])
{
	const cJSON *r = answer_at(d, "refusal");
	const char *fix = answer_text(r, "fix");

	out[0] = '\0';
	if (cJSON_IsObject(r))
		snprintf(out, CELL_MAX, "%.40s %.0f: %.200s%s%.200s", answer_text(r, "op"),
		         answer_count(r, "code"), answer_text(r, "text"), *fix ? "; " : "", fix);
}

static void nothing_for_zero(char text[ANSWER_NUMBER_MAX])
{
	if (strcmp(text, "0") == 0)
		text[0] = '\0';
}

static bool add(struct columns *t, const cJSON *d)
{
	char name[ANSWER_NAME_MAX], refusal[CELL_MAX];
	char queued[ANSWER_NUMBER_MAX], commands[ANSWER_NUMBER_MAX], shadow[ANSWER_NUMBER_MAX];
	const char *cells[CELLS] = {
		[C_NAME] = name,
		[C_HERE] = answer_is(d, "present") ? "yes" : "-",
		[C_HUB] = answer_is(d, "online") ? "online" : "-",
		[C_BOUND] = bound_text(d),
		[C_QUEUED] = queued,
		[C_COMMANDS] = commands,
		[C_SHADOW] = shadow,
		[C_FIRMWARE] = answer_text(d, "firmware"),
		[C_REFUSAL] = refusal,
	};

	answer_name(d, name);
	answer_number_text(d, "queued", "", queued);
	answer_number_text(d, "commands", "", commands);
	answer_number_text(d, "shadow_version", "", shadow);
	refusal_text(d, refusal);
	nothing_for_zero(queued);
	nothing_for_zero(commands);
	return columns_add(t, cells);
}

static void show_devices(const cJSON *data)
{
	const cJSON *list = answer_at(data, "devices"), *one;
	struct columns *t = columns_new(columns, CELLS);
	bool whole = t != NULL;

	cJSON_ArrayForEach(one, list) whole = whole && add(t, one);
	if (whole)
		columns_print(t, stdout, columns_of_terminal());
	else
		cli_failed(&devices_command, "no memory");
	columns_free(t);
	printf("%d of %.0f devices\n", cJSON_GetArraySize(list), answer_count(data, "total"));
}

static const struct only {
	const char *name;
} onlies[] = { { "present" }, { "online" }, { "unbound" }, { "queued" } };

enum {
	ONLIES = sizeof onlies / sizeof onlies[0]
};

static int list(struct session *s, const bool wanted[ONLIES])
{
	cJSON *members = cJSON_CreateObject(), *data = NULL;
	const char *only = "all";
	int given = 0, code;

	for (int i = 0; i < ONLIES; i++) {
		if (wanted[i])
			only = onlies[i].name;
		given += wanted[i];
	}
	if (given > 1)
		code = cli_usage(s->command, "one of --present, --online, --unbound and --queued");
	else if (!cJSON_AddStringToObject(members, "only", only))
		code = cli_failed(s->command, "no memory");
	else
		code = session_pages(s, "listDevices", members, "devices", &data);
	cJSON_Delete(members);
	return session_show(s, code, data, show_devices);
}

static int run_devices(int argc, char **argv)
{
	bool wanted[ONLIES] = { false };
	struct argument own[ONLIES];
	struct session s;
	int code;

	for (int i = 0; i < ONLIES; i++)
		own[i] = (struct argument){ onlies[i].name, 0, ARGUMENT_FLAG, &wanted[i], 0, 0 };
	code = session_begin(&devices_command, argc, argv,
	                     &(struct session_line){ .own = own, .count = ONLIES, .wants = "" }, &s);
	if (code != CLI_OK)
		return code;
	code = list(&s, wanted);
	session_end(&s);
	return code;
}

/* --- one of them --- */

static void show_node(const cJSON *node)
{
	char *text;

	if (cJSON_IsString(node)) {
		text_put_all(stdout, node->valuestring);
	} else if (cJSON_IsBool(node)) {
		fputs(cJSON_IsTrue(node) ? "yes" : "no", stdout);
	} else {
		text = cJSON_PrintUnformatted(node);
		text_put_json(stdout, text ? text : "");
		free(text);
	}
	putchar('\n');
}

/* "since_s": 90 is "since 90 s". Returns whether it was one of these. */
static bool show_span(const cJSON *data, const char *name)
{
	size_t len = strlen(name);
	char text[TEXT_SHOWN_MAX];
	double seconds;

	if (len < 3 || strcmp(name + len - 2, "_s") != 0 || !answer_number(data, name, &seconds))
		return false;
	text_duration(seconds, text);
	printf("%.*s%*s%s\n", (int)len - 2, name, len - 2 < 17 ? (int)(19 - len) : 1, "", text);
	return true;
}

/* Lists one below the other; what is not known is left out. */
static void show_member(const cJSON *data, const cJSON *node)
{
	const cJSON *one;
	const char *name = node->string;

	if (cJSON_IsNull(node) || (cJSON_IsArray(node) && cJSON_GetArraySize(node) == 0) ||
	    show_span(data, name))
		return;
	if (!cJSON_IsArray(node)) {
		printf("%-16s ", name);
		show_node(node);
		return;
	}
	cJSON_ArrayForEach(one, node)
	{
		printf("%-16s ", name);
		show_node(one);
		name = "";
	}
}

static void show_device(const cJSON *data)
{
	char name[ANSWER_NAME_MAX], refusal[CELL_MAX];
	const cJSON *one;

	answer_name(data, name);
	refusal_text(data, refusal);
	text_put_all(stdout, name);
	putchar('\n');
	cJSON_ArrayForEach(one, data)
	{
		if (strcmp(one->string, "product_id") != 0 && strcmp(one->string, "device_name") != 0 &&
		    strcmp(one->string, "refusal") != 0)
			show_member(data, one);
	}
	if (*refusal) {
		printf("%-16s ", "refused");
		text_put_all(stdout, refusal);
		putchar('\n');
	}
}

static int run_device(int argc, char **argv)
{
	struct session s;
	cJSON *data = NULL;
	int code = session_begin(
		&device_command, argc, argv,
		&(struct session_line){ .least = 2, .most = 2, .wants = "what: show PID/DNAME" }, &s);

	if (code != CLI_OK)
		return code;
	if (strcmp(s.arguments.rest[0], "show") != 0)
		code = cli_usage(&device_command, "'%s': it knows show", s.arguments.rest[0]);
	else
		code = session_ask_device(&s, "getDevice", s.arguments.rest[1], &data);
	code = session_show(&s, code, data, show_device);
	session_end(&s);
	return code;
}

const struct cli_command devices_command = {
	.name = "devices",
	.does = "the devices: here, online, bound, what waits, what was refused",
	.help = devices_help,
	.asks = true,
	.run = run_devices,
};

const struct cli_command device_command = {
	.name = "device",
	.does = "show PID/DNAME: all that is known of one device",
	.help = device_help,
	.asks = true,
	.run = run_device,
};
