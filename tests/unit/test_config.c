#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/runner.h"

#define GATEWAY                                                           \
	"\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\"," \
	"\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"}"
#define STORE      "\"store\":{\"dir\":\"/var/lib/mosquitto/hubgate\"}"
#define DEVICE_PSK "ZGV2aWNlLW9uZS1wc2stLQ=="

static struct config cfg;
static struct config_report rep;

static enum status file_of(void *ctx, const char *path, struct buf *out, char *why, size_t why_size)
{
	(void)ctx;
	if (strcmp(path, "/etc/x/psk") == 0)
		return buf_add_text(out, DEVICE_PSK "\n");
	if (strcmp(path, "/etc/x/ps") == 0)
		return buf_add_text(out, "subproductsecret012345678\r\n");
	if (strcmp(path, "/etc/x/token") == 0)
		return buf_add_text(out, "0123456789abcdef\n");
	if (strcmp(path, "/etc/x/short") == 0)
		return buf_add_text(out, "0123456789abcde\n");
	if (strcmp(path, "/etc/x/spaces") == 0)
		return buf_add_text(out, "0123456789 0123456789\n");
	if (strcmp(path, "/etc/x/bad") == 0)
		return buf_add_text(out, "no base64!");
	snprintf(why, why_size, "%s is not there", path);
	return ST_NOTFOUND;
}

static const char *env_of(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "PSK") == 0 ? DEVICE_PSK : NULL;
}

static enum status load(const char *text)
{
	struct config_source src = { .name = "/etc/x/hubgate.json",
		                         .text = text,
		                         .len = strlen(text),
		                         .read_file = file_of,
		                         .get_env = env_of };

	config_free(&cfg);
	return config_parse(&src, &cfg, &rep);
}

/* One error, that ends in this after the file's name. */
static bool refused(const char *text, const char *error)
{
	enum status st = load(text);
	bool ok = st != ST_OK && rep.error_count == 1 &&
	          strcmp(rep.errors[0] + strlen("/etc/x/hubgate.json"), error) == 0;

	for (size_t i = 0; !ok && i < rep.error_count; i++)
		fprintf(stderr, "%d: %s\n", st, rep.errors[i]);
	config_free(&cfg);
	return ok;
}

static void a_minimal_file_gets_all_defaults(void)
{
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE "}"), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.product_id, "GWPRODUCT1");
	CU_ASSERT_STRING_EQUAL(cfg.gateway.secret.text, "Z2F0ZXdheS1vbmUtcHNrIQ==");
	CU_ASSERT_EQUAL(cfg.gateway.secret.key_len, 16);
	CU_ASSERT_STRING_EQUAL(cfg.hub.host, "GWPRODUCT1.iotcloud.tencentdevices.com");
	CU_ASSERT_PTR_NULL(cfg.hub.address);
	CU_ASSERT_EQUAL(cfg.hub.port, 8883);
	CU_ASSERT(cfg.hub.tls && cfg.hub.verify && cfg.hub.verify_host && !cfg.hub.clean_session);
	CU_ASSERT_EQUAL(cfg.hub.keepalive, 240);
	CU_ASSERT_EQUAL(cfg.hub.region, REGION_MAINLAND);
	CU_ASSERT_EQUAL(cfg.hub.rate_up, 18);
	CU_ASSERT_PTR_NOT_NULL(strstr(cfg.hub.register_url, "//ap-guangzhou."));
	CU_ASSERT_EQUAL(cfg.hub.window, 20);
	CU_ASSERT_EQUAL(cfg.hub.min_reconnect_s, 5);
	CU_ASSERT_EQUAL(cfg.hub.max_reconnect_s, 60);
	CU_ASSERT_EQUAL(cfg.hub.connect_timeout_s, 10);
	CU_ASSERT_EQUAL(cfg.hub.request_timeout_s, 10);
	CU_ASSERT_EQUAL(cfg.store.max_messages, 100000);
	CU_ASSERT_EQUAL(cfg.store.max_bytes, 67108864);
	CU_ASSERT_EQUAL(cfg.store.device_share, 25);
	CU_ASSERT_EQUAL(cfg.store.policy, STORE_DROP_OLDEST);
	CU_ASSERT(cfg.store.queue_qos0);
	CU_ASSERT_EQUAL(cfg.presence.grace_ms, 5000);
	CU_ASSERT_EQUAL(cfg.commands.max_age_s, 86400);
	CU_ASSERT_EQUAL(cfg.lan.acl, LAN_ACL_AUTO);
	CU_ASSERT_STRING_EQUAL(cfg.lan.waker, "auto");
	CU_ASSERT_EQUAL(cfg.metrics.sys_interval_s, 10);
	CU_ASSERT_EQUAL(cfg.product_count + cfg.device_count, 0);
	CU_ASSERT(cfg.inline_secrets);
	CU_ASSERT_EQUAL(rep.error_count + rep.warning_count, 0);
	config_free(&cfg);
}

static void the_region_of_the_hub_sets_what_the_file_leaves_out(void)
{
	static const struct {
		const char *members;
		enum region region;
		uint32_t rate_up;
		const char *register_at; /* a part of the URL */
		const char *warning;     /* NULL: none */
	} rows[] = {
		{ "\"host\":\"GWPRODUCT1.us-east.iotcloud.tencentdevices.com\"", REGION_INTERNATIONAL, 25,
		  "//us-east.", NULL },
		{ "\"host\":\"hub.example.com\"", REGION_INTERNATIONAL, 25, "//ap-guangzhou.", NULL },
		{ "\"host\":\"hub.example.com\",\"region\":\"mainland\"", REGION_MAINLAND, 18,
		  "//ap-guangzhou.", NULL },
		{ "\"rate_up\":null", REGION_MAINLAND, 18, "//ap-guangzhou.", NULL },
		{ "\"rate_up\":20,\"register_url\":\"https://a.example/r\"", REGION_MAINLAND, 20,
		  "//a.example/r", NULL },
		{ "\"rate_up\":25", REGION_MAINLAND, 25, "//ap-guangzhou.",
		  "hub.rate_up: is more than the 20 messages per second that the hub takes (mainland)" },
		{ "\"rate_up\":0", REGION_MAINLAND, 0, "//ap-guangzhou.", "hub.rate_up: is more than" },
		{ "\"host\":\"127.0.0.1\",\"rate_up\":0", REGION_INTERNATIONAL, 0, "//ap-guangzhou.",
		  NULL },
		{ "\"max_subscriptions\":9", REGION_MAINLAND, 18, "//ap-guangzhou.",
		  "hub.max_subscriptions: is too few for anything, 10 is taken; use 0 for no bound" },
		{ "\"keepalive\":30", REGION_MAINLAND, 18, "//ap-guangzhou.",
		  "hub.keepalive: is out of the 60 to 850 seconds" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[512];

		snprintf(text, sizeof text, "{" GATEWAY "," STORE ",\"hub\":{%s}}", rows[i].members);
		if (load(text) != ST_OK) {
			CU_FAIL(rows[i].members);
			continue;
		}
		if (cfg.hub.region != rows[i].region || cfg.hub.rate_up != rows[i].rate_up ||
		    !strstr(cfg.hub.register_url, rows[i].register_at))
			CU_FAIL(rows[i].members);
		if (rep.warning_count != (rows[i].warning != NULL) ||
		    (rows[i].warning && !strstr(rep.warnings[0], rows[i].warning)))
			CU_FAIL(rows[i].members);
		config_free(&cfg);
	}
}

static void values_of_the_file_win_over_defaults(void)
{
	CU_ASSERT_EQUAL(load("{\"$schema\":\"x\"," GATEWAY
	                     ",\"store\":{\"dir\":\"q\",\"max_bytes\":1099511627776,"
	                     "\"policy\":\"refuse\",\"queue_qos0\":false},"
	                     "\"hub\":{\"host\":\"127.0.0.1\",\"tls\":false,\"rate_up\":0,"
	                     "\"ca_file\":null,\"address\":\"::1\"},"
	                     "\"lan\":{\"acl\":\"defer\",\"waker\":\"unix:/run/m\"},"
	                     "\"products\":[{\"product_id\":\"SUBPRODUC1\","
	                     "\"product_secret\":\"subproductsecret012345678\",\"register\":true}],"
	                     "\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
	                     "\"secret\":\"" DEVICE_PSK "\"}]}"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.store.dir, "/etc/x/q");
	CU_ASSERT_EQUAL(cfg.store.max_bytes, (uint64_t)1 << 40);
	CU_ASSERT_EQUAL(cfg.store.policy, STORE_REFUSE);
	CU_ASSERT_EQUAL(cfg.hub.port, 1883);
	CU_ASSERT_EQUAL(cfg.lan.acl, LAN_ACL_DEFER);
	CU_ASSERT_EQUAL(cfg.product_count, 1);
	CU_ASSERT_STRING_EQUAL(cfg.products[0].product_secret, "subproductsecret012345678");
	CU_ASSERT(cfg.products[0].may_register);
	CU_ASSERT_EQUAL(cfg.device_count, 1);
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].device_name, "dev1");
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].secret.text, DEVICE_PSK);
	config_free(&cfg);
}

static void secrets_come_from_files_and_environment_too(void)
{
	CU_ASSERT_EQUAL(load("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	                     "\"secret_env\":\"PSK\"}," STORE
	                     ",\"products\":[{\"product_id\":\"SUBPRODUC1\","
	                     "\"product_secret_file\":\"ps\"}],"
	                     "\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"d\","
	                     "\"secret_file\":\"psk\"}]}"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.secret.text, DEVICE_PSK);
	CU_ASSERT_STRING_EQUAL(cfg.devices[0].secret.text, DEVICE_PSK);
	CU_ASSERT_STRING_EQUAL(cfg.products[0].product_secret, "subproductsecret012345678");
	CU_ASSERT_FALSE(cfg.inline_secrets);
	config_free(&cfg);
}

static void secrets_that_cannot_be_had_are_named(void)
{
#define WITH(form) \
	"{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"g\"," form "}," STORE "}"
	CU_ASSERT(refused(WITH("\"secret_file\":\"none\""),
	                  ":1: gateway.secret_file: /etc/x/none is not there"));
	CU_ASSERT(refused(WITH("\"secret_file\":\"bad\""),
	                  ":1: gateway.secret_file: does not hold a Base64 secret; copy it from the "
	                  "console"));
	CU_ASSERT(refused(WITH("\"secret_env\":\"NOPE\""),
	                  ":1: gateway.secret_env: the environment variable NOPE is not set; set it "
	                  "for the broker"));
	CU_ASSERT(refused(WITH("\"secret_env\":\"PSK\",\"secret_file\":\"psk\""),
	                  ":1: gateway.secret: is given in more than one form; keep one of it, _file "
	                  "and _env"));
	CU_ASSERT(refused(WITH("\"secret_env\":\"PSK\",\"cert_file\":\"c\",\"key_file\":\"k\""),
	                  ":1: gateway: has a secret and a certificate; keep one of them"));
	CU_ASSERT(refused(WITH("\"cert_file\":\"c\""),
	                  ":1: gateway.key_file: is missing; a certificate login needs cert_file and "
	                  "key_file"));
	CU_ASSERT(refused(WITH("\"key_file\":null"),
	                  ":1: gateway.secret: is missing; add it, or secret_file, secret_env, or "
	                  "cert_file and key_file"));
#undef WITH
}

static void a_host_with_a_port_is_told_where_the_port_goes(void)
{
#define HOSTED(hub) "{" GATEWAY ",\"hub\":{" hub "}," STORE "}"
	CU_ASSERT(
		refused(HOSTED("\"host\":\"hub.test:1883\""),
	            ":1: hub.host: \"hub.test:1883\" has a port in it, which is a key of its own; "
	            "use a host name or address of A-Z a-z 0-9 . - _ :"));
	CU_ASSERT(refused(HOSTED("\"address\":\"10.0.0.1:1883\""),
	                  ":1: hub.address: \"10.0.0.1:1883\" has a port in it, which is a key of its "
	                  "own; use a host name or address of A-Z a-z 0-9 . - _ :"));
	CU_ASSERT_EQUAL(load(HOSTED("\"address\":\"fe80::1\"")), ST_OK);
#undef HOSTED
	config_free(&cfg);
}

static void a_certificate_replaces_the_secret(void)
{
	CU_ASSERT_EQUAL(load("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"g\","
	                     "\"cert_file\":\"c.pem\",\"key_file\":\"/k.pem\"}," STORE "}"),
	                ST_OK);
	CU_ASSERT_EQUAL(cfg.gateway.secret.key_len, 0);
	CU_ASSERT_STRING_EQUAL(cfg.gateway.cert_file, "/etc/x/c.pem");
	CU_ASSERT_STRING_EQUAL(cfg.gateway.key_file, "/k.pem");
	config_free(&cfg);
}

static void unknown_keys_suggest_the_nearest(void)
{
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\n\"hub\":{\n\"prot\":1}}",
	                  ":3: hub.prot: unknown key; did you mean \"port\"?"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"device\":[]}",
	                  ":1: device: unknown key; did you mean \"devices\"?"));
	CU_ASSERT(refused(
		"{" GATEWAY "," STORE ",\"presence\":{\"colour\":1}}",
		":1: presence.colour: unknown key; remove it (known here: grace_ms, max_unknown, silence_s)"));
	CU_ASSERT(refused(
		"{" GATEWAY "," STORE ",\"presence\":{\"a\\nb\":1}}",
		":1: presence.a?b: unknown key; remove it (known here: grace_ms, max_unknown, silence_s)"));
}

static void wrong_types_and_ranges_say_what_to_write(void)
{
#define HUB(member) "{" GATEWAY "," STORE ",\"hub\":{" member "}}"
	CU_ASSERT(refused(HUB("\"port\":\"1883\""),
	                  ":1: hub.port: is a text; use a whole number from 1 to 65535"));
	CU_ASSERT(refused(HUB("\"port\":65536"),
	                  ":1: hub.port: 65536 is not in range; use a whole number from 1 to 65535"));
	CU_ASSERT(refused(HUB("\"port\":1.5"),
	                  ":1: hub.port: 1.5 is not in range; use a whole number from 1 to 65535"));
	CU_ASSERT(refused(HUB("\"keepalive\":null"),
	                  ":1: hub.keepalive: is null; use a whole number from 5 to 900"));
	CU_ASSERT(
		refused(HUB("\"tls\":1"), ":1: hub.tls: is a number; use true or false, without quotes"));
	CU_ASSERT(refused(HUB("\"host\":\"a b\""),
	                  ":1: hub.host: \"a b\" is not possible here; use a host name or address of "
	                  "A-Z a-z 0-9 . - _ :"));
	CU_ASSERT(
		refused(HUB("\"max_subscriptions\":100001"),
	            ":1: hub.max_subscriptions: 100001 is not in range; use a whole number from 0 to "
	            "100000"));
	CU_ASSERT(refused(HUB("\"min_reconnect_s\":61"),
	                  ":1: hub.max_reconnect_s: 60 is less than min_reconnect_s; use 61 or more"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"commands\":{\"max_age_s\":-1}}",
	                  ":1: commands.max_age_s: -1 is not in range; use a whole number from 0 to "
	                  "315360000"));
	CU_ASSERT(refused("{" GATEWAY ",\"store\":{\"dir\":\"/d\",\"policy\":\"x\"}}",
	                  ":1: store.policy: \"x\" is not possible here; use \"drop_oldest\" or "
	                  "\"refuse\""));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"lan\":{\"waker\":\"host\"}}",
	                  ":1: lan.waker: \"host\" is not possible here; use \"auto\", \"off\", "
	                  "\"unix:/path\" or \"host:port\""));
	CU_ASSERT(
		refused("{" GATEWAY "," STORE ",\"hub\":[]}", ":1: hub: must be an object; write {...}"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"devices\":{}}",
	                  ":1: devices: must be a list; write [...]"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"devices\":[7]}",
	                  ":1: devices[0]: must be an object; write {...}"));
	CU_ASSERT(refused("[]", ":1: must be an object; write {...}"));
#undef HUB
}

/* Each key of firmware, with a value that cannot be: named, with what to write. */
static void wrong_values_of_firmware_are_named(void)
{
	static const struct {
		const char *members, *path;
	} all[] = {
		{ "\"firmware\":{\"dir\":\"\"}", "firmware.dir" },
		{ "\"firmware\":{\"max_bytes\":1}", "firmware.max_bytes" },
		{ "\"firmware\":{\"ca_file\":7}", "firmware.ca_file" },
		{ "\"firmware\":{\"hosts\":\"\"}", "firmware.hosts" },
		{ "\"firmware\":{\"allow_local\":\"yes\"}", "firmware.allow_local" },
		{ "\"firmware\":{\"stall_s\":0}", "firmware.stall_s" },
		{ "\"firmware\":{\"check_address\":1}", "firmware.check_address" },
		{ "\"firmware\":{\"ttl_s\":59}", "firmware.ttl_s" },
		{ "\"firmware\":{\"task_ttl_s\":-1}", "firmware.task_ttl_s" },
		{ "\"firmware\":{\"parallel\":61}", "firmware.parallel" },
		{ "\"firmware\":{\"max_failures\":-1}", "firmware.max_failures" },
		{ "\"firmware\":{\"hook\":true}", "firmware.hook" },
		{ "\"firmware\":{\"hook_s\":0}", "firmware.hook_s" },
		{ "\"firmware\":{\"hook\":\"/bin/true\"},\"hub\":{\"tls\":false}", "firmware.hook" },
		{ "\"firmware\":{\"hook\":\"/bin/true\"},\"hub\":{\"verify\":false}", "firmware.hook" },
		{ "\"lan\":{\"http\":\"systemctl\"}", "lan.http" },
		{ "\"lan\":{\"http\":\"0.0.0.0:80\",\"http_advertise\":\"http://gw\"}",
		  "lan.http_advertise" },
		{ "\"lan\":{\"http\":\"0.0.0.0:80\",\"http_advertise\":\"gw/x\"}", "lan.http_advertise" },
		{ "\"lan\":{\"http\":\"0.0.0.0:80\",\"http_advertise\":\"gw:0\"}", "lan.http_advertise" },
		{ "\"lan\":{\"http_advertise\":\"gw\"}", "lan.http_advertise" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[512];

		snprintf(text, sizeof text, "{" GATEWAY "," STORE ",%s}", all[i].members);
		CU_ASSERT_NOT_EQUAL(load(text), ST_OK);
		CU_ASSERT_PTR_NOT_NULL(strstr(rep.errors[0], all[i].path));
		if (!strstr(rep.errors[0], all[i].path))
			fprintf(stderr, "%s: %s\n", all[i].path, rep.errors[0]);
	}
	CU_ASSERT_NOT_EQUAL(
		load("{" STORE ",\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":"
	         "\"gw1\",\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\",\"version\":\"1 2\"}}"),
		ST_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(rep.errors[0], "gateway.version"));
}

static void an_entry_of_apps_has_a_topic_or_a_role(void)
{
	static const struct {
		const char *entry, *error;
	} wrong[] = {
		{ "\"username\":\"a\"",
		  ":1: apps[0].topic: is missing; add it, or a role: \"viewer\" or \"operator\"" },
		{ "\"username\":\"a\",\"role\":\"none\"",
		  ":1: apps[0].topic: is missing; add it, or a role: \"viewer\" or \"operator\"" },
		{ "\"username\":\"a\",\"topic\":\"x\",\"role\":\"viewer\"",
		  ":1: apps[0].topic: stands beside a role; give each an entry of its own" },
		{ "\"username\":\"a\",\"access\":\"write\",\"role\":\"viewer\"",
		  ":1: apps[0].access: means nothing with a role; remove it" },
		{ "\"username\":\"a\",\"role\":\"admin\"",
		  ":1: apps[0].role: \"admin\" is not possible here; use \"none\" or \"viewer\" or "
		  "\"operator\"" },
		{ "\"username\":\"a\",\"role\":true",
		  ":1: apps[0].role: is true or false; use \"none\" or \"viewer\" or \"operator\"" },
		{ "\"username\":\"$hubgate-control\",\"role\":\"operator\"",
		  ":1: apps[0].username: is the login of the command hubgate itself; use another" },
	};
	char text[512];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof text, "{" GATEWAY "," STORE ",\"apps\":[{%s}]}", wrong[i].entry);
		CU_ASSERT(refused(text, wrong[i].error));
	}
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"apps\":[{\"username\":\"a\",\"topic\":\"x/#\"},"
	                     "{\"username\":\"b\",\"role\":\"operator\",\"topic\":null}]}"),
	                ST_OK);
	CU_ASSERT_EQUAL(cfg.apps[0].role, APP_ROLE_NONE);
	CU_ASSERT_EQUAL(cfg.apps[1].role, APP_ROLE_OPERATOR);
	CU_ASSERT_PTR_NULL(cfg.apps[1].topic);
	config_free(&cfg);
}

static void status_page_that_others_reach_needs_a_token(void)
{
	static const char fix[] = "set admin.token_file, or use \"on\"";
	static const struct {
		const char *members, *path, *what;
	} all[] = {
		{ "\"http\":\"systemd\"", "admin.http", "\"off\" or \"on\"" },
		{ "\"http\":\"0.0.0.0\"", "admin.http", "use \"address:port\" or" },
		{ "\"http\":8188", "admin.http", "is a number" },
		{ "\"http\":\"0.0.0.0:8188\"", "admin.http", fix },
		{ "\"http\":\"192.168.1.2:8188\"", "admin.http", fix },
		{ "\"http\":\"[::]:8188\"", "admin.http", fix },
		{ "\"http\":\"gateway.lan:8188\"", "admin.http", fix },
		{ "\"http\":\"0.0.0.0:8188\",\"token_file\":\"none\"", "admin.token_file", "is not there" },
		{ "\"token_file\":\"short\"", "admin.token_file", "16 to 200 characters" },
		{ "\"token_file\":\"spaces\"", "admin.token_file", "16 to 200 characters" },
		{ "\"token_file\":\"\"", "admin.token_file", "a text of" },
		{ "\"hosts\":\"\"", "admin.hosts", "a text of" },
		{ "\"device_metrics\":1", "admin.device_metrics", "true or false" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[512];

		snprintf(text, sizeof text, "{" GATEWAY "," STORE ",\"admin\":{%s}}", all[i].members);
		CU_ASSERT_NOT_EQUAL(load(text), ST_OK);
		CU_ASSERT(strstr(rep.errors[0], all[i].path) && strstr(rep.errors[0], all[i].what));
		if (!strstr(rep.errors[0], all[i].path) || !strstr(rep.errors[0], all[i].what))
			fprintf(stderr, "%s: %s\n", all[i].members, rep.errors[0]);
	}
}

static void status_page_is_off_or_for_this_machine_or_has_its_token(void)
{
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE "}"), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.admin.http, "off");
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"admin\":{\"http\":\"on\"}}"), ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.admin.http, "127.0.0.1:8188");
	CU_ASSERT_STRING_EQUAL(cfg.admin.token, "");
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"admin\":{\"http\":\"[::1]:9000\"}}"), ST_OK);
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"admin\":{\"http\":\"0.0.0.0:9000\","
	                     "\"token_file\":\"token\",\"hosts\":\"gw.lan gw\"}}"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.admin.http, "0.0.0.0:9000");
	CU_ASSERT_STRING_EQUAL(cfg.admin.token, "0123456789abcdef");
	CU_ASSERT_STRING_EQUAL(cfg.admin.hosts, "gw.lan gw");
	config_free(&cfg);
}

static void firmware_stands_in_the_store_unless_it_is_told_where(void)
{
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"lan\":{\"http\":\"systemd\",\"http_advertise\":"
	                     "\"[fd00::1]\"}}"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.firmware.dir, "/var/lib/mosquitto/hubgate/firmware");
	CU_ASSERT_EQUAL(rep.warning_count, 0);
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\"lan\":{\"http\":\"0.0.0.0:8080\","
	                     "\"http_advertise\":\"gw.lan:8080\"},\"firmware\":{\"dir\":\"/f\"}}"),
	                ST_OK);
	CU_ASSERT_STRING_EQUAL(cfg.firmware.dir, "/f");
	CU_ASSERT_EQUAL(rep.warning_count, 1); /* the SDK in C knows port 80 only */
	config_free(&cfg);
}

static void what_is_required_is_asked_for(void)
{
	CU_ASSERT(refused("{\n" GATEWAY "}", ":1: store.dir: is missing; add it: a text of 1 to 4000 "
	                                     "bytes"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"products\":[{\"product_id\":\"SUBPRODUC1\","
	                  "\"register\":true}]}",
	                  ":1: products[0].product_secret: is missing, but register is true; add it or "
	                  "set register to false"));
}

static void a_bad_device_is_named_by_index_and_line(void)
{
	CU_ASSERT(
		refused("{" GATEWAY "," STORE ",\n\"devices\":[\n"
	            "{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"ok\",\"secret\":\"" DEVICE_PSK
	            "\"},\n{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"a b\","
	            "\"secret\":\"" DEVICE_PSK "\"}]}",
	            ":4: devices[1].device_name: \"a b\" has a character that a device name cannot "
	            "have; use 1-48 of A-Z a-z 0-9 : _ -"));
	CU_ASSERT(refused(
		"{" GATEWAY "," STORE ",\"devices\":[{\"product_id\":\"SUBPRODUC1\","
		"\"device_name\":\"d\"}]}",
		":1: devices[0].secret: is missing; add it, or secret_file, or secret_env, or login, or certificate, or plain, or let its product register"));
}

static void rule_that_makes_names_without_known_only_is_warned_about(void)
{
#define MAPPING(device, more)                                                                  \
	"{" GATEWAY "," STORE ",\"mappings\":[{\"product_id\":\"SUBPRODUC1\",\"device\":\"" device \
	"\",\"up\":\"z/{n}\"" more "}]}"
	CU_ASSERT_EQUAL(load(MAPPING("{n}", "")), ST_OK);
	CU_ASSERT_EQUAL(rep.warning_count, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(rep.warnings[0], ":1: mappings[0].known_only: is missing"));
	CU_ASSERT_FALSE(cfg.mappings[0].known_only);
	CU_ASSERT_EQUAL(load(MAPPING("{n}", ",\"known_only\":false")), ST_OK);
	CU_ASSERT_EQUAL(rep.warning_count, 0);
	CU_ASSERT_EQUAL(load(MAPPING("lamp", "")), ST_OK);
	CU_ASSERT_EQUAL(rep.warning_count, 0);
	config_free(&cfg);
#undef MAPPING
}

static void plain_device_needs_no_secret_and_has_no_login(void)
{
#define PLAIN(more)                                                       \
	"{" GATEWAY "," STORE ",\"devices\":[{\"product_id\":\"SUBPRODUC1\"," \
	"\"device_name\":\"d\",\"plain\":" more "}]}"
	CU_ASSERT_EQUAL(load(PLAIN("true")), ST_OK);
	CU_ASSERT(cfg.devices[0].plain);
	CU_ASSERT(refused(PLAIN("1"),
	                  ":1: devices[0].plain: is a number; use true or false, without quotes"));
	CU_ASSERT(refused(PLAIN("true,\"login\":\"lamp\""),
	                  ":1: devices[0].plain: means that it never logs in, but login says how it "
	                  "does; remove one of the two"));
	CU_ASSERT(refused(PLAIN("true,\"certificate\":true"),
	                  ":1: devices[0].plain: means that it never logs in, but certificate says how "
	                  "it does; remove one of the two"));
#undef PLAIN
}

#define DEV(pid, name) \
	"{\"product_id\":\"" pid "\",\"device_name\":\"" name "\",\"secret\":\"" DEVICE_PSK "\"}"

static void repeated_ids_are_refused(void)
{
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"devices\":[" DEV("SUBPRODUC1", "a") "," DEV(
						  "SUBPRODUC2", "a") ",\n" DEV("SUBPRODUC1", "a") "]}",
	                  ":2: devices[2].device_name: is the same as devices[0]; remove one of the "
	                  "two"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"devices\":[" DEV("GWPRODUCT1", "gw1") "]}",
	                  ":1: devices[0]: is the gateway itself; remove it here"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"products\":[{\"product_id\":\"SUBPRODUC1\"},"
	                  "{\"product_id\":\"SUBPRODUC1\"}]}",
	                  ":1: products[1].product_id: is the same as products[0]; remove one of the "
	                  "two"));
	CU_ASSERT(refused("{" GATEWAY "," STORE "," STORE "}",
	                  ":1:141: store: stands twice in its object; remove one of the two"));
}

static void errors_never_show_a_secret(void)
{
	CU_ASSERT_EQUAL(load("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"g\","
	                     "\"secret\":\"topsecret!\"}," STORE
	                     ",\"products\":[{\"product_id\":\"SUBPRODUC1\","
	                     "\"product_secret\":\"topsecret\"}]}"),
	                ST_INVALID);
	CU_ASSERT_EQUAL(rep.error_count, 2);
	for (size_t i = 0; i < rep.error_count; i++)
		CU_ASSERT_PTR_NULL(strstr(rep.errors[i], "topsecret"));
}

static void several_errors_are_reported_at_once_up_to_ten(void)
{
	CU_ASSERT_EQUAL(load("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1}"),
	                ST_INVALID);
	CU_ASSERT_EQUAL(rep.error_count, CONFIG_LINES_MAX);
	CU_ASSERT(rep.more_errors);
}

static void broken_json_is_reported_with_line_and_column(void)
{
	CU_ASSERT(refused("{\n  \"gateway\": }", ":2:14: the value is missing"));
	CU_ASSERT(refused("", ":1:1: the text ends here; a closing bracket or a value is missing"));
}

static void mistakes_in_json_are_named_with_line_column_and_fix(void)
{
	CU_ASSERT(refused("{" GATEWAY ",\n" STORE ",\n}",
	                  ":2:45: a comma must not stand before the closing bracket; remove it"));
	CU_ASSERT(
		refused("{\n  // the gateway\n" GATEWAY "}", ":2:3: JSON has no comments; remove it"));
	CU_ASSERT(refused("{'gateway':{}}", ":1:2: write double quotes (\") in place of single ones"));
	CU_ASSERT(refused("{" STORE "\n" GATEWAY "}", ":1:46: a comma is missing here"));
	CU_ASSERT(refused("\xEF\xBB\xBF{}",
	                  ":1:1: starts with a byte order mark; save it as UTF-8 without BOM"));
	CU_ASSERT(refused("\xFF\xFE{}", ":1:1: is UTF-16; save it as UTF-8 without BOM"));
	CU_ASSERT(refused("{\"store\":{\"dir\":\"/d},\n" GATEWAY "}",
	                  ":1:22: the line ends inside a text; its closing quote is missing"));
	CU_ASSERT(
		refused("{gateway:{}}", ":1:2: the member name is not quoted; write it in double quotes"));
	CU_ASSERT(refused("{" GATEWAY "," STORE ",\"lan\":{\n\"acl\":\"allow\",\n\"acl\":\"auto\"}}",
	                  ":3:1: lan.acl: stands twice in its object; remove one of the two"));
}

static void unchecked_certificates_are_warned_about(void)
{
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE ",\n\"hub\":{\"verify\":false}}"), ST_OK);
	CU_ASSERT_EQUAL(rep.warning_count, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(rep.warnings[0], "hubgate.json:2: hub.verify: is false"));
	config_free(&cfg);
}

static void fifteen_hundred_devices_load_quickly(void)
{
	struct buf text = BUF_MAX(1 << 20);
	struct timespec from, to;
	double ms;

	buf_add_text(&text, "{" GATEWAY "," STORE ",\"devices\":[");
	for (int i = 0; i < 1500; i++)
		buf_addf(&text,
		         "%s{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev%d\",\"secret\":\"%s\"}",
		         i ? ",\n" : "", i, DEVICE_PSK);
	buf_add_text(&text, "]}");
	clock_gettime(CLOCK_MONOTONIC, &from);
	CU_ASSERT_EQUAL(load(buf_text(&text)), ST_OK);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
	CU_ASSERT_EQUAL(cfg.device_count, 1500);
	CU_ASSERT(ms < 1000); /* room for sanitizers on a busy machine; about 10 without */
	config_free(&cfg);
	buf_free(&text);
}

static void freeing_wipes_and_may_be_repeated(void)
{
	CU_ASSERT_EQUAL(load("{" GATEWAY "," STORE "}"), ST_OK);
	config_free(&cfg);
	CU_ASSERT_EQUAL(cfg.gateway.secret.text[0], '\0');
	config_free(&cfg);
}

SUITE(config, TEST(a_minimal_file_gets_all_defaults),
      TEST(the_region_of_the_hub_sets_what_the_file_leaves_out),
      TEST(values_of_the_file_win_over_defaults), TEST(secrets_come_from_files_and_environment_too),
      TEST(secrets_that_cannot_be_had_are_named),
      TEST(a_host_with_a_port_is_told_where_the_port_goes), TEST(a_certificate_replaces_the_secret),
      TEST(unknown_keys_suggest_the_nearest), TEST(wrong_types_and_ranges_say_what_to_write),
      TEST(wrong_values_of_firmware_are_named), TEST(an_entry_of_apps_has_a_topic_or_a_role),
      TEST(status_page_that_others_reach_needs_a_token),
      TEST(status_page_is_off_or_for_this_machine_or_has_its_token),
      TEST(firmware_stands_in_the_store_unless_it_is_told_where),
      TEST(what_is_required_is_asked_for), TEST(a_bad_device_is_named_by_index_and_line),
      TEST(rule_that_makes_names_without_known_only_is_warned_about),
      TEST(plain_device_needs_no_secret_and_has_no_login), TEST(repeated_ids_are_refused),
      TEST(errors_never_show_a_secret), TEST(several_errors_are_reported_at_once_up_to_ten),
      TEST(broken_json_is_reported_with_line_and_column),
      TEST(mistakes_in_json_are_named_with_line_column_and_fix),
      TEST(unchecked_certificates_are_warned_about), TEST(fifteen_hundred_devices_load_quickly),
      TEST(freeing_wipes_and_may_be_repeated))
