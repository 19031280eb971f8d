#include "core/admin/http_host.h"

#include <string.h>

#include "tests/runner.h"

static void addresses_localhost_and_listed_names_may_be_asked_for_and_nothing_else(void)
{
	static const struct {
		const char *host;
		bool allowed;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.0.0.1:8188", true },
		{ "192.168.1.20", true },
		{ "[::1]:8188", true },
		{ "[fe80::1]", true },
		{ "localhost", true },
		{ "LocalHost:80", true },
		{ "gw.lan", true },
		{ "GW.LAN:8188", true },
		{ "gateway", true },
		{ "", false },
		{ ":8188", false },
		{ "evil.example", false },
		{ "127.0.0.1.evil.example", false },
		{ "localhost.evil", false },
		{ "gw.lan.evil", false },
		{ "gw", false },
		{ "lan gateway", false },
		{ "gw.lan:80x", false },
		{ "[::1", false },
		{ "[127.0.0.1]", false },
		{ "::1", false },
		{ "[::1]x", false },
		{ "1.2.3", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT_EQUAL(http_host_allowed(rows[i].host, "gw.lan gateway"), rows[i].allowed);
	CU_ASSERT_FALSE(http_host_allowed(NULL, "gw.lan"));
	CU_ASSERT_FALSE(http_host_allowed("gw.lan", NULL));
	CU_ASSERT(http_host_allowed("10.0.0.1", NULL));
}

static void name_longer_than_any_is_refused(void)
{
	char name[600];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CU_ASSERT_FALSE(http_host_allowed(name, name));
}

static void loopback_is_known_by_its_address_alone(void)
{
	static const struct {
		const char *listen;
		bool loopback;
	} rows[] = {
		{ "127.0.0.1:1", true },  { "127.8.8.8:1", true },
		{ "[::1]:1", true },      { "::1:1", true },
		{ "0.0.0.0:1", false },   { "[::]:1", false },
		{ "10.0.0.1:1", false },  { "localhost:1", false },
		{ "128.0.0.1:1", false }, { "[::ffff:1.2.3.4]:1", false },
		{ "off", false },         { "127.0.0.1.x:1", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CU_ASSERT_EQUAL(http_host_is_loopback(rows[i].listen), rows[i].loopback);
}

SUITE(http_host, TEST(addresses_localhost_and_listed_names_may_be_asked_for_and_nothing_else),
      TEST(name_longer_than_any_is_refused), TEST(loopback_is_known_by_its_address_alone))
