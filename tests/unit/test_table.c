#include "core/base/table.h"

#include "tests/runner.h"

enum {
	MANY = 5000
};

struct thing {
	struct table_node node;
	unsigned key;
};

static struct thing things[MANY];

static bool has_key(const struct table_node *node, const void *key)
{
	return table_entry(node, const struct thing, node)->key == *(const unsigned *)key;
}

static uint64_t hash_of(unsigned key)
{
	return table_hash(7, &key, sizeof key);
}

static struct thing *find(const struct table *t, unsigned key)
{
	struct table_node *node = table_find(t, hash_of(key), has_key, &key);

	return node ? table_entry(node, struct thing, node) : NULL;
}

static void fill(struct table *t, unsigned count)
{
	table_init(t);
	for (unsigned i = 0; i < count; i++) {
		things[i].key = i;
		CU_ASSERT_EQUAL(table_add(t, &things[i].node, hash_of(i)), ST_OK);
	}
}

static void empty_table_finds_nothing(void)
{
	struct table_at at;
	struct table t;

	table_init(&t);
	CU_ASSERT_PTR_NULL(find(&t, 1));
	CU_ASSERT_PTR_NULL(table_first(&t, &at));
	CU_ASSERT_PTR_NULL(table_next(&t, &at));
	table_fini(&t);
}

static void every_node_is_found_while_the_table_grows(void)
{
	struct table t;
	unsigned missing = 0;

	fill(&t, MANY);
	CU_ASSERT_EQUAL(t.count, MANY);
	CU_ASSERT(t.slot_count >= MANY);
	for (unsigned i = 0; i < MANY; i++)
		missing += find(&t, i) != &things[i];
	CU_ASSERT_EQUAL(missing, 0);
	CU_ASSERT_PTR_NULL(find(&t, MANY));
	table_fini(&t);
}

static void iteration_meets_every_node_once(void)
{
	static unsigned met[MANY];
	struct table_node *node;
	struct table_at at;
	struct table t;
	unsigned wrong = 0;

	fill(&t, MANY);
	for (node = table_first(&t, &at); node; node = table_next(&t, &at))
		met[table_entry(node, struct thing, node)->key]++;
	for (unsigned i = 0; i < MANY; i++)
		wrong += met[i] != 1;
	CU_ASSERT_EQUAL(wrong, 0);
	table_fini(&t);
}

static void current_node_may_be_removed_while_iterating(void)
{
	struct table_node *node;
	struct table_at at;
	struct table t;
	unsigned met = 0, wrong = 0;

	fill(&t, MANY);
	for (node = table_first(&t, &at); node; node = table_next(&t, &at)) {
		met++;
		if (table_entry(node, struct thing, node)->key % 2)
			table_remove(&t, node);
	}
	CU_ASSERT_EQUAL(met, MANY);
	CU_ASSERT_EQUAL(t.count, MANY / 2);
	for (unsigned i = 0; i < MANY; i++)
		wrong += (find(&t, i) != NULL) == (i % 2 == 1);
	CU_ASSERT_EQUAL(wrong, 0);
	table_fini(&t);
}

static void nodes_of_one_hash_are_told_apart_by_key(void)
{
	struct thing a = { .key = 1 }, b = { .key = 2 };
	struct table t;
	unsigned key = 1;

	table_init(&t);
	CU_ASSERT_EQUAL(table_add(&t, &a.node, 99), ST_OK);
	CU_ASSERT_EQUAL(table_add(&t, &b.node, 99), ST_OK);
	CU_ASSERT_PTR_EQUAL(table_find(&t, 99, has_key, &key), &a.node);
	table_remove(&t, &a.node);
	CU_ASSERT_PTR_NULL(table_find(&t, 99, has_key, &key));
	key = 2;
	CU_ASSERT_PTR_EQUAL(table_find(&t, 99, has_key, &key), &b.node);
	table_fini(&t);
}

static void hash_depends_on_seed_length_and_every_byte(void)
{
	CU_ASSERT(table_hash(1, "abc", 3) == table_hash(1, "abc", 3));
	CU_ASSERT(table_hash(1, "abc", 3) != table_hash(2, "abc", 3));
	CU_ASSERT(table_hash(1, "abc", 3) != table_hash(1, "abc", 2));
	CU_ASSERT(table_hash(1, "abc", 3) != table_hash(1, "bbc", 3));
	CU_ASSERT(table_hash(1, "", 0) != table_hash(1, "\0", 1));
	/* the seed's high half must reach the low bits, which choose the slot */
	CU_ASSERT((table_hash(1, "abc", 3) & 0xffff) !=
	          (table_hash(UINT64_C(1) << 63 | 1, "abc", 3) & 0xffff));
}

SUITE(table, TEST(empty_table_finds_nothing), TEST(every_node_is_found_while_the_table_grows),
      TEST(iteration_meets_every_node_once), TEST(current_node_may_be_removed_while_iterating),
      TEST(nodes_of_one_hash_are_told_apart_by_key),
      TEST(hash_depends_on_seed_length_and_every_byte))
