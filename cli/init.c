/* init: a first configuration. It asks for what is not given, writes two files and overwrites none.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "cli/cli.h"
#include "plugin/lan/broker_conf.h"

enum {
	ANSWER_MAX = 128,
	PATH_ROOM = 4096,
	TRIES = 3 /* at a terminal */
};

static const char help[] =
	"Usage: hubgate init [OPTION ...]\n"
	"\n"
	"Writes hubgate.json and the lines for mosquitto. What is not given by an option is\n"
	"asked for; with --yes it is left out instead. Files that are there are not touched.\n"
	"\n"
	"  --gateway PID/DNAME   the gateway device, as the hub's console shows it\n"
	"  --gateway-secret S    its device secret (PSK)\n"
	"  --device PID/DNAME    a first device behind it\n"
	"  --device-secret S     its device secret\n"
	"  --listener PORT       where devices connect (1883, if the broker has no listener yet)\n"
	"  --etc DIR             where mosquitto.conf and conf.d are (/etc/mosquitto)\n"
	"  --store DIR           where messages are kept (/var/lib/mosquitto/hubgate)\n"
	"  --plugin FILE         mosquitto_hubgate.so (where it was installed with this program)\n"
	"  --user NAME           whom the broker runs as (mosquitto)\n"
	"  --yes                 ask nothing\n"
	"\n"
	"Secrets given as options are seen by other users of this machine while it runs; those\n"
	"that are asked for are not shown.\n"
	"\n"
	"Example:\n"
	"  sudo hubgate init && sudo systemctl restart mosquitto && sudo hubgate check\n";

enum field_id {
	GATEWAY,
	GATEWAY_SECRET,
	DEVICE,
	DEVICE_SECRET,
	FIELDS
};

/* What may be asked for, in this order. */
static const struct field {
	const char *option, *question;
	bool secret, needed;
	enum field_id of; /* asked only when that one was answered */
} fields[FIELDS] = {
	[GATEWAY] = { "gateway", "Gateway, as PRODUCT_ID/DEVICE_NAME", .needed = true, .of = GATEWAY },
	[GATEWAY_SECRET] = { "gateway-secret", "Its device secret (PSK)", .secret = true,
	                     .needed = true, .of = GATEWAY },
	[DEVICE] = { "device", "A first device, as PRODUCT_ID/DEVICE_NAME (empty: none yet)",
	             .of = DEVICE },
	[DEVICE_SECRET] = { "device-secret", "Its device secret (PSK)", .secret = true, .needed = true,
	                    .of = DEVICE },
};

struct wish {
	char answers[FIELDS][ANSWER_MAX]; /* "": not given */
	const char *listener;             /* NULL: one, if the broker has none */
	const char *etc, *store, *plugin, *user;
	bool yes;
};

struct output {
	char config[PATH_ROOM], conf[PATH_ROOM], plugin[PATH_ROOM];
	bool listener; /* one is added */
	gid_t group;
};

/* --- the answers --- */

/* What is wrong with an answer; NULL: nothing. */
static const char *fault_of(enum field_id id, const char *text)
{
	struct secret secret;
	struct cli_name name;
	enum status st;

	if (!*text)
		return fields[id].needed ? "is needed" : NULL;
	if (!fields[id].secret)
		return cli_split_name(text, &name)
		           ? NULL
		           : "is not PRODUCT_ID/DEVICE_NAME: 10 letters and digits, a slash, "
		             "at most 48 of A-Z a-z 0-9 : _ -";
	st = secret_parse(text, &secret);
	secret_wipe(&secret);
	return st == ST_OK ? NULL : "is no Base64; copy it from the console, with the = at its end";
}

static bool read_line(char out[ANSWER_MAX], bool hidden)
{
	struct termios before, quiet;
	bool ok, was = hidden && tcgetattr(STDIN_FILENO, &before) == 0;

	if (was) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	ok = fgets(out, ANSWER_MAX, stdin) != NULL;
	if (was) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	out[strcspn(out, "\r\n")] = '\0';
	return ok;
}

static int ask(enum field_id id, char out[ANSWER_MAX])
{
	const char *fault = "is needed";

	for (int i = 0; i < TRIES; i++) {
		fprintf(stderr, "%s: ", fields[id].question);
		if (!read_line(out, fields[id].secret))
			break;
		fault = fault_of(id, out);
		if (!fault)
			return CLI_OK;
		fprintf(stderr, "  this %s\n", fault);
	}
	return cli_failed(&init_command, "--%s %s", fields[id].option, fault);
}

static int answer_one(struct wish *w, enum field_id id, bool may_ask)
{
	char *text = w->answers[id];
	const char *fault;

	if (!*text && fields[id].of != id && !*w->answers[fields[id].of])
		return CLI_OK;
	if (!*text && may_ask)
		return ask(id, text);
	fault = fault_of(id, text);
	return fault ? cli_usage(&init_command, "--%s %s", fields[id].option, fault) : CLI_OK;
}

static int answer(struct wish *w)
{
	bool may_ask = !w->yes && isatty(STDIN_FILENO);
	int code = CLI_OK;

	for (enum field_id id = 0; id < FIELDS && code == CLI_OK; id++)
		code = answer_one(w, id, may_ask);
	return code;
}

/* --- the arguments --- */

enum option_id {
	OPT_LISTENER = FIELDS,
	OPT_ETC,
	OPT_STORE,
	OPT_PLUGIN,
	OPT_USER,
	OPT_YES
};

static const struct option options[] = {
	{ "gateway", required_argument, NULL, GATEWAY },
	{ "gateway-secret", required_argument, NULL, GATEWAY_SECRET },
	{ "device", required_argument, NULL, DEVICE },
	{ "device-secret", required_argument, NULL, DEVICE_SECRET },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "etc", required_argument, NULL, OPT_ETC },
	{ "store", required_argument, NULL, OPT_STORE },
	{ "plugin", required_argument, NULL, OPT_PLUGIN },
	{ "user", required_argument, NULL, OPT_USER },
	{ "yes", no_argument, NULL, OPT_YES },
	{ NULL, 0, NULL, 0 },
};

static int take_answer(struct wish *w, int id)
{
	if (strlen(optarg) >= ANSWER_MAX)
		return cli_usage(&init_command, "--%s is too long", fields[id].option);
	strcpy(w->answers[id], optarg);
	return CLI_OK;
}

static int take_option(struct wish *w, int id)
{
	const char **const texts[] = { [OPT_LISTENER] = &w->listener,
		                           [OPT_ETC] = &w->etc,
		                           [OPT_STORE] = &w->store,
		                           [OPT_PLUGIN] = &w->plugin,
		                           [OPT_USER] = &w->user };

	if (id >= GATEWAY && id < FIELDS)
		return take_answer(w, id);
	if (id == OPT_YES) {
		w->yes = true;
		return CLI_OK;
	}
	if (id < OPT_LISTENER || id > OPT_USER)
		return CLI_USAGE; /* getopt_long() has said what is wrong */
	*texts[id] = optarg;
	return CLI_OK;
}

static int take_arguments(int argc, char **argv, struct wish *w)
{
	int id, code = CLI_OK;

	while (code == CLI_OK && (id = getopt_long(argc, argv, "", options, NULL)) != -1)
		code = take_option(w, id);
	if (code != CLI_OK)
		return code;
	if (optind < argc)
		return cli_usage(&init_command, "takes no '%s'", argv[optind]);
	if (w->listener && !cli_is_port(w->listener))
		return cli_usage(&init_command, "--listener %s: 1..65535", w->listener);
	if (w->etc[0] != '/' || w->store[0] != '/')
		return cli_usage(&init_command, "--etc and --store: paths that begin with /");
	return CLI_OK;
}

/* --- where to, and what is there --- */

/* Installed, this program is in PREFIX/bin and the plugin in PREFIX/lib/TRIPLET. */
static int find_plugin(const struct wish *w, struct output *o)
{
	char self[PATH_ROOM];
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if (w->plugin)
		snprintf(o->plugin, sizeof o->plugin, "%s", w->plugin);
	else
		snprintf(o->plugin, sizeof o->plugin,
		         "%.3900s/lib/" HUBGATE_TRIPLET "/mosquitto_hubgate.so", self);
	if (o->plugin[0] == '/' && access(o->plugin, R_OK) == 0)
		return CLI_OK;
	return cli_failed(&init_command,
	                  "there is no %s; run make install, or say where it is: --plugin", o->plugin);
}

static int free_place(const char *path)
{
	struct stat info;

	if (lstat(path, &info) != 0 && errno == ENOENT)
		return CLI_OK;
	return cli_failed(&init_command,
	                  "%s is there already and is not touched; hubgate check looks at it", path);
}

static void main_file(const struct wish *w, char out[PATH_ROOM])
{
	snprintf(out, PATH_ROOM, "%.3900s/mosquitto.conf", w->etc);
}

/* Whether the broker's own files have a listener and no plugin of ours yet. */
static int look_at_broker(const struct wish *w, struct output *o)
{
	char path[PATH_ROOM], why[MOSQUITTO_CONF_WHY_MAX];
	struct mosquitto_conf conf;
	bool ours, listener;

	main_file(w, path);
	if (broker_conf_read(path, &conf, why) != ST_OK)
		return cli_failed(&init_command,
		                  "%s; install mosquitto first, or say where its files are: --etc", why);
	ours = conf.ours;
	listener = conf.listener;
	mosquitto_conf_free(&conf);
	if (ours)
		return cli_failed(&init_command, "%s loads hubgate already; hubgate check looks at it",
		                  path);
	o->listener = w->listener || !listener;
	return CLI_OK;
}

static int look_around(const struct wish *w, struct output *o)
{
	const struct passwd *user = getpwnam(w->user);
	int code;

	if (!user)
		return cli_failed(&init_command,
		                  "this machine has no user %s; install mosquitto first, or name whom the "
		                  "broker runs as: --user",
		                  w->user);
	o->group = user->pw_gid;
	snprintf(o->config, sizeof o->config, "%.3900s/hubgate.json", w->etc);
	snprintf(o->conf, sizeof o->conf, "%.3900s/conf.d/hubgate.conf", w->etc);
	code = find_plugin(w, o);
	if (code == CLI_OK)
		code = look_at_broker(w, o);
	if (code == CLI_OK)
		code = free_place(o->config);
	return code == CLI_OK ? free_place(o->conf) : code;
}

/* --- the files --- */

static bool add_identity(cJSON *object, const char *pair, const char *secret)
{
	struct cli_name name;

	return cli_split_name(pair, &name) &&
	       cJSON_AddStringToObject(object, "product_id", name.product_id) &&
	       cJSON_AddStringToObject(object, "device_name", name.device_name) &&
	       cJSON_AddStringToObject(object, "secret", secret);
}

static bool add_device(cJSON *devices, const struct wish *w)
{
	cJSON *device;

	if (!*w->answers[DEVICE])
		return true;
	device = cJSON_CreateObject();
	return cJSON_AddItemToArray(devices, device) &&
	       add_identity(device, w->answers[DEVICE], w->answers[DEVICE_SECRET]);
}

/* Caller wipes and frees; NULL: no memory. */
static char *config_text(const struct wish *w)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *gateway = cJSON_AddObjectToObject(root, "gateway");
	cJSON *store = cJSON_AddObjectToObject(root, "store");
	cJSON *devices = cJSON_AddArrayToObject(root, "devices");
	char *text = NULL;

	if (gateway && store && devices &&
	    add_identity(gateway, w->answers[GATEWAY], w->answers[GATEWAY_SECRET]) &&
	    cJSON_AddStringToObject(store, "dir", w->store) && add_device(devices, w))
		text = cJSON_Print(root);
	cJSON_Delete(root);
	return text;
}

static char *conf_text(const struct wish *w, const struct output *o)
{
	char *text, *listener = NULL;

	if (o->listener &&
	    asprintf(&listener,
	             "\n# Devices with credentials of the hub are let in here, nobody else "
	             "without a password_file.\nlistener %s\n",
	             w->listener ? w->listener : "1883") < 0)
		return NULL;
	if (asprintf(&text,
	             "# Made by hubgate init. The plugin line stands before those of other plugins.\n"
	             "plugin %s\nplugin_opt_config_file %s\nset_tcp_nodelay true\n%s",
	             o->plugin, o->config, listener ? listener : "") < 0)
		text = NULL;
	free(listener);
	return text;
}

static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

/* It is whole, or not there. The group may read it; without root's rights it stays the caller's. */
static int write_file(const char *path, const char *text, mode_t mode, gid_t group)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	bool ok = fd >= 0 && (geteuid() != 0 || fchown(fd, (uid_t)-1, group) == 0) &&
	          fchmod(fd, mode) == 0 && write_all(fd, text) && fsync(fd) == 0;
	int cause = errno;

	if (fd >= 0)
		close(fd);
	if (ok)
		return CLI_OK;
	if (fd >= 0)
		unlink(path);
	return cli_failed(&init_command, "%s cannot be written: %s%s", path, strerror(cause),
	                  cause == EACCES ? "; run it with sudo" : "");
}

static int prove(const char *path)
{
	struct config cfg;
	int code = cli_load_config(&init_command, path, &cfg);

	if (code == CLI_OK)
		config_free(&cfg);
	return code;
}

/* Whether the broker will see the lines for it. Whether they stand early enough, check says. */
static int prove_conf(const struct wish *w, const struct output *o)
{
	char path[PATH_ROOM], why[MOSQUITTO_CONF_WHY_MAX];
	struct mosquitto_conf conf;
	bool ours;

	main_file(w, path);
	if (broker_conf_read(path, &conf, why) != ST_OK)
		return cli_failed(&init_command, "%s", why);
	ours = conf.ours;
	mosquitto_conf_free(&conf);
	if (ours)
		return CLI_OK;
	return cli_failed(&init_command,
	                  "%s does not read %s; add this line at its end: include_dir %s/conf.d", path,
	                  o->conf, w->etc);
}

static int write_conf(const struct wish *w, const struct output *o, const char *text)
{
	int code = write_file(o->conf, text, 0644, o->group);

	if (code != CLI_OK)
		return code;
	code = prove_conf(w, o);
	if (code != CLI_OK)
		unlink(o->conf);
	return code;
}

static int write_both(const struct wish *w, const struct output *o)
{
	char *config = config_text(w), *conf = conf_text(w, o);
	int code = config && conf ? write_file(o->config, config, 0640, o->group)
	                          : cli_failed(&init_command, "no memory");

	if (code == CLI_OK) {
		code = prove(o->config);
		if (code == CLI_OK)
			code = write_conf(w, o, conf);
		if (code != CLI_OK)
			unlink(o->config);
	}
	if (config)
		explicit_bzero(config, strlen(config));
	cJSON_free(config);
	free(conf);
	return code;
}

static void tell(const struct wish *w, const struct output *o)
{
	printf("written: %s\n"
	       "         %s\n"
	       "next:    sudo systemctl restart mosquitto\n"
	       "         sudo hubgate check\n",
	       o->config, o->conf);
	if (*w->answers[DEVICE])
		printf("         sudo hubgate credentials %s\n", w->answers[DEVICE]);
}

static int run(int argc, char **argv)
{
	struct wish w = { .etc = "/etc/mosquitto",
		              .store = "/var/lib/mosquitto/hubgate",
		              .user = "mosquitto" };
	struct output o = { .listener = false };
	int code = take_arguments(argc, argv, &w);

	if (code == CLI_OK)
		code = look_around(&w, &o);
	if (code == CLI_OK)
		code = answer(&w);
	if (code == CLI_OK)
		code = write_both(&w, &o);
	if (code == CLI_OK)
		tell(&w, &o);
	explicit_bzero(&w, sizeof w);
	return code;
}

const struct cli_command init_command = {
	.name = "init",
	.does = "write a first configuration",
	.help = help,
	.run = run,
};
