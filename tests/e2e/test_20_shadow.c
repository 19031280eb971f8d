/* Device shadows: answered on the LAN, WAN or not, and equal at the hub in the end. */
#include "tests/e2e/scene.h"
#include "tests/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEV        PRODUCT "/dev1"
#define UP         "$shadow/operation/" DEV
#define DOWN       "$shadow/operation/result/" DEV
#define APP        "$hubgate/shadow/operation/" DEV
#define APP_RESULT "$hubgate/shadow/operation/result/" DEV
#define GET        "{\"type\":\"get\",\"clientToken\":\"t-0\"}"
#define APPS                                                                                 \
	",\"apps\":[{\"username\":\"hmi\",\"topic\":\"$hubgate/shadow/operation/#\",\"access\":" \
	"\"readwrite\"}]"

enum {
	KILLS = 6,
	BURST = 300,
	DAMAGES = 6,
	MANY = 1600
};

static bool has(const struct dev_message *m, const char *part)
{
	if (m && strstr(m->payload, part))
		return true;
	return harness_failed("expected %s in %s", part, m ? m->payload : "no message");
}

#define HAS(m, part) CU_ASSERT(has(m, part))

static const struct dev_message *ask(struct dev *d, const char *text)
{
	CU_ASSERT(dev_publish(d, UP, text, 0));
	return dev_await_message(d, DOWN, WAIT_MS);
}

static void report(struct dev *d, const char *reported)
{
	char text[512];

	snprintf(text, sizeof text,
	         "{\"type\":\"update\",\"state\":{\"reported\":%s},\"clientToken\":\"t-1\"}", reported);
	HAS(ask(d, text), "\"result\":0");
}

static void desire(struct scene *s, const char *desired)
{
	char text[512];

	snprintf(text, sizeof text, "{\"cmd\":\"desire\",\"device\":\"" DEV "\",\"desired\":%s}",
	         desired);
	CU_ASSERT(sim_do(s->sim, text));
}

static struct dev *shadow_device(struct scene *s)
{
	struct dev *d = scene_online_device(s, "dev1", NULL);

	CU_ASSERT_EQUAL(dev_subscribe(d, DOWN, 0), 0);
	return d;
}

static bool is_text(const cJSON *doc, const char *member, const char *expected)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(doc, member));

	return text && strcmp(text, expected) == 0;
}

/* The hub's document becomes exactly this within the time that takes. */
static bool hub_has(struct scene *s, const char *reported, const char *desired)
{
	int64_t end_ms = now_ms() + WAIT_MS;
	cJSON *doc = NULL;
	bool equal;

	for (;;) {
		cJSON_Delete(doc);
		doc = sim_command(s->sim, "{\"cmd\":\"shadow\",\"device\":\"" DEV "\"}");
		equal = is_text(doc, "reported", reported) && is_text(doc, "desired", desired);
		if (equal || now_ms() > end_ms)
			break;
		sim_look_for_event(s->sim, 500, "ev", "shadow", "device", DEV, NULL);
	}
	if (!equal) {
		char *text = cJSON_PrintUnformatted(doc);

		harness_failed("the hub has %s", text);
		free(text);
	}
	cJSON_Delete(doc);
	return equal;
}

static void cut_wan(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"refuse\"}"));
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT(lan_log_await(s->lan, "the hub closed the connection", WAIT_MS));
}

static void heal_wan(struct scene *s)
{
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"fault\",\"mode\":\"none\"}"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(s, "online", "dev1"));
}

static void first_get_is_answered_with_the_hubs_document(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	desire(&s, "{\"t\":25}");
	d = shadow_device(&s);
	HAS(ask(d, GET), "{\"clientToken\":\"t-0\",\"payload\":{\"state\":{\"delta\":{\"t\":25},"
	                 "\"desired\":{\"t\":25},\"reported\":{}},\"timestamp\":");
	CU_ASSERT_EQUAL(dev_count_messages(d, DOWN), 1);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void update_is_answered_at_once_and_reaches_the_hub(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);

	ask(d, GET);
	report(d, "{\"f\":0.0,\"n\":9007199254740993}");
	CU_ASSERT(hub_has(&s, "{\"f\":0.0,\"n\":9007199254740993}", "{}"));
	/* The hub's own answer is not the device's: it got one. */
	CU_ASSERT_EQUAL(dev_count_messages(d, DOWN), 2);
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void outage_is_not_noticed_and_costs_one_update_afterwards(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);
	double updates;
	char text[64];

	ask(d, GET);
	report(d, "{\"a\":1,\"gone\":1}");
	CU_ASSERT(hub_has(&s, "{\"a\":1,\"gone\":1}", "{}"));
	updates = sim_stat(s.sim, "shadow.updates");
	cut_wan(&s);
	for (int i = 2; i <= 9; i++) {
		snprintf(text, sizeof text, "{\"a\":%d,\"gone\":null}", i);
		report(d, text);
	}
	HAS(ask(d, GET), "\"state\":{\"reported\":{\"a\":9}}");
	heal_wan(&s);
	CU_ASSERT(hub_has(&s, "{\"a\":9}", "{}"));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "shadow.updates"), updates + 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void desired_set_during_an_outage_arrives_after_it_and_the_clear_reaches_the_hub(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);

	ask(d, GET);
	cut_wan(&s);
	desire(&s, "{\"t\":30,\"u\":1}");
	heal_wan(&s);
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":30,\"u\":1},");
	CU_ASSERT(dev_publish(d, UP,
	                      "{\"type\":\"update\",\"state\":{\"reported\":{\"t\":30},\"desired\":{"
	                      "\"t\":null}},\"clientToken\":\"t-2\"}",
	                      0));
	HAS(dev_await_message(d, DOWN, WAIT_MS), "\"desired\":{\"t\":null},\"reported\":{\"t\":30}");
	CU_ASSERT(hub_has(&s, "{\"t\":30}", "{\"u\":1}"));
	dev_disconnect(d);
	scene_end(&s);
}

static void what_a_reply_said_survives_kill_9(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);

	ask(d, GET);
	cut_wan(&s);
	report(d, "{\"a\":42}");
	lan_kill(s.lan);
	dev_drop(d);
	CU_ASSERT_FATAL(lan_restart(s.lan));
	d = scene_device(&s, "dev1", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, DOWN, 0), 0);
	HAS(ask(d, GET), "\"state\":{\"reported\":{\"a\":42}}");
	heal_wan(&s);
	CU_ASSERT(hub_has(&s, "{\"a\":42}", "{}"));
	dev_disconnect(d);
	scene_end(&s);
}

static int number_in(const struct dev_message *m)
{
	const char *at = m ? strstr(m->payload, "\"n\":") : NULL;

	return at ? atoi(at + 4) : -1;
}

/* A burst of updates, and a kill somewhere in the answers; the last number that was answered. */
static int report_until_killed(struct scene *s, struct dev *d, int from, int kill_after)
{
	int answered = from - 1;
	char text[128];

	for (int n = from; n < from + BURST; n++) {
		snprintf(text, sizeof text, "{\"type\":\"update\",\"state\":{\"reported\":{\"n\":%d}}}", n);
		CU_ASSERT(dev_publish(d, UP, text, 0));
	}
	for (int i = 0; i < kill_after; i++)
		answered = number_in(dev_await_message(d, DOWN, WAIT_MS));
	lan_kill(s->lan);
	CU_ASSERT(dev_await_disconnect(d, WAIT_MS));
	/* What was said before the end is in already. */
	for (const struct dev_message *m; (m = dev_await_message(d, DOWN, 1)) != NULL;)
		answered = number_in(m);
	return answered;
}

static void no_reply_is_taken_back_by_kills_at_any_moment(void)
{
	const struct scene_opts opts = { .store = "\"flush_ms\":60000" };
	struct scene s = scene_start(&opts);
	int answered = 0;

	for (int round = 0; round < KILLS; round++) {
		struct dev *d = round ? scene_device(&s, "dev1", NULL) : shadow_device(&s);
		int kept;

		CU_ASSERT_EQUAL(dev_subscribe(d, DOWN, 0), 0);
		kept = number_in(ask(d, GET));
		CU_ASSERT(round == 0 || kept >= answered);
		answered = report_until_killed(&s, d, kept < 0 ? 1 : kept + 1, 20 + 37 * round);
		dev_drop(d);
		CU_ASSERT_FATAL(lan_restart(s.lan));
	}
	scene_end(&s);
}

/* Inverts one byte of the state database at this part of its length. */
static void damage(struct scene *s, int part)
{
	char *path = text_fmt("%s/store/state.db", lan_dir(s->lan));
	FILE *f = fopen(path, "r+e");
	long size, at;
	int byte;

	CU_ASSERT_FATAL(f != NULL);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	at = (size - 1) * part / DAMAGES;
	fseek(f, at, SEEK_SET);
	byte = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(byte ^ 0xff, f);
	CU_ASSERT_EQUAL(fclose(f), 0);
	free(path);
}

static void damaged_state_costs_a_fetch_at_most(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);

	ask(d, GET);
	report(d, "{\"a\":\"kept\"}");
	CU_ASSERT(hub_has(&s, "{\"a\":\"kept\"}", "{}"));
	dev_disconnect(d);
	for (int i = 0; i <= DAMAGES; i++) {
		CU_ASSERT(lan_stop(s.lan) >= 0);
		damage(&s, i);
		CU_ASSERT_FATAL(lan_restart(s.lan));
		CU_ASSERT(lan_log_await(s.lan, "connected to the hub", WAIT_MS));
		sim_skip_events(s.sim);
		d = shadow_device(&s);
		HAS(ask(d, GET), "\"state\":{\"reported\":{\"a\":\"kept\"}}");
		/* One that waits at the stop would bring the device online before it comes back. */
		CU_ASSERT(dev_publish_acked(d, DEV "/event", "1", WAIT_MS));
		CU_ASSERT_PTR_NOT_NULL(scene_await_publish(&s, DEV "/event", WAIT_MS));
		dev_disconnect(d);
	}
	scene_end(&s);
}

static void device_that_left_with_news_is_brought_online_for_them(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);

	ask(d, GET);
	cut_wan(&s);
	report(d, "{\"a\":7}");
	dev_disconnect(d);
	heal_wan(&s);
	CU_ASSERT(hub_has(&s, "{\"a\":7}", "{}"));
	CU_ASSERT_PTR_NOT_NULL(scene_await(&s, "offline", "dev1"));
	scene_end(&s);
}

static void local_application_sets_desired_and_it_stays_on_the_lan(void)
{
	const struct scene_opts opts = { .more = APPS };
	struct scene s = scene_start(&opts);
	struct dev *d = shadow_device(&s);
	struct dev *hmi = client_connect(lan_port(s.lan),
	                                 &(struct dev_opts){ .client_id = "hmi-1", .username = "hmi" });
	struct dev *other = client_connect(lan_port(s.lan), &(struct dev_opts){ .client_id = "other" });

	ask(d, GET);
	CU_ASSERT_EQUAL(dev_subscribe(hmi, APP_RESULT, 0), 0);
	CU_ASSERT_EQUAL(dev_subscribe(other, APP_RESULT, 0), 0x80);
	CU_ASSERT(
		dev_publish(other, APP, "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":1}}}", 0));
	CU_ASSERT(dev_publish(hmi, APP,
	                      "{\"type\":\"update\",\"state\":{\"desired\":{\"t\":30}},\"clientToken\":"
	                      "\"h\"}",
	                      0));
	HAS(dev_await_message(hmi, APP_RESULT, WAIT_MS), "\"state\":{\"desired\":{\"t\":30}}");
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":30},");
	report(d, "{\"a\":1}");
	CU_ASSERT(hub_has(&s, "{\"a\":1}", "{}"));
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"desired\":null,\"reported\":{\"t\":30}}}"),
	    "\"desired\":null");
	CU_ASSERT(hub_has(&s, "{\"a\":1,\"t\":30}", "{}"));
	CU_ASSERT(dev_publish(hmi, APP, GET, 0));
	HAS(dev_await_message(hmi, APP_RESULT, WAIT_MS), "\"state\":{\"reported\":{\"a\":1,\"t\":30}}");
	dev_disconnect(other);
	dev_disconnect(hmi);
	dev_disconnect(d);
	scene_end(&s);
}

static void first_contact_without_the_hub_is_answered_at_once(void)
{
	const struct scene_opts opts = { .hub_unreached = true };
	struct scene s = scene_start(&opts);
	struct dev *d;

	sim_kill(s.sim);
	d = scene_device(&s, "dev2", NULL);
	CU_ASSERT_EQUAL(dev_subscribe(d, "$shadow/operation/result/" PRODUCT "/dev2", 0), 0);
	CU_ASSERT(dev_publish(d, "$shadow/operation/" PRODUCT "/dev2", GET, 0));
	HAS(dev_await_message(d, NULL, WAIT_MS), "\"state\":{\"reported\":{}},");
	dev_disconnect(d);
	scene_end(&s);
}

static void reconnect(struct scene *s)
{
	sim_skip_events(s->sim);
	CU_ASSERT(sim_do(s->sim, "{\"cmd\":\"cut\"}"));
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s->sim, WAIT_MS, "ev", "shadow", "device", DEV, "type", "get", NULL));
}

static void hub_that_spells_doubles_anew_gets_no_update_per_reconnect_and_its_delta_is_met(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;
	double updates;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"shadow_habits\",\"digits17\":true}"));
	d = shadow_device(&s);
	ask(d, GET);
	report(d, "{\"f\":4.14}");
	CU_ASSERT(hub_has(&s, "{\"f\":4.1399999999999997}", "{}"));
	desire(&s, "{\"t\":23.7}");
	HAS(dev_await_message(d, DOWN, WAIT_MS), "\"state\":{\"t\":23.699999999999999}");
	report(d, "{\"t\":23.7}");
	CU_ASSERT(hub_has(&s, "{\"f\":4.1399999999999997,\"t\":23.699999999999999}",
	                  "{\"t\":23.699999999999999}"));
	HAS(ask(d, GET), "\"state\":{\"desired\":{\"t\":23.699999999999999},\"reported\":{\"f\":4.14,"
	                 "\"t\":23.7}}");
	updates = sim_stat(s.sim, "shadow.updates");
	for (int i = 0; i < 2; i++)
		reconnect(&s);
	report(d, "{\"n\":1}"); /* what would be sent would have been sent before it */
	CU_ASSERT_PTR_NOT_NULL(
		sim_await_event(s.sim, WAIT_MS, "ev", "shadow", "device", DEV, "type", "update", NULL));
	CU_ASSERT_EQUAL(sim_stat(s.sim, "shadow.updates"), updates + 1);
	dev_disconnect(d);
	scene_end(&s);
}

static void first_desired_of_a_document_reaches_the_device_also_as_version_0(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"shadow_habits\",\"first_version\":0}"));
	d = shadow_device(&s);
	HAS(ask(d, GET), "\"state\":{\"reported\":{}}");
	desire(&s, "{\"t\":25}");
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":25},");
	HAS(ask(d, "{\"type\":\"update\",\"state\":{\"reported\":{\"t\":25},\"desired\":null}}"),
	    "\"result\":0");
	CU_ASSERT(hub_has(&s, "{\"t\":25}", "{}"));
	desire(&s, "{\"t\":26}");
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":26},");
	dev_disconnect(d);
	scene_end(&s);
}

static void metadata_of_1600_attributes_reaches_the_device(void)
{
	struct scene s = scene_start(NULL);
	struct dev *d = shadow_device(&s);
	char text[MANY * 9 + 64];
	size_t len = 0;

	ask(d, GET);
	for (int i = 0; i < MANY; i++)
		len += (size_t)sprintf(text + len, "%s\"%04d\":1",
		                       i ? "," : "{\"type\":\"update\",\"state\":{\"reported\":{", i);
	strcpy(text + len, "}}}");
	HAS(ask(d, text), "\"result\":0");
	HAS(ask(d, "{\"type\":\"get\",\"metadata\":true,\"clientToken\":\"t\"}"),
	    "{\"clientToken\":\"t\",\"payload\":{\"metadata\":{\"reported\":{\"0000\":{\"timestamp\":");
	CU_ASSERT_EQUAL(scene_violations(&s), 0);
	dev_disconnect(d);
	scene_end(&s);
}

static void repeated_names_and_a_stray_byte_behind_the_json_are_taken_from_both_sides(void)
{
	static const char update[] = "{\"type\":\"update\",\"state\":{\"reported\":{\"a\":1,\"a\":2}},"
								 "\"clientToken\":\"x\",\"clientToken\":\"t-1\"}"; /* and its NUL */
	struct scene s = scene_start(NULL);
	struct dev *d;

	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"shadow_habits\",\"tail\":0}"));
	desire(&s, "{\"t\":25}");
	d = shadow_device(&s);
	HAS(ask(d, GET), "\"state\":{\"delta\":{\"t\":25},\"desired\":{\"t\":25},\"reported\":{}}");
	CU_ASSERT(dev_publish_mid(d, UP, update, sizeof update, 0, false) >= 0);
	HAS(dev_await_message(d, DOWN, WAIT_MS),
	    "{\"clientToken\":\"t-1\",\"payload\":{\"state\":{\"reported\":{\"a\":2}},");
	CU_ASSERT(hub_has(&s, "{\"a\":2}", "{\"t\":25}"));
	CU_ASSERT(sim_do(s.sim, "{\"cmd\":\"shadow_habits\",\"tail\":26}"));
	desire(&s, "{\"t\":26}");
	HAS(dev_await_message(d, DOWN, WAIT_MS), "{\"payload\":{\"state\":{\"t\":26},");
	dev_disconnect(d);
	scene_end(&s);
}

SUITE(shadow, TEST(first_get_is_answered_with_the_hubs_document),
      TEST(update_is_answered_at_once_and_reaches_the_hub),
      TEST(outage_is_not_noticed_and_costs_one_update_afterwards),
      TEST(desired_set_during_an_outage_arrives_after_it_and_the_clear_reaches_the_hub),
      TEST(what_a_reply_said_survives_kill_9), TEST(no_reply_is_taken_back_by_kills_at_any_moment),
      TEST(damaged_state_costs_a_fetch_at_most),
      TEST(device_that_left_with_news_is_brought_online_for_them),
      TEST(local_application_sets_desired_and_it_stays_on_the_lan),
      TEST(first_contact_without_the_hub_is_answered_at_once),
      TEST(first_desired_of_a_document_reaches_the_device_also_as_version_0),
      TEST(metadata_of_1600_attributes_reaches_the_device),
      TEST(repeated_names_and_a_stray_byte_behind_the_json_are_taken_from_both_sides),
      TEST(hub_that_spells_doubles_anew_gets_no_update_per_reconnect_and_its_delta_is_met))
