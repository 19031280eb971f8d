#include "plugin/turn.h"

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/from_hub.h"
#include "plugin/storage.h"

/* First what other rooms sent, then whatever is due. */
void turn_run(struct hubgate *h)
{
	struct uplink_log line;
	struct uplink_down down;
	int64_t now_ms = hubgate_now_ms();

	IN_ROOM(ROOM_BROKER);
	while (uplink_take_log(h->uplink, &line) == ST_OK)
		log_line(&h->log, line.level, "%s", line.line);
	storage_drain(h);
	while (uplink_take(h->uplink, &down) == ST_OK)
		from_hub_take(h, &down);
	parts_run(&h->parts, h, now_ms);
	timer_set(h, parts_due(&h->parts, h));
}
