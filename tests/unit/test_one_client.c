/* A device is one client, whatever client ids it logs in with: its newest login counts. */
#include <string.h>

#include "plugin/devices/presence.h"
#include "plugin/lan/client_ids.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED,
	REFUSED = MOSQ_ERR_AUTH,
};

#define COMMAND LAMP "/control"

static struct mosquitto *kicked; /* whose end the broker tells of in the middle of the kick */
static int asked;                /* what it heard there about a subscription */

static void end_of_the_kicked(const char *name)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(kicked);
	CU_ASSERT_STRING_EQUAL(name, kicked->id);
	if (!kicked->clean)
		asked = lan_acl(kicked, MOSQ_ACL_SUBSCRIBE, LAMP "/never-subscribed");
	lan_offline(kicked);
}

static bool can_read(struct mosquitto *c)
{
	return lan_acl(c, MOSQ_ACL_READ, COMMAND) == YES;
}

/* All logins of the turn have come to their end. 2.1 has said so by its CONNECT event. */
static void turn(struct lan *l)
{
	if (!l->h.has_connect_event)
		lan_tick();
}

static void newer_login(struct lan *l)
{
	struct mosquitto old = { .id = "lamp-a", .clean = true };
	struct mosquitto new = { .id = "lamp-b", .clean = true };

	fake_when_kicked(end_of_the_kicked);
	kicked = &old;
	CU_ASSERT(lan_enter(l, &old, l->lamp));
	turn(l);
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), YES);
	CU_ASSERT_STRING_EQUAL(fake_kicked(), ""); /* it may fail yet */
	CU_ASSERT(can_read(&old));
	lan_connected(&new);
	turn(l);
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "id lamp-a");
	CU_ASSERT(fake_logged("its session with client id lamp-a is ended"));
	CU_ASSERT_PTR_NULL(lan_session_of(&l->h, &old));
	CU_ASSERT(can_read(&new));
	lan_wait(10 * LAN_GRACE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l)); /* the device never left */
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_PRESENT), 1);
}

static void newer_login_ends_the_older_one_once_it_lives(void)
{
	lan_each(newer_login);
}

/* Refused logins of the same device meanwhile are told of apart. */
static void clones(struct lan *l)
{
	struct mosquitto c[2] = { { .id = "a", .clean = true }, { .id = "b", .clean = true } };
	struct mosquitto other = { .id = "other", .clean = true };
	size_t lines;

	CU_ASSERT(lan_enter(l, &c[0], l->lamp));
	lines = fake_lines();
	lan_sign(l, l->lamp, 0);
	for (int i = 0; i < 300; i++) {
		CU_ASSERT(lan_enter(l, &c[(i + 1) % 2], l->lamp));
		turn(l);
	}
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	CU_ASSERT_EQUAL(lan_auth(&other, l->username, "00;hmacsha1"), REFUSED);
	CU_ASSERT_EQUAL(lan_auth(&other, l->username, "00;hmacsha1"), REFUSED);
	CU_ASSERT_EQUAL(fake_lines(), lines + 2);
	lan_wait(600000);
	CU_ASSERT(lan_enter(l, &c[1], l->lamp));
	turn(l);
	CU_ASSERT(fake_logged("as at the hub (299 more since the last line)"));
}

static void two_clones_of_a_device_that_end_each_other_are_said_once_then_counted(void)
{
	lan_each(clones);
}

static void two_at_once(struct lan *l)
{
	struct mosquitto c[] = { { .id = "a", .clean = true },
		                     { .id = "b", .clean = true },
		                     { .id = LAMP_ID, .clean = true } };

	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(lan_enter(l, &c[i], l->lamp));
	turn(l);
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "id a, id b");
	CU_ASSERT(!can_read(&c[0]));
	CU_ASSERT(!can_read(&c[1]));
	CU_ASSERT(can_read(&c[2]));
	lan_tick();
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "id a, id b"); /* each once */
}

static void of_several_logins_the_newest_stays(void)
{
	lan_each(two_at_once);
}

static void failing(struct lan *l)
{
	struct mosquitto old = { .id = "a", .clean = true }, new = { .id = "b", .clean = true };

	CU_ASSERT(lan_enter(l, &old, l->lamp));
	turn(l);
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), YES);
	lan_gone(&new); /* its CONNACK found nobody */
	lan_wait(10 * LAN_GRACE_MS);
	lan_tick();
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
	CU_ASSERT(can_read(&old));
	CU_ASSERT_PTR_EQUAL(l->lamp->presence->current, lan_session_of(&l->h, &old));
}

static void login_that_fails_after_all_replaces_nobody(void)
{
	lan_each(failing);
}

static void same_id(struct lan *l)
{
	struct mosquitto old = { .id = "a" }, new = { .id = "a" };

	CU_ASSERT(lan_enter(l, &old, l->lamp));
	turn(l);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), YES);
	lan_offline(&old);
	lan_connected(&new);
	turn(l);
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
	CU_ASSERT(can_read(&new));
}

static void takeover_with_the_same_id_is_the_brokers(void)
{
	lan_each(same_id);
}

static void kept(struct lan *l)
{
	char name[USERNAME_MAX + 1];
	struct mosquitto first = { .id = "a", .username = name },
					 second = { .id = "b", .username = name };
	struct mosquitto third = { .id = LAMP_ID, .username = name };

	lan_sign(l, l->lamp, 0);
	strcpy(name, l->username);
	CU_ASSERT(lan_enter(l, &first, l->lamp));
	turn(l);
	lan_offline(&first);
	CU_ASSERT(can_read(&first)); /* the broker queues */
	CU_ASSERT(lan_enter(l, &second, l->lamp));
	turn(l);
	CU_ASSERT(!can_read(&first));
	CU_ASSERT(can_read(&second));
	lan_offline(&second);
	CU_ASSERT(!can_read(&first));
	CU_ASSERT(can_read(&second));
	CU_ASSERT(!can_read(&third));
	CU_ASSERT(lan_enter(l, &third, l->lamp));
	turn(l);
	lan_offline(&third);
	CU_ASSERT(!can_read(&second));
	CU_ASSERT(can_read(&third));
	lan_reload();
	CU_ASSERT_EQUAL(lan_auth_again(&first, name, NULL), YES); /* no reason to forget it */
	CU_ASSERT_EQUAL(lan_auth_again(&third, name, NULL), YES);
	lan_tick();
	CU_ASSERT(!can_read(&first));
	CU_ASSERT(can_read(&third));
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
}

static void of_kept_sessions_that_of_the_newest_login_is_queued_for(void)
{
	lan_each(kept);
}

static void kept_kicked(struct lan *l)
{
	struct mosquitto old = { .id = "a" }, new = { .id = "b" };

	fake_when_kicked(end_of_the_kicked);
	kicked = &old;
	asked = NO;
	CU_ASSERT(lan_enter(l, &old, l->lamp));
	turn(l);
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT(lan_enter(l, &new, l->lamp));
	turn(l);
	CU_ASSERT_EQUAL(asked, YES);
	CU_ASSERT_EQUAL(l->lamp->filter_count, 0);
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(lan_acl(&new, MOSQ_ACL_SUBSCRIBE, SIBLING "/control"), NO);
}

static void subscriptions_that_a_kick_asks_about_stay_and_nobody_else_hears_of_it(void)
{
	lan_each(kept_kicked);
}

static void restarted(void)
{
	struct lan *l = lan_open(BROKER_2_0);
	char dir[256], name[USERNAME_MAX + 1];
	struct mosquitto chip = { .id = "chip-7", .username = name };
	struct mosquitto plain = { .id = LAMP_ID, .username = name };

	snprintf(dir, sizeof(dir), "%s", l->dir);
	lan_sign(l, l->lamp, 0);
	strcpy(name, l->username);
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	CU_ASSERT(lan_enter(l, &chip, l->lamp));
	lan_tick();
	for (int i = 0; i < 2; i++) {
		lan_close(l);
		l = lan_open(BROKER_2_0);
		CU_ASSERT(!can_read(&chip));
		l->config.store.dir = dir;
		CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
		CU_ASSERT_EQUAL(can_read(&chip), i == 0);
		CU_ASSERT_EQUAL(can_read(&plain), i == 1);
		CU_ASSERT(lan_enter(l, &plain, l->lamp)); /* back to {pid}{dname} */
		lan_tick();
	}
	lan_close(l);
}

static void newest_login_is_known_after_a_restart(void)
{
	restarted();
}

static int login(struct lan *l, struct mosquitto *c, const struct device *d)
{
	lan_sign(l, d, 0);
	return lan_auth(c, l->username, l->password);
}

static void held_ids(struct lan *l)
{
	static char user[] = "dashboard", rule_client[] = "zigbee*", topic[] = LAMP "/#";
	struct config_app app = { .username = user, .topic = topic };
	struct config_mapping rule = { .client = rule_client };
	struct mosquitto lamp = { .id = "panel", .clean = true }, sibling = lamp;
	struct mosquitto panel = { .id = "panel", .username = user };
	struct mosquitto bridge = { .id = "zigbee2mqtt" }, other = { .id = "kitchen" };

	l->config.apps = &app;
	l->config.app_count = 1;
	l->config.mappings = &rule;
	l->config.mapping_count = 1;
	lan_auth(&panel, user, "x");
	lan_auth(&bridge, NULL, NULL);
	lan_auth(&other, NULL, NULL);
	CU_ASSERT_EQUAL(login(l, &lamp, l->lamp), REFUSED);
	CU_ASSERT(fake_logged("holds this client id now"));
	lamp.id = "zigbee2mqtt";
	CU_ASSERT_EQUAL(login(l, &lamp, l->lamp), REFUSED);
	lamp.id = "kitchen";
	CU_ASSERT_EQUAL(login(l, &lamp, l->lamp), YES);
	lan_gone(&lamp);
	lan_gone(&panel);
	lamp.id = "panel";
	CU_ASSERT_EQUAL(login(l, &lamp, l->lamp), YES);
	CU_ASSERT_EQUAL(lan_auth(&panel, user, "x"), REFUSED);
	CU_ASSERT_EQUAL(login(l, &sibling, l->sibling), REFUSED);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(login(l, &sibling, l->sibling), YES);
	lan_gone(&sibling);
	l->config.app_count = l->config.mapping_count = 0;
	l->config.apps = NULL;
	l->config.mappings = NULL;
}

static void id_that_somebody_with_rights_holds_is_refused_while_he_is_there(void)
{
	lan_each(held_ids);
}

/* --- who came without our check --- */

static void intrusion(struct lan *l)
{
	struct mosquitto certified = { .id = LAMP_ID, .username = LAMP_ID };

	fake_when_kicked(end_of_the_kicked);
	kicked = &certified;
	asked = NO;
	lan_connected(&certified);
	lan_acl(&certified, MOSQ_ACL_SUBSCRIBE, "home/kitchen");
	CU_ASSERT(!can_read(&certified));
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
	lan_tick();
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "id " LAMP_ID);
	CU_ASSERT_EQUAL(asked, YES);
	CU_ASSERT(lan_quiet(l));
	lan_tick();
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "id " LAMP_ID);
}

static void client_of_another_listener_with_a_devices_id_is_disconnected(void)
{
	lan_each(intrusion);
}

static void no_intrusion(struct lan *l)
{
	char name[USERNAME_MAX + 1];
	struct mosquitto away = { .id = LAMP_ID, .username = name }, lamp = { .id = LAMP_ID };
	struct mosquitto certified = { .id = LAMP_ID, .username = LAMP_ID };
	struct mosquitto console = { .id = "console", .username = "console" };

	lan_sign(l, l->lamp, 0);
	strcpy(name, l->username);
	lan_acl(&away, MOSQ_ACL_WRITE, LAMP "/will"); /* one that was delayed */
	lan_connected(&console);
	lan_acl(&console, MOSQ_ACL_SUBSCRIBE, "home/kitchen");
	lan_acl(&certified, MOSQ_ACL_READ, COMMAND); /* of its kept session */
	lan_tick();
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
	lan_connected(&certified);
	lan_acl(&certified, MOSQ_ACL_SUBSCRIBE, "home/kitchen");
	CU_ASSERT(lan_enter(l, &lamp, l->lamp)); /* the broker ends the other one by itself */
	lan_tick();
	CU_ASSERT_STRING_EQUAL(fake_kicked(), "");
}

static void device_that_is_back_and_sessions_without_a_connection_are_not(void)
{
	lan_each(no_intrusion);
}

SUITE(one_client, TEST(newer_login_ends_the_older_one_once_it_lives),
      TEST(two_clones_of_a_device_that_end_each_other_are_said_once_then_counted),
      TEST(of_several_logins_the_newest_stays), TEST(login_that_fails_after_all_replaces_nobody),
      TEST(takeover_with_the_same_id_is_the_brokers),
      TEST(of_kept_sessions_that_of_the_newest_login_is_queued_for),
      TEST(subscriptions_that_a_kick_asks_about_stay_and_nobody_else_hears_of_it),
      TEST(newest_login_is_known_after_a_restart),
      TEST(client_of_another_listener_with_a_devices_id_is_disconnected),
      TEST(device_that_is_back_and_sessions_without_a_connection_are_not),
      TEST(id_that_somebody_with_rights_holds_is_refused_while_he_is_there))
