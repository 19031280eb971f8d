#include "plugin/lan/identity.h"

#include <stdlib.h>
#include <string.h>

#include "core/hub/login_id.h"
#include "plugin/lan/doorbell_login.h"
#include "tests/fakes/lan.h"
#include "tests/runner.h"

static struct lan *l;

static void lan(void (*body)(void))
{
	l = lan_open(BROKER_2_0);
	body();
	lan_close(l);
}

/* The verdict on a client from 10.0.0.9. */
static enum lan_login login(const char *id, const char *username, const char *password)
{
	struct device *d;
	const char *why;
	const struct lan_claim claim = {
		.client_id = id, .username = username, .password = password, .address = "10.0.0.9"
	};
	enum lan_login verdict = identity_login(&l->h, &claim, &d, &why);

	CU_ASSERT_EQUAL(verdict == LOGIN_DEVICE, d != NULL);
	CU_ASSERT_EQUAL(verdict == LOGIN_REFUSED, why != NULL);
	return verdict;
}

static void signed_logins(void)
{
	const struct lan_claim claim = { .client_id = LAMP_ID,
		                             .username = l->username,
		                             .password = l->password };
	struct device *d;
	const char *why;

	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(identity_login(&l->h, &claim, &d, &why), LOGIN_DEVICE);
	CU_ASSERT_PTR_EQUAL(d, l->lamp);
	CU_ASSERT_EQUAL(login(SIBLING_ID, l->username, l->password), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(COUSIN_ID, l->username, l->password), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login("GATEWAY001gw-1", l->username, l->password), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(NULL, l->username, l->password), LOGIN_REFUSED);
	l->password[0] ^= 1;
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, l->password), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(LAMP_NAME, l->username, l->password), LOGIN_REFUSED);
	lan_sign(l, l->sibling, 0);
	CU_ASSERT_EQUAL(login(SIBLING_ID, l->username, l->password), LOGIN_DEVICE);
}

static void only_the_right_signature_lets_a_device_in(void)
{
	lan(signed_logins);
}

/* As seven public programs do. */
static void other_ids(void)
{
	static const char *const ids[] = { LAMP_NAME,      LAMP_PID, LAMP_ID "x", LAMP_ID "_1764276970",
		                               "esp8266-3f21", "",       "console" };
	char id[LOGIN_ID_MAX + 2];

	lan_sign(l, l->lamp, 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		CU_ASSERT_EQUAL(login(ids[i], l->username, l->password), LOGIN_DEVICE);
	CU_ASSERT_EQUAL(login("http-api", l->username, l->password), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(l->h.doorbell->id, l->username, l->password), LOGIN_REFUSED);
	memset(id, 'i', sizeof(id));
	id[LOGIN_ID_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(login(id, l->username, l->password), LOGIN_REFUSED);
	id[LOGIN_ID_MAX] = '\0';
	CU_ASSERT_EQUAL(login(id, l->username, l->password), LOGIN_DEVICE);
}

static void device_may_log_in_with_another_client_id_that_is_nobodys(void)
{
	lan(other_ids);
}

static void unknown_devices(void)
{
	struct device stranger = { .product_id = LAMP_PID, .device_name = "lamp-99" };

	stranger.secret = l->lamp->secret;
	lan_sign(l, &stranger, 0);
	CU_ASSERT_EQUAL(login(LAMP_PID "lamp-99", l->username, l->password), LOGIN_REFUSED);
}

static void device_that_is_not_configured_is_refused(void)
{
	lan(unknown_devices);
}

static void device_ids(void)
{
	CU_ASSERT_EQUAL(login(LAMP_ID, NULL, NULL), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(LAMP_ID, "", ""), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(LAMP_ID, "admin", "secret"), LOGIN_REFUSED);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, NULL), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, ""), LOGIN_REFUSED);
}

static void id_of_a_device_is_nobody_elses(void)
{
	lan(device_ids);
}

static void other_clients(void)
{
	CU_ASSERT_EQUAL(login(NULL, NULL, NULL), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login("", "", ""), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login("console", NULL, NULL), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login("console", "admin", "secret"), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login(NULL, "admin;x", NULL), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login(LAMP_ID "x", "admin", NULL), LOGIN_OTHER);
}

static void clients_that_claim_nothing_of_ours_are_left_to_the_broker(void)
{
	lan(other_clients);
}

static void expired(void)
{
	uint64_t now_s = (uint64_t)time(NULL);

	lan_sign(l, l->lamp, now_s + 3600);
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, l->password), LOGIN_DEVICE);
	lan_sign(l, l->lamp, now_s - 3600);
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, l->password), LOGIN_REFUSED);
	l->clock = (struct clock_trust){ .started = true };
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, l->password), LOGIN_DEVICE);
}

static void expiry_counts_when_the_clock_is_trusted(void)
{
	lan(expired);
}

static void long_texts(void)
{
	enum {
		SIZE = 64 * 1024
	};
	char *text = malloc(SIZE + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'A', SIZE);
	text[SIZE] = '\0';
	CU_ASSERT_EQUAL(login("console", text, text), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login(text, text, text), LOGIN_OTHER);
	CU_ASSERT_EQUAL(login(LAMP_ID, text, text), LOGIN_REFUSED);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(login(LAMP_ID, l->username, text), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(login(text, l->username, l->password), LOGIN_REFUSED);
	memset(text, ';', SIZE);
	CU_ASSERT_EQUAL(login(LAMP_ID, text, text), LOGIN_REFUSED);
	memcpy(text, l->username, strlen(l->username));
	CU_ASSERT_EQUAL(login(LAMP_ID, text, l->password), LOGIN_REFUSED);
	free(text);
}

static void texts_of_64_kilobytes_are_judged_like_any_other(void)
{
	lan(long_texts);
}

static enum lan_login ring(const char *id, const char *password, const char *address)
{
	const struct lan_claim claim = {
		.client_id = id, .username = id, .password = password, .address = address
	};
	struct device *d;
	const char *why;

	return identity_login(&l->h, &claim, &d, &why);
}

static void doorbell_logins(void)
{
	const char *id = l->h.doorbell->id, *password = l->h.doorbell->password;

	CU_ASSERT_EQUAL(ring(id, password, "127.0.0.1"), LOGIN_DOORBELL);
	CU_ASSERT_EQUAL(ring(id, password, "::1"), LOGIN_DOORBELL);
	CU_ASSERT_EQUAL(ring(id, password, NULL), LOGIN_DOORBELL); /* a unix socket */
	CU_ASSERT_EQUAL(ring(id, password, "10.0.0.9"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring(id, password, "not an address"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring(id, "feedfacecafebeee", "127.0.0.1"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring(id, "feedfacecafebeef0", "127.0.0.1"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring(id, "", "127.0.0.1"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring(id, NULL, "127.0.0.1"), LOGIN_REFUSED);
	CU_ASSERT_EQUAL(ring("hubgate-0", password, "127.0.0.1"), LOGIN_OTHER);
}

static void doorbell_needs_its_id_its_password_and_this_machine(void)
{
	lan(doorbell_logins);
}

static void cloud_topics(void)
{
	static const struct {
		const char *text;
		bool cloud;
	} rows[] = {
		{ LAMP "/event", true },
		{ LAMP_PID "/no-such-device/event", true },
		{ LAMP_PID, true },
		{ LAMP_PID "/#", true },
		{ LAMP_PID "/+/event", true },
		{ "GATEWAY001/gw-1/x", true },
		{ "$share/g/" LAMP "/event", true },
		{ "$shadow/operation/" LAMP, true },
		{ "$shadow/#", true },
		{ "$share/g/$ota/#", true },
		{ DOORBELL_TOPIC, true },
		{ "NOTOURS001/lamp-01/event", false },
		{ "livingroom/lamp/state", false },
		{ "subprod001/lamp-01/event", false },
		{ "", false },
		{ "/", false },
		{ "#", false },
		{ "+/+/event", false },
		{ "$share/g/#", false },
		{ "$share", false },
		{ "$SYS/broker/uptime", false },
		{ "zigbee2mqtt/" LAMP, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (identity_is_cloud_topic(&l->h, rows[i].text) != rows[i].cloud)
			CU_FAIL(rows[i].text);
	}
}

static void products_and_hub_trees_are_cloud_topics_and_nothing_else(void)
{
	lan(cloud_topics);
}

SUITE(identity, TEST(only_the_right_signature_lets_a_device_in),
      TEST(device_may_log_in_with_another_client_id_that_is_nobodys),
      TEST(device_that_is_not_configured_is_refused), TEST(id_of_a_device_is_nobody_elses),
      TEST(clients_that_claim_nothing_of_ours_are_left_to_the_broker),
      TEST(expiry_counts_when_the_clock_is_trusted),
      TEST(texts_of_64_kilobytes_are_judged_like_any_other),
      TEST(doorbell_needs_its_id_its_password_and_this_machine),
      TEST(products_and_hub_trees_are_cloud_topics_and_nothing_else))
