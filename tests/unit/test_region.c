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

SUITE(region, TEST(the_host_says_which_limits_count_and_where_devices_register),
      TEST(the_rate_stays_below_what_each_region_takes))
