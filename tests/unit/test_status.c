#include "core/base/status.h"
#include "tests/runner.h"

#include <string.h>

static void every_status_has_a_text_of_its_own(void)
{
	for (int i = ST_OK; i <= ST_STATE; i++) {
		CU_ASSERT(strlen(status_text((enum status)i)) > 0);
		CU_ASSERT_STRING_NOT_EQUAL(status_text((enum status)i), "unknown status");
		for (int j = ST_OK; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(status_text((enum status)i), status_text((enum status)j));
	}
	CU_ASSERT_STRING_EQUAL(status_text(ST_OK), "ok");
	CU_ASSERT_STRING_EQUAL(status_text(ST_DENIED), "denied");
}

static void value_outside_the_table_still_has_a_text(void)
{
	unsigned beyond[] = { ST_STATE + 1, 1000000 };

	for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
		enum status st;

		memcpy(&st, &beyond[i], sizeof st);
		CU_ASSERT_STRING_EQUAL(status_text(st), "unknown status");
	}
}

SUITE(status, TEST(every_status_has_a_text_of_its_own),
      TEST(value_outside_the_table_still_has_a_text))
