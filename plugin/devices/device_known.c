#include "plugin/devices/device_known.h"

#include <string.h>

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/stored.h"
#include "plugin/lan/products.h"

enum { /* bits of the stored byte */
	FACT_BOUND = 1,
	FACT_BY_APP = 2,
	FACT_MAPPED = 4,
};

void device_keep(struct hubgate *h, const struct device *d)
{
	unsigned char facts = (unsigned char)((d->bound == BOUND_YES ? FACT_BOUND : 0) |
	                                      (d->origins & ORIGIN_APPLICATION ? FACT_BY_APP : 0) |
	                                      (d->origins & ORIGIN_MAPPING ? FACT_MAPPED : 0));
	uint64_t more = 0;
	enum status st;

	IN_ROOM(ROOM_BROKER);
	if (!h->state)
		return;
	st = state_put(h->state, STATE_DEVICE, d->client_id, facts ? &facts : NULL, facts ? 1 : 0);
	if (st != ST_OK && limiter_may_log(h, LIMITED_REFUSALS, &more))
		log_line(&h->log, LOG_WARN, "%s: that it is %s is not kept for the next start: %s",
		         d->client_id, d->bound == BOUND_YES ? "bound" : "not bound", status_text(st));
}

void device_set_by_app(struct hubgate *h, struct device *d, bool by_app)
{
	unsigned origins =
		by_app ? d->origins | ORIGIN_APPLICATION : d->origins & ~(unsigned)ORIGIN_APPLICATION;

	IN_ROOM(ROOM_BROKER);
	if (d->origins == origins)
		return;
	d->origins = origins;
	device_keep(h, d);
	presence_changed(h, d);
}

void device_set_bound(struct hubgate *h, struct device *d, bool bound)
{
	bool changed = (d->bound == BOUND_YES) != bound;

	IN_ROOM(ROOM_BROKER);
	d->bound = bound ? BOUND_YES : BOUND_NO;
	if (!bound && d->origins & ORIGIN_APPLICATION)
		device_set_by_app(h, d, false);
	else if (changed)
		device_keep(h, d);
}

static enum status add(struct hubgate *h, const char *product_id, const char *device_name,
                       const struct secret *secret, struct device **out)
{
	enum status st = products_add(h, product_id);

	if (st == ST_OK)
		st = device_table_add(h->devices, product_id, device_name, secret, out);
	/* Without a presence nothing can be done with it. */
	if (st == ST_OK)
		st = presence_attach(*out);
	if (st == ST_OK)
		device_known(h, *out);
	return st;
}

void device_known(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	stored_claim(h, d);
	if (!d->filters && !d->shadow)
		return;
	h->shadow_service->back(h, d);
	presence_renew(h, d);
}

void device_end_sessions(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	d->presence->ended = h->reload_round;
}

static void retire(struct hubgate *h, struct device *d)
{
	presence_unspoken(h, d);
	d->origins = 0;
	memset(&d->certificate, 0, sizeof(d->certificate));
	device_table_retire(h->devices, d);
	h->shadow_service->retire(h, d);
	presence_retire(h, d);
}

void device_let_go(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->origins == 0)
		retire(h, d);
}

struct device *device_admit(struct hubgate *h, const char *product_id, const char *device_name)
{
	static const struct secret none;
	struct device *d = NULL;

	IN_ROOM(ROOM_BROKER);
	if (device_table_known(h->devices) >= DEVICES_MAX ||
	    add(h, product_id, device_name, &none, &d) != ST_OK)
		return NULL;
	return d;
}

bool device_load(struct hubgate *h, const struct state_entry *e)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct device *d = device_table_find(h->devices, e->key, strlen(e->key));
	const unsigned char *facts = e->value;
	char product_id[PRODUCT_ID_LEN + 1];
	const char *name = e->key + PRODUCT_ID_LEN;
	bool mapped;

	IN_ROOM(ROOM_BROKER);
	if (e->len != 1 || strlen(e->key) <= PRODUCT_ID_LEN)
		return true; /* nobody's */
	memcpy(product_id, e->key, PRODUCT_ID_LEN);
	product_id[PRODUCT_ID_LEN] = '\0';
	mapped = *facts & FACT_MAPPED && mapping_of(&rules, product_id, name);
	if (!d && (mapped || *facts & FACT_BY_APP))
		d = device_admit(h, product_id, name);
	if (!d)
		return false;
	d->bound = *facts & FACT_BOUND ? BOUND_YES : BOUND_UNKNOWN;
	d->origins &= ~(unsigned)(ORIGIN_APPLICATION | ORIGIN_MAPPING);
	d->origins |= *facts & FACT_BY_APP ? ORIGIN_APPLICATION : 0;
	d->origins |= mapped ? ORIGIN_MAPPING : 0;
	return true;
}
