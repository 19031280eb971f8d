/* `hubgate check`: each planted fault is found by its check, and what is right is not complained
 * of. */
#include "tests/e2e/command_call.h"
#include "tests/e2e/control_fake.h"
#include "tests/e2e/scene.h"
#include "tests/port.h"
#include "tests/runner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GATEWAY_RIGHT \
	"{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":\"b3duLXNlY3JldC1vZi1ndw==\"}"
#define DEVICE(rest) "[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"" rest "}]"
#define OWN_SECRET   ",\"secret\":\"b3duLXNlY3JldC1vZi1kMQ==\""
#define PLUGIN_LINES                         \
	"plugin /usr/lib/mosquitto_hubgate.so\n" \
	"plugin_opt_config_file /etc/mosquitto/hubgate.json\n"
#define CONF_RIGHT \
	PLUGIN_LINES "set_tcp_nodelay true\nlistener 1883\nallow_anonymous false\npassword_file /x\n"

#define VENDORS   "GWPRODUCT1.iotcloud.tencentdevices.com"
#define SIM       ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@SIM@,\"tls\":false}"
#define TLS(rest) ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@TLS@" rest "}"
#define BROKER(members)                                                                                   \
	"{\"state\":\"ready\",\"since_s\":9,\"reason\":\"\",\"fix\":\"\",\"doorbell\":\"connected\"," members \
	"\"suspect_topics\":[],\"bindings\":{\"bound\":2,\"unbound\":0,\"unknown\":0,\"unbound_names\":[]},"  \
	"\"limits\":{\"rate_up\":25,\"subscriptions\":4,\"max_subscriptions\":0}}"
#define BROKER_CONF                                \
	PLUGIN_LINES "set_tcp_nodelay true\nlistener " \
				 "@BROKER@\nallow_anonymous false\npassword_file /x\n"
#define TLS_CA TLS(",\"ca_file\":\"@CERTS@/ca.pem\"")

/* NULL: as is right. In more, conf and environment @SIM@ and @TLS@ are ports of the simulator,
 * @CLOSED@ one where nobody listens, @SILENT@ one where nobody answers; @CERTS@ is the folder of
 * its certificates, @BUILD@ ours. */
struct setup {
	const char *gateway, *store, *devices;
	const char *more; /* members with a comma before each */
	const char *conf; /* of mosquitto.conf */
	const char *raw;  /* hubgate.json instead of all this */
	mode_t config_mode;
	mode_t store_mode; /* 0: it is not there, but for those that are online */
	bool online;
	bool no_store;     /* online: the broker never ran */
	const char *names; /* online: NAME=ADDRESS ... for its name look-ups */
	long clock_s;      /* online: what the clock is ahead; 0: as it is */
	/* A broker has the store, listens at @BROKER@ and answers getHub so; "": with an error. */
	const char *broker;
	const char *store_file, *store_text; /* one in it */
};

/* The hub and who does not answer, for all tests that are online. */
static struct network {
	struct sim *sim;
	int closed, silent, silent_fd;
	char *certs;
	struct control_answer answer;
	struct control_fake *broker; /* of one setup; NULL: none runs */
	int lock;
} network;

#define SIM_ACCOUNTS                                                                         \
	"{\"accounts\":[{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"      \
	"\"b3duLXNlY3JldC1vZi1ndw==\"},{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\"," \
	"\"secret\":\"b3duLXNlY3JldC1vZi1kMQ==\"}]}"

static int listen_silently(int *fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof at;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(bind(*fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(*fd, 100) == 0);
	CU_ASSERT_FATAL(getsockname(*fd, (struct sockaddr *)&at, &len) == 0);
	return ntohs(at.sin_port);
}

static void network_open(void)
{
	char *ca = scene_cert("ca.pem"), *cert = scene_cert("server.pem"),
		 *key = scene_cert("server.key");
	const struct sim_opts opts = { .config = SIM_ACCOUNTS, .tls_cert = cert, .tls_key = key };

	network.sim = sim_start(&opts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(network.sim);
	network.closed = port_free();
	network.silent = listen_silently(&network.silent_fd);
	network.certs = strndup(ca, strlen(ca) - strlen("/ca.pem"));
	free(ca);
	free(cert);
	free(key);
}

static void network_close(void)
{
	close(network.silent_fd);
	sim_stop(network.sim);
	free(network.certs);
	memset(&network, 0, sizeof network);
}

static char *replaced(char *text, const char *token, const char *value)
{
	char *at, *next;

	while ((at = strstr(text, token))) {
		next = text_fmt("%.*s%s%s", (int)(at - text), text, value, at + strlen(token));
		free(text);
		text = next;
	}
	return text;
}

static char *replaced_port(char *text, const char *token, int port)
{
	char *number = text_fmt("%d", port), *out = replaced(text, token, number);

	free(number);
	return out;
}

/* The text with what its tokens stand for; caller frees. */
static char *filled(const char *text)
{
	char *out = strdup(text);

	if (!network.sim)
		return out;
	out = replaced_port(out, "@SIM@", sim_port(network.sim));
	out = replaced_port(out, "@TLS@", sim_tls_port(network.sim));
	out = replaced_port(out, "@CLOSED@", network.closed);
	out = replaced_port(out, "@SILENT@", network.silent);
	if (network.broker)
		out = replaced_port(out, "@BROKER@", control_fake_port(network.broker));
	return replaced(out, "@CERTS@", network.certs);
}

struct place {
	char *dir, *config, *conf;
};

static void write_config(const struct place *p, const struct setup *s)
{
	char *store = text_fmt("{\"dir\":\"%s/store\"%s}", p->dir, s->store ? s->store : "");
	char *more = filled(s->more ? s->more : "");
	char *text = s->raw ? text_fmt("%s", s->raw)
	                    : text_fmt("{\"gateway\":%s,\n\"store\":%s,\n\"devices\":%s%s}",
	                               s->gateway ? s->gateway : GATEWAY_RIGHT, store,
	                               s->devices ? s->devices : DEVICE(OWN_SECRET), more);

	free(more);
	CU_ASSERT_FATAL(file_write(p->config, text, s->config_mode ? s->config_mode : 0600));
	free(store);
	free(text);
}

static void broker_begin(const struct setup *s)
{
	if (!s->broker)
		return;
	network.answer = (struct control_answer){ .command = "getHub",
		                                      .data = s->broker[0] ? s->broker : NULL,
		                                      .error = "it is ending" };
	network.broker = control_fake_start(&network.answer, 1, CONTROL_FAULT_NONE);
	CU_ASSERT_PTR_NOT_NULL_FATAL(network.broker);
}

/* What a broker has in its store. */
static void broker_take(const struct place *p)
{
	char *lock = text_fmt("%s/store/lock", p->dir),
		 *token = text_fmt("%s/store/control.token", p->dir);

	CU_ASSERT(file_write(lock, "pid 4711 on host h\n", 0600));
	CU_ASSERT(file_write(token, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	                     0600));
	network.lock = open(lock, O_RDWR | O_CLOEXEC);
	CU_ASSERT(flock(network.lock, LOCK_EX | LOCK_NB) == 0);
	free(lock);
	free(token);
}

static void broker_end(void)
{
	if (!network.broker)
		return;
	close(network.lock);
	control_fake_stop(network.broker);
	network.broker = NULL;
}

static struct place place_make(const struct setup *s)
{
	struct place p = { .dir = dir_make() };
	char *store = text_fmt("%s/store", p.dir), *conf;
	mode_t mode = s->online && !s->no_store ? 0700 : s->store_mode;

	broker_begin(s);
	conf = filled(s->conf ? s->conf : s->broker ? BROKER_CONF : CONF_RIGHT);

	p.config = text_fmt("%s/hubgate.json", p.dir);
	p.conf = text_fmt("%s/mosquitto.conf", p.dir);
	write_config(&p, s);
	CU_ASSERT_FATAL(file_write(p.conf, conf, 0644));
	free(conf);
	if (mode) {
		CU_ASSERT_FATAL(mkdir(store, 0700) == 0 && chmod(store, mode) == 0);
	}
	if (s->store_file) {
		char *path = text_fmt("%s/%s", store, s->store_file);

		CU_ASSERT_FATAL(file_write(path, s->store_text, 0600));
		free(path);
	}
	if (network.broker)
		broker_take(&p);
	free(store);
	return p;
}

static void place_free(struct place *p)
{
	broker_end();
	dir_remove(p->dir);
	free(p->dir);
	free(p->config);
	free(p->conf);
}

/* Of a command whose names and clock are the test's. */
static char *environment(const struct place *p, const struct setup *s)
{
	const char *runtimes = getenv("HUBGATE_PRELOAD");
	char *shift = text_fmt("%s/clock", p->dir), *seconds = text_fmt("%ld", s->clock_s), *out;
	char *clock = s->clock_s ? text_fmt("%s/clockshift.so", build_dir()) : strdup("");

	CU_ASSERT_FATAL(file_write(shift, seconds, 0600));
	out = text_fmt("LD_PRELOAD='%s %s/fakedns.so %s' HUBGATE_FAKEDNS='%s' HUBGATE_CLOCKSHIFT=%s",
	               runtimes ? runtimes : "", build_dir(), clock, s->names ? s->names : "", shift);
	free(clock);
	free(shift);
	free(seconds);
	return out;
}

static cJSON *findings(const struct place *p, const struct setup *s, const char *user, int *code)
{
	char *variables = s->online ? environment(p, s) : strdup("");
	char *line = text_fmt("check %s --json %s --mosquitto %s --user %s",
	                      s->online ? "" : "--offline", p->config, p->conf, user);
	struct command_call c = command_call_with(variables, line);
	cJSON *list = cJSON_Parse(c.out);

	*code = c.code;
	command_call_free(&c);
	free(variables);
	free(line);
	return list;
}

static const char *text_of(const cJSON *finding, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(finding, name));

	return text ? text : "";
}

static const cJSON *finding_of(const cJSON *list, const char *check)
{
	const cJSON *finding;

	cJSON_ArrayForEach(finding, list)
	{
		if (strcmp(text_of(finding, "check"), check) == 0)
			return finding;
	}
	return NULL;
}

static const char *own_name(void)
{
	const struct passwd *entry = getpwuid(geteuid());

	return entry ? entry->pw_name : "root";
}

static const struct fault {
	const char *check, *verdict;
	const char *cause, *fix; /* parts of them */
	struct setup setup;
} faults[] = {
	{ "config", "FAIL", "hubgate.json:1", "", { .raw = "{\"gateway\":" } },
	{ "config", "FAIL", "a comma must not stand", "", { .raw = "{\"gateway\":{},}" } },
	{ "config", "FAIL", "nonsense", "", { .more = ",\"nonsense\":1" } },
	{ "config",
	  "FAIL",
	  "gateway.secret",
	  "",
	  { .gateway = "{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\"}" } },
	{ "config", "FAIL", "no-such-file", "", { .more = ",\"hub\":{\"ca_file\":\"no-such-file\"}" } },
	{ "config", "FAIL", "chmod 0640", "", { .config_mode = 0644 } },
	{ "secrets",
	  "FAIL",
	  "gateway.secret",
	  "console",
	  { .gateway = "{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
	               "\"Z2F0ZXdheS1vbmUtcHNrIQ==\"}" } },
	{ "secrets",
	  "FAIL",
	  "devices[0] (SUBPRODUC1/dev1)",
	  "console",
	  { .devices = DEVICE(",\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"") } },
	{ "hub-tls",
	  "warn",
	  "hub.tls is false",
	  "take hub.tls out",
	  { .more = ",\"hub\":{\"tls\":false}" } },
	{ "hub-tls", "warn", "not checked", "hub.verify", { .more = ",\"hub\":{\"verify\":false}" } },
	{ "devices", "warn", "no device", "devices[]", { .devices = "[]" } },
	{ "plugin-loaded",
	  "FAIL",
	  "mosquitto.conf loads no",
	  "plugin_opt_config_file",
	  { .conf = "listener 1883\n" } },
	{ "broker-options",
	  "FAIL",
	  "per_listener_settings",
	  "false",
	  { .conf = CONF_RIGHT "per_listener_settings true\n" } },
	{ "broker-options", "FAIL", "mosquitto.conf:", "", { .conf = CONF_RIGHT PLUGIN_LINES } },
	{ "broker-options", "FAIL", "mount_point", "", { .conf = CONF_RIGHT "mount_point x/\n" } },
	{ "plugin-first",
	  "warn",
	  "stands before",
	  "before all others",
	  { .conf = "plugin /usr/lib/mosquitto_dynamic_security.so\n" CONF_RIGHT,
	    .more = ",\"lan\":{\"acl\":\"defer\"}" } },
	{ "listener",
	  "FAIL",
	  "no listener",
	  "listener 1883",
	  { .conf = PLUGIN_LINES "allow_anonymous false\npassword_file /x\n" } },
	{ "lan-acl",
	  "FAIL",
	  "",
	  "lan.acl",
	  { .conf = CONF_RIGHT "plugin /usr/lib/other_plugin.so\n" } },
	{ "broker-logins",
	  "warn",
	  "devices[0].login",
	  "password_file",
	  { .devices = DEVICE(",\"login\":\"lamp\""),
	    .conf = PLUGIN_LINES "listener 1883\nallow_anonymous true\n" } },
	{ "broker-logins",
	  "warn",
	  "apps[]",
	  "password_file",
	  { .more =
	        ",\"apps\":[{\"username\":\"a\",\"topic\":\"SUBPRODUC1/dev1/#\",\"access\":\"read\"}]",
	    .conf = PLUGIN_LINES "listener 1883\nallow_anonymous true\n" } },
	{ "doorbell-place",
	  "warn",
	  "max_connections 1",
	  "unix socket",
	  { .conf = CONF_RIGHT "max_connections 1\n" } },
	{ "clientid-prefixes",
	  "FAIL",
	  "devices[0] (SUBPRODUC1/dev1)",
	  "take clientid_prefixes out",
	  { .conf = CONF_RIGHT "clientid_prefixes lab-\n" } },
	{ "identity-username",
	  "warn",
	  "use_identity_as_username",
	  "listeners for devices",
	  { .conf = CONF_RIGHT "listener 8883\nuse_identity_as_username true\n" } },
	{ "tcp-nodelay",
	  "warn",
	  "set_tcp_nodelay",
	  "set_tcp_nodelay true",
	  { .conf = PLUGIN_LINES "listener 1883\nallow_anonymous false\npassword_file /x\n" } },
	{ "queued-messages",
	  "warn",
	  "max_queued_messages 0",
	  "leave max_queued_messages out",
	  { .conf = CONF_RIGHT "max_queued_messages 0\n" } },
	{ "bridges",
	  "warn",
	  "$shadow/#",
	  "narrow",
	  { .conf = CONF_RIGHT "connection b\naddress 192.0.2.1\ntopic $shadow/# in\n" } },
	{ "firmware-address",
	  "warn",
	  "they download for themselves",
	  "lan.http_advertise",
	  { .more = ",\"lan\":{\"http\":\"127.0.0.1:8080\"}" } },
	{ "firmware-hook",
	  "FAIL",
	  "no program that user",
	  "chmod 0755",
	  { .more = ",\"firmware\":{\"hook\":\"/nowhere/hook\"}" } },
	{ "store-dir", "warn", "writable for others", "chmod 0700", { .store_mode = 0777 } },
	{ "store-here",
	  "FAIL",
	  "was exported (2026-11-28T03:00:00Z by host gw to /x.export)",
	  "hubgate import --undo",
	  { .store_mode = 0700,
	    .store_file = "MOVED",
	    .store_text = "2026-11-28T03:00:00Z by host gw to /x.export\n" } },
	{ "store-here",
	  "FAIL",
	  "has format 3, this hubgate knows up to 2",
	  "install the newer hubgate again",
	  { .store_mode = 0700, .store_file = "format", .store_text = "hubgate store, format 3\n" } },
	{ "store-space",
	  "warn",
	  "less than store.max_bytes",
	  "lower store.max_bytes",
	  { .store = ",\"max_bytes\":1099511627776" } },
	{ "dns",
	  "FAIL",
	  "hub.host no-such-name.invalid does not resolve",
	  "/etc/resolv.conf",
	  { .online = true, .more = ",\"hub\":{\"host\":\"no-such-name.invalid\"}" } },
	{ "dns-loop",
	  "FAIL",
	  "leads to this machine (127.0.0.1)",
	  "hub.address",
	  { .online = true, .names = VENDORS "=127.0.0.1" } },
	{ "dns-loop",
	  "FAIL",
	  "log in at its own broker",
	  "override",
	  { .online = true, .more = SIM, .conf = CONF_RIGHT "listener @SIM@\n" } },
	{ "dns-loop",
	  "warn",
	  "where mosquitto",
	  "tunnel",
	  { .online = true,
	    .names = VENDORS "=127.0.0.1",
	    .more = ",\"hub\":{\"port\":@SIM@,\"tls\":false}",
	    .broker = BROKER("") } },
	{ "dns-loop",
	  "warn",
	  "an address of a LAN",
	  "tunnel",
	  { .online = true, .names = VENDORS "=169.254.7.7" } },
	{ "dns-address",
	  "warn",
	  "is 203.0.113.9 now",
	  "take hub.address out",
	  { .online = true,
	    .names = VENDORS "=203.0.113.9",
	    .more = ",\"hub\":{\"address\":\"127.0.0.1\",\"port\":@SIM@,\"tls\":false}" } },
	{ "tcp",
	  "FAIL",
	  "Connection refused",
	  "firewall",
	  { .online = true, .more = ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@CLOSED@}" } },
	{ "tls",
	  "FAIL",
	  "gets no answer",
	  "hub.port is the TLS port",
	  { .online = true, .more = ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@SILENT@}" } },
	{ "tls",
	  "FAIL",
	  "the TLS handshake at port",
	  "hub.port is the TLS port",
	  { .online = true, .more = ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@SIM@}" } },
	{ "tls",
	  "FAIL",
	  "is for localhost, 127.0.0.1, not for hub.test",
	  "hub.host",
	  { .online = true,
	    .more = ",\"hub\":{\"host\":\"hub.test\",\"address\":\"127.0.0.1\",\"port\":@TLS@,"
	            "\"ca_file\":\"@CERTS@/ca.pem\"}" } },
	{ "tls",
	  "FAIL",
	  "this machine's list of CAs",
	  "hub.ca_file",
	  { .online = true, .more = TLS("") } },
	{ "tls",
	  "FAIL",
	  "client.pem does not hold",
	  "hub.ca_file",
	  { .online = true, .more = TLS(",\"ca_file\":\"@CERTS@/client.pem\"") } },
	{ "tls",
	  "FAIL",
	  "is valid only until",
	  "timedatectl",
	  { .online = true, .more = TLS_CA, .clock_s = 30L * 86400 } },
	{ "tls",
	  "FAIL",
	  "is valid only from",
	  "the clock is behind",
	  { .online = true, .more = TLS_CA, .clock_s = -30L * 86400 } },
	{ "login",
	  "FAIL",
	  "refused the login of the gateway",
	  "compare gateway.product_id",
	  { .online = true,
	    .store_mode = 0700,
	    .more = SIM,
	    .gateway = "{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\",\"secret\":"
	               "\"YW5vdGhlci1zZWNyZXQtZ3c=\"}" } },
	{ "login",
	  "FAIL",
	  "does not answer the login",
	  "MQTT port",
	  { .online = true,
	    .store_mode = 0700,
	    .more = ",\"hub\":{\"host\":\"127.0.0.1\",\"port\":@SILENT@,\"tls\":false}" } },
	{ "limits",
	  "warn",
	  "hub.rate_up is 0 (no bound)",
	  "take hub.rate_up out",
	  { .online = true,
	    .more =
	        ",\"hub\":{\"address\":\"127.0.0.1\",\"port\":@SIM@,\"tls\":false,\"rate_up\":0}" } },
	{ "http-listens",
	  "FAIL",
	  "taken by",
	  "another address or port",
	  { .online = true, .more = SIM ",\"lan\":{\"http\":\"127.0.0.1:@SILENT@\"}" } },
	{ "http-advertised",
	  "warn",
	  "where nobody listens on this machine",
	  "forward it",
	  { .online = true,
	    .more = SIM
	    ",\"lan\":{\"http\":\"127.0.0.1:8080\",\"http_advertise\":\"gateway.lan:@CLOSED@\"}" } },
	{ "http-advertised",
	  "warn",
	  "(pid ",
	  "pass on to lan.http",
	  { .online = true,
	    .more = SIM
	    ",\"lan\":{\"http\":\"127.0.0.1:8080\",\"http_advertise\":\"gateway.lan:@SILENT@\"}" } },
	{ "login",
	  "FAIL",
	  "(waiting for 70 s): the hub went away",
	  "mend the hub",
	  { .online = true,
	    .more = TLS_CA,
	    .broker = "{\"state\":\"waiting\",\"since_s\":70,\"reason\":\"the hub went away\",\"fix\":"
	              "\"mend the hub\"}" } },
	{ "login",
	  "warn",
	  "in use by pid 4711 on host h, which cannot be asked",
	  "broker's log",
	  { .online = true, .more = TLS_CA, .broker = "" } },
	{ "doorbell",
	  "warn",
	  "(searching)",
	  "unix socket",
	  { .online = true,
	    .more = TLS_CA,
	    .broker = "{\"state\":\"ready\",\"doorbell\":\"searching\"}" } },
	{ "bindings",
	  "warn",
	  "2 devices as not bound to this gateway: SUBPRODUC1/dev7, SUBPRODUC1/dev8",
	  "in the console",
	  { .online = true,
	    .more = TLS_CA,
	    .broker = "{\"state\":\"ready\",\"bindings\":{\"unbound\":2,\"unbound_names\":["
	              "\"SUBPRODUC1/dev7\",\"SUBPRODUC1/dev8\"]}}" } },
	{ "topics",
	  "warn",
	  "SUBPRODUC1/up",
	  "declare them",
	  { .online = true,
	    .more = TLS_CA,
	    .broker = "{\"state\":\"ready\",\"suspect_topics\":[\"SUBPRODUC1/up\"]}" } },
	/* What others named does not steer the terminal. */
	{ "topics",
	  "warn",
	  "SUBPRODUC1/?[2J",
	  "declare them",
	  { .online = true,
	    .more = TLS_CA,
	    .broker = "{\"state\":\"ready\",\"suspect_topics\":[\"SUBPRODUC1/\\u001b[2J\"]}" } },
	{ "limits",
	  "warn",
	  "120 subscriptions at the hub, over the 100",
	  "hub.max_subscriptions",
	  { .online = true,
	    .more = TLS_CA,
	    .broker =
	        "{\"state\":\"ready\",\"limits\":{\"subscriptions\":120,\"max_subscriptions\":100}}" } },
	{ "http-listens",
	  "FAIL",
	  "nobody listens there",
	  "broker's log",
	  { .online = true,
	    .more = TLS_CA ",\"lan\":{\"http\":\"127.0.0.1:@CLOSED@\"}",
	    .broker = BROKER("") } },
};

enum {
	FAULTS = sizeof faults / sizeof faults[0]
};

static bool found(const struct fault *fault)
{
	struct place p = place_make(&fault->setup);
	int code;
	cJSON *list = findings(&p, &fault->setup, own_name(), &code);
	const cJSON *finding = finding_of(list, fault->check);
	bool ok = finding && strcmp(text_of(finding, "verdict"), fault->verdict) == 0 &&
	          strstr(text_of(finding, "cause"), fault->cause) &&
	          strstr(text_of(finding, "fix"), fault->fix) &&
	          (fault->setup.online || code == (strcmp(fault->verdict, "FAIL") == 0));

	if (!ok)
		fprintf(stderr, "%s %s \"%s\": code %d, is %s: %s | %s\n", fault->check, fault->verdict,
		        fault->cause, code, finding ? text_of(finding, "verdict") : "not there",
		        finding ? text_of(finding, "cause") : "", finding ? text_of(finding, "fix") : "");
	cJSON_Delete(list);
	place_free(&p);
	return ok;
}

static void planted_faults_are_found_with_cause_and_fix(void)
{
	network_open();
	for (size_t i = 0; i < FAULTS; i++)
		CU_ASSERT(found(&faults[i]));
	network_close();
}

static const struct setup rights[] = {
	{ .store = NULL },
	{ .store_mode = 0700 },
	{ .devices = DEVICE(OWN_SECRET), .more = ",\"hub\":{\"region\":\"mainland\"}" },
	{ .devices = "[]",
	  .more = ",\"mappings\":[{\"client\":\"z\",\"product_id\":\"SUBPRODUC1\",\"up\":"
	          "\"zigbee2mqtt/{name}\",\"device\":\"{name}\",\"known_only\":true}]" },
	{ .devices = DEVICE(",\"login\":\"lamp\"") },
	{ .conf = CONF_RIGHT "listener 8883\ncertfile /x\nkeyfile /x\n" },
	{ .conf = CONF_RIGHT "acl_file /etc/mosquitto/acl\n" },
	{ .conf = CONF_RIGHT "plugin /usr/lib/mosquitto_dynamic_security.so\n",
	  .more = ",\"lan\":{\"acl\":\"defer\"}" },
	{ .conf = CONF_RIGHT "connection b\naddress 192.0.2.1\ntopic sensors/# out\n" },
	{ .conf = CONF_RIGHT "max_connections 500\nmax_queued_messages 5000\n" },
	{ .online = true, .store_mode = 0700, .more = TLS_CA },
	{ .online = true, .more = TLS_CA, .broker = BROKER("") },
	{ .online = true, .no_store = true, .more = TLS_CA },
	{ .online = true,
	  .store_mode = 0700,
	  .more = ",\"hub\":{\"host\":\"localhost\",\"port\":@TLS@,\"ca_file\":\"@CERTS@/ca.pem\"}" },
	/* The LAN's names mislead, which is what hub.address is for. */
	{ .online = true,
	  .store_mode = 0700,
	  .names = "localhost=192.168.1.1",
	  .more = ",\"hub\":{\"host\":\"localhost\",\"address\":\"127.0.0.1\",\"port\":@TLS@,"
	          "\"ca_file\":\"@CERTS@/ca.pem\"}" },
	{ .online = true, .store_mode = 0700, .conf = CONF_RIGHT "listener 8883\n", .more = TLS_CA },
};

/* The clock and the limits of the machine are what they are. */
static bool of_the_machine(const cJSON *finding)
{
	const char *check = text_of(finding, "check");

	return strcmp(check, "clock") == 0 || strcmp(check, "descriptors") == 0 ||
	       strcmp(check, "store-disk") == 0 || strcmp(check, "store-space") == 0;
}

/* No broker runs: nobody can be asked, which is said. */
static bool needs_a_broker(const cJSON *finding)
{
	return strcmp(text_of(finding, "verdict"), "skip") == 0 &&
	       strstr(text_of(finding, "cause"), "no broker runs");
}

static void what_is_right_raises_no_alarm(void)
{
	network_open();
	for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
		struct place p = place_make(&rights[i]);
		int code;
		cJSON *list = findings(&p, &rights[i], own_name(), &code);
		const cJSON *finding;

		CU_ASSERT_EQUAL(code, 0);
		CU_ASSERT(cJSON_GetArraySize(list) >= 25);
		cJSON_ArrayForEach(finding, list)
		{
			if (of_the_machine(finding) || strcmp(text_of(finding, "verdict"), "ok") == 0 ||
			    needs_a_broker(finding))
				continue;
			CU_FAIL("an alarm");
			fprintf(stderr, "setup %zu: %s %s: %s\n", i, text_of(finding, "check"),
			        text_of(finding, "verdict"), text_of(finding, "cause"));
		}
		cJSON_Delete(list);
		place_free(&p);
	}
	CU_ASSERT_EQUAL(sim_count_events(network.sim, "ev", "login_refused", NULL), 0);
	network_close();
}

static void while_a_broker_runs_it_is_asked_and_the_hub_is_not_logged_in_at(void)
{
	struct scene s = scene_start(NULL);
	struct dev *dev1 = scene_online_device(&s, "dev1", NULL);
	char *line = text_fmt("check --json %s/hubgate.json --mosquitto %s/mosquitto.conf --user %s",
	                      lan_dir(s.lan), lan_dir(s.lan), own_name());
	struct command_call c;
	cJSON *list;

	c = command_call(line);
	list = cJSON_Parse(c.out);
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "login"), "verdict"), "ok");
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "doorbell"), "verdict"), "ok");
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "bindings"), "verdict"), "ok");
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "topics"), "verdict"), "ok");
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "limits"), "verdict"), "ok");
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "connect", "client", GATEWAY, NULL), 1);
	CU_ASSERT_EQUAL(sim_count_events(s.sim, "ev", "disconnect", "client", GATEWAY, NULL), 0);
	cJSON_Delete(list);
	command_call_free(&c);
	free(line);
	dev_disconnect(dev1);
	scene_end(&s);
}

static void a_device_that_the_hub_does_not_bind_is_named_by_the_running_broker(void)
{
	const struct scene_opts opts = { .dev2_unbound = true };
	struct scene s = scene_start(&opts);
	char *line = text_fmt("check --json %s/hubgate.json --mosquitto %s/mosquitto.conf --user %s",
	                      lan_dir(s.lan), lan_dir(s.lan), own_name());
	struct command_call c;
	struct dev *dev2;
	cJSON *list;

	CU_ASSERT(
		sim_do(s.sim, "{\"cmd\":\"gateway_result\",\"op\":\"bind\",\"result\":808,\"count\":-1}"));
	dev2 = scene_device(&s, "dev2", NULL);
	CU_ASSERT(lan_log_await(s.lan, "refused bind with 808", WAIT_MS));
	c = command_call(line);
	list = cJSON_Parse(c.out);
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "bindings"), "verdict"), "warn");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text_of(finding_of(list, "bindings"), "cause"), "bind of SUBPRODUC1/dev2 with 808"));
	CU_ASSERT_STRING_NOT_EQUAL(text_of(finding_of(list, "bindings"), "fix"), "");
	cJSON_Delete(list);
	command_call_free(&c);
	free(line);
	dev_disconnect(dev2);
	scene_end(&s);
}

/* The same when the hub goes away. */
static void a_session_that_is_lost_is_told_with_the_reason_that_the_broker_has(void)
{
	struct scene s = scene_start(NULL);
	char *line = text_fmt("check --json %s/hubgate.json --mosquitto %s/mosquitto.conf --user %s",
	                      lan_dir(s.lan), lan_dir(s.lan), own_name());
	struct command_call c;
	cJSON *list;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s.lan, "next attempt in", WAIT_MS));
	c = command_call(line);
	list = cJSON_Parse(c.out);
	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "login"), "verdict"), "FAIL");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text_of(finding_of(list, "login"), "cause"), "is not logged in at the hub"));
	CU_ASSERT_STRING_NOT_EQUAL(text_of(finding_of(list, "login"), "fix"), "");
	cJSON_Delete(list);
	command_call_free(&c);
	free(line);
	scene_end(&s);
}

/* docs/protocol/limits.md "Connection". */
static void checks_in_a_row_log_in_five_seconds_apart_and_say_goodbye(void)
{
	struct setup setup = { .online = true, .store_mode = 0700, .more = TLS_CA };
	struct place p;
	int code;

	network_open();
	p = place_make(&setup);
	for (int i = 0; i < 2; i++) {
		cJSON *list = findings(&p, &setup, own_name(), &code);

		CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "login"), "verdict"), "ok");
		cJSON_Delete(list);
		CU_ASSERT_PTR_NOT_NULL(sim_await_event(network.sim, WAIT_MS, "ev", "disconnect", "client",
		                                       "GWPRODUCT1/gw1", NULL));
	}
	CU_ASSERT_EQUAL(sim_count_events(network.sim, "ev", "connect", NULL), 2);
	CU_ASSERT_EQUAL((int)sim_stat(network.sim, "violations.connect_rate"), 0);
	place_free(&p);
	network_close();
}

/* As root it becomes that user to see what he may read; others can only ask for themselves. */
static void what_the_brokers_user_may_not_read_or_make_is_named_with_his_id(void)
{
	struct setup setup = { .config_mode = 0600, .store_mode = 0700 };
	struct place p = place_make(&setup);
	const struct passwd *nobody = getpwnam("nobody");
	int code;
	cJSON *list;
	char *uid;

	if (geteuid() == 0 && nobody) {
		uid = text_fmt("(uid %u)", (unsigned)nobody->pw_uid);
		list = findings(&p, &setup, "nobody", &code);
		CU_ASSERT_EQUAL(code, 1);
		CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "config-readable"), "verdict"), "FAIL");
		CU_ASSERT_PTR_NOT_NULL(strstr(text_of(finding_of(list, "config-readable"), "cause"), uid));
		CU_ASSERT_STRING_EQUAL(text_of(finding_of(list, "store-dir"), "verdict"), "FAIL");
		CU_ASSERT_PTR_NOT_NULL(
			strstr(text_of(finding_of(list, "store-dir"), "fix"), "chown -R nobody"));
		cJSON_Delete(list);
		free(uid);
	}
	place_free(&p);
}

static void missing_files_and_wrong_arguments_are_said(void)
{
	struct command_call c =
		command_call("check --offline /nonexistent --mosquitto /none --user nobody");
	struct command_call u = command_call("check --user no-such-user-here");
	struct command_call m = command_call("check a b");

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "/nonexistent"));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "/none"));
	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "the network was not asked"));
	CU_ASSERT_EQUAL(u.code, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.err, "no such user"));
	CU_ASSERT_EQUAL(m.code, 2);
	command_call_free(&c);
	command_call_free(&u);
	command_call_free(&m);
}

/* As at each start of a broker beside a package that nobody has set up. */
static void who_has_set_up_nothing_is_told_so_in_one_line(void)
{
	struct setup setup = { .conf = "listener 1883\n" };
	struct place p = place_make(&setup);
	char *line = text_fmt("check --offline /nonexistent --mosquitto %s --user nobody", p.conf);
	struct command_call c = command_call(line);

	CU_ASSERT_EQUAL(c.code, 1);
	CU_ASSERT_STRING_EQUAL(c.out, "");
	CU_ASSERT_PTR_NOT_NULL(strstr(c.err, "hubgate is not set up"));
	CU_ASSERT_PTR_EQUAL(strchr(c.err, '\n'), c.err + strlen(c.err) - 1);
	command_call_free(&c);
	free(line);
	place_free(&p);
}

/* The planted secrets stand in none of what it prints. */
static void secrets_are_not_printed(void)
{
	struct setup setup = { .more = ",\"nonsense\":1" };
	struct place p = place_make(&setup);
	char *line =
		text_fmt("check --offline %s --mosquitto %s --user %s", p.config, p.conf, own_name());
	struct command_call c = command_call(line);

	CU_ASSERT_PTR_NOT_NULL(strstr(c.out, "nonsense"));
	CU_ASSERT_PTR_NULL(strstr(c.out, "b3duLXNlY3JldC1vZi"));
	CU_ASSERT_PTR_NULL(strstr(c.err, "b3duLXNlY3JldC1vZi"));
	command_call_free(&c);
	free(line);
	place_free(&p);
}

SUITE(command_check, TEST(planted_faults_are_found_with_cause_and_fix),
      TEST(what_is_right_raises_no_alarm),
      TEST(while_a_broker_runs_it_is_asked_and_the_hub_is_not_logged_in_at),
      TEST(a_device_that_the_hub_does_not_bind_is_named_by_the_running_broker),
      TEST(a_session_that_is_lost_is_told_with_the_reason_that_the_broker_has),
      TEST(checks_in_a_row_log_in_five_seconds_apart_and_say_goodbye),
      TEST(what_the_brokers_user_may_not_read_or_make_is_named_with_his_id),
      TEST(missing_files_and_wrong_arguments_are_said),
      TEST(who_has_set_up_nothing_is_told_so_in_one_line), TEST(secrets_are_not_printed))
