#include "bridge/outbox.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SIZE = 8
};

static struct outbox_entry *at(const struct outbox *o, size_t index)
{
	return &o->ring[(o->head + index) & (o->size - 1)];
}

void outbox_init(struct outbox *o)
{
	memset(o, 0, sizeof(*o));
}

void outbox_fini(struct outbox *o)
{
	free(o->ring);
	outbox_init(o);
}

static enum status grow(struct outbox *o)
{
	size_t size = o->size ? o->size * 2 : FIRST_SIZE;
	struct outbox_entry *ring = calloc(size, sizeof(*ring));

	if (!ring)
		return ST_NOMEM;
	for (size_t i = 0; i < o->count; i++)
		ring[i] = *at(o, i);
	free(o->ring);
	o->ring = ring;
	o->size = size;
	o->head = 0;
	return ST_OK;
}

/* Ended entries behind one that stays leave too, else a message that the hub
 * never acknowledges would make the ring grow with everything sent after it. */
static void squeeze(struct outbox *o)
{
	size_t kept = 0, next = 0;

	for (size_t i = 0; i < o->count; i++) {
		if (at(o, i)->state == ENTRY_ENDED)
			continue;
		*at(o, kept++) = *at(o, i);
		if (i < o->next)
			next = kept;
	}
	o->count = kept;
	o->next = next;
}

enum status outbox_add(struct outbox *o, uint64_t seq, uint32_t bytes)
{
	/* Only worth it when half of the ring becomes free: then it stays cheap. */
	if (o->count == o->size && o->live <= o->size / 2)
		squeeze(o);
	if (o->count == o->size && grow(o) != ST_OK)
		return ST_NOMEM;
	*at(o, o->count++) = (struct outbox_entry){ .seq = seq, .bytes = bytes };
	o->live++;
	o->bytes += bytes;
	return ST_OK;
}

struct outbox_entry *outbox_next(struct outbox *o)
{
	while (o->next < o->count && at(o, o->next)->state != ENTRY_WAITING)
		o->next++;
	return o->next < o->count ? at(o, o->next) : NULL;
}

void outbox_mark_sent(struct outbox *o, uint16_t packet_id)
{
	struct outbox_entry *e = outbox_next(o);

	if (!e)
		return;
	e->state = ENTRY_SENT;
	e->packet_id = packet_id;
	o->next++;
}

/* Sequences rise from the front, so halving finds one. */
struct outbox_entry *outbox_find(struct outbox *o, uint64_t seq)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (at(o, mid)->seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == o->count || at(o, low)->seq != seq || at(o, low)->state == ENTRY_ENDED)
		return NULL;
	return at(o, low);
}

bool outbox_end(struct outbox *o, uint64_t seq)
{
	struct outbox_entry *e = outbox_find(o, seq);

	if (!e)
		return false;
	if (e->state == ENTRY_PARKED)
		o->parked--;
	e->state = ENTRY_ENDED;
	o->live--;
	o->bytes -= e->bytes;
	while (o->count > 0 && at(o, 0)->state == ENTRY_ENDED) {
		o->head = (o->head + 1) & (o->size - 1);
		o->count--;
		if (o->next > 0)
			o->next--;
	}
	return true;
}

void outbox_park(struct outbox *o, struct outbox_entry *e)
{
	if (e->state != ENTRY_SENT)
		return;
	e->state = ENTRY_PARKED;
	o->parked++;
}

void outbox_rewind(struct outbox *o)
{
	for (size_t i = 0; i < o->next && i < o->count; i++) {
		if (at(o, i)->state != ENTRY_ENDED)
			at(o, i)->state = ENTRY_WAITING;
	}
	o->parked = 0;
	o->next = 0;
}

void outbox_forget_ids(struct outbox *o)
{
	for (size_t i = 0; i < o->count; i++)
		at(o, i)->packet_id = 0;
}
