/* probe: asks the real hub what no document answers, and cleans up behind itself. */
#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/store_owner.h"
#include "core/base/clocks.h"

static const char help[] =
	"Usage: hubgate probe --gateway PID/DNAME --device PID/DNAME [FILE] [OPTION ...]\n"
	"\n"
	"Asks the hub what no document answers (docs/protocol/README.md, doubts 12, 15, 16, 40, 41\n"
	"and 42), as the gateway and about the device that you name, and says which settings of\n"
	"hubgate.json follow. Take a device that is for tests: it is brought online and offline,\n"
	"publishes, and gets an attribute in its shadow, which is deleted again. At the end, and\n"
	"when it is stopped by Ctrl-C, everything is taken back.\n"
	"Host, TLS and secrets come from hubgate.json (FILE, else " CLI_CONFIG_FILE ").\n"
	"While a broker runs with that file's store.dir it refuses: stop the broker first.\n"
	"\n"
	"  --gateway PID/DNAME           the gateway that logs in\n"
	"  --device PID/DNAME            the device; best one that is not bound and never wrote its\n"
	"                                shadow: then all questions can be asked\n"
	"  --gateway-secret-file FILE    holds its secret, for a gateway that is not of hubgate.json\n"
	"  --device-secret-file FILE     the same of the device; it is needed to bind it\n"
	"  --topic NAME                  custom topic of the device, declared for both ways (data)\n"
	"  --limits                      asks also where the limits are (doubts 33 and 44), by going\n"
	"                                over the published ones: not while others use the gateway\n"
	"  --report FILE                 the answers, without names and secrets\n"
	"                                (hubgate-probe-DATE.json)\n"
	"  --yes                         does not ask before it begins\n"
	"\n"
	"Exit code 0: asked, and all is taken back; 1: could not be done, or was stopped.\n"
	"\n"
	"Example:\n"
	"  sudo systemctl stop mosquitto\n"
	"  sudo hubgate probe --gateway ABCDE12345/gw1 --device FGHIJ67890/test1\n";

struct wish {
	const char *gateway, *device, *config, *gateway_secret, *device_secret, *topic, *report;
	bool limits, yes;
};

/* --- the arguments --- */

enum option_id {
	OPT_GATEWAY,
	OPT_DEVICE,
	OPT_GATEWAY_SECRET,
	OPT_DEVICE_SECRET,
	OPT_TOPIC,
	OPT_LIMITS,
	OPT_REPORT,
	OPT_YES
};

static const struct option options[] = {
	{ "gateway", required_argument, NULL, OPT_GATEWAY },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "gateway-secret-file", required_argument, NULL, OPT_GATEWAY_SECRET },
	{ "device-secret-file", required_argument, NULL, OPT_DEVICE_SECRET },
	{ "topic", required_argument, NULL, OPT_TOPIC },
	{ "limits", no_argument, NULL, OPT_LIMITS },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "yes", no_argument, NULL, OPT_YES },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(int id, struct wish *w)
{
	const char **texts[] = { [OPT_GATEWAY] = &w->gateway,
		                     [OPT_DEVICE] = &w->device,
		                     [OPT_GATEWAY_SECRET] = &w->gateway_secret,
		                     [OPT_DEVICE_SECRET] = &w->device_secret,
		                     [OPT_TOPIC] = &w->topic,
		                     [OPT_REPORT] = &w->report,
		                     [OPT_YES] = NULL };

	if (id == OPT_LIMITS)
		w->limits = true;
	else if (id == OPT_YES)
		w->yes = true;
	else if (id >= 0 && id < OPT_YES && texts[id])
		*texts[id] = optarg;
	else /* getopt_long() has said what is wrong */
		return false;
	return true;
}

static int take_arguments(int argc, char **argv, struct wish *w)
{
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!take_option(id, w))
			return CLI_USAGE;
	}
	if (argc - optind > 1)
		return cli_usage(&probe_command, "one file at a time, not also '%s'", argv[optind + 1]);
	if (optind < argc)
		w->config = argv[optind];
	if (!w->gateway || !w->device)
		return cli_usage(&probe_command, "name both: --gateway PID/DNAME --device PID/DNAME");
	if (!*w->topic || w->topic[strcspn(w->topic, "+#\"\\ ")] || strlen(w->topic) > 100)
		return cli_usage(&probe_command, "--topic '%s': a name behind PID/DNAME/, without + and #",
		                 w->topic);
	return CLI_OK;
}

static int take_name(const char *option, const char *text, struct cli_name *out)
{
	if (cli_split_name(text, out))
		return CLI_OK;
	return cli_usage(&probe_command, "%s %s: this is no PID/DNAME", option, text);
}

/* --- secrets --- */

static int read_secret(const char *path, struct secret *out)
{
	char line[SECRET_TEXT_MAX + 3] = "";
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, sizeof line, f);

	if (f)
		fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (ok && secret_parse(line, out) != ST_OK)
		ok = false;
	explicit_bzero(line, sizeof line);
	if (ok)
		return CLI_OK;
	return cli_failed(&probe_command,
	                  "%s holds no device secret: one line, as the console shows it (%s)", path,
	                  f ? "Base64 of 4 to 64 characters" : strerror(errno));
}

static bool is_named(const struct cli_name *n, const char *product_id, const char *device_name)
{
	return strcmp(n->product_id, product_id) == 0 && strcmp(n->device_name, device_name) == 0;
}

static int gateway_secret(struct probe *p, const struct wish *w)
{
	const struct config_gateway *g = &p->config.gateway;

	if (w->gateway_secret)
		return read_secret(w->gateway_secret, &p->gateway_secret);
	if (!is_named(&p->gateway, g->product_id, g->device_name))
		return cli_failed(&probe_command,
		                  "%s is not the gateway of %s: give its secret by --gateway-secret-file",
		                  w->gateway, w->config);
	p->gateway_secret = g->secret; /* none: its certificate */
	return CLI_OK;
}

static int device_secret(struct probe *p, const struct wish *w)
{
	if (w->device_secret)
		return read_secret(w->device_secret, &p->device_secret);
	for (size_t i = 0; i < p->config.device_count; i++) {
		const struct config_device *d = &p->config.devices[i];

		if (is_named(&p->device, d->product_id, d->device_name))
			p->device_secret = d->secret;
	}
	return CLI_OK; /* without one it is not bound */
}

/* --- before --- */

static int load(struct probe *p, const struct wish *w)
{
	int code = take_name("--gateway", w->gateway, &p->gateway);

	if (code == CLI_OK)
		code = take_name("--device", w->device, &p->device);
	if (code == CLI_OK && is_named(&p->device, p->gateway.product_id, p->gateway.device_name))
		code = cli_usage(&probe_command, "the device must be another one than the gateway");
	if (code == CLI_OK)
		code = cli_load_config(&probe_command, w->config, &p->config);
	if (code == CLI_OK)
		code = gateway_secret(p, w);
	if (code == CLI_OK)
		code = device_secret(p, w);
	if (code == CLI_OK && !(p->settings = cJSON_CreateObject()))
		code = cli_failed(&probe_command, "no memory");
	p->topic = w->topic;
	p->limits = w->limits;
	p->region = region_limits(p->config.hub.region);
	return code;
}

static int refuse_beside_a_broker(const struct probe *p)
{
	char owner[STORE_OWNER_MAX];
	enum status st = store_owner_find(p->config.store.dir, owner);

	if (st == ST_EXISTS)
		return cli_failed(
			&probe_command,
			"store.dir %s is in use by %s, which has the gateway's session: stop that "
			"broker first (systemctl stop mosquitto)",
			p->config.store.dir, owner);
	if (st != ST_OK)
		return cli_failed(&probe_command,
		                  "whether a broker runs cannot be told: %s; run it as root", owner);
	return CLI_OK;
}

static void show_plan(const struct probe *p, const struct wish *w)
{
	printf(
		"This asks %s, as gateway %s, about device %s. It\n"
		"  - logs in twice as the gateway, at least 5 s apart; who else is logged in as it is thrown "
		"out\n"
		"  - brings the device online and offline%s\n"
		"  - publishes one message on its topic %s\n"
		"  - writes the attribute hubgate_probe into its shadow, if that was never written, and "
		"deletes it\n",
		p->config.hub.host, w->gateway, w->device,
		p->device_secret.key_len > 0 ? "; binds it, if it is not bound, and unbinds it again" : "",
		p->topic);
	if (p->limits)
		printf("  - goes over the limits: up to 50 messages at once, twice, and up to 170 "
		       "subscriptions\n");
	printf(
		"At most %d messages and %d s, never faster than 5 per second%s. Everything is taken back "
		"at the end, and on Ctrl-C.\n",
		p->limits ? PROBE_MESSAGES_LIMITS : PROBE_MESSAGES,
		p->limits ? PROBE_ALL_LIMITS_S : PROBE_ALL_S, p->limits ? " beside that" : "");
	fflush(stdout);
}

static int confirm(const struct wish *w)
{
	char line[16] = "";

	if (w->yes)
		return CLI_OK;
	printf("Go on? [y/N] ");
	fflush(stdout);
	if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
		return CLI_OK;
	return cli_failed(&probe_command, "nothing was done");
}

/* --- the questions --- */

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* Without SA_RESTART: a wait ends, and looks. */
static void heed_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	signal(SIGPIPE,
	       SIG_IGN); /* whoever reads the answers may end before what is to be taken back */
}

static const struct probe_table *const tables[] = { &probe_gateway, &probe_topics, &probe_shadow,
	                                                &probe_limits };

enum {
	TABLES = sizeof tables / sizeof tables[0],
	QUESTIONS_MAX = 16
};

/* "": it goes on. */
static const char *why_not_on(const struct probe *p)
{
	char owner[STORE_OWNER_MAX];

	if (stopped)
		return "stopped";
	if (store_owner_find(p->config.store.dir, owner) == ST_EXISTS)
		return "a broker began meanwhile, which has the gateway's session now";
	if (!probe_is_up(p))
		return "the connection was lost";
	return clocks_monotonic_ms() < p->until ? "" : "the time is over";
}

static void ask(struct probe *p, const struct probe_question *q, struct probe_result *r)
{
	r->question = q;
	fprintf(stderr, "hubgate probe: %s\n", q->asks);
	q->ask(p, &r->answer);
	if (stopped) {
		r->answer.reading = NULL;
		r->answer.follows[0] = '\0';
		snprintf(r->answer.says, sizeof r->answer.says, "stopped before the answer");
	}
}

/* False: some were not asked, which is told. */
static bool ask_all(struct probe *p, struct probe_result all[QUESTIONS_MAX], size_t *count)
{
	for (size_t t = 0; t < TABLES; t++) {
		for (size_t i = 0; i < tables[t]->count; i++) {
			const struct probe_question *q = &tables[t]->questions[i];
			const char *why;

			if (q->limits && !p->limits)
				continue;
			why = why_not_on(p);
			if (*why) {
				cli_failed(&probe_command, "ends before '%s': %s", q->asks, why);
				return false;
			}
			ask(p, q, &all[(*count)++]);
		}
	}
	return true;
}

static int log_in(struct probe *p)
{
	char topic[PROBE_TOPIC_MAX];
	enum hub_talk_end end =
		probe_connect(p, (uint16_t)p->config.hub.keepalive, clocks_monotonic_ms() + 20000);

	if (end == HUB_TALK_REFUSED)
		return cli_failed(
			&probe_command,
			"the hub refuses the login of the gateway (CONNACK %u): compare its names "
			"and secret with the console, and look at the clock",
			(unsigned)hub_talk_code(p->talk));
	if (end != HUB_TALK_UP)
		return cli_failed(&probe_command, "no login at the hub: %s (hubgate check says more)",
		                  p->talk ? hub_talk_why(p->talk) : "no memory");
	probe_topic(topic, "$gateway/operation/result/", &p->gateway, "");
	if (probe_subscribe(p, topic, 0) == ST_OK)
		return CLI_OK;
	return cli_failed(&probe_command,
	                  "the hub does not grant the gateway's own topic: is %s/%s a "
	                  "gateway there?",
	                  p->gateway.product_id, p->gateway.device_name);
}

/* Over connections of their own, when all is taken back. */
static bool ask_last(struct probe *p, struct probe_result all[QUESTIONS_MAX], size_t *count)
{
	char owner[STORE_OWNER_MAX];

	p->stop = &stopped; /* the end did not heed it */
	for (size_t i = 0; i < probe_last.count; i++) {
		if (stopped || store_owner_find(p->config.store.dir, owner) == ST_EXISTS)
			return false;
		ask(p, &probe_last.questions[i], &all[(*count)++]);
	}
	return true;
}

static int report(const struct probe *p, const struct wish *w, const struct probe_result *all,
                  size_t count)
{
	char name[64];
	time_t now = time(NULL);
	struct tm utc;
	int code;

	strftime(name, sizeof name, "hubgate-probe-%Y%m%d-%H%M%S.json", gmtime_r(&now, &utc));
	probe_report_print(p, all, count);
	code = probe_report_write(&probe_command, p, all, count, w->report ? w->report : name);
	if (code == CLI_OK)
		printf("Written to %s, without names and secrets: please show it to the authors of "
		       "hubgate.\n",
		       w->report ? w->report : name);
	return code;
}

static int ask_the_hub(struct probe *p, const struct wish *w)
{
	struct probe_result all[QUESTIONS_MAX] = { 0 };
	bool in, clean, whole = false;
	size_t count = 0;
	int code = CLI_FAILED;

	p->stop = &stopped;
	p->until = clocks_monotonic_ms() +
	           1000 * ((p->limits ? PROBE_ALL_LIMITS_S : PROBE_ALL_S) - PROBE_END_S);
	in = log_in(p) == CLI_OK;
	if (in)
		whole = ask_all(p, all, &count);
	if (stopped)
		fprintf(stderr, "hubgate probe: stopped, cleans up\n");
	clean = probe_clean_up(p);
	if (in && clean)
		whole = ask_last(p, all, &count) && whole;
	hub_talk_close(p->talk);
	p->talk = NULL;
	if (in)
		code = report(p, w, all, count);
	return whole && clean && !stopped ? code : CLI_FAILED;
}

/* A word that nobody else writes. */
static void make_token(struct probe *p)
{
	unsigned char bytes[8];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		memset(bytes, (int)(clocks_monotonic_us() & 0x7f), sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(p->token + 2 * i, 3, "%02x", bytes[i]);
}

static int run(int argc, char **argv)
{
	struct wish w = { .config = CLI_CONFIG_FILE, .topic = "data" };
	struct probe p = { .talk = NULL };
	int code = take_arguments(argc, argv, &w);

	if (code == CLI_OK)
		code = load(&p, &w);
	if (code == CLI_OK)
		code = refuse_beside_a_broker(&p);
	if (code == CLI_OK && w.report)
		code = probe_report_may(&probe_command, w.report);
	if (code == CLI_OK) {
		show_plan(&p, &w);
		code = confirm(&w);
	}
	if (code == CLI_OK) {
		make_token(&p);
		heed_signals();
		code = ask_the_hub(&p, &w);
	}
	secret_wipe(&p.gateway_secret);
	secret_wipe(&p.device_secret);
	cJSON_Delete(p.settings);
	config_free(&p.config);
	return code;
}

const struct cli_command probe_command = {
	.name = "probe",
	.does = "ask the hub what no document answers, with a test device",
	.help = help,
	.run = run,
};
