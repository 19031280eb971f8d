#include "core/pace/stall_guard.h"

#include "core/base/room.h"

void stall_guard_init(struct stall_guard *h, uint32_t rate)
{
	*h = (struct stall_guard){ .rate = rate, .answer_us = HEARING_FIRST_ANSWER_US };
}

void stall_guard_set_rate(struct stall_guard *h, uint32_t rate)
{
	IN_ROOM(ROOM_UPLINK);
	h->rate = rate;
}

void stall_guard_sent(struct stall_guard *h, int64_t now_us)
{
	IN_ROOM(ROOM_UPLINK);
	if (h->unheard++ == 0)
		h->first_us = now_us;
}

/* The time that this many messages take at the rate. */
static int64_t worth_us(const struct stall_guard *h, uint32_t messages)
{
	return h->rate == 0 ? 0 : INT64_C(1000000) * messages / h->rate;
}

int64_t stall_guard_heard(struct stall_guard *h, int64_t now_us)
{
	uint32_t unheard = h->unheard;
	int64_t waited_us = now_us - h->first_us;

	IN_ROOM(ROOM_UPLINK);
	h->unheard = 0;
	if (unheard == 0)
		return 0;
	if (unheard > STALL_GUARD_JITTER && waited_us > 2 * h->answer_us + HEARING_MARGIN_US)
		return worth_us(h, unheard);
	/* Up at once, down slowly: a quick answer after a slow one proves little. */
	if (waited_us > h->answer_us)
		h->answer_us = waited_us;
	else
		h->answer_us -= (h->answer_us - waited_us) / 8;
	return 0;
}

int64_t stall_guard_reset(struct stall_guard *h)
{
	int64_t owed_us = worth_us(h, h->unheard);

	IN_ROOM(ROOM_UPLINK);
	stall_guard_init(h, h->rate);
	return owed_us;
}

static uint32_t limit(const struct stall_guard *h)
{
	return h->rate > STALL_GUARD_JITTER ? h->rate : STALL_GUARD_JITTER;
}

bool stall_guard_full(const struct stall_guard *h)
{
	IN_ROOM(ROOM_UPLINK);
	return h->rate != 0 && h->unheard >= limit(h);
}

bool stall_guard_wants_probe(const struct stall_guard *h)
{
	IN_ROOM(ROOM_UPLINK);
	return h->rate != 0 && h->unheard >= limit(h) / 2;
}
