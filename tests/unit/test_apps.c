#include "plugin/lan/apps.h"

#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED,
	TEN_MINUTES_MS = 600000,
};

static char scada_name[] = "scada", hmi_name[] = "hmi";
static char events[] = LAMP_PID "/+/event", control[] = LAMP "/control";
static char shadows[] = "$hubgate/shadow/#";
static struct config_app rules[] = {
	{ .username = scada_name, .topic = events, .access = APP_ACCESS_READ },
	{ .username = scada_name, .topic = control, .access = APP_ACCESS_WRITE },
	{ .username = hmi_name, .topic = shadows, .access = APP_ACCESS_READWRITE },
};
static struct mosquitto scada = {
	.id = "any-1", .username = "scada", .address = "10.0.0.9", .clean = true
};
static struct mosquitto hmi = {
	.id = "any-2", .username = "hmi", .address = "10.0.0.9", .clean = true
};
static struct mosquitto nobody = {
	.id = "any-3", .username = NULL, .address = "10.0.0.9", .clean = true
};

static struct lan *world(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	l->config.apps = rules;
	l->config.app_count = sizeof(rules) / sizeof(rules[0]);
	return l;
}

static void leave(struct lan *l)
{
	l->config.apps = NULL; /* they are the test's */
	l->config.app_count = 0;
	lan_close(l);
}

static void reader_subscribes_and_gets_what_its_rule_covers_and_publishes_nothing(void)
{
	struct lan *l = world();

	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_SUBSCRIBE, LAMP_PID "/+/event"), YES);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_SUBSCRIBE, LAMP "/event"), YES);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_SUBSCRIBE, LAMP_PID "/#"), NO);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_SUBSCRIBE, "$shadow/operation/result/" LAMP), NO);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_READ, LAMP "/event"), YES);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_READ, LAMP "/other"), NO);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_WRITE, LAMP "/event"), NO);
	leave(l);
}

static void writer_publishes_what_its_rule_matches_and_subscribes_nothing(void)
{
	struct lan *l = world();

	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_WRITE, LAMP "/control"), YES);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), NO);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_WRITE, SIBLING "/control"), NO);
	leave(l);
}

static void rights_are_those_of_the_name_alone(void)
{
	struct lan *l = world();

	CU_ASSERT_EQUAL(lan_acl(&hmi, MOSQ_ACL_WRITE, "$hubgate/shadow/operation/" LAMP), YES);
	CU_ASSERT_EQUAL(lan_acl(&hmi, MOSQ_ACL_SUBSCRIBE, "$hubgate/shadow/#"), YES);
	CU_ASSERT_EQUAL(lan_acl(&hmi, MOSQ_ACL_WRITE, LAMP "/control"), NO);
	CU_ASSERT_EQUAL(lan_acl(&scada, MOSQ_ACL_WRITE, "$hubgate/shadow/operation/" LAMP), NO);
	CU_ASSERT_EQUAL(lan_acl(&nobody, MOSQ_ACL_READ, LAMP "/event"), NO);
	leave(l);
}

static void device_gets_no_rights_by_rules_for_applications(void)
{
	struct lan *l = world();
	struct mosquitto lamp = {
		.id = LAMP_ID, .username = NULL, .address = "10.0.0.9", .clean = true
	};

	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	lamp.username = "hmi";
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, "$hubgate/shadow/operation/" SIBLING), NO);
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_SUBSCRIBE, "$hubgate/shadow/#"), NO);
	lan_gone(&lamp);
	leave(l);
}

/* A native bridge: its messages never saw the access check. */
static void bridge_brings_to_the_hubs_topics_only_what_a_rule_for_its_name_allows(void)
{
	struct lan *l = world();
	struct mosquitto bridge = { .id = "plant.bridge", .username = "scada" };
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true };

	CU_ASSERT_EQUAL(lan_publish(&bridge, LAMP "/control", "{}", 1), YES);
	CU_ASSERT_EQUAL(lan_publish(&bridge, LAMP "/event", "{}", 1), NO);
	CU_ASSERT_EQUAL(lan_publish(&bridge, "$shadow/operation/" LAMP, "{}", 0), NO);
	CU_ASSERT_EQUAL(lan_publish(&bridge, "$hubgate/shadow/operation/" LAMP, "{}", 0), NO);
	CU_ASSERT(fake_logged("plant.bridge: refused " LAMP "/event: "));
	CU_ASSERT_EQUAL(lan_publish(&bridge, "hall/lamp", "on", 1), YES);
	bridge.username = NULL;
	CU_ASSERT_EQUAL(lan_publish(&bridge, LAMP "/control", "{}", 1), NO);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_ACL_DENIED), 4);
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_EQUAL(lan_publish(&lamp, LAMP "/event", "{}", 1), YES);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	lan_gone(&lamp);
	leave(l);
}

static void a_publish_that_a_client_is_denied_is_told_without_hiding_what_devices_are(void)
{
	struct lan *l = world();
	struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true };
	size_t before = fake_lines();

	CU_ASSERT_EQUAL(lan_acl(&nobody, MOSQ_ACL_READ, LAMP "/event"), NO);
	CU_ASSERT_EQUAL(fake_lines(), before);
	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(lan_acl(&nobody, MOSQ_ACL_WRITE, LAMP "/event"), NO);
	CU_ASSERT_EQUAL(fake_lines(), before + 1);
	CU_ASSERT(fake_logged("any-3: refused " LAMP "/event: "));
	CU_ASSERT(fake_logged("apps[]"));
	CU_ASSERT_FALSE(fake_logged("more since the last line"));
	CU_ASSERT_FATAL(lan_enter(l, &lamp, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&lamp, MOSQ_ACL_WRITE, SIBLING "/event"), NO);
	CU_ASSERT(fake_logged(LAMP_ID ": refused " SIBLING "/event: "));
	lan_wait(TEN_MINUTES_MS);
	CU_ASSERT_EQUAL(lan_acl(&nobody, MOSQ_ACL_WRITE, LAMP "/event"), NO);
	CU_ASSERT(fake_logged(" (99 more since the last line)"));
	lan_gone(&lamp);
	leave(l);
}

static void broker_that_checks_no_names_is_warned_about(void)
{
	struct lan *l = world();

	apps_check(&l->h);
	CU_ASSERT_FALSE(fake_logged("apps[]"));
	l->rights.unknown_users_pass = true;
	apps_check(&l->h);
	CU_ASSERT(fake_logged("password_file"));
	leave(l);
}

SUITE(apps, TEST(reader_subscribes_and_gets_what_its_rule_covers_and_publishes_nothing),
      TEST(writer_publishes_what_its_rule_matches_and_subscribes_nothing),
      TEST(rights_are_those_of_the_name_alone),
      TEST(device_gets_no_rights_by_rules_for_applications),
      TEST(bridge_brings_to_the_hubs_topics_only_what_a_rule_for_its_name_allows),
      TEST(a_publish_that_a_client_is_denied_is_told_without_hiding_what_devices_are),
      TEST(broker_that_checks_no_names_is_warned_about))
