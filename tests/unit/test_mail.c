#include "bridge/uplink/mail.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runner.h"

static struct metrics metrics;
static struct mail mail;

static void open_mail(void)
{
	memset(&mail, 0, sizeof(mail));
	CU_ASSERT_EQUAL_FATAL(mail_init(&mail, &metrics), ST_OK);
}

static bool rung(void)
{
	struct pollfd fd = { .fd = wake_fd(&mail.wake), .events = POLLIN };
	bool was = poll(&fd, 1, 0) == 1;

	if (was)
		wake_hear(&mail.wake);
	return was;
}

static struct order subscribe_order(const char *filter)
{
	return (struct order){ .kind = ORDER_SUBSCRIBE, .topic = strdup(filter) };
}

static void first_order_rings_and_those_behind_it_do_not(void)
{
	struct order o = subscribe_order("a/b");

	open_mail();
	CU_ASSERT_EQUAL(mail_put_order(&mail, &o), ST_OK);
	CU_ASSERT(rung());
	o = subscribe_order("c/d");
	CU_ASSERT_EQUAL(mail_put_order(&mail, &o), ST_OK);
	CU_ASSERT_FALSE(rung());
	CU_ASSERT_EQUAL(mail_take_order(&mail, &o), ST_OK);
	CU_ASSERT_STRING_EQUAL(o.topic, "a/b");
	mail_free_order(&o);
	mail_fini(&mail); /* with what still lies in it */
}

static void order_that_finds_no_room_stays_its_givers(void)
{
	struct order filler = { .kind = ORDER_ASK_LIST }, o = subscribe_order("a/b");

	open_mail();
	for (int i = 0; i < MAIL_ORDERS_MAX; i++)
		CU_ASSERT_EQUAL(mail_put_order(&mail, &filler), ST_OK);
	CU_ASSERT_EQUAL(mail_order_space(&mail), 0);
	CU_ASSERT_EQUAL(mail_put_order(&mail, &o), ST_FULL);
	CU_ASSERT_STRING_EQUAL(o.topic, "a/b");
	mail_free_order(&o);
	mail_fini(&mail);
}

static void line_of_any_room_rings_and_waits_for_broker(void)
{
	struct uplink_log line;

	open_mail();
	CU_ASSERT_FALSE(mail_waits(&mail));
	log_line(&mail.log, LOG_WARN, "the link is %s", "down");
	CU_ASSERT(rung());
	CU_ASSERT(mail_waits(&mail));
	CU_ASSERT_EQUAL(mail_take_line(&mail, &line), ST_OK);
	CU_ASSERT_EQUAL(line.level, LOG_WARN);
	CU_ASSERT_STRING_EQUAL(line.line, "the link is down");
	CU_ASSERT_FALSE(mail_waits(&mail));
	mail_fini(&mail);
}

static void full_inbox_that_is_half_empty_again_rings(void)
{
	struct uplink_down news = { .kind = UPLINK_SHADOW_READY };
	int taken = 0;

	open_mail();
	while (mail_news_space(&mail) > 0)
		CU_ASSERT_EQUAL(mail_put_news(&mail, &news), ST_OK);
	CU_ASSERT_EQUAL(mail_put_news(&mail, &news), ST_FULL);
	CU_ASSERT_FALSE(rung());
	while (!rung() && mail_take_news(&mail, &news) == ST_OK)
		taken++;
	CU_ASSERT_EQUAL(taken, MAIL_INBOX_MAX / 2);
	mail_fini(&mail);
}

static void earlier_timer_rings_and_comes_once(void)
{
	open_mail();
	CU_ASSERT_EQUAL(mail_timer(&mail), INT64_MAX);
	mail_set_timer(&mail, 2000);
	CU_ASSERT(rung());
	mail_set_timer(&mail, 3000);
	CU_ASSERT_FALSE(rung());
	mail_set_timer(&mail, 1000);
	CU_ASSERT(rung());
	CU_ASSERT_FALSE(mail_timer_came(&mail, 999));
	CU_ASSERT(mail_timer_came(&mail, 1000));
	CU_ASSERT_FALSE(mail_timer_came(&mail, 1000));
	CU_ASSERT_EQUAL(mail_timer(&mail), INT64_MAX);
	mail_fini(&mail);
}

SUITE(mail, TEST(first_order_rings_and_those_behind_it_do_not),
      TEST(order_that_finds_no_room_stays_its_givers),
      TEST(line_of_any_room_rings_and_waits_for_broker),
      TEST(full_inbox_that_is_half_empty_again_rings), TEST(earlier_timer_rings_and_comes_once))
