#include "plugin/lan/identity.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/room.h"
#include "core/hub/topic.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/doorbell_login.h"
#include "plugin/lan/products.h"

static const char *check_device(const struct hubgate *h, const struct device *d,
                                const struct login *claim, const struct lan_claim *c)
{
	if (c->proven == d)
		return NULL; /* key or certificate: the password does not count (modes C and D) */
	if (!c->password && c->proven)
		return "its PSK identity or certificate is another device's";
	if (!c->password)
		return "no password: a key device signs its user name, only TLS-PSK and "
			   "certificate listeners go without";
	if (credential_check_password(&d->secret, c->username, c->password) != ST_OK)
		return "wrong password: its signature does not fit the secret in devices[]";
	if (claim->expiry_s != 0 && claim->expiry_s < (uint64_t)time(NULL) && clock_trusted(h->clock))
		return "the signature has expired: check the device's clock";
	return NULL;
}

enum lan_login identity_login(struct hubgate *h, const struct lan_claim *c, struct device **device,
                              const char **why)
{
	struct login claim;
	struct device *d;
	size_t id_len;

	IN_ROOM(ROOM_BROKER);
	*device = NULL;
	*why = NULL;
	if (doorbell_login_is(h, c->client_id)) {
		if (doorbell_login_ok(h, c->password, c->address))
			return LOGIN_DOORBELL;
		*why = "the doorbell's client id is taken by hubgate itself";
		return LOGIN_REFUSED;
	}
	id_len = c->client_id ? strlen(c->client_id) : 0;
	d = c->client_id ? device_table_find(h->devices, c->client_id, id_len) : NULL;
	if (!c->username || credential_parse_username(c->username, &claim) != ST_OK) {
		if (!d)
			return LOGIN_OTHER;
		*why = "the client id is a device's, but the user name is not the hub's form "
			   "{product}{device};{appid};{connid};{expiry}";
		return LOGIN_REFUSED;
	}
	if (!c->client_id || id_len != strlen(claim.product_id) + strlen(claim.device_name) ||
	    strncmp(c->client_id, claim.product_id, PRODUCT_ID_LEN) != 0 ||
	    strcmp(c->client_id + PRODUCT_ID_LEN, claim.device_name) != 0) {
		*why = "the client id is not {product}{device} of the user name";
		return LOGIN_REFUSED;
	}
	if (!d) {
		*why = "unknown device: add it to devices[] of the configuration";
		return LOGIN_REFUSED;
	}
	*why = check_device(h, d, &claim, c);
	if (*why)
		return LOGIN_REFUSED;
	*device = d;
	return LOGIN_DEVICE;
}

struct device *identity_named(const struct hubgate *h, const char *username)
{
	size_t len = username ? credential_username_id(username) : 0;

	IN_ROOM(ROOM_BROKER);
	return len > 0 ? device_table_find(h->devices, username, len) : NULL;
}

struct device *identity_kept(const struct hubgate *h, const struct mosquitto *client)
{
	const char *username = mosquitto_client_username(client);
	const char *client_id = mosquitto_client_id(client);
	struct device *d = identity_named(h, username);

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return broker_login_device(h, username);
	return client_id && strcmp(client_id, d->client_id) == 0 ? d : NULL;
}

bool identity_is_cloud_topic(const struct hubgate *h, const char *text)
{
	size_t len = strlen(text);
	struct mqtt_text product;

	IN_ROOM(ROOM_BROKER);
	if (topic_in_hub_tree(text, len))
		return true;
	product = topic_product(text, len);
	return product.len == PRODUCT_ID_LEN && products_have(h, product.at);
}
