#include "plugin/devices/subscriptions.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/presence.h"

enum {
	KEY_MAX = 512, /* client id, space, filter */
};

bool subscriptions_load(struct hubgate *h, const struct state_entry *e)
{
	const char *space = strchr(e->key, ' ');
	const unsigned char *qos = e->value;
	struct device *d;

	IN_ROOM(ROOM_BROKER);
	if (!space || e->len != 1)
		return true; /* nobody's */
	d = device_table_find(h->devices, e->key, (size_t)(space - e->key));
	if (!d)
		return false;
	device_subscribe(d, space + 1, *qos > 0); /* one that finds no room stays stored */
	d->stored = true;
	presence_say_again(h, d);
	return true;
}

static void put(struct hubgate *h, const struct device *d, const char *filter, const void *value)
{
	char key[KEY_MAX];
	enum status st = ST_TOOBIG;
	int len = snprintf(key, sizeof(key), "%s %s", d->client_id, filter);

	if (!h->state || (value && d->standing != STANDING_OWN))
		return;
	if (len > 0 && (size_t)len < sizeof(key))
		st = state_put(h->state, STATE_SUBSCRIPTION, key, value, value ? 1 : 0);
	if (st != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, "the store", status_text(st),
		            "%s: what it subscribes is not kept for the next start: %s", d->client_id,
		            status_text(st));
}

void subscriptions_keep(struct hubgate *h, const struct device *d, const char *filter, uint8_t qos)
{
	IN_ROOM(ROOM_BROKER);
	put(h, d, filter, &qos);
}

void subscriptions_forget(struct hubgate *h, const struct device *d, const char *filter)
{
	IN_ROOM(ROOM_BROKER);
	put(h, d, filter, NULL);
}
