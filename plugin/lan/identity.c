#include "plugin/lan/identity.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/room.h"
#include "core/hub/login_id.h"
#include "core/hub/topic.h"
#include "plugin/lan/broker_login.h"
#include "plugin/lan/client_ids.h"
#include "plugin/lan/control_login.h"
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

const char *identity_id_fault(const struct hubgate *h, const struct device *d,
                              const char *client_id)
{
	const struct device *owner =
		client_id ? device_table_find(h->devices, client_id, strlen(client_id)) : NULL;
	const struct login_id_use use = { .another_devices = owner && owner != d,
		                              .held = client_ids_held(h, client_id, d) };

	IN_ROOM(ROOM_BROKER);
	return login_id_fault(client_id, &use);
}

/* No user name of the hub's form: somebody else's login, unless it wants what is a device's. */
static const char *check_other(const struct hubgate *h, const char *client_id)
{
	if (client_id && device_table_find(h->devices, client_id, strlen(client_id)))
		return "the client id is a device's, but the user name is not the hub's form "
			   "{product}{device};{appid};{connid};{expiry}";
	if (client_ids_held(h, client_id, NULL))
		return "a device holds this client id now: two cannot have one id at a broker";
	return NULL;
}

/* The command has a client id like everybody. */
static enum lan_login judge_control(const struct hubgate *h, const struct lan_claim *c,
                                    const char **why)
{
	*why = control_login_fault(h, c->password, c->address);
	if (!*why)
		*why = check_other(h, c->client_id);
	return *why ? LOGIN_REFUSED : LOGIN_CONTROL;
}

enum lan_login identity_login(struct hubgate *h, const struct lan_claim *c, struct device **device,
                              const char **why)
{
	struct login claim;
	struct device *d;

	IN_ROOM(ROOM_BROKER);
	*device = NULL;
	*why = NULL;
	if (doorbell_login_is(h, c->client_id)) {
		if (doorbell_login_ok(h, c->password, c->address))
			return LOGIN_DOORBELL;
		*why = "the doorbell's client id is taken by hubgate itself";
		return LOGIN_REFUSED;
	}
	if (control_login_is(c->username))
		return judge_control(h, c, why);
	if (!c->username || credential_parse_username(c->username, &claim) != ST_OK) {
		*why = check_other(h, c->client_id);
		return *why ? LOGIN_REFUSED : LOGIN_OTHER;
	}
	d = identity_named(h, c->username);
	if (!d) {
		*why = "unknown device: add it to devices[] of the configuration";
		return LOGIN_REFUSED;
	}
	*why = d->plain
	           ? "it is \"plain\" in devices[], which means that it never logs in; take that out"
	           : check_device(h, d, &claim, c);
	if (!*why)
		*why = identity_id_fault(h, d, c->client_id);
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
	if (!d) {
		d = broker_login_device(h, username);
		/* One that stores of an earlier version say nothing about. */
		if (d && !d->login_id)
			return d;
	}
	return d && client_id && strcmp(client_id, device_login_id(d)) == 0 ? d : NULL;
}

struct device *identity_intruded(const struct hubgate *h, const struct mosquitto *client)
{
	const char *username = mosquitto_client_username(client);
	const char *client_id = mosquitto_client_id(client);
	struct device *d =
		client_id ? device_table_find(h->devices, client_id, strlen(client_id)) : NULL;

	IN_ROOM(ROOM_BROKER);
	if (!d || identity_named(h, username) == d || broker_login_device(h, username) == d)
		return NULL;
	return d;
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
