/* table.h - an intrusive hash table; the caller owns the elements.
 * Room:  any; one owner. Pure.
 */
#ifndef HUBGATE_TABLE_H
#define HUBGATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Embed; table_entry() finds the element, with a const type where the node is. */
struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **slots;
	size_t slot_count, count;
};

#define table_entry(node, type, member) ((type *)((uintptr_t)(node)-offsetof(type, member)))

typedef bool table_equal_fn(const struct table_node *node, const void *key);

/* 64-bit FNV-1a with a final mix; seed it per process against crafted keys. */
uint64_t table_hash(uint64_t seed, const void *bytes, size_t len);

void table_init(struct table *t); /* no memory yet */
void table_fini(struct table *t); /* elements stay with the caller */
/* NULL when absent. */
struct table_node *table_find(const struct table *t, uint64_t hash, table_equal_fn *equal,
                              const void *key);
/* Does not look for duplicates. ST_OK; ST_NOMEM (not added), only for the first
 * node: a table that cannot grow gets slower instead. */
enum status table_add(struct table *t, struct table_node *node, uint64_t hash);
/* So many nodes find room without another allocation. ST_OK; ST_NOMEM. */
enum status table_reserve(struct table *t, size_t count);
void table_remove(struct table *t, struct table_node *node); /* must be in */
/* Iterates in no order. Removing or freeing the current node is allowed, any other
 * change of the table is not.
 * for (n = table_first(t, &at); n; n = table_next(t, &at)) */
struct table_at {
	size_t slot;
	struct table_node *next;
};
struct table_node *table_first(const struct table *t, struct table_at *at);
struct table_node *table_next(const struct table *t, struct table_at *at);

#endif
