#include "plugin/devices/login_record.h"

#include <string.h>

#include "core/base/room.h"
#include "core/hub/login_id.h"
#include "plugin/base/limiter.h"

bool login_record_load(struct hubgate *h, const struct state_entry *e)
{
	struct device *d = device_table_find(h->devices, e->key, strlen(e->key));
	char id[LOGIN_ID_MAX + 1];

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return false;
	if (e->len > LOGIN_ID_MAX)
		return true; /* none of ours */
	memcpy(id, e->value, e->len);
	id[e->len] = '\0';
	device_set_login_id(d, id); /* without memory its kept session misses what comes */
	return true;
}

void login_record_keep(struct hubgate *h, struct device *d, const char *id)
{
	bool other = strcmp(id, d->client_id) != 0;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (strcmp(id, device_login_id(d)) == 0)
		return;
	st = device_set_login_id(d, id);
	if (st == ST_OK && h->state)
		st = state_put(h->state, STATE_LOGIN, d->client_id, other ? id : NULL,
		               other ? strlen(id) : 0);
	if (st != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN, "the store", status_text(st),
		            "%s: its client id is not kept for the next start: %s", d->client_id,
		            status_text(st));
}
