#include "plugin/devices/stored.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

struct stored {
	struct table entries;
	size_t bytes;
	bool left_out, left_out_document;
	stored_hand_out *hand_out;
};

struct waiting_entry {
	struct table_node node; /* by client id: several have the same */
	enum state_kind kind;
	size_t id_len, len;
	char *key; /* in bytes, behind the value */
	unsigned char bytes[];
};

struct id {
	const char *at;
	size_t len;
};

static bool same_id(const struct table_node *node, const void *key)
{
	const struct waiting_entry *w = table_entry(node, const struct waiting_entry, node);
	const struct id *id = key;

	return w->id_len == id->len && memcmp(w->key, id->at, id->len) == 0;
}

static size_t bytes_of(size_t key_len, size_t len)
{
	return sizeof(struct waiting_entry) + len + key_len + 1;
}

static struct waiting_entry *copy_of(const struct state_entry *e, size_t id_len)
{
	size_t key_len = strlen(e->key);
	struct waiting_entry *w = malloc(bytes_of(key_len, e->len));

	if (!w)
		return NULL;
	w->kind = e->kind;
	w->id_len = id_len;
	w->len = e->len;
	w->key = (char *)w->bytes + e->len;
	if (e->len > 0)
		memcpy(w->bytes, e->value, e->len);
	memcpy(w->key, e->key, key_len + 1);
	return w;
}

static void left_out(struct hubgate *h, const struct state_entry *e)
{
	h->stored->left_out_document |= e->kind == STATE_SHADOW;
	if (h->stored->left_out)
		return;
	h->stored->left_out = true;
	log_line(
		&h->log, LOG_WARN,
		"store.dir holds more of devices that are not known now than memory is kept for: those "
		"that return get what is stored of them at the next start of the broker");
}

enum status stored_open(struct hubgate *h, stored_hand_out *hand_out)
{
	h->stored = calloc(1, sizeof(*h->stored));
	if (!h->stored)
		return ST_NOMEM;
	table_init(&h->stored->entries);
	h->stored->hand_out = hand_out;
	return ST_OK;
}

size_t stored_bytes(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->stored ? h->stored->bytes : 0;
}

bool stored_left_out_document(const struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	return h->stored && h->stored->left_out_document;
}

void stored_keep(struct hubgate *h, const struct state_entry *e, size_t id_len)
{
	size_t bytes = bytes_of(strlen(e->key), e->len);
	struct waiting_entry *w = NULL;

	IN_ROOM(ROOM_BROKER);
	if (bytes <= STORED_BYTES_MAX - h->stored->bytes)
		w = copy_of(e, id_len);
	if (!w ||
	    table_add(&h->stored->entries, &w->node, table_hash(h->seed, w->key, id_len)) != ST_OK) {
		free(w);
		left_out(h, e);
		return;
	}
	h->stored->bytes += bytes;
}

void stored_claim(struct hubgate *h, const struct device *d)
{
	const struct id id = { d->client_id, strlen(d->client_id) };
	uint64_t hash = table_hash(h->seed, id.at, id.len);
	struct table_node *n;

	IN_ROOM(ROOM_BROKER);
	while (h->stored && (n = table_find(&h->stored->entries, hash, same_id, &id)) != NULL) {
		struct waiting_entry *w = table_entry(n, struct waiting_entry, node);
		const struct state_entry e = { w->kind, w->key, w->bytes, w->len };

		table_remove(&h->stored->entries, n);
		h->stored->bytes -= bytes_of(strlen(w->key), w->len);
		h->stored->hand_out(h, &e);
		free(w);
	}
}

void stored_close(struct hubgate *h)
{
	struct table_at at;

	if (!h->stored)
		return;
	for (struct table_node *n = table_first(&h->stored->entries, &at); n;
	     n = table_next(&h->stored->entries, &at))
		free(table_entry(n, struct waiting_entry, node));
	table_fini(&h->stored->entries);
	free(h->stored);
	h->stored = NULL;
}
