/* What the hub says on the gateway's channel, as BROKER is told it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/uplink/uplink_impl.h"
#include "tests/runner.h"

enum {
	MANY = 1500,
	NOW_MS = 1000,
};

#define RESULT_TOPIC "$gateway/operation/result/GATEWAY001/gw-1"
#define LAMP                                            \
	"{\"product_id\":\"SUBPROD001\",\"device_name\":\"" \
	"lamp\""

static struct metrics metrics;

/* An uplink without its thread: the test stands in its place. */
static struct uplink *open_uplink(bool tells_all)
{
	const struct uplink_conf conf = {
		.product_id = "GATEWAY001",
		.device_name = "gw-1",
		.request_timeout_s = 10,
		.window = 4,
		.metrics = &metrics,
		.tells_all = tells_all,
	};
	struct uplink *u = NULL;

	CU_ASSERT_EQUAL_FATAL(uplink_new(&conf, &u), ST_OK);
	gateway_link_up(&u->gateway, false, NOW_MS);
	return u;
}

static void hub_says(struct uplink *u, const char *text)
{
	const struct mqtt_publish p = {
		.topic = mqtt_text(RESULT_TOPIC),
		.payload = text,
		.len = strlen(text),
	};

	said_take(u, &p, NOW_MS);
}

/* The next news is this one; topic NULL: it has none. */
static bool told(struct uplink *u, enum uplink_news kind, const char *topic, int64_t code)
{
	struct uplink_down d;
	bool right;

	if (mail_take_news(&u->mail, &d) != ST_OK)
		return false;
	right = d.kind == kind && d.code == code &&
	        (topic ? d.topic && strcmp(d.topic, topic) == 0 : !d.topic);
	uplink_down_free(&d);
	return right;
}

static bool quiet(struct uplink *u)
{
	return mail_news_space(&u->mail) == MAIL_INBOX_MAX;
}

static void application(struct uplink *u, bool present)
{
	gateway_present(&u->gateway, u->gateway.own, present, NOW_MS);
}

static void each_device_of_a_message_is_news_of_its_own(void)
{
	struct uplink *u = open_uplink(false);

	hub_says(u, "{\"type\":\"change\",\"payload\":{\"status\":0,\"devices\":[" LAMP "},"
	            "{\"product_id\":\"SUBPROD001\",\"device_name\":\"door\"}]}}");
	CU_ASSERT(told(u, UPLINK_UNBOUND, "SUBPROD001lamp", 0));
	CU_ASSERT(told(u, UPLINK_UNBOUND, "SUBPROD001door", 0));
	hub_says(u, "{\"type\":\"change\",\"payload\":{\"status\":1,\"devices\":[" LAMP "}]}}");
	CU_ASSERT(told(u, UPLINK_BOUND, "SUBPROD001lamp", 0));
	hub_says(u, "{\"type\":\"bind\",\"payload\":{\"devices\":[" LAMP ",\"result\":805}]}}");
	CU_ASSERT(told(u, UPLINK_RESULT, "SUBPROD001lamp", 805));
	hub_says(u, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":[" LAMP "}]}}");
	CU_ASSERT(told(u, UPLINK_LISTED, "SUBPROD001lamp", 0));
	CU_ASSERT(told(u, UPLINK_LIST_END, NULL, 0));
	CU_ASSERT(quiet(u));
	uplink_free(u);
}

static void what_says_nothing_is_no_news(void)
{
	static const char *const texts[] = {
		"",
		"{\"type\":\"search_devices\"}",
		"{\"type\":\"change\",\"payload\":{\"devices\":[" LAMP "}]}}",
		"{\"type\":\"online\",\"payload\":{\"devices\":[" LAMP "}]}}",
		"{\"type\":\"online\",\"payload\":7}",
	};
	struct uplink *u = open_uplink(false);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		hub_says(u, texts[i]);
	CU_ASSERT(quiet(u));
	uplink_free(u);
}

static void reply_that_counts_for_nothing_is_not_told(void)
{
	struct uplink *u = open_uplink(false);
	struct subdev *d = gateway_device(&u->gateway, "SUBPROD001lamp");
	struct gateway_action a;

	gateway_present(&u->gateway, d, true, NOW_MS);
	gateway_line_up(&u->gateway, NOW_MS);
	gateway_next(&u->gateway, NOW_MS, &a);
	CU_ASSERT_EQUAL_FATAL(a.op, GATEWAY_ONLINE);
	gateway_sent(&u->gateway, &a, 0, NOW_MS);
	hub_says(u, "{\"type\":\"change\",\"payload\":{\"status\":0,\"devices\":[" LAMP "}]}}");
	hub_says(u, "{\"type\":\"online\",\"payload\":{\"devices\":[" LAMP ",\"result\":0}]}}");
	CU_ASSERT(told(u, UPLINK_UNBOUND, "SUBPROD001lamp", 0));
	CU_ASSERT(quiet(u));
	uplink_free(u);
}

static void text_crosses_only_where_an_application_wants_it(void)
{
	static const char change[] = "{\"type\":\"change\",\"payload\":{\"status\":1,\"devices\":[]}}";
	static const char online[] = "{\"type\":\"online\",\"payload\":{\"devices\":[]}}";
	struct uplink *u = open_uplink(false);

	hub_says(u, change);
	CU_ASSERT(quiet(u));
	application(u, true);
	hub_says(u, change);
	CU_ASSERT(told(u, UPLINK_HUB_TEXT, RESULT_TOPIC, 0));
	hub_says(u, online); /* it has an answer of its own */
	CU_ASSERT(quiet(u));
	application(u, false);
	hub_says(u, change);
	CU_ASSERT(quiet(u));
	uplink_free(u);
	u = open_uplink(true);
	hub_says(u, online);
	CU_ASSERT(told(u, UPLINK_HUB_TEXT, RESULT_TOPIC, 0));
	uplink_free(u);
}

static char *long_list(void)
{
	struct buf text = BUF_MAX(256 * 1024);

	CU_ASSERT_EQUAL_FATAL(
		buf_add_text(&text, "{\"type\":\"describe_sub_devices\",\"payload\":{\"devices\":["),
		ST_OK);
	for (int i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL_FATAL(buf_addf(&text,
		                               "%s{\"product_id\":\"SUBPROD001\",\"device_name\":\"d%d\"}",
		                               i > 0 ? "," : "", i),
		                      ST_OK);
	CU_ASSERT_EQUAL_FATAL(buf_addf(&text, "]}}%c", 0), ST_OK);
	return (char *)text.data;
}

static void list_longer_than_the_inbox_is_told_whole_and_in_order_as_room_comes(void)
{
	struct uplink *u = open_uplink(false);
	char *text = long_list(), name[CLIENT_ID_MAX + 1];

	application(u, true);
	hub_says(u, text);
	CU_ASSERT_EQUAL(mail_news_space(&u->mail), 0);
	CU_ASSERT_FALSE(said_tell(u, NOW_MS)); /* so the socket is not read */
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "SUBPROD001d%d", i);
		CU_ASSERT(told(u, UPLINK_LISTED, name, 0));
		if (i % 100 == 0)
			said_tell(u, NOW_MS);
	}
	CU_ASSERT(said_tell(u, NOW_MS));
	CU_ASSERT(told(u, UPLINK_LIST_END, NULL, 0));
	CU_ASSERT(told(u, UPLINK_HUB_TEXT, RESULT_TOPIC, 0));
	CU_ASSERT(quiet(u));
	hub_says(u, text); /* left behind half told */
	uplink_free(u);
	free(text);
}

SUITE(uplink_said, TEST(each_device_of_a_message_is_news_of_its_own),
      TEST(what_says_nothing_is_no_news), TEST(reply_that_counts_for_nothing_is_not_told),
      TEST(text_crosses_only_where_an_application_wants_it),
      TEST(list_longer_than_the_inbox_is_told_whole_and_in_order_as_room_comes))
