/* Commands that act and explain, on the real broker: the hub is asked, shadows are set, traces run,
 * and what `route` says is what then happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/control_client.h"
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#define EVENT PRODUCT "/dev1/event"
#define DEV1  "\"product_id\":\"" PRODUCT "\",\"device_name\":\"dev1\""
#define GHOST "\"product_id\":\"" PRODUCT "\",\"device_name\":\"ghost\""

enum {
	ASKS_MAX = 1000,
};

/* --- the hub is asked --- */

static const struct act {
	const char *command, *op;
} acts[] = {
	{ "offlineDevice", "offline" },
	{ "onlineDevice", "online" },
	{ "unbindDevice", "unbind" },
	{ "bindDevice", "bind" },
};

enum {
	ACTS = sizeof(acts) / sizeof(acts[0])
};

static bool error_has(struct dev *d, const char *command, const char *members, const char *part)
{
	const char *error = control_error(d, command, members);
	bool has = strstr(error, part) != NULL;

	if (!has)
		fprintf(stderr, "%s: expected \"%s\", was told \"%s\"\n", command, part, error);
	return has;
}

static void each_act_is_done_at_the_hub_and_then_answered(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);
	struct dev *device = scene_online_device(&s, "dev1", NULL);

	for (int i = 0; i < ACTS; i++) {
		cJSON *a;

		sim_skip_events(s.sim);
		a = control_ask(d, acts[i].command, DEV1);
		CU_ASSERT_EQUAL(control_number(a, "code"), 0);
		CU_ASSERT_PTR_NOT_NULL(scene_await(&s, acts[i].op, "dev1"));
		cJSON_Delete(a);
	}
	CU_ASSERT(lan_log_has(s.lan, "did unbindDevice"));
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(device);
	dev_disconnect(d);
	scene_end(&s);
}

static void refusal_of_the_hub_is_told_with_code_and_fix(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);

	for (int i = 0; i < ACTS; i++) {
		char *fault =
			text_fmt("{\"cmd\":\"gateway_result\",\"op\":\"%s\",\"result\":808}", acts[i].op);
		char *part = text_fmt(
			"the hub refused %s with 808: not permitted: add the device's product", acts[i].op);

		CU_ASSERT(sim_do(s.sim, fault));
		CU_ASSERT(error_has(d, acts[i].command, DEV1, part));
		free(fault);
		free(part);
	}
	dev_disconnect(d);
	scene_end(&s);
}

static void silence_of_the_hub_is_told(void)
{
	const struct scene_opts o = { .hub = ",\"request_timeout_s\":1" };
	struct scene s = scene_start(&o);
	struct dev *d = control_connect(s.lan);

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"gateway_silent\",\"count\":-1}"));
	CU_ASSERT(error_has(d, "onlineDevice", DEV1, "the hub did not answer online within"));
	CU_ASSERT(error_has(d, "unbindDevice", DEV1, "the hub did not answer unbind within"));
	dev_disconnect(d);
	scene_end(&s);
}

static bool hub_is_away(struct dev *d)
{
	bool away = false;

	for (int n = 0; !away && n < ASKS_MAX; n++) {
		cJSON *a = control_ask(d, "status", NULL);

		away = strcmp(control_text(a, "hub.state"), "ready") != 0;
		cJSON_Delete(a);
	}
	return away;
}

static void hub_that_is_away_is_not_asked(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);

	sim_kill(s.sim);
	CU_ASSERT(hub_is_away(d));
	for (int i = 0; i < ACTS; i++)
		CU_ASSERT(error_has(d, acts[i].command, DEV1, "the hub is away, so it was not asked"));
	dev_disconnect(d);
	scene_end(&s);
}

static void device_that_nobody_knows_is_not_asked_for(void)
{
	static const char *const commands[] = { "onlineDevice", "offlineDevice", "bindDevice",
		                                    "getShadow",    "setShadow",     "trace" };
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		CU_ASSERT(error_has(d, commands[i], GHOST, "/ghost is no device that this gateway knows"));
	CU_ASSERT(error_has(d, "unbindDevice", GHOST,
	                    "the hub refused unbind with 802: illegal device name"));
	dev_disconnect(d);
	scene_end(&s);
}

/* --- shadows --- */

static void shadow_that_is_set_reaches_the_device_and_is_read(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);
	struct dev *device = scene_online_device(&s, "dev1", NULL);
	const struct dev_message *m;
	cJSON *a;

	CU_ASSERT_EQUAL(dev_subscribe(device, "$shadow/operation/result/" PRODUCT "/dev1", 1), 1);
	a = control_ask(d, "setShadow", DEV1 ",\"desired\":{\"level\":7}");
	CU_ASSERT(control_number(a, "version") >= 0);
	cJSON_Delete(a);
	m = dev_await_message(device, "$shadow/operation/result/" PRODUCT "/dev1", WAIT_MS);
	CU_ASSERT(m && strstr(m->payload, "\"delta\"") && strstr(m->payload, "\"level\":7"));
	a = control_ask(d, "getShadow", DEV1);
	CU_ASSERT_EQUAL(control_number(a, "document.state.desired.level"), 7);
	cJSON_Delete(a);
	CU_ASSERT(error_has(d, "setShadow", DEV1, "desired is missing"));
	CU_ASSERT(
		error_has(d, "setShadow", DEV1 ",\"desired\":{\"a\":[null]}", "refused it with 5002"));
	dev_disconnect(device);
	dev_disconnect(d);
	scene_end(&s);
}

/* --- traces --- */

struct step {
	char name[32], topic[128];
	double at_us, seq;
};

/* The next event of a trace. False: none came. */
static bool next_step(struct dev *d, struct step *out)
{
	const struct dev_message *m = dev_await_message(d, CONTROL_RESPONSE, WAIT_MS);
	cJSON *root = m ? cJSON_Parse(m->payload) : NULL;
	const cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "responses"), 0);
	const cJSON *e = cJSON_GetObjectItem(cJSON_GetObjectItem(one, "data"), "event");
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(e, "step"));
	const char *topic = cJSON_GetStringValue(cJSON_GetObjectItem(e, "topic"));

	*out = (struct step){ .at_us = scene_number(e, "at_us"), .seq = scene_number(e, "seq") };
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
	snprintf(out->topic, sizeof(out->topic), "%s", topic ? topic : "");
	cJSON_Delete(root);
	return name != NULL;
}

/* The next events are these of one message on topic, at rising times; `cut` and what follows from
 * it are passed over. Its sequence is in them from the second on. */
static bool steps_are(struct dev *d, const char *topic, const char *const names[])
{
	double at_us = -1, seq = -1;

	for (int i = 0; names[i]; i++) {
		struct step t;

		if (!next_step(d, &t) || strcmp(t.name, names[i]) != 0 || strcmp(t.topic, topic) != 0 ||
		    t.at_us < at_us || (i > 1 && t.seq != seq)) {
			fprintf(stderr, "expected %s of %s, was told %s of %s at %.0f, seq %.0f\n", names[i],
			        topic, t.name, t.topic, t.at_us, t.seq);
			return false;
		}
		at_us = t.at_us;
		seq = t.seq;
	}
	return true;
}

/* A second client of the command. */
static struct dev *another(struct lan *l)
{
	char *token = control_token(l);
	struct dev_opts o = { .client_id = "hubgate-2-test",
		                  .username = "$hubgate-control",
		                  .password = token };
	struct dev *d = client_connect(lan_port(l), &o);

	free(token);
	CU_ASSERT_FATAL(d && dev_code(d) == 0);
	CU_ASSERT_EQUAL(dev_subscribe(d, CONTROL_RESPONSE, 1), 1);
	return d;
}

static void trace_tells_every_step_of_a_message_also_across_an_outage(void)
{
	static const char *const up[] = { "lan_publish", "stored", "sent", "acknowledged", NULL };
	static const char *const before[] = { "lan_publish", "stored", NULL };
	static const char *const after[] = { "sent", "acknowledged", NULL };
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan), *other = another(s.lan);
	struct dev *device = scene_online_device(&s, "dev1", NULL);
	cJSON *a = control_ask(d, "trace", DEV1 ",\"seconds\":60");

	CU_ASSERT(a && cJSON_GetObjectItem(a, "data") && !cJSON_GetObjectItem(a, "error"));
	cJSON_Delete(a);
	CU_ASSERT(error_has(other, "trace", DEV1, "a trace of this device runs already"));
	CU_ASSERT(dev_publish_acked(device, EVENT, "{\"seq\":1}", WAIT_MS));
	CU_ASSERT(steps_are(d, EVENT, up));
	sim_kill(s.sim);
	CU_ASSERT(hub_is_away(other));
	CU_ASSERT(dev_publish_acked(device, EVENT, "{\"seq\":2}", WAIT_MS));
	CU_ASSERT(steps_are(d, EVENT, before));
	CU_ASSERT(sim_restart(s.sim));
	CU_ASSERT(steps_are(d, EVENT, after));
	CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, EVENT, WAIT_MS));
	dev_disconnect(d); /* with its asker the trace ends, and another may begin */
	CU_ASSERT_STRING_EQUAL(control_error(other, "trace", DEV1), "");
	dev_disconnect(other);
	dev_disconnect(device);
	scene_end(&s);
}

static void trace_tells_of_commands_and_refusals(void)
{
	static const char *const down[] = { "command", "delivered", NULL };
	static const char *const no[] = { "refused", NULL };
	struct scene s = scene_start(NULL);
	struct dev *d = control_connect(s.lan);
	struct dev *device = scene_online_device(&s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(device, PRODUCT "/dev1/control", 1), 1);
	CU_ASSERT(scene_await_filter(&s, PRODUCT "/dev1/control"));
	CU_ASSERT_STRING_EQUAL(control_error(d, "trace", DEV1), "");
	CU_ASSERT(sim_publish(s.sim, PRODUCT "/dev1/control", "go", 1));
	CU_ASSERT(steps_are(d, PRODUCT "/dev1/control", down));
	CU_ASSERT(dev_publish(device, PRODUCT "/dev2/event", "1", 1));
	CU_ASSERT(steps_are(d, PRODUCT "/dev2/event", no));
	dev_disconnect(device);
	dev_disconnect(d);
	scene_end(&s);
}

/* --- route says what then happens --- */

#define ROUTED                                                                                     \
	",\"routes\":[{\"topic\":\"" PRODUCT "/+/noise\",\"policy\":\"drop\"},{\"topic\":\"" PRODUCT   \
	"/+/slow\",\"policy\":\"all\",\"min_interval_ms\":600000},{\"topic\":\"" PRODUCT               \
	"/+/state\",\"policy\":\"latest\"}],\"mappings\":[{\"product_id\":\"" PRODUCT                  \
	"\",\"device\":\"m1\",\"up\":\"plain/m1/{kind}\",\"to\":\"{kind}\"}],\"apps\":[{\"username\":" \
	"\"app\",\"topic\":\"" PRODUCT "/#\",\"access\":\"readwrite\"},{\"username\":\"app\","         \
	"\"topic\":\"$hubgate/shadow/#\",\"access\":\"readwrite\"}]"

enum who {
	DEVICE,
	PLAIN,
	APP,
	WHOS
};

static const struct message {
	enum who who;
	const char *topic, *payload;
	int qos;
	const char *result; /* what route has to say; NULL: whatever it says has to come true */
	const char *at_hub; /* where it arrives there, if another topic */
	const char *answer; /* where an answer comes */
} messages[] = {
	{ DEVICE, EVENT, "1", 1, "forwarded", NULL, NULL },
	{ DEVICE, EVENT, "2", 0, "forwarded", NULL, NULL },
	{ DEVICE, PRODUCT "/dev1/noise", "3", 1, "dropped", NULL, NULL },
	{ DEVICE, PRODUCT "/dev1/slow", "4", 1, "forwarded", NULL, NULL },
	{ DEVICE, PRODUCT "/dev1/slow", "5", 1, "dropped", NULL, NULL },
	{ DEVICE, PRODUCT "/dev1/state", "6", 1, "forwarded", NULL, NULL },
	{ DEVICE, PRODUCT "/dev2/event", "7", 1, "refused", NULL, NULL },
	{ DEVICE, "living/room", "8", 1, "refused", NULL, NULL },
	{ DEVICE, "$shadow/operation/" PRODUCT "/dev1", "{\"type\":\"get\"}", 1, "answered here", NULL,
	  "$shadow/operation/result/" PRODUCT "/dev1" },
	{ DEVICE, "$sys/operation/" PRODUCT "/dev1", "{\"type\":\"get\",\"resource\":[\"time\"]}", 0,
	  NULL, NULL, "$sys/operation/result/" PRODUCT "/dev1" },
	{ DEVICE, "$rrpc/txd/" PRODUCT "/dev1/77", "9", 1, "dropped", NULL, NULL },
	{ DEVICE, "$shadow/operation/result/" PRODUCT "/dev1", "10", 1, "refused", NULL, NULL },
	{ DEVICE, "$ota/report/" PRODUCT "/dev1", "11", 1, "refused", NULL, NULL },
	{ DEVICE, "$ota/report/" PRODUCT "/dev1",
	  "{\"type\":\"report_version\",\"report\":{\"version\":\"1.2\"}}", 1, "forwarded", NULL,
	  NULL },
	{ PLAIN, "plain/m1/event", "12", 1, "forwarded", PRODUCT "/m1/event", NULL },
	{ PLAIN, "plain/m1/event", "13", 1, "forwarded", PRODUCT "/m1/event", NULL },
	{ PLAIN, "plain/other", "14", 1, "kept on the LAN", NULL, NULL },
	{ PLAIN, EVENT, "15", 1, "refused", NULL, NULL },
	{ APP, PRODUCT "/dev1/control", "16", 1, "kept on the LAN", NULL, NULL },
	{ APP, "$hubgate/shadow/operation/" PRODUCT "/dev1", "{\"type\":\"get\"}", 1, "answered here",
	  NULL, "$hubgate/shadow/operation/result/" PRODUCT "/dev1" },
};

struct routed {
	struct scene s;
	struct dev *control, *clients[WHOS];
	char said[32];
};

static int at_hub(struct routed *r, const struct message *m)
{
	return sim_count_events(r->s.sim, "ev", "publish", "topic", m->at_hub ? m->at_hub : m->topic,
	                        "payload", m->payload, NULL);
}

static int on_lan(struct routed *r, const struct message *m)
{
	return dev_count_messages(r->clients[APP], m->topic);
}

static void ask_route(struct routed *r, const struct message *m)
{
	static const char *const names[WHOS] = { PRODUCT "/dev1", "plain-1", "app" };
	cJSON *members = cJSON_CreateObject(), *a;
	char *text;

	cJSON_AddStringToObject(members, "topic", m->topic);
	cJSON_AddStringToObject(members, "payload", m->payload);
	cJSON_AddStringToObject(members, "client", names[m->who]);
	cJSON_AddNumberToObject(members, "qos", m->qos);
	text = cJSON_PrintUnformatted(members);
	text[strlen(text) - 1] = '\0'; /* the members alone */
	a = control_ask(r->control, "route", text + 1);
	snprintf(r->said, sizeof(r->said), "%s", control_text(a, "result"));
	if (m->result && strcmp(r->said, m->result) != 0) {
		char *whole = cJSON_Print(a);

		fprintf(stderr, "%s: %s\n", m->topic, whole);
		free(whole);
	}
	cJSON_free(text);
	cJSON_Delete(members);
	cJSON_Delete(a);
}

/* Everything that the same client sent before has arrived, wherever it goes. */
static void flush(struct routed *r, enum who who)
{
	static int serial;
	const char *up = PRODUCT "/dev1/data", *topic = who == DEVICE ? up : "plain/m1/data";
	char *mark = text_fmt("mark-%d", ++serial);
	struct dev *d = r->clients[who == DEVICE ? DEVICE : PLAIN];
	bool heard = false;

	CU_ASSERT(dev_publish_acked(d, topic, mark, WAIT_MS));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(r->s.sim, WAIT_MS, "ev", "publish", "payload", mark, NULL));
	while (!heard) {
		const struct dev_message *m = dev_await_message(r->clients[APP], topic, WAIT_MS);

		if (!m)
			break;
		heard = strcmp(m->payload, mark) == 0;
	}
	CU_ASSERT(heard);
	free(mark);
}

static bool came_true(struct routed *r, const struct message *m, int hub, int lan)
{
	/* What the hub answers may wait for the filter of its answer, and others overtake it. */
	if (strcmp(r->said, "forwarded") == 0)
		return m->answer
		           ? dev_await_message(r->clients[m->who], m->answer, WAIT_MS) && at_hub(r, m) > 0
		           : hub == 1;
	if (strcmp(r->said, "answered here") == 0)
		return m->answer && dev_await_message(r->clients[m->who], m->answer, WAIT_MS) != NULL;
	if (strcmp(r->said, "kept on the LAN") == 0)
		return hub == 0 && lan == 1;
	if (strcmp(r->said, "refused") == 0)
		return hub == 0 && (lan == 0 || m->topic[0] == '$');
	return strcmp(r->said, "dropped") == 0 && hub == 0;
}

static void one_message(struct routed *r, const struct message *m)
{
	int hub = at_hub(r, m), lan = on_lan(r, m);

	ask_route(r, m);
	CU_ASSERT(!m->result || strcmp(r->said, m->result) == 0);
	CU_ASSERT(dev_publish(r->clients[m->who], m->topic, m->payload, m->qos));
	flush(r, m->who);
	hub = at_hub(r, m) - hub;
	lan = on_lan(r, m) - lan;
	if (!came_true(r, m, hub, lan)) {
		CU_FAIL("what route said did not come true");
		fprintf(stderr, "%s %s: route said %s, %d came to the hub, %d on the LAN\n", m->topic,
		        m->payload, r->said, hub, lan);
	}
}

static void what_route_says_of_a_message_comes_true(void)
{
	static const char *const names[] = { "m1", NULL };
	static const char *const declared[] = { "noise", "slow", "state" };
	const struct scene_opts o = { .more = ROUTED, .names = names, .user = "app" };
	const struct dev_opts plain = { .client_id = "plain-1" };
	const struct dev_opts app = { .client_id = "app-1", .username = "app", .password = "right" };
	struct routed r = { .s = scene_start(&o) };

	r.control = control_connect(r.s.lan);
	r.clients[DEVICE] = scene_online_device(&r.s, "dev1", NULL);
	r.clients[PLAIN] = client_connect(lan_port(r.s.lan), &plain);
	r.clients[APP] = client_connect(lan_port(r.s.lan), &app);
	CU_ASSERT_FATAL(r.clients[PLAIN] && r.clients[APP] && dev_code(r.clients[APP]) == 0);
	for (size_t i = 0; i < sizeof(declared) / sizeof(declared[0]); i++) {
		char *text = text_fmt("{\"cmd\":\"declare\",\"name\":\"%s\"}", declared[i]);

		CU_ASSERT(sim_do(r.s.sim, text));
		free(text);
	}
	CU_ASSERT_EQUAL(dev_subscribe(r.clients[APP], PRODUCT "/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(r.clients[APP], "plain/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(r.clients[APP], "living/#", 1), 1);
	CU_ASSERT_EQUAL(dev_subscribe(r.clients[APP], "$hubgate/shadow/operation/result/#", 1), 1);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].answer && messages[i].who == DEVICE)
			CU_ASSERT_EQUAL(dev_subscribe(r.clients[DEVICE], messages[i].answer, 1), 1);
	}
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		one_message(&r, &messages[i]);
	for (int i = 0; i < WHOS; i++)
		dev_disconnect(r.clients[i]);
	dev_disconnect(r.control);
	scene_end(&r.s);
}

static void route_says_what_a_message_without_the_hub_and_one_too_large_come_to(void)
{
	const struct scene_opts o = { .store = "\"queue_qos0\":false" };
	struct scene s = scene_start(&o);
	struct dev *d = control_connect(s.lan);
	char *large = malloc(17000), *members;
	cJSON *a;

	memset(large, 'x', 16385);
	large[16385] = '\0';
	members = text_fmt("\"topic\":\"" EVENT "\",\"payload\":\"%s\"", large);
	a = control_ask(d, "route", members);
	CU_ASSERT_STRING_EQUAL(control_text(a, "result"), "refused");
	CU_ASSERT_PTR_NOT_NULL(strstr(control_text(a, "steps.1.says"), "payload over 16384 bytes"));
	cJSON_Delete(a);
	free(members);
	free(large);
	sim_kill(s.sim);
	CU_ASSERT(hub_is_away(d));
	a = control_ask(d, "route", "\"topic\":\"" EVENT "\",\"qos\":0");
	CU_ASSERT_STRING_EQUAL(control_text(a, "result"), "dropped");
	cJSON_Delete(a);
	a = control_ask(d, "route", "\"topic\":\"" EVENT "\"");
	CU_ASSERT_STRING_EQUAL(control_text(a, "result"), "forwarded");
	CU_ASSERT_PTR_NOT_NULL(strstr(control_text(a, "steps.3.says"), "when the hub is there again"));
	cJSON_Delete(a);
	CU_ASSERT(error_has(d, "route", "\"topic\":\"a/#\"", "holds a wildcard"));
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(control_act, TEST(each_act_is_done_at_the_hub_and_then_answered),
      TEST(refusal_of_the_hub_is_told_with_code_and_fix), TEST(silence_of_the_hub_is_told),
      TEST(hub_that_is_away_is_not_asked), TEST(device_that_nobody_knows_is_not_asked_for),
      TEST(shadow_that_is_set_reaches_the_device_and_is_read),
      TEST(trace_tells_every_step_of_a_message_also_across_an_outage),
      TEST(trace_tells_of_commands_and_refusals), TEST(what_route_says_of_a_message_comes_true),
      TEST(route_says_what_a_message_without_the_hub_and_one_too_large_come_to))
