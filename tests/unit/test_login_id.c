#include "core/hub/login_id.h"

#include <string.h>

#include "tests/runner.h"

static void id_that_is_nobodys_may_be_used_and_any_other_may_not(void)
{
	const struct login_id_use free_id = { 0 }, another = { .another_devices = true },
							  held = { .held = true };
	char longest[LOGIN_ID_MAX + 2];

	CU_ASSERT_PTR_NULL(login_id_fault("", &free_id));
	CU_ASSERT_PTR_NULL(login_id_fault("esp8266-3f21", &free_id));
	CU_ASSERT_PTR_NULL(login_id_fault("http-api2", &free_id));
	CU_ASSERT_PTR_NOT_NULL(login_id_fault(NULL, &free_id));
	CU_ASSERT_PTR_NOT_NULL(login_id_fault("http-api", &free_id));
	CU_ASSERT_PTR_NOT_NULL(login_id_fault("lamp", &another));
	CU_ASSERT_PTR_NOT_NULL(login_id_fault("lamp", &held));
	memset(longest, 'i', sizeof(longest));
	longest[LOGIN_ID_MAX + 1] = '\0';
	CU_ASSERT_PTR_NOT_NULL(login_id_fault(longest, &free_id));
	longest[LOGIN_ID_MAX] = '\0';
	CU_ASSERT_PTR_NULL(login_id_fault(longest, &free_id));
}

SUITE(login_id, TEST(id_that_is_nobodys_may_be_used_and_any_other_may_not))
