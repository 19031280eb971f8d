#include "plugin/base/broker_log.h"

#include "tests/fakes/lan.h"
#include "tests/runner.h"

static void errors_and_warnings_are_kept_whatever_the_level(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	log_line(&l->h.log, LOG_WARN, "first");
	broker_log_set_level(&l->h, LOG_ERROR, 0);
	log_line(&l->h.log, LOG_WARN, "second");
	log_line(&l->h.log, LOG_NOTE, "third");
	CU_ASSERT_STRING_EQUAL(broker_log_recent(&l->h, 0)->text, "first");
	CU_ASSERT_STRING_EQUAL(broker_log_recent(&l->h, 1)->text, "second");
	CU_ASSERT_PTR_NULL(broker_log_recent(&l->h, 2));
	CU_ASSERT(fake_logged("first"));
	CU_ASSERT_FALSE(fake_logged("second"));
	lan_close(l);
}

static void a_level_counts_for_its_time_and_no_change_is_hidden(void)
{
	struct lan *l = lan_open(BROKER_2_0);

	CU_ASSERT_EQUAL(broker_log_set_level(&l->h, LOG_ERROR, 10), LOG_NOTE);
	log_line(&l->h.log, LOG_NOTE, "hidden");
	broker_log_audit(&l->h, "control: %s", "x");
	lan_wait(10000);
	log_line(&l->h.log, LOG_NOTE, "shown");
	CU_ASSERT_FALSE(fake_logged("hidden"));
	CU_ASSERT(fake_logged("control: x") && fake_logged("shown"));
	CU_ASSERT_EQUAL(broker_log_set_level(&l->h, LOG_FINE, 0), LOG_NOTE);
	CU_ASSERT_EQUAL(broker_log_set_level(&l->h, LOG_NOTE, 0), LOG_FINE);
	lan_close(l);
}

SUITE(broker_log, TEST(errors_and_warnings_are_kept_whatever_the_level),
      TEST(a_level_counts_for_its_time_and_no_change_is_hidden))
