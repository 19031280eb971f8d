#include "core/pace/permission.h"

#include <stdlib.h>
#include <string.h>

enum {
	EVERY_OTHER = 2,
	EVERY_FOURTH = 4
};

struct name {
	const char *product_id, *topic;
	size_t product_len, topic_len;
};

static bool same_name(const struct table_node *node, const void *key)
{
	const struct permission *k = table_entry(node, struct permission, node);
	const struct name *n = key;

	return k->product_len == n->product_len &&
	       memcmp(k->text, n->product_id, n->product_len) == 0 &&
	       strlen(k->text + n->product_len + 1) == n->topic_len &&
	       memcmp(k->text + n->product_len + 1, n->topic, n->topic_len) == 0;
}

static uint64_t hash_of(const struct permissions *p, const struct name *n)
{
	return table_hash(table_hash(p->seed, n->product_id, n->product_len), n->topic, n->topic_len);
}

static struct permission *key_new(const struct name *n)
{
	struct permission *k = calloc(1, sizeof(*k) + n->product_len + n->topic_len + 2);

	if (!k)
		return NULL;
	memcpy(k->text, n->product_id, n->product_len);
	k->text[n->product_len] = '/';
	memcpy(k->text + n->product_len + 1, n->topic, n->topic_len);
	k->product_len = n->product_len;
	k->pause_ms = PERMISSION_PAUSE_MS;
	k->probe_ms = INT64_MAX;
	return k;
}

/* Keys that stand for no topic: they prove nothing. */
static bool is_shared(uint16_t id)
{
	return id >= PERMISSION_OVERFLOW;
}

static enum status add_shared(struct permissions *p, uint16_t id, const char *text)
{
	const struct name n = { .product_id = "", .topic = text, .topic_len = strlen(text) };
	struct permission *k = key_new(&n);

	if (!k)
		return ST_NOMEM;
	k->id = id;
	k->waiting = 1; /* never idle */
	p->keys[id] = k;
	return ST_OK;
}

enum status permission_init(struct permissions *p, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	table_init(&p->table);
	p->seed = seed;
	p->due_ms = INT64_MAX;
	if (add_shared(p, PERMISSION_OVERFLOW, "(of many)") != ST_OK ||
	    add_shared(p, PERMISSION_SINGLE, "(single messages)") != ST_OK ||
	    add_shared(p, PERMISSION_LONE, "(messages that end connections)") != ST_OK)
		return ST_NOMEM;
	p->keys[PERMISSION_SINGLE]->state = p->keys[PERMISSION_LONE]->state = PERMISSION_SUSPECT;
	p->keys[PERMISSION_LONE]->alone = true;
	return ST_OK;
}

void permission_fini(struct permissions *p)
{
	for (size_t i = 0; i < PERMISSION_IDS; i++)
		free(p->keys[i]);
	table_fini(&p->table);
	memset(p, 0, sizeof(*p));
}

static void set_state(struct permissions *p, struct permission *k, enum permission_state state)
{
	if (k->state == PERMISSION_SUSPECT)
		p->suspect--;
	if (state == PERMISSION_SUSPECT)
		p->suspect++;
	k->state = (uint8_t)state;
}

/* The id of a key that nobody has, its key gone; or of one that was never given out. */
static uint16_t free_id(struct permissions *p)
{
	struct permission *k = p->idle.first;
	uint16_t id;

	if (p->used < PERMISSION_KEYS)
		return ++p->used;
	if (!k)
		return PERMISSION_NONE;
	id = k->id;
	LINE_REMOVE(&p->idle, k);
	table_remove(&p->table, &k->node);
	set_state(p, k, PERMISSION_UNPROVEN);
	p->keys[id] = NULL;
	free(k);
	return id;
}

static struct permission *add_key(struct permissions *p, const struct name *n)
{
	struct permission *k = key_new(n);

	if (k)
		k->id = free_id(p);
	if (k && k->id != PERMISSION_NONE && table_add(&p->table, &k->node, hash_of(p, n)) == ST_OK)
		return p->keys[k->id] = k;
	free(k);
	return NULL;
}

uint16_t permission_take(struct permissions *p, const char *product_id, size_t product_len,
                         const char *topic, size_t topic_len)
{
	const struct name n = { product_id, topic, product_len, topic_len };
	struct table_node *node = table_find(&p->table, hash_of(p, &n), same_name, &n);
	struct permission *k = node ? table_entry(node, struct permission, node) : NULL;

	if (k && k->waiting == 0)
		LINE_REMOVE(&p->idle, k);
	if (!k)
		k = add_key(p, &n);
	if (!k)
		k = p->keys[PERMISSION_OVERFLOW];
	k->waiting++;
	return k->id;
}

void permission_hold(struct permissions *p, uint16_t id)
{
	if (id == PERMISSION_NONE)
		return;
	if (p->keys[id]->waiting++ == 0)
		LINE_REMOVE(&p->idle, p->keys[id]);
}

void permission_drop(struct permissions *p, uint16_t id)
{
	if (id == PERMISSION_NONE)
		return;
	if (--p->keys[id]->waiting == 0)
		LINE_PUT(&p->idle, p->keys[id]);
}

const struct permission *permission_key(const struct permissions *p, uint16_t id)
{
	return p->keys[id];
}

bool permission_proven(const struct permissions *p, uint16_t id)
{
	return id == PERMISSION_NONE || p->keys[id]->state == PERMISSION_PROVEN;
}

bool permission_place(const struct permissions *p)
{
	return p->tries < PERMISSION_TRIES;
}

enum permission_way permission_way(const struct permissions *p, uint16_t id)
{
	const struct permission *k = p->keys[id];

	if (permission_proven(p, id))
		return PERMISSION_GO;
	if (k->state != PERMISSION_UNPROVEN)
		return PERMISSION_ASIDE;
	return k->tries == 0 && permission_place(p) ? PERMISSION_GO : PERMISSION_WAIT;
}

void permission_try(struct permissions *p, uint16_t id, bool probe)
{
	p->tries++;
	p->probes += probe;
	p->keys[id]->tries++;
}

void permission_tried(struct permissions *p, uint16_t id, bool probe)
{
	p->tries--;
	p->probes -= probe;
	p->keys[id]->tries--;
}

static void probe_at(struct permissions *p, struct permission *k, int64_t at_ms)
{
	k->probe_ms = at_ms;
	if (at_ms < p->due_ms)
		p->due_ms = at_ms;
}

static void forgive(struct permission *k)
{
	k->misses = 0;
	k->pause_ms = PERMISSION_PAUSE_MS;
}

bool permission_acked(struct permissions *p, uint16_t id, uint64_t order, int64_t now_ms)
{
	struct permission *k = id != PERMISSION_NONE ? p->keys[id] : NULL;

	if (!k)
		return false;
	if (order > k->acked_order)
		k->acked_order = order;
	k->excused = false;
	if (k->state == PERMISSION_PROVEN)
		return false;
	forgive(k);
	if (id == PERMISSION_SINGLE || id == PERMISSION_LONE) { /* on with the next of them */
		probe_at(p, k, now_ms);
		return false;
	}
	set_state(p, k, is_shared(id) ? PERMISSION_UNPROVEN : PERMISSION_PROVEN);
	k->ever = !is_shared(id);
	k->alone = k->told = false;
	k->probe_ms = INT64_MAX;
	return true;
}

bool permission_passed(const struct permissions *p, uint16_t id, uint64_t order)
{
	return id != PERMISSION_NONE && !is_shared(id) && p->keys[id]->acked_order > order;
}

bool permission_doubt(struct permissions *p, uint16_t id)
{
	struct permission *k = p->keys[id];

	if (k->state != PERMISSION_UNPROVEN)
		return false;
	set_state(p, k, PERMISSION_DOUBTED);
	return true;
}

bool permission_undoubt(struct permissions *p, uint16_t id)
{
	struct permission *k = id != PERMISSION_NONE ? p->keys[id] : NULL;

	if (!k || k->state != PERMISSION_DOUBTED)
		return false;
	set_state(p, k, PERMISSION_UNPROVEN);
	return true;
}

/* The next probe after this pause, the one after it after twice as much. Single messages are tried
 * a few times only, each in its turn. */
static void put_off(struct permissions *p, struct permission *k, int64_t now_ms)
{
	uint32_t twice_ms = k->pause_ms * 2;

	probe_at(p, k, now_ms + k->pause_ms);
	k->misses++;
	if (k->id == PERMISSION_SINGLE || k->id == PERMISSION_LONE)
		return;
	k->pause_ms = twice_ms < PERMISSION_PAUSE_MAX_MS ? twice_ms : PERMISSION_PAUSE_MAX_MS;
}

static bool tell(struct permission *k)
{
	bool news = !k->told && !is_shared(k->id);

	k->told = true;
	return news;
}

bool permission_accuse(struct permissions *p, uint16_t id, bool probe, int64_t now_ms)
{
	struct permission *k = p->keys[id];
	bool first = k->state != PERMISSION_SUSPECT;

	if (!first && !probe && k->probe_ms != INT64_MAX)
		return false;
	set_state(p, k, PERMISSION_SUSPECT);
	if (first && k->ever) {
		forgive(k);
		probe_at(p, k, now_ms);
		return false;
	}
	put_off(p, k, now_ms);
	return tell(k);
}

bool permission_excuse(struct permissions *p, uint16_t id)
{
	struct permission *k = p->keys[id];
	bool first = k->state == PERMISSION_PROVEN && !k->excused;

	k->excused = true;
	return first;
}

bool permission_isolate(struct permissions *p, uint16_t id, int64_t now_ms)
{
	struct permission *k = p->keys[id];

	k->alone = true;
	set_state(p, k, PERMISSION_SUSPECT);
	put_off(p, k, now_ms);
	k->pause_ms = PERMISSION_PAUSE_MAX_MS;
	return tell(k);
}

void permission_remember(struct permissions *p, uint16_t id, int64_t now_ms)
{
	struct permission *k = p->keys[id];

	if (is_shared(id))
		return;
	k->pause_ms = PERMISSION_PAUSE_MAX_MS;
	permission_isolate(p, id, now_ms);
}

uint16_t permission_due(struct permissions *p, bool alone, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;

	if (now_ms < p->due_ms || p->probes >= PERMISSION_PROBES || !permission_place(p))
		return PERMISSION_NONE;
	for (uint16_t id = 1; id < PERMISSION_IDS; id++) {
		const struct permission *k = p->keys[id];

		if (!k || k->state != PERMISSION_SUSPECT)
			continue;
		if (k->alone == alone && k->probe_ms <= now_ms)
			return id;
		if (k->probe_ms < due_ms)
			due_ms = k->probe_ms;
	}
	p->due_ms = due_ms;
	return PERMISSION_NONE;
}

void permission_probed(struct permissions *p, uint16_t id, int64_t now_ms)
{
	probe_at(p, p->keys[id], now_ms + p->keys[id]->pause_ms);
}

void permission_hurry(struct permissions *p, uint16_t id, int64_t now_ms)
{
	if (p->keys[id]->state == PERMISSION_SUSPECT)
		probe_at(p, p->keys[id], now_ms);
}

bool permission_other(const struct permissions *p, uint16_t id)
{
	const struct permission *k = p->keys[id];
	if (k->ever || is_shared(id))
		return k->misses % EVERY_OTHER == 0;
	return k->misses % EVERY_FOURTH == EVERY_FOURTH - 1;
}
