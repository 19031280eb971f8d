/* credentials: what a device logs in with, ready to paste. docs/protocol/connection.md 4. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli/cli.h"

enum {
	DEVICES_LISTED = 20
};

struct wish {
	const char *device; /* PID/DNAME, or NULL */
	const char *config, *secret;
	const char *host, *port;
	enum hash hash;
	uint64_t expiry_s; /* 0: never */
	bool json;
};

struct login_data {
	struct cli_name name;
	char client_id[CLIENT_ID_MAX + 1], username[USERNAME_MAX + 1], password[PASSWORD_MAX + 1];
};

static const char help[] =
	"Usage: hubgate credentials [PID/DNAME] [OPTION ...]\n"
	"\n"
	"Prints client id, user name and password of a device, and lines to paste that publish\n"
	"and subscribe as this device. Without PID/DNAME: of the only device of the file.\n"
	"\n"
	"  --config FILE    take the secret from this hubgate.json (" CLI_CONFIG_FILE ")\n"
	"  --secret S       the device secret (PSK) as the console shows it; - reads it from\n"
	"                   standard input, where other users of this machine do not see it\n"
	"  --host HOST      of the broker, for the lines to paste (127.0.0.1)\n"
	"  --port PORT      the same (1883)\n"
	"  --hash HASH      sha1 or sha256 (sha1)\n"
	"  --expiry TIME    Unix time in seconds after which the login counts no more (never)\n"
	"  --json           client_id, username and password as JSON, nothing else\n"
	"\n"
	"Examples:\n"
	"  hubgate credentials ABCDE12345/dev1\n"
	"  hubgate credentials ABCDE12345/dev1 --secret - <secret.txt\n"
	"  hubgate credentials --config ./hubgate.json --host 192.168.1.10\n";

enum option_id {
	OPT_CONFIG,
	OPT_SECRET,
	OPT_HOST,
	OPT_PORT,
	OPT_HASH,
	OPT_EXPIRY,
	OPT_JSON
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "secret", required_argument, NULL, OPT_SECRET },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "hash", required_argument, NULL, OPT_HASH },
	{ "expiry", required_argument, NULL, OPT_EXPIRY },
	{ "json", no_argument, NULL, OPT_JSON },
	{ NULL, 0, NULL, 0 },
};

static int take_hash(const char *text, struct wish *w)
{
	if (strcmp(text, "sha1") != 0 && strcmp(text, "sha256") != 0)
		return cli_usage(&credentials_command, "--hash %s: sha1 or sha256", text);
	w->hash = strcmp(text, "sha256") == 0 ? HASH_SHA256 : HASH_SHA1;
	return CLI_OK;
}

/* Digits alone: strtoull() would take a sign and blanks. */
static int take_expiry(const char *text, struct wish *w)
{
	if (!*text || text[strspn(text, "0123456789")] || strlen(text) > 18)
		return cli_usage(&credentials_command, "--expiry %s: seconds since 1970, at most 18 digits",
		                 text);
	w->expiry_s = strtoull(text, NULL, 10);
	return CLI_OK;
}

/* It is put between quotes of a shell and of Python. */
static int take_host(const char *text, struct wish *w)
{
	static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:_-%";

	if (!*text || text[strspn(text, may)])
		return cli_usage(&credentials_command, "--host '%s': a name or an address", text);
	w->host = text;
	return CLI_OK;
}

static int take_port(const char *text, struct wish *w)
{
	if (!cli_is_port(text))
		return cli_usage(&credentials_command, "--port %s: 1..65535", text);
	w->port = text;
	return CLI_OK;
}

static int take_option(int id, struct wish *w)
{
	switch (id) {
	case OPT_CONFIG:
		w->config = optarg;
		return CLI_OK;
	case OPT_SECRET:
		w->secret = optarg;
		return CLI_OK;
	case OPT_HOST:
		return take_host(optarg, w);
	case OPT_PORT:
		return take_port(optarg, w);
	case OPT_HASH:
		return take_hash(optarg, w);
	case OPT_EXPIRY:
		return take_expiry(optarg, w);
	case OPT_JSON:
		w->json = true;
		return CLI_OK;
	default: /* getopt_long() has said what is wrong */
		return CLI_USAGE;
	}
}

static int take_arguments(int argc, char **argv, struct wish *w)
{
	int id, code = CLI_OK;

	while (code == CLI_OK && (id = getopt_long(argc, argv, "", options, NULL)) != -1)
		code = take_option(id, w);
	if (code != CLI_OK)
		return code;
	if (argc - optind > 1)
		return cli_usage(&credentials_command, "one device at a time, not also '%s'",
		                 argv[optind + 1]);
	w->device = argv[optind]; /* or NULL */
	if (w->secret && !w->device)
		return cli_usage(&credentials_command, "--secret needs PID/DNAME: whose is it?");
	return CLI_OK;
}

static int given_secret(const char *text, struct secret *out)
{
	char line[SECRET_TEXT_MAX + 3] = ""; /* with a CR, a newline and the NUL */
	enum status st;

	if (strcmp(text, "-") == 0) {
		if (!fgets(line, sizeof line, stdin))
			return cli_failed(&credentials_command, "standard input holds no secret");
		line[strcspn(line, "\r\n")] = '\0';
		text = line;
	}
	st = secret_parse(text, out);
	explicit_bzero(line, sizeof line);
	if (st == ST_OK)
		return CLI_OK;
	return cli_failed(&credentials_command,
	                  "the secret is no Base64 of 4 to 64 characters; copy the device secret (PSK) "
	                  "from the console, with the = at its end");
}

/* Tells which devices there are, when none was named. */
static int which_one(const char *path, const struct config *cfg)
{
	if (cfg->device_count == 0)
		return cli_failed(&credentials_command,
		                  "%s has no devices[]; name one: PID/DNAME --secret S", path);
	cli_failed(&credentials_command, "%s has %zu devices; name one of them:", path,
	           cfg->device_count);
	for (size_t i = 0; i < cfg->device_count && i < DEVICES_LISTED; i++)
		fprintf(stderr, "  %s/%s\n", cfg->devices[i].product_id, cfg->devices[i].device_name);
	if (cfg->device_count > DEVICES_LISTED)
		fprintf(stderr, "  ...\n");
	return CLI_FAILED;
}

static bool is_named(const struct login_data *d, const char *product_id, const char *device_name)
{
	return strcmp(d->name.product_id, product_id) == 0 &&
	       strcmp(d->name.device_name, device_name) == 0;
}

/* The secret of d, or NULL: the file does not know it. */
static const struct secret *find_secret(const struct config *cfg, const struct login_data *d)
{
	if (is_named(d, cfg->gateway.product_id, cfg->gateway.device_name))
		return &cfg->gateway.secret;
	for (size_t i = 0; i < cfg->device_count; i++) {
		if (is_named(d, cfg->devices[i].product_id, cfg->devices[i].device_name))
			return &cfg->devices[i].secret;
	}
	return NULL;
}

static int secret_of(const struct wish *w, const struct config *cfg, struct login_data *d,
                     struct secret *out)
{
	const struct secret *found;

	if (!w->device) {
		if (cfg->device_count != 1)
			return which_one(w->config, cfg);
		snprintf(d->name.product_id, sizeof d->name.product_id, "%s", cfg->devices[0].product_id);
		snprintf(d->name.device_name, sizeof d->name.device_name, "%s",
		         cfg->devices[0].device_name);
	}
	found = find_secret(cfg, d);
	if (!found)
		return cli_failed(&credentials_command,
		                  "%s knows no %s/%s; add it to devices[], or give --secret", w->config,
		                  d->name.product_id, d->name.device_name);
	if (found->key_len == 0)
		return cli_failed(&credentials_command,
		                  "%s has no secret for %s/%s (a certificate, a login of the broker, or a "
		                  "registration serves there); give --secret if there is one",
		                  w->config, d->name.product_id, d->name.device_name);
	*out = *found;
	return CLI_OK;
}

static int find(const struct wish *w, struct login_data *d, struct secret *secret)
{
	struct config cfg;
	int code = w->device ? cli_take_name(&credentials_command, w->device, &d->name) : CLI_OK;

	if (code != CLI_OK || w->secret)
		return code == CLI_OK ? given_secret(w->secret, secret) : code;
	code = cli_load_config(&credentials_command, w->config, &cfg);
	if (code == CLI_OK) {
		code = secret_of(w, &cfg, d, secret);
		config_free(&cfg);
	}
	return code;
}

static bool draw_connid(char out[CONNID_LEN + 1])
{
	unsigned char drawn[CONNID_LEN];

	if (getrandom(drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
		return false;
	credential_connid(drawn, out);
	return true;
}

static int sign(const struct wish *w, const struct secret *secret, struct login_data *d)
{
	char connid[CONNID_LEN + 1];

	credential_client_id(d->name.product_id, d->name.device_name, d->client_id);
	if (draw_connid(connid) &&
	    credential_username(d->name.product_id, d->name.device_name, connid, w->expiry_s,
	                        d->username) == ST_OK &&
	    credential_password(secret, d->username, w->hash, d->password) == ST_OK)
		return CLI_OK;
	return cli_failed(&credentials_command, "signing failed: no random numbers, or no memory");
}

/* Names, user names and passwords hold neither quotes nor backslashes by their grammar. */
static void show_json(const struct login_data *d)
{
	printf("{\"client_id\":\"%s\",\"username\":\"%s\",\"password\":\"%s\"}\n", d->client_id,
	       d->username, d->password);
}

static void show_lines(const struct wish *w, const struct login_data *d)
{
	const char *p = d->name.product_id, *n = d->name.device_name;

	printf("client id   %s\n"
	       "user name   %s\n"
	       "password    %s\n\n",
	       d->client_id, d->username, d->password);
	printf("# Of two connections as one device the newer ends the older, as at the hub.\n\n"
	       "# publish, as the device:\n"
	       "mosquitto_pub -h %s -p %s -i '%s' -u '%s' -P '%s' -q 1 -t '%s/%s/event' "
	       "-m '{\"temperature\":21}'\n\n",
	       w->host, w->port, d->client_id, d->username, d->password, p, n);
	printf("# subscribe, as the device:\n"
	       "mosquitto_sub -h %s -p %s -i '%s' -u '%s' -P '%s' -q 1 -v -t '%s/%s/control'\n\n",
	       w->host, w->port, d->client_id, d->username, d->password, p, n);
	printf("# Python, paho-mqtt 2:\n"
	       "import paho.mqtt.client as mqtt\n"
	       "c = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id='%s')\n"
	       "c.username_pw_set('%s', '%s')\n"
	       "c.connect('%s', %s)\n"
	       "c.loop_start()\n"
	       "c.publish('%s/%s/event', '{\"temperature\":21}', qos=1).wait_for_publish()\n",
	       d->client_id, d->username, d->password, w->host, w->port, p, n);
}

static int run(int argc, char **argv)
{
	struct wish w = { .config = CLI_CONFIG_FILE, .host = "127.0.0.1", .port = "1883" };
	struct login_data d = { .client_id = "" };
	struct secret secret = { .key_len = 0 };
	int code = take_arguments(argc, argv, &w);

	if (code == CLI_OK)
		code = find(&w, &d, &secret);
	if (code == CLI_OK)
		code = sign(&w, &secret, &d);
	secret_wipe(&secret);
	if (code != CLI_OK)
		return code;
	if (w.json)
		show_json(&d);
	else
		show_lines(&w, &d);
	return CLI_OK;
}

const struct cli_command credentials_command = {
	.name = "credentials",
	.does = "what a device logs in with, and lines to paste",
	.help = help,
	.run = run,
};
