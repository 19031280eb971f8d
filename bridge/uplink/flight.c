#include "bridge/uplink/flight.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

enum status flight_init(struct flight *f, size_t window)
{
	memset(f, 0, sizeof(*f));
	f->slots = calloc(window, sizeof(*f->slots));
	if (!f->slots)
		return ST_NOMEM;
	f->room = f->window = window;
	return ST_OK;
}

enum status flight_set_window(struct flight *f, size_t window)
{
	size_t room = window > f->count ? window : f->count, n = 0;
	struct flight_entry *slots = calloc(room, sizeof(*slots));

	IN_ROOM(ROOM_UPLINK);
	if (!slots)
		return ST_NOMEM;
	for (size_t i = 0; i < f->room; i++) {
		if (f->slots[i].packet_id != 0)
			slots[n++] = f->slots[i];
	}
	free(f->slots);
	f->slots = slots;
	f->room = room;
	f->window = window;
	return ST_OK;
}

void flight_fini(struct flight *f)
{
	free(f->slots);
	memset(f, 0, sizeof(*f));
}

bool flight_full(const struct flight *f)
{
	IN_ROOM(ROOM_UPLINK);
	return f->count >= f->window;
}

static struct flight_entry *slot_with(struct flight *f, uint16_t packet_id)
{
	for (size_t i = 0; i < f->room; i++) {
		if (f->slots[i].packet_id == packet_id)
			return &f->slots[i];
	}
	return NULL;
}

enum status flight_add(struct flight *f, void *owner, uint64_t seq, uint16_t packet_id,
                       int64_t now_ms)
{
	struct flight_entry *e = slot_with(f, packet_id);

	IN_ROOM(ROOM_UPLINK);
	/* Sent again under its id on the same connection: one answer is awaited. */
	if (!e) {
		e = flight_full(f) ? NULL : slot_with(f, 0);
		if (!e)
			return ST_FULL;
		f->count++;
	}
	*e = (struct flight_entry){ owner, seq, now_ms, ++f->order, packet_id };
	return ST_OK;
}

static void take(struct flight *f, struct flight_entry *e, struct flight_entry *out)
{
	*out = *e;
	e->packet_id = 0;
	f->count--;
}

bool flight_ack(struct flight *f, uint16_t packet_id, struct flight_entry *out)
{
	struct flight_entry *e = packet_id != 0 ? slot_with(f, packet_id) : NULL;

	IN_ROOM(ROOM_UPLINK);
	if (!e)
		return false;
	take(f, e, out);
	if (out->order > f->acked_order)
		f->acked_order = out->order;
	return true;
}

bool flight_suspect(struct flight *f, int64_t now_ms, struct flight_entry *out)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; f->count > 0 && i < f->room; i++) {
		struct flight_entry *e = &f->slots[i];

		if (e->packet_id == 0 || e->order > f->acked_order ||
		    now_ms - e->sent_ms < FLIGHT_SUSPECT_MS)
			continue;
		take(f, e, out);
		return true;
	}
	return false;
}

int64_t flight_oldest_ms(const struct flight *f)
{
	int64_t oldest = INT64_MAX;

	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; f->count > 0 && i < f->room; i++) {
		if (f->slots[i].packet_id != 0 && f->slots[i].sent_ms < oldest)
			oldest = f->slots[i].sent_ms;
	}
	return oldest;
}

void flight_clear(struct flight *f)
{
	IN_ROOM(ROOM_UPLINK);
	memset(f->slots, 0, f->room * sizeof(*f->slots));
	f->count = 0;
	f->acked_order = f->order;
}
