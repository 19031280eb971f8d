#include "bridge/gateway/aside.h"

#include <stdlib.h>

#include "bridge/gateway/gateway_impl.h"
#include "core/base/room.h"

struct record { /* of a device and a key */
	struct table_node node;
	struct record *next, *prev; /* in the line of the key */
	struct subdev *dev;
	uint16_t key;
	uint64_t count;
	uint64_t first_seq; /* none that stands aside is before it */
};

struct asides {
	struct permissions *permissions;
	struct table records;
	uint64_t seed, count;
	struct {
		LINE_OF(struct record) devices;
		uint64_t count;
		uint64_t picked_seq; /* of the last probe */
		const struct subdev *picked;
	} keys[PERMISSION_IDS];
};

struct pair {
	const struct subdev *dev;
	uint16_t key;
};

static bool same_pair(const struct table_node *node, const void *key)
{
	const struct record *r = table_entry(node, struct record, node);
	const struct pair *p = key;

	return r->dev == p->dev && r->key == p->key;
}

static uint64_t hash_of(const struct asides *a, const struct pair *p)
{
	return table_hash(table_hash(a->seed, &p->dev, sizeof(p->dev)), &p->key, sizeof(p->key));
}

enum status aside_new(struct permissions *p, uint64_t seed, struct asides **out)
{
	struct asides *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return ST_NOMEM;
	table_init(&a->records);
	a->permissions = p;
	a->seed = seed;
	return ST_OK;
}

void aside_free(struct asides *a)
{
	struct table_at at;

	if (!a)
		return;
	for (struct table_node *n = table_first(&a->records, &at); n; n = table_next(&a->records, &at))
		free(table_entry(n, struct record, node));
	table_fini(&a->records);
	free(a);
}

/* --- records --- */

static struct record *record_of(const struct asides *a, const struct subdev *d, uint16_t key)
{
	const struct pair p = { d, key };
	struct table_node *n = table_find(&a->records, hash_of(a, &p), same_pair, &p);

	return n ? table_entry(n, struct record, node) : NULL;
}

static struct record *record_new(struct asides *a, struct subdev *d, uint16_t key)
{
	const struct pair p = { d, key };
	struct record *r = calloc(1, sizeof(*r));

	if (!r || table_add(&a->records, &r->node, hash_of(a, &p)) != ST_OK) {
		free(r);
		return NULL;
	}
	r->dev = d;
	r->key = key;
	r->first_seq = UINT64_MAX;
	LINE_PUT(&a->keys[key].devices, r);
	return r;
}

static void record_less(struct asides *a, struct record *r, uint64_t count)
{
	a->count -= count;
	a->keys[r->key].count -= count;
	r->count -= count;
	if (r->count > 0)
		return;
	LINE_REMOVE(&a->keys[r->key].devices, r);
	table_remove(&a->records, &r->node);
	free(r);
}

/* The oldest of the record, from seq on. */
static struct outbox_entry *oldest(struct record *r, uint64_t seq)
{
	struct outbox_entry *e = outbox_aside(&r->dev->outbox, r->key, seq);

	if (e && seq <= r->first_seq)
		r->first_seq = e->seq;
	return e;
}

enum status aside_put(struct asides *a, struct subdev *d, struct outbox_entry *e)
{
	struct record *r = record_of(a, d, e->key);

	IN_ROOM(ROOM_UPLINK);
	if (!r)
		r = record_new(a, d, e->key);
	if (!r)
		return ST_NOMEM;
	outbox_put_aside(&d->outbox, e);
	if (e->seq < r->first_seq)
		r->first_seq = e->seq;
	r->count++;
	a->keys[e->key].count++;
	a->count++;
	return ST_OK;
}

void aside_forget(struct asides *a, struct subdev *d, const struct outbox_entry *e)
{
	struct record *r = a && e->state == ENTRY_ASIDE ? record_of(a, d, e->key) : NULL;

	IN_ROOM(ROOM_UPLINK);
	if (r)
		record_less(a, r, 1);
}

struct subdev *aside_release(struct asides *a, uint16_t key)
{
	struct record *r = a ? a->keys[key].devices.first : NULL;
	struct subdev *d = r ? r->dev : NULL;
	struct outbox_entry *e;

	IN_ROOM(ROOM_UPLINK);
	if (!r)
		return NULL;
	for (uint64_t seq = r->first_seq; (e = outbox_aside(&d->outbox, key, seq)); seq = e->seq + 1)
		outbox_take_back(&d->outbox, e);
	record_less(a, r, r->count);
	return d;
}

/* --- what goes --- */

struct outbox_entry *aside_next(struct asides *a, struct subdev *d, bool *waits)
{
	struct outbox_entry *e;

	IN_ROOM(ROOM_UPLINK);
	*waits = false;
	while ((e = outbox_next(&d->outbox)) != NULL && a) {
		enum permission_way way = permission_way(a->permissions, e->key);

		if (way == PERMISSION_GO && d->outbox.unheard && !permission_place(a->permissions))
			way = PERMISSION_WAIT;
		*waits = d->outbox.trying || way == PERMISSION_WAIT;
		if (*waits)
			return NULL;
		if (way == PERMISSION_GO)
			return e;
		if (aside_put(a, d, e) != ST_OK)
			return NULL;
	}
	return e;
}

/* --- probes --- */

static bool is_better(const struct record *r, const struct record *best)
{
	return gateway_is_online(r->dev) && (!best || r->first_seq < best->first_seq);
}

struct outbox_entry *aside_pick(struct asides *a, uint16_t key, bool other, struct subdev **dev)
{
	struct record *best = NULL, *second = NULL;
	struct outbox_entry *e = NULL;

	IN_ROOM(ROOM_UPLINK);
	for (struct record *r = a->keys[key].devices.first; r; r = r->next) {
		if (is_better(r, best))
			best = r;
		if (r->dev != a->keys[key].picked && is_better(r, second))
			second = r;
	}
	if (other && second)
		best = second;
	else if (other && best)
		e = oldest(best, a->keys[key].picked_seq + 1);
	if (best && !e)
		e = oldest(best, best->first_seq);
	if (!e)
		return NULL;
	*dev = best->dev;
	a->keys[key].picked = best->dev;
	a->keys[key].picked_seq = e->seq;
	return e;
}

struct subdev *aside_wish(struct asides *a, uint16_t key, struct subdev **before)
{
	struct record *r = a->keys[key].devices.first, *last = a->keys[key].devices.last;

	IN_ROOM(ROOM_UPLINK);
	*before = last && last->dev->outbox.wanted ? last->dev : NULL;
	if (*before)
		(*before)->outbox.wanted = false;
	if (!r)
		return NULL;
	LINE_REMOVE(&a->keys[key].devices, r);
	LINE_PUT(&a->keys[key].devices, r);
	r->dev->outbox.wanted = true;
	return r->dev;
}

/* --- bounds --- */

uint64_t aside_count(const struct asides *a)
{
	IN_ROOM(ROOM_UPLINK);
	return a ? a->count : 0;
}

uint64_t aside_count_of(const struct asides *a, uint16_t key)
{
	IN_ROOM(ROOM_UPLINK);
	return a ? a->keys[key].count : 0;
}

struct outbox_entry *aside_most(struct asides *a, struct subdev **dev)
{
	struct record *most = NULL;
	struct table_at at;

	IN_ROOM(ROOM_UPLINK);
	if (!a || a->count == 0)
		return NULL;
	for (struct table_node *n = table_first(&a->records, &at); n;
	     n = table_next(&a->records, &at)) {
		struct record *r = table_entry(n, struct record, node);

		if (!most || r->count > most->count)
			most = r;
	}
	*dev = most->dev;
	return oldest(most, most->first_seq);
}
