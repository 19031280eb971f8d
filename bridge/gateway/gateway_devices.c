/* The devices of the gateway: found by their ids, with what they have to send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/gateway/gateway.h"
#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"
#include "core/hub/topic.h"

struct ids {
	const char *product_id, *device_name;
};

static bool same_ids(const struct table_node *node, const void *key)
{
	const struct subdev *d = table_entry(node, struct subdev, node);
	const struct ids *ids = key;

	return strcmp(d->product_id, ids->product_id) == 0 &&
	       strcmp(d->device_name, ids->device_name) == 0;
}

void gateway_init(struct gateway *g, uint32_t answer_ms, uint64_t seed, const struct log *log,
                  struct metrics *metrics)
{
	memset(g, 0, sizeof(*g));
	table_init(&g->devices);
	turns_init(&g->urgent);
	turns_init(&g->normal);
	turns_init(&g->fresh);
	turns_init(&g->lazy);
	for (int i = 0; i < STANDINGS; i++)
		turns_init(&g->names[i]);
	turns_init(&g->data);
	turns_init(&g->calls);
	turns_init(&g->tries);
	turns_init(&g->news);
	g->world.answer_ms = answer_ms;
	g->seed = seed;
	g->world.random = seed | 1;
	g->due_ms = INT64_MAX;
	g->log = log;
	repeats_init(&g->repeats, seed);
	g->metrics = metrics;
}

static void told_keys(struct gateway *g, struct subdev *d, int64_t now_ms)
{
	const struct subdev_event e = {
		.kind = SUBDEV_IN_KEYS,
		.keys = !d->secret  ? 0
		        : d->second ? 2
		                    : 1,
	};

	gateway_take(g, d, &e, now_ms);
}

void gateway_set_secret(struct gateway *g, struct subdev *d, struct secret *secret, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	gateway_free_secret(d->secret);
	gateway_free_secret(d->second);
	d->second = NULL;
	d->secret = secret;
	d->auth = BIND_PSK;
	told_keys(g, d, now_ms);
}

void gateway_set_certificate(struct gateway *g, struct subdev *d, struct secret *first,
                             struct secret *second, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	gateway_set_secret(g, d, first, now_ms);
	d->second = second;
	d->auth = BIND_CERTIFICATE;
	told_keys(g, d, now_ms);
}

void gateway_free_device(struct subdev *d)
{
	struct filter *f;
	struct live_msg *m;

	gateway_free_secret(d->secret);
	gateway_free_secret(d->second);
	while (LIST_TAKE(&d->filters, f))
		free(f);
	while (QUEUE_TAKE(&d->live, m) || QUEUE_TAKE(&d->requests, m))
		gateway_free_live(m);
	gateway_free_live(d->shadow);
	gateway_free_live(d->bind);
	outbox_fini(&d->outbox);
	latest_fini(&d->latest);
	free(d);
}

void gateway_fini(struct gateway *g)
{
	struct table_at at;
	struct answer *a;

	while ((a = gateway_answer(g)) != NULL)
		free(a);
	for (struct table_node *n = table_first(&g->devices, &at); n;
	     n = table_next(&g->devices, &at)) {
		table_remove(&g->devices, n);
		gateway_free_device(table_entry(n, struct subdev, node));
	}
	table_fini(&g->devices);
}

static uint64_t hash_ids(const struct gateway *g, const char *product_id, const char *device_name)
{
	return table_hash(table_hash(g->seed, product_id, strlen(product_id)), device_name,
	                  strlen(device_name));
}

struct subdev *gateway_find(struct gateway *g, const char *product_id, const char *device_name)
{
	const struct ids ids = { product_id, device_name };
	struct table_node *n =
		table_find(&g->devices, hash_ids(g, product_id, device_name), same_ids, &ids);

	IN_ROOM(ROOM_UPLINK);
	return n ? table_entry(n, struct subdev, node) : NULL;
}

struct subdev *gateway_device(struct gateway *g, const char *client_id)
{
	char product_id[PRODUCT_ID_LEN + 1];
	const char *device_name = credential_split(client_id, product_id);
	struct subdev *d;

	IN_ROOM(ROOM_UPLINK);
	if (!device_name || strlen(device_name) > DEVICE_NAME_MAX)
		return NULL;
	d = gateway_find(g, product_id, device_name);
	if (d) {
		d->forgotten = false;
		return d;
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	memcpy(d->product_id, product_id, sizeof(product_id));
	memcpy(d->device_name, device_name, strlen(device_name) + 1);
	subdev_init(&d->hub, false);
	outbox_init(&d->outbox);
	if (table_add(&g->devices, &d->node, hash_ids(g, d->product_id, d->device_name)) != ST_OK) {
		free(d);
		return NULL;
	}
	return d;
}

enum status gateway_set_own(struct gateway *g, const char *client_id)
{
	struct subdev *d = gateway_device(g, client_id);

	IN_ROOM(ROOM_UPLINK);
	if (!d)
		return ST_NOMEM;
	subdev_init(&d->hub, true);
	g->own = d;
	return ST_OK;
}

bool gateway_has_application(const struct gateway *g)
{
	IN_ROOM(ROOM_UPLINK);
	return g->own && g->own->hub.reasons & SUBDEV_HERE;
}

void gateway_client_id(const struct subdev *d, char out[CLIENT_ID_MAX + 1])
{
	IN_ROOM(ROOM_UPLINK);
	credential_client_id(d->product_id, d->device_name, out);
}

/* --- live messages --- */

void gateway_add_live(struct gateway *g, struct subdev *d, struct live_msg *m)
{
	struct topic t;

	IN_ROOM(ROOM_UPLINK);
	if (topic_parse(m->topic, strlen(m->topic), &t) == ST_OK && topic_late_is_worthless(t.kind)) {
		m->call = t.kind == TOPIC_RRPC_TXD;
		QUEUE_PUT(&d->requests, m);
	} else {
		QUEUE_PUT(&d->live, m);
	}
	gateway_touch(g, d);
}
