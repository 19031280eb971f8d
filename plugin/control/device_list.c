#include "plugin/control/device_list.h"

#include <string.h>

#include "core/base/room.h"
#include "plugin/control/cursor.h"
#include "plugin/control/device_report.h"
#include "plugin/devices/presence.h"

enum {
	SLICE_US = 200,
	WRITES_PER_SLICE = 64,
	LOOKS_PER_SLICE = 512,
	TAIL_BYTES = 128, /* what stands behind the last device */
};

static bool any(struct hubgate *h, const struct device *d)
{
	(void)h;
	(void)d;
	return true;
}

static bool present(struct hubgate *h, const struct device *d)
{
	return presence_is_there(h, d);
}

static bool online(struct hubgate *h, const struct device *d)
{
	return device_report_online(h, d);
}

static bool unbound(struct hubgate *h, const struct device *d)
{
	(void)h;
	return d->bound == BOUND_NO;
}

static bool queued(struct hubgate *h, const struct device *d)
{
	uint64_t messages = 0;

	return journal_device_waits(h->journal, d->client_id, &messages, NULL) && messages > 0;
}

static const struct {
	const char *name;
	bool (*means)(struct hubgate *h, const struct device *d);
} onlies[DEVICE_LIST_ONLIES] = {
	[DEVICE_LIST_ALL] = { "all", any },          [DEVICE_LIST_PRESENT] = { "present", present },
	[DEVICE_LIST_ONLINE] = { "online", online }, [DEVICE_LIST_UNBOUND] = { "unbound", unbound },
	[DEVICE_LIST_QUEUED] = { "queued", queued },
};

bool device_list_only_named(const char *name, enum device_list_only *out)
{
	IN_ROOM(ROOM_BROKER);
	for (int i = 0; i < DEVICE_LIST_ONLIES; i++) {
		if (strcmp(onlies[i].name, name) == 0) {
			*out = (enum device_list_only)i;
			return true;
		}
	}
	return false;
}

enum status device_list_begin(struct device_list *l, enum device_list_only only, const char *after,
                              unsigned count, size_t max)
{
	IN_ROOM(ROOM_BROKER);
	memset(l, 0, sizeof(*l));
	if (!cursor_read(after, &l->after))
		return ST_INVALID;
	l->only = only;
	l->count = count < DEVICE_LIST_COUNT_MAX ? count : DEVICE_LIST_COUNT_MAX;
	l->out.max = max;
	l->w.out = &l->out;
	json_open(&l->w, NULL, '{');
	json_open(&l->w, "devices", '[');
	return ST_OK;
}

/* d is one of those that are asked for. True: it was written. */
static bool take(struct device_list *l, struct hubgate *h, const struct device *d)
{
	l->total++;
	if (d->serial <= l->after || l->more)
		return false;
	if (l->written == l->count || l->out.max - l->out.len < DEVICE_REPORT_MAX + TAIL_BYTES) {
		l->more = true;
		return false;
	}
	device_report_put(&l->w, h, d);
	l->written++;
	l->last = d->serial;
	return true;
}

static void finish(struct device_list *l)
{
	json_close(&l->w, ']');
	json_put_count(&l->w, "total", l->total);
	if (l->more)
		cursor_put(&l->w, l->last);
	json_close(&l->w, '}');
}

bool device_list_run(struct device_list *l, struct hubgate *h)
{
	int64_t until_us = hubgate_now_us() + SLICE_US;
	int writes = 0;

	IN_ROOM(ROOM_BROKER);
	for (int looks = 0; looks < LOOKS_PER_SLICE && writes < WRITES_PER_SLICE; looks++) {
		const struct device *d = device_table_behind(h->devices, l->at);

		if (!d) {
			finish(l);
			return true;
		}
		l->at = d->serial;
		if (!d->retired && !d->own && onlies[l->only].means(h, d))
			writes += take(l, h, d);
		if (hubgate_now_us() > until_us)
			return false;
	}
	return false;
}

void device_list_fini(struct device_list *l)
{
	IN_ROOM(ROOM_BROKER);
	buf_free(&l->out);
}
