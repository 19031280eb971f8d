#include "plugin/lan/client_ids.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

struct client_ids {
	struct table by_client, by_id;
};

struct held_id {
	struct table_node by_client, by_id;
	const struct mosquitto *client; /* a key; never followed */
	const struct device *device;    /* NULL: no device's */
	char id[];
};

struct asked {
	const char *id;
	const struct device *not_by;
};

enum status client_ids_open(struct hubgate *h)
{
	h->client_ids = calloc(1, sizeof(*h->client_ids));
	if (!h->client_ids)
		return ST_NOMEM;
	table_init(&h->client_ids->by_client);
	table_init(&h->client_ids->by_id);
	return ST_OK;
}

void client_ids_close(struct hubgate *h)
{
	struct client_ids *all = h->client_ids;
	struct table_at at;

	if (!all)
		return;
	for (struct table_node *n = table_first(&all->by_client, &at); n;
	     n = table_next(&all->by_client, &at))
		free(table_entry(n, struct held_id, by_client));
	table_fini(&all->by_client);
	table_fini(&all->by_id);
	free(all);
	h->client_ids = NULL;
}

static bool same_client(const struct table_node *node, const void *key)
{
	return table_entry(node, const struct held_id, by_client)->client == key;
}

static bool held_by_another(const struct table_node *node, const void *key)
{
	const struct held_id *held = table_entry(node, const struct held_id, by_id);
	const struct asked *asked = key;

	return held->device != asked->not_by && strcmp(held->id, asked->id) == 0;
}

static uint64_t hash_client(const struct hubgate *h, const struct mosquitto *client)
{
	return table_hash(h->seed, &client, sizeof(client));
}

static struct held_id *find(const struct hubgate *h, const struct mosquitto *client)
{
	struct table_node *n =
		table_find(&h->client_ids->by_client, hash_client(h, client), same_client, client);

	return n ? table_entry(n, struct held_id, by_client) : NULL;
}

void client_ids_release(struct hubgate *h, const struct mosquitto *client)
{
	struct held_id *held = find(h, client);

	IN_ROOM(ROOM_BROKER);
	if (!held)
		return;
	table_remove(&h->client_ids->by_client, &held->by_client);
	table_remove(&h->client_ids->by_id, &held->by_id);
	free(held);
}

enum status client_ids_hold(struct hubgate *h, const struct mosquitto *client, const char *id,
                            struct device *d)
{
	size_t len = id ? strlen(id) : 0;
	struct held_id *held;

	IN_ROOM(ROOM_BROKER);
	client_ids_release(h, client);
	if (!id || (d && strcmp(id, d->client_id) == 0))
		return ST_OK;
	held = malloc(sizeof(*held) + len + 1);
	if (!held)
		return ST_NOMEM;
	held->client = client;
	held->device = d;
	memcpy(held->id, id, len + 1);
	if (table_add(&h->client_ids->by_client, &held->by_client, hash_client(h, client)) != ST_OK) {
		free(held);
		return ST_NOMEM;
	}
	if (table_add(&h->client_ids->by_id, &held->by_id, table_hash(h->seed, id, len)) == ST_OK)
		return ST_OK;
	table_remove(&h->client_ids->by_client, &held->by_client);
	free(held);
	return ST_NOMEM;
}

const char *client_ids_of(const struct hubgate *h, const struct mosquitto *client,
                          const struct device *d)
{
	const struct held_id *held = find(h, client);

	IN_ROOM(ROOM_BROKER);
	return held ? held->id : d->client_id;
}

bool client_ids_held(const struct hubgate *h, const char *id, const struct device *d)
{
	const struct asked asked = { id, d };

	IN_ROOM(ROOM_BROKER);
	return id && table_find(&h->client_ids->by_id, table_hash(h->seed, id, strlen(id)),
	                        held_by_another, &asked);
}
