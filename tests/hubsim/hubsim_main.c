/* hubsim - starts the simulator: writes a broker configuration and becomes that broker. */
#include "tests/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
	const char *config, *dir, *plugin;
	const char *port, *tls_port, *admin_port, *register_port, *firmware_port;
	const char *tls_ca, *tls_cert, *tls_key;
	bool persist, any_address;
};

static const char usage[] =
	"usage: hubsim [--config FILE] [--dir DIR] [--port N] [--tls-port N] [--admin-port N]\n"
	"              [--tls-ca FILE] [--tls-cert FILE --tls-key FILE] [--persist] [--plugin PATH]\n"
	"              [--any-address] [--register-port N] [--firmware-port N]\n"
	"Prints one line of JSON with its ports when it accepts connections.\n";

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "dir", required_argument, NULL, 'd' },
	{ "plugin", required_argument, NULL, 'l' },
	{ "port", required_argument, NULL, 'p' },
	{ "tls-port", required_argument, NULL, 't' },
	{ "admin-port", required_argument, NULL, 'a' },
	{ "tls-ca", required_argument, NULL, 'A' },
	{ "tls-cert", required_argument, NULL, 'C' },
	{ "tls-key", required_argument, NULL, 'K' },
	{ "register-port", required_argument, NULL, 'r' },
	{ "firmware-port", required_argument, NULL, 'f' },
	{ "persist", no_argument, NULL, 's' },
	{ "any-address", no_argument, NULL, 'y' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char **slot(struct options *o, int letter)
{
	switch (letter) {
	case 'c':
		return &o->config;
	case 'd':
		return &o->dir;
	case 'l':
		return &o->plugin;
	case 'p':
		return &o->port;
	case 't':
		return &o->tls_port;
	case 'a':
		return &o->admin_port;
	case 'r':
		return &o->register_port;
	case 'f':
		return &o->firmware_port;
	case 'A':
		return &o->tls_ca;
	case 'C':
		return &o->tls_cert;
	case 'K':
		return &o->tls_key;
	default:
		return NULL;
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		const char **at = slot(o, letter);

		if (at) {
			*at = optarg;
		} else if (letter == 's') {
			o->persist = true;
		} else if (letter == 'y') {
			o->any_address = true;
		} else {
			fputs(usage, letter == 'h' ? stdout : stderr);
			exit(letter == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
		}
	}
}

static void die(const char *what)
{
	fprintf(stderr, "hubsim: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int free_port(void)
{
	int port = port_pick();

	if (port == 0)
		die("no free port");
	return port;
}

static void beside_ourselves(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 16);
	char *slash;

	if (n < 0)
		die("/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash + 1, "hubsim.so");
}

static void absolute(FILE *f, const char *key, const char *path)
{
	char full[PATH_MAX];

	if (!path)
		return;
	if (!realpath(path, full))
		die(path);
	fprintf(f, "%s %s\n", key, full);
}

static void plain(FILE *f, const char *key, const char *value)
{
	if (value)
		fprintf(f, "%s %s\n", key, value);
}

/* max_queued_messages is high, not 0 (no limit): 2.0.11 compares with the number itself where it
 * acknowledges a denied publish, and would drop the client. One message for overlapping filters, as
 * 2.0 does by default and 2.1 does not. */
static void write_conf(const struct options *o, const char *dir, const char *path)
{
	FILE *f = fopen(path, "we");
	int admin = o->admin_port ? atoi(o->admin_port) : free_port();

	if (!f)
		die(path);
	if (geteuid() == 0)
		fputs("user root\n", f);
	fputs("log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\n"
	      "allow_anonymous false\nset_tcp_nodelay true\n"
	      "allow_duplicate_messages false\n"
	      "max_queued_messages 1000000\nmax_inflight_messages 0\n",
	      f);
	if (o->persist)
		fprintf(f,
		        "persistence true\npersistence_location %s/\nautosave_on_changes true\n"
		        "autosave_interval 1\n",
		        dir);
	fprintf(f, "listener %d %s\n", admin, o->any_address ? "0.0.0.0" : "127.0.0.1");
	absolute(f, "plugin", o->plugin);
	fprintf(f, "plugin_opt_admin_port %d\n", admin);
	plain(f, "plugin_opt_any_address", o->any_address ? "true" : NULL);
	plain(f, "plugin_opt_port", o->port);
	plain(f, "plugin_opt_tls_port", o->tls_port);
	plain(f, "plugin_opt_register_port", o->register_port);
	plain(f, "plugin_opt_firmware_port", o->firmware_port);
	absolute(f, "plugin_opt_config", o->config);
	absolute(f, "plugin_opt_tls_ca", o->tls_ca);
	absolute(f, "plugin_opt_tls_cert", o->tls_cert);
	absolute(f, "plugin_opt_tls_key", o->tls_key);
	if (o->persist)
		fprintf(f, "plugin_opt_state %s/hubsim-state.json\n", dir);
	if (fclose(f) != 0)
		die(path);
}

static void prepare_dir(const char *wanted, char dir[PATH_MAX])
{
	char made[] = "/tmp/hubsim.XXXXXX";

	if (!wanted)
		wanted = mkdtemp(made);
	else if (mkdir(wanted, 0700) < 0 && errno != EEXIST)
		die(wanted);
	if (!wanted || !realpath(wanted, dir))
		die("no directory");
}

int main(int argc, char **argv)
{
	struct options o = { .config = NULL };
	char dir[PATH_MAX], conf[PATH_MAX + 32], plugin[PATH_MAX];

	parse(&o, argc, argv);
	if (!o.tls_cert != !o.tls_key) {
		fputs("hubsim: --tls-cert and --tls-key belong together\n", stderr);
		return EXIT_FAILURE;
	}
	if (!o.plugin) {
		beside_ourselves(plugin);
		o.plugin = plugin;
	}
	prepare_dir(o.dir, dir);
	snprintf(conf, sizeof conf, "%s/mosquitto.conf", dir);
	write_conf(&o, dir, conf);
	execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf, (char *)NULL);
	execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
	die("mosquitto");
}
