#include "core/hub/ota_url.h"

#include "tests/runner.h"

static void schemes_and_hosts_are_told(void)
{
	struct ota_url u;

	CU_ASSERT_EQUAL(ota_url_read("https://Files.Example.com:8443/a?b", &u), ST_OK);
	CU_ASSERT_TRUE(u.https);
	CU_ASSERT_STRING_EQUAL(u.host, "files.example.com");
	CU_ASSERT_EQUAL(ota_url_read("http://name:word@[2001:db8::1]:80/x", &u), ST_OK);
	CU_ASSERT_FALSE(u.https);
	CU_ASSERT_STRING_EQUAL(u.host, "2001:db8::1");
	CU_ASSERT_EQUAL(ota_url_read("ftp://example.com/", &u), ST_INVALID);
	CU_ASSERT_EQUAL(ota_url_read("file:///etc/passwd", &u), ST_INVALID);
	CU_ASSERT_EQUAL(ota_url_read("https:///a", &u), ST_INVALID);
	CU_ASSERT_EQUAL(ota_url_read("http://[::1/a", &u), ST_INVALID);
}

static void redirect_never_leads_out_of_https(void)
{
	const struct ota_url plain = { .https = false }, tls = { .https = true };

	CU_ASSERT_TRUE(ota_url_may_follow(&plain, &tls));
	CU_ASSERT_TRUE(ota_url_may_follow(&plain, &plain));
	CU_ASSERT_TRUE(ota_url_may_follow(&tls, &tls));
	CU_ASSERT_FALSE(ota_url_may_follow(&tls, &plain));
}

static void list_of_hosts_allows_those_on_it_and_those_below_a_star(void)
{
	static const char list[] = "*.myqcloud.com, files.example.com";

	CU_ASSERT_TRUE(ota_url_host_allowed(NULL, "any.where"));
	CU_ASSERT_TRUE(ota_url_host_allowed("", "any.where"));
	CU_ASSERT_TRUE(ota_url_host_allowed(list, "ota-1.cos.ap-guangzhou.myqcloud.com"));
	CU_ASSERT_TRUE(ota_url_host_allowed(list, "files.example.com"));
	CU_ASSERT_FALSE(ota_url_host_allowed(list, "evilmyqcloud.com"));
	CU_ASSERT_FALSE(ota_url_host_allowed(list, "myqcloud.com"));
	CU_ASSERT_FALSE(ota_url_host_allowed(list, "example.com"));
}

static enum ota_address_kind kind(const char *text)
{
	unsigned char a[16];

	CU_ASSERT_TRUE_FATAL(ota_address_read(text, a));
	return ota_address_kind(a);
}

static void addresses_of_this_host_and_of_the_link_are_told_in_every_notation(void)
{
	CU_ASSERT_EQUAL(kind("127.0.0.1"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("127.9.9.9"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("0.0.0.0"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("::1"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("::"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("::ffff:127.0.0.1"), OTA_ADDRESS_LOCAL);
	CU_ASSERT_EQUAL(kind("169.254.169.254"), OTA_ADDRESS_LINK_LOCAL);
	CU_ASSERT_EQUAL(kind("::ffff:169.254.1.1"), OTA_ADDRESS_LINK_LOCAL);
	CU_ASSERT_EQUAL(kind("fe80::1%eth0"), OTA_ADDRESS_LINK_LOCAL);
	CU_ASSERT_EQUAL(kind("224.0.0.1"), OTA_ADDRESS_LINK_LOCAL);
	CU_ASSERT_EQUAL(kind("192.168.1.2"), OTA_ADDRESS_FINE);
	CU_ASSERT_EQUAL(kind("2001:db8::1"), OTA_ADDRESS_FINE);
}

SUITE(ota_url, TEST(schemes_and_hosts_are_told), TEST(redirect_never_leads_out_of_https),
      TEST(list_of_hosts_allows_those_on_it_and_those_below_a_star),
      TEST(addresses_of_this_host_and_of_the_link_are_told_in_every_notation))
