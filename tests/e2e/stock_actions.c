#include "tests/e2e/stock_actions.h"

#include <CUnit/CUnit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define A50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG "long/" A50 A50 A50 A50 A50 A50 /* over the hub's 255 bytes */

enum {
	AWAIT_MS = 5000,
	RELOAD_MS = 1000
};

static const struct actor {
	const char *what;
	struct dev_opts opts;
	bool stays; /* until after a SIGHUP, and leaves a will */
} actors[STOCK_ACTORS] = {
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

static const char *const topics[STOCK_TOPICS] = {
	"home/kitchen", "private/x",          "user/alice/in", "client/c1/in",
	"$odd/tree",    "livingroom/lamp/on", "/leading",      LONG,
};

static const char *const filters[STOCK_FILTERS] = {
	"#",      "+/kitchen", "home/#",          "$SYS/#", "$SYS/broker/version",
	"$odd/#", "user/#",    "$share/g/home/#", "+/+/in", "$CONTROL/#",
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

static void use_topic(struct dev *actor, struct dev *admin, const char *topic, struct stock_use *u)
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

static void use_reload(struct broker *b, struct dev *actor, struct stock_outcome *out)
{
	proc_signal(b->proc, SIGHUP);
	CU_ASSERT(broker_log_await(b, "Reloading config."));
	out->survives_reload = dev_publish_acked(actor, "home/kitchen", "after", RELOAD_MS);
}

/* Takes actor. */
static void use_will(struct broker *b, struct dev *actor, struct dev *admin,
                     struct stock_outcome *out)
{
	dev_drop(actor);
	/* The broker sees the reset before it serves the next connection. */
	dev_disconnect(client_connect(b->port, &(struct dev_opts){ .client_id = "next" }));
	out->will = took(admin, "home/will");
}

static void act(struct broker *b, const struct actor *who, struct dev *admin,
                struct stock_outcome *out)
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
	for (int i = 0; i < STOCK_TOPICS; i++)
		use_topic(actor, admin, topics[i], &out->topics[i]);
	for (int i = 0; i < STOCK_FILTERS; i++)
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

void stock_act(struct broker *b, struct stock_outcome out[STOCK_ACTORS])
{
	struct dev *admin = admin_of(b);

	for (int i = 0; i < STOCK_ACTORS; i++)
		act(b, &actors[i], admin, &out[i]);
	dev_disconnect(admin);
}

static void say_use(const char *what, const struct stock_use *u)
{
	fprintf(stderr,
	        "    %s: granted %d, acked %d, got own %d, admin got %d, kept %d, got admin's %d\n",
	        what, u->granted, u->acked, u->got_own, u->admin_got, u->kept, u->got_admins);
}

static bool same(const struct actor *who, const struct stock_outcome *stock,
                 const struct stock_outcome *ours)
{
	bool equal = stock->code == ours->code && stock->will == ours->will &&
	             stock->survives_reload == ours->survives_reload;

	if (!equal)
		fprintf(stderr, "%s: code %d, will %d, survives %d; with hubgate %d, %d, %d\n", who->what,
		        stock->code, stock->will, stock->survives_reload, ours->code, ours->will,
		        ours->survives_reload);
	for (int i = 0; i < STOCK_TOPICS; i++) {
		const struct stock_use *a = &stock->topics[i], *b = &ours->topics[i];

		if (a->granted == b->granted && a->acked == b->acked && a->got_own == b->got_own &&
		    a->admin_got == b->admin_got && a->kept == b->kept && a->got_admins == b->got_admins)
			continue;
		equal = false;
		fprintf(stderr, "%s, %.40s:\n", who->what, topics[i]);
		say_use("stock", a);
		say_use("with hubgate", b);
	}
	for (int i = 0; i < STOCK_FILTERS; i++) {
		if (stock->filters[i] == ours->filters[i])
			continue;
		equal = false;
		fprintf(stderr, "%s, %s: %d; with hubgate %d\n", who->what, filters[i], stock->filters[i],
		        ours->filters[i]);
	}
	return equal;
}

bool stock_same(const struct stock_outcome stock[STOCK_ACTORS],
                const struct stock_outcome ours[STOCK_ACTORS])
{
	bool equal = true;

	for (int i = 0; i < STOCK_ACTORS; i++)
		equal &= same(&actors[i], &stock[i], &ours[i]);
	return equal;
}

int stock_let_in(const struct stock_outcome out[STOCK_ACTORS])
{
	int count = 0;

	for (int i = 0; i < STOCK_ACTORS; i++)
		count += out[i].code == 0;
	return count;
}
