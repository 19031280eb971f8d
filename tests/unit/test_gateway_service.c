/* What the hub says of devices, as BROKER takes it. */
#include "plugin/services/gateway_service.h"

#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

static bool said(struct lan *l, enum uplink_news kind, const char *client_id, enum gateway_op op,
                 int64_t code)
{
	char id[CLIENT_ID_MAX + 1];
	const struct uplink_down news = { .kind = kind, .topic = id, .op = op, .code = code };

	strcpy(id, client_id);
	return gateway_service_take(&l->h, &news);
}

static void bound_or_not(struct lan *l)
{
	static const struct {
		enum uplink_news kind;
		enum gateway_op op;
		int64_t code;
		enum bound bound;
	} rows[] = {
		{ UPLINK_LISTED, GATEWAY_UNKNOWN, 0, BOUND_YES },
		{ UPLINK_UNBOUND, GATEWAY_UNKNOWN, 0, BOUND_NO },
		{ UPLINK_RESULT, GATEWAY_ONLINE, -1, BOUND_NO },
		{ UPLINK_RESULT, GATEWAY_ONLINE, 0, BOUND_YES },
		{ UPLINK_RESULT, GATEWAY_OFFLINE, 0, BOUND_YES },
		{ UPLINK_RESULT, GATEWAY_OFFLINE, -1, BOUND_NO },
		{ UPLINK_RESULT, GATEWAY_BIND, 803, BOUND_NO },
		{ UPLINK_RESULT, GATEWAY_BIND, 809, BOUND_YES },
		{ UPLINK_UNBOUND, GATEWAY_UNKNOWN, 0, BOUND_NO },
		{ UPLINK_BOUND, GATEWAY_UNKNOWN, 0, BOUND_YES },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT(said(l, rows[i].kind, LAMP_ID, rows[i].op, rows[i].code));
		CU_ASSERT_EQUAL(l->lamp->bound, rows[i].bound);
		CU_ASSERT_EQUAL(l->sibling->bound, BOUND_UNKNOWN);
	}
	CU_ASSERT(said(l, UPLINK_LISTED, LAMP_PID "stranger", GATEWAY_UNKNOWN, 0));
	CU_ASSERT_PTR_NULL(device_table_find(l->h.devices, LAMP_PID "stranger", 18));
	CU_ASSERT(said(l, UPLINK_LIST_END, "", GATEWAY_UNKNOWN, 0));
	CU_ASSERT_FALSE(said(l, UPLINK_SHADOW_READY, LAMP_ID, GATEWAY_UNKNOWN, 0));
}

static void hub_says_which_device_is_bound_one_by_one(void)
{
	lan_each(bound_or_not);
}

SUITE(gateway_service, TEST(hub_says_which_device_is_bound_one_by_one))
