#include "plugin/turn.h"

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/base/trace.h"
#include "plugin/from_hub.h"
#include "plugin/storage.h"

/* Of the mail that other rooms sent, in one turn: every client of the broker waits meanwhile, and
 * what is left comes with the next ring of the doorbell, a fraction of a millisecond later. */
enum {
	SLICE_US = 300,
	SLICE_MESSAGES = 64,
};

static bool take_one(struct hubgate *h)
{
	struct uplink_log line;
	struct uplink_down down;

	if (uplink_take_log(h->uplink, &line) == ST_OK) {
		log_line(&h->log, line.level, "%s", line.line);
		return true;
	}
	if (trace_on(h) && trace_take(h))
		return true;
	if (uplink_take(h->uplink, &down) != ST_OK)
		return false;
	from_hub_take(h, &down);
	return true;
}

/* True: there may be more. */
static bool take_slice(struct hubgate *h)
{
	int64_t until_us = hubgate_now_us() + SLICE_US;

	for (int n = 0; n < SLICE_MESSAGES && hubgate_now_us() < until_us; n++) {
		if (!take_one(h))
			return false;
	}
	return true;
}

/* First what other rooms sent, then whatever is due. */
void turn_run(struct hubgate *h)
{
	int64_t now_ms = hubgate_now_ms();

	IN_ROOM(ROOM_BROKER);
	storage_drain(h);
	if (take_slice(h))
		uplink_ring(h->uplink);
	parts_run(&h->parts, h, now_ms);
	timer_set(h, parts_due(&h->parts, h));
}
