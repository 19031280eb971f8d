#include "core/config/mosquitto_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/lan/broker_conf.h"
#include "tests/runner.h"

static struct mosquitto_conf conf;
static char why[MOSQUITTO_CONF_WHY_MAX];

static enum status read_more(const char *text)
{
	return mosquitto_conf_read(&conf, "m.conf", text, strlen(text), NULL, NULL);
}

static void read_only(const char *text)
{
	mosquitto_conf_free(&conf);
	CU_ASSERT_EQUAL(read_more(text), ST_OK);
}

static enum lan_acl acl_of(const char *text)
{
	enum lan_acl acl = LAN_ACL_AUTO;

	read_only(text);
	CU_ASSERT_EQUAL(mosquitto_conf_acl(&conf, LAN_ACL_AUTO, &acl, why), ST_OK);
	CU_ASSERT(why[0] != '\0');
	mosquitto_conf_free(&conf);
	return acl;
}

static bool passes(const char *text)
{
	bool yes;

	read_only(text);
	yes = mosquitto_conf_unknown_user_passes(&conf);
	mosquitto_conf_free(&conf);
	return yes;
}

static bool checks(const char *text)
{
	bool yes;

	read_only(text);
	yes = mosquitto_conf_checks_users(&conf);
	mosquitto_conf_free(&conf);
	return yes;
}

static void a_username_is_checked_only_where_that_is_certain(void)
{
	CU_ASSERT(checks("password_file /p\n"));
	CU_ASSERT(checks("allow_anonymous true\npassword_file /p\n"));
	CU_ASSERT(checks("allow_anonymous true\nplugin /l/mosquitto_dynamic_security.so\n"));
	CU_ASSERT(checks("listener 1883\nplugin /l/own.so\n"));
	CU_ASSERT_FALSE(checks(""));
	CU_ASSERT_FALSE(checks("listener 1883\nallow_anonymous false\n"));
	CU_ASSERT_FALSE(checks("plugin /l/own.so\n")); /* on this machine everybody may */
	CU_ASSERT_FALSE(checks("allow_anonymous true\nplugin /l/own.so\n"));
	CU_ASSERT_FALSE(
		checks("listener 1883\nallow_anonymous true\nplugin /l/mosquitto_acl_file.so\n"));
	CU_ASSERT_FALSE(checks("per_listener_settings true\npassword_file /p\n"));
}

static void options_are_recognised_and_comments_are_not(void)
{
	read_only("# acl_file /a\n#password_file /p\r\n\n"
	          "listener 1883 0.0.0.0\r\n"
	          "psk_file /etc/psk\n"
	          "use_identity_as_username true\nuse_subject_as_username false\n"
	          "per_listener_settings 1\n"
	          "  set_tcp_nodelay   true  \n"
	          "unknown_option x");
	CU_ASSERT_FALSE(conf.acl_file || conf.password_file);
	CU_ASSERT(conf.listener && conf.psk_file && conf.identity_as_username);
	CU_ASSERT_FALSE(conf.subject_as_username);
	CU_ASSERT(conf.per_listener_settings && conf.tcp_nodelay);
	CU_ASSERT_EQUAL(conf.allow_anonymous, ANONYMOUS_UNSET);
	mosquitto_conf_free(&conf);
}

static void our_plugin_is_known_and_its_place_judged(void)
{
	read_only("plugin /usr/lib/mosquitto_hubgate.so\nplugin /usr/lib/other.so\n");
	CU_ASSERT(conf.ours && !conf.ours_not_first && conf.unknown_plugin);
	CU_ASSERT_EQUAL(conf.plugin_count, 1);
	CU_ASSERT_STRING_EQUAL(conf.plugins[0], "/usr/lib/other.so");
	read_only("auth_plugin /usr/lib/mosquitto_dynamic_security.so\n"
	          "plugin /usr/lib/mosquitto_hubgate.so\n");
	CU_ASSERT(conf.ours && conf.ours_not_first && conf.dynamic_security && !conf.unknown_plugin);
	read_only("global_plugin /l/mosquitto_persist_sqlite.so\n"
	          "plugin_load hub /l/mosquitto_hubgate.so\n");
	CU_ASSERT(conf.ours && !conf.ours_not_first && !conf.unknown_plugin);
	mosquitto_conf_free(&conf);
}

static void acl_is_deferred_to_whoever_has_rules(void)
{
	CU_ASSERT_EQUAL(acl_of("acl_file /a\n"), LAN_ACL_DEFER);
	CU_ASSERT_EQUAL(acl_of("plugin /l/mosquitto_dynamic_security.so\n"), LAN_ACL_DEFER);
	CU_ASSERT_EQUAL(acl_of("plugin /l/mosquitto_acl_file.so\n"), LAN_ACL_DEFER);
	CU_ASSERT_EQUAL(acl_of("plugin /l/mosquitto_hubgate.so\npassword_file /p\n"), LAN_ACL_ALLOW);
	CU_ASSERT_EQUAL(acl_of(""), LAN_ACL_ALLOW);
}

static void an_unknown_plugin_asks_for_a_decision(void)
{
	enum lan_acl acl = LAN_ACL_AUTO;

	read_only("plugin /l/go_auth.so\n");
	CU_ASSERT_EQUAL(mosquitto_conf_acl(&conf, LAN_ACL_AUTO, &acl, why), ST_INVALID);
	CU_ASSERT_EQUAL(acl, LAN_ACL_DEFER);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/l/go_auth.so"));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "lan.acl"));
	CU_ASSERT_EQUAL(mosquitto_conf_acl(&conf, LAN_ACL_ALLOW, &acl, why), ST_OK);
	CU_ASSERT_EQUAL(acl, LAN_ACL_ALLOW);
	mosquitto_conf_free(&conf);
}

static void unknown_users_pass_only_where_the_broker_let_them(void)
{
	CU_ASSERT(passes(""));
	CU_ASSERT(passes("plugin /l/mosquitto_hubgate.so\n"));
	CU_ASSERT(passes("listener 1883\nallow_anonymous true\n"));
	CU_ASSERT(passes("allow_anonymous true\nplugin /l/mosquitto_acl_file.so\n"));
	CU_ASSERT(passes("allow_anonymous true\nplugin /l/mosquitto_sparkplug_aware.so\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous true\nplugin /l/mosquitto_password_file.so\n"));
	CU_ASSERT_FALSE(passes("listener 1883\n"));
	CU_ASSERT_FALSE(passes("port 1883\n"));
	CU_ASSERT_FALSE(passes("bind_address 127.0.0.1\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous false\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous true\nallow_anonymous false\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous true\npassword_file /p\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous true\nplugin /l/mosquitto_dynamic_security.so\n"));
	CU_ASSERT_FALSE(passes("allow_anonymous true\nplugin /l/own.so\n"));
	CU_ASSERT_FALSE(passes("per_listener_settings true\nallow_anonymous true\n"));
}

static void more_plugins_than_fit_are_refused(void)
{
	mosquitto_conf_free(&conf);
	for (int i = 0; i < MOSQUITTO_CONF_PLUGINS_MAX; i++)
		CU_ASSERT_EQUAL(read_more("plugin /l/x.so\n"), ST_OK);
	CU_ASSERT_EQUAL(read_more("plugin /l/x.so\n"), ST_FULL);
	mosquitto_conf_free(&conf);
}

static void included_names_are_chosen_and_ordered_as_the_broker_does(void)
{
	CU_ASSERT(mosquitto_conf_is_included("a.conf"));
	CU_ASSERT_FALSE(mosquitto_conf_is_included(".conf"));
	CU_ASSERT_FALSE(mosquitto_conf_is_included("a.conf~"));
	CU_ASSERT(mosquitto_conf_order("a.conf", "B.conf") < 0);
	CU_ASSERT(mosquitto_conf_order("B.conf", "b.conf") < 0);
	CU_ASSERT(mosquitto_conf_order("a.conf", "aa.conf") < 0);
	CU_ASSERT_EQUAL(mosquitto_conf_order("a.conf", "a.conf"), 0);
}

static const char *refusal_of(const char *text)
{
	static char said[MOSQUITTO_CONF_REFUSED_MAX];

	read_only(text);
	mosquitto_conf_refused(&conf, said);
	mosquitto_conf_free(&conf);
	return said;
}

static bool is_refused(const char *text, const char *begin, const char *fix)
{
	const char *said = refusal_of(text);

	return strncmp(said, begin, strlen(begin)) == 0 && strstr(said, fix);
}

static void options_that_do_not_go_with_us_are_refused_with_place_and_fix(void)
{
	CU_ASSERT_STRING_EQUAL(refusal_of("listener 1883\nuse_username_as_clientid false\n"), "");
	CU_ASSERT(is_refused("listener 1883\nmount_point a/\nuse_username_as_clientid true\n",
	                     "m.conf:2: mount_point: ", "take it out"));
	CU_ASSERT(is_refused("\n#\nuse_username_as_clientid true\n",
	                     "m.conf:3: use_username_as_clientid: ", "take it out"));
	CU_ASSERT(is_refused("plugin /a/mosquitto_hubgate.so\nplugin /b/mosquitto_hubgate.so\n",
	                     "m.conf:2: plugin: ", "first at m.conf:1; keep one"));
}

#define LOAD "plugin_load hub /l/mosquitto_hubgate.so\n"

static void our_plugin_is_not_bound_to_listeners(void)
{
	CU_ASSERT(is_refused(LOAD "listener 1883\nplugin_use hub\nlistener 8883\n",
	                     "m.conf:1: plugin_load: ", "global_plugin"));
	CU_ASSERT(is_refused("\n" LOAD "listener 1883\nplugin_use hub\n",
	                     "m.conf:2: plugin_load: ", "global_plugin"));
	CU_ASSERT_STRING_EQUAL(refusal_of("plugin_load x /l/x.so\nlistener 1883\nplugin_use x\n"), "");
	CU_ASSERT_STRING_EQUAL(
		refusal_of("global_plugin /l/mosquitto_hubgate.so\nlistener 1883\nlistener 8883\n"), "");
}

static void a_listener_too_full_for_the_doorbell_is_found(void)
{
	const struct mosquitto_listener *l;

	read_only("listener 1883\nmax_connections -1\nlistener 1884\nmax_connections 10\n");
	CU_ASSERT_PTR_NULL(mosquitto_conf_crowded(&conf, 9));
	l = mosquitto_conf_crowded(&conf, 10);
	CU_ASSERT_FATAL(l != NULL);
	CU_ASSERT_STRING_EQUAL(l->max_at.text, "m.conf:4");
	CU_ASSERT_EQUAL(l->max_connections, 10);
	read_only("max_connections 10\nport 1883\n");
	CU_ASSERT_PTR_NOT_NULL(mosquitto_conf_crowded(&conf, 10));
	read_only("listener 1883\nmax_connections 10\nlistener 0 /run/s.sock\n");
	CU_ASSERT_PTR_NULL(mosquitto_conf_crowded(&conf, 10));
	read_only("listener 1883\nlistener 0 /run/s.sock\nmax_connections 10\n");
	CU_ASSERT_PTR_NOT_NULL(mosquitto_conf_crowded(&conf, 10));
	CU_ASSERT_EQUAL(conf.global_max, 0);
	read_only("global_max_clients 30\nglobal_max_connections 20\nglobal_max_clients -1\n");
	CU_ASSERT_EQUAL(conf.global_max, 20);
	CU_ASSERT_STRING_EQUAL(conf.global_max_at.text, "m.conf:2");
	mosquitto_conf_free(&conf);
}

static void the_topics_of_a_bridge_are_those_of_this_broker(void)
{
	static const char *const filters[] = { "#", "SUBPRODUC1/#", "local/x", "local/" };

	read_only("connection a\ntopic # both\ntopic SUBPRODUC1/# in 1\n"
	          "connection b\ntopic x out 0 local/ remote/\ntopic \"\" in 0 local/ \"\"\n");
	CU_ASSERT_EQUAL_FATAL(conf.bridged_count, 4);
	for (size_t i = 0; i < conf.bridged_count; i++)
		CU_ASSERT_STRING_EQUAL(conf.bridged[i].filter, filters[i]);
	CU_ASSERT_STRING_EQUAL(conf.bridged[3].at.text, "m.conf:6");
	mosquitto_conf_free(&conf);
}

static void what_a_listener_speaks_is_known(void)
{
	read_only("psk_hint x\nport 8885\nlistener 8883\ncertfile /c\nrequire_certificate true\n"
	          "listener 9001\nprotocol websockets\nlistener 1883\nprotocol mqtt\n"
	          "clientid_prefixes dev-\n");
	CU_ASSERT_EQUAL(conf.listener_count, 3);
	CU_ASSERT(conf.listeners[0].psk && conf.listeners[0].port == 8885);
	CU_ASSERT(conf.listeners[1].tls && conf.listeners[1].client_certificates);
	CU_ASSERT(conf.listeners[2].not_mqtt && !conf.listeners[2].tls);
	CU_ASSERT(!conf.listeners[3].not_mqtt && conf.listeners[3].port == 1883);
	CU_ASSERT_STRING_EQUAL(conf.clientid_prefix, "dev-");
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 8885), MOSQUITTO_WAY_CLOSED);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 8883), MOSQUITTO_WAY_CLOSED);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 9001), MOSQUITTO_WAY_CLOSED);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 1883), MOSQUITTO_WAY_PLAIN);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 1884), MOSQUITTO_WAY_UNKNOWN);
	read_only("listener 1\nenable_proxy_protocol 2\nlistener 2\naccept_protocol_versions 3, 5\n"
	          "listener 3\naccept_protocol_versions 3,4,5\nlistener 4\nprotocol http_api\n");
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 1), MOSQUITTO_WAY_CLOSED);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 2), MOSQUITTO_WAY_CLOSED);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 3), MOSQUITTO_WAY_PLAIN);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 4), MOSQUITTO_WAY_CLOSED);
	read_only("listener 8883 10.0.0.1\ncertfile /c\nlistener 8884 127.0.0.1\n"
	          "listener 8884 10.0.0.1\ncertfile /c\n");
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 8883), MOSQUITTO_WAY_TLS);
	CU_ASSERT_EQUAL(mosquitto_conf_way(&conf, 8884), MOSQUITTO_WAY_UNKNOWN);
	mosquitto_conf_free(&conf);
}

/* ---- files ---- */

static char dir[64];

static const char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(in_dir(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(text, 1, len, f);
	fclose(f);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void enter(void)
{
	strcpy(dir, "/tmp/hubgate-broker-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	mkdir(in_dir("cwd"), 0700);
	mkdir(in_dir("cwd/conf.d"), 0700);
}

static void leave(void)
{
	const char *files[] = { "cmdline", "cwd/m.conf", "cwd/conf.d/a.conf", "cwd/conf.d/B.conf",
		                    "cwd/conf.d/c.txt" };

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(in_dir(files[i]));
	rmdir(in_dir("cwd/conf.d"));
	rmdir(in_dir("cwd"));
	rmdir(dir);
	mosquitto_conf_free(&conf);
}

static void the_running_brokers_file_is_found_with_what_it_includes(void)
{
	static const char args[] = "mosquitto\0-v\0--config-file\0m.conf";

	enter();
	put("cmdline", args, sizeof args);
	put_text("cwd/m.conf", "plugin /l/1.so\ninclude_dir conf.d\nplugin /l/4.so\n");
	put_text("cwd/conf.d/B.conf", "plugin /l/3.so\n");
	put_text("cwd/conf.d/a.conf", "plugin /l/2.so\ninclude_dir /nowhere\n");
	put_text("cwd/conf.d/c.txt", "acl_file /a\n");
	CU_ASSERT_EQUAL(broker_conf_find(dir, &conf, why), ST_OK);
	CU_ASSERT_EQUAL(conf.plugin_count, 4);
	for (size_t i = 0; i < conf.plugin_count; i++)
		CU_ASSERT_EQUAL(conf.plugins[i][3], (char)('1' + i));
	CU_ASSERT_FALSE(conf.acl_file);
	leave();
}

static void a_file_that_cannot_be_read_is_named(void)
{
	static const char none[] = "mosquitto\0-p\0"
							   "1883",
					  lost[] = "mosquitto\0-c\0gone.conf";

	enter();
	CU_ASSERT_EQUAL(broker_conf_find(dir, &conf, why), ST_NOTFOUND);
	put("cmdline", none, sizeof none);
	CU_ASSERT_EQUAL(broker_conf_find(dir, &conf, why), ST_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "without -c"));
	put("cmdline", lost, sizeof lost);
	CU_ASSERT_EQUAL(broker_conf_find(dir, &conf, why), ST_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/cwd/gone.conf: "));
	put_text("cwd/m.conf", "plugin /l/1.so\ninclude_dir /nowhere/at/all\n");
	CU_ASSERT_EQUAL(broker_conf_read(in_dir("cwd/m.conf"), &conf, why), ST_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nowhere/at/all: "));
	CU_ASSERT_EQUAL(conf.plugin_count, 0);
	leave();
}

SUITE(mosquitto_conf, TEST(a_username_is_checked_only_where_that_is_certain),
      TEST(options_are_recognised_and_comments_are_not),
      TEST(our_plugin_is_known_and_its_place_judged), TEST(acl_is_deferred_to_whoever_has_rules),
      TEST(an_unknown_plugin_asks_for_a_decision),
      TEST(unknown_users_pass_only_where_the_broker_let_them),
      TEST(more_plugins_than_fit_are_refused),
      TEST(options_that_do_not_go_with_us_are_refused_with_place_and_fix),
      TEST(our_plugin_is_not_bound_to_listeners),
      TEST(a_listener_too_full_for_the_doorbell_is_found),
      TEST(the_topics_of_a_bridge_are_those_of_this_broker), TEST(what_a_listener_speaks_is_known),
      TEST(included_names_are_chosen_and_ordered_as_the_broker_does),
      TEST(the_running_brokers_file_is_found_with_what_it_includes),
      TEST(a_file_that_cannot_be_read_is_named))
