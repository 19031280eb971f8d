#include "plugin/lan/proof.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/lan/tls_watch.h"

struct proof { /* an identity for which the broker got the key */
	struct table_node node;
	const struct mosquitto *client; /* the key; never followed */
	struct device *device;
	uint64_t connection;
};

static bool same_client(const struct table_node *node, const void *key)
{
	return table_entry(node, struct proof, node)->client == key;
}

static struct proof *find(const struct hubgate *h, const struct mosquitto *client)
{
	struct table_node *n =
		table_find(&h->proofs, table_hash(h->seed, &client, sizeof(client)), same_client, client);

	return n ? table_entry(n, struct proof, node) : NULL;
}

static void drop(struct hubgate *h, struct proof *p)
{
	table_remove(&h->proofs, &p->node);
	free(p);
}

void proof_forget(struct hubgate *h, const struct mosquitto *client)
{
	struct proof *p = h->proofs.count > 0 ? find(h, client) : NULL;

	if (p)
		drop(h, p);
}

void proof_fini(struct hubgate *h)
{
	struct table_at at;

	for (struct table_node *n = table_first(&h->proofs, &at); n; n = table_next(&h->proofs, &at))
		drop(h, table_entry(n, struct proof, node));
	table_fini(&h->proofs);
}

static bool note(struct hubgate *h, const struct mosquitto *client, struct device *d)
{
	uint64_t connection = tls_watch_connection(h->tls_watch, client);
	struct proof *p;

	proof_forget(h, client);
	p = connection != 0 ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return false;
	p->client = client;
	p->device = d;
	p->connection = connection;
	if (table_add(&h->proofs, &p->node, table_hash(h->seed, &client, sizeof(client))) == ST_OK)
		return true;
	free(p);
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
		ed->identity ? registry_find(&h->registry, ed->identity, strlen(ed->identity)) : NULL;

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
	return registry_find(&h->registry, name, (size_t)len);
}

struct device *proof_take(struct hubgate *h, const struct mosquitto *client)
{
	struct proof *p = h->proofs.count > 0 ? find(h, client) : NULL;
	struct device *d = NULL;

	if (!p)
		return certified(h, client);
	if (p->connection == tls_watch_connection(h->tls_watch, client))
		d = p->device;
	drop(h, p);
	return d;
}
