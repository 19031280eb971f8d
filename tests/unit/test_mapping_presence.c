/* Is a plain device there: conditions, bridges, silence, and what comes of it for commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/base/hubgate.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/mapped.h"
#include "plugin/services/mapping_presence.h"
#include "plugin/services/mapping_service.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/fakes/rules.h"
#include "tests/runner.h"

enum {
	MANY = 1500,
	SHORT_MS = LAN_GRACE_MS / 2,
};

#define RULE "{'product_id':'" LAMP_PID "','device':'{name}','known_only':true,"
#define BRIDGED                                                                              \
	RULE "'up':'z/{name}','presence':'z/{name}/there','down':'z/{name}/set','conditions':[{" \
		 "'topic':'z/bridge/state'},{'connected':true}]}"
#define BARE  RULE "'up':'z/{name}','down':'z/{name}/set'}"
#define HEARD RULE "'up':'home/{gateway}/{name}','conditions':[{'topic':'home/{gateway}/LWT'}]}"

static struct mosquitto bridge = { .id = "bridge", .clean = true };
static struct mosquitto second = { .id = "second", .clean = true };

static struct config config;

static void take_rules(struct lan *l, const char *rules)
{
	config = rules_of(rules);
	l->config.mappings = config.mappings;
	l->config.mapping_count = config.mapping_count;
}

static struct lan *begin(const char *rules)
{
	struct lan *l = lan_open(BROKER_2_0);

	take_rules(l, rules);
	l->lamp->guarded = l->sibling->guarded = false;
	l->lamp->plain = l->sibling->plain = true;
	CU_ASSERT_EQUAL_FATAL(mapping_service_start(&l->h), ST_OK);
	return l;
}

static void end(struct lan *l)
{
	lan_close(l);
	config_free(&config);
}

static void say(struct mosquitto *c, const char *topic, const char *payload)
{
	CU_ASSERT_EQUAL(lan_publish(c, topic, payload, 1), MOSQ_ERR_SUCCESS);
}

/* Orders ONLINE, OFFLINE for the hub are the presence that it is told. */
static bool there(const struct lan *l, const struct device *d)
{
	return presence_is_there(&l->h, d);
}

/* Who came subscribes first (plugin/devices/command_target). */
static void settle(void)
{
	lan_wait(1000);
	lan_tick();
}

static void grace_passes(void)
{
	lan_wait(LAN_GRACE_MS + 10);
	lan_tick();
}

static void all_conditions_must_hold(void)
{
	struct lan *l = begin(BRIDGED);
	struct device *d = l->lamp;

	say(&bridge, "z/bridge/state", "{\"state\":\"offline\"}");
	say(&bridge, "z/" LAMP_NAME "/there", "online");
	CU_ASSERT_FALSE(d->online);
	say(&bridge, "z/bridge/state", "{\"state\":\"online\"}");
	CU_ASSERT_TRUE(d->online);
	say(&bridge, "z/" LAMP_NAME "/there", "offline");
	CU_ASSERT_FALSE(d->online);
	say(&bridge, "z/" LAMP_NAME "/there", "{\"state\":\"online\"}");
	CU_ASSERT_TRUE(d->online);
	lan_gone(&bridge);
	CU_ASSERT_FALSE(d->online);
	CU_ASSERT_TRUE(there(l, d)); /* in its grace time */
	grace_passes();
	CU_ASSERT_FALSE(there(l, d));
	end(l);
}

static void one_message_of_a_bridge_counts_for_all_its_devices(void)
{
	struct lan *l = begin(BRIDGED);
	struct device *d = NULL;
	char topic[64], id[64];
	int online = 0;

	say(&bridge, "z/bridge/state", "online");
	for (int i = 0; i < MANY; i++) {
		snprintf(topic, sizeof(topic), "z/x%d", i);
		say(&bridge, topic, "1");
		snprintf(topic, sizeof(topic), "z/x%d/there", i);
		say(&bridge, topic, "online");
	}
	say(&bridge, "z/bridge/state", "offline");
	for (int turns = 0; turns <= MANY / 64 + 1; turns++)
		lan_tick();
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), LAMP_PID "x%d", i);
		d = device_table_find(l->h.devices, id, strlen(id));
		online += d && d->online;
	}
	CU_ASSERT_PTR_NOT_NULL(d);
	CU_ASSERT_EQUAL(online, 0);
	CU_ASSERT_EQUAL(mapping_presence_due(&l->h), INT64_MAX);
	end(l);
}

static void a_blip_of_a_bridge_costs_no_offline(void)
{
	struct lan *l = begin(BARE);
	struct mosquitto again = { .id = "bridge", .clean = true };
	struct order o;

	say(&bridge, "z/" LAMP_NAME, "1");
	say(&bridge, "z/lamp-02", "1");
	CU_ASSERT_TRUE(l->lamp->online && l->sibling->online);
	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK)
		mail_free_order(&o);
	lan_gone(&bridge);
	CU_ASSERT_FALSE(l->lamp->online);
	lan_wait(SHORT_MS);
	CU_ASSERT_NOT_EQUAL(lan_auth(&again, NULL, NULL), MOSQ_ERR_AUTH);
	lan_tick(); /* it was let in */
	CU_ASSERT_TRUE(l->lamp->online && l->sibling->online);
	grace_passes();
	CU_ASSERT_TRUE(lan_quiet(l));
	lan_gone(&again);
	end(l);
}

static void who_takes_the_id_of_a_bridge_brings_no_device_with_a_secret_back(void)
{
	struct lan *l = begin(RULE "'client':'z2m','up':'z/{name}'}");
	struct mosquitto real = { .id = "bridge", .username = "z2m", .clean = true };
	struct mosquitto thief = { .id = "bridge", .clean = true };
	struct mosquitto again = { .id = "bridge", .username = "z2m", .clean = true };

	l->lamp->plain = false;
	l->lamp->guarded = true;
	say(&real, "z/" LAMP_NAME, "1");
	CU_ASSERT_TRUE(l->lamp->online);
	lan_gone(&real);
	lan_auth(&thief, NULL, NULL);
	lan_tick();
	CU_ASSERT_FALSE(l->lamp->online);
	lan_gone(&thief);
	lan_auth(&again, "z2m", "right");
	lan_tick();
	CU_ASSERT_TRUE(l->lamp->online);
	lan_gone(&again);
	end(l);
}

static void a_login_that_fails_brings_nobody_back(void)
{
	struct lan *l = begin(BARE);
	struct mosquitto again = { .id = "bridge", .clean = true };

	say(&bridge, "z/" LAMP_NAME, "1");
	lan_gone(&bridge);
	lan_auth(&again, NULL, NULL);
	lan_gone(&again);
	lan_tick();
	CU_ASSERT_FALSE(l->lamp->online);
	end(l);
}

static void a_sensor_heard_by_two_bridges_stays_while_one_hears_it(void)
{
	struct lan *l = begin(HEARD);
	struct device *d = l->lamp;

	say(&bridge, "home/a/LWT", "online");
	say(&second, "home/b/LWT", "online");
	say(&bridge, "home/a/" LAMP_NAME, "1");
	say(&second, "home/b/" LAMP_NAME, "1");
	CU_ASSERT_TRUE(d->online);
	say(&bridge, "home/a/LWT", "offline");
	CU_ASSERT_TRUE(d->online);
	say(&second, "home/b/LWT", "offline");
	CU_ASSERT_FALSE(d->online);
	say(&bridge, "home/a/LWT", "online");
	CU_ASSERT_TRUE(d->online);
	end(l);
}

static void silence_is_gone_and_a_word_is_back(void)
{
	struct lan *l = begin(RULE "'up':'z/{name}','silence_s':60}");
	struct device *d = l->lamp;

	say(&bridge, "z/" LAMP_NAME, "1");
	lan_wait(50000);
	lan_tick();
	say(&bridge, "z/lamp-02", "1");
	lan_wait(15000);
	lan_tick();
	CU_ASSERT_FALSE(d->online);
	CU_ASSERT_TRUE(l->sibling->online);
	say(&bridge, "z/" LAMP_NAME, "2");
	CU_ASSERT_TRUE(d->online);
	lan_wait(61000);
	lan_tick();
	CU_ASSERT_FALSE(d->online || l->sibling->online);
	end(l);
}

static void data_beside_a_stale_will_shows_it_online_for_the_grace_time(void)
{
	struct lan *l = begin(RULE "'up':'z/{name}','presence':'z/{name}/there'}");
	struct device *d = l->lamp;
	struct order o;
	int told = 0;

	say(&bridge, "z/" LAMP_NAME "/there", "offline");
	for (int i = 0; i < 5; i++) {
		say(&bridge, "z/" LAMP_NAME, "1");
		CU_ASSERT_TRUE(there(l, d));
		lan_wait(SHORT_MS);
		lan_tick();
		CU_ASSERT_TRUE(there(l, d));
	}
	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK) {
		told += o.kind == ORDER_PRESENT;
		mail_free_order(&o);
	}
	CU_ASSERT_EQUAL(told, 1);
	grace_passes();
	CU_ASSERT_FALSE(there(l, d));
	end(l);
}

static void commands_wait_inside_the_grace_time_with_their_local_topic(void)
{
	struct lan *l = begin(BARE);
	struct mosquitto again = { .id = "bridge", .clean = true };

	say(&bridge, "z/" LAMP_NAME, "1");
	settle();
	lan_command(l, LAMP "/control", 1, 7);
	lan_tick();
	CU_ASSERT_EQUAL_FATAL(fake_published(), 1);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, "z/" LAMP_NAME "/set");
	lan_gone(&bridge);
	lan_command(l, LAMP "/control", 1, 8);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 1);
	lan_auth(&again, NULL, NULL);
	lan_tick();
	settle();
	CU_ASSERT_EQUAL_FATAL(fake_published(), 2);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(1)->topic, "z/" LAMP_NAME "/set");
	lan_gone(&again);
	end(l);
}

static void device_of_commands_alone_is_there_from_the_start(void)
{
	struct lan *l = begin(RULE "'down':'z/{name}/set'}");

	CU_ASSERT_TRUE(l->lamp->online);
	settle();
	lan_command(l, LAMP "/control", 1, 7);
	lan_tick();
	CU_ASSERT_EQUAL_FATAL(fake_published(), 1);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, "z/" LAMP_NAME "/set");
	CU_ASSERT_FALSE(l->cousin->online); /* it has a secret, and is of another product */
	end(l);
}

static void devices_that_no_rule_makes_any_more_have_no_rights(void)
{
	struct lan *l = begin(BARE);
	struct device *d = l->lamp;

	say(&bridge, "z/" LAMP_NAME, "1");
	say(&bridge, "z/lamp-02", "1");
	CU_ASSERT_TRUE(device_subscribes(d, LAMP "/control"));
	config_free(&config);
	take_rules(l, RULE "'up':'z/{name}','allow':'lamp-02','down':'z/{name}/set'}");
	mapping_service_rules_changed(&l->h);
	lan_tick();
	CU_ASSERT_FALSE(d->online || d->origins & ORIGIN_MAPPING);
	CU_ASSERT_FALSE(device_subscribes(d, LAMP "/control"));
	CU_ASSERT_FALSE(there(l, d));
	CU_ASSERT_TRUE(l->sibling->online);
	say(&bridge, "z/" LAMP_NAME, "2");
	CU_ASSERT_FALSE(d->online);
	end(l);
}

static int mapped_count(struct lan *l)
{
	struct table_at at;
	int count = 0;

	for (struct device *d = device_table_first(l->h.devices, &at); d;
	     d = device_table_next(l->h.devices, &at))
		count += (d->origins & ORIGIN_MAPPING) != 0;
	return count;
}

static void many_devices_take_other_rules_by_slices(void)
{
	struct lan *l = begin(BARE "," RULE "'client_id':'bridge','up':'y/{name}'}");
	char topic[64];

	for (int i = 0; i < 200; i++) {
		snprintf(topic, sizeof(topic), "%c/x%d", i % 2 ? 'z' : 'y', i);
		say(&bridge, topic, "1");
	}
	CU_ASSERT_EQUAL(mapped_count(l), 200);
	config_free(&config);
	take_rules(l, RULE "'client_id':'bridge','up':'y/{name}','allow':'*0'}");
	mapping_service_rules_changed(&l->h);
	CU_ASSERT(mapped_count(l) > 100);
	for (int turns = 0; turns < 6; turns++)
		lan_tick();
	CU_ASSERT_EQUAL(mapped_count(l), 20);
	CU_ASSERT_TRUE(device_table_find(l->h.devices, LAMP_PID "x10", PRODUCT_ID_LEN + 3)->online);
	lan_gone(&bridge);
	CU_ASSERT_FALSE(device_table_find(l->h.devices, LAMP_PID "x10", PRODUCT_ID_LEN + 3)->online);
	end(l);
}

static void client_that_the_rule_names_no_more_speaks_for_nobody(void)
{
	struct lan *l = begin(RULE "'client_id':'bridge','up':'z/{name}'}");

	say(&bridge, "z/" LAMP_NAME, "1");
	CU_ASSERT_TRUE(l->lamp->online);
	config_free(&config);
	take_rules(l, RULE "'client_id':'second','up':'z/{name}'}");
	mapping_service_rules_changed(&l->h);
	CU_ASSERT_FALSE(l->lamp->online);
	say(&second, "z/" LAMP_NAME, "1");
	CU_ASSERT_TRUE(l->lamp->online);
	end(l);
}

static void what_was_told_stays_when_other_rules_change(void)
{
	struct lan *l = begin(HEARD);

	say(&bridge, "home/a/LWT", "offline");
	say(&bridge, "home/a/" LAMP_NAME, "1");
	grace_passes();
	CU_ASSERT_FALSE(there(l, l->lamp));
	config_free(&config);
	take_rules(l, RULE "'up':'other/{name}'}," HEARD);
	mapping_service_rules_changed(&l->h);
	lan_tick();
	CU_ASSERT_FALSE(l->lamp->online);
	say(&bridge, "home/a/LWT", "online");
	CU_ASSERT_TRUE(l->lamp->online);
	end(l);
}

static void names_and_captures_last_over_a_restart(void)
{
	static const char rule[] =
		"{'product_id':'" LAMP_PID "','device':'{dev}','known_only':true,'sanitize':true,"
		"'names':{'the lamp':'" LAMP_NAME "'},'up':'app/{app}/{dev}/up',"
		"'down':'app/{app}/{dev}/down'}";
	char dir[256];
	struct mosquitto again = { .id = "bridge", .clean = true };
	struct lan *l = begin(rule);

	snprintf(dir, sizeof(dir), "%s", l->dir);
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	say(&bridge, "app/17/the lamp/up", "1");
	CU_ASSERT_TRUE(l->lamp->online);
	end(l);
	l = lan_open(BROKER_2_0);
	take_rules(l, rule);
	l->lamp->guarded = false;
	l->lamp->plain = true;
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	CU_ASSERT_EQUAL_FATAL(mapping_service_start(&l->h), ST_OK);
	CU_ASSERT_FALSE(l->lamp->online);
	lan_auth(&again, NULL, NULL);
	lan_tick();
	CU_ASSERT_TRUE(l->lamp->online); /* as soon as its client is there */
	settle();
	lan_command(l, LAMP "/control", 1, 7);
	lan_tick();
	CU_ASSERT_EQUAL_FATAL(fake_published(), 1);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, "app/17/the lamp/down");
	lan_gone(&again);
	end(l);
}

static void damaged_record_of_a_mapped_device_is_nobodys(void)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "\2a\0b\0c\0", 7 },
		{ "\1", 1 },
		{ "\1a\0b", 4 },
		{ "\1a\0b\0c", 6 },
		{ "\1a\0b\0c\0", 7 },
		{ "\1a\0b\0c\0u\0name", 13 },
		{ "\1a\0b\0c\0u\0name\0value", 19 },
	};
	struct lan *l = begin(BARE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct state_entry e = { STATE_MAPPED, LAMP_ID, rows[i].bytes, rows[i].len };

		CU_ASSERT_TRUE(mapped_load(&l->h, &e));
		CU_ASSERT_PTR_NULL(l->lamp->mapped);
	}
	end(l);
}

SUITE(mapping_presence, TEST(all_conditions_must_hold),
      TEST(one_message_of_a_bridge_counts_for_all_its_devices),
      TEST(a_blip_of_a_bridge_costs_no_offline),
      TEST(who_takes_the_id_of_a_bridge_brings_no_device_with_a_secret_back),
      TEST(a_login_that_fails_brings_nobody_back),
      TEST(a_sensor_heard_by_two_bridges_stays_while_one_hears_it),
      TEST(silence_is_gone_and_a_word_is_back),
      TEST(data_beside_a_stale_will_shows_it_online_for_the_grace_time),
      TEST(commands_wait_inside_the_grace_time_with_their_local_topic),
      TEST(device_of_commands_alone_is_there_from_the_start),
      TEST(devices_that_no_rule_makes_any_more_have_no_rights),
      TEST(many_devices_take_other_rules_by_slices),
      TEST(client_that_the_rule_names_no_more_speaks_for_nobody),
      TEST(what_was_told_stays_when_other_rules_change),
      TEST(names_and_captures_last_over_a_restart),
      TEST(damaged_record_of_a_mapped_device_is_nobodys))
