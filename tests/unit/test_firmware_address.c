#include "bridge/http/firmware_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/un.h>

#include "tests/runner.h"

static bool allowed(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return firmware_address_allowed((const struct sockaddr *)&v4);
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return firmware_address_allowed((const struct sockaddr *)&v6);
}

static void addresses_of_others_are_allowed(void)
{
	CU_ASSERT_TRUE(allowed("192.0.2.1"));
	CU_ASSERT_TRUE(allowed("::ffff:192.0.2.1"));
	CU_ASSERT_TRUE(allowed("2001:db8::1"));
}

static void this_machine_and_its_link_are_not_in_any_notation(void)
{
	static const char *const local[] = {
		"127.0.0.1",        "127.255.1.2",     "0.0.0.0", "169.254.169.254",
		"224.0.0.251",      "255.255.255.255", "::1",     "::",
		"::ffff:127.0.0.1", "fe80::1",         "ff02::1", "::ffff:169.254.1.1"
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		CU_ASSERT_FALSE(allowed(local[i]));
}

static void addresses_of_its_interfaces_are_not(void)
{
	struct ifaddrs *all = NULL;

	CU_ASSERT_EQUAL_FATAL(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (i->ifa_addr)
			CU_ASSERT_FALSE(firmware_address_allowed(i->ifa_addr));
	}
	freeifaddrs(all);
}

static void what_is_no_address_of_the_internet_is_not(void)
{
	const struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/run/x" };

	CU_ASSERT_FALSE(firmware_address_allowed((const struct sockaddr *)&local));
}

SUITE(firmware_address, TEST(addresses_of_others_are_allowed),
      TEST(this_machine_and_its_link_are_not_in_any_notation),
      TEST(addresses_of_its_interfaces_are_not), TEST(what_is_no_address_of_the_internet_is_not))
