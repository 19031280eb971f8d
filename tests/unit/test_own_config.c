/* What the gateway keeps of its own remote configuration, and when it is tried. */
#include "plugin/services/own_config.h"

#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define ASK   "$config/operation/GATEWAY001/gw-1"
#define TOLD  "$config/operation/result/GATEWAY001/gw-1"
#define GW_ID "GATEWAY001gw-1"

static struct lan *start(bool on)
{
	static char topic[] = "event";
	struct lan *l = lan_open(BROKER_2_1);

	l->config.gateway.remote_config = on;
	l->config.gateway.report_topic = topic;
	return l;
}

static void stop(struct lan *l)
{
	l->config.gateway.report_topic = NULL;
	lan_close(l);
}

static void said(struct lan *l, const char *content)
{
	struct config_msg m = { .content = BUF_MAX(256) };

	CU_ASSERT_EQUAL(buf_add_text(&m.content, content), ST_OK);
	own_config_said(&l->h, &m);
	buf_free(&m.content);
}

/* The reload takes this text; NULL: none. */
static bool lends(struct lan *l, const char *text, bool is_fresh)
{
	size_t len;
	bool fresh;
	const char *got = own_config_lend(&l->h, &len, &fresh);

	return got && text ? len == strlen(text) && memcmp(got, text, len) == 0 && fresh == is_fresh
	                   : !got && !text;
}

static void settle(struct lan *l, enum own_config_verdict verdict)
{
	own_config_settle(&l->h, verdict, verdict == OWN_CONFIG_COUNTS ? NULL : "why");
}

static void newest_word_is_tried_and_kept_when_it_counts(void)
{
	struct lan *l = start(true);

	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, NULL, false));
	said(l, "{\"a\":1}");
	said(l, "{\"a\":2}");
	CU_ASSERT(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"a\":2}", true));
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	said(l, "{\"a\":3}"); /* while DISK reads */
	settle(l, OWN_CONFIG_COUNTS);
	CU_ASSERT_EQUAL(lan_kept(l), 1);          /* the report */
	CU_ASSERT_FALSE(own_config_waits(&l->h)); /* a hub that is in a hurry: one reload a second */
	CU_ASSERT_EQUAL(own_config_due(&l->h), hubgate_now_ms() + 1000);
	lan_wait(1000);
	CU_ASSERT(own_config_waits(&l->h));
	CU_ASSERT_EQUAL(own_config_due(&l->h), INT64_MAX);
	CU_ASSERT(lends(l, "{\"a\":3}", true));
	settle(l, OWN_CONFIG_COUNTS);
	said(l, "{\"a\":3}"); /* the answer after the next connecting */
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"a\":3}", false)); /* SIGHUP */
	settle(l, OWN_CONFIG_COUNTS);
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	stop(l);
}

static void refused_word_is_tried_once_and_the_good_one_lent_on(void)
{
	struct lan *l = start(true);

	said(l, "{\"good\":1}");
	CU_ASSERT(lends(l, "{\"good\":1}", true));
	settle(l, OWN_CONFIG_COUNTS);
	for (int i = 0; i < 3; i++)
		said(l, "{\"bad\":1}");
	CU_ASSERT(lends(l, "{\"bad\":1}", true));
	settle(l, OWN_CONFIG_REFUSED);
	said(l, "{\"bad\":1}");
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"good\":1}", false));
	settle(l, OWN_CONFIG_COUNTS);
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	stop(l);
}

static void reload_that_begins_again_loses_no_word(void)
{
	struct lan *l = start(true);

	said(l, "{\"a\":1}");
	CU_ASSERT(lends(l, "{\"a\":1}", true));
	own_config_give_back(&l->h);
	lan_wait(1000);
	CU_ASSERT(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"a\":1}", true));
	said(l, "{\"a\":2}");
	own_config_give_back(&l->h);
	CU_ASSERT(lends(l, "{\"a\":2}", true));
	settle(l, OWN_CONFIG_COUNTS);
	stop(l);
}

static void word_waits_for_a_file_that_can_be_used(void)
{
	struct lan *l = start(true);

	said(l, "{\"a\":1}");
	CU_ASSERT(lends(l, "{\"a\":1}", true));
	own_config_hold(&l->h);
	CU_ASSERT_EQUAL(lan_kept(l), 1);          /* the hub is told */
	CU_ASSERT_FALSE(own_config_waits(&l->h)); /* not tried over and over */
	said(l, "{\"a\":1}");
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"a\":1}", true)); /* SIGHUP */
	settle(l, OWN_CONFIG_COUNTS);
	stop(l);
}

static void what_is_left_out_is_told_once_and_tried_with_every_reload(void)
{
	struct lan *l = start(true);

	said(l, "{\"a\":1}");
	CU_ASSERT(lends(l, "{\"a\":1}", true));
	settle(l, OWN_CONFIG_COUNTS);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT(lends(l, "{\"a\":1}", false));
		settle(l, OWN_CONFIG_LEFT_OUT);
	}
	CU_ASSERT_EQUAL(lan_kept(l), 2);
	CU_ASSERT(lends(l, "{\"a\":1}", false));
	settle(l, OWN_CONFIG_COUNTS);
	CU_ASSERT_EQUAL(lan_kept(l), 3);
	stop(l);
}

static void hub_is_asked_after_each_connecting_with_growing_pauses_until_it_answers(void)
{
	static const int64_t pauses_ms[] = { 10000, 20000, 40000, 80000 };
	struct lan *l = start(true);

	CU_ASSERT_FALSE(own_config_start(&l->h));
	CU_ASSERT(lan_ordered(l, ORDER_SUBSCRIBE, GW_ID, TOLD));
	own_config_run(&l->h, hubgate_now_ms());
	CU_ASSERT(lan_quiet(l)); /* the hub is away */
	lan_hub(l, true);
	for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
		own_config_run(&l->h, hubgate_now_ms());
		CU_ASSERT(lan_ordered(l, ORDER_LIVE, GW_ID, ASK));
		lan_wait(pauses_ms[i] - 1);
		own_config_run(&l->h, hubgate_now_ms());
		CU_ASSERT(lan_quiet(l));
		lan_wait(1);
	}
	said(l, "{}");
	own_config_run(&l->h, hubgate_now_ms());
	CU_ASSERT(lan_quiet(l));
	lan_hub(l, false);
	own_config_run(&l->h, hubgate_now_ms());
	lan_hub(l, true);
	own_config_run(&l->h, hubgate_now_ms());
	CU_ASSERT(lan_ordered(l, ORDER_LIVE, GW_ID, ASK));
	stop(l);
}

static void hub_without_a_configuration_takes_nothing_back(void)
{
	const struct config_msg none = { .code = CONFIG_MSG_NONE, .content = BUF_MAX(1) };
	struct lan *l = start(true);

	said(l, "{\"a\":1}");
	CU_ASSERT(lends(l, "{\"a\":1}", true));
	settle(l, OWN_CONFIG_COUNTS);
	own_config_said(&l->h, &none);
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, "{\"a\":1}", false));
	stop(l);
}

static void without_the_option_nothing_is_subscribed_asked_taken_or_loaded(void)
{
	const struct state_entry e = { STATE_CONFIG, GW_ID, "{}", 2 };
	struct lan *l = start(false);

	CU_ASSERT(own_config_load(&l->h, &e));
	CU_ASSERT_FALSE(own_config_start(&l->h));
	lan_hub(l, true);
	own_config_run(&l->h, hubgate_now_ms());
	said(l, "{\"a\":1}");
	CU_ASSERT_FALSE(own_config_waits(&l->h));
	CU_ASSERT(lends(l, NULL, false));
	CU_ASSERT(lan_quiet(l));
	stop(l);
}

static void only_a_record_of_this_very_gateway_is_loaded(void)
{
	const struct state_entry other = { STATE_CONFIG, "GATEWAY001gw-2", "{\"a\":1}", 7 };
	const struct state_entry own = { STATE_CONFIG, GW_ID, "{\"a\":2}", 7 };
	struct lan *l = start(true);

	CU_ASSERT(own_config_load(&l->h, &other));
	CU_ASSERT(lends(l, NULL, false));
	CU_ASSERT(own_config_load(&l->h, &own));
	CU_ASSERT(own_config_start(&l->h));
	CU_ASSERT(lends(l, "{\"a\":2}", false));
	stop(l);
}

SUITE(own_config, TEST(newest_word_is_tried_and_kept_when_it_counts),
      TEST(refused_word_is_tried_once_and_the_good_one_lent_on),
      TEST(reload_that_begins_again_loses_no_word), TEST(word_waits_for_a_file_that_can_be_used),
      TEST(what_is_left_out_is_told_once_and_tried_with_every_reload),
      TEST(hub_is_asked_after_each_connecting_with_growing_pauses_until_it_answers),
      TEST(hub_without_a_configuration_takes_nothing_back),
      TEST(without_the_option_nothing_is_subscribed_asked_taken_or_loaded),
      TEST(only_a_record_of_this_very_gateway_is_loaded))
