/* Names that clients speak for and that nobody says are ours, as BROKER keeps them. */
#include "plugin/devices/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/base/hubgate.h"
#include "plugin/devices/device_known.h"
#include "plugin/devices/stored.h"
#include "plugin/services/gateway_service.h"
#include "plugin/storage.h"
#include "shadowstore/journal/journal_reader.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

enum {
	MANY = 2000,
	FEW = 3, /* presence.max_unknown in these tests */
};

static struct config_mapping rule = { .client = (char[]){ "scanner" },
	                                  .device = (char[]){ "{mac}" },
	                                  .up = (char[]){ "ble/{mac}" },
	                                  .to = (char[]){ "event" },
	                                  .down = (char[]){ "ble/{mac}/set" },
	                                  .from = (char[]){ "control" },
	                                  .online = (char[]){ "online" },
	                                  .product_id = LAMP_PID };
static struct mosquitto scanner = { .id = "scanner", .clean = true };

static char dir[256]; /* of the first one of this test with a store */

static struct lan *begin(bool with_store)
{
	struct lan *l = lan_open(BROKER_2_0);

	l->config.mappings = &rule;
	l->config.mapping_count = 1;
	l->config.presence.max_unknown = FEW;
	if (!with_store)
		return l;
	if (access(dir, F_OK) != 0)
		snprintf(dir, sizeof(dir), "%s", l->dir);
	l->config.store.dir = dir;
	CU_ASSERT_EQUAL_FATAL(storage_open(&l->h), ST_OK);
	return l;
}

static int speak(const char *name, int qos)
{
	char topic[64];

	snprintf(topic, sizeof(topic), "ble/%s", name);
	return lan_publish(&scanner, topic, "1", qos);
}

static struct device *known(struct lan *l, const char *name)
{
	char client_id[CLIENT_ID_MAX + 1];

	snprintf(client_id, sizeof(client_id), "%s%s", LAMP_PID, name);
	return device_table_find(l->h.devices, client_id, strlen(client_id));
}

static void said(struct lan *l, enum uplink_news kind, const char *name, int64_t code)
{
	char client_id[CLIENT_ID_MAX + 1];
	const struct uplink_down news = {
		.kind = kind, .topic = client_id, .op = GATEWAY_ONLINE, .code = code
	};

	snprintf(client_id, sizeof(client_id), "%s%s", LAMP_PID, name);
	CU_ASSERT(gateway_service_take(&l->h, &news));
}

static void refused(struct lan *l, const char *name)
{
	said(l, UPLINK_RESULT, name, -1);
}

/* Orders of this kind about the name, all orders taken. */
static unsigned ordered(struct lan *l, enum order_kind kind, const char *name)
{
	struct order o;
	unsigned n = 0;

	while (mail_take_order(uplink_mail(l->h.uplink), &o) == ST_OK) {
		n += o.kind == kind && strcmp(o.client_id + PRODUCT_ID_LEN, name) == 0;
		mail_free_order(&o);
	}
	return n;
}

/* UPLINK has read the journal to its end. */
static void catch_up(struct lan *l)
{
	struct journal_item item;

	room_enter(ROOM_UPLINK);
	while (journal_reader_next(l->h.journal, &item) == ST_OK)
		;
	room_enter(ROOM_BROKER);
}

/* --- standing --- */

static void a_name_stands_as_the_hub_says_of_it(void)
{
	struct lan *l = begin(false);
	size_t own = names_own(&l->h);

	CU_ASSERT_EQUAL(speak("x", 1), MOSQ_ERR_SUCCESS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known(l, "x"));
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_UNASKED);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_UNASKED), 1);
	said(l, UPLINK_RESULT, "x", -2); /* that says nothing */
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_UNASKED);
	refused(l, "x");
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_STRANGER);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_STRANGERS), 1);
	CU_ASSERT_EQUAL(names_own(&l->h), own);
	said(l, UPLINK_BOUND, "x", 0);
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	CU_ASSERT_EQUAL(names_own(&l->h), own + 1);
	said(l, UPLINK_UNBOUND, "x", 0); /* it was ours, and waits like one */
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	refused(l, LAMP_NAME);
	CU_ASSERT_EQUAL(l->lamp->standing, STANDING_OWN);
	lan_close(l);
}

static void the_hubs_list_makes_a_name_ours_from_its_first_message(void)
{
	struct lan *l = begin(false);

	said(l, UPLINK_LISTED, "x", 0);
	said(l, UPLINK_LISTED, "y", 0);
	said(l, UPLINK_LISTED, "z", 0);
	said(l, UPLINK_LIST_END, "", 0); /* of a part */
	said(l, UPLINK_LISTED, "w", 0);
	said(l, UPLINK_LIST_END, "", 0);
	said(l, UPLINK_UNBOUND, "y", 0);
	speak("x", 1);
	speak("y", 1);
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	CU_ASSERT_EQUAL(known(l, "x")->bound, BOUND_YES);
	CU_ASSERT_EQUAL(known(l, "y")->standing, STANDING_UNASKED);
	lan_wait(60000);
	said(l, UPLINK_LISTED, "x", 0); /* without z: the list may be cut, so the hub is asked */
	said(l, UPLINK_LIST_END, "", 0);
	speak("z", 1);
	CU_ASSERT_EQUAL(known(l, "z")->standing, STANDING_UNASKED);
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	lan_close(l);
}

/* --- who gives way --- */

static void the_least_recently_heard_stranger_gives_way_and_leaves_nothing(void)
{
	struct lan *l = begin(false);
	size_t before = device_table_known(l->h.devices);
	char name[8];

	for (int i = 1; i <= FEW; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		speak(name, 1);
		refused(l, name);
	}
	speak("x1", 1); /* heard again */
	ordered(l, ORDER_LET_GO, "");
	speak("x4", 1);
	refused(l, "x4");
	CU_ASSERT_EQUAL(device_table_known(l->h.devices), before + FEW);
	CU_ASSERT_PTR_NULL(known(l, "x2"));
	CU_ASSERT_PTR_NOT_NULL(known(l, "x1"));
	CU_ASSERT_EQUAL(ordered(l, ORDER_LET_GO, "x2"), 1);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_FORGOTTEN), 1);
	speak("x2", 1); /* and is made anew */
	CU_ASSERT_EQUAL(known(l, "x2")->standing, STANDING_UNASKED);
	lan_close(l);
}

static void thousands_of_strangers_are_never_more_than_allowed(void)
{
	struct lan *l = begin(false);
	size_t before = device_table_known(l->h.devices);
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		CU_ASSERT_EQUAL(speak(name, 0), MOSQ_ERR_SUCCESS);
		refused(l, name);
		ordered(l, ORDER_LET_GO, "");
	}
	CU_ASSERT_EQUAL(device_table_known(l->h.devices), before + FEW);
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_FORGOTTEN), MANY - FEW);
	lan_close(l);
}

static void a_full_mailbox_puts_the_end_of_a_name_off(void)
{
	struct lan *l = begin(false);
	char name[8];

	for (int i = 1; i <= FEW + 1; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		speak(name, 1);
	}
	while (uplink_device_present(l->h.uplink, LAMP_ID, true) == ST_OK)
		;
	for (int i = 1; i <= FEW + 1; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		refused(l, name);
	}
	CU_ASSERT_PTR_NOT_NULL(known(l, "x1"));
	ordered(l, ORDER_LET_GO, "");
	names_trim(&l->h);
	CU_ASSERT_PTR_NULL(known(l, "x1"));
	CU_ASSERT_EQUAL(ordered(l, ORDER_LET_GO, "x1"), 1);
	lan_close(l);
}

static void names_not_asked_yet_have_an_end_too_and_idle_ones_give_way(void)
{
	struct lan *l = begin(false);
	char name[16];

	l->config.store.queue_qos0 = false;
	lan_store(l, JOURNAL_DROP_OLDEST, 10000);
	for (int i = 0; i < STANDING_UNASKED_MAX; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		speak(name, i != 0); /* the first one has nothing to say */
		ordered(l, ORDER_LET_GO, "");
	}
	catch_up(l);
	speak("y", 1);
	speak("y", 1);
	CU_ASSERT(fake_logged("1 messages were refused: of more names than")); /* one line of all */
	CU_ASSERT_EQUAL(metric_get(&l->h.metrics, M_REFUSED), 2);
	CU_ASSERT_PTR_NULL(known(l, "y")); /* somebody speaks for each of them */
	CU_ASSERT_PTR_NOT_NULL(device_admit(&l->h, LAMP_PID, "z", ORIGIN_NAMED)); /* an application */
	lan_gone(&scanner);
	for (int i = 0; i < STANDING_UNASKED_MAX; i++) { /* all grace times are over */
		lan_wait(LAN_GRACE_MS + 1);
		lan_tick();
		ordered(l, ORDER_LET_GO, "");
		if (!presence_is_there(&l->h, known(l, "x0")))
			break;
	}
	for (int i = 0; i < STANDING_UNASKED_MAX && known(l, "x0"); i++)
		speak("y", 1);
	CU_ASSERT_PTR_NULL(known(l, "x0"));
	CU_ASSERT_PTR_NOT_NULL(known(l, "x1")); /* its message waits */
	lan_close(l);
}

/* --- what is stored --- */

static struct lan *restart(struct lan *l)
{
	if (l)
		lan_close(l);
	return begin(true);
}

static void nothing_of_a_name_is_stored_before_the_hub_called_it_bound(void)
{
	struct lan *l = restart(NULL);

	speak("x", 1);
	speak("y", 1);
	refused(l, "y");
	l = restart(l);
	CU_ASSERT_PTR_NULL(known(l, "x"));
	CU_ASSERT_PTR_NULL(known(l, "y"));
	CU_ASSERT_EQUAL(stored_bytes(&l->h), 0);
	speak("x", 1);
	said(l, UPLINK_RESULT, "x", 0);
	l = restart(l);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known(l, "x"));
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	CU_ASSERT_EQUAL(known(l, "x")->filter_count, 1);
	said(l, UPLINK_UNBOUND, "x", 0);
	l = restart(l);
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	lan_close(l);
}

static void records_of_older_versions_load_and_go_with_their_name(void)
{
	static const unsigned char mapped = 4, bound = 5, qos = 1;
	struct lan *l = restart(NULL);

	state_put(l->h.state, STATE_DEVICE, LAMP_PID "old", &mapped, 1);
	state_put(l->h.state, STATE_SUBSCRIPTION, LAMP_PID "old " LAMP_PID "/old/control", &qos, 1);
	state_put(l->h.state, STATE_DEVICE, LAMP_PID "good", &bound, 1);
	l = restart(l);
	CU_ASSERT_PTR_NOT_NULL_FATAL(known(l, "old"));
	CU_ASSERT_EQUAL(known(l, "old")->standing, STANDING_UNASKED);
	CU_ASSERT_EQUAL(known(l, "old")->filter_count, 1);
	CU_ASSERT_EQUAL(known(l, "good")->standing, STANDING_OWN);
	refused(l, "old");
	CU_ASSERT(names_let_go(&l->h, known(l, "old")));
	l = restart(l);
	CU_ASSERT_PTR_NULL(known(l, "old"));
	CU_ASSERT_EQUAL(stored_bytes(&l->h), 0);
	CU_ASSERT_EQUAL(known(l, "good")->standing, STANDING_OWN);
	lan_close(l);
}

static void messages_of_an_earlier_run_make_a_stranger_known_that_the_hub_refuses(void)
{
	struct lan *l = begin(false);
	const struct journal_msg msg = { .device = LAMP_PID "x", .topic = LAMP_PID "/x/event" };

	refused(l, "x"); /* nobody has anything of it */
	CU_ASSERT_PTR_NULL(known(l, "x"));
	CU_ASSERT_EQUAL(uplink_publish(l->h.uplink, &msg), ST_OK);
	catch_up(l);
	refused(l, "x");
	CU_ASSERT_PTR_NOT_NULL_FATAL(known(l, "x"));
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_STRANGER);
	lan_close(l);
}

/* --- what it costs the others --- */

static void qos_0_of_a_name_that_is_not_ours_takes_no_room_in_memory(void)
{
	struct lan *l = begin(false);

	lan_hub(l, true);
	speak("x", 0);
	CU_ASSERT_EQUAL(ordered(l, ORDER_LIVE, "x"), 0);
	CU_ASSERT_EQUAL(lan_kept(l), 1);
	said(l, UPLINK_RESULT, "x", 0);
	CU_ASSERT_EQUAL(known(l, "x")->standing, STANDING_OWN);
	lan_close(l);
}

static void strangers_have_one_line_in_the_log_and_one_in_ten_minutes(void)
{
	struct lan *l = begin(false);
	size_t lines;

	speak("x", 1);
	lines = fake_lines();
	refused(l, "x");
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	CU_ASSERT(fake_logged("1 now, 1 new; the newest " LAMP_PID "x"));
	speak("y", 1);
	refused(l, "y");
	CU_ASSERT_EQUAL(fake_lines(), lines + 1);
	lan_wait(NAMES_REPORT_MS);
	names_run(&l->h, hubgate_now_ms());
	CU_ASSERT_EQUAL(fake_lines(), lines + 2);
	CU_ASSERT(fake_logged("2 now, 1 new; the newest " LAMP_PID "y"));
	said(l, UPLINK_BOUND, "x", 0);
	said(l, UPLINK_BOUND, "y", 0);
	CU_ASSERT_EQUAL(fake_lines(), lines + 3);
	CU_ASSERT(fake_logged("no client here speaks for a name that the hub does not know"));
	CU_ASSERT_EQUAL(names_due(&l->h), INT64_MAX);
	lan_close(l);
}

SUITE(names, TEST(a_name_stands_as_the_hub_says_of_it),
      TEST(the_hubs_list_makes_a_name_ours_from_its_first_message),
      TEST(the_least_recently_heard_stranger_gives_way_and_leaves_nothing),
      TEST(thousands_of_strangers_are_never_more_than_allowed),
      TEST(a_full_mailbox_puts_the_end_of_a_name_off),
      TEST(names_not_asked_yet_have_an_end_too_and_idle_ones_give_way),
      TEST(nothing_of_a_name_is_stored_before_the_hub_called_it_bound),
      TEST(records_of_older_versions_load_and_go_with_their_name),
      TEST(messages_of_an_earlier_run_make_a_stranger_known_that_the_hub_refuses),
      TEST(qos_0_of_a_name_that_is_not_ours_takes_no_room_in_memory),
      TEST(strangers_have_one_line_in_the_log_and_one_in_ten_minutes))
