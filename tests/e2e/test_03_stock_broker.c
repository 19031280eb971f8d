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
} actors[] = {
	{ "anonymous", { .client_id = "c1" } },
	{ "without client id", { .client_id = NULL } },
	{ "alice", { .client_id = "c1", .username = "alice", .password = "alice-pw" } },
	{ "alice, MQTT 3.1",
	  { .client_id = "c1", .username = "alice", .password = "alice-pw", .mqtt31 = true } },
	{ "alice, kept session",
	  { .client_id = "c1", .username = "alice", .password = "alice-pw", .persistent = true } },
	{ "alice, wrong password", { .client_id = "c1", .username = "alice", .password = "wrong" } },
	{ "alice, no password", { .client_id = "c1", .username = "alice" } },
	{ "unknown user", { .client_id = "c1", .username = "bob", .password = "bob-pw" } },
	{ "user name with semicolons",
	  { .client_id = "c1", .username = "a;b;c;d", .password = "ab;hmacsha1" } },
	{ "client id like a device's", { .client_id = "ABCDE12345lamp" } },
};

static const char *const topics[] = {
	"home/kitchen", "private/x",          "user/alice/in", "client/c1/in",
	"$odd/tree",    "livingroom/lamp/on", "/leading",      LONG,
};

static const char *const filters[] = {
	"#",      "+/kitchen",         "home/#",    "$SYS/#", "$SYS/broker/version", "$odd/#",
	"user/#", "$share/g/home/#",   "+/+/in",    "$CONTROL/#",
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
	use_reload(b, actor, out);
	took(admin, "home/kitchen");
	dev_drop(actor);
	/* The broker sees the reset before it serves the next connection. */
	dev_disconnect(client_connect(b->port, &(struct dev_opts){ .client_id = "next" }));
	out->will = took(admin, "home/will");
}

/* NULL where this broker lets no such user in. */
static struct dev *admin_of(const struct broker *b)
{
	struct dev_opts opts = { .client_id = "admin", .username = "admin", .password = "admin-pw" };
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
	bool local_only; /* no listener line */
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
		cJSON_Parse("{\"rolename\":\"home\",\"acls\":[" DYNSEC_ACL("publishClientSend", "home/#") ","
	                DYNSEC_ACL("publishClientReceive", "home/#") ","
	                DYNSEC_ACL("subscribePattern", "home/#") "]}"));
	cJSON_AddItemToObject(root, "groups",
	                      cJSON_Parse("[{\"groupname\":\"guests\",\"roles\":["
	                                  "{\"rolename\":\"home\"}]}]"));
	cJSON_AddStringToObject(root, "anonymousGroup", "guests");
}

static bool make_dynsec(const struct broker *b)
{
	char *path = text_fmt("%s/dynsec.json", b->dir), *text;
	bool ok = run("mosquitto_ctrl dynsec init dynsec.json admin admin-pw", b);
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

#define DYNSEC_SO "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so"

/* Debian's plugin directory is that of the C library's triplet. Caller frees. */
static char *dynsec_so(void)
{
	return text_fmt("$(ls /usr/lib/*/mosquitto_dynamic_security.so)");
}

static char *setup_conf(const struct broker *b, const struct setup *s)
{
	(void)b;
	(void)s;
	return dynsec_so();
}
