#include "plugin/devices/mapped.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/room.h"
#include "plugin/base/limiter.h"

enum {
	FORMAT = 1, /* the first byte of what is stored */
	STORE_EVERY_MS = 60000,
	RECORD_MAX = 1 + 3 * 260 + 2 + MAPPING_VALUES_MAX,
};

struct mapped *mapped_of(struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (!d->mapped)
		d->mapped = calloc(1, sizeof(*d->mapped));
	if (d->mapped)
		d->mapped->device = d;
	return d->mapped;
}

void mapped_free(struct device *d)
{
	struct mapped *m = d->mapped;

	IN_ROOM(ROOM_BROKER);
	if (!m)
		return;
	free(m->original);
	free(m->up);
	free(m->client_id);
	free(m);
	d->mapped = NULL;
}

struct mapping_known mapped_known(const struct device *d)
{
	const struct mapped *m = d->mapped;

	IN_ROOM(ROOM_BROKER);
	if (!m || !m->original)
		return (struct mapping_known){ NULL, NULL, NULL };
	return (struct mapping_known){ m->original, m->up, &m->values };
}

/* False: as it was; without memory too. */
static bool take_text(char **field, const char *text)
{
	char *copy;

	if (!text || (*field && strcmp(*field, text) == 0))
		return false;
	copy = strdup(text);
	if (!copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

static bool same_values(const struct mapping_values *a, const struct mapping_values *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* --- the store --- */

static bool add_text(char *record, size_t *len, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 1;

	if (*len + size > RECORD_MAX)
		return false;
	memcpy(record + *len, text ? text : "", size);
	*len += size;
	return true;
}

static void put(struct hubgate *h, const struct mapped *m)
{
	char record[RECORD_MAX + 1] = { FORMAT };
	enum status st = ST_TOOBIG;
	size_t len = 1;

	if (add_text(record, &len, m->original) && add_text(record, &len, m->up) &&
	    add_text(record, &len, m->client_id) && add_text(record, &len, m->by_username ? "u" : "") &&
	    len + m->values.len <= RECORD_MAX) {
		memcpy(record + len, m->values.text, m->values.len);
		st = state_put(h->state, STATE_MAPPED, m->device->client_id, record, len + m->values.len);
	}
	if (st != ST_OK)
		limiter_log(h, LIMITED_REFUSALS, LOG_WARN,
		            "%s: what it calls itself is not kept for the next start: %s",
		            m->device->client_id, status_text(st));
}

void mapped_erase(struct hubgate *h, const struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	if (h->state)
		state_put(h->state, STATE_MAPPED, d->client_id, NULL, 0);
}

void mapped_note(struct hubgate *h, struct device *d, const struct mapping_hit *hit,
                 const char *client_id)
{
	struct mapped *m = mapped_of(d);
	int64_t now_ms = hubgate_now_ms();
	struct mapping_values kept;
	bool changed;

	IN_ROOM(ROOM_BROKER);
	if (!m)
		return;
	mapping_values_kept(hit->rule, &hit->values, &kept);
	if (!hit->topic[0]) /* of a condition: it may know less than its last message */
		mapping_values_merge(&kept, &m->values);
	changed = take_text(&m->original, hit->original);
	changed |= take_text(&m->up, hit->rule->up);
	changed |= take_text(&m->client_id, client_id);
	changed |=
		!same_values(&m->values, &kept) || m->by_username != (hit->speaker == MAPPING_BY_USERNAME);
	m->values = kept;
	m->by_username = hit->speaker == MAPPING_BY_USERNAME;
	if (!h->state || d->standing != STANDING_OWN ||
	    (m->stored_ms != 0 && (!changed || now_ms < m->stored_ms + STORE_EVERY_MS)))
		return;
	m->stored_ms = now_ms;
	put(h, m);
}

/* The text at *at, which moves behind it. NULL: none ends here. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at, *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

	*at = nul ? nul + 1 : end;
	return nul ? text : NULL;
}

static bool whole_values(const char *at, const char *end)
{
	while (at < end) {
		if (!next_text(&at, end) || !next_text(&at, end))
			return false;
	}
	return true;
}

/* A device that devices[] say how it logs in goes on being spoken for, if that was proven. */
static void go_on(struct hubgate *h, struct device *d)
{
	const struct mapping_rules rules = mapping_rules_of(h->config);
	const struct mapping_known known = mapped_known(d);

	if (d->guarded && !d->logged_in && d->mapped->by_username &&
	    mapping_of(&rules, d->product_id, d->device_name, known.original, known.values))
		d->origins |= ORIGIN_MAPPING;
}

bool mapped_load(struct hubgate *h, const struct state_entry *e)
{
	struct device *d = device_table_find(h->devices, e->key, strlen(e->key));
	const char *at = e->value, *end = at + e->len, *original, *up, *client_id, *proof;
	struct mapped *m;

	IN_ROOM(ROOM_BROKER);
	if (!d)
		return false;
	if (e->len == 0 || *at++ != FORMAT)
		return true; /* none of ours */
	original = next_text(&at, end);
	up = next_text(&at, end);
	client_id = next_text(&at, end);
	proof = next_text(&at, end);
	if (!proof || (size_t)(end - at) > MAPPING_VALUES_MAX || !whole_values(at, end))
		return true;
	m = mapped_of(d);
	if (!m) /* until it is heard */
		return true;
	take_text(&m->original, original);
	take_text(&m->up, *up ? up : NULL);
	take_text(&m->client_id, *client_id ? client_id : NULL);
	m->values.len = (size_t)(end - at);
	memcpy(m->values.text, at, m->values.len);
	m->by_username = *proof != '\0';
	m->stored_ms = 1; /* long ago */
	go_on(h, d);
	return true;
}
