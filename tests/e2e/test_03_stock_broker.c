/* All other clients keep working as before the plugin was loaded: the same actions on a broker
 * without and with it, for the ways in which a Debian broker is configured. */
#include "tests/e2e/stock_actions.h"
#include "tests/runner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	AWAIT_MS = 5000
};

struct setup {
	const char *conf;
	bool passwords;
	const char *acl;
	bool dynamic_security;
	bool as_plugins;      /* the two files by 2.1's own plugins */
	const char *listener; /* lines behind the listener's */
	bool local_only;      /* no listener line */
	bool bind_address;    /* port and bind_address instead of a listener line */
	bool include_dir;     /* as Debian does, all of the above there */
	const char *lan;      /* of hubgate.json */
};

static bool run(const char *command, const struct broker *b)
{
	char *log = text_fmt("%s/command.log", b->dir);
	char *text = text_fmt("cd '%s' && %s", b->dir, command);
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, text, NULL };
	struct proc *p = proc_start(argv, NULL, log);
	int status = -1;
	bool ok = p && proc_wait(p, AWAIT_MS, &status) >= 0 && status == 0;

	if (!ok)
		harness_failed("failed: %s", command);
	proc_free(p);
	free(log);
	free(text);
	return ok;
}

#define DYNSEC_ACL(type, topic) \
	"{\"acltype\":\"" type "\",\"topic\":\"" topic "\",\"priority\":0,\"allow\":true}"

/* admin may all; alice, with admin's password, and anonymous clients have home/#. */
static void add_alice(cJSON *root)
{
	cJSON *clients = cJSON_GetObjectItem(root, "clients");
	cJSON *alice = cJSON_Duplicate(cJSON_GetArrayItem(clients, 0), true);
	cJSON *admins = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "roles"), 0);

	cJSON_ReplaceItemInObject(alice, "username", cJSON_CreateString("alice"));
	cJSON_ReplaceItemInObject(alice, "roles", cJSON_Parse("[{\"rolename\":\"home\"}]"));
	cJSON_AddItemToArray(clients, alice);
	cJSON_AddItemToArray(cJSON_GetObjectItem(admins, "acls"),
	                     cJSON_Parse(DYNSEC_ACL("publishClientSend", "#")));
	cJSON_AddItemToArray(
		cJSON_GetObjectItem(root, "roles"),
		cJSON_Parse("{\"rolename\":\"home\",\"acls\":[" DYNSEC_ACL(
			"publishClientSend",
			"home/#") "," DYNSEC_ACL("publishClientReceive",
	                                 "home/#") "," DYNSEC_ACL("subscribePattern", "home/#") "]}"));
	cJSON_AddItemToObject(root, "groups",
	                      cJSON_Parse("[{\"groupname\":\"guests\",\"roles\":["
	                                  "{\"rolename\":\"home\"}]}]"));
	cJSON_AddStringToObject(root, "anonymousGroup", "guests");
}

static bool make_dynsec(const struct broker *b)
{
	char *path = text_fmt("%s/dynsec.json", b->dir), *text;
	bool ok = run("mosquitto_ctrl dynsec init dynsec.json admin right-pw", b);
	cJSON *root;

	text = ok ? file_read(path) : NULL;
	root = text ? cJSON_Parse(text) : NULL;
	free(text);
	if (root) {
		cJSON_DeleteItemFromObject(root, "groups");
		add_alice(root);
		text = cJSON_Print(root);
		ok = file_write(path, text, 0600);
		free(text);
	}
	cJSON_Delete(root);
	free(path);
	return ok && root;
}

/* option FILE, or the plugin of that name with it. Caller frees. */
static char *file_line(const struct broker *b, const char *option, const char *file, bool plugin)
{
	char *path = plugin ? broker_plugin(option) : NULL;
	char *line = path ? text_fmt("plugin %s\nplugin_opt_%s %s/%s\n", path, option, b->dir, file)
	                  : text_fmt("%s %s/%s\n", option, b->dir, file);

	free(path);
	return line;
}

/* The lines of setup->conf and what the other members ask for. Caller frees. */
static char *lines_of(const struct broker *b, const struct setup *s)
{
	char *passwords =
		s->passwords ? file_line(b, "password_file", "passwords", s->as_plugins) : strdup("");
	char *acl = s->acl ? file_line(b, "acl_file", "acl", s->as_plugins) : strdup("");
	char *dynsec = s->dynamic_security ? text_fmt("plugin %s/mosquitto_dynamic_security.so\n"
	                                              "plugin_opt_config_file %s/dynsec.json\n",
	                                              b->dir, b->dir)
	                                   : strdup("");
	char *listener = s->local_only     ? strdup("")
	                 : s->bind_address ? text_fmt("port %d\nbind_address 127.0.0.1\n", b->port)
	                                   : text_fmt("listener %d 127.0.0.1\n", b->port);
	char *all = text_fmt("%s%s%s%s%s%s", s->conf, passwords, acl, dynsec, listener,
	                     s->listener ? s->listener : "");

	free(passwords);
	free(acl);
	free(dynsec);
	free(listener);
	return all;
}

/* Writes the files that the lines name. */
static bool make_files(const struct broker *b, const struct setup *s)
{
	bool ok = !s->passwords || run("mosquitto_passwd -b -c passwords admin right-pw && "
	                               "mosquitto_passwd -b passwords alice right-pw",
	                               b);

	if (ok && s->acl)
		free(broker_file(b, "acl", s->acl, 0600));
	if (ok && s->dynamic_security)
		ok = run("cp /usr/lib/*/mosquitto_dynamic_security.so .", b) && make_dynsec(b);
	return ok;
}

static char *in_include_dir(const struct broker *b, char *lines)
{
	char *dir = text_fmt("%s/conf.d", b->dir);

	mkdir(dir, 0700);
	free(broker_file(b, "conf.d/local.conf", lines, 0644));
	free(lines);
	lines = text_fmt("persistence true\npersistence_location %s/\ninclude_dir %s\n", b->dir, dir);
	free(dir);
	return lines;
}

static void write_hubgate(const struct broker *b, const char *lan)
{
	char *json =
		text_fmt("{\"gateway\":{\"product_id\":\"GWPRODUCT1\",\"device_name\":\"gw1\","
	             "\"secret\":\"Z2F0ZXdheS1vbmUtcHNrIQ==\"},\"hub\":{\"host\":\"127.0.0.1\","
	             "\"port\":%d,\"tls\":false},\"store\":{\"dir\":\"store\"},\"lan\":%s,"
	             "\"devices\":[{\"product_id\":\"SUBPRODUC1\",\"device_name\":\"dev1\","
	             "\"secret\":\"ZGV2aWNlLW9uZS1wc2stLQ==\"}]}",
	             port_free(), lan ? lan : "{}");

	free(broker_file(b, "hubgate.json", json, 0600));
	free(json);
}

static bool outcomes(const struct setup *s, bool plugin, struct stock_outcome out[STOCK_ACTORS])
{
	struct broker_opts opts = { .plugin = plugin, .port_option = s->local_only };
	struct broker b;
	char *lines;
	bool ok;

	memset(out, 0, STOCK_ACTORS * sizeof *out);
	broker_init(&b);
	write_hubgate(&b, s->lan);
	lines = lines_of(&b, s);
	if (s->include_dir)
		lines = in_include_dir(&b, lines);
	opts.conf = lines;
	ok = make_files(&b, s) && broker_start(&b, &opts) && port_await(b.proc, b.port, NULL, AWAIT_MS);
	if (ok)
		stock_act(&b, out);
	ok = broker_stop(&b) && ok;
	broker_fini(&b);
	free(lines);
	return ok;
}

/* accepted: how many actors a stock broker lets in, so that no test compares nothing. */
static void same_as_stock(const struct setup *s, int accepted)
{
	struct stock_outcome stock[STOCK_ACTORS], ours[STOCK_ACTORS];

	CU_ASSERT_FATAL(outcomes(s, false, stock));
	CU_ASSERT_FATAL(outcomes(s, true, ours));
	CU_ASSERT(stock_same(stock, ours));
	CU_ASSERT_EQUAL(stock_let_in(stock), accepted);
}

/* --- the ways to configure it --- */

static const char acl[] = "topic readwrite home/#\n"
						  "topic read livingroom/#\n"
						  "user admin\n"
						  "topic readwrite #\n"
						  "topic readwrite $odd/#\n"
						  "user alice\n"
						  "topic write private/#\n"
						  "topic read home/#\n"
						  "topic readwrite $odd/#\n"
						  "topic read $SYS/#\n"
						  "pattern readwrite user/%u/#\n"
						  "pattern readwrite client/%c/#\n";

static void open_broker_lets_in_whom_it_let_in_and_any_user_name(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n" }, STOCK_ACTORS);
}

static void listener_without_settings_does_what_it_did(void)
{
	same_as_stock(&(struct setup){ .conf = "" }, 0);
}

static void closed_broker_without_passwords_does_what_it_did(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n" }, 0);
}

static void password_file_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n", .passwords = true },
	              STOCK_ALICES);
	same_as_stock(&(struct setup){ .conf = "", .passwords = true }, STOCK_ALICES);
}

static void password_file_with_anonymous_clients_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .passwords = true },
	              STOCK_ALICES + STOCK_ANONYMOUS);
}

static void acl_file_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .acl = acl }, STOCK_ACTORS);
}

static void acl_file_and_password_file_decide_as_before(void)
{
	same_as_stock(
		&(struct setup){ .conf = "allow_anonymous true\n", .passwords = true, .acl = acl },
		STOCK_ALICES + STOCK_ANONYMOUS);
	same_as_stock(
		&(struct setup){ .conf = "allow_anonymous false\n", .passwords = true, .acl = acl },
		STOCK_ALICES);
}

/* Only 2.1 has them. */
static void acl_file_and_password_file_as_plugins_decide_as_before(void)
{
	struct setup s = { .conf = "allow_anonymous true\n", .acl = acl, .as_plugins = true };

	if (!broker_is("2.1"))
		return;
	same_as_stock(&s, STOCK_ACTORS);
	s.passwords = true;
	same_as_stock(&s, STOCK_ALICES + STOCK_ANONYMOUS);
	s.conf = "allow_anonymous false\n";
	same_as_stock(&s, STOCK_ALICES);
	s.acl = NULL;
	same_as_stock(&s, STOCK_ALICES);
}

static void allow_anonymous_of_a_listener_counts_as_before(void)
{
	if (!broker_is("2.1"))
		return;
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n",
	                               .listener = "listener_allow_anonymous true\n" },
	              STOCK_ACTORS);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n",
	                               .listener = "listener_allow_anonymous false\n" },
	              0);
}

static void files_of_debians_conf_d_count_as_before(void)
{
	same_as_stock(
		&(struct setup){
			.conf = "allow_anonymous true\n", .passwords = true, .acl = acl, .include_dir = true },
		STOCK_ALICES + STOCK_ANONYMOUS);
}

static void port_and_bind_address_count_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "", .bind_address = true }, 0);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .bind_address = true },
	              STOCK_ACTORS);
}

static void broker_without_listener_stays_open_to_the_machine_itself(void)
{
	same_as_stock(&(struct setup){ .conf = "", .local_only = true }, STOCK_ACTORS);
	same_as_stock(&(struct setup){ .conf = "", .local_only = true, .passwords = true },
	              STOCK_ALICES + STOCK_ANONYMOUS);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .local_only = true },
	              STOCK_ACTORS);
}

static void dynamic_security_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n", .dynamic_security = true },
	              STOCK_ALICES);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .dynamic_security = true },
	              STOCK_ALICES + STOCK_ANONYMOUS);
}

static void dynamic_security_is_managed_as_before(void)
{
	struct setup s = { .conf = "allow_anonymous false\n", .dynamic_security = true };
	struct broker_opts opts = { .plugin = true };
	struct broker b;
	char *lines, *command;

	broker_init(&b);
	write_hubgate(&b, NULL);
	opts.conf = lines = lines_of(&b, &s);
	command = text_fmt("mosquitto_ctrl -h 127.0.0.1 -p %d -u admin -P right-pw dynsec getRole home "
	                   "| grep subscribePattern",
	                   b.port);
	CU_ASSERT(make_files(&b, &s) && broker_start(&b, &opts));
	CU_ASSERT(port_await(b.proc, b.port, NULL, AWAIT_MS));
	CU_ASSERT(run(command, &b));
	CU_ASSERT(broker_stop(&b));
	broker_fini(&b);
	free(lines);
	free(command);
}

/* --- what hubgate cannot know --- */

static void another_plugin_stops_the_start_until_lan_acl_says_what_to_do(void)
{
	static const char *const answers[] = { "{\"acl\":\"defer\"}", "{\"acl\":\"allow\"}" };
	struct setup s = { .conf = "", .dynamic_security = true };
	struct broker_opts opts = { .plugin = true };
	struct broker b;
	char *lines, *why;

	broker_init(&b);
	CU_ASSERT(make_files(&b, &s));
	CU_ASSERT(run("mv mosquitto_dynamic_security.so other.so", &b));
	opts.conf = lines = text_fmt("plugin %s/other.so\nplugin_opt_config_file %s/dynsec.json\n"
	                             "listener %d 127.0.0.1\n",
	                             b.dir, b.dir, b.port);
	why =
		text_fmt("not started: the plugin %s/other.so may decide about topics too; set lan.acl to "
	             "\"defer\" if it does, else to \"allow\"",
	             b.dir);
	write_hubgate(&b, NULL);
	CU_ASSERT(broker_start(&b, &opts) && broker_refused(&b) && broker_said(&b, why));
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		write_hubgate(&b, answers[i]);
		CU_ASSERT(broker_start(&b, &opts) && port_await(b.proc, b.port, NULL, AWAIT_MS));
		CU_ASSERT(broker_stop(&b));
	}
	broker_fini(&b);
	free(lines);
	free(why);
}

static void per_listener_settings_stop_the_start(void)
{
	struct broker_opts opts = { .plugin = true, .conf = "" };
	struct broker b;
	char *lines;

	broker_init(&b);
	write_hubgate(&b, NULL);
	opts.head = lines = text_fmt("per_listener_settings true\nlistener %d 127.0.0.1\n"
	                             "allow_anonymous true\n",
	                             b.port);
	CU_ASSERT(broker_start(&b, &opts) && broker_refused(&b));
	CU_ASSERT(broker_said(&b,
	                      "not started: per_listener_settings true binds a plugin to one listener "
	                      "and, on 2.0, silences its timer; set it to false and give options "
	                      "globally"));
	broker_fini(&b);
	free(lines);
}

SUITE(stock_broker, TEST(open_broker_lets_in_whom_it_let_in_and_any_user_name),
      TEST(listener_without_settings_does_what_it_did),
      TEST(closed_broker_without_passwords_does_what_it_did), TEST(password_file_decides_as_before),
      TEST(password_file_with_anonymous_clients_decides_as_before),
      TEST(acl_file_decides_as_before), TEST(acl_file_and_password_file_decide_as_before),
      TEST(acl_file_and_password_file_as_plugins_decide_as_before),
      TEST(allow_anonymous_of_a_listener_counts_as_before),
      TEST(files_of_debians_conf_d_count_as_before), TEST(port_and_bind_address_count_as_before),
      TEST(broker_without_listener_stays_open_to_the_machine_itself),

      TEST(dynamic_security_decides_as_before), TEST(dynamic_security_is_managed_as_before),
      TEST(another_plugin_stops_the_start_until_lan_acl_says_what_to_do),
      TEST(per_listener_settings_stop_the_start))
