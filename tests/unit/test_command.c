#include "plugin/devices/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hub/command_queue.h"
#include "plugin/devices/device_known.h"
#include "plugin/storage.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define CONTROL LAMP "/control"
#define OTHER   LAMP "/other"
/* A lamp: its sessions end with the connection, or are kept. */
#define CLIENT(is_clean)                                                         \
	{                                                                            \
		.id = LAMP_ID, .address = "10.0.0.9", .clean = is_clean, .keepalive = 30 \
	}

enum {
	LIVE_MS = 30000,
	MAX_AGE_S = 86400,
};

static uint64_t metric(const struct lan *l, enum metric id)
{
	return metric_get(&l->h.metrics, id);
}

static struct lan *start(enum fake_version version, const char *dir)
{
	struct lan *l = lan_open(version);

	l->config.store.dir = (char *)(uintptr_t)(dir ? dir : l->dir);
	l->config.commands.max_age_s = MAX_AGE_S;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	return l;
}

static void each(void (*body)(struct lan *l))
{
	for (int version = BROKER_2_0; version <= BROKER_2_1; version++) {
		struct lan *l = start((enum fake_version)version, NULL);

		body(l);
		lan_close(l);
	}
}

/* The process ends, however, and the next one has the store. */
static struct lan *restart(struct lan *l)
{
	enum fake_version version = fake_broker_version();
	const char *dir = l->config.store.dir;

	lan_close(l);
	return start(version, dir);
}

static void forget_orders(struct lan *l)
{
	while (!lan_quiet(l))
		continue;
}

/* It logs in, and the turn after it has passed. */
static void enter(struct lan *l, struct mosquitto *c)
{
	CU_ASSERT_FATAL(lan_enter(l, c, l->lamp));
	lan_tick();
	forget_orders(l);
}

static void subscribe(struct lan *l, struct mosquitto *c, const char *filter)
{
	CU_ASSERT_EQUAL(lan_acl(c, MOSQ_ACL_SUBSCRIBE, filter), MOSQ_ERR_SUCCESS);
	lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, NULL);
}

/* The hub sends one; true: it is acknowledged in the same turn. */
static bool command(struct lan *l, const char *topic, uint16_t packet_id)
{
	lan_command(l, topic, 1, packet_id);
	lan_tick();
	return lan_done(l, packet_id);
}

static void wait_for(struct lan *l, int64_t ms)
{
	(void)l;
	lan_wait(ms);
	lan_tick();
}

/* The broker routes what was published to this client. */
static int reads(struct mosquitto *c, const char *topic)
{
	struct mosquitto_evt_acl_check ed = { .client = c,
		                                  .topic = topic,
		                                  .access = MOSQ_ACL_READ,
		                                  .payload = "go",
		                                  .payloadlen = 2,
		                                  .qos = 1 };

	return fake_fire(MOSQ_EVT_ACL_CHECK, &ed);
}

static uint64_t waiting(const struct lan *l)
{
	return metric(l, M_COMMANDS);
}

/* --- away --- */

static void away(struct lan *l)
{
	struct mosquitto c = CLIENT(true), again = CLIENT(true);

	enter(l, &c);
	lan_gone(&c);
	CU_ASSERT(command(l, CONTROL, 11)); /* in its grace time */
	wait_for(l, LAN_GRACE_MS + 1);
	CU_ASSERT(lan_ordered(l, ORDER_LEFT, LAMP_ID, NULL));
	CU_ASSERT(command(l, OTHER, 12)); /* and after it */
	CU_ASSERT(command(l, CONTROL, 13));
	CU_ASSERT(fake_published() == 0 && waiting(l) == 3);
	enter(l, &again);
	CU_ASSERT_EQUAL(fake_published(), 0); /* it has not subscribed */
	subscribe(l, &again, LAMP "/con/+");
	CU_ASSERT_EQUAL(fake_published(), 0);
	subscribe(l, &again, CONTROL);
	CU_ASSERT_EQUAL_FATAL(fake_published(), 2);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, CONTROL);
	CU_ASSERT(fake_publish_at(0)->qos == 1 && !fake_publish_at(0)->retain);
	subscribe(l, &again, LAMP "/#");
	CU_ASSERT_EQUAL_FATAL(fake_published(), 3);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(2)->topic, OTHER);
	CU_ASSERT_EQUAL(waiting(l), 3);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
	wait_for(l, 10 * LIVE_MS);
	CU_ASSERT(fake_published() == 3 && lan_quiet(l));
	CU_ASSERT_EQUAL(metric(l, M_DOWN_HELD), 3);
}

static void
commands_of_a_device_that_is_away_wait_until_it_subscribes_and_end_a_keepalive_later(void)
{
	each(away);
}

static void kept_session(struct lan *l)
{
	struct mosquitto c = CLIENT(false), again = CLIENT(false);

	enter(l, &c);
	subscribe(l, &c, CONTROL);
	lan_offline(&c);
	wait_for(l, LAN_GRACE_MS + 1);
	forget_orders(l);
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT(command(l, OTHER, 12));
	CU_ASSERT_EQUAL(fake_published(), 0); /* the broker would keep it too */
	CU_ASSERT_EQUAL(lan_auth(&again, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&c);
	lan_connected(&again);
	lan_tick();
	/* Whether the broker still has it, and what it subscribes, is seen by what it reads. */
	CU_ASSERT_EQUAL_FATAL(fake_published(), 2);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, CONTROL);
	CU_ASSERT_EQUAL(reads(&again, CONTROL), MOSQ_ERR_SUCCESS);
	forget_orders(l);
	CU_ASSERT(command(l, CONTROL, 13)); /* behind what waits, as it came */
	CU_ASSERT(fake_published() == 3 && waiting(l) == 3);
	wait_for(l, LIVE_MS);
	CU_ASSERT(waiting(l) == 1 && fake_published() == 3);
}

static void kept_session_hears_each_command_once_when_it_resumes(void)
{
	each(kept_session);
}

static void died_unread(struct lan *l)
{
	struct mosquitto c = CLIENT(true), again = CLIENT(true);

	CU_ASSERT(command(l, CONTROL, 11));
	enter(l, &c);
	subscribe(l, &c, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 1);
	wait_for(l, LIVE_MS - 1);
	lan_gone(&c);
	wait_for(l, 10 * LIVE_MS);
	forget_orders(l);
	CU_ASSERT(fake_published() == 1 && waiting(l) == 1);
	enter(l, &again);
	subscribe(l, &again, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 2);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_AGAIN), 1);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
}

static void device_that_dies_within_a_keepalive_gets_it_again(void)
{
	each(died_unread);
}

static void resumed_in_time(struct lan *l)
{
	struct mosquitto c = CLIENT(false), again = CLIENT(false), clean = CLIENT(true);

	CU_ASSERT(command(l, CONTROL, 11));
	enter(l, &c);
	CU_ASSERT_EQUAL(reads(&c, CONTROL), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(fake_published(), 1);
	lan_offline(&c);
	wait_for(l, 10 * LIVE_MS);
	forget_orders(l);
	CU_ASSERT_EQUAL(waiting(l), 1);
	enter(l, &again); /* the broker has it for this session still, and sends it */
	CU_ASSERT_EQUAL(fake_published(), 1);
	wait_for(l, LIVE_MS - 1);
	CU_ASSERT_EQUAL(waiting(l), 1);
	lan_offline(&again);
	enter(l, &clean); /* the broker has thrown it away */
	subscribe(l, &clean, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 2);
}

static void short_visit(struct lan *l)
{
	struct mosquitto c = CLIENT(false), again = CLIENT(false);

	CU_ASSERT(command(l, CONTROL, 11));
	enter(l, &c);
	CU_ASSERT_EQUAL(fake_published(), 1); /* nobody reads it */
	subscribe(l, &c, CONTROL);
	lan_offline(&c); /* before the broker has surely routed it */
	forget_orders(l);
	CU_ASSERT(command(l, OTHER, 12));
	fake_forget_published();
	enter(l, &again);
	CU_ASSERT_EQUAL_FATAL(fake_published(), 2);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, CONTROL);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(1)->topic, OTHER);
}

static void visit_that_ends_right_after_its_subscription_changes_no_order(void)
{
	each(short_visit);
}

static void expired(struct lan *l)
{
	struct mosquitto c = CLIENT(false), again = CLIENT(false);

	CU_ASSERT(command(l, CONTROL, 11));
	enter(l, &c);
	subscribe(l, &c, CONTROL);
	wait_for(l, COMMAND_AGAIN_MS);
	lan_offline(&c);
	fake_forget_published();
	wait_for(l, 3600000);
	forget_orders(l);
	enter(l, &again); /* persistent_client_expiration may have ended its session */
	CU_ASSERT_EQUAL(fake_published(), 1);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 1); /* nobody read it */
	subscribe(l, &again, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 2);
}

static void session_that_the_broker_may_have_let_go_is_not_believed_to_have_anything(void)
{
	each(expired);
}

static void what_the_broker_has_for_a_kept_session_is_not_handed_over_twice(void)
{
	each(resumed_in_time);
}

/* --- live --- */

static void live(struct lan *l)
{
	struct mosquitto c = CLIENT(true);

	enter(l, &c);
	subscribe(l, &c, CONTROL);
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT(fake_published() == 1 && waiting(l) == 0);
	CU_ASSERT(command(l, OTHER, 12)); /* there, and does not hear that */
	CU_ASSERT(fake_published() == 1 && waiting(l) == 1);
	CU_ASSERT(command(l, CONTROL, 13)); /* behind what waits, and in the same turn */
	CU_ASSERT(fake_published() == 2 && waiting(l) == 2);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, CONTROL), MOSQ_ERR_SUCCESS);
	forget_orders(l);
	CU_ASSERT(command(l, CONTROL, 14));
	CU_ASSERT_EQUAL(fake_published(), 2);
}

static void live_device_gets_at_once_what_it_subscribes_and_the_rest_waits(void)
{
	each(live);
}

static void worthless(struct lan *l)
{
	lan_command(l, CONTROL, 0, 0);
	lan_command(l, "$rrpc/rxd/" LAMP "/7", 1, 12);
	lan_command(l, "$sys/operation/result/" LAMP, 1, 13);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(),
	                2); /* the broker finds nobody; a call has a life of its own */
	CU_ASSERT(lan_done(l, 12) && lan_done(l, 13) && lan_quiet(l));
	CU_ASSERT(waiting(l) == 0 && metric(l, M_DOWN_HELD) == 0);
}

static void qos_0_calls_and_answers_wait_for_nobody(void)
{
	each(worthless);
}

static void stranger(struct lan *l)
{
	l->lamp->standing = STANDING_STRANGER;
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT(fake_published() == 1 && waiting(l) == 0);
	l->lamp->standing = STANDING_OWN;
}

static void nothing_is_kept_of_a_stranger(void)
{
	each(stranger);
}

static void replaced(struct lan *l)
{
	struct mosquitto old = CLIENT(true), new = CLIENT(true);

	enter(l, &old);
	subscribe(l, &old, CONTROL);
	CU_ASSERT_EQUAL(lan_auth(&new, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&old);
	lan_connected(&new);
	lan_tick();
	CU_ASSERT(command(l, CONTROL, 11)); /* the new one has subscribed nothing yet */
	CU_ASSERT_EQUAL(fake_published(), 0);
	subscribe(l, &new, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 1);
}

static void session_that_took_over_has_not_subscribed_what_the_older_one_did(void)
{
	each(replaced);
}

static void failed(struct lan *l)
{
	struct mosquitto live_one = CLIENT(true), bad = CLIENT(true);

	enter(l, &live_one);
	subscribe(l, &live_one, CONTROL);
	CU_ASSERT_EQUAL(lan_auth(&bad, l->username, l->password), MOSQ_ERR_SUCCESS);
	lan_gone(&bad);
	lan_tick();
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT_EQUAL(fake_published(), 1);
}

static void login_that_fails_changes_nothing_for_the_session_that_lives(void)
{
	each(failed);
}

/* --- bounds --- */

static void many(struct lan *l)
{
	for (int i = 0; i < COMMAND_DEVICE_MAX + 3; i++)
		CU_ASSERT(command(l, CONTROL, (uint16_t)(100 + i)));
	CU_ASSERT_EQUAL(waiting(l), COMMAND_DEVICE_MAX);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_BOUND), 3);
	CU_ASSERT(fake_logged("more than 32 commands wait for it"));
}

static void device_has_32_commands_and_the_oldest_gives_way(void)
{
	each(many);
}

static void add_device(struct lan *l, const char *name)
{
	static const struct secret none;
	struct device *d = NULL;

	CU_ASSERT_EQUAL_FATAL(device_table_add(l->h.devices, LAMP_PID, name, &none, &d), ST_OK);
	CU_ASSERT_EQUAL_FATAL(presence_attach(d), ST_OK);
	d->origins = ORIGIN_CONFIGURED;
}

static void thousand(struct lan *l)
{
	enum {
		DEVICES = 40,
		EACH = 26
	};
	size_t lines = fake_lines();
	char name[16], topic[64];

	for (int i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		add_device(l, name);
	}
	for (int n = 0; n < DEVICES * EACH; n++) {
		snprintf(topic, sizeof(topic), LAMP_PID "/many-%d/control", n % DEVICES);
		lan_command(l, topic, 1, (uint16_t)(n + 1));
		lan_tick();
	}
	forget_orders(l);
	CU_ASSERT_EQUAL(waiting(l), COMMAND_MAX);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_BOUND), DEVICES * EACH - COMMAND_MAX);
	CU_ASSERT(fake_logged("more than 1000 commands wait for devices that are away"));
	CU_ASSERT_EQUAL(fake_lines(), lines + 1); /* once, not for each */
}

static void all_devices_have_1000_commands_and_the_oldest_gives_way(void)
{
	each(thousand);
}

static void too_old(struct lan *l)
{
	CU_ASSERT(command(l, CONTROL, 11));
	wait_for(l, 1000 * (int64_t)MAX_AGE_S - 1);
	CU_ASSERT_EQUAL(waiting(l), 1);
	wait_for(l, 1001); /* ages are looked at once a second */
	CU_ASSERT_EQUAL(waiting(l), 0);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_AGE), 1);
	CU_ASSERT(fake_logged("1 commands that nobody took for commands.max_age_s (86400 s)"));
	l->config.commands.max_age_s = 0;
	CU_ASSERT(command(l, CONTROL, 12));
	wait_for(l, 1000 * (int64_t)MAX_AGE_S * 10);
	CU_ASSERT_EQUAL(waiting(l), 1);
	l->config.commands.max_age_s = 1;
	command_age_changed(&l->h);
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 0);
}

static void command_that_nobody_takes_ends_at_its_age_and_0_means_never(void)
{
	each(too_old);
}

static void unbound(struct lan *l)
{
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT(command(l, CONTROL, 12));
	lan_command(l, SIBLING "/control", 1, 13);
	lan_tick();
	device_set_bound(&l->h, l->lamp, false);
	CU_ASSERT_EQUAL(waiting(l), 1);
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_GONE), 2);
	CU_ASSERT(fake_logged("2 commands that waited for it are dropped"));
	l->sibling->origins = 0;
	CU_ASSERT_FALSE(device_let_go(&l->h, l->sibling));
	CU_ASSERT_EQUAL(waiting(l), 0);
}

static void unbinding_and_removal_drop_the_commands(void)
{
	each(unbound);
}

/* --- the disk --- */

static void full_disk(struct lan *l)
{
	struct state *state = l->h.state;
	uint16_t id;

	l->h.state = NULL; /* no room */
	for (id = 1; id <= COMMAND_UNKEPT_MAX; id++)
		CU_ASSERT_FALSE(command(l, CONTROL, id));
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_UNKEPT), COMMAND_UNKEPT_MAX);
	lan_command(l, CONTROL, 1, id);
	lan_tick();
	CU_ASSERT(lan_done(l, 1) && lan_quiet(l)); /* the oldest, which is dropped */
	CU_ASSERT_EQUAL(metric(l, M_COMMANDS_DISK), 1);
	wait_for(l, 5000);
	CU_ASSERT(lan_quiet(l));
	l->h.state = state;
	wait_for(l, 1000);
	for (id = 2; id <= COMMAND_UNKEPT_MAX + 1; id++)
		CU_ASSERT(lan_done(l, id));
	CU_ASSERT(lan_quiet(l) && metric(l, M_COMMANDS_UNKEPT) == 0);
	CU_ASSERT(fake_logged("cannot be kept (no room on the disk)"));
	CU_ASSERT(fake_logged("are kept again; 1 were dropped"));
}

static void what_the_disk_does_not_take_is_not_acknowledged_and_at_most_10_wait_so(void)
{
	each(full_disk);
}

static void unkept_goes(struct lan *l)
{
	struct state *state = l->h.state;
	struct mosquitto c = CLIENT(true);

	l->h.state = NULL;
	CU_ASSERT_FALSE(command(l, CONTROL, 11));
	enter(l, &c);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, CONTROL), MOSQ_ERR_SUCCESS);
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, CONTROL));
	CU_ASSERT(lan_done(l, 11) && waiting(l) == 0);
	l->h.state = state;
}

static void what_was_never_kept_is_acknowledged_when_its_device_has_it(void)
{
	each(unkept_goes);
}

static void resent(struct lan *l)
{
	struct state *state = l->h.state;
	struct uplink_down next = { .topic = strdup(CONTROL),
		                        .payload = strdup("go"),
		                        .len = 2,
		                        .qos = 1,
		                        .packet_id = 1,
		                        .epoch = 8 };

	l->h.state = NULL;
	CU_ASSERT_FALSE(command(l, CONTROL, 11));
	CU_ASSERT_EQUAL_FATAL(mail_put_news(uplink_mail(l->h.uplink), &next), ST_OK);
	lan_tick(); /* the hub says it again on its next connection */
	CU_ASSERT(waiting(l) == 1 && lan_quiet(l));
	l->h.state = state;
}

static void what_the_hub_sends_again_after_a_reconnect_is_here_once(void)
{
	each(resent);
}

static void killed(void)
{
	struct lan *l = start(BROKER_2_0, NULL);
	struct mosquitto c = CLIENT(true);

	for (uint16_t id = 1; id <= 3; id++)
		CU_ASSERT(command(l, id == 2 ? OTHER : CONTROL, id));
	l = restart(l);
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 3);
	CU_ASSERT(command(l, CONTROL, 4));
	enter(l, &c);
	subscribe(l, &c, LAMP "/#");
	CU_ASSERT_EQUAL_FATAL(fake_published(), 4);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(1)->topic, OTHER);
	l = restart(l); /* before a keepalive has passed */
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 4);
	enter(l, &c);
	subscribe(l, &c, LAMP "/#");
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
	l = restart(l);
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 0);
	lan_close(l);
}

static void kept_commands_survive_the_process_in_their_order_until_they_are_heard(void)
{
	killed();
}

static void not_erased(struct lan *l)
{
	struct state *state = l->h.state;
	struct mosquitto c = CLIENT(true);

	CU_ASSERT(command(l, CONTROL, 11));
	enter(l, &c);
	subscribe(l, &c, CONTROL);
	l->h.state = NULL; /* no room for the record of its end */
	wait_for(l, LIVE_MS);
	CU_ASSERT(waiting(l) == 0 && fake_published() == 1);
	l->h.state = state;
	wait_for(l, 1000);
}

static void what_ended_on_a_full_disk_is_erased_when_there_is_room(void)
{
	struct lan *l = start(BROKER_2_0, NULL);

	not_erased(l);
	l = restart(l);
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 0);
	lan_close(l);
}

/* --- a kept session of an earlier process --- */

static void restored(void)
{
	struct lan *l = start(BROKER_2_0, NULL);
	struct mosquitto c = CLIENT(false);

	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT(command(l, OTHER, 12));
	l = restart(l);
	enter(l, &c);
	CU_ASSERT_EQUAL(fake_published(), 2); /* who knows what it has subscribed */
	CU_ASSERT_EQUAL(reads(&c, CONTROL), MOSQ_ERR_SUCCESS);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 1);
	CU_ASSERT_EQUAL(fake_published(), 2);
	subscribe(l, &c, OTHER);
	CU_ASSERT_EQUAL(fake_published(), 3);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
	lan_close(l);
}

static void session_kept_by_an_earlier_process_has_what_it_is_seen_to_read(void)
{
	restored();
}

static void lost(void)
{
	struct lan *l = start(BROKER_2_0, NULL);
	struct mosquitto c = CLIENT(false);

	CU_ASSERT(command(l, CONTROL, 11));
	l = restart(l);
	enter(l, &c);
	CU_ASSERT_EQUAL(fake_published(), 1); /* the broker has lost the session: nobody reads it */
	subscribe(l, &c, CONTROL);
	CU_ASSERT_EQUAL(fake_published(), 1); /* it may not be routed yet */
	CU_ASSERT(command(l, CONTROL, 12));
	CU_ASSERT_EQUAL(fake_published(), 1); /* nor does a later one overtake it */
	wait_for(l, COMMAND_AGAIN_MS);
	CU_ASSERT_EQUAL(fake_published(), 3);
	wait_for(l, LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
	lan_close(l);
}

static void session_that_the_broker_lost_gets_its_commands_when_it_subscribes(void)
{
	lost();
}

/* --- plain devices --- */

#define LOCAL "cmnd/" LAMP_NAME "/POWER"

static struct config_mapping rule = { .product_id = LAMP_PID,
	                                  .device = (char[]){ "{name}" },
	                                  .up = (char[]){ "tele/{name}/STATE" },
	                                  .to = (char[]){ "event" },
	                                  .down = (char[]){ "cmnd/{name}/POWER" },
	                                  .from = (char[]){ "control" },
	                                  .online = (char[]){ "Online" } };

static void map(struct lan *l, bool tells_presence)
{
	static char presence_topic[] = "tele/{name}/LWT";

	rule.presence = tells_presence ? presence_topic : NULL;
	l->config.mappings = &rule;
	l->config.mapping_count = 1;
	l->lamp->origins |= ORIGIN_MAPPING;
}

static void plain(struct lan *l)
{
	struct mosquitto monitor = { .id = "monitor", .clean = true };

	map(l, true);
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT_EQUAL(fake_published(), 0);
	presence_mapped(&l->h, l->lamp, true);
	wait_for(l, 999);
	CU_ASSERT_EQUAL(fake_published(), 0); /* it subscribes after it said that it is there */
	wait_for(l, 100);
	CU_ASSERT_EQUAL_FATAL(fake_published(), 1);
	CU_ASSERT_STRING_EQUAL(fake_publish_at(0)->topic, LOCAL);
	CU_ASSERT_EQUAL(reads(&monitor, LOCAL), MOSQ_ERR_SUCCESS);
	forget_orders(l);
	CU_ASSERT(command(l, CONTROL, 12)); /* at once now */
	CU_ASSERT(fake_published() == 2 && waiting(l) == 1);
	wait_for(l, COMMAND_LIVE_MS - 1000);
	presence_mapped(&l->h, l->lamp, false);
	wait_for(l, COMMAND_LIVE_MS);
	CU_ASSERT(fake_published() == 2 && waiting(l) == 1);
	presence_mapped(&l->h, l->lamp, true); /* it left too soon: it may not have heard */
	wait_for(l, 1000);
	CU_ASSERT_EQUAL(fake_published(), 3);
	CU_ASSERT_EQUAL(reads(&monitor, LOCAL), MOSQ_ERR_SUCCESS);
	wait_for(l, COMMAND_LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
}

static void plain_device_hears_what_waits_a_second_after_it_came(void)
{
	each(plain);
}

static void plain_unread(struct lan *l)
{
	struct mosquitto c = { .id = "tasmota", .clean = true };

	map(l, true);
	presence_mapped(&l->h, l->lamp, true);
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT(command(l, CONTROL, 11));
	wait_for(l, 1000);
	CU_ASSERT_EQUAL(fake_published(), 1);
	wait_for(l, COMMAND_LIVE_MS);
	CU_ASSERT(fake_published() == 1 && waiting(l) == 1); /* nobody read it */
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "cmnd/other/POWER"), MOSQ_ERR_SUCCESS);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "cmnd/" LAMP_NAME "/#"), MOSQ_ERR_SUCCESS);
	lan_tick();
	CU_ASSERT_EQUAL(fake_published(), 2);
	wait_for(l, COMMAND_LIVE_MS);
	CU_ASSERT_EQUAL(waiting(l), 0);
}

static void what_nobody_read_goes_out_when_somebody_subscribes_it(void)
{
	each(plain_unread);
}

static void blind(struct lan *l)
{
	struct mosquitto c = { .id = "relay", .clean = true };

	map(l, false); /* never heard of since the start, and nothing would tell */
	CU_ASSERT(command(l, CONTROL, 11));
	CU_ASSERT_EQUAL(fake_published(), 1);
	CU_ASSERT_EQUAL(reads(&c, LOCAL), MOSQ_ERR_SUCCESS);
	lan_tick();
	CU_ASSERT_EQUAL(waiting(l), 0);
	CU_ASSERT(command(l, CONTROL, 12));
	CU_ASSERT(fake_published() == 2 && waiting(l) == 1);
	wait_for(l, COMMAND_AGAIN_MS);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LOCAL), MOSQ_ERR_SUCCESS);
	lan_tick();
	lan_tick();
	CU_ASSERT(fake_published() == 3 && waiting(l) == 0);
}

static void plain_device_that_may_be_there_is_tried_and_whoever_reads_it_had_it(void)
{
	each(blind);
}

SUITE(command,
      TEST(commands_of_a_device_that_is_away_wait_until_it_subscribes_and_end_a_keepalive_later),
      TEST(kept_session_hears_each_command_once_when_it_resumes),
      TEST(device_that_dies_within_a_keepalive_gets_it_again),
      TEST(visit_that_ends_right_after_its_subscription_changes_no_order),
      TEST(session_that_the_broker_may_have_let_go_is_not_believed_to_have_anything),
      TEST(what_the_broker_has_for_a_kept_session_is_not_handed_over_twice),
      TEST(live_device_gets_at_once_what_it_subscribes_and_the_rest_waits),
      TEST(qos_0_calls_and_answers_wait_for_nobody), TEST(nothing_is_kept_of_a_stranger),
      TEST(session_that_took_over_has_not_subscribed_what_the_older_one_did),
      TEST(login_that_fails_changes_nothing_for_the_session_that_lives),
      TEST(device_has_32_commands_and_the_oldest_gives_way),
      TEST(all_devices_have_1000_commands_and_the_oldest_gives_way),
      TEST(command_that_nobody_takes_ends_at_its_age_and_0_means_never),
      TEST(unbinding_and_removal_drop_the_commands),
      TEST(what_the_disk_does_not_take_is_not_acknowledged_and_at_most_10_wait_so),
      TEST(what_was_never_kept_is_acknowledged_when_its_device_has_it),
      TEST(what_the_hub_sends_again_after_a_reconnect_is_here_once),
      TEST(kept_commands_survive_the_process_in_their_order_until_they_are_heard),
      TEST(what_ended_on_a_full_disk_is_erased_when_there_is_room),
      TEST(session_kept_by_an_earlier_process_has_what_it_is_seen_to_read),
      TEST(session_that_the_broker_lost_gets_its_commands_when_it_subscribes),
      TEST(plain_device_hears_what_waits_a_second_after_it_came),
      TEST(what_nobody_read_goes_out_when_somebody_subscribes_it),
      TEST(plain_device_that_may_be_there_is_tried_and_whoever_reads_it_had_it))
