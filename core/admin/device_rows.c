#include "core/admin/device_rows.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	CHUNK_BYTES = 64 * 1024 /* never moved: no device waits for a copy of all the others */
};

struct chunk {
	struct chunk *next;
	size_t used;
	char bytes[CHUNK_BYTES];
};

struct device_rows {
	size_t count, most;
	struct chunk *chunks; /* the newest first */
	struct device_row at[];
};

struct device_rows *device_rows_new(size_t most)
{
	struct device_rows *l = malloc(sizeof(*l) + most * sizeof(l->at[0]));

	if (!l)
		return NULL;
	l->count = 0;
	l->most = most;
	l->chunks = NULL;
	return l;
}

void device_rows_free(struct device_rows *l)
{
	while (l && l->chunks) {
		struct chunk *c = l->chunks;

		l->chunks = c->next;
		free(c);
	}
	free(l);
}

static char *room_for(struct device_rows *l, size_t len)
{
	struct chunk *c = l->chunks;

	if (!c || CHUNK_BYTES - c->used < len) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->used = 0;
		c->next = l->chunks;
		l->chunks = c;
	}
	c->used += len;
	return c->bytes + c->used - len;
}

enum status device_rows_add(struct device_rows *l, const struct device_row *row, const char *json,
                            size_t len)
{
	char *text;

	if (l->count == l->most)
		return ST_FULL;
	if (len > DEVICE_ROWS_JSON_MAX)
		return ST_TOOBIG;
	text = room_for(l, len);
	if (!text)
		return ST_NOMEM;
	memcpy(text, json, len);
	l->at[l->count] = *row;
	l->at[l->count].json = text;
	l->at[l->count++].len = len;
	return ST_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct device_row *)a)->name, ((const struct device_row *)b)->name);
}

void device_rows_sort(struct device_rows *l)
{
	qsort(l->at, l->count, sizeof(l->at[0]), by_name);
}

size_t device_rows_count(const struct device_rows *l)
{
	return l->count;
}

const struct device_row *device_rows_at(const struct device_rows *l, size_t i)
{
	return &l->at[i];
}

/* --- some of them --- */

enum device_rows_only device_rows_only_of(const char *text)
{
	static const char *const words[DEVICE_ROWS_ONLY_COUNT] = {
		[DEVICE_ROWS_ALL] = "all",         [DEVICE_ROWS_PRESENT] = "present",
		[DEVICE_ROWS_ABSENT] = "absent",   [DEVICE_ROWS_ONLINE] = "online",
		[DEVICE_ROWS_UNBOUND] = "unbound", [DEVICE_ROWS_QUEUED] = "queued",
		[DEVICE_ROWS_REFUSED] = "refused",
	};

	for (int i = 0; text && i < DEVICE_ROWS_ONLY_COUNT; i++) {
		if (strcmp(text, words[i]) == 0)
			return (enum device_rows_only)i;
	}
	return DEVICE_ROWS_ALL;
}

static bool is_of(const struct device_row *d, enum device_rows_only only)
{
	switch (only) {
	case DEVICE_ROWS_PRESENT:
		return d->present;
	case DEVICE_ROWS_ABSENT:
		return !d->present;
	case DEVICE_ROWS_ONLINE:
		return d->online;
	case DEVICE_ROWS_UNBOUND:
		return d->bound == 0;
	case DEVICE_ROWS_QUEUED:
		return d->queued > 0;
	case DEVICE_ROWS_REFUSED:
		return d->refused;
	case DEVICE_ROWS_ALL:
	case DEVICE_ROWS_ONLY_COUNT:
		break;
	}
	return true;
}

static bool fits(const struct device_row *d, const struct device_view *view)
{
	return is_of(d, view->only) && (!view->find[0] || strcasestr(d->name, view->find));
}

enum status device_rows_put(const struct device_rows *l, const struct device_view *view,
                            struct buf *out)
{
	size_t matching = 0, shown = 0;
	enum status st;

	for (size_t i = 0; i < l->count; i++)
		matching += fits(&l->at[i], view);
	st = buf_addf(out, "{\"total\":%zu,\"matching\":%zu,\"from\":%zu,\"devices\":[", l->count,
	              matching, view->from);
	matching = 0;
	for (size_t i = 0; i < l->count && shown < DEVICE_ROWS_PAGE && st == ST_OK; i++) {
		if (!fits(&l->at[i], view) || matching++ < view->from)
			continue;
		if (shown++ > 0)
			st = buf_add_text(out, ",");
		if (st == ST_OK)
			st = buf_add(out, l->at[i].json, l->at[i].len);
	}
	return st == ST_OK ? buf_add_text(out, "]}") : st;
}
