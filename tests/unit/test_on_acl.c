#include <stdio.h>

#include "plugin/lan/doorbell_login.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_ACL_DENIED,
	DEFER = MOSQ_ERR_PLUGIN_DEFER,
	TEN_MINUTES_MS = 600000,
};

/* What a client may do with a topic. */
enum {
	P = 1,
	S = 2,
	R = 4
};

struct row {
	const char *topic;
	unsigned may;
};

static void check(struct mosquitto *c, const struct row *rows, size_t count, int yes)
{
	static const struct {
		unsigned bit;
		int access;
	} cells[] = { { P, MOSQ_ACL_WRITE }, { S, MOSQ_ACL_SUBSCRIBE }, { R, MOSQ_ACL_READ } };

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(cells) / sizeof(cells[0]); k++) {
			int want = rows[i].may & cells[k].bit ? yes : NO;

			if (lan_acl(c, cells[k].access, rows[i].topic) != want)
				CU_FAIL(rows[i].topic);
		}
	}
}

#define CHECK(c, rows, yes) check(c, rows, sizeof(rows) / sizeof(rows[0]), yes)

static const struct row own_topics[] = {
	{ LAMP "/event", P | S | R },
	{ LAMP "/a/b/c", P | S | R },
	{ "$shadow/operation/" LAMP, P },
	{ "$shadow/operation/result/" LAMP, S | R },
	{ "$ota/report/" LAMP, P },
	{ "$ota/update/" LAMP, S | R },
	{ "$rrpc/txd/" LAMP "/7", P },
	{ "$rrpc/rxd/" LAMP "/7", S | R },
	{ "$broadcast/rxd/" LAMP, S | R },
	{ "$config/operation/" LAMP, P },
	{ "$config/operation/result/" LAMP, S | R },
	{ "$config/report/" LAMP, P },
	{ "$config/update/" LAMP, S | R },
	{ "$sys/operation/" LAMP, P },
	{ "$sys/operation/result/" LAMP, S | R },
	{ "$log/operation/" LAMP, P },
	{ "$log/operation/result/" LAMP, S | R },
	{ "$resource/up/service/" LAMP, P },
	{ "$resource/down/service/" LAMP, S | R },
	{ "$thing/up/property/" LAMP, P },
	{ "$thing/down/property/" LAMP, S | R },
	{ "$template/operation/" LAMP, P },
	{ "$template/operation/result/" LAMP, S | R },
};

static void own_cells(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CHECK(&c, own_topics, YES);
}

static void device_uses_its_own_topics_in_their_direction_only(void)
{
	lan_each(own_cells);
}

static const struct row foreign_topics[] = {
	{ SIBLING "/event", 0 },
	{ COUSIN "/event", 0 },
	{ "GATEWAY001/gw-1/event", 0 },
	{ "$shadow/operation/" SIBLING, 0 },
	{ "$shadow/operation/result/" SIBLING, 0 },
	{ "$ota/report/" COUSIN, 0 },
	{ "$ota/update/" SIBLING, 0 },
	{ "$rrpc/rxd/" SIBLING "/7", 0 },
	{ "$broadcast/rxd/" SIBLING, 0 },
	{ "$gateway/operation/" LAMP, 0 },
	{ "$gateway/operation/result/" SIBLING, 0 },
	{ "$gateway/operation/GATEWAY001/gw-1", 0 },
	{ "$gateway/operation/result/GATEWAY001/gw-1", 0 },
	{ LAMP, 0 },
	{ LAMP_PID, 0 },
	{ LAMP_PID "/lamp-011/event", 0 },
	{ "$shadow/operation/" LAMP "/x", 0 },
	{ "livingroom/lamp", 0 },
	{ "kitchen", 0 },
	{ DOORBELL_TOPIC, 0 },
	{ "$SYS/broker/hubgate/uplink", 0 },
	{ "$CONTROL/hubgate/v1", 0 },
	{ "$CONTROL/dynamic-security/v1", 0 },
	{ "", 0 },
};

static void foreign_cells(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CHECK(&c, foreign_topics, YES);
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_ACL_DENIED),
	                3 * sizeof(foreign_topics) / sizeof(foreign_topics[0]));
}

static void device_uses_nothing_of_others_and_nothing_of_the_lan(void)
{
	lan_each(foreign_cells);
}

static void filters(struct lan *l)
{
	static const struct {
		const char *filter;
		const char *mirrored; /* NULL: denied */
	} rows[] = {
		{ LAMP "/#", LAMP "/#" },
		{ LAMP "/+", LAMP "/+" },
		{ LAMP "/event/+", LAMP "/event/+" },
		{ "$rrpc/rxd/" LAMP "/+", "$rrpc/rxd/" LAMP "/+" },
		{ "$share/group/" LAMP "/control", LAMP "/control" },
		{ "$share/group/$ota/update/" LAMP, "$ota/update/" LAMP },
		{ "#", NULL },
		{ "+/#", NULL },
		{ "+/" LAMP_NAME "/control", NULL },
		{ LAMP_PID "/#", NULL },
		{ LAMP_PID "/+/control", NULL },
		{ LAMP "/e#", NULL },
		{ SIBLING "/#", NULL },
		{ "$shadow/#", NULL },
		{ "$shadow/operation/result/+/" LAMP_NAME, NULL },
		{ "$rrpc/rxd/" LAMP "/#", NULL },
		{ "$rrpc/#", NULL },
		{ "$gateway/operation/result/" LAMP, NULL }, /* no gateway */
		{ "$share/group/" SIBLING "/control", NULL },
		{ "$share/group/#", NULL },
		{ "$share/group/" LAMP_PID "/#", NULL },
		{ "$share/group", NULL },
		{ "$share/a/$share/b/" LAMP "/x", NULL },
		{ "$share//" LAMP "/x", NULL },
		{ "$hubgate/#", NULL },
		{ "$SYS/#", NULL },
	};
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool yes = lan_acl(&c, MOSQ_ACL_SUBSCRIBE, rows[i].filter) == YES;
		bool told = lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, rows[i].mirrored);

		if (yes != (rows[i].mirrored != NULL) || told != yes || !lan_quiet(l))
			CU_FAIL(rows[i].filter);
	}
	CU_ASSERT_EQUAL(l->lamp->filter_count, 6);
}

static void wildcards_stay_inside_the_device_and_shares_are_looked_through(void)
{
	lan_each(filters);
}

static void unsubscribes(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LAMP "/control"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "$ota/update/" LAMP), YES);
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, LAMP "/control"));
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, "$ota/update/" LAMP));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, "$ota/update/" LAMP), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, SIBLING "/control"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, "#"), YES);
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, LAMP "/control"), YES);
	CU_ASSERT(lan_ordered(l, ORDER_UNSUBSCRIBE, LAMP_ID, LAMP "/control"));
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, LAMP "/control"), YES);
	CU_ASSERT(lan_quiet(l));
}

static void custom_subscriptions_end_at_the_hub_and_those_of_services_stay(void)
{
	lan_each(unsubscribes);
}

static void too_many(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };
	char filter[64];

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT(lan_ordered(l, ORDER_PRESENT, LAMP_ID, NULL));
	for (int i = 0; i < DEVICE_FILTERS_MAX; i++) {
		snprintf(filter, sizeof(filter), LAMP "/topic%d", i);
		CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, filter), YES);
		CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, filter));
	}
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, LAMP "/one-more"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, filter), YES);
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, LAMP_ID, filter));
	CU_ASSERT(lan_quiet(l));
	CU_ASSERT(l->lamp->presence->unsaid == UNSAID_NOTHING);
}

static void subscription_that_cannot_be_mirrored_is_refused(void)
{
	lan_each(too_many);
}

static void absent(struct lan *l)
{
	static const struct row rows[] = {
		{ LAMP "/event", R },
		{ "$ota/update/" LAMP, R },
		{ "$shadow/operation/result/" LAMP, R },
		{ "$shadow/operation/" LAMP, 0 },
		{ SIBLING "/event", 0 },
		{ "livingroom/lamp", 0 },
	};
	struct mosquitto kept = { .id = LAMP_ID, .username = l->username }; /* restored, or away */

	lan_sign(l, l->lamp, 0);
	CHECK(&kept, rows, YES);
	CU_ASSERT_EQUAL(lan_acl(&kept, MOSQ_ACL_UNSUBSCRIBE, LAMP "/event"), NO);
	CU_ASSERT(lan_enter(l, &kept, l->lamp));
	CU_ASSERT_EQUAL(lan_acl(&kept, MOSQ_ACL_WRITE, LAMP "/event"), YES);
	lan_offline(&kept);
	CHECK(&kept, rows, YES);
}

static void kept_session_of_an_absent_device_may_only_be_queued_for(void)
{
	lan_each(absent);
}

/* As a certificate of use_identity_as_username makes them, or a client of another plugin. */
static void ids_alone(struct lan *l)
{
	static const struct row rows[] = {
		{ LAMP "/event", 0 },
		{ LAMP "/#", 0 },
		{ "$ota/update/" LAMP, 0 },
		{ "$shadow/operation/result/" LAMP, 0 },
	};
	static const char *const names[] = { NULL, "", LAMP_ID, "CN=" LAMP_ID, "admin", LAMP_ID ";x" };
	struct mosquitto c = { .id = LAMP_ID };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		c.username = names[i];
		CHECK(&c, rows, YES);
	}
	lan_sign(l, l->sibling, 0);
	c.username = l->username;
	CHECK(&c, rows, YES);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, LAMP "/event"), YES);
	c.id = "another";
	CHECK(&c, rows, YES);
}

static void client_id_of_a_device_reads_nothing_without_its_user_name(void)
{
	lan_each(ids_alone);
}

static const struct row others_cloud[] = {
	{ LAMP "/event", 0 },
	{ LAMP_PID "/#", 0 },
	{ LAMP_PID "/unknown/x", 0 },
	{ "GATEWAY001/gw-1/data", 0 },
	{ "$shadow/#", 0 },
	{ "$share/g/" LAMP "/event", 0 },
	{ "$gateway/operation/GATEWAY001/gw-1", 0 },
	{ DOORBELL_TOPIC, 0 },
	{ "$hubgate/#", 0 },
};

static const struct row others_own[] = {
	{ "livingroom/lamp", P | S | R },
	{ "NOTOURS001/lamp-01/event", P | S | R },
	{ "$SYS/broker/hubgate/uplink", P | S | R },
	{ "", P | S | R },
};

static void others_allowed(struct lan *l)
{
	struct mosquitto c = { .id = "console" }, nobody = { 0 };

	CHECK(&c, others_cloud, YES);
	CHECK(&c, others_own, YES);
	CHECK(&nobody, others_cloud, YES);
	CHECK(&nobody, others_own, YES);
	CHECK((struct mosquitto *)NULL, others_cloud, YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, LAMP "/event"), YES);
	CU_ASSERT(lan_quiet(l));
}

static void others_are_closed_out_of_cloud_topics_and_free_elsewhere(void)
{
	lan_each(others_allowed);
}

static void others_deferred(struct lan *l)
{
	struct mosquitto c = { .id = "console" };

	l->rights.acl = LAN_ACL_DEFER;
	CHECK(&c, others_cloud, DEFER);
	CHECK(&c, others_own, DEFER);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_UNSUBSCRIBE, LAMP "/event"), DEFER);
}

static void with_lan_acl_defer_others_are_left_to_the_acl_file(void)
{
	lan_each(others_deferred);
}

static void see_all(struct lan *l)
{
	struct mosquitto c = { .id = "dashboard" };

	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "#"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "+/+/event"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_SUBSCRIBE, "$share/g/#"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, "livingroom/lamp"), YES);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, LAMP "/event"), NO);
	CU_ASSERT_EQUAL(lan_acl(&c, MOSQ_ACL_READ, "$ota/update/" LAMP), NO);
	CU_ASSERT(lan_quiet(l));
}

static void dashboard_on_everything_gets_all_but_the_cloud_topics(void)
{
	lan_each(see_all);
}

static void too_large(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };
	struct mosquitto_evt_acl_check ed = {
		.client = &c, .topic = LAMP "/event", .access = MOSQ_ACL_WRITE, .payloadlen = 16384
	};

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &ed), YES);
	ed.payloadlen++;
	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &ed), NO);
	CU_ASSERT(fake_logged("16384 bytes"));
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_REFUSED), 1);
	ed.access = 99;
	CU_ASSERT_EQUAL(fake_fire(MOSQ_EVT_ACL_CHECK, &ed), NO);
}

static void payload_over_the_hubs_limit_is_refused_with_its_cause(void)
{
	lan_each(too_large);
}

static void noisy(struct lan *l)
{
	struct mosquitto c = { .id = LAMP_ID, .clean = true };
	size_t before;

	CU_ASSERT(lan_enter(l, &c, l->lamp));
	before = fake_lines();
	for (int i = 0; i < 100; i++)
		lan_acl(&c, MOSQ_ACL_WRITE, SIBLING "/event");
	CU_ASSERT_EQUAL(fake_lines(), before + 1);
	lan_acl(&c, MOSQ_ACL_SUBSCRIBE, SIBLING "/control"); /* another mistake */
	CU_ASSERT_EQUAL(fake_lines(), before + 2);
	lan_wait(TEN_MINUTES_MS);
	lan_acl(&c, MOSQ_ACL_WRITE, SIBLING "/event");
	CU_ASSERT_EQUAL(fake_lines(), before + 3);
	CU_ASSERT(fake_logged("99 more since"));
}

static void refusal_that_repeats_is_logged_once_then_counted(void)
{
	lan_each(noisy);
}

/* --- the doorbell --- */

static void doorbell_rights(struct lan *l)
{
	static const struct row rows[] = {
		{ "livingroom/lamp", 0 }, { LAMP "/event", 0 }, { "$hubgate/x", 0 },
		{ "$SYS/x", 0 },          { "#", 0 },           { "", 0 },
	};
	struct mosquitto bell, stranger = { .id = "console" };

	CU_ASSERT_EQUAL(lan_acl(&stranger, MOSQ_ACL_WRITE, DOORBELL_TOPIC), NO);
	lan_command(l, LAMP "/control", 0, 0);
	CU_ASSERT(lan_doorbell(l, &bell));
	CHECK(&bell, rows, YES);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_SUBSCRIBE, DOORBELL_TOPIC), NO);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_READ, DOORBELL_TOPIC), NO);
	CU_ASSERT_EQUAL(lan_acl(&stranger, MOSQ_ACL_WRITE, DOORBELL_TOPIC), NO);
	CU_ASSERT_EQUAL(fake_published(), 0);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, DOORBELL_TOPIC), NO);
	CU_ASSERT_EQUAL(fake_published(), 1);
	lan_gone(&bell);
	lan_command(l, LAMP "/control", 0, 0);
	CU_ASSERT_EQUAL(lan_acl(&bell, MOSQ_ACL_WRITE, DOORBELL_TOPIC), NO);
	CU_ASSERT_EQUAL(fake_published(), 1);
}

static void doorbell_rings_and_may_do_nothing_else(void)
{
	lan_each(doorbell_rights);
}

SUITE(on_acl, TEST(device_uses_its_own_topics_in_their_direction_only),
      TEST(device_uses_nothing_of_others_and_nothing_of_the_lan),
      TEST(wildcards_stay_inside_the_device_and_shares_are_looked_through),
      TEST(custom_subscriptions_end_at_the_hub_and_those_of_services_stay),
      TEST(subscription_that_cannot_be_mirrored_is_refused),
      TEST(kept_session_of_an_absent_device_may_only_be_queued_for),
      TEST(client_id_of_a_device_reads_nothing_without_its_user_name),
      TEST(others_are_closed_out_of_cloud_topics_and_free_elsewhere),
      TEST(with_lan_acl_defer_others_are_left_to_the_acl_file),
      TEST(dashboard_on_everything_gets_all_but_the_cloud_topics),
      TEST(payload_over_the_hubs_limit_is_refused_with_its_cause),
      TEST(refusal_that_repeats_is_logged_once_then_counted),
      TEST(doorbell_rings_and_may_do_nothing_else))
