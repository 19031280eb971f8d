#include "plugin/devices/device_record.h"

#include "core/base/room.h"
#include "plugin/base/limiter.h"
#include "shadowstore/state/state.h"

static unsigned char bits_of(const struct device *d)
{
	return (unsigned char)((d->bound == BOUND_YES ? DEVICE_RECORD_BOUND : 0) |
	                       (d->origins & ORIGIN_APPLICATION ? DEVICE_RECORD_BY_APP : 0) |
	                       (d->origins & ORIGIN_MAPPING ? DEVICE_RECORD_MAPPED : 0) |
	                       (d->proven ? DEVICE_RECORD_PROVEN : 0) |
	                       (d->logged_in ? DEVICE_RECORD_LOGGED_IN : 0));
}

static void put(struct hubgate *h, const struct device *d, unsigned char bits)
{
	enum status st =
		state_put(h->state, STATE_DEVICE, d->client_id, bits ? &bits : NULL, bits != 0);

	if (st != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, "the store", status_text(st),
		            "%s: that it is %s is not kept for the next start: %s", d->client_id,
		            d->bound == BOUND_YES ? "bound" : "not bound", status_text(st));
}

void device_record_keep(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (!h->state || d->standing != STANDING_OWN)
		return;
	d->stored = true;
	put(h, d, bits_of(d));
}

void device_record_erase(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (h->state)
		put(h, d, 0);
}
