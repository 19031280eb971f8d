#include "plugin/turn.h"

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/devices/inflow_report.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/registration.h"
#include "plugin/from_hub.h"
#include "plugin/reload.h"
#include "plugin/report.h"
#include "plugin/services/gateway_service.h"
#include "plugin/services/shadow.h"
#include "plugin/services/timekeeper.h"
#include "plugin/storage.h"

/* The next turn comes when the first of all is due. */
static void set_timer(struct hubgate *h)
{
	int64_t due_ms = h->grace.first ? h->grace.first->leave_ms : INT64_MAX;

	if (registration_due(h) < due_ms)
		due_ms = registration_due(h);
	if (h->asks.first && h->asks.first->due_ms < due_ms)
		due_ms = h->asks.first->due_ms;
	if (h->asks.list_due_ms != 0 && h->asks.list_due_ms < due_ms)
		due_ms = h->asks.list_due_ms;
	timer_set(h, h->shadows.due_ms < due_ms ? h->shadows.due_ms : due_ms);
}

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
	reload_run(h);
	if (h->orders_unsent || (h->grace.first && h->grace.first->leave_ms <= now_ms))
		presence_run(h, now_ms);
	shadow_run(h, now_ms);
	gateway_service_run(h, now_ms);
	registration_run(h, now_ms);
	set_timer(h);
	timekeeper_run(h, now_ms);
	inflow_report_run(h, now_ms);
	report_run(h, now_ms);
}
