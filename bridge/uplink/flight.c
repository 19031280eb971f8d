#include "bridge/uplink/flight.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"

enum {
	SMOOTHING = 8
};

enum status flight_init(struct flight *f, size_t window)
{
	memset(f, 0, sizeof(*f));
	f->slots = calloc(window + FLIGHT_LATE_MAX, sizeof(*f->slots));
	if (!f->slots)
		return ST_NOMEM;
	f->room = window + FLIGHT_LATE_MAX;
	f->window = window;
	f->round_ms = FLIGHT_ROUND_MS;
	return ST_OK;
}

enum status flight_set_window(struct flight *f, size_t window)
{
	size_t room = (window > f->count ? window : f->count) + FLIGHT_LATE_MAX, n = 0;
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
	return f->count - f->late >= f->window;
}

static struct flight_entry *slot_with(const struct flight *f, uint16_t packet_id)
{
	for (size_t i = 0; i < f->room; i++) {
		if (f->slots[i].packet_id == packet_id)
			return &f->slots[i];
	}
	return NULL;
}

struct flight_entry *flight_add(struct flight *f, void *owner, uint64_t seq, uint16_t packet_id,
                                int64_t now_ms)
{
	struct flight_entry *e = flight_full(f) ? NULL : slot_with(f, 0);

	IN_ROOM(ROOM_UPLINK);
	if (!e)
		return NULL;
	*e = (struct flight_entry){
		.owner = owner, .seq = seq, .sent_ms = now_ms, .order = ++f->order, .packet_id = packet_id
	};
	f->count++;
	return e;
}

struct flight_entry *flight_find(struct flight *f, uint16_t packet_id)
{
	IN_ROOM(ROOM_UPLINK);
	return packet_id != 0 ? slot_with(f, packet_id) : NULL;
}

void flight_acked(struct flight *f, const struct flight_entry *e, int64_t now_ms)
{
	IN_ROOM(ROOM_UPLINK);
	if (e->order > f->acked_order)
		f->acked_order = e->order;
	f->round_ms += (now_ms - e->sent_ms - f->round_ms) / SMOOTHING;
}

void flight_remove(struct flight *f, struct flight_entry *e)
{
	IN_ROOM(ROOM_UPLINK);
	f->count--;
	f->late -= e->late;
	f->judged -= e->judged;
	e->packet_id = 0;
}

static bool is_waiting(const struct flight_entry *e)
{
	return e->packet_id != 0 && !e->late;
}

static bool is_judged(const struct flight_entry *e)
{
	return e->packet_id != 0 && e->judged;
}

static bool is_open(const struct flight_entry *e)
{
	return e->packet_id != 0 && !e->judged;
}

static struct flight_entry *oldest(const struct flight *f, bool (*is)(const struct flight_entry *))
{
	struct flight_entry *best = NULL;

	for (size_t i = 0; f->count > 0 && i < f->room; i++) {
		if (is(&f->slots[i]) && (!best || f->slots[i].order < best->order))
			best = &f->slots[i];
	}
	return best;
}

struct flight_entry *flight_surplus(struct flight *f)
{
	IN_ROOM(ROOM_UPLINK);
	return f->count == f->room || f->judged >= FLIGHT_LATE_MAX / 2 ? oldest(f, is_judged) : NULL;
}

void flight_set_late(struct flight *f, struct flight_entry *e)
{
	IN_ROOM(ROOM_UPLINK);
	f->late += !e->late;
	e->late = true;
}

void flight_set_judged(struct flight *f, struct flight_entry *e)
{
	IN_ROOM(ROOM_UPLINK);
	flight_set_late(f, e);
	f->judged += !e->judged;
	e->judged = true;
}

struct flight_entry *flight_next(struct flight *f, const struct flight_entry *at)
{
	IN_ROOM(ROOM_UPLINK);
	for (size_t i = at ? (size_t)(at - f->slots) + 1 : 0; f->count > 0 && i < f->room; i++) {
		if (f->slots[i].packet_id != 0)
			return &f->slots[i];
	}
	return NULL;
}

int64_t flight_late_ms(const struct flight *f)
{
	int64_t rounds_ms = FLIGHT_LATE_ROUNDS * f->round_ms;

	IN_ROOM(ROOM_UPLINK);
	return rounds_ms > FLIGHT_LATE_MS ? rounds_ms : FLIGHT_LATE_MS;
}

int64_t flight_late_due_ms(const struct flight *f, int64_t now_ms)
{
	int64_t due_ms = INT64_MAX;

	IN_ROOM(ROOM_UPLINK);
	for (size_t i = 0; f->count > 0 && i < f->room; i++) {
		int64_t at_ms = f->slots[i].sent_ms + flight_late_ms(f);

		if (is_waiting(&f->slots[i]) && at_ms > now_ms && at_ms < due_ms)
			due_ms = at_ms;
	}
	return due_ms;
}

struct flight_entry *flight_oldest(const struct flight *f)
{
	IN_ROOM(ROOM_UPLINK);
	return oldest(f, is_waiting);
}

int64_t flight_oldest_ms(const struct flight *f)
{
	const struct flight_entry *e = oldest(f, is_open);

	IN_ROOM(ROOM_UPLINK);
	return e ? e->sent_ms : INT64_MAX;
}

void flight_clear(struct flight *f)
{
	IN_ROOM(ROOM_UPLINK);
	memset(f->slots, 0, f->room * sizeof(*f->slots));
	f->count = f->late = f->judged = 0;
	f->acked_order = f->order;
}
