#include "plugin/lan/tls_identity.h"

#include <openssl/ssl.h>
#include <string.h>

#include "tests/fakes/lan.h"
#include "tests/runner.h"

#define USERNAME LAMP_ID ";21010406;Ab3dE;9223372036854775807"

enum {
	YES = MOSQ_ERR_SUCCESS,
	NO = MOSQ_ERR_AUTH,
	KEY_ROOM = 128
};

static SSL_CTX *context;
static int slot;

/* The broker has its slot from its start on, before any plugin. */
__attribute__((constructor)) static void take_slot(void)
{
	slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* A TLS connection of this client, as the broker has it. */
static SSL *connect_tls(struct mosquitto *c)
{
	SSL *ssl;

	if (!context)
		context = SSL_CTX_new(TLS_server_method());
	ssl = SSL_new(context);
	CU_ASSERT_FATAL(ssl && SSL_set_ex_data(ssl, slot, c) == 1);
	return ssl;
}

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
	SSL *ssl = connect_tls(&lamp);
	char key[KEY_ROOM];

	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	CU_ASSERT_STRING_EQUAL(key, "30313233343536373839616263646566");
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), YES);
	lan_connected(&lamp);
	CU_ASSERT_PTR_NOT_NULL(l->lamp->presence->current);
	lan_gone(&lamp);
	SSL_free(ssl);
}

static void device_with_the_right_key_needs_no_password(void)
{
	lan_each(key_login);
}

static void once(struct lan *l)
{
	SSL *ssl = connect_tls(&lamp);
	char key[KEY_ROOM];

	(void)l;
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), YES);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	SSL_free(ssl);
}

static void key_counts_for_one_login(void)
{
	lan_each(once);
}

static void reused(struct lan *l)
{
	SSL *ssl = connect_tls(&lamp);
	char key[KEY_ROOM];

	(void)l;
	/* The handshake failed, its socket went, the next client got its memory. */
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	lan_gone(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	/* The same, and the broker did not tell that it went. */
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	SSL_free(ssl);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	/* And the next one speaks TLS too. */
	ssl = connect_tls(&lamp);
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), YES);
	SSL_free(ssl);
	ssl = connect_tls(&lamp);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	SSL_free(ssl);
}

static void handshake_of_a_client_that_went_is_worth_nothing_to_the_next(void)
{
	lan_each(reused);
}

static void foreign(struct lan *l)
{
	SSL *ssl = connect_tls(&lamp);
	char key[KEY_ROOM];

	CU_ASSERT_EQUAL(shake(&lamp, SIBLING_ID, key), YES);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
	CU_ASSERT(fake_logged("another device's"));
	CU_ASSERT_EQUAL(shake(&lamp, "nobody", key), MOSQ_ERR_PLUGIN_DEFER);
	CU_ASSERT_EQUAL(key[0], '\0');
	CU_ASSERT_EQUAL(shake(&lamp, NULL, key), MOSQ_ERR_PLUGIN_DEFER);
	CU_ASSERT_PTR_NULL(l->lamp->presence->current);
	SSL_free(ssl);
}

static void identity_of_another_device_lets_nobody_in(void)
{
	lan_each(foreign);
}

static void unseen(struct lan *l)
{
	char key[KEY_ROOM];

	(void)l;
	CU_ASSERT_EQUAL(shake(&lamp, LAMP_ID, key), NO);
	CU_ASSERT_EQUAL(lan_auth(&lamp, USERNAME, NULL), NO);
}

static void broker_whose_connections_cannot_be_seen_lets_nobody_in_by_key(void)
{
	lan_each(unseen);
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

SUITE(tls_identity, TEST(device_with_the_right_key_needs_no_password),
      TEST(key_counts_for_one_login),
      TEST(handshake_of_a_client_that_went_is_worth_nothing_to_the_next),
      TEST(identity_of_another_device_lets_nobody_in),
      TEST(broker_whose_connections_cannot_be_seen_lets_nobody_in_by_key),
      TEST(certificate_of_the_device_itself_needs_no_password_and_anothers_does_not_help))
