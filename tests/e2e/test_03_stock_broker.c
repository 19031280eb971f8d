/* All other clients keep working as before the plugin was loaded: the same actions on a broker
 * without and with it, for the ways in which a Debian broker is configured. */
#include "tests/e2e/broker_start.h"
#include "tests/runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define A50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG "long/" A50 A50 A50 A50 A50 A50 /* over the hub's 255 bytes */

enum {
	AWAIT_MS = 5000,
	RELOAD_MS = 1000
};

/* --- what clients do --- */

static const struct actor {
	const char *what;
	struct dev_opts opts;
	bool stays; /* until after a SIGHUP, and leaves a will */
} actors[] = {
	{ .what = "anonymous", .opts = { .client_id = "c1" }, .stays = true },
	{ .what = "without client id", .opts = { .client_id = NULL } },
	{ .what = "alice",
	  .opts = { .client_id = "c1", .username = "alice", .password = "right-pw" },
	  .stays = true },
	{ .what = "alice, MQTT 3.1",
	  .opts = { .client_id = "c1", .username = "alice", .password = "right-pw", .mqtt31 = true } },
	{ .what = "alice, kept session",
	  .opts = { .client_id = "c1",
	            .username = "alice",
	            .password = "right-pw",
	            .persistent = true } },
	{ .what = "alice, wrong password",
	  .opts = { .client_id = "c1", .username = "alice", .password = "wrong" } },
	{ .what = "alice, no password", .opts = { .client_id = "c1", .username = "alice" } },
	{ .what = "unknown user",
	  .opts = { .client_id = "c1", .username = "bob", .password = "bob-pw" },
	  .stays = true },
	{ .what = "user name with semicolons",
	  .opts = { .client_id = "c1", .username = "a;b;c;d", .password = "ab;hmacsha1" } },
	{ .what = "client id like a device's", .opts = { .client_id = "ABCDE12345lamp" } },
};

static const char *const topics[] = {
	"home/kitchen", "private/x",          "user/alice/in", "client/c1/in",
	"$odd/tree",    "livingroom/lamp/on", "/leading",      LONG,
};

static const char *const filters[] = {
	"#",      "+/kitchen", "home/#",          "$SYS/#", "$SYS/broker/version",
	"$odd/#", "user/#",    "$share/g/home/#", "+/+/in", "$CONTROL/#",
};

enum {
	ACTORS = sizeof actors / sizeof actors[0],
	TOPICS = sizeof topics / sizeof topics[0],
	FILTERS = sizeof filters / sizeof filters[0],
};

struct use {
	int granted;
	bool acked, got_own, admin_got, kept, got_admins;
};

struct outcome {
	int code, filters[FILTERS], will;
	struct use topics[TOPICS];
	bool survives_reload;
};

/* What was published before this has arrived after it, or never will. */
static void settle(struct dev *d)
{
	dev_subscribe(d, "settle", 0);
}

static bool publish_retained(struct dev *d, const char *topic, const char *text)
{
	int64_t end = now_ms() + AWAIT_MS;
	int mid = dev_publish_mid(d, topic, text, strlen(text), 1, true);

	while (mid >= 0 && !dev_acked(d, mid) && now_ms() < end)
		dev_await_message(d, "nothing", 1);
	return mid >= 0 && dev_acked(d, mid);
}

static void admin_listens(struct dev *admin)
{
	dev_subscribe(admin, "#", 1);
	dev_subscribe(admin, "$odd/#", 1);
}

static int took(struct dev *d, const char *topic)
{
	int count = 0;

	settle(d);
	while (dev_await_message(d, topic, 0))
		count++;
	return count;
}

static void use_topic(struct dev *actor, struct dev *admin, const char *topic, struct use *u)
{
	u->granted = dev_subscribe(actor, topic, 1);
	u->acked = publish_retained(actor, topic, "actor's");
	u->got_own = took(actor, topic) > 0;
	u->admin_got = took(admin, topic) > 0;
	admin_listens(admin);
	u->kept = took(admin, topic) > 0;
	publish_retained(admin, topic, "");
	u->got_admins = took(actor, topic) > 0;
	took(admin, topic);
	dev_unsubscribe(actor, topic);
}

static void use_reload(struct broker *b, struct dev *actor, struct outcome *out)
{
	proc_signal(b->proc, SIGHUP);
	CU_ASSERT(broker_log_await(b, "Reloading config."));
	out->survives_reload = dev_publish_acked(actor, "home/kitchen", "after", RELOAD_MS);
}

/* Takes actor. */
static void use_will(struct broker *b, struct dev *actor, struct dev *admin, struct outcome *out)
{
	dev_drop(actor);
	/* The broker sees the reset before it serves the next connection. */
	dev_disconnect(client_connect(b->port, &(struct dev_opts){ .client_id = "next" }));
	out->will = took(admin, "home/will");
}

static void act(struct broker *b, const struct actor *who, struct dev *admin, struct outcome *out)
{
	struct dev_opts opts = who->opts;
	struct dev *actor;

	opts.will_topic = "home/will";
	opts.will_payload = "gone";
	actor = client_connect(b->port, &opts);
	out->code = actor ? dev_code(actor) : -1;
	if (out->code != 0 || !admin) {
		dev_disconnect(actor);
		return;
	}
	for (int i = 0; i < TOPICS; i++)
		use_topic(actor, admin, topics[i], &out->topics[i]);
	for (int i = 0; i < FILTERS; i++)
		out->filters[i] = dev_subscribe(actor, filters[i], 1);
	if (!who->stays) {
		dev_disconnect(actor);
		return;
	}
	use_reload(b, actor, out);
	use_will(b, actor, admin, out);
}

/* NULL where this broker lets no such user in. */
static struct dev *admin_of(const struct broker *b)
{
	struct dev_opts opts = { .client_id = "admin", .username = "admin", .password = "right-pw" };
	struct dev *d = client_connect(b->port, &opts);

	if (d && dev_code(d) == 0) {
		admin_listens(d);
		return d;
	}
	dev_disconnect(d);
	return NULL;
}

static void run_actors(struct broker *b, struct outcome out[ACTORS])
{
	struct dev *admin = admin_of(b);

	for (int i = 0; i < ACTORS; i++)
		act(b, &actors[i], admin, &out[i]);
	dev_disconnect(admin);
}

/* --- brokers --- */

struct setup {
	const char *conf;
	bool passwords;
	const char *acl;
	bool dynamic_security;
	bool local_only;   /* no listener line */
	bool bind_address; /* port and bind_address instead of a listener line */
	bool include_dir;  /* as Debian does, all of the above there */
	const char *lan;   /* of hubgate.json */
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

/* The lines of setup->conf and what the other members ask for. Caller frees. */
static char *lines_of(const struct broker *b, const struct setup *s)
{
	char *passwords = s->passwords ? text_fmt("password_file %s/passwords\n", b->dir) : strdup("");
	char *acl = s->acl ? text_fmt("acl_file %s/acl\n", b->dir) : strdup("");
	char *dynsec = s->dynamic_security ? text_fmt("plugin %s/mosquitto_dynamic_security.so\n"
	                                              "plugin_opt_config_file %s/dynsec.json\n",
	                                              b->dir, b->dir)
	                                   : strdup("");
	char *listener = s->local_only     ? strdup("")
	                 : s->bind_address ? text_fmt("port %d\nbind_address 127.0.0.1\n", b->port)
	                                   : text_fmt("listener %d 127.0.0.1\n", b->port);
	char *all = text_fmt("%s%s%s%s%s", s->conf, passwords, acl, dynsec, listener);

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

static bool outcomes(const struct setup *s, bool plugin, struct outcome out[ACTORS])
{
	struct broker_opts opts = { .plugin = plugin, .port_option = s->local_only };
	struct broker b;
	char *lines;
	bool ok;

	memset(out, 0, ACTORS * sizeof *out);
	broker_init(&b);
	write_hubgate(&b, s->lan);
	lines = lines_of(&b, s);
	if (s->include_dir)
		lines = in_include_dir(&b, lines);
	opts.conf = lines;
	ok = make_files(&b, s) && broker_start(&b, &opts) && port_await(b.proc, b.port, NULL, AWAIT_MS);
	if (ok)
		run_actors(&b, out);
	ok = broker_stop(&b) && ok;
	broker_fini(&b);
	free(lines);
	return ok;
}

static void say_use(const char *what, const struct use *u)
{
	fprintf(stderr,
	        "    %s: granted %d, acked %d, got own %d, admin got %d, kept %d, got admin's %d\n",
	        what, u->granted, u->acked, u->got_own, u->admin_got, u->kept, u->got_admins);
}

static bool same(const struct actor *who, const struct outcome *stock, const struct outcome *ours)
{
	bool equal = stock->code == ours->code && stock->will == ours->will &&
	             stock->survives_reload == ours->survives_reload;

	if (!equal)
		fprintf(stderr, "%s: code %d, will %d, survives %d; with hubgate %d, %d, %d\n", who->what,
		        stock->code, stock->will, stock->survives_reload, ours->code, ours->will,
		        ours->survives_reload);
	for (int i = 0; i < TOPICS; i++) {
		const struct use *a = &stock->topics[i], *b = &ours->topics[i];

		if (a->granted == b->granted && a->acked == b->acked && a->got_own == b->got_own &&
		    a->admin_got == b->admin_got && a->kept == b->kept && a->got_admins == b->got_admins)
			continue;
		equal = false;
		fprintf(stderr, "%s, %.40s:\n", who->what, topics[i]);
		say_use("stock", a);
		say_use("with hubgate", b);
	}
	for (int i = 0; i < FILTERS; i++) {
		if (stock->filters[i] == ours->filters[i])
			continue;
		equal = false;
		fprintf(stderr, "%s, %s: %d; with hubgate %d\n", who->what, filters[i], stock->filters[i],
		        ours->filters[i]);
	}
	return equal;
}

/* accepted: how many actors a stock broker lets in, so that no test compares nothing. */
static void same_as_stock(const struct setup *s, int accepted)
{
	struct outcome stock[ACTORS], ours[ACTORS];
	int let_in = 0;

	CU_ASSERT_FATAL(outcomes(s, false, stock));
	CU_ASSERT_FATAL(outcomes(s, true, ours));
	for (int i = 0; i < ACTORS; i++) {
		CU_ASSERT(same(&actors[i], &stock[i], &ours[i]));
		let_in += stock[i].code == 0;
	}
	if (let_in != accepted)
		fprintf(stderr, "a stock broker lets %d in\n", let_in);
	CU_ASSERT_EQUAL(let_in, accepted);
}

/* --- the ways to configure it --- */

enum {
	ANONYMOUS = 3, /* actors without credentials */
	USERS = 7,     /* those with a user name */
	ALICES = 3     /* those with alice's password */
};

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
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n" }, ACTORS);
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
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n", .passwords = true }, ALICES);
	same_as_stock(&(struct setup){ .conf = "", .passwords = true }, ALICES);
}

static void password_file_with_anonymous_clients_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .passwords = true },
	              ALICES + ANONYMOUS);
}

static void acl_file_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .acl = acl }, ACTORS);
}

static void acl_file_and_password_file_decide_as_before(void)
{
	same_as_stock(
		&(struct setup){ .conf = "allow_anonymous true\n", .passwords = true, .acl = acl },
		ALICES + ANONYMOUS);
	same_as_stock(
		&(struct setup){ .conf = "allow_anonymous false\n", .passwords = true, .acl = acl },
		ALICES);
}

static void files_of_debians_conf_d_count_as_before(void)
{
	same_as_stock(
		&(struct setup){
			.conf = "allow_anonymous true\n", .passwords = true, .acl = acl, .include_dir = true },
		ALICES + ANONYMOUS);
}

static void port_and_bind_address_count_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "", .bind_address = true }, 0);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .bind_address = true },
	              ACTORS);
}

static void broker_without_listener_stays_open_to_the_machine_itself(void)
{
	same_as_stock(&(struct setup){ .conf = "", .local_only = true }, ACTORS);
	same_as_stock(&(struct setup){ .conf = "", .local_only = true, .passwords = true },
	              ALICES + ANONYMOUS);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .local_only = true }, ACTORS);
}

static void dynamic_security_decides_as_before(void)
{
	same_as_stock(&(struct setup){ .conf = "allow_anonymous false\n", .dynamic_security = true },
	              ALICES);
	same_as_stock(&(struct setup){ .conf = "allow_anonymous true\n", .dynamic_security = true },
	              ALICES + ANONYMOUS);
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
      TEST(files_of_debians_conf_d_count_as_before), TEST(port_and_bind_address_count_as_before),
      TEST(broker_without_listener_stays_open_to_the_machine_itself),

      TEST(dynamic_security_decides_as_before), TEST(dynamic_security_is_managed_as_before),
      TEST(another_plugin_stops_the_start_until_lan_acl_says_what_to_do),
      TEST(per_listener_settings_stop_the_start))
