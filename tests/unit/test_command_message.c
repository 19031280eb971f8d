/* What a command of the hub becomes for a plain device, and when. */
#include "plugin/devices/command_message.h"

#include <string.h>

#include "core/hub/command_queue.h"
#include "plugin/devices/command.h"
#include "plugin/services/mapping_service.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/fakes/rules.h"
#include "tests/runner.h"

#define CONTROL LAMP "/control"
#define RULE    "{'product_id':'" LAMP_PID "','device':'{name}','known_only':true,"
#define UP      RULE "'up':'z/{app}/{name}','presence':'z/there/{name}',"
#define POWER   UP "'down':'z/{name}/set','template':'Power {state}'}"
#define APP     UP "'down':'z/{app}/{name}/set'}"
#define ON      "{\"state\":\"ON\"}"

static struct config config;
static struct mosquitto bridge = { .id = "bridge", .clean = true };

static void take_rules(struct lan *l, const char *rules)
{
	config = rules_of(rules);
	l->config.mappings = config.mappings;
	l->config.mapping_count = config.mapping_count;
}

static struct lan *begin(const char *dir, const char *rules)
{
	struct lan *l = lan_open(BROKER_2_0);

	take_rules(l, rules);
	l->lamp->guarded = false;
	l->lamp->plain = true;
	l->config.store.dir = (char *)(uintptr_t)(dir ? dir : l->dir);
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	CU_ASSERT_EQUAL_FATAL(mapping_service_start(&l->h), ST_OK);
	return l;
}

static void end(struct lan *l)
{
	lan_close(l);
	config_free(&config);
}

static void other_rules(struct lan *l, const char *rules)
{
	config_free(&config);
	take_rules(l, rules);
	mapping_service_rules_changed(&l->h);
	lan_tick();
}

static void say(const char *topic, const char *payload)
{
	CU_ASSERT_EQUAL(lan_publish(&bridge, topic, payload, 1), MOSQ_ERR_SUCCESS);
}

static void pass(int64_t ms)
{
	lan_wait(ms);
	lan_tick();
}

/* It is there, as its presence says, and has had the time to subscribe. */
static void comes(void)
{
	say("z/there/" LAMP_NAME, "online");
	pass(1000);
}

/* The hub sends one; true: it is acknowledged in the same turn. */
static bool command(struct lan *l, const char *payload, uint16_t packet_id)
{
	while (!lan_quiet(l))
		continue;
	lan_command_of(l, CONTROL, payload, 1, packet_id);
	lan_tick();
	return lan_done(l, packet_id);
}

static uint64_t metric(const struct lan *l, enum metric id)
{
	return metric_get(&l->h.metrics, id);
}

/* The nth that was published is this. */
static bool published(size_t nth, const char *topic, const char *payload)
{
	const struct fake_publish *p = fake_published() > nth ? fake_publish_at(nth) : NULL;

	return p && strcmp(p->topic, topic) == 0 && (size_t)p->len == strlen(payload) &&
	       memcmp(p->payload, payload, strlen(payload)) == 0;
}

static int reads(const char *topic, const char *payload)
{
	struct mosquitto_evt_acl_check ed = { .client = &bridge,
		                                  .topic = topic,
		                                  .access = MOSQ_ACL_READ,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .qos = 1 };

	return fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

static void it_is_kept_as_the_hub_sent_it_and_rewritten_when_it_goes(void)
{
	struct lan *l = begin(NULL, POWER);

	say("z/a/" LAMP_NAME, "1");
	say("z/there/" LAMP_NAME, "offline");
	pass(LAN_GRACE_MS + 10);
	CU_ASSERT_TRUE(command(l, ON, 7));
	CU_ASSERT(fake_published() == 0 && metric(l, M_COMMANDS) == 1);
	other_rules(l, UP "'down':'z/{name}/do','template':'{state}!'}");
	CU_ASSERT_EQUAL(fake_published(), 0);
	comes();
	CU_ASSERT_TRUE(published(0, "z/" LAMP_NAME "/do", "ON!"));
	CU_ASSERT_EQUAL(reads("z/" LAMP_NAME "/do", "ON!"), MOSQ_ERR_SUCCESS); /* it is the one */
	pass(COMMAND_LIVE_MS);
	CU_ASSERT(fake_published() == 1 && metric(l, M_COMMANDS) == 0);
	end(l);
}

static void it_survives_a_restart_and_becomes_what_the_rules_say_then(void)
{
	struct lan *l = begin(NULL, POWER);
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", l->dir);
	say("z/a/" LAMP_NAME, "1");
	say("z/there/" LAMP_NAME, "offline");
	pass(LAN_GRACE_MS + 10);
	CU_ASSERT_TRUE(command(l, ON, 7));
	end(l);
	l = begin(dir, POWER);
	lan_tick();
	CU_ASSERT(metric(l, M_COMMANDS) == 1 && fake_published() == 0);
	comes();
	CU_ASSERT_TRUE(published(0, "z/" LAMP_NAME "/set", "Power ON"));
	end(l);
}

static void what_no_template_fits_is_acknowledged_counted_and_never_kept(void)
{
	struct lan *l = begin(NULL, POWER);

	say("z/a/" LAMP_NAME, "1");
	say("z/there/" LAMP_NAME, "offline");
	CU_ASSERT_TRUE(command(l, "{\"colour\":1}", 7)); /* away */
	comes();
	CU_ASSERT_TRUE(command(l, "no JSON", 8)); /* and there */
	CU_ASSERT(fake_published() == 0 && metric(l, M_COMMANDS) == 0);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_UNFIT), 2);
	CU_ASSERT_TRUE(fake_logged("refused " CONTROL ": the command lacks a member"));
	end(l);
}

static void what_fits_no_more_after_a_reload_is_dropped_when_it_would_go(void)
{
	struct lan *l = begin(NULL, POWER);

	say("z/a/" LAMP_NAME, "1");
	say("z/there/" LAMP_NAME, "offline");
	pass(LAN_GRACE_MS + 10);
	CU_ASSERT_TRUE(command(l, ON, 7));
	CU_ASSERT_TRUE(command(l, "{\"state\":\"OFF\",\"level\":3}", 8));
	other_rules(l, UP "'down':'z/{name}/set','template':'{level}'}");
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS), 2); /* the next reload may mend it */
	comes();
	CU_ASSERT(published(0, "z/" LAMP_NAME "/set", "3") && fake_published() == 1);
	CU_ASSERT(metric(l, M_COMMANDS_UNFIT) == 1 && metric(l, M_COMMANDS) == 1);
	end(l);
}

static void what_needs_a_capture_waits_until_the_device_is_heard(void)
{
	struct lan *l = begin(NULL, APP);

	comes(); /* which does not tell the application */
	CU_ASSERT_TRUE(command(l, ON, 7));
	CU_ASSERT(fake_published() == 0 && metric(l, M_COMMANDS) == 1);
	say("z/17/" LAMP_NAME, "1");
	lan_tick();
	CU_ASSERT_TRUE(published(0, "z/17/" LAMP_NAME "/set", ON));
	lan_command_of(l, CONTROL, ON, 0, 8); /* at QoS 0 too from now on */
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 2);
	end(l);
}

static void what_nobody_took_on_the_old_topic_is_tried_on_the_new_one(void)
{
	struct lan *l = begin(NULL, UP "'down':'old/{name}'}");

	say("z/there/" LAMP_NAME, "online");
	CU_ASSERT_TRUE(command(l, ON, 7));
	pass(1000);
	CU_ASSERT_TRUE(published(0, "old/" LAMP_NAME, ON)); /* nobody reads it */
	pass(COMMAND_LIVE_MS);
	CU_ASSERT(fake_published() == 1 && metric(l, M_COMMANDS) == 1);
	other_rules(l, UP "'down':'new/{name}'}");
	pass(1000);
	CU_ASSERT_TRUE(published(1, "new/" LAMP_NAME, ON));
	end(l);
}

static void device_that_sends_beside_a_stale_will_is_tried_and_whoever_reads_it_had_it(void)
{
	struct lan *l = begin(NULL, POWER);

	say("z/a/" LAMP_NAME, "1");
	say("z/there/" LAMP_NAME, "offline");
	pass(LAN_GRACE_MS + 10);
	CU_ASSERT_TRUE(command(l, ON, 7));
	pass(LAN_GRACE_MS);
	CU_ASSERT_EQUAL(fake_published(), 0);
	say("z/a/" LAMP_NAME, "2"); /* gone, and yet it speaks */
	lan_tick();
	CU_ASSERT_TRUE(published(0, "z/" LAMP_NAME "/set", "Power ON"));
	CU_ASSERT_EQUAL(reads("z/" LAMP_NAME "/set", "Power ON"), MOSQ_ERR_SUCCESS);
	lan_tick();
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS), 0);
	for (int i = 0; i < 5; i++) {
		pass(LAN_GRACE_MS + 10);
		say("z/a/" LAMP_NAME, "3");
		lan_tick();
	}
	CU_ASSERT_EQUAL(fake_published(), 1);
	end(l);
}

SUITE(command_message, TEST(it_is_kept_as_the_hub_sent_it_and_rewritten_when_it_goes),
      TEST(it_survives_a_restart_and_becomes_what_the_rules_say_then),
      TEST(what_no_template_fits_is_acknowledged_counted_and_never_kept),
      TEST(what_fits_no_more_after_a_reload_is_dropped_when_it_would_go),
      TEST(what_needs_a_capture_waits_until_the_device_is_heard),
      TEST(what_nobody_took_on_the_old_topic_is_tried_on_the_new_one),
      TEST(device_that_sends_beside_a_stale_will_is_tried_and_whoever_reads_it_had_it))
