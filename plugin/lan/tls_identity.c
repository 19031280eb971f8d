#include "plugin/lan/tls_identity.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/lan/tls_watch.h"

struct tls_identity { /* an identity for which the broker got the key */
	struct table_node node;
	const struct mosquitto *client; /* the key; never followed */
	struct device *device;
	uint64_t connection;
};

struct tls_identities {
	struct table all;        /* by struct mosquitto * */
	struct tls_watch *watch; /* NULL: no login by key */
};

static bool same_client(const struct table_node *node, const void *key)
{
	return table_entry(node, struct tls_identity, node)->client == key;
}

static struct tls_identity *find(const struct hubgate *h, const struct mosquitto *client)
{
	const struct table *all = &h->tls_identities->all;
	struct table_node *n =
		table_find(all, table_hash(h->seed, &client, sizeof(client)), same_client, client);

	return n ? table_entry(n, struct tls_identity, node) : NULL;
}

static void drop(struct hubgate *h, struct tls_identity *t)
{
	table_remove(&h->tls_identities->all, &t->node);
	free(t);
}

enum status tls_identity_open(struct hubgate *h)
{
	h->tls_identities = calloc(1, sizeof(*h->tls_identities));
	if (!h->tls_identities)
		return ST_NOMEM;
	table_init(&h->tls_identities->all);
	h->tls_identities->watch = tls_watch_new();
	return ST_OK;
}

void tls_identity_close(struct hubgate *h)
{
	struct tls_identities *all = h->tls_identities;
	struct table_at at;

	if (!all)
		return;
	for (struct table_node *n = table_first(&all->all, &at); n; n = table_next(&all->all, &at))
		drop(h, table_entry(n, struct tls_identity, node));
	table_fini(&all->all);
	tls_watch_free(all->watch);
	free(all);
	h->tls_identities = NULL;
}

void tls_identity_forget(struct hubgate *h, const struct mosquitto *client)
{
	struct tls_identity *t = find(h, client);

	IN_ROOM(ROOM_BROKER);
	if (t)
		drop(h, t);
}

static bool note(struct hubgate *h, const struct mosquitto *client, struct device *d)
{
	uint64_t connection = tls_watch_connection(h->tls_identities->watch, client);
	struct tls_identity *t;

	tls_identity_forget(h, client);
	t = connection != 0 ? calloc(1, sizeof(*t)) : NULL;
	if (!t)
		return false;
	t->client = client;
	t->device = d;
	d->had_client = true;
	t->connection = connection;
	if (table_add(&h->tls_identities->all, &t->node,
	              table_hash(h->seed, &client, sizeof(client))) == ST_OK)
		return true;
	free(t);
	return false;
}

static bool put_key(const struct secret *s, char *out, int room)
{
	if (s->key_len == 0 || room < 0 || (size_t)room < s->key_len * 2 + 1)
		return false;
	for (size_t i = 0; i < s->key_len; i++)
		snprintf(out + i * 2, 3, "%02X", s->key[i]);
	return true;
}

/* An identity that is nobody's here is another plugin's, or nobody's at all. */
static int give_key(struct hubgate *h, struct mosquitto_evt_psk_key *ed)
{
	struct device *d =
		ed->identity ? device_table_find(h->devices, ed->identity, strlen(ed->identity)) : NULL;

	if (!d)
		return MOSQ_ERR_PLUGIN_DEFER;
	return put_key(&d->secret, ed->key, ed->max_key_len) && note(h, ed->client, d)
	           ? MOSQ_ERR_SUCCESS
	           : MOSQ_ERR_AUTH;
}

int on_psk(int event, void *event_data, void *userdata)
{
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();
	int rc = give_key(h, event_data);

	(void)event;
	callback_end(h, CALLBACK_AUTH, start);
	return rc;
}

/* The broker has checked the chain, or there would be no certificate. */
static struct device *certified(const struct hubgate *h, const struct mosquitto *client)
{
	X509 *certificate = mosquitto_client_certificate(client);
	char name[CLIENT_ID_MAX + 2];
	int len;

	if (!certificate)
		return NULL;
	len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
	                                sizeof(name));
	X509_free(certificate);
	/* A NUL inside the name would hide what follows it. */
	if (len <= 0 || (size_t)len > CLIENT_ID_MAX || strlen(name) != (size_t)len)
		return NULL;
	return device_table_find(h->devices, name, (size_t)len);
}

struct device *tls_identity_take(struct hubgate *h, const struct mosquitto *client)
{
	struct tls_identity *t = find(h, client);
	struct device *d = NULL;

	IN_ROOM(ROOM_BROKER);
	if (!t)
		return certified(h, client);
	if (t->connection == tls_watch_connection(h->tls_identities->watch, client))
		d = t->device;
	drop(h, t);
	return d;
}
