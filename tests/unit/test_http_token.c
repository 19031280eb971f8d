#include "core/admin/http_token.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/runner.h"

#define TOKEN "0123456789abcdef"

static void token_is_shown_as_bearer_or_as_password_of_any_user(void)
{
	static const char *const good[] = {
		"Bearer " TOKEN, "bearer  " TOKEN,
		"Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg==", /* admin:TOKEN */
		"basic OjAxMjM0NTY3ODlhYmNkZWY=",         /* :TOKEN */
	};

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		CU_ASSERT(http_token_ok(good[i], TOKEN));
}

static void everything_else_is_no_token(void)
{
	static const char *const bad[] = {
		NULL,
		"",
		TOKEN,
		"Bearer",
		"Bearer ",
		"Bearer" TOKEN,
		"Bearer " TOKEN "x",
		"Bearer 0123456789abcde",
		"Digest " TOKEN,
		"Basic",
		"Basic ",
		"Basic " TOKEN,
		"Basic =",
		"Basic ====",
		"Basic a",
		"Basic !!!!",
		"Basic MDEyMzQ1Njc4OWFiY2RlZg==",         /* TOKEN without a user */
		"Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZw==", /* another letter at its end */
		"Basic YTpiOjAxMjM0NTY3ODlhYmNkZWY=",     /* a:b:TOKEN */
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CU_ASSERT_FALSE(http_token_ok(bad[i], TOKEN));
}

static void password_of_any_length_is_read_within_bounds(void)
{
	char text[4096];

	for (size_t len = 0; len < sizeof(text) - 8; len += 61) {
		snprintf(text, sizeof(text), "Basic ");
		memset(text + 6, 'A', len);
		text[6 + len] = '\0';
		CU_ASSERT_FALSE(http_token_ok(text, TOKEN));
	}
}

SUITE(http_token, TEST(token_is_shown_as_bearer_or_as_password_of_any_user),
      TEST(everything_else_is_no_token), TEST(password_of_any_length_is_read_within_bounds))
