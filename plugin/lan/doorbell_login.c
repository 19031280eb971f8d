#include "plugin/lan/doorbell_login.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/room.h"
#include "plugin/lan/broker_rights.h"

static enum status random_text(char *out, size_t size, const char *prefix, const char *name)
{
	unsigned char bytes[16];
	int at = snprintf(out, size, "%s%s", prefix, name);

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return ST_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		at += snprintf(out + at, size - (size_t)at, "%02x", bytes[i]);
	return ST_OK;
}

/* clientid_prefixes of mosquitto.conf: the broker refuses other ids before it asks us. One that is
 * too long is left alone, and the doorbell says that it is refused. */
static const char *prefix(const struct hubgate *h)
{
	const char *text = h->rights->conf.clientid_prefix;

	return text && strlen(text) < DOORBELL_PREFIX_MAX ? text : "";
}

enum status doorbell_login_open(struct hubgate *h)
{
	struct doorbell_login *l = calloc(1, sizeof(*l));
	enum status st;

	if (!l)
		return ST_NOMEM;
	h->doorbell = l;
	st = random_text(l->id, sizeof(l->id), prefix(h), "hubgate-");
	return st == ST_OK ? random_text(l->password, sizeof(l->password), "", "") : st;
}

void doorbell_login_close(struct hubgate *h)
{
	if (h->doorbell)
		explicit_bzero(h->doorbell->password, sizeof(h->doorbell->password));
	free(h->doorbell);
	h->doorbell = NULL;
}

bool doorbell_login_is(const struct hubgate *h, const char *client_id)
{
	IN_ROOM(ROOM_BROKER);
	return client_id && strcmp(client_id, h->doorbell->id) == 0;
}

static bool same_text(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

bool doorbell_login_ok(const struct hubgate *h, const char *password, const char *address)
{
	struct doorbell *doorbell = uplink_doorbell(h->uplink);

	IN_ROOM(ROOM_BROKER);
	return doorbell && password && same_text(password, h->doorbell->password) &&
	       doorbell_address_ok(doorbell, address);
}
