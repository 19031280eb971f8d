#include "core/hub/route.h"

#include <string.h>

#include "tests/runner.h"

#define PID        "SUBPROD001"
#define DEV        "lamp-01"
#define OWN        PID "/" DEV
#define TEN_LEVELS "/b/c/d/e/f/g/h/i/j/k"

struct row {
	const char *topic;
	enum route_action action;
	enum route_reason reason;
	enum topic_kind kind;
};

static void check(const struct row *rows, size_t count, size_t payload_len)
{
	for (size_t i = 0; i < count; i++) {
		struct route r = route_decide(PID, DEV, rows[i].topic, payload_len, 1);

		if (r.action != rows[i].action || r.reason != rows[i].reason || r.kind != rows[i].kind)
			CU_FAIL_FATAL(rows[i].topic);
	}
}

#define CHECK(rows, len) check(rows, sizeof rows / sizeof rows[0], len)

static void what_counts_later_too_is_forwarded(void)
{
	static const struct row rows[] = {
		{ OWN "/event", ROUTE_FORWARD, ROUTE_FINE, TOPIC_CUSTOM },
		{ OWN "/data", ROUTE_FORWARD, ROUTE_FINE, TOPIC_CUSTOM },
		{ OWN "/a/b", ROUTE_FORWARD, ROUTE_FINE, TOPIC_CUSTOM },
		{ "$ota/report/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_OTA_REPORT },
		{ "$shadow/operation/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_SHADOW },
		{ "$template/operation/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_TEMPLATE },
		{ "$thing/up/property/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_THING_UP_PROPERTY },
		{ "$thing/up/event/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_THING_UP_EVENT },
		{ "$thing/up/action/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_THING_UP_ACTION },
		{ "$thing/up/raw/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_THING_UP_RAW },
		{ "$thing/up/service/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_THING_UP_SERVICE },
		{ "$resource/up/service/" OWN, ROUTE_FORWARD, ROUTE_FINE, TOPIC_RESOURCE_UP },
	};

	CHECK(rows, 10);
	CHECK(rows, 0);
	CHECK(rows, ROUTE_PAYLOAD_MAX);
}

static void what_is_worthless_when_late_goes_live(void)
{
	static const struct row rows[] = {
		{ "$rrpc/txd/" OWN "/7", ROUTE_LIVE, ROUTE_FINE, TOPIC_RRPC_TXD },
		{ "$sys/operation/" OWN, ROUTE_LIVE, ROUTE_FINE, TOPIC_SYS },
		{ "$log/operation/" OWN, ROUTE_LIVE, ROUTE_FINE, TOPIC_LOG },
		{ "$config/operation/" OWN, ROUTE_LIVE, ROUTE_FINE, TOPIC_CONFIG },
		{ "$config/report/" OWN, ROUTE_LIVE, ROUTE_FINE, TOPIC_CONFIG_REPORT },
	};

	CHECK(rows, 10);
}

static void topics_of_the_lan_stay_local_whatever_their_size(void)
{
	static const struct row rows[] = {
		{ "home/lamp/state", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "zigbee2mqtt/lamp", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "livingroom/lamp/state", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "livingroom" TEN_LEVELS "/l", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "a" TEN_LEVELS "/l", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "subprod001/lamp-01/event", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "$other/x", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
		{ "", ROUTE_LOCAL, ROUTE_FINE, TOPIC_NONE },
	};

	CHECK(rows, 10);
	CHECK(rows, 10 * ROUTE_PAYLOAD_MAX);
}

static void what_the_hub_would_refuse_is_refused_with_its_reason(void)
{
	static const struct row rows[] = {
		{ "$gateway/operation/" OWN, ROUTE_REFUSE, ROUTE_NOT_GATEWAY, TOPIC_GATEWAY },
		{ PID "/lamp-02/event", ROUTE_REFUSE, ROUTE_NOT_OWN, TOPIC_CUSTOM },
		{ "$shadow/operation/" PID "/lamp-02", ROUTE_REFUSE, ROUTE_NOT_OWN, TOPIC_SHADOW },
		{ "$shadow/operation/OTHERPROD1/" DEV, ROUTE_REFUSE, ROUTE_NOT_OWN, TOPIC_SHADOW },
		{ "$shadow/operation/result/" OWN, ROUTE_REFUSE, ROUTE_NOT_PUBLISH, TOPIC_SHADOW_RESULT },
		{ "$ota/update/" OWN, ROUTE_REFUSE, ROUTE_NOT_PUBLISH, TOPIC_OTA_UPDATE },
		{ "$rrpc/rxd/" OWN "/7", ROUTE_REFUSE, ROUTE_NOT_PUBLISH, TOPIC_RRPC_RXD },
		{ "$broadcast/rxd/" OWN, ROUTE_REFUSE, ROUTE_NOT_PUBLISH, TOPIC_BROADCAST },
		{ "$gateway/operation/result/" OWN, ROUTE_REFUSE, ROUTE_NOT_PUBLISH, TOPIC_GATEWAY_RESULT },
		{ "$shadow/other/" OWN, ROUTE_REFUSE, ROUTE_TOPIC_FORM, TOPIC_NONE },
		{ "$hubgate/wake", ROUTE_REFUSE, ROUTE_TOPIC_FORM, TOPIC_NONE },
		{ OWN, ROUTE_REFUSE, ROUTE_TOPIC_FORM, TOPIC_NONE },
		{ OWN "/", ROUTE_REFUSE, ROUTE_TOPIC_FORM, TOPIC_NONE },
		{ PID, ROUTE_REFUSE, ROUTE_TOPIC_FORM, TOPIC_NONE },
		{ OWN TEN_LEVELS, ROUTE_REFUSE, ROUTE_TOPIC_LONG, TOPIC_NONE },
	};

	CHECK(rows, 10);
}

static void payload_over_16_kb_is_refused_for_hub_topics(void)
{
	static const struct row rows[] = {
		{ OWN "/event", ROUTE_REFUSE, ROUTE_TOO_LARGE, TOPIC_CUSTOM },
		{ "$shadow/operation/" OWN, ROUTE_REFUSE, ROUTE_TOO_LARGE, TOPIC_SHADOW },
		{ "$rrpc/txd/" OWN "/7", ROUTE_REFUSE, ROUTE_TOO_LARGE, TOPIC_RRPC_TXD },
	};

	CHECK(rows, ROUTE_PAYLOAD_MAX + 1);
}

static void qos_2_goes_up_as_1_and_the_others_as_they_are(void)
{
	CU_ASSERT_EQUAL(route_decide(PID, DEV, OWN "/event", 1, 0).qos, 0);
	CU_ASSERT_EQUAL(route_decide(PID, DEV, OWN "/event", 1, 1).qos, 1);
	CU_ASSERT_EQUAL(route_decide(PID, DEV, OWN "/event", 1, 2).qos, 1);
}

static void every_refusal_says_why(void)
{
	for (int i = ROUTE_TOO_LARGE; i <= ROUTE_NOT_GATEWAY; i++)
		CU_ASSERT(strlen(route_reason_text((enum route_reason)i)) > 0);
	CU_ASSERT_STRING_EQUAL(route_reason_text(ROUTE_FINE), "");
	CU_ASSERT_PTR_NOT_NULL(route_reason_text((enum route_reason)99));
}

SUITE(route, TEST(what_counts_later_too_is_forwarded), TEST(what_is_worthless_when_late_goes_live),
      TEST(topics_of_the_lan_stay_local_whatever_their_size),
      TEST(what_the_hub_would_refuse_is_refused_with_its_reason),
      TEST(payload_over_16_kb_is_refused_for_hub_topics),
      TEST(qos_2_goes_up_as_1_and_the_others_as_they_are), TEST(every_refusal_says_why))
