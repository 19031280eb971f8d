#include "plugin/base/device_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/hub/topic.h"

enum {
	FIRST_ROOM = 16,
};

struct key {
	const char *client_id;
	size_t len;
};

struct device_table {
	struct table all;      /* those retired included */
	size_t known;          /* of these, not retired */
	struct device **order; /* the same by their serials; room for all that the table has */
	size_t order_room;
	uint64_t serial; /* the last given */
	uint64_t seed;
};

static bool same_client(const struct table_node *node, const void *key)
{
	const struct device *d = table_entry(node, struct device, node);
	const struct key *k = key;

	return strlen(d->client_id) == k->len && memcmp(d->client_id, k->client_id, k->len) == 0;
}

struct device_table *device_table_new(uint64_t seed)
{
	struct device_table *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	table_init(&r->all);
	r->seed = seed;
	return r;
}

static void free_device(struct device *d)
{
	while (d->filters) {
		struct device_filter *f = d->filters;

		d->filters = f->next;
		free(f);
	}
	secret_wipe(&d->secret);
	free(d->login_id);
	free(d);
}

void device_table_free(struct device_table *r)
{
	struct table_at at;

	if (!r)
		return;
	for (struct table_node *n = table_first(&r->all, &at); n; n = table_next(&r->all, &at)) {
		table_remove(&r->all, n);
		free_device(table_entry(n, struct device, node));
	}
	table_fini(&r->all);
	free(r->order);
	free(r);
}

/* --- their order --- */

static enum status order_reserve(struct device_table *r, size_t count)
{
	size_t room = r->order_room ? r->order_room : FIRST_ROOM;
	struct device **order;

	while (room < count)
		room *= 2;
	if (room == r->order_room)
		return ST_OK;
	order = realloc(r->order, room * sizeof(*order));
	if (!order)
		return ST_NOMEM;
	r->order = order;
	r->order_room = room;
	return ST_OK;
}

/* Where the first stands whose serial is greater, among the first count. */
static size_t order_behind(const struct device_table *r, uint64_t serial, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->order[middle]->serial <= serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void order_remove(struct device_table *r, const struct device *d)
{
	size_t at = order_behind(r, d->serial - 1, r->all.count);

	memmove(&r->order[at], &r->order[at + 1], (r->all.count - at - 1) * sizeof(r->order[0]));
}

struct device *device_table_behind(const struct device_table *r, uint64_t serial)
{
	size_t at = order_behind(r, serial, r->all.count);

	IN_ROOM(ROOM_BROKER);
	return at < r->all.count ? r->order[at] : NULL;
}

static struct device *entry(struct table_node *n)
{
	return n ? table_entry(n, struct device, node) : NULL;
}

/* Retired ones too. */
static struct device *find_any(const struct device_table *r, const char *client_id, size_t len)
{
	const struct key key = { client_id, len };

	return entry(table_find(&r->all, table_hash(r->seed, client_id, len), same_client, &key));
}

struct device *device_table_find(const struct device_table *r, const char *client_id, size_t len)
{
	struct device *d = find_any(r, client_id, len);

	IN_ROOM(ROOM_BROKER);
	return d && !d->retired ? d : NULL;
}

struct device *device_table_named(const struct device_table *r, const char *product_id,
                                  const char *device_name)
{
	char client_id[CLIENT_ID_MAX + 1];
	size_t len = credential_client_id(product_id, device_name, client_id);

	IN_ROOM(ROOM_BROKER);
	return len <= CLIENT_ID_MAX ? device_table_find(r, client_id, len) : NULL;
}

bool device_table_remembers(const struct device_table *r, const char *client_id, size_t len)
{
	IN_ROOM(ROOM_BROKER);
	return find_any(r, client_id, len) != NULL;
}

size_t device_table_known(const struct device_table *r)
{
	IN_ROOM(ROOM_BROKER);
	return r->known;
}

struct device *device_table_first(const struct device_table *r, struct table_at *at)
{
	IN_ROOM(ROOM_BROKER);
	return entry(table_first(&r->all, at));
}

struct device *device_table_next(const struct device_table *r, struct table_at *at)
{
	IN_ROOM(ROOM_BROKER);
	return entry(table_next(&r->all, at));
}

struct device *device_make(const char *product_id, const char *device_name,
                           const struct secret *secret)
{
	struct device *d;

	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	snprintf(d->product_id, sizeof(d->product_id), "%s", product_id);
	snprintf(d->device_name, sizeof(d->device_name), "%s", device_name);
	credential_client_id(product_id, device_name, d->client_id);
	d->secret = *secret;
	return d;
}

void device_discard(struct device *d)
{
	if (d)
		free_device(d);
}

enum status device_table_reserve(struct device_table *r, size_t more)
{
	enum status st = table_reserve(&r->all, r->all.count + more);

	IN_ROOM(ROOM_BROKER);
	return st == ST_OK ? order_reserve(r, r->all.count + more) : st;
}

struct device *device_table_put(struct device_table *r, struct device *made)
{
	size_t len = strlen(made->client_id);
	struct device *d = find_any(r, made->client_id, len);

	IN_ROOM(ROOM_BROKER);
	if (!d) {
		if (order_reserve(r, r->all.count + 1) != ST_OK ||
		    table_add(&r->all, &made->node, table_hash(r->seed, made->client_id, len)) != ST_OK)
			return NULL;
		made->serial = ++r->serial;
		r->order[r->all.count - 1] = made;
		r->known++;
		return made;
	}
	r->known += d->retired;
	d->retired = false;
	if (made->secret.key_len > 0)
		d->secret = made->secret;
	return d;
}

void device_table_retire(struct device_table *r, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	secret_wipe(&d->secret);
	r->known -= !d->retired;
	d->retired = true;
	d->at_hub = false;
	d->refused_code = 0;
}

void device_table_remove(struct device_table *r, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	r->known -= !d->retired;
	order_remove(r, d);
	table_remove(&r->all, &d->node);
	free_device(d);
}

enum status device_table_add(struct device_table *r, const char *product_id,
                             const char *device_name, const struct secret *secret,
                             struct device **out)
{
	struct device *d, *made;

	IN_ROOM(ROOM_BROKER);
	if (!credential_product_id_ok(product_id, strlen(product_id)) ||
	    !credential_device_name_ok(device_name, strlen(device_name)))
		return ST_INVALID;
	made = device_make(product_id, device_name, secret);
	if (!made)
		return ST_NOMEM;
	if (device_table_find(r, made->client_id, strlen(made->client_id))) {
		free_device(made);
		return ST_EXISTS;
	}
	d = device_table_put(r, made);
	if (d != made)
		free_device(made);
	if (!d)
		return ST_NOMEM;
	*out = d;
	return ST_OK;
}

/* The link that points to the filter, or to the end of the list. */
static struct device_filter **find_link(struct device *d, const char *filter)
{
	struct device_filter **at = &d->filters;

	while (*at && strcmp((*at)->text, filter) != 0)
		at = &(*at)->next;
	return at;
}

const char *device_login_id(const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	return d->login_id ? d->login_id : d->client_id;
}

enum status device_set_login_id(struct device *d, const char *id)
{
	char *copy = strcmp(id, d->client_id) == 0 ? NULL : strdup(id);

	IN_ROOM(ROOM_BROKER);
	if (!copy && strcmp(id, d->client_id) != 0)
		return ST_NOMEM;
	free(d->login_id);
	d->login_id = copy;
	return ST_OK;
}

enum status device_subscribe(struct device *d, const char *filter, uint8_t qos)
{
	struct device_filter **at = find_link(d, filter);
	size_t size = strlen(filter) + 1;

	IN_ROOM(ROOM_BROKER);
	if (*at) {
		(*at)->earlier = false;
		if ((*at)->qos == qos)
			return ST_EXISTS;
		(*at)->qos = qos;
		return ST_OK;
	}
	if (d->filter_count >= DEVICE_FILTERS_MAX)
		return ST_FULL;
	*at = calloc(1, sizeof(**at) + size);
	if (!*at)
		return ST_NOMEM;
	memcpy((*at)->text, filter, size);
	(*at)->qos = qos;
	d->filter_count++;
	return ST_OK;
}

void device_begins_anew(struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	for (struct device_filter *f = d->filters; f; f = f->next)
		f->earlier = true;
}

bool device_subscribes(const struct device *d, const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	for (const struct device_filter *f = d->filters; f; f = f->next) {
		if (strcmp(f->text, filter) == 0)
			return true;
	}
	return false;
}

void device_set_connection(struct device *d, const char *filter, uint64_t connection)
{
	struct device_filter *f = *find_link(d, filter);

	IN_ROOM(ROOM_BROKER);
	if (f)
		f->connection = connection;
}

bool device_hears(const struct device *d, const char *topic, uint64_t connection)
{
	IN_ROOM(ROOM_BROKER);
	for (const struct device_filter *f = d->filters; f; f = f->next) {
		if (f->connection == connection && connection != 0 && topic_matches(f->text, topic))
			return true;
	}
	return false;
}

void device_heard(struct device *d, const char *topic, uint64_t connection)
{
	IN_ROOM(ROOM_BROKER);
	for (struct device_filter *f = d->filters; f; f = f->next) {
		if (topic_matches(f->text, topic))
			f->connection = connection;
	}
}

enum status device_unsubscribe(struct device *d, const char *filter)
{
	struct device_filter **at = find_link(d, filter);
	struct device_filter *f = *at;

	IN_ROOM(ROOM_BROKER);
	if (!f)
		return ST_NOTFOUND;
	*at = f->next;
	free(f);
	d->filter_count--;
	return ST_OK;
}
