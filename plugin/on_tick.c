/* The broker's loop turns: TICK; and RELOAD on SIGHUP. */

#include "core/base/room.h"
#include "plugin/callbacks.h"
#include "plugin/devices/arrival.h"
#include "plugin/devices/presence.h"
#include "plugin/lan/broker_login.h"
#include "plugin/reload.h"
#include "plugin/routing.h"
#include "plugin/services/mapping_presence.h"
#include "plugin/turn.h"

int on_tick(int event, void *event_data, void *userdata)
{
	struct hubgate *h = userdata;
	struct timespec start = callback_begin();

	(void)event;
	(void)event_data;
	parts_start(&h->parts, h);
	routing_over(h);
	h->reloading = false;
	broker_login_run(h, arrival_take);
	mapping_presence_logins_settle(h);
	turn_run(h);
	callback_end(h, CALLBACK_TICK, start);
	return MOSQ_ERR_SUCCESS;
}

int on_reload(int event, void *event_data, void *userdata)
{
	struct hubgate *h = userdata;

	IN_ROOM(ROOM_BROKER);
	(void)event;
	(void)event_data;
	/* BASIC_AUTH for every client follows; no network event comes before the next
	 * tick (docs/broker-notes.md 1.5). */
	h->reloading = true;
	reload_ask(h);
	/* 2.0 stops telling other plugins on anything but DEFER, 2.1 ends the broker on
	 * anything but SUCCESS. */
	return h->has_connect_event ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}
