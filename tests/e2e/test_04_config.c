/* The broker does not start half-configured: each fault of hubgate.json ends the start with one
 * line that names file, line, key and what to write instead. */
#include "tests/e2e/broker_start.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET  "ZGV2aWNlLW9uZS1wc2stLQ=="
#define GATEWAY "\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\""
#define DEVICE  "\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\""

enum {
	AWAIT_MS = 5000,
	LINES = 8
};

/* A good file, line by line. Nobody listens on port 1. */
static const char *const good[LINES] = {
	"{",
	"\"gateway\": {" GATEWAY ",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},",
	"\"hub\": {\"host\":\"127.0.0.1\",\"port\":1,\"tls\":false},",
	"\"store\": {\"dir\":\"store\"},",
	"\"devices\": [",
	"{" DEVICE ",\"secret\":\"" SECRET "\"}",
	"]",
	"}",
};

/* The good file with line (from 1) replaced; 0: as it is. Caller frees. */
static char *file_with(int line, const char *text)
{
	char *all = strdup("");

	for (int i = 0; i < LINES; i++) {
		char *more = text_fmt("%s%s\n", all, i + 1 == line ? text : good[i]);

		free(all);
		all = more;
	}
	return all;
}

static void write_config(const struct broker *b, int line, const char *text, mode_t mode)
{
	char *all = file_with(line, text);

	free(broker_file(b, "hubgate.json", all, mode));
	free(all);
}

static bool start(struct broker *b)
{
	char *listener = text_fmt("listener %d 127.0.0.1\nallow_anonymous true", b->port);
	struct broker_opts opts = { .plugin = true, .conf = listener };
	bool ok = broker_start(b, &opts);

	free(listener);
	return ok;
}

/* The start ends with this line, which begins with the file's path, and the closing one. */
static bool refused_with(struct broker *b, const char *message)
{
	char *line = text_fmt("%s/hubgate.json%s", b->dir, message);
	char *end = text_fmt("not started: %s/hubgate.json cannot be used", b->dir);
	bool ok = start(b) && broker_refused(b);

	ok = broker_said(b, line) && ok;
	ok = broker_said(b, end) && ok;
	if (!ok)
		fprintf(stderr, "awaited: %s\n", message);
	free(line);
	free(end);
	return ok;
}

static bool starts(struct broker *b)
{
	/* Listeners are open before signals are handled. */
	bool ok = start(b) && port_await(b->proc, b->port, NULL, AWAIT_MS) &&
	          file_await(b->log, " running\n", NULL, AWAIT_MS);

	return broker_stop(b) && ok;
}

/* --- faults in the text --- */

static const struct fault {
	int line; /* of the good file */
	const char *text, *message;
} faults[] = {
	{ 3, "\"hub\": {\"hots\":\"127.0.0.1\"},",
	  ":3: hub.hots: unknown key; did you mean \"host\"?" },
	{ 4, "\"store\": {\"dir\":\"store\"},\n\"sotre\": {},",
	  ":5: sotre: unknown key; did you mean \"store\"?" },
	{ 4, "\"store\": {\"dir\":\"store\",\"colour\":1},",
	  ":4: store.colour: unknown key; remove it (known here: dir, max_messages, max_bytes, "
	  "device_share, policy, max_age_s, flush_ms, lock, queue_qos0)" },
	{ 3, "\"hub\": {\"host\":\"127.0.0.1\",\"port\":\"1883\"},",
	  ":3: hub.port: is a text; use a whole number from 1 to 65535" },
	{ 3, "\"hub\": {\"host\":\"127.0.0.1\",\n\"tls\":\"yes\"},",
	  ":4: hub.tls: is a text; use true or false, without quotes" },
	{ 3, "\"hub\": {\"host\":\"127.0.0.1:1883\"},",
	  ":3: hub.host: \"127.0.0.1:1883\" has a port in it, which is a key of its own; use a host "
	  "name or address of A-Z a-z 0-9 . - _ :" },
	{ 3, "\"hub\": [],", ":3: hub: must be an object; write {...}" },
	{ 3, "\"hub\": {\"port\":70000},",
	  ":3: hub.port: 70000 is not in range; use a whole number from 1 to 65535" },
	{ 3, "\"hub\": {\"keepalive\":1.5},",
	  ":3: hub.keepalive: 1.5 is not in range; use a whole number from 5 to 900" },
	{ 3, "\"presence\": {\"silence_s\":-1},",
	  ":3: presence.silence_s: -1 is not in range; use a whole number from 0 to 31536000" },
	{ 3, "\"hub\": {\"min_reconnect_s\":30,\"max_reconnect_s\":20},",
	  ":3: hub.max_reconnect_s: 20 is less than min_reconnect_s; use 30 or more" },
	{ 3, "\"admin\": {\"http\":\"0.0.0.0:8188\"},",
	  ":3: admin.http: can be reached by others, who would see all devices without a token; set "
	  "admin.token_file, or use \"on\" (127.0.0.1:8188)" },
	{ 3, "\"lan\": {\"acl\":\"maybe\"},",
	  ":3: lan.acl: \"maybe\" is not possible here; use \"auto\" or \"allow\" or \"defer\"" },
	{ 2,
	  "\"gateway\": {\"product_id\":\"GWPRODUCT\",\"device_name\":\"gw1\",\"secret\":\"" SECRET
	  "\"},",
	  ":2: gateway.product_id: \"GWPRODUCT\" is not possible here; use 10 of A-Z a-z 0-9" },
	{ 2, "\"gateway\": {\"device_name\":\"gw1\",\"secret\":\"" SECRET "\"},",
	  ":2: gateway.product_id: is missing; add it: 10 of A-Z a-z 0-9" },
	{ 2, "\"gateway\": {" GATEWAY "},",
	  ":2: gateway.secret: is missing; add it, or secret_file, secret_env, or cert_file and "
	  "key_file" },
	{ 2, "\"gateway\": {" GATEWAY ",\"cert_file\":\"gw.pem\"},",
	  ":2: gateway.key_file: is missing; a certificate login needs cert_file and key_file" },
	{ 2, "\"gateway\": {" GATEWAY ",\"secret\":\"not*Base64\"},",
	  ":2: gateway.secret: is not of the right form; use the device secret in Base64 as the "
	  "console shows it" },
	{ 6, "{" DEVICE ",\"secret\":\"ZGV2aWNlLW9uZS1wc2stL\"}",
	  ":6: devices[0].secret: is not of the right form; use the device secret in Base64 as the "
	  "console shows it" },
	{ 6, "{" DEVICE "}",
	  ":6: devices[0].secret: is missing; add it, or secret_file, or secret_env, or login, or certificate, or plain, or let its product register" },
	{ 6, "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev/1\",\"secret\":\"" SECRET "\"}",
	  ":6: devices[0].device_name: \"dev/1\" has a character that a device name cannot have; use "
	  "1-48 of A-Z a-z 0-9 : _ -" },
	{ 6, "{" DEVICE ",\"secret\":\"" SECRET "\"},\n{" DEVICE ",\"secret\":\"" SECRET "\"}",
	  ":7: devices[1].device_name: is the same as devices[0]; remove one of the two" },
	{ 6, "{" GATEWAY ",\"secret\":\"" SECRET "\"}",
	  ":6: devices[0]: is the gateway itself; remove it here" },
	{ 6, "\"dev1\"", ":6: devices[0]: must be an object; write {...}" },
	{ 6, "{" DEVICE ",\"secret\":\"" SECRET "\"},",
	  ":6:85: a comma must not stand before the closing bracket; remove it" },
	{ 3, "// the hub", ":3:1: JSON has no comments; remove it" },
	{ 4, "\"store\": {\"dir\":\"a\",\"dir\":\"b\"},",
	  ":4:21: store.dir: stands twice in its object; remove one of the two" },
	{ 3, "'hub': {},", ":3:1: write double quotes (\") in place of single ones" },
	{ 3, "hub: {},", ":3:1: the member name is not quoted; write it in double quotes" },
	{ 3, "\"hub\": {}", ":3:10: a comma is missing here" },
	{ 8, "", ":9:1: the text ends here; a closing bracket or a value is missing" },
};

static void every_fault_stops_the_start_with_its_line_and_key(void)
{
	struct broker b;

	broker_init(&b);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		write_config(&b, faults[i].line, faults[i].text, 0600);
		CU_ASSERT(refused_with(&b, faults[i].message));
	}
	write_config(&b, 0, NULL, 0600);
	CU_ASSERT(starts(&b));
	broker_fini(&b);
}

static void several_faults_are_reported_together_and_no_secret_is_shown(void)
{
	struct broker b;
	char *log;

	broker_init(&b);
	write_config(&b, 2,
	             "\"gateway\": {" GATEWAY ",\"secret\":\"my*gateway*secret\"},\n"
	             "\"lan\": {\"acl\":1,\"wkaer\":\"off\"},",
	             0600);
	CU_ASSERT(refused_with(&b, ":2: gateway.secret: is not of the right form; use the device "
	                           "secret in Base64 as the console shows it"));
	log = file_read(b.log);
	CU_ASSERT(log && strstr(log, ":3: lan.acl: is a number; use"));
	CU_ASSERT(log && strstr(log, ":3: lan.wkaer: unknown key; did you mean \"waker\"?"));
	CU_ASSERT(log && !strstr(log, "my*gateway*secret"));
	free(log);
	broker_fini(&b);
}

/* --- the file itself --- */

static void missing_empty_or_irregular_file_stops_the_start(void)
{
	char *missing =
		text_fmt(": cannot be read by user id %u: No such file or directory", (unsigned)geteuid());
	struct broker b;
	char *path;

	broker_init(&b);
	path = text_fmt("%s/hubgate.json", b.dir);
	CU_ASSERT(refused_with(&b, missing));
	mkdir(path, 0700);
	CU_ASSERT(refused_with(&b, ": is not a regular file; name one"));
	rmdir(path);
	free(broker_file(&b, "hubgate.json", "", 0600));
	CU_ASSERT(
		refused_with(&b, ":1:1: the text ends here; a closing bracket or a value is missing"));
	free(broker_file(&b, "hubgate.json", "[]", 0600));
	CU_ASSERT(refused_with(&b, ":1: must be an object; write {...}"));
	free(missing);
	free(path);
	broker_fini(&b);
}

static void mosquitto_conf_without_the_option_stops_the_start(void)
{
	struct broker_opts opts = { .head = NULL };
	struct broker b;
	char *so = text_fmt("%s/mosquitto_hubgate.so", build_dir()), *path = realpath(so, NULL), *conf;

	broker_init(&b);
	opts.conf = conf = text_fmt("plugin %s\nlistener %d 127.0.0.1", path, b.port);
	CU_ASSERT(broker_start(&b, &opts) && broker_refused(&b));
	CU_ASSERT(broker_said(&b,
	                      "not started: mosquitto.conf names no configuration; add the line "
	                      "`plugin_opt_config_file /etc/mosquitto/hubgate.json` below hubgate's "
	                      "plugin line"));
	broker_fini(&b);
	free(so);
	free(path);
	free(conf);
}

static void secrets_that_others_can_read_stop_the_start(void)
{
	static const mode_t open_modes[] = { 0644, 0604, 0660 | 0002, 0601 };
	struct broker b;

	broker_init(&b);
	for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
		char *message =
			text_fmt(": holds a secret, but every user may use it (mode %04o); run: "
		             "chmod 0640 %s/hubgate.json (a container secret: give it mode 0440)",
		             (unsigned)open_modes[i], b.dir);

		write_config(&b, 0, NULL, open_modes[i]);
		CU_ASSERT(refused_with(&b, message));
		free(message);
	}
	write_config(&b, 0, NULL, 0640);
	CU_ASSERT(starts(&b));
	broker_fini(&b);
}

/* --- secrets elsewhere --- */

#define FROM_FILE "{" DEVICE ",\"secret_file\":\"dev1.secret\"}"
#define FROM_ENV  "{" DEVICE ",\"secret_env\":\"HUBGATE_TEST_SECRET\"}"

static void secret_file_must_be_there_closed_and_well_formed(void)
{
	struct broker b;
	char *message;

	broker_init(&b);
	write_config(&b, 6, FROM_FILE, 0600);
	message = text_fmt(":6: devices[0].secret_file: %s/dev1.secret cannot be read by user id %u: "
	                   "No such file or directory",
	                   b.dir, (unsigned)geteuid());
	CU_ASSERT(refused_with(&b, message));
	free(message);
	free(broker_file(&b, "dev1.secret", SECRET "\n", 0644));
	message =
		text_fmt(":6: devices[0].secret_file: %s/dev1.secret holds a secret, but every user "
	             "may use it (mode 0644); run: chmod 0640 %s/dev1.secret (a container secret: "
	             "give it mode 0440)",
	             b.dir, b.dir);
	CU_ASSERT(refused_with(&b, message));
	free(message);
	free(broker_file(&b, "dev1.secret", "not*Base64\n", 0600));
	CU_ASSERT(refused_with(&b, ":6: devices[0].secret_file: does not hold a Base64 secret; copy it "
	                           "from the console"));
	write_config(&b, 6, "{" DEVICE ",\"secret\":\"" SECRET "\",\"secret_file\":\"dev1.secret\"}",
	             0600);
	CU_ASSERT(refused_with(&b, ":6: devices[0].secret: is given in more than one form; keep one of "
	                           "it, _file and _env"));
	broker_fini(&b);
}

static void secret_env_must_be_set(void)
{
	struct broker b;

	broker_init(&b);
	unsetenv("HUBGATE_TEST_SECRET");
	write_config(&b, 6, FROM_ENV, 0600);
	CU_ASSERT(refused_with(&b, ":6: devices[0].secret_env: the environment variable "
	                           "HUBGATE_TEST_SECRET is not set; set it for the broker"));
	broker_fini(&b);
}

/* CONNACK of dev1 with its secret, on a broker with this line 6. */
static int login_with(const char *line)
{
	struct dev *d = NULL;
	struct broker b;
	int code;

	broker_init(&b);
	free(broker_file(&b, "dev1.secret", SECRET "\n", 0440));
	write_config(&b, 6, line, 0600);
	if (start(&b) && port_await(b.proc, b.port, NULL, AWAIT_MS))
		d = dev_connect_port(b.port, "SUBPRODUC1", "dev1", SECRET, NULL);
	code = d ? dev_code(d) : -1;
	dev_disconnect(d);
	CU_ASSERT(broker_stop(&b));
	broker_fini(&b);
	return code;
}

static void all_three_forms_of_a_secret_let_the_device_in(void)
{
	setenv("HUBGATE_TEST_SECRET", SECRET, 1);
	CU_ASSERT_EQUAL(login_with(good[5]), 0);
	CU_ASSERT_EQUAL(login_with(FROM_FILE), 0);
	CU_ASSERT_EQUAL(login_with(FROM_ENV), 0);
	unsetenv("HUBGATE_TEST_SECRET");
}

/* --- the world around --- */

static void store_that_cannot_be_used_stops_the_start(void)
{
	char *text = text_fmt("not started: store.dir /dev/null/store cannot be used by uid %u: Not a "
	                      "directory; make it with `install -d -o mosquitto -m 0700 "
	                      "/dev/null/store`",
	                      (unsigned)geteuid());
	struct broker b;

	broker_init(&b);
	write_config(&b, 4, "\"store\": {\"dir\":\"/dev/null/store\"},", 0600);
	CU_ASSERT(start(&b) && broker_refused(&b) && broker_said(&b, text));
	free(text);
	broker_fini(&b);
}

static void unchecked_certificates_are_warned_about(void)
{
	static const struct {
		const char *hub, *warning;
	} cases[] = {
		{ "\"hub\": {\"host\":\"127.0.0.1\",\"port\":1,\"verify\":false},",
		  "hub.verify: is false: anyone on the way can pose as the hub; use true outside tests" },
		{ "\"hub\": {\"host\":\"127.0.0.1\",\"port\":1,\"verify_host\":false},",
		  "hub.verify_host: is false: any server with a trusted certificate can pose as the hub" },
	};
	struct broker b;

	broker_init(&b);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *line = text_fmt("%s/hubgate.json:3: %s", b.dir, cases[i].warning);

		write_config(&b, 3, cases[i].hub, 0600);
		CU_ASSERT(starts(&b) && broker_said(&b, line));
		free(line);
	}
	broker_fini(&b);
}

/* The first JSON of the README, whose hub and store are not those of this machine. */
static char *readme_example(const struct broker *b)
{
	char *readme = file_read("README.md"), *from = readme ? strstr(readme, "```json\n") : NULL;
	char *store = text_fmt("%s/store", b->dir), *text = NULL;
	cJSON *root, *hub = cJSON_CreateObject();

	if (from)
		from[8 + strcspn(from + 8, "`")] = '\0';
	root = from ? cJSON_Parse(from + 8) : NULL;
	cJSON_AddStringToObject(hub, "address", "127.0.0.1");
	cJSON_AddNumberToObject(hub, "port", 1);
	if (root) {
		cJSON_AddItemToObject(root, "hub", hub);
		cJSON_ReplaceItemInObject(cJSON_GetObjectItem(root, "store"), "dir",
		                          cJSON_CreateString(store));
		text = cJSON_Print(root);
	} else {
		cJSON_Delete(hub);
	}
	cJSON_Delete(root);
	free(readme);
	free(store);
	return text;
}

/* Also the first line that names the gateway: it begins with the version. */
static void minimal_configuration_of_the_readme_starts(void)
{
	char *version = file_read("VERSION"), *text, *line;
	struct broker b;

	broker_init(&b);
	text = readme_example(&b);
	CU_ASSERT_FATAL(version != NULL && text != NULL);
	version[strcspn(version, "\n")] = '\0';
	line = text_fmt("%s: gateway GWPRODUCT1/gw1 with 1 devices, hub "
	                "GWPRODUCT1.iotcloud.tencentdevices.com:1 over TLS, limits of the "
	                "mainland hub, 18 messages per second",
	                version);
	free(broker_file(&b, "hubgate.json", text, 0640));
	CU_ASSERT(starts(&b));
	CU_ASSERT(broker_said(&b, line));
	free(line);
	free(text);
	free(version);
	broker_fini(&b);
}

SUITE(config_start, TEST(every_fault_stops_the_start_with_its_line_and_key),
      TEST(several_faults_are_reported_together_and_no_secret_is_shown),
      TEST(missing_empty_or_irregular_file_stops_the_start),
      TEST(mosquitto_conf_without_the_option_stops_the_start),
      TEST(secrets_that_others_can_read_stop_the_start),
      TEST(secret_file_must_be_there_closed_and_well_formed), TEST(secret_env_must_be_set),
      TEST(all_three_forms_of_a_secret_let_the_device_in),
      TEST(store_that_cannot_be_used_stops_the_start),
      TEST(unchecked_certificates_are_warned_about),
      TEST(minimal_configuration_of_the_readme_starts))
