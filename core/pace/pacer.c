#include "core/pace/pacer.h"

#include <stddef.h>

#include "core/base/room.h"

enum {
	SECOND_US = 1000000
};

void bucket_init(struct bucket *b, uint32_t rate)
{
	b->rate = rate;
	b->next_us = INT64_MIN;
}

/* Counts from the actual send, not from the time it was due: lateness is lost,
 * never saved up into two sends close together. */
bool bucket_take(struct bucket *b, int64_t now_us)
{
	IN_ROOM(ROOM_UPLINK);
	if (now_us < b->next_us)
		return false;
	if (b->rate == 0)
		return true;
	b->next_us = now_us + ((int64_t)SECOND_US + b->rate - 1) / b->rate;
	return true;
}

void bucket_pause(struct bucket *b, int64_t now_us, int64_t pause_us)
{
	IN_ROOM(ROOM_UPLINK);
	if (pause_us > 0 && now_us + pause_us > b->next_us)
		b->next_us = now_us + pause_us;
}

int64_t bucket_wait_us(const struct bucket *b, int64_t now_us)
{
	IN_ROOM(ROOM_UPLINK);
	if (now_us >= b->next_us)
		return 0;
	return b->next_us - now_us;
}

void turns_init(struct turns *t)
{
	t->head = NULL;
	t->count = 0;
}

void turns_add(struct turns *t, struct flow *f)
{
	IN_ROOM(ROOM_UPLINK);
	if (f->next)
		return;
	if (t->head) {
		f->next = t->head;
		f->prev = t->head->prev;
		f->prev->next = f;
		f->next->prev = f;
	} else {
		f->next = f->prev = f;
		t->head = f;
	}
	t->count++;
}

void turns_remove(struct turns *t, struct flow *f)
{
	IN_ROOM(ROOM_UPLINK);
	if (!f->next)
		return;
	if (t->head == f)
		t->head = f->next == f ? NULL : f->next;
	f->prev->next = f->next;
	f->next->prev = f->prev;
	f->next = f->prev = NULL;
	t->count--;
}

struct flow *turns_next(struct turns *t)
{
	struct flow *turn = t->head;

	IN_ROOM(ROOM_UPLINK);
	if (turn)
		t->head = turn->next;
	return turn;
}

/* Turns of control while data waits, after which data takes two. */
enum {
	LANES_ROUND = 9
};

enum lane lanes_pick(struct lanes *l, bool control_waits, bool data_waits)
{
	bool both = control_waits && data_waits, control = control_waits;

	IN_ROOM(ROOM_UPLINK);
	if (!control_waits && !data_waits)
		return LANE_NONE;
	if (both)
		control = l->last != LANE_CONTROL && l->round < LANES_ROUND;
	if (!control)
		l->round = l->last == LANE_CONTROL ? l->round : 0;
	else if (both)
		l->round++;
	l->last = control ? LANE_CONTROL : LANE_DATA;
	return l->last;
}
