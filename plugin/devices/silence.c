#include "plugin/devices/silence.h"

#include <stdlib.h>

#include "core/base/list.h"
#include "core/base/room.h"
#include "plugin/base/timer.h"

struct silences {
	LINE_OF(struct quiet) heard; /* longest ago first */
	LINE_OF(struct quiet) silent;
	uint64_t count, silent_count;
	bool told;
};

enum status silence_open(struct hubgate *h)
{
	h->silences = calloc(1, sizeof(*h->silences));
	return h->silences ? ST_OK : ST_NOMEM;
}

void silence_close(struct hubgate *h)
{
	free(h->silences);
	h->silences = NULL;
}

static int64_t limit_ms(const struct hubgate *h)
{
	return h->config->presence.silence_s * INT64_C(1000);
}

static void leave(struct hubgate *h, struct quiet *q)
{
	struct silences *all = h->silences;

	if (q->silent)
		LINE_REMOVE(&all->silent, q);
	else
		LINE_REMOVE(&all->heard, q);
	all->silent_count -= q->silent;
	metric_set(&h->metrics, M_SILENT, all->silent_count);
}

static void enter(struct hubgate *h, struct quiet *q, bool silent)
{
	struct silences *all = h->silences;

	q->silent = silent;
	if (silent)
		LINE_PUT(&all->silent, q);
	else
		LINE_PUT(&all->heard, q);
	all->silent_count += silent;
	metric_set(&h->metrics, M_SILENT, all->silent_count);
}

static void tell_once(struct hubgate *h, const struct device *d)
{
	if (h->silences->told || limit_ms(h) > 0)
		return;
	h->silences->told = true;
	log_line(
		&h->log, LOG_NOTE,
		"%s logged in with keep alive 0: should it vanish without a word, nobody notices and "
		"the hub shows it online; give devices a keep alive, or set presence.silence_s (metric "
		"devices_unwatched counts them)",
		d->client_id);
}

void silence_watch(struct hubgate *h, struct quiet *q, struct device *d)
{
	IN_ROOM(ROOM_BROKER);
	silence_unwatch(h, q);
	q->device = d;
	q->heard_ms = hubgate_now_ms();
	enter(h, q, false);
	metric_set(&h->metrics, M_UNWATCHED, ++h->silences->count);
	tell_once(h, d);
	if (limit_ms(h) > 0)
		timer_ring_by(h, q->heard_ms + limit_ms(h));
}

void silence_unwatch(struct hubgate *h, struct quiet *q)
{
	IN_ROOM(ROOM_BROKER);
	if (!q->device)
		return;
	leave(h, q);
	*q = (struct quiet){ .device = NULL };
	metric_set(&h->metrics, M_UNWATCHED, --h->silences->count);
}

bool silence_broken(struct hubgate *h, struct quiet *q)
{
	bool was_silent = q->silent;

	IN_ROOM(ROOM_BROKER);
	if (!q->device)
		return false;
	leave(h, q);
	q->heard_ms = hubgate_now_ms();
	enter(h, q, false);
	return was_silent;
}

struct quiet *silence_next(struct hubgate *h, int64_t now_ms)
{
	struct quiet *q = limit_ms(h) > 0 ? h->silences->heard.first : h->silences->silent.first;
	bool silent = limit_ms(h) > 0;

	IN_ROOM(ROOM_BROKER);
	if (!q || (silent && now_ms - q->heard_ms < limit_ms(h)))
		return NULL;
	leave(h, q);
	enter(h, q, silent);
	return q;
}

int64_t silence_due(const struct hubgate *h)
{
	const struct quiet *q = h->silences->heard.first;

	IN_ROOM(ROOM_BROKER);
	return q && limit_ms(h) > 0 ? q->heard_ms + limit_ms(h) : INT64_MAX;
}
