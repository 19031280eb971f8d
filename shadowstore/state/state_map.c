#include <stdlib.h>
#include <string.h>

#include "shadowstore/state/state_impl.h"

struct map_key {
	uint16_t kind;
	const char *key;
	size_t len;
};

static bool same_entry(const struct table_node *node, const void *key)
{
	const struct state_map_entry *e = table_entry(node, const struct state_map_entry, node);
	const struct map_key *k = key;

	return e->kind == k->kind && e->key_len == k->len && memcmp(e->key, k->key, k->len) == 0;
}

static void entry_free(struct state_map_entry *e)
{
	free(e->value);
	free(e);
}

void state_map_init(struct state_map *m)
{
	table_init(&m->entries);
}

void state_map_fini(struct state_map *m)
{
	struct table_at at;

	for (struct table_node *n = table_first(&m->entries, &at); n; n = table_next(&m->entries, &at))
		entry_free(table_entry(n, struct state_map_entry, node));
	table_fini(&m->entries);
}

static enum status add(struct state_map *m, const struct map_key *k, uint64_t hash,
                       struct state_map_entry **out)
{
	struct state_map_entry *e = calloc(1, sizeof(*e) + k->len + 1);

	if (!e)
		return ST_NOMEM;
	e->kind = k->kind;
	e->key_len = k->len;
	memcpy(e->key, k->key, k->len);
	if (table_add(&m->entries, &e->node, hash) != ST_OK) {
		entry_free(e);
		return ST_NOMEM;
	}
	*out = e;
	return ST_OK;
}

enum status state_map_put(struct state_map *m, uint16_t kind, const char *key, size_t key_len,
                          const void *value, size_t len)
{
	const struct map_key k = { kind, key, key_len };
	uint64_t hash = table_hash(kind, key, key_len);
	struct table_node *n = table_find(&m->entries, hash, same_entry, &k);
	struct state_map_entry *e = n ? table_entry(n, struct state_map_entry, node) : NULL;
	void *copy;

	if (!value) {
		if (e) {
			table_remove(&m->entries, &e->node);
			entry_free(e);
		}
		return ST_OK;
	}
	copy = malloc(len + 1);
	if (!copy)
		return ST_NOMEM;
	if (!e && add(m, &k, hash, &e) != ST_OK) {
		free(copy);
		return ST_NOMEM;
	}
	memcpy(copy, value, len);
	free(e->value);
	e->value = copy;
	e->len = len;
	return ST_OK;
}
