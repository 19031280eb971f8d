#include <string.h>

#include "core/hub/region.h"
#include "tests/runner.h"

static void the_host_says_which_limits_count_and_where_devices_register(void)
{
	static const struct {
		const char *host;
		enum region region;
		bool vendors;
		const char *at; /* in the URL of registration */
	} rows[] = {
		{ "GWPRODUCT1.iotcloud.tencentdevices.com", REGION_MAINLAND, true, "//ap-guangzhou." },
		{ "GWPRODUCT1.IotCloud.TencentDevices.com.", REGION_MAINLAND, true, "//ap-guangzhou." },
		{ "iotcloud-mqtt.gz.tencentdevices.com", REGION_MAINLAND, true, "//ap-guangzhou." },
		{ "GWPRODUCT1.ap-guangzhou.iothub.tencentdevices.com", REGION_MAINLAND, true,
		  "//ap-guangzhou." },
		{ "GWPRODUCT1.us-east.iotcloud.tencentdevices.com", REGION_INTERNATIONAL, true,
		  "//us-east." },
		{ "GWPRODUCT1.europe.iothub.tencentdevices.com", REGION_INTERNATIONAL, true, "//europe." },
		{ "GWPRODUCT1.ap-bangkok.iothub.tencentdevices.com", REGION_INTERNATIONAL, true,
		  "//ap-bangkok." },
		{ "GWPRODUCT1.new-place.iothub.tencentdevices.com", REGION_MAINLAND, true,
		  "//ap-guangzhou." },
		{ "127.0.0.1", REGION_INTERNATIONAL, false, "//ap-guangzhou." },
		{ "hub.example.com", REGION_INTERNATIONAL, false, "//ap-guangzhou." },
		{ "nottencentdevices.com", REGION_INTERNATIONAL, false, "//ap-guangzhou." },
		{ ".tencentdevices.com", REGION_INTERNATIONAL, false, "//ap-guangzhou." },
		{ "", REGION_INTERNATIONAL, false, "//ap-guangzhou." },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (region_of_host(rows[i].host) != rows[i].region ||
		    region_host_is_vendors(rows[i].host) != rows[i].vendors ||
		    !strstr(region_register_url(rows[i].host), rows[i].at))
			CU_FAIL(rows[i].host);
	}
}

static void the_rate_stays_below_what_each_region_takes(void)
{
	for (enum region r = REGION_MAINLAND; r <= REGION_INTERNATIONAL; r++) {
		const struct region_limits *lim = region_limits(r);

		CU_ASSERT_FATAL(lim != NULL);
		CU_ASSERT(lim->rate_up > 0 && lim->rate_up < lim->rate_max);
	}
	CU_ASSERT_EQUAL(region_limits(REGION_MAINLAND)->rate_up, 18);
	CU_ASSERT_EQUAL(region_limits(REGION_INTERNATIONAL)->rate_up, 25);
	CU_ASSERT_PTR_NULL(region_limits(REGION_AUTO));
}

static void a_refusal_beyond_a_number_of_the_region_is_explained_by_it(void)
{
	static const struct {
		enum region region;
		enum region_count what;
		size_t n;
		const char *hint;
	} rows[] = {
		{ REGION_MAINLAND, REGION_DEVICES, 500, "" },
		{ REGION_MAINLAND, REGION_DEVICES, 501,
		  "; these would be 501, and the mainland hub takes 500 devices of one gateway" },
		{ REGION_INTERNATIONAL, REGION_DEVICES, 501, "" },
		{ REGION_MAINLAND, REGION_SLASHES, 7,
		  "; these would be 7, and the mainland hub takes 6 slashes in a topic" },
		{ REGION_MAINLAND, REGION_ATTRIBUTES, 21,
		  "; these would be 21, and the mainland hub takes 20 attributes of a shadow" },
		{ REGION_INTERNATIONAL, REGION_ATTRIBUTES, 1000, "" },
		{ REGION_AUTO, REGION_SLASHES, 1000, "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char hint[REGION_HINT_MAX];

		CU_ASSERT_STRING_EQUAL(
			region_hint(region_limits(rows[i].region), rows[i].what, rows[i].n, hint),
			rows[i].hint);
	}
}

SUITE(region, TEST(a_refusal_beyond_a_number_of_the_region_is_explained_by_it),
      TEST(the_host_says_which_limits_count_and_where_devices_register),
      TEST(the_rate_stays_below_what_each_region_takes))
