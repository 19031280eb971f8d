#include "plugin/proof.h"

#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define USERNAME LAMP_ID ";21010406;Ab3dE;9223372036854775807"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_AUTH,
	KEY_ROOM = 128
};

static struct mosquitto lamp = { .id = LAMP_ID, .address = "10.0.0.9", .clean = true };

/* The broker asks for the key of an identity; the answer is in key. */
static int shake(struct mosquitto *c, const char *identity, char key[KEY_ROOM])
{
	struct mosquitto_evt_psk_key ed = {
		.client = c, .identity = identity, .key = key, .max_key_len = KEY_ROOM
	};

	memset(key, 0, KEY_ROOM);
	return fake_fire(MOSQ_EVT_PSK_KEY, &ed);
}

static void key_login(struct lan *l)
{
	char key[KEY_ROOM];

	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	CU_ASSERT_STRING_EQUAL(key, "30313233343536373839616263646566");
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), YES);
	lan_connected(&lamp);
	CU_ASSERT_PTR_NOT_NULL(l->lamp->presence->current);
	lan_gone(&lamp);
}

static void device_with_the_right_key_needs_no_password(void)
{
	lan_each(key_login);
}

static void once(struct lan *l)
{
	char key[KEY_ROOM];

	(void)l;
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), YES);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
}

static void key_counts_for_one_login(void)
{
	lan_each(once);
}

static void reused(struct lan *l)
{
	struct mosquitto other = { .id = LAMP_ID, .address = "10.0.0.66", .clean = true };
	char key[KEY_ROOM];

	(void)l;
	/* The handshake failed, its socket went, the next client got its memory. */
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	/* The same, and the broker did not tell that it went. */
	CU_ASSERT_EQUAL(shake(&other, LAMP_ID, key), YES);
	other.address = "10.0.0.9";
	CU_ASSERT_EQUAL(lan_auth(&other, USERNAME, NULL), NO);
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	lan_wait(PROOF_AGE_MS + 1);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
}

static void handshake_of_a_client_that_went_is_worth_nothing_to_the_next(void)
{
	lan_each(reused);
}

static void foreign(struct lan *l)
{
	char key[KEY_ROOM];

	CU_ASSERT_EQUAL(shake(&lamp, SIBLING_ID, key), YES);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	CU_ASSERT(fake_logged("another device's"));
	CU_ASSERT_EQUAL(shake(&lamp, "nobody", key), MOSQ_ERR_PLUGIN_DEFER);
	CU_ASSERT_EQUAL(key[0], '\0');
	CU_ASSERT_EQUAL(shake(&lamp, NULL, key), MOSQ_ERR_PLUGIN_DEFER);
	CU_ASSERT_PTR_NULL(l->lamp->presence->current);
}

static void identity_of_another_device_lets_nobody_in(void)
{
	lan_each(foreign);
}

static void certificates(struct lan *l)
{
	lamp.certificate = LAMP_ID;
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), YES);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, "anything"), YES);
	lan_gone(&lamp);
	lamp.certificate = SIBLING_ID;
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	lamp.certificate = "somebody";
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	lan_sign(l, l->lamp, 0);
	CU_ASSERT_EQUAL(lan_auth(&lamp, l->username, l->password), YES);
	lan_gone(&lamp);
	lamp.certificate = NULL;
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
}

static void certificate_of_the_device_itself_needs_no_password_and_anothers_does_not_help(void)
{
	lan_each(certificates);
}

SUITE(proof, TEST(device_with_the_right_key_needs_no_password), TEST(key_counts_for_one_login),
      TEST(handshake_of_a_client_that_went_is_worth_nothing_to_the_next),
      TEST(identity_of_another_device_lets_nobody_in),
      TEST(certificate_of_the_device_itself_needs_no_password_and_anothers_does_not_help))
