#include "cli/check_net.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/text.h"
#include "plugin/config_file.h"
#include "plugin/lan/broker_conf.h"

#define MOSQUITTO_FILE "/etc/mosquitto/mosquitto.conf"

static const char help[] =
	"Usage: hubgate check [FILE] [OPTION ...]\n"
	"\n"
	"Looks at hubgate.json (FILE, else " CLI_CONFIG_FILE "), mosquitto.conf, this machine\n"
	"and the way to the hub, and says of everything that is wrong why, and what to do.\n"
	"Changes nothing. Run it as root: then it can tell what the broker's user may read.\n"
	"While a broker runs, it is asked how its session is; else the gateway logs in at the\n"
	"hub once, to see that its credentials are right. Takes at most 20 s.\n"
	"\n"
	"  --offline         asks no network; for units that must not wait for one\n"
	"  --mosquitto FILE  the broker's own file (" MOSQUITTO_FILE ")\n"
	"  --user NAME       whom the broker runs as (mosquitto, where there is such a user)\n"
	"  --json            the findings as JSON\n"
	"\n"
	"Exit code 1 when something does not work so; warnings alone are 0.\n"
	"\n"
	"Examples:\n"
	"  sudo hubgate check\n"
	"  hubgate check ./hubgate.json --mosquitto ./mosquitto.conf --user $USER\n"
	"  ExecStartPre=-/usr/bin/hubgate check --offline\n";

static const struct check_table *const tables[] = { &check_files, &check_broker,   &check_machine,
	                                                &check_store, &check_firmware, &check_network,
	                                                &check_hub,   &check_ports };

enum {
	TABLES = sizeof tables / sizeof tables[0],
	VERDICTS = VERDICT_SKIP + 1
};

static const char *const words[VERDICTS] = {
	[VERDICT_OK] = "ok",
	[VERDICT_WARN] = "warn",
	[VERDICT_FAIL] = "FAIL",
	[VERDICT_SKIP] = "skip",
};

struct report {
	cJSON *json; /* NULL: for people */
	bool online;
	unsigned count[VERDICTS];
};

/* --- the arguments --- */

enum option_id {
	OPT_OFFLINE,
	OPT_MOSQUITTO,
	OPT_USER,
	OPT_JSON
};

static const struct option options[] = {
	{ "offline", no_argument, NULL, OPT_OFFLINE },
	{ "mosquitto", required_argument, NULL, OPT_MOSQUITTO },
	{ "user", required_argument, NULL, OPT_USER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ NULL, 0, NULL, 0 },
};

static int take_arguments(int argc, char **argv, struct check_facts *f, bool *json, bool *offline)
{
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (id == OPT_MOSQUITTO)
			f->conf_path = optarg;
		else if (id == OPT_USER)
			f->user = optarg;
		else if (id == OPT_JSON)
			*json = true;
		else if (id == OPT_OFFLINE)
			*offline = true;
		else /* getopt_long() has said what is wrong */
			return CLI_USAGE;
	}
	if (argc - optind > 1)
		return cli_usage(&check_command, "one file at a time, not also '%s'", argv[optind + 1]);
	if (optind < argc)
		f->config_path = argv[optind];
	return CLI_OK;
}

/* --- the facts --- */

/* Debian's broker runs as mosquitto; where nobody is called so, or we cannot become him, it is who
 * calls. */
static int find_user(struct check_facts *f)
{
	const char *name = f->user ? f->user : "mosquitto";
	const struct passwd *entry = getpwnam(name);

	if (!entry && f->user)
		return cli_failed(&check_command, "--user %s: this machine has no such user", name);
	if (!f->user && geteuid() != 0)
		entry = getpwuid(geteuid());
	f->user_known = entry != NULL;
	f->user = entry ? entry->pw_name : "of this shell";
	f->uid = entry ? entry->pw_uid : geteuid();
	f->gid = entry ? entry->pw_gid : getegid();
	return CLI_OK;
}

static void gather(struct check_facts *f)
{
	f->have_config = config_file_load(f->config_path, &f->config, &f->report) == ST_OK;
	f->have_conf = broker_conf_read(f->conf_path, &f->conf, f->conf_why) == ST_OK;
}

/* A broker beside a package that nobody has set up yet. */
static bool is_not_set_up(const struct check_facts *f)
{
	return access(f->config_path, F_OK) != 0 && errno == ENOENT && f->have_conf && !f->conf.ours;
}

static void let_go(struct check_facts *f)
{
	if (f->have_config)
		config_free(&f->config);
	if (f->have_conf)
		mosquitto_conf_free(&f->conf);
}

/* --- the findings --- */

/* Lines after the first stand below it. */
static void show_text(const char *text)
{
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%-26s", "");
	}
	putchar('\n');
}

static void show(const char *name, const struct finding *found)
{
	printf("%-6s%-20s", words[found->verdict], name);
	show_text(found->cause);
	if (*found->fix) {
		printf("%-26s", "");
		show_text(found->fix);
	}
}

static bool add(cJSON *list, const char *name, const struct finding *found)
{
	cJSON *entry = cJSON_CreateObject();

	if (entry && cJSON_AddStringToObject(entry, "check", name) &&
	    cJSON_AddStringToObject(entry, "verdict", words[found->verdict]) &&
	    cJSON_AddStringToObject(entry, "cause", found->cause) &&
	    cJSON_AddStringToObject(entry, "fix", found->fix) && cJSON_AddItemToArray(list, entry))
		return true;
	cJSON_Delete(entry);
	return false;
}

static bool look(const struct check_facts *f, struct report *r)
{
	bool whole = true;

	/* The first of those that ask the network is check_network. */
	for (size_t t = 0; t < TABLES && (r->online || tables[t] != &check_network); t++) {
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct check *c = &tables[t]->checks[i];
			struct finding found = { .verdict = VERDICT_OK };

			c->look(f, &found);
			text_make_inert(found.cause); /* names and reasons of others are in them */
			text_make_inert(found.fix);
			r->count[found.verdict]++;
			if (r->json)
				whole = add(r->json, c->name, &found) && whole;
			else
				show(c->name, &found);
			fflush(stdout); /* the next one may wait */
		}
	}
	return whole;
}

static int end(const struct report *r, bool whole)
{
	char *text = r->json && whole ? cJSON_PrintUnformatted(r->json) : NULL;

	if (r->json && !text)
		return cli_failed(&check_command, "no memory");
	if (text)
		puts(text);
	else
		printf("%u fine, %u warnings, %u faults, %u not looked at%s\n", r->count[VERDICT_OK],
		       r->count[VERDICT_WARN], r->count[VERDICT_FAIL], r->count[VERDICT_SKIP],
		       r->online ? "" : "; the network was not asked");
	free(text);
	return r->count[VERDICT_FAIL] > 0 ? CLI_FAILED : CLI_OK;
}

static int run(int argc, char **argv)
{
	struct check_facts f = { .command = &check_command,
		                     .config_path = CLI_CONFIG_FILE,
		                     .conf_path = MOSQUITTO_FILE };
	struct report r = { .json = NULL };
	struct check_net net;
	bool json = false, offline = false;
	int code = take_arguments(argc, argv, &f, &json, &offline);

	if (code == CLI_OK)
		code = find_user(&f);
	if (code != CLI_OK)
		return code;
	if (json && !(r.json = cJSON_CreateArray()))
		return cli_failed(&check_command, "no memory");
	check_net_begin(&net);
	f.net = offline ? NULL : &net;
	r.online = !offline;
	gather(&f);
	if (!json && is_not_set_up(&f))
		code = cli_failed(&check_command,
		                  "hubgate is not set up: there is no %s, and %s loads no "
		                  "mosquitto_hubgate.so; run: hubgate init",
		                  f.config_path, f.conf_path);
	else
		code = end(&r, look(&f, &r));
	let_go(&f);
	check_net_end(&net);
	cJSON_Delete(r.json);
	return code;
}

const struct cli_command check_command = {
	.name = "check",
	.does = "what is wrong with configuration, broker and machine, and how to mend it",
	.help = help,
	.run = run,
};
