#include "core/hub/echo.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "core/base/table.h"

/* Two independent 64-bit hashes stand for topic and content, so that what was
 * sent need not be kept. */
struct print {
	uint64_t topic, content;
	size_t topic_len, len;
};

struct item {
	struct table_node node;
	struct print print;
	int64_t sent_ms;
	bool waiting; /* in the table: no echo of it came yet */
};

struct echo {
	uint64_t seed;
	struct table table;
	size_t first, count; /* the ring's part in use, oldest first */
	struct item ring[ECHO_MAX];
};

enum status echo_new(uint64_t seed, struct echo **out)
{
	struct echo *e = calloc(1, sizeof(*e));

	if (!e)
		return ST_NOMEM;
	e->seed = seed;
	table_init(&e->table);
	*out = e;
	return ST_OK;
}

void echo_free(struct echo *e)
{
	if (!e)
		return;
	table_fini(&e->table);
	free(e);
}

static struct print print_of(const struct echo *e, struct mqtt_text topic, const void *payload,
                             size_t len)
{
	struct print p = { .topic_len = topic.len, .len = len };

	p.topic = table_hash(e->seed, topic.at, topic.len);
	p.content = table_hash(e->seed ^ p.topic, payload, len);
	return p;
}

static bool same_print(const struct table_node *node, const void *key)
{
	const struct print *a = &table_entry(node, const struct item, node)->print, *b = key;

	return a->topic == b->topic && a->content == b->content && a->topic_len == b->topic_len &&
	       a->len == b->len;
}

static void forget_oldest(struct echo *e)
{
	struct item *oldest = &e->ring[e->first];

	if (oldest->waiting)
		table_remove(&e->table, &oldest->node);
	oldest->waiting = false;
	e->first = (e->first + 1) % ECHO_MAX;
	e->count--;
}

static void forget_expired(struct echo *e, int64_t now_ms)
{
	while (e->count > 0 && now_ms - e->ring[e->first].sent_ms > ECHO_LIFE_MS)
		forget_oldest(e);
}

void echo_sent(struct echo *e, int64_t now_ms, struct mqtt_text topic, const void *payload,
               size_t len)
{
	struct item *item;

	IN_ROOM(ROOM_UPLINK);
	forget_expired(e, now_ms);
	if (e->count == ECHO_MAX)
		forget_oldest(e);
	item = &e->ring[(e->first + e->count) % ECHO_MAX];
	item->print = print_of(e, topic, payload, len);
	item->sent_ms = now_ms;
	/* Without memory its echo is delivered, as in any doubt. */
	item->waiting =
		table_add(&e->table, &item->node, item->print.topic ^ item->print.content) == ST_OK;
	e->count++;
}

bool echo_is(struct echo *e, int64_t now_ms, struct mqtt_text topic, const void *payload,
             size_t len)
{
	struct print p = print_of(e, topic, payload, len);
	struct table_node *node;

	IN_ROOM(ROOM_UPLINK);
	forget_expired(e, now_ms);
	node = table_find(&e->table, p.topic ^ p.content, same_print, &p);
	if (!node)
		return false;
	table_remove(&e->table, node);
	table_entry(node, struct item, node)->waiting = false;
	return true;
}

void echo_clear(struct echo *e)
{
	IN_ROOM(ROOM_UPLINK);
	while (e->count > 0)
		forget_oldest(e);
}
