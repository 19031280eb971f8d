#include "plugin/devices/device_known.h"

#include <stdio.h>
#include <string.h>

#include "core/base/room.h"
#include "core/mapping/mapping.h"
#include "plugin/base/limiter.h"
#include "plugin/devices/device_record.h"
#include "plugin/devices/device_service.h"
#include "plugin/devices/names.h"
#include "plugin/devices/presence.h"
#include "plugin/devices/stored.h"
#include "plugin/lan/products.h"

void device_set_by_app(struct hubgate *h, struct device *d, bool by_app)
{
	unsigned origins =
		by_app ? d->origins | ORIGIN_APPLICATION : d->origins & ~(unsigned)ORIGIN_APPLICATION;

	IN_ROOM(ROOM_BROKER);
	if (d->origins == origins)
		return;
	d->origins = origins;
	device_record_keep(h, d);
	presence_changed(h, d);
}

void device_set_bound(struct hubgate *h, struct device *d, bool bound)
{
	bool changed = (d->bound == BOUND_YES) != bound;

	IN_ROOM(ROOM_BROKER);
	d->bound = bound ? BOUND_YES : BOUND_NO;
	d->proven |= bound;
	names_settle(h, d);
	if (!bound && d->origins & ORIGIN_APPLICATION)
		device_set_by_app(h, d, false);
	else if (changed)
		device_record_keep(h, d);
}

void device_refused(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (d->standing == STANDING_OWN)
		return;
	d->bound = BOUND_NO;
	names_settle(h, d);
	names_trim(h);
}

void device_set_origin(struct hubgate *h, struct device *d, enum origin origin, bool on)
{
	IN_ROOM(ROOM_BROKER);
	d->origins = on ? d->origins | origin : d->origins & ~(unsigned)origin;
	names_settle(h, d);
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
	presence_standing_changed(h, d);
	if (!d->filters && !d->shadow)
		return;
	h->shadow_service->back(h, d);
	presence_renew(h, d);
}

void device_configured(struct device *d, const struct config_device *c)
{
	IN_ROOM(ROOM_BROKER);
	d->plain = c && c->plain;
	d->guarded = c && !c->plain && (c->secret.key_len > 0 || c->login || c->certificate);
	if (d->plain)
		d->logged_in = false;
}

void device_logged_in(struct hubgate *h, struct device *d, bool by_hub)
{
	bool was_mapped = d->origins & ORIGIN_MAPPING;

	IN_ROOM(ROOM_BROKER);
	if (d->own || (d->logged_in && !(by_hub && was_mapped)))
		return;
	d->logged_in = true;
	if (by_hub && was_mapped) {
		presence_unspoken(h, d);
		d->origins &= ~(unsigned)ORIGIN_MAPPING;
	}
	device_record_keep(h, d);
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
	names_retire(h, d);
	h->shadow_service->retire(h, d);
	h->forget_mapped(h, d, false);
	presence_retire(h, d);
}

bool device_let_go(struct hubgate *h, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	names_settle(h, d);
	if (d->origins & ~(unsigned)ORIGIN_NAMED)
		return true;
	if (d->standing == STANDING_OWN || !names_let_go(h, d))
		retire(h, d);
	return false;
}

/* What is said of a device that is to become known. */
struct claim {
	unsigned origins;
	enum bound bound;
	bool proven;
};

static bool has_room(struct hubgate *h, const struct claim *c)
{
	if (!c->proven && !(c->origins & ORIGIN_REGISTERED))
		return names_make_room(h, c->origins & ORIGIN_NAMED);
	if (names_own(h) < DEVICES_MAX)
		return true;
	limiter_log(h, LIMITED_REFUSALS, LOG_WARN, "no device more: a gateway may have %d",
	            DEVICES_MAX);
	return false;
}

static struct device *admit(struct hubgate *h, const char *product_id, const char *device_name,
                            const struct claim *c)
{
	static const struct secret none;
	struct device *d = NULL;

	if (!has_room(h, c) || add(h, product_id, device_name, &none, &d) != ST_OK)
		return NULL;
	d->origins |= c->origins;
	d->proven |= c->proven;
	if (c->bound != BOUND_UNKNOWN)
		d->bound = c->bound;
	names_settle(h, d);
	return d;
}

struct device *device_admit(struct hubgate *h, const char *product_id, const char *device_name,
                            enum origin why)
{
	struct claim c = { .origins = why };
	char client_id[CLIENT_ID_MAX + 1];

	IN_ROOM(ROOM_BROKER);
	credential_client_id(product_id, device_name, client_id);
	c.proven = names_bound(h, client_id);
	c.bound = c.proven ? BOUND_YES : BOUND_UNKNOWN;
	return admit(h, product_id, device_name, &c);
}

bool device_load(struct hubgate *h, const struct state_entry *e)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	struct device *d = device_table_find(h->devices, e->key, strlen(e->key));
	const unsigned char *bits = e->value;
	char product_id[PRODUCT_ID_LEN + 1];
	const char *name = credential_split(e->key, product_id);
	struct claim c = { .origins = 0 };

	IN_ROOM(ROOM_BROKER);
	if (e->len != 1 || !name)
		return true; /* nobody's */
	c.bound = *bits & DEVICE_RECORD_BOUND ? BOUND_YES : BOUND_UNKNOWN;
	/* Whom an application spoke for the hub had called bound. */
	c.proven = *bits & (DEVICE_RECORD_BOUND | DEVICE_RECORD_PROVEN | DEVICE_RECORD_BY_APP);
	c.origins |= *bits & DEVICE_RECORD_BY_APP ? ORIGIN_APPLICATION : 0;
	/* Of one that devices[] say how it logs in plugin/devices/mapped knows who spoke for it. */
	if (*bits & DEVICE_RECORD_MAPPED && !(d && d->guarded) &&
	    (!(*bits & DEVICE_RECORD_LOGGED_IN) || (d && d->plain)) &&
	    mapping_of(&rules, product_id, name, NULL, NULL))
		c.origins |= ORIGIN_MAPPING;
	if (!d && c.origins)
		d = admit(h, product_id, name, &c);
	if (!d)
		return false;
	d->stored = true;
	d->bound = c.bound;
	d->proven |= c.proven;
	d->logged_in = *bits & DEVICE_RECORD_LOGGED_IN && !d->plain;
	d->origins &= ~(unsigned)(ORIGIN_APPLICATION | ORIGIN_MAPPING);
	d->origins |= c.origins;
	names_settle(h, d);
	return true;
}
