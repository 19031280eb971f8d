/* Who may speak for a device, and tell whether it is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/base/hubgate.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/mapped.h"
#include "plugin/services/mapping_service.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	GHOSTS = 1600,
};

#define PLAIN    LAMP_PID "/plain-01"
#define PLAIN_ID LAMP_PID "plain-01"

static struct config_mapping rule = { .client = (char[]){ "bridge" },
	                                  .device = (char[]){ "{name}" },
	                                  .up = (char[]){ "z/{name}" },
	                                  .to = (char[]){ "event" },
	                                  .down = (char[]){ "z/{name}/set" },
	                                  .from = (char[]){ "control" },
	                                  .presence = (char[]){ "z/{name}/there" },
	                                  .online = (char[]){ "online" },
	                                  .product_id = LAMP_PID };

static struct mosquitto bridge = { .id = "any", .username = "bridge", .clean = true };
static struct mosquitto forger = { .id = "bridge", .clean = true }; /* the id, and no username */
static struct mosquitto stranger = { .id = "stranger", .username = "else", .clean = true };
static struct mosquitto bell;

static struct lan *begin(void)
{
	struct lan *l = lan_open(BROKER_2_0);
	static const struct secret none;
	struct device *d = NULL;

	l->config.mappings = &rule;
	l->config.mapping_count = 1;
	CU_ASSERT_EQUAL_FATAL(device_table_add(l->h.devices, LAMP_PID, "plain-01", &none, &d), ST_OK);
	CU_ASSERT_EQUAL_FATAL(presence_attach(d), ST_OK);
	d->origins = ORIGIN_CONFIGURED;
	d->plain = true;
	CU_ASSERT_EQUAL_FATAL(mapping_service_start(&l->h), ST_OK);
	CU_ASSERT_FATAL(lan_doorbell(l, &bell));
	return l;
}

static struct device *known(struct lan *l, const char *client_id)
{
	return device_table_find(l->h.devices, client_id, strlen(client_id));
}

static void write_asked(struct mosquitto *c, const char *topic, const char *payload)
{
	struct mosquitto_evt_acl_check ed = { .client = c,
		                                  .topic = topic,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .access = MOSQ_ACL_WRITE };

	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &ed), MOSQ_ERR_SUCCESS);
}

/* On its way to the doorbell. */
static void routed(const char *topic, const char *payload)
{
	struct mosquitto_evt_acl_check ed = { .client = &bell,
		                                  .topic = topic,
		                                  .payload = payload,
		                                  .payloadlen = (uint32_t)strlen(payload),
		                                  .access = MOSQ_ACL_READ };

	fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

static void say(struct mosquitto *c, const char *topic, const char *payload)
{
	write_asked(c, topic, payload);
	CU_ASSERT_EQUAL(lan_publish(c, topic, payload, 1), MOSQ_ERR_SUCCESS);
	routed(topic, payload);
}

static void will(struct mosquitto *c, const char *topic, const char *payload)
{
	write_asked(c, topic, payload);
	routed(topic, payload);
}

static void presence_counts_from_the_rules_client_alone(void)
{
	struct lan *l = begin();

	say(&stranger, "z/plain-01/there", "online");
	CU_ASSERT_FALSE(presence_is_there(&l->h, known(l, PLAIN_ID)));
	say(&bridge, "z/plain-01/there", "online");
	CU_ASSERT_TRUE(known(l, PLAIN_ID)->online);
	say(&stranger, "z/plain-01/there", "offline");
	CU_ASSERT_TRUE(known(l, PLAIN_ID)->online);
	say(&bridge, "z/plain-01/there", "offline");
	CU_ASSERT_FALSE(known(l, PLAIN_ID)->online);
	lan_close(l);
}

static void will_counts_as_what_its_client_may_say(void)
{
	struct lan *l = begin();

	say(&bridge, "z/plain-01/there", "online");
	will(&stranger, "z/plain-01/there", "offline");
	CU_ASSERT_TRUE(known(l, PLAIN_ID)->online);
	will(&bridge, "z/plain-01/there", "offline");
	CU_ASSERT_FALSE(known(l, PLAIN_ID)->online);
	/* Routed without a word before: at QoS 2, or by the plugin itself. It was looked at. */
	routed("z/plain-01/there", "online");
	CU_ASSERT_FALSE(known(l, PLAIN_ID)->online);
	write_asked(&bridge, "z/plain-01/there", "online");
	lan_tick();
	routed("z/plain-01/there", "online");
	CU_ASSERT_FALSE(known(l, PLAIN_ID)->online);
	lan_close(l);
}

static void retained_presence_changes_a_device_that_exists_and_makes_none(void)
{
	struct lan *l = begin();

	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_SUBSCRIBE, "z/+/there"), MOSQ_ERR_SUCCESS);
	routed("z/plain-01/there", "online");
	routed("z/ghost/there", "online");
	routed("z/" LAMP_NAME "/there", "online"); /* it has a secret */
	CU_ASSERT_TRUE(known(l, PLAIN_ID)->online);
	CU_ASSERT_PTR_NULL(known(l, LAMP_PID "ghost"));
	CU_ASSERT_FALSE(l->lamp->online);
	lan_tick();
	routed("z/plain-01/there", "offline");
	CU_ASSERT_TRUE(known(l, PLAIN_ID)->online);
	lan_close(l);
}

static void a_strangers_presence_fills_no_table(void)
{
	struct lan *l = begin();
	size_t before = device_table_known(l->h.devices);
	char topic[64];

	for (int i = 0; i < GHOSTS; i++) {
		snprintf(topic, sizeof(topic), "z/ghost%d/there", i);
		say(&stranger, topic, "online");
	}
	CU_ASSERT_EQUAL(device_table_known(l->h.devices), before);
	lan_close(l);
}

static void device_with_a_secret_is_spoken_for_by_a_checked_username_alone(void)
{
	struct lan *l = begin();

	CU_ASSERT_EQUAL(lan_publish(&forger, "z/" LAMP_NAME, "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_publish(&forger, "z/" LAMP_NAME, "2", 1), MOSQ_ERR_SUCCESS);
	say(&forger, "z/" LAMP_NAME "/there", "online");
	CU_ASSERT_EQUAL(lan_kept(l), 0);
	CU_ASSERT_FALSE(l->lamp->origins & ORIGIN_MAPPING);
	CU_ASSERT_TRUE(fake_logged("mark the device \"plain\": true"));
	CU_ASSERT_EQUAL(lan_publish(&bridge, "z/" LAMP_NAME, "3", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	/* Nobody checks it on this broker. */
	l->rights.unknown_users_pass = true;
	CU_ASSERT_EQUAL(lan_publish(&bridge, "z/" LAMP_NAME, "4", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	lan_close(l);
}

static void presence_of_a_device_with_a_secret_counts_from_a_checked_username_alone(void)
{
	struct lan *l = begin();

	say(&bridge, "z/" LAMP_NAME "/there", "online");
	CU_ASSERT_TRUE(l->lamp->online);
	say(&forger, "z/" LAMP_NAME "/there", "offline");
	will(&forger, "z/" LAMP_NAME "/there", "offline");
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_SUBSCRIBE, "z/+/there"), MOSQ_ERR_SUCCESS);
	routed("z/" LAMP_NAME "/there", "offline");
	CU_ASSERT_TRUE(l->lamp->online);
	say(&bridge, "z/" LAMP_NAME "/there", "offline");
	CU_ASSERT_FALSE(l->lamp->online);
	say(&forger, "z/" LAMP_NAME "/there", "online");
	CU_ASSERT_FALSE(l->lamp->online);
	lan_close(l);
}

static void rule_that_fits_the_client_id_alone_works_for_other_devices_with_one_warning(void)
{
	struct lan *l = begin();
	size_t before;

	CU_ASSERT_EQUAL(lan_publish(&forger, "z/plain-01", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_TRUE(fake_logged("mappings[0].client \"bridge\" is a client id"));
	before = fake_lines();
	CU_ASSERT_EQUAL(lan_publish(&forger, "z/plain-01", "2", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(fake_lines(), before);
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	lan_close(l);
}

static void broker_that_checks_no_names_is_warned_about_at_the_start(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	l->config.mappings = &rule;
	l->config.mapping_count = 1;
	l->rights.unknown_users_pass = true;
	CU_ASSERT_EQUAL(mapping_service_start(&l->h), ST_OK);
	CU_ASSERT_TRUE(fake_logged("is a name that this broker does not check, so anybody may be"));
	rule.client_id = (char[]){ "b-1" };
	mapping_service_rules_changed(&l->h);
	CU_ASSERT_TRUE(fake_logged("is a name that this broker does not check, so nobody is"));
	rule.client_id = NULL;
	lan_close(l);
}

static void device_that_logged_in_once_speaks_for_itself_also_after_a_restart(void)
{
	struct lan *l = begin();
	struct mosquitto c = { .id = LAMP_ID, .clean = true };
	struct device *d = l->lamp;
	const unsigned char bits = DEVICE_RECORD_BOUND | DEVICE_RECORD_MAPPED | DEVICE_RECORD_LOGGED_IN;
	const struct state_entry stored = { STATE_DEVICE, LAMP_ID, &bits, 1 };

	CU_ASSERT_EQUAL(lan_publish(&bridge, "z/" LAMP_NAME, "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_TRUE(d->origins & ORIGIN_MAPPING);
	CU_ASSERT_FATAL(lan_enter(l, &c, d));
	CU_ASSERT_FALSE(d->origins & ORIGIN_MAPPING); /* commands are its session's */
	CU_ASSERT_FALSE(d->online);
	lan_offline(&c);
	CU_ASSERT_EQUAL(lan_publish(&bridge, "z/" LAMP_NAME, "2", 1), MOSQ_ERR_SUCCESS);
	say(&bridge, "z/" LAMP_NAME "/there", "online");
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	CU_ASSERT_FALSE(d->online);
	d->logged_in = false;
	CU_ASSERT_TRUE(device_load(&l->h, &stored));
	CU_ASSERT_TRUE(d->logged_in);
	CU_ASSERT_FALSE(d->origins & ORIGIN_MAPPING);
	d->plain = true; /* what the configuration says counts more */
	d->guarded = false;
	CU_ASSERT_TRUE(device_load(&l->h, &stored));
	CU_ASSERT_FALSE(d->logged_in);
	CU_ASSERT_TRUE(d->origins & ORIGIN_MAPPING);
	lan_close(l);
}

/* As an older version let any client do it, or one that was proven. */
static void stored_mapping_of_a_device_with_a_secret_counts_only_if_it_was_proven(void)
{
	static const char proven[] = "\1" LAMP_NAME "\0z/{name}\0z2m\0u\0name\0" LAMP_NAME;
	const unsigned char bits = DEVICE_RECORD_BOUND | DEVICE_RECORD_MAPPED;
	const struct state_entry device = { STATE_DEVICE, LAMP_ID, &bits, 1 };
	const struct state_entry mapped = { STATE_MAPPED, LAMP_ID, proven, sizeof(proven) };
	struct lan *l = begin();

	CU_ASSERT_TRUE(device_load(&l->h, &device));
	CU_ASSERT_FALSE(l->lamp->origins & ORIGIN_MAPPING);
	CU_ASSERT_TRUE(mapped_load(&l->h, &mapped));
	CU_ASSERT_TRUE(l->lamp->origins & ORIGIN_MAPPING);
	lan_close(l);
}

static void device_that_gets_a_secret_is_not_spoken_for_by_the_unproven_any_more(void)
{
	struct lan *l = begin();
	struct device *d = known(l, PLAIN_ID);

	CU_ASSERT_EQUAL(lan_publish(&forger, "z/plain-01", "1", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_TRUE(d->origins & ORIGIN_MAPPING);
	d->plain = false;
	d->guarded = true;
	mapping_service_adopt(&l->h);
	CU_ASSERT_FALSE(d->origins & ORIGIN_MAPPING);
	lan_close(l);
}

static void plain_device_does_not_log_in(void)
{
	struct lan *l = begin();
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	l->lamp->plain = true;
	CU_ASSERT_FALSE(lan_enter(l, &c, l->lamp));
	CU_ASSERT_TRUE(fake_logged("never logs in"));
	lan_gone(&c);
	lan_close(l);
}

SUITE(mapping_speaker, TEST(presence_counts_from_the_rules_client_alone),
      TEST(will_counts_as_what_its_client_may_say),
      TEST(retained_presence_changes_a_device_that_exists_and_makes_none),
      TEST(a_strangers_presence_fills_no_table),
      TEST(device_with_a_secret_is_spoken_for_by_a_checked_username_alone),
      TEST(presence_of_a_device_with_a_secret_counts_from_a_checked_username_alone),
      TEST(rule_that_fits_the_client_id_alone_works_for_other_devices_with_one_warning),
      TEST(broker_that_checks_no_names_is_warned_about_at_the_start),
      TEST(device_that_logged_in_once_speaks_for_itself_also_after_a_restart),
      TEST(stored_mapping_of_a_device_with_a_secret_counts_only_if_it_was_proven),
      TEST(device_that_gets_a_secret_is_not_spoken_for_by_the_unproven_any_more),
      TEST(plain_device_does_not_log_in))
