#include "bridge/gateway/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

enum {
	FIRST_SIZE = 8,
	EXACT_BELOW = 64, /* smaller rings double: a quarter of them is nothing */
	BYTES_MASK = (1 << 22) - 1,
};

static struct outbox_entry *at(const struct outbox *o, size_t index)
{
	index += o->head;
	return &o->ring[index < o->size ? index : index - o->size];
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

static enum status resize(struct outbox *o, size_t size)
{
	struct outbox_entry *ring = malloc(size * sizeof(*ring));

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

static enum status grow(struct outbox *o)
{
	size_t size = o->size == 0            ? FIRST_SIZE
	              : o->size < EXACT_BELOW ? o->size * 2
	                                      : o->size + o->size / 4;

	return resize(o, size);
}

/* A backlog that has drained gives its memory back. Without memory for the smaller ring the
 * larger one stays. */
static void shrink(struct outbox *o)
{
	if (o->size > EXACT_BELOW && o->count < o->size / 4)
		resize(o, o->size / 2);
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
	IN_ROOM(ROOM_UPLINK);
	/* Only worth it when half of the ring becomes free: then it stays cheap. */
	if (o->count == o->size && o->live <= o->size / 2)
		squeeze(o);
	if (o->count == o->size && grow(o) != ST_OK)
		return ST_NOMEM;
	*at(o, o->count++) = (struct outbox_entry){ .seq = seq, .bytes = bytes & BYTES_MASK };
	o->live++;
	o->bytes += bytes;
	return ST_OK;
}

uint64_t outbox_oldest(const struct outbox *o)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; o->live > 0 && i < o->count; i++) {
		if (at(o, i)->state != ENTRY_ENDED)
			return at(o, i)->seq;
	}
	return 0;
}

struct outbox_entry *outbox_next(struct outbox *o)
{
	IN_ROOM(ROOM_UPLINK);
	while (o->next < o->count && at(o, o->next)->state != ENTRY_WAITING)
		o->next++;
	return o->next < o->count ? at(o, o->next) : NULL;
}

static void leave_aside(struct outbox *o, struct outbox_entry *e)
{
	if (e->state != ENTRY_ASIDE)
		return;
	o->parked--;
	o->aside--;
}

void outbox_mark_sent(struct outbox *o, struct outbox_entry *e, uint16_t packet_id)
{
	IN_ROOM(ROOM_UPLINK);
	leave_aside(o, e);
	e->state = ENTRY_SENT;
	e->packet_id = packet_id;
}

/* Sequences rise from the front, so halving finds the first from seq on. */
static size_t first_from(const struct outbox *o, uint64_t seq)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (at(o, mid)->seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct outbox_entry *outbox_find(struct outbox *o, uint64_t seq)
{
	size_t i = first_from(o, seq);

	IN_ROOM(ROOM_UPLINK);
	if (i == o->count || at(o, i)->seq != seq || at(o, i)->state == ENTRY_ENDED)
		return NULL;
	return at(o, i);
}

bool outbox_end(struct outbox *o, uint64_t seq)
{
	struct outbox_entry *e = outbox_find(o, seq);

	IN_ROOM(ROOM_UPLINK);
	if (!e)
		return false;
	leave_aside(o, e);
	if (e->state == ENTRY_HELD)
		o->parked--;
	e->state = ENTRY_ENDED;
	o->live--;
	o->bytes -= e->bytes;
	while (o->count > 0 && at(o, 0)->state == ENTRY_ENDED) {
		o->head = o->head + 1 < o->size ? o->head + 1 : 0;
		o->count--;
		if (o->next > 0)
			o->next--;
	}
	shrink(o);
	return true;
}

void outbox_put_aside(struct outbox *o, struct outbox_entry *e)
{
	IN_ROOM(ROOM_UPLINK);
	if (e->state != ENTRY_WAITING && e->state != ENTRY_SENT)
		return;
	e->state = ENTRY_ASIDE;
	o->parked++;
	o->aside++;
}

struct outbox_entry *outbox_aside(struct outbox *o, uint16_t key, uint64_t seq)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = o->aside > 0 ? first_from(o, seq) : o->count; i < o->count; i++) {
		struct outbox_entry *e = at(o, i);

		if (e->state == ENTRY_ASIDE && (key == 0 || e->key == key))
			return e;
	}
	return NULL;
}

void outbox_take_back(struct outbox *o, struct outbox_entry *e)
{
	IN_ROOM(ROOM_UPLINK);
	leave_aside(o, e);
	e->state = ENTRY_WAITING;
	o->next = 0; /* outbox_next() walks on from the front to the first that waits */
}

void outbox_rewind(struct outbox *o)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; i < o->count; i++) {
		if (at(o, i)->state == ENTRY_SENT)
			at(o, i)->state = ENTRY_WAITING;
	}
	o->next = 0;
}

void outbox_forget_ids(struct outbox *o)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; i < o->count; i++)
		at(o, i)->packet_id = 0;
}

void outbox_hold(struct outbox *o, uint64_t seq)
{
	struct outbox_entry *e = outbox_find(o, seq);

	IN_ROOM(ROOM_UPLINK);
	if (!e || e->state != ENTRY_WAITING)
		return;
	e->state = ENTRY_HELD;
	o->parked++;
}

void outbox_release(struct outbox *o, uint64_t seq)
{
	struct outbox_entry *e = outbox_find(o, seq);

	IN_ROOM(ROOM_UPLINK);
	if (!e || e->state != ENTRY_HELD)
		return;
	e->state = ENTRY_WAITING;
	o->parked--;
	o->next = 0;
}

void outbox_each_id(const struct outbox *o, void (*fn)(void *ctx, uint16_t packet_id), void *ctx)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; i < o->count; i++) {
		const struct outbox_entry *e = at(o, i);

		if (e->state != ENTRY_ENDED && e->packet_id != 0)
			fn(ctx, e->packet_id);
	}
}
