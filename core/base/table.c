#include "core/base/table.h"

#include <stdlib.h>

enum {
	FIRST_SLOTS = 16
}; /* slot counts are powers of two */

uint64_t table_hash(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 0x100000001b3u;
	/* FNV's low bits, which choose the slot, know little of the seed's high ones. */
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 33);
}

void table_init(struct table *t)
{
	t->slots = NULL;
	t->slot_count = t->count = 0;
}

void table_fini(struct table *t)
{
	free(t->slots);
	table_init(t);
}

static struct table_node **slot_of(struct table_node **slots, size_t slot_count, uint64_t hash)
{
	return &slots[hash & (slot_count - 1)];
}

static void put_in(struct table_node **slots, size_t slot_count, struct table_node *node)
{
	struct table_node **slot = slot_of(slots, slot_count, node->hash);

	node->next = *slot;
	*slot = node;
}

static enum status resize(struct table *t, size_t want)
{
	struct table_node **slots = calloc(want, sizeof(*slots));
	struct table_node *node, *next;

	if (!slots)
		return ST_NOMEM;
	for (size_t i = 0; i < t->slot_count; i++) {
		for (node = t->slots[i]; node; node = next) {
			next = node->next;
			put_in(slots, want, node);
		}
	}
	free(t->slots);
	t->slots = slots;
	t->slot_count = want;
	return ST_OK;
}

/* Without memory the table stays as it is: correct, only slower. */
static void grow(struct table *t)
{
	resize(t, t->slot_count ? t->slot_count * 2 : FIRST_SLOTS);
}

enum status table_reserve(struct table *t, size_t count)
{
	size_t want = t->slot_count ? t->slot_count : FIRST_SLOTS;

	while (want < count)
		want *= 2;
	return want > t->slot_count ? resize(t, want) : ST_OK;
}

struct table_node *table_find(const struct table *t, uint64_t hash, table_equal_fn *equal,
                              const void *key)
{
	struct table_node *node;

	if (t->slot_count == 0)
		return NULL;
	for (node = *slot_of(t->slots, t->slot_count, hash); node; node = node->next) {
		if (node->hash == hash && equal(node, key))
			return node;
	}
	return NULL;
}

enum status table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	if (t->count >= t->slot_count)
		grow(t);
	if (t->slot_count == 0)
		return ST_NOMEM;
	node->hash = hash;
	put_in(t->slots, t->slot_count, node);
	t->count++;
	return ST_OK;
}

void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **at = slot_of(t->slots, t->slot_count, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	t->count--;
}

struct table_node *table_first(const struct table *t, struct table_at *at)
{
	at->slot = 0;
	at->next = t->slot_count ? t->slots[0] : NULL;
	return table_next(t, at);
}

/* Looks one node ahead, so that the node it returned may go. */
struct table_node *table_next(const struct table *t, struct table_at *at)
{
	struct table_node *node = at->next;

	while (!node && at->slot + 1 < t->slot_count)
		node = t->slots[++at->slot];
	at->next = node ? node->next : NULL;
	return node;
}
