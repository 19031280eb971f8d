/* Checks of the gateway's session at the hub. While a broker has it, the broker is asked; else the
 * hub, by one login. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check_net.h"
#include "cli/control_call.h"
#include "cli/hub_talk.h"
#include "cli/store_owner.h"
#include "cli/way_in.h"
#include "core/base/clocks.h"
#include "core/json/json.h"

enum {
	NAMES_MAX = 300,
	ASK_AGAIN_MS = 500 /* while the broker is at its first login */
};

/* --- what the broker says --- */

static const char *text_of(const struct check_net *n, const char *name)
{
	const char *text = json_text(n->hub, name);

	return text ? text : "";
}

static int64_t number_of(const cJSON *object, const char *name)
{
	const cJSON *item = json_member(object, name);
	int64_t value = 0;

	if (cJSON_IsNumber(item))
		return (int64_t)item->valuedouble;
	return json_int(item, false, &value) ? value : 0;
}

/* "a, b, c"; what does not fit is counted. */
static void names_in(const cJSON *array, char out[NAMES_MAX])
{
	const cJSON *item;
	size_t used = 0, left = 0;

	out[0] = '\0';
	cJSON_ArrayForEach(item, array)
	{
		const char *name = cJSON_GetStringValue(item);

		if (!name || used + strlen(name) + 24 > NAMES_MAX)
			left++;
		else
			used += (size_t)snprintf(out + used, NAMES_MAX - used, "%s%s", used ? ", " : "", name);
	}
	if (left > 0)
		snprintf(out + used, NAMES_MAX - used, " and %zu more", left);
}

static bool asked(const struct check_facts *f, struct finding *out)
{
	if (f->net->hub)
		return true;
	check_says(out, VERDICT_SKIP, "", "%s",
	           f->net->broker ? "the broker was not asked" : "no broker runs with this store.dir");
	return false;
}

/* --- the login --- */

static void say_code(uint8_t code, struct finding *out)
{
	check_says(out, VERDICT_FAIL,
	           "compare gateway.product_id, device_name and secret with the console, and see that "
	           "the device is enabled there; a clock that is wrong looks the same to the hub "
	           "(timedatectl)",
	           "the hub refused the login of the gateway (CONNACK %u)", (unsigned)code);
}

static void say_end(const struct hub_talk *t, enum hub_talk_end end, struct finding *out)
{
	if (end == HUB_TALK_REFUSED)
		say_code(hub_talk_code(t), out);
	else if (end == HUB_TALK_TURN)
		check_says(out, VERDICT_SKIP, "run it as root, a few seconds later",
		           "the hub was not logged in at: %s", hub_talk_why(t));
	else if (end != HUB_TALK_UP)
		check_says(out, VERDICT_FAIL,
		           "see that hub.port is the hub's MQTT port; if it is, try again: the hub may be "
		           "at fault",
		           "no login at the hub: %s", t ? hub_talk_why(t) : "no memory");
}

static void try_login(const struct check_facts *f, struct finding *out)
{
	const struct config_gateway *g = &f->config.gateway;
	const struct hub_talk_conf conf = {
		.config = &f->config,
		.product_id = g->product_id,
		.device_name = g->device_name,
		.secret = g->secret.key_len > 0 ? &g->secret : NULL,
		.keepalive_s = (uint16_t)f->config.hub.keepalive,
	};
	struct hub_talk *t = NULL;

	say_end(t, hub_talk_open(&conf, check_net_until(f->net, CHECK_NET_LOGIN_MS), &t), out);
	hub_talk_close(t);
}

/* --- the broker's session --- */

/* False: why says it. */
static bool ask_once(const struct check_facts *f, char why[WAY_IN_WHY_MAX])
{
	const struct control_link link = { .config = f->config_path,
		                               .timeout_s = CHECK_NET_BROKER_MS / 1000 };
	struct control_call *call = NULL;

	cJSON_Delete(f->net->hub);
	f->net->hub = NULL;
	if (control_call_open(f->command, &link, why, &call) == CLI_OK)
		control_call_ask(call, "getHub", NULL, &f->net->hub);
	control_call_close(call);
	return f->net->hub != NULL;
}

static bool is_ready(const struct check_net *n)
{
	return strcmp(text_of(n, "state"), "ready") == 0;
}

/* A broker that has just begun gets the time for its first login. */
static bool ask_until_it_knows(const struct check_facts *f, char why[WAY_IN_WHY_MAX])
{
	int64_t until = check_net_until(f->net, CHECK_NET_FIRST_MS);

	while (ask_once(f, why)) {
		if (is_ready(f->net) || text_of(f->net, "reason")[0] || clocks_monotonic_ms() >= until)
			return true;
		poll(NULL, 0, ASK_AGAIN_MS);
	}
	return false;
}

/* What the hub refused of each device. Without it the rest can still be told. */
static void ask_for_devices(const struct check_facts *f)
{
	const struct control_link link = { .config = f->config_path,
		                               .timeout_s = CHECK_NET_BROKER_MS / 1000 };
	char why[WAY_IN_WHY_MAX] = "";
	struct control_call *call = NULL;

	if (control_call_open(f->command, &link, why, &call) == CLI_OK)
		control_call_pages(call, "listDevices", NULL, "devices", &f->net->devices);
	control_call_close(call);
}

static void say_session(const struct check_net *n, struct finding *out)
{
	const char *reason = text_of(n, "reason"), *fix = text_of(n, "fix");

	if (!is_ready(n))
		check_says(out, VERDICT_FAIL, "",
		           "the gateway is not logged in at the hub (%s for %lld s): %s",
		           text_of(n, "state"), (long long)number_of(n->hub, "since_s"),
		           reason[0] ? reason : "no attempt has ended yet");
	if (!is_ready(n))
		check_fix(out, "%s", fix[0] ? fix : "see the checks before this one, and run it again");
}

/* The package was updated, and the broker not restarted. */
static bool is_older(const char *why)
{
	return strstr(why, "unknown command") != NULL;
}

static void ask_broker(const struct check_facts *f, const char *owner, struct finding *out)
{
	char why[WAY_IN_WHY_MAX] = "";
	bool may = geteuid() == 0 || geteuid() == f->uid; /* read the token */

	if (ask_until_it_knows(f, why)) {
		say_session(f->net, out);
		ask_for_devices(f);
	} else if (is_older(why)) {
		check_says(out, VERDICT_SKIP, "restart the broker",
		           "hubgate in the running broker is older than this command, and cannot say it");
	} else {
		check_says(out, may ? VERDICT_WARN : VERDICT_SKIP,
		           may ? "read the broker's log; restart the broker if it does not answer"
		               : "run it as root",
		           "store.dir is in use by %s, which cannot be asked: %s", owner, why);
	}
}

static void hub_lets_the_gateway_in(const struct check_facts *f, struct finding *out)
{
	char owner[STORE_OWNER_MAX];
	enum status st;

	if (!f->have_config) {
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
		return;
	}
	st = store_owner_find(f->config.store.dir, owner);
	f->net->broker = st == ST_EXISTS;
	if (st == ST_EXISTS)
		ask_broker(f, owner, out);
	else if (st != ST_OK)
		check_says(out, VERDICT_SKIP, "run it as root",
		           "whether a broker runs cannot be told, so the hub was not logged in at: %s",
		           owner);
	else if (f->net->tls != STEP_DONE)
		check_says(out, VERDICT_SKIP, "", "the hub is not reached");
	else
		try_login(f, out);
}

/* --- what the broker knows beside it --- */

static void broker_is_woken(const struct check_facts *f, struct finding *out)
{
	const char *state;

	if (!asked(f, out))
		return;
	state = text_of(f->net, "doorbell");
	if (strcmp(state, "connected") != 0 && strcmp(state, "off") != 0)
		check_says(out, VERDICT_WARN,
		           "give the broker a listener that it can use, best a unix socket (listener 0 "
		           "/run/mosquitto.sock), or name one in lan.waker",
		           "the doorbell is not connected (%s): commands and answers wait up to 100 ms for "
		           "the broker's tick",
		           state);
}

/* The hub's refusal of one device, with its fix. */
static void say_refused(const struct check_facts *f, struct finding *out)
{
	const cJSON *device;
	size_t refused = 0;

	cJSON_ArrayForEach(device, json_member(f->net->devices, "devices"))
	{
		const cJSON *r = json_member(device, "refusal");
		const char *pid = json_text(device, "product_id"), *name = json_text(device, "device_name"),
				   *op = json_text(r, "op"), *text = json_text(r, "text"),
				   *fix = json_text(r, "fix");

		if (!cJSON_IsObject(r) || !pid || !name || ++refused > 1)
			continue;
		check_says(out, VERDICT_WARN, fix ? fix : "", "the hub refuses %s of %s/%s with %lld: %s",
		           op ? op : "a request", pid, name, (long long)number_of(r, "code"),
		           text ? text : "");
	}
	if (refused > 1) {
		size_t used = strlen(out->cause);

		snprintf(out->cause + used, sizeof out->cause - used,
		         "; and requests of %zu other devices (hubgate devices)", refused - 1);
	}
}

static void say_unbound(const cJSON *b, struct finding *out)
{
	char names[NAMES_MAX];

	names_in(json_member(b, "unbound_names"), names);
	check_says(out, VERDICT_WARN,
	           "bind them to this gateway in the console, or give devices[] their secret with "
	           "gateway.bind true; names that are none of yours keep out by the rule of mappings[]",
	           "the hub knows %lld devices as not bound to this gateway: %s",
	           (long long)number_of(b, "unbound"), names);
}

static void devices_are_bound(const struct check_facts *f, struct finding *out)
{
	const cJSON *b;

	if (!asked(f, out))
		return;
	b = json_member(f->net->hub, "bindings");
	if (number_of(b, "unbound") > 0)
		say_unbound(b, out);
	else
		say_refused(f, out);
}

static void topics_are_declared(const struct check_facts *f, struct finding *out)
{
	const cJSON *list;
	char names[NAMES_MAX];

	if (!asked(f, out))
		return;
	list = json_member(f->net->hub, "suspect_topics");
	if (cJSON_GetArraySize(list) == 0)
		return;
	names_in(list, names);
	check_says(out, VERDICT_WARN,
	           "declare them in the console with permission to publish, perhaps also for the "
	           "gateway's product; what waits goes out then",
	           "the hub acknowledges nothing on these topics: %s", names);
}

static void say_rate(const struct config *c, const struct region_limits *lim, struct finding *out)
{
	check_says(out, VERDICT_WARN, "",
	           "hub.rate_up is %u%s, but the limit of the %s hub is %u per second: "
	           "it drops what is over",
	           (unsigned)c->hub.rate_up, c->hub.rate_up == 0 ? " (no bound)" : "", lim->name,
	           (unsigned)lim->rate_max);
	check_fix(out, "take hub.rate_up out: then it is %u", (unsigned)lim->rate_up);
}

static void limits_are_kept(const struct check_facts *f, struct finding *out)
{
	const struct config *c = &f->config;
	const struct region_limits *lim;
	const cJSON *told;
	int64_t has, may;

	if (!f->have_config) {
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
		return;
	}
	lim = region_limits(c->hub.region);
	told = json_member(f->net->hub, "limits");
	has = number_of(told, "subscriptions");
	may = number_of(told, "max_subscriptions");
	if (may == 0 && lim)
		may = lim->subscriptions;
	if (region_host_is_vendors(c->hub.host) && lim &&
	    (c->hub.rate_up == 0 || c->hub.rate_up > lim->rate_max))
		say_rate(c, lim, out);
	else if (may > 0 && has > may)
		check_says(
			out, VERDICT_WARN,
			"set hub.max_subscriptions to that number: one filter then stands for all custom "
			"topics of a device (hubgate probe --limits tells whether it must be)",
			"%lld subscriptions at the hub, over the %lld that it may take of one gateway",
			(long long)has, (long long)may);
}

static const struct check checks[] = {
	{ "login", hub_lets_the_gateway_in }, { "doorbell", broker_is_woken },
	{ "bindings", devices_are_bound },    { "topics", topics_are_declared },
	{ "limits", limits_are_kept },
};

const struct check_table check_hub = { checks, sizeof checks / sizeof checks[0] };
