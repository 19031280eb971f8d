/* `hubgate check`: each planted fault is found by its check, and what is right is not complained
 * of. */
#include "tests/e2e/command_call.h"
#include "tests/harness/harness.h"
#include "tests/runner.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* NULL: as is right. In store and more %s stands for the folder of the test. */
struct setup {
	const char *gateway, *store, *devices;
	const char *more; /* members with a comma before each */
	const char *conf; /* of mosquitto.conf */
	const char *raw;  /* hubgate.json instead of all this */
	mode_t config_mode;
	mode_t store_mode;                   /* 0: it is not there */
	const char *store_file, *store_text; /* one in it */
};

struct place {
	char *dir, *config, *conf;
};

static void write_config(const struct place *p, const struct setup *s)
{
	char *store = text_fmt("{\"dir\":\"%s/store\"%s}", p->dir, s->store ? s->store : "");
	char *text =
		s->raw ? text_fmt("%s", s->raw)
			   : text_fmt("{\"gateway\":%s,\n\"store\":%s,\n\"devices\":%s%s}",
	                      s->gateway ? s->gateway : GATEWAY_RIGHT, store,
	                      s->devices ? s->devices : DEVICE(OWN_SECRET), s->more ? s->more : "");

	CU_ASSERT_FATAL(file_write(p->config, text, s->config_mode ? s->config_mode : 0600));
	free(store);
	free(text);
}

static struct place place_make(const struct setup *s)
{
	struct place p = { .dir = dir_make() };
	char *store = text_fmt("%s/store", p.dir);

	p.config = text_fmt("%s/hubgate.json", p.dir);
	p.conf = text_fmt("%s/mosquitto.conf", p.dir);
	write_config(&p, s);
	CU_ASSERT_FATAL(file_write(p.conf, s->conf ? s->conf : CONF_RIGHT, 0644));
	if (s->store_mode) {
		CU_ASSERT_FATAL(mkdir(store, 0700) == 0 && chmod(store, s->store_mode) == 0);
	}
	if (s->store_file) {
		char *path = text_fmt("%s/%s", store, s->store_file);

		CU_ASSERT_FATAL(file_write(path, s->store_text, 0600));
		free(path);
	}
	free(store);
	return p;
}

static void place_free(struct place *p)
{
	dir_remove(p->dir);
	free(p->dir);
	free(p->config);
	free(p->conf);
}

static cJSON *findings(const struct place *p, const char *user, int *code)
{
	char *line =
		text_fmt("check --offline --json %s --mosquitto %s --user %s", p->config, p->conf, user);
	struct command_call c = command_call(line);
	cJSON *list = cJSON_Parse(c.out);

	*code = c.code;
	command_call_free(&c);
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
};

enum {
	FAULTS = sizeof faults / sizeof faults[0]
};

static bool found(const struct fault *fault)
{
	struct place p = place_make(&fault->setup);
	int code;
	cJSON *list = findings(&p, own_name(), &code);
	const cJSON *finding = finding_of(list, fault->check);
	bool ok = finding && strcmp(text_of(finding, "verdict"), fault->verdict) == 0 &&
	          strstr(text_of(finding, "cause"), fault->cause) &&
	          strstr(text_of(finding, "fix"), fault->fix) &&
	          code == (strcmp(fault->verdict, "FAIL") == 0);

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
	for (size_t i = 0; i < FAULTS; i++)
		CU_ASSERT(found(&faults[i]));
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
};

/* The clock and the limits of the machine are what they are. */
static bool of_the_machine(const cJSON *finding)
{
	const char *check = text_of(finding, "check");

	return strcmp(check, "clock") == 0 || strcmp(check, "descriptors") == 0 ||
	       strcmp(check, "store-disk") == 0 || strcmp(check, "store-space") == 0;
}

static void what_is_right_raises_no_alarm(void)
{
	for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
		struct place p = place_make(&rights[i]);
		int code;
		cJSON *list = findings(&p, own_name(), &code);
		const cJSON *finding;

		CU_ASSERT_EQUAL(code, 0);
		CU_ASSERT(cJSON_GetArraySize(list) >= 25);
		cJSON_ArrayForEach(finding, list)
		{
			if (of_the_machine(finding) || strcmp(text_of(finding, "verdict"), "ok") == 0)
				continue;
			CU_FAIL("an alarm");
			fprintf(stderr, "setup %zu: %s %s: %s\n", i, text_of(finding, "check"),
			        text_of(finding, "verdict"), text_of(finding, "cause"));
		}
		cJSON_Delete(list);
		place_free(&p);
	}
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
		list = findings(&p, "nobody", &code);
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
	struct command_call c = command_call("check /nonexistent --mosquitto /none --user nobody");
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

/* The planted secrets stand in none of what it prints. */
static void secrets_are_not_printed(void)
{
	struct setup setup = { .more = ",\"nonsense\":1" };
	struct place p = place_make(&setup);
	char *line = text_fmt("check %s --mosquitto %s --user %s", p.config, p.conf, own_name());
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
      TEST(what_the_brokers_user_may_not_read_or_make_is_named_with_his_id),
      TEST(missing_files_and_wrong_arguments_are_said), TEST(secrets_are_not_printed))
