#include "plugin/services/mapping_register.h"

#include <stdlib.h>

#include "core/base/room.h"
#include "plugin/base/timer.h"
#include "plugin/devices/mapped.h"
#include "plugin/devices/registration.h"

enum {
	EVERY_MS = 1000,
	PAUSE_MS = 5000,
	PAUSE_MAX_MS = 3600000,
};

struct mapping_register {
	struct mapped *first, **last;
	int64_t next_ms; /* none before */
};

enum status mapping_register_open(struct hubgate *h)
{
	struct mapping_register *r = calloc(1, sizeof(*r));

	if (!r)
		return ST_NOMEM;
	r->last = &r->first;
	h->mapping_register = r;
	return ST_OK;
}

void mapping_register_close(struct hubgate *h)
{
	free(h->mapping_register);
	h->mapping_register = NULL;
}

void mapping_register_wanted(struct hubgate *h, struct device *d)
{
	struct mapping_register *r = h->mapping_register;
	struct mapped *m = mapped_of(d);

	IN_ROOM(ROOM_BROKER);
	if (!m || m->registers || d->standing == STANDING_OWN || d->secret.key_len > 0 ||
	    hubgate_now_ms() < m->register_ms)
		return;
	m->registers = true;
	m->registers_next = NULL;
	*r->last = m;
	r->last = &m->registers_next;
	timer_ring_by(h, mapping_register_due(h));
}

void mapping_register_leave(struct hubgate *h, struct mapped *m)
{
	struct mapping_register *r = h->mapping_register;
	struct mapped **at = &r->first;

	IN_ROOM(ROOM_BROKER);
	if (!m->registers)
		return;
	while (*at != m)
		at = &(*at)->registers_next;
	*at = m->registers_next;
	if (r->last == &m->registers_next)
		r->last = at;
	m->registers = false;
}

void mapping_register_run(struct hubgate *h, int64_t now_ms)
{
	struct mapping_register *r = h->mapping_register;
	struct mapped *m = r->first;

	IN_ROOM(ROOM_BROKER);
	if (!m || now_ms < r->next_ms)
		return;
	mapping_register_leave(h, m);
	r->next_ms = now_ms + EVERY_MS;
	m->register_pause_ms = m->register_pause_ms == 0 ? PAUSE_MS : 2 * m->register_pause_ms;
	if (m->register_pause_ms > PAUSE_MAX_MS)
		m->register_pause_ms = PAUSE_MAX_MS;
	m->register_ms = now_ms + m->register_pause_ms;
	registration_ask(h, m->device->product_id, m->device->device_name, NULL);
}

int64_t mapping_register_due(const struct hubgate *h)
{
	const struct mapping_register *r = h->mapping_register;

	IN_ROOM(ROOM_BROKER);
	if (!r->first)
		return INT64_MAX;
	return r->next_ms > TIMER_AT_ONCE_MS ? r->next_ms : TIMER_AT_ONCE_MS;
}
