#include "core/hub/region.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VENDOR             ".tencentdevices.com"
#define REGISTER_AT(place) "https://" place ".gateway" VENDOR "/device/register"

/* The first row whose end the host has. */
static const struct vendor_host {
	const char *end;
	enum region region;
	const char *register_url;
} hosts[] = {
	{ ".us-east.iotcloud" VENDOR, REGION_INTERNATIONAL, REGISTER_AT("us-east") },
	{ ".europe.iothub" VENDOR, REGION_INTERNATIONAL, REGISTER_AT("europe") },
	{ ".ap-bangkok.iothub" VENDOR, REGION_INTERNATIONAL, REGISTER_AT("ap-bangkok") },
	{ VENDOR, REGION_MAINLAND, REGISTER_AT("ap-guangzhou") },
};

static const struct region_limits limits[] = {
	[REGION_MAINLAND] = { "mainland", 18, 20, 60, 850, 100, { 500, 6, 20 } },
	[REGION_INTERNATIONAL] = { "international", 25, 30, 0, 900, 0, { 1500, 10, 0 } },
};

static const char *const counted[REGION_COUNTS] = {
	[REGION_DEVICES] = "devices of one gateway",
	[REGION_SLASHES] = "slashes in a topic",
	[REGION_ATTRIBUTES] = "attributes of a shadow",
};

/* A name may be written with the dot of the root at its end. */
static bool ends_with(const char *host, const char *end)
{
	size_t len = strlen(host), end_len = strlen(end);

	if (len > 0 && host[len - 1] == '.')
		len--;
	return len > end_len && strncasecmp(host + len - end_len, end, end_len) == 0;
}

static const struct vendor_host *find(const char *host)
{
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		if (ends_with(host, hosts[i].end))
			return &hosts[i];
	}
	return NULL;
}

enum region region_of_host(const char *host)
{
	const struct vendor_host *known = find(host);

	return known ? known->region : REGION_INTERNATIONAL;
}

bool region_host_is_vendors(const char *host)
{
	return find(host) != NULL;
}

const char *region_register_url(const char *host)
{
	const struct vendor_host *known = find(host);

	return known ? known->register_url : REGISTER_AT("ap-guangzhou");
}

const struct region_limits *region_limits(enum region region)
{
	return region == REGION_MAINLAND || region == REGION_INTERNATIONAL ? &limits[region] : NULL;
}

const char *region_hint(const struct region_limits *lim, enum region_count what, size_t n,
                        char out[REGION_HINT_MAX])
{
	out[0] = '\0';
	if (lim && lim->counts[what] > 0 && n > lim->counts[what])
		snprintf(out, REGION_HINT_MAX, "; these would be %zu, and the %s hub takes %u %s", n,
		         lim->name, lim->counts[what], counted[what]);
	return out;
}
